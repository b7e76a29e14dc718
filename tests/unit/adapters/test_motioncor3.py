"""MotionCor3: its own directory, its list quirks, and failures that exit with 0."""

from __future__ import annotations

from pathlib import Path

import pytest
from adapter_cases import AdapterCase, image
from gpucore_adapters.motioncor3 import MOTIONCOR3, gpucore_adapters

from gpucore.errors import GpucoreError
from gpucore.outcomes import expected_outputs
from gpucore.planning import make_step
from gpucore.standard import FailureClass, StepState
from gpucore.standard.checks import adapter_faults

LEAST = {"movie": "m1.tif"}
UNBOUNDED = {"magnification"}
CASE = AdapterCase(MOTIONCOR3, LEAST, text="   1      0.00     -0.12\n")
command, outputs, ended, ran = CASE.command, CASE.outputs, CASE.ended, CASE.ran


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [MOTIONCOR3]
    assert adapter_faults(MOTIONCOR3) == []
    assert len(MOTIONCOR3.example) >= 3


def test_every_number_has_bounds_or_says_why_not_and_every_text_is_there() -> None:
    free = {name for name, one in MOTIONCOR3.params.items()
            if one.type in {"int", "float"} and one.min is None}  # fmt: skip
    assert free == UNBOUNDED
    assert MOTIONCOR3.licence
    assert MOTIONCOR3.citation
    assert MOTIONCOR3.source
    assert MOTIONCOR3.unverified


PROGRESS = """Gain reference not found.
Warning: Gain ref not found.
......   Gain correction will be skipped.
Skip CTF estimation. Need the following parameters.
Iteration  1  Error:     0.123
Iteration  2  Error:     0.004
Align patch 3  22 left
...... Frame (  1) shift:     0.00      0.00
Corrected sum has been saved in: aligned.mrc
Total time: 12.5 sec
"""
MADE = ("aligned.mrc", "movie-Full.log")


def test_the_job_file_of_the_design_is_valid() -> None:
    argv = command(0, pixel_size=0.885, voltage=300, patch=[5, 5]).argv
    assert "-PixSize 0.885 -kV 300" in " ".join(argv)
    assert "-Patch 5 5" in " ".join(argv)


@pytest.mark.parametrize(
    ("movie", "flag"),
    [("a.mrc", "-InMrc"), ("a.mrcs", "-InMrc"), ("a.tif", "-InTiff"), ("a.tiff", "-InTiff"),
     ("A.TIFF", "-InTiff"), ("a.eer", "-InEer")],
)  # fmt: skip
def test_the_input_flag_follows_the_suffix(movie: str, flag: str) -> None:
    given = command(0, movie=movie)
    name = f"movie{Path(movie).suffix}"
    assert given.argv[1:3] == (flag, name)
    assert [(link.name, link.target) for link in given.links] == [(name, movie)]
    assert len({"-InMrc", "-InTiff", "-InEer"}.intersection(given.argv)) == 1
    assert ("-EerSampling" in given.argv) == (flag == "-InEer")


def test_gpus_are_separate_words_and_never_have_colons() -> None:
    argv = command(0, 1, 3).argv
    assert argv[-4:] == ("-Gpu", "0", "1", "3")
    assert not any(":" in word for word in argv)
    isolated = command(2, 3, isolate=True)
    assert isolated.argv[-3:] == ("-Gpu", "0", "1")
    assert isolated.env["CUDA_VISIBLE_DEVICES"] == "2,3"


def test_each_number_of_a_list_is_a_word_of_its_own() -> None:
    given = {"pixel_size": 1, "sum_dose_min": 3, "sum_dose_max": 25}
    argv = command(0, **given, bfactor=[400, 90], group=[2, 4]).argv
    text = "\0".join(argv)
    for words in (("-SumRange", "3.0", "25.0"), ("-Bft", "400.0", "90.0"), ("-Group", "2", "4")):
        assert "\0".join(words) in text


def test_the_ctf_is_estimated_only_when_asked_for() -> None:
    assert "-Cs\x000\0" in "\0".join(command(0).argv)
    argv = command(0, pixel_size=1, cs=2.7, amplitude_contrast=0.1).argv
    assert "-Cs\x002.7\0-AmpCont\x000.1" in "\0".join(argv)


