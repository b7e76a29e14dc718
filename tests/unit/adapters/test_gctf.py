"""Gctf: one GPU, a directory of its own, and an exit code that says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from adapter_cases import AdapterCase, image
from gpucore_adapters.gctf import GCTF, gpucore_adapters

from gpucore.errors import GpucoreError
from gpucore.standard import FailureClass, StepState
from gpucore.standard.checks import adapter_faults

LEAST = {"mic": "m1.mrc", "pixel_size": 0.885}
UNBOUNDED: set[str] = set()
PROGRESS = """CONVERGENCE   PERFECT
   24401.23    21649.58       34.52         nan  Final Values
Processing done successfully.
"""

CASE = AdapterCase(GCTF, LEAST, images=(".mrc", ".ctf", ".pow", ".epa"), text=PROGRESS)
command, outputs, ended, ran = CASE.command, CASE.outputs, CASE.ended, CASE.ran


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [GCTF]
    assert adapter_faults(GCTF) == []
    assert len(GCTF.example) >= 3


def test_every_number_has_bounds_or_says_why_not_and_every_text_is_there() -> None:
    free = {name for name, one in GCTF.params.items()
            if one.type in {"int", "float"} and one.min is None}  # fmt: skip
    assert free == UNBOUNDED
    assert GCTF.licence
    assert GCTF.citation
    assert GCTF.source
    assert GCTF.unverified


MADE = ("mic.mrc", "mic.ctf", "mic_gctf.log")


def test_it_never_gets_two_gpus_even_when_its_slot_holds_two() -> None:
    argv = command(3, 4).argv
    assert argv[argv.index("--gid") + 1] == "3"
    assert "4" not in argv
    assert argv.count("--gid") == 1


def test_isolated_it_sees_one_gpu_and_calls_it_0() -> None:
    isolated = command(3, 4, isolate=True)
    assert isolated.argv[isolated.argv.index("--gid") + 1] == "0"
    assert isolated.env["CUDA_VISIBLE_DEVICES"] == "3"


@pytest.mark.parametrize("name", ["a b.mrc", "$(rm x);'\n\"%(GPU)s.mrc", "-gid.mrc", "*.mrc"])
def test_a_hostile_micrograph_is_a_link_and_never_in_a_word_of_the_command(name: str) -> None:
    given = command(0, mic=name)
    assert given.argv == command(0).argv
    assert [link.name for link in given.links] == ["mic.mrc"]
    assert given.links[0].target in {name, f"./{name}"}
    assert given.own_directory


@pytest.mark.parametrize(
    ("printed", "failure"),
    [
        ("CUDA error: out of memory", FailureClass.OUT_OF_MEMORY),
        ("no CUDA-capable device is detected", FailureClass.NO_DEVICE),
        ("invalid device ordinal", FailureClass.NO_DEVICE),
        ("no kernel image is available for execution", FailureClass.NO_DEVICE),
        ("an illegal memory access was encountered", FailureClass.DEVICE_FAULT),
    ],
)
def test_exit_code_0_after_a_failure_is_a_failure(
    tmp_path: Path, printed: str, failure: FailureClass
) -> None:
    outcome = ended(tmp_path, f"{PROGRESS}{printed}\n", *MADE)
    assert (outcome.state, outcome.failure) == (StepState.FAILED, failure)


def test_a_loader_that_misses_a_library_says_so(tmp_path: Path) -> None:
    printed = "Gctf: error while loading shared libraries: libcufft.so.7.5: cannot open\n"
    assert ended(tmp_path, printed, code=127).failure is FailureClass.NOT_STARTED


def test_exit_code_0_without_the_output_is_a_failure(tmp_path: Path) -> None:
    assert ended(tmp_path, PROGRESS).failure is FailureClass.MISSING_OUTPUT


def test_the_call_and_the_job_file_of_the_design_are_valid() -> None:
    given = {"pixel_size": 0.885, "voltage": 300, "cs": 2.7, "amplitude_contrast": 0.1}
    assert command(0, **given).argv == command(0).argv


def test_it_shares_no_star_file_with_another_process() -> None:
    argv = command(0).argv
    assert argv[argv.index("--ctfstar") + 1] == "NONE"


def test_a_phase_shift_is_looked_for_only_when_asked_for() -> None:
    assert not any("phase" in word for word in command(0).argv)
    argv = command(0, phase_shift=True, phase_shift_max=120).argv
    assert argv[argv.index("--phase_shift_H") + 1] == "120.0"


@pytest.mark.parametrize(
    ("made", "taken"), [((), "ctf"), (("mic.pow",), "pow"), (("mic.epa",), "epa")]
)
def test_the_spectrum_is_found_under_each_versions_name(
    tmp_path: Path, made: tuple[str, ...], taken: str
) -> None:
    outcome = ended(tmp_path, PROGRESS, *MADE, *made)
    assert outcome.done, outcome.reason
    assert Path(outcome.outputs["spectrum"]) == tmp_path / "out" / "m1.ctf"
    assert not (tmp_path / f"mic.{taken}").exists()
    assert (tmp_path / "mic.mrc").exists()


def test_the_outputs_are_those_of_the_parameters() -> None:
    assert outputs() == {"out": "m1_gctf.log", "spectrum": "m1.ctf"}
    assert outputs(epa=True)["radial_profile"] == "m1_EPA.log"


STANDIN = """
cp mic.mrc mic.ctf
printf '%s\\n' "{line}" > mic_gctf.log
{more}
echo Processing done successfully.
"""
VALUES = "   24401.23    21649.58       34.52         nan  Final Values"


@pytest.mark.parametrize(
    "line",
    [
        VALUES,
        "   24401.23    21649.58       34.52       90.00    0.180863  Final Values",
        "\x1b[32m   24401.23    21649.58       34.52    0.180863  Final Values\x1b[0m",
    ],
)
def test_a_log_with_final_values_is_a_result(tmp_path: Path, line: str) -> None:
    image(tmp_path / "m1.mrc")
    outcome = ran(tmp_path, STANDIN.format(line=line, more=""))
    assert outcome.done, outcome.reason
    assert outcome.outputs["out"] == str(tmp_path / "out" / "m1_gctf.log")


@pytest.mark.parametrize(
    "line",
    [
        "Defocus_U   Defocus_V       Angle         CCC",
        "        nan         nan       34.52    0.180863  Final Values",
        "       0.00        0.00        0.00    0.000000  Final Values",
    ],
)
def test_exit_code_0_and_a_log_without_a_defocus_is_a_failure(tmp_path: Path, line: str) -> None:
    image(tmp_path / "m1.mrc")
    outcome = ran(tmp_path, STANDIN.format(line=line, more=""))
    assert (outcome.exit_code, outcome.failure) == (0, FailureClass.MISSING_OUTPUT)
    assert "m1_gctf.log" in outcome.reason


@pytest.mark.parametrize("more", ["", "echo 0.1 0.9 > mic_EPA.log"])
def test_a_radial_profile_is_an_output_only_when_it_was_made(tmp_path: Path, more: str) -> None:
    image(tmp_path / "m1.mrc")
    outcome = ran(tmp_path, STANDIN.format(line=VALUES, more=more), epa=True)
    assert outcome.done, outcome.reason
    assert ("radial_profile" in outcome.outputs) == bool(more)


def test_the_pixel_size_is_asked_for_and_the_rest_is_not() -> None:
    assert [name for name, one in GCTF.params.items() if one.required] == ["mic", "pixel_size"]
    with pytest.raises(GpucoreError, match="amplitude_contrast"):
        command(0, amplitude_contrast=7)
