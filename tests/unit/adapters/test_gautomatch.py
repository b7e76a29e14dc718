"""Gautomatch: one GPU for itself, a directory of its own, and silent failures."""

from __future__ import annotations

from pathlib import Path

import pytest
from adapter_cases import AdapterCase, image
from gpucore_adapters.gautomatch import GAUTOMATCH, gpucore_adapters

from gpucore.errors import GpucoreError
from gpucore.outcomes import expected_outputs
from gpucore.planning import make_step
from gpucore.standard import FailureClass, StepState
from gpucore.standard.checks import adapter_faults

LEAST = {"mic": "m1.mrc", "pixel_size": 1.34, "diameter": 240}
UNBOUNDED = {"local_average_min", "local_average_max"}
CASE = AdapterCase(GAUTOMATCH, LEAST)
command, outputs, ended, ran = CASE.command, CASE.outputs, CASE.ended, CASE.ran


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [GAUTOMATCH]
    assert adapter_faults(GAUTOMATCH) == []
    assert len(GAUTOMATCH.example) >= 3


def test_every_number_has_bounds_or_says_why_not_and_every_text_is_there() -> None:
    free = {name for name, one in GAUTOMATCH.params.items()
            if one.type in {"int", "float"} and one.min is None}  # fmt: skip
    assert free == UNBOUNDED
    assert GAUTOMATCH.licence
    assert GAUTOMATCH.citation
    assert GAUTOMATCH.source
    assert GAUTOMATCH.unverified


PROGRESS = """File mic.mrc finished.
120 particles found
All 1 files finished successfully:
"""
OPTIONAL = {"m1_automatch.box", "m1_rejected.star", "m1_rejected.box", "m1_nonunique.box"}
MADE = ("mic.mrc", "mic_automatch.star")


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


def test_negative_values_are_words_of_their_own() -> None:
    argv = command(0, local_average_min=-0.8).argv
    assert argv[argv.index("--lave_min") + 1] == "-0.8"


def test_hostile_references_arrive_as_one_argument() -> None:
    argv = command(0, templates="a b/$(x)'%(GPU)s.mrcs", template_pixel_size=3.2).argv
    assert argv[argv.index("-T") + 1] == "a b/$(x)'%(GPU)s.mrcs"


STANDIN = """
printf '%s\\n' 'loop_' '_rlnCoordinateX #1' '_rlnCoordinateY #2' {rows} > mic_automatch.star
{more}
"""
ROW = "'   1234.00   99.50   45.0  0  0.31'"


def test_exit_code_0_and_coordinates_without_a_row_is_a_failure(tmp_path: Path) -> None:
    image(tmp_path / "m1.mrc")
    outcome = ran(tmp_path, STANDIN.format(rows="", more="echo '0 particles found'"))
    assert (outcome.exit_code, outcome.failure) == (0, FailureClass.PROGRAM_FAULT)
    assert "threshold" in outcome.hint
    assert "m1_automatch.star" in outcome.reason


def test_coordinates_without_a_row_are_a_failure_even_without_a_word(tmp_path: Path) -> None:
    image(tmp_path / "m1.mrc")
    outcome = ran(tmp_path, STANDIN.format(rows="", more=""))
    assert outcome.failure is FailureClass.MISSING_OUTPUT


def test_one_particle_is_a_result(tmp_path: Path) -> None:
    image(tmp_path / "m1.mrc")
    outcome = ran(tmp_path, STANDIN.format(rows=ROW, more="echo '10 particles found'"))
    assert outcome.done, outcome.reason
    assert list(outcome.outputs) == ["out"]


def test_what_it_may_write_beside_is_moved_and_named_when_it_is_there(tmp_path: Path) -> None:
    image(tmp_path / "m1.mrc")
    more = "echo 1 2 9 9 > mic_automatch.box; : > mic_rejected.star; : > mic_nonunique.box"
    outcome = ran(tmp_path, STANDIN.format(rows=ROW, more=more))
    assert outcome.done, outcome.reason
    assert set(outcome.outputs) == {"out", "boxes", "rejected", "nonunique_boxes"}
    assert (tmp_path / "out" / "m1_automatch.box").read_text() == "1 2 9 9\n"
    assert (tmp_path / "out" / "m1_rejected.star").exists()


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"templates": "refs.mrcs"}, "template_pixel_size"),
        ({"template_pixel_size": 3.2}, "templates"),
        ({"write_prefiltered": True}, "prefilter"),
    ],
)
def test_what_means_nothing_alone_is_refused_alone(given: dict[str, object], missing: str) -> None:
    with pytest.raises(GpucoreError, match=f"without `{missing}`"):
        command(0, **given)


def test_together_they_are_accepted() -> None:
    given = {"templates": "refs.mrcs", "template_pixel_size": 3.2}
    assert "--apixT" in command(0, **given).argv
    assert "--write_pref_mic" in command(0, prefilter=True, write_prefiltered=True).argv
    assert command(0, write_prefiltered=False).argv == command(0).argv


def test_it_has_its_gpu_for_itself() -> None:
    assert GAUTOMATCH.gpu.sharing == "forbidden"


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, {"m1_automatch.star"}),
        ({"write_correlation": True}, {"m1_automatch.star", "m1_ccmax.mrc"}),
        ({"write_mask": True, "write_background": True},
         {"m1_automatch.star", "m1_mask.mrc", "m1_bg.mrc"}),
    ],
)  # fmt: skip
def test_the_outputs_are_those_of_the_parameters(given: dict[str, object], names: set[str]) -> None:
    assert set(outputs(**given).values()) == names | OPTIONAL


def test_only_what_each_run_makes_is_demanded() -> None:
    step = make_step(GAUTOMATCH, LEAST, name="one", output="out")
    expected = expected_outputs(step, step.values, gpu=True)
    assert {Path(one.path).name for one in expected if one.optional} == OPTIONAL


def test_a_threshold_out_of_bounds_is_refused() -> None:
    with pytest.raises(GpucoreError, match="threshold"):
        command(0, threshold=2)