@pytest.mark.parametrize("name", ["grant.stack/a b.mrcs.tif", "$(rm x);'\n\"%(GPU)s.tif", "-x.tif"])
def test_a_hostile_movie_is_a_link_and_never_in_a_word_of_the_command(name: str) -> None:
    given = command(0, movie=name)
    assert given.argv[1:5] == ("-InTiff", "movie.tif", "-OutMrc", "aligned.mrc")
    assert given.links[0].target in {name, f"./{name}"}
    assert all(len(word) < 256 for word in command(0, movie=f"{'d' * 300}/m.tif").argv)


@pytest.mark.parametrize(
    ("gain", "name"),
    # It reads .gain as TIFF.
    [("a b/$(x) '%(GPU)s'\n.mrc", "gain.mrc"), ("g.MRCS", "gain.mrc"), ("g.tif", "gain.tif"),
     ("g.tiff", "gain.tif"), ("g.gain", "gain.tif")],
)  # fmt: skip
def test_a_gain_is_a_link_of_a_suffix_that_the_program_tells_its_format_by(
    gain: str, name: str
) -> None:
    given = command(0, gain=gain)
    assert given.argv[given.argv.index("-Gain") + 1] == name
    assert given.argv[given.argv.index("-Gain") + 2] == "-RotGain"
    assert [(one.name, one.target) for one in given.links[1:]] == [(name, gain)]


@pytest.mark.parametrize("gain", ["gain.dm4", "gain", "gain.mrc.txt"])
def test_a_gain_that_it_would_pass_over_in_silence_is_refused(gain: str) -> None:
    with pytest.raises(GpucoreError, match="no suffix that the program knows"):
        command(0, gain=gain)


@pytest.mark.parametrize(
    ("given", "flag", "name"),
    [("gain", "-Gain", "gain.mrc"), ("dark", "-Dark", "dark.mrc"),
     ("defect_file", "-DefectFile", "defects.txt"), ("defect_map", "-DefectMap", "defect_map"),
     ("frame_integration", "-FmIntFile", "frames.txt")],
)  # fmt: skip
def test_a_path_longer_than_the_program_can_hold_is_a_link(
    given: str, flag: str, name: str
) -> None:
    path = f"{'d' * 200}/{'e' * 200}/it.mrc"
    made = command(0, **{given: path})
    assert made.argv[made.argv.index(flag) + 1] == name
    assert (name, path) in [(one.name, one.target) for one in made.links]
    assert all(len(word) < 256 for word in made.argv)


def test_what_is_not_given_is_not_linked_and_no_two_links_have_one_name() -> None:
    assert [one.name for one in command(0).links] == ["movie.tif"]
    every = {"gain": "a.mrc", "dark": "b.mrc", "defect_file": "c.txt", "defect_map": "d.txt",
             "frame_integration": "e.txt"}  # fmt: skip
    names = [one.name for one in command(0, **every).links]
    assert len(names) == 6 == len(set(names))


def test_no_path_option_stands_without_its_path() -> None:
    paths = {"-Gain", "-Dark", "-DefectFile", "-DefectMap", "-FmIntFile", "-OutAln", "-RotGain"}
    assert not paths.intersection(command(0).argv)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, {"m1.mrc", "m1-Full.log"}),
        ({"patch": [5, 5]}, {"m1.mrc", "m1-Patch-Full.log", "m1-Patch-Patch.log",
                             "m1-Patch-Frame.log"}),
        ({"pixel_size": 1, "dose_per_frame": 1.2}, {"m1.mrc", "m1-Full.log", "m1_DW.mrc"}),
        ({"dose_per_frame": 0}, {"m1.mrc", "m1-Full.log"}),
        ({"pixel_size": 1, "sum_dose_max": 25}, {"m1.mrc", "m1-Full.log"}),
        ({"pixel_size": 1, "dose_per_frame": 1, "sum_dose_max": 25},
         {"m1.mrc", "m1-Full.log", "m1_DW.mrc", "m1_DWS.mrc"}),
        ({"split_sum": True}, {"m1.mrc", "m1-Full.log", "m1_ODD.mrc", "m1_EVN.mrc"}),
        ({"out_stack": True}, {"m1.mrc", "m1-Full.log", "m1_Stk.mrc"}),
        ({"pixel_size": 1, "cs": 2.7}, {"m1.mrc", "m1-Full.log", "m1_Ctf.mrc", "m1_Ctf.txt"}),
        ({"pixel_size": 1, "cs": 0.001}, {"m1.mrc", "m1-Full.log"}),
        ({"save_alignment": True}, {"m1.mrc", "m1-Full.log", "m1.aln"}),
    ],
)  # fmt: skip
def test_the_outputs_are_those_of_the_parameters(given: dict[str, object], names: set[str]) -> None:
    assert set(outputs(**given).values()) == names


