"""relion_motioncorr: RELION's own motion correction, each movie under a neutral name."""

from __future__ import annotations

import pytest
from gpucore_adapters.relion_motioncorr import RELION_MOTIONCORR
from rendering import HOSTILE, after, command

from gpucore.errors import Faults, ParameterError
from gpucore.outcomes import expected_outputs
from gpucore.planning import make_step
from gpucore.standard import GpuUse
from gpucore.standard.checks import adapter_faults

GIVEN = {"movie": "m.mrc", "pixel_size": 0.885}


def outputs(**given: object) -> dict[str, str]:
    step = make_step(RELION_MOTIONCORR, {**GIVEN, **given}, name="m", output="")
    return {one.name: one.made for one in expected_outputs(step, step.values, gpu=False)}


def test_the_adapter_does_not_contradict_itself_and_its_examples_come_out() -> None:
    assert adapter_faults(RELION_MOTIONCORR) == []
    assert len(RELION_MOTIONCORR.example) >= 3


def test_it_is_a_cpu_program_that_sees_no_gpu() -> None:
    assert RELION_MOTIONCORR.gpu.use is GpuUse.NONE
    ready = command(RELION_MOTIONCORR, GIVEN)
    assert "--use_own" in ready.argv
    assert "--gpu" not in ready.argv
    assert ready.env["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.parametrize(
    ("movie", "neutral"),
    [
        ("a.mrc", "movie.mrcs"),
        ("a.MRCS", "movie.mrcs"),
        ("a.tif", "movie.tif"),
        ("a.TIFF", "movie.tif"),
        ("a.eer", "movie.eer"),
    ],
)
def test_a_movie_is_linked_under_a_neutral_name_of_its_kind(movie: str, neutral: str) -> None:
    ready = command(RELION_MOTIONCORR, {**GIVEN, "movie": movie})
    assert after(ready.argv, "--i") == "movies.star"
    (file,) = ready.files
    assert file.name == "movies.star"
    assert f"\n{neutral} 1\n\n" in file.text
    assert [(link.name, link.target) for link in ready.links] == [(neutral, movie)]


@pytest.mark.parametrize("movie", ["a", "a.dm4", "a.tif/b"])
def test_a_kind_that_relion_cannot_read_is_refused(movie: str) -> None:
    with pytest.raises(ParameterError, match="movie"):
        command(RELION_MOTIONCORR, {**GIVEN, "movie": movie})


def test_a_star_file_is_what_relion_reads() -> None:
    text = command(RELION_MOTIONCORR, {**GIVEN, "voltage": 200}).files[0].text
    assert text == (
        "\n# version 30001\n\ndata_optics\n\nloop_\n_rlnOpticsGroupName #1\n_rlnOpticsGroup #2\n"
        "_rlnMicrographOriginalPixelSize #3\n_rlnVoltage #4\n_rlnSphericalAberration #5\n"
        "_rlnAmplitudeContrast #6\nopticsGroup1 1 0.885 200.0 2.7 0.1\n\n\n"
        "# version 30001\n\ndata_movies\n\nloop_\n_rlnMicrographMovieName #1\n_rlnOpticsGroup #2\n"
        "movie.mrcs 1\n\n"
    )


@pytest.mark.parametrize("ending", [".mrc", ".tif", ".eer"])
def test_nothing_of_a_movies_name_reaches_the_command_or_the_star_file(ending: str) -> None:
    plain = command(RELION_MOTIONCORR, {**GIVEN, "movie": f"m{ending}"})
    hostile = command(RELION_MOTIONCORR, {**GIVEN, "movie": f"dir/{HOSTILE}{ending}"})
    assert hostile.argv == plain.argv
    assert hostile.files == plain.files
    assert {link.target for link in hostile.links} == {f"dir/{HOSTILE}{ending}"}


@pytest.mark.parametrize(
    ("name", "flag", "ending", "neutral"),
    [
        ("gain", "--gainref", ".MRC", "gain.mrc"),
        ("gain", "--gainref", ".tiff", "gain.tif"),
        ("defects", "--defect_file", ".txt", "defects.txt"),
        ("defects", "--defect_file", ".tif", "defects.tif"),
    ],
)
def test_a_gain_and_defects_are_linked_under_neutral_names_too(
    name: str, flag: str, ending: str, neutral: str
) -> None:
    assert flag not in command(RELION_MOTIONCORR, GIVEN).argv
    ready = command(RELION_MOTIONCORR, {**GIVEN, name: f"/{HOSTILE}{ending}"})
    assert ready.argv.count(flag) == 1
    assert after(ready.argv, flag) == neutral
    assert {link.name: link.target for link in ready.links}[neutral] == f"/{HOSTILE}{ending}"


def test_a_dose_weights_the_sum_and_without_one_there_is_no_weighting() -> None:
    assert "--dose_weighting" not in command(RELION_MOTIONCORR, GIVEN).argv
    argv = command(RELION_MOTIONCORR, {**GIVEN, "dose_per_frame": 1.25}).argv
    assert after(argv, "--dose_weighting") == "--dose_per_frame"
    assert "--save_noDW" not in argv
    with pytest.raises(ParameterError, match="dose_per_frame"):
        command(RELION_MOTIONCORR, {**GIVEN, "save_unweighted": True})


def test_outputs_are_moved_from_their_neutral_names() -> None:
    assert outputs() == {
        "out": "out/movie.mrc",
        "shifts": "out/movie.star",
        "log": "out/movie.log",
    }
    both = outputs(dose_per_frame=1.0, save_unweighted=True)
    assert both["unweighted"] == "out/movie_noDW.mrc"
    assert outputs(power_spectrum_group=4)["power_spectrum"] == "out/movie_PS.mrc"


def test_values_out_of_bounds_are_refused_with_their_unit() -> None:
    with pytest.raises(ParameterError, match="Å"):
        command(RELION_MOTIONCORR, {**GIVEN, "pixel_size": 0})
    with pytest.raises((Faults, ParameterError), match="gain_flip"):
        command(RELION_MOTIONCORR, {**GIVEN, "gain_flip": 3})
