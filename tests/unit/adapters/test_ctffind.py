"""CTFFIND: answers in the order of its questions, and failures that exit with 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase, image
from gpucore_adapters.ctffind import CTFFIND, gpucore_adapters

from gpucore.errors import GpucoreError
from gpucore.standard import FailureClass, StepState
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path


LEAST = {"mic": "m1.mrc", "pixel_size": 0.885}
UNBOUNDED = {"defocus_min", "defocus_max"}
CASE = AdapterCase(CTFFIND, LEAST, gpus=())
command, outputs, ended, ran = CASE.command, CASE.outputs, CASE.ended, CASE.ran


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [CTFFIND]
    assert adapter_faults(CTFFIND) == []
    assert len(CTFFIND.example) >= 3


def test_every_number_has_bounds_or_says_why_not_and_every_text_is_there() -> None:
    free = {name for name, one in CTFFIND.params.items()
            if one.type in {"int", "float"} and one.min is None}  # fmt: skip
    assert free == UNBOUNDED
    assert CTFFIND.licence
    assert CTFFIND.citation
    assert CTFFIND.source
    assert CTFFIND.unverified


PROGRESS = """Input image file name [input.mrc] : m1.mrc
Working on micrograph 1 of 1
WARNING: Did not find last bin with good fit: 12
Warning: CTF aliasing occurred within your CTF fitting range.
Summary of results                          : m1_ctf.txt
"""
MADE = ("out/m1_ctf.mrc", "out/m1_ctf.txt", "out/m1_ctf_avrot.txt")


def answers(**given: object) -> list[str]:
    """What it reads, line by line."""
    return (command(**given).stdin or "").splitlines()


def test_the_questions_of_both_versions_are_answered_in_order() -> None:
    assert answers() == [
        "m1.mrc", "out/m1_ctf.mrc", "0.885", "300.0", "2.7", "0.07", "512", "30.0", "5.0",
        "5000.0", "50000.0", "100.0",
        "no",  # what astigmatism is present is not known
        "no",  # no slower search
        "no",  # no restraint
        "no",  # no phase shift
        "no", "no", "no",  # 5: tilt, thickness, expert; 4.1.14: expert
    ]  # fmt: skip


def test_a_movie_answers_two_questions_more_before_the_output() -> None:
    lines = answers(mic="m1.mrcs", movie_input=True, frames_to_average=3)
    assert lines[:4] == ["m1.mrcs", "yes", "3", "out/m1_ctf.mrc"]


@pytest.mark.parametrize(
    ("search", "lines"),
    [
        ("free", ["no", "yes", "no"]),
        ("restrained", ["no", "yes", "yes", "100.0"]),
        ("known", ["yes", "yes", "100.0", "45.0"]),
    ],
)
def test_astigmatism_has_three_branches(search: str, lines: list[str]) -> None:
    given = {"astigmatism": 100, "astigmatism_angle": 45, "slow_search": True}
    assert answers(astigmatism_search=search, **given)[12:] == [*lines, "no", "no", "no", "no"]


def test_a_phase_shift_answers_three_questions_more() -> None:
    lines = answers(phase_shift=True, phase_shift_max=2, phase_shift_step=0.2)
    assert lines[15:] == ["yes", "0.0", "2.0", "0.2", "no", "no", "no"]


def test_every_number_begins_as_the_program_reads_numbers() -> None:
    """A digit, or a minus or point before one: it ends on anything else."""
    lines = answers(phase_shift=True, phase_shift_min=-0.5, defocus_min=-100.5, cs=0.00001)
    assert "-0.5" in lines
    assert all(line[0].isdigit() or line[:2] == "-0" or line[1].isdigit() for line in lines[2:12])


@pytest.mark.parametrize("name", ["a b.mrc", "$(rm x);'\"%(GPU)s.mrc", "50%.mrc", "\udcff.mrc"])
def test_a_hostile_micrograph_is_one_line(name: str) -> None:
    assert answers(mic=name)[0] == name
    assert answers(mic=name)[2:] == answers()[2:]


def test_a_line_break_in_a_name_cannot_shift_the_answers() -> None:
    with pytest.raises(GpucoreError, match="line break"):
        command(mic="a\nb.mrc")


def test_its_numbers_are_read_with_a_point_and_its_threads_agree() -> None:
    given = command(threads=4)
    assert given.argv == ("ctffind", "-j", "4")
    assert given.env["LC_ALL"] == "C"
    assert given.env["OMP_NUM_THREADS"] == "4"
    assert given.env["CUDA_VISIBLE_DEVICES"] == ""


def test_the_outputs_are_those_of_the_parameters() -> None:
    every = {"out": "m1_ctf.mrc", "ctf": "m1_ctf.txt", "profile": "m1_ctf_avrot.txt"}
    assert outputs() == every
    assert outputs(fast=True) == {name: every[name] for name in ("out", "ctf")}


STANDIN = """
read mic; read out; base=${{out%.*}}
mkdir -p out; cp m1.mrc "$out"
printf '%s\\n' '# Output from CTFFind version 4.1.14' '# Input file: 1 2 3.mrc' {row} > "$base.txt"
printf '%s\\n' '# Output from CTFFind version 4.1.14' {profile} > "${{base}}_avrot.txt"
"""
ROW = "'1.000000 10295.926758 9982.3 -38.85 0.000000 0.0921 inf'"
PROFILE = "'       0.00000        0.00139' '           nan        0.01'"


@pytest.mark.parametrize("row", [ROW, "'1.00000 -1.03e+04 9982.3 -38.85 0.0 -nan 3.5 0.0 0.0 0.0'"])
def test_a_table_with_a_row_is_a_result(tmp_path: Path, row: str) -> None:
    image(tmp_path / "m1.mrc")
    outcome = ran(tmp_path, STANDIN.format(row=row, profile=PROFILE))
    assert outcome.done, outcome.reason
    assert set(outcome.outputs) == {"out", "ctf", "profile"}


@pytest.mark.parametrize(
    ("row", "profile", "told"),
    [
        ("", PROFILE, "m1_ctf.txt"),
        ("'1.000000 nan nan -38.85 0.000000 0.0921 inf'", PROFILE, "m1_ctf.txt"),
        ("'1.000000 -nan -nan -38.85 0.000000 0.0921 inf'", PROFILE, "m1_ctf.txt"),
        (ROW, "", "m1_ctf_avrot.txt"),
    ],
)
def test_exit_code_0_and_a_table_without_a_row_is_a_failure(
    tmp_path: Path, row: str, profile: str, told: str
) -> None:
    image(tmp_path / "m1.mrc")
    outcome = ran(tmp_path, STANDIN.format(row=row, profile=profile))
    assert (outcome.exit_code, outcome.failure) == (0, FailureClass.MISSING_OUTPUT)
    assert told in outcome.reason


def test_a_failure_that_it_prints_is_the_reason_when_its_table_is_empty(tmp_path: Path) -> None:
    image(tmp_path / "m1.mrc")
    printed = "echo; echo 'Error : Error: location 1 of input file m1.mrc is blank'"
    outcome = ran(tmp_path, STANDIN.format(row="", profile="") + printed)
    assert (outcome.exit_code, outcome.failure) == (0, FailureClass.BAD_INPUT)
    assert "constant" in outcome.hint


@pytest.mark.parametrize(
    "mic", ["a.mrc", "a.mrcs", "a.ccp4", "a.tif", "a.tiff", "a.dm", "a.dm3", "a.dm4"]
)
def test_every_format_that_it_reads_is_accepted(mic: str) -> None:
    assert answers(mic=mic)[0] == mic


@pytest.mark.parametrize("mic", ["a.eer", "a.map", "a.png", "a"])
def test_a_format_that_it_does_not_read_is_refused_before_the_start(mic: str) -> None:
    with pytest.raises(GpucoreError, match="no suffix that the program knows"):
        command(mic=mic)


def test_an_output_without_a_dot_after_which_it_cuts_is_refused() -> None:
    """It would write beside: it cuts at the last dot of the whole path."""
    with pytest.raises(GpucoreError, match="`out`"):
        command(out="v1.2/fit")
    assert answers(out="v1.2/fit.ctf")[1] == "v1.2/fit.ctf"


def test_its_warnings_are_no_failures(tmp_path: Path) -> None:
    outcome = ended(tmp_path, PROGRESS, *MADE)
    assert outcome.done, outcome.reason
    assert not outcome.warnings


@pytest.mark.parametrize(
    "printed",
    [
        "Error : Error: location 1 of input file m1.mrc is blank",
        "Error : Error: Minimum resolution (3.0) higher than maximum resolution (5.0).",
    ],
)
def test_exit_code_0_after_a_failure_is_a_failure(tmp_path: Path, printed: str) -> None:
    outcome = ended(tmp_path, f"{PROGRESS}\n{printed}\n", *MADE)
    assert (outcome.state, outcome.failure) == (StepState.FAILED, FailureClass.BAD_INPUT)


def test_exit_code_0_without_the_output_is_a_failure(tmp_path: Path) -> None:
    assert ended(tmp_path, PROGRESS).failure is FailureClass.MISSING_OUTPUT


def test_answers_that_do_not_fit_say_what_to_look_at(tmp_path: Path) -> None:
    outcome = ended(tmp_path, "\n Error: Blank answer in scripted mode, exiting...\n", code=255)
    assert "movie_input" in outcome.hint


def test_a_corrupt_movie_is_a_warning(tmp_path: Path) -> None:
    printed = "Input movie m.eer seems to be corrupt. Ctffind results may not be meaningful.\n"
    assert ended(tmp_path, PROGRESS + printed, *MADE).warnings