def test_what_later_stages_call_shifts_is_there_with_and_without_patches() -> None:
    assert outputs()["shifts"] == "m1-Full.log"
    assert outputs(patch=[5, 5])["shifts"] == "m1-Patch-Full.log"


def test_progress_that_says_error_is_no_failure(tmp_path: Path) -> None:
    outcome = ended(tmp_path, PROGRESS, *MADE)
    assert outcome.done, outcome.reason
    assert not outcome.warnings
    assert outcome.outputs["out"] == str(tmp_path / "out" / "m1.mrc")
    assert Path(outcome.outputs["out"]).exists()


@pytest.mark.parametrize(
    ("printed", "failure"),
    [("CCufft2D::CreatePlan: CUFFT_ALLOC_FAILED", FailureClass.OUT_OF_MEMORY),
     ("CAlignStack: bbb: out of memory", FailureClass.OUT_OF_MEMORY),
     ("Error: Gain and frame dimensions mismatch!", FailureClass.BAD_INPUT),
     ("Motion correction skipped.", FailureClass.BAD_INPUT),
     ("Gain reference will not be loaded.", FailureClass.BAD_INPUT),
     ("error: load tiff image 3, 0 strip", FailureClass.BAD_INPUT),
     ("CCufft2D::Forward: CUFFT_EXEC_FAILED", FailureClass.DEVICE_FAULT)],
)  # fmt: skip
def test_exit_code_0_after_a_failure_is_a_failure(
    tmp_path: Path, printed: str, failure: FailureClass
) -> None:
    outcome = ended(tmp_path, f"{PROGRESS}{printed}\n", *MADE)
    assert (outcome.state, outcome.failure) == (StepState.FAILED, failure)


def test_exit_code_0_without_the_output_is_a_failure(tmp_path: Path) -> None:
    assert ended(tmp_path, PROGRESS).failure is FailureClass.MISSING_OUTPUT
    assert "_DW" in ended(tmp_path, PROGRESS, *MADE, pixel_size=1, dose_per_frame=1.0).reason


def test_no_gpu_is_told_by_its_words_and_not_by_its_code(tmp_path: Path) -> None:
    printed = "Info: skip device 0, no driver\nmCheckGPUs: no valid device detected.\n"
    assert ended(tmp_path, printed, code=5).failure is FailureClass.NO_DEVICE


def test_a_skipped_gpu_is_a_warning_when_others_did_the_work(tmp_path: Path) -> None:
    outcome = ended(tmp_path, f"Info: skip device 7, invalid\n{PROGRESS}", *MADE)
    assert outcome.done
    assert "skip device 7" in outcome.warnings[0]


@pytest.mark.parametrize(
    "wrong",
    [{"patch": [5]}, {"patch": [1, 1]}, {"voltage": 300_000}, {"bin": 0.5}, {"pixel_size": 0}],
)
def test_values_out_of_bounds_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(GpucoreError):
        command(0, **wrong)


@pytest.mark.parametrize(
    ("given", "missing"),
    [({"dose_per_frame": 1.2}, "pixel_size"), ({"sum_dose_max": 25}, "pixel_size"),
     ({"initial_dose": 2}, "pixel_size"), ({"cs": 2.7}, "pixel_size"),
     ({"gain_rotation": 1}, "gain"), ({"gain_flip": 2}, "gain"), ({"gain_inverse": True}, "gain"),
     ({"pixel_size": 1, "phase_shift": 90}, "cs")],
)  # fmt: skip
def test_what_means_nothing_alone_is_refused_alone(given: dict[str, object], missing: str) -> None:
    with pytest.raises(GpucoreError, match=f"without `{missing}`"):
        command(0, **given)


def test_what_says_no_needs_nothing() -> None:
    none = {"dose_per_frame": 0, "sum_dose_max": 0, "initial_dose": 0, "gain_rotation": 0,
            "gain_flip": 0, "gain_inverse": False, "cs": 0, "phase_shift": 0}  # fmt: skip
    argv = command(0, **none).argv
    assert not {"-InitDose", "-RotGain", "-FlipGain", "-InvGain"}.intersection(argv)


@pytest.mark.parametrize("movie", ["a.mrc.gz", "a.dm4", "a", "a.tif/b", "a.jpg"])
def test_a_movie_that_it_does_not_read_is_refused_before_the_start(movie: str) -> None:
    with pytest.raises(GpucoreError, match="no suffix that the program knows"):
        command(0, movie=movie)


