"""AreTomo2: a list of words for its GPUs, fixed names, and an exit code that says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from adapter_cases import AdapterCase, image
from gpucore_adapters.aretomo2 import ARETOMO2, gpucore_adapters

from gpucore.errors import GpucoreError
from gpucore.standard import FailureClass, StepState
from gpucore.standard.checks import adapter_faults

LEAST = {"series": "TS_01.mrc"}
PROGRESS = "Iteration  1  Error:     0.123\nProcess thread exits.\n\nTotal time: 12.30 sec\n"
ALIGNED = "# SEC ROT\n    0    84.7000    1.00000     -3.402      1.250\n"
MADE = ("volume.mrc", "series.aln")

CASE = AdapterCase(ARETOMO2, LEAST, text=ALIGNED)
command, outputs, ended, ran = CASE.command, CASE.outputs, CASE.ended, CASE.ran


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [ARETOMO2]
    assert adapter_faults(ARETOMO2) == []


@pytest.mark.parametrize("isolate", [False, True])
def test_aretomo2_never_gets_a_comma(isolate: bool) -> None:
    argv = command(0, 1, 3, isolate=isolate).argv
    ids = ("0", "1", "2") if isolate else ("0", "1", "3")
    assert argv[argv.index("-Gpu") + 1 :] == ids
    assert not any("," in word for word in argv)


def test_a_dose_is_always_said_because_it_starts_from_a_value_that_nobody_set() -> None:
    argv = command(0).argv
    assert argv[argv.index("-ImgDose") + 1] == "0.0"


def test_names_and_their_lengths_are_the_steps_own() -> None:
    given = command(0, series=f"{'d' * 300}.mrc.old/TS.mrc", angles=f"{'e' * 300}.tlt")
    assert all(len(word) < 256 for word in given.argv)
    assert [link.name for link in given.links] == ["series.mrc", "series.tlt"]


def test_exit_code_0_is_a_failure_when_the_work_thread_gave_up(tmp_path: Path) -> None:
    printed = "Process thread has been started.\nError: tilt angles cannot be found.\n"
    outcome = ended(tmp_path, f"{printed}Total time: 1.00 sec\n", *MADE)
    assert (outcome.state, outcome.failure) == (StepState.FAILED, FailureClass.BAD_INPUT)


def test_exit_code_0_is_a_failure_without_the_threads_last_word(tmp_path: Path) -> None:
    assert not ended(tmp_path, "Total time: 1.00 sec\n", *MADE).done


def test_progress_that_says_error_is_no_failure(tmp_path: Path) -> None:
    outcome = ended(tmp_path, PROGRESS, *MADE)
    assert outcome.done, outcome.reason
    assert Path(outcome.outputs["alignment"]).name == "TS_01.aln"


def test_no_valid_gpu_ends_it_and_one_less_is_a_warning(tmp_path: Path) -> None:
    skipped = "Error: GPU 7 is invalid, skip\n"
    assert ended(tmp_path, skipped, code=1).failure is FailureClass.NO_DEVICE
    outcome = ended(tmp_path, f"{skipped}{PROGRESS}", *MADE)
    assert outcome.done, outcome.reason
    assert "GPU 7" in outcome.warnings[0]


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, {"TS_01.mrc", "TS_01.aln"}),
        ({"alignment_in": "a.aln"}, {"TS_01.mrc"}),
        ({"aligned": True}, {"TS_01.mrc"}),
        ({"pixel_size": 1.3, "cs": 2.7},
         {"TS_01.mrc", "TS_01.aln", "TS_01_ctf.txt", "TS_01_ctf.mrc"}),
    ],
)  # fmt: skip
def test_what_must_be_there_is_what_the_parameters_ask_for(
    given: dict[str, object], names: set[str]
) -> None:
    optional = {"TS_01_projXY.mrc", "TS_01_projXZ.mrc"}
    assert set(outputs(**given).values()) - optional == names


STANDIN = """
test -e series.mrc || exit 9
cp series.mrc volume.mrc
printf '%s\\n' '    0    84.7000    1.00000     -3.402' > series.aln
mkdir series_Imod && cp series.aln series_Imod/series_st.tlt
echo 'Process thread exits.'
"""


def test_the_folder_for_imod_is_moved_beside_the_tomogram(tmp_path: Path) -> None:
    image(tmp_path / "TS_01.mrc")
    outcome = ran(tmp_path, STANDIN, imod_files=2)
    assert outcome.done, outcome.reason
    assert (Path(outcome.outputs["imod"]) / "series_st.tlt").is_file()


def test_a_ctf_without_a_pixel_size_is_refused() -> None:
    with pytest.raises(GpucoreError, match="without `pixel_size`"):
        command(0, cs=2.7)