def test_doses_of_an_integration_file_alone_may_make_weighted_sums() -> None:
    given = {**LEAST, "pixel_size": 1, "frame_integration": "f.txt"}
    step = make_step(MOTIONCOR3, given, name="one", output="out")
    found = {one.name: one for one in expected_outputs(step, step.values, gpu=True)}
    assert Path(found["dose_weighted"].path).name == "m1_DW.mrc"
    assert found["dose_weighted"].optional
    assert found["dose_window"].optional


def test_a_dose_demands_its_weighted_sum_with_an_integration_file_too() -> None:
    given = {**LEAST, "pixel_size": 1, "frame_integration": "f.txt", "dose_per_frame": 1}
    step = make_step(MOTIONCOR3, given, name="one", output="out")
    found = {one.name: one for one in expected_outputs(step, step.values, gpu=True)}
    assert not found["dose_weighted"].optional
    assert "dose_window" not in found


def test_the_dose_before_is_told_with_an_integration_file_too() -> None:
    argv = command(0, pixel_size=1, frame_integration="f.txt", initial_dose=2).argv
    assert argv[argv.index("-InitDose") + 1] == "2.0"


def test_a_voltage_that_it_cannot_weigh_for_is_still_one_to_align_at() -> None:
    assert "400" in command(0, voltage=400).argv
    assert "0.95" in command(0, gpu_memory=0.95).argv  # taken, and held down to 0.8
    with pytest.raises(GpucoreError, match="voltage"):
        command(0, voltage=300_000)


STANDIN = """
test -e movie.tif || exit 9
cp {folder}/sum.mrc aligned.mrc
cp {folder}/sum.mrc aligned_Ctf.mrc
printf '%s\\n' '# full frame alignment' {shifts} > movie-Full.log
printf '%s\\n' '# Columns: #1 micrograph number; #2 - defocus 1 [A]' {ctf} > aligned_Ctf.txt
echo 'Total time: 1 sec'
"""
SHIFTS = "'   1      0.00     -0.12'"
CTF = "' 10295.93    9982.30   -38.85     0.00    0.09210    3.5000'"


def test_logs_with_shifts_and_a_ctf_are_results(tmp_path: Path) -> None:
    image(tmp_path / "sum.mrc")
    (tmp_path / "m1.tif").write_bytes(b"II*")
    text = STANDIN.format(folder=f"'{tmp_path}'", shifts=SHIFTS, ctf=CTF)
    outcome = ran(tmp_path, text, pixel_size=1, cs=2.7)
    assert outcome.done, outcome.reason
    assert set(outcome.outputs) == {"out", "shifts", "ctf", "spectrum"}


@pytest.mark.parametrize(
    ("shifts", "ctf", "told"),
    [("", CTF, "m1-Full.log"), ("'   1       nan      -nan'", CTF, "m1-Full.log"),
     (SHIFTS, "", "m1_Ctf.txt"), (SHIFTS, "'   nan     nan    nan     0.00'", "m1_Ctf.txt")],
)  # fmt: skip
def test_exit_code_0_and_a_log_without_numbers_is_a_failure(
    tmp_path: Path, shifts: str, ctf: str, told: str
) -> None:
    image(tmp_path / "sum.mrc")
    (tmp_path / "m1.tif").write_bytes(b"II*")
    text = STANDIN.format(folder=f"'{tmp_path}'", shifts=shifts, ctf=ctf)
    outcome = ran(tmp_path, text, pixel_size=1, cs=2.7)
    assert (outcome.exit_code, outcome.failure) == (0, FailureClass.MISSING_OUTPUT)
    assert told in outcome.reason


def test_the_program_finds_its_references_under_their_links(tmp_path: Path) -> None:
    image(tmp_path / "sum.mrc")
    (tmp_path / "m1.tif").write_bytes(b"II*")
    for name in ("g.gain", "d.mrc", "rows.txt", "m.tif"):
        (tmp_path / name).write_text(name)
    more = "cat gain.tif dark.mrc defects.txt defect_map > " + f"'{tmp_path}/seen'"
    text = STANDIN.format(folder=f"'{tmp_path}'", shifts=SHIFTS, ctf=CTF) + more
    outcome = ran(
        tmp_path, text, gain="g.gain", dark="d.mrc", defect_file="rows.txt", defect_map="m.tif"
    )
    assert outcome.done, outcome.reason
    assert (tmp_path / "seen").read_text() == "g.gaind.mrcrows.txtm.tif"
