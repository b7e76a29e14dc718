"""relion_autopick: rank 0 works too, no list runs out, and names are neutral."""

from __future__ import annotations

import pytest
from gpucore_adapters.relion_autopick import RELION_AUTOPICK
from rendering import HOSTILE, after, command

from gpucore.standard import FailureClass, GpuUse
from gpucore.standard.checks import adapter_faults

GIVEN = {"micrograph": "m.mrc", "pixel_size": 0.885, "references": "r.mrcs"}


def test_the_adapter_does_not_contradict_itself_and_its_examples_come_out() -> None:
    assert adapter_faults(RELION_AUTOPICK) == []
    assert len(RELION_AUTOPICK.example) >= 3
    assert RELION_AUTOPICK.gpu.use is GpuUse.OPTIONAL


@pytest.mark.parametrize(
    ("ranks", "gpus", "text"),
    [
        (1, (3,), "3"),
        (1, (0, 1), "0"),
        (2, (0, 1), "0:1"),
        (2, (0, 1, 2), "0:1"),
        (4, (0, 1), "0:1:0:1"),
        (3, (2,), "2:2:2"),
    ],
)
def test_every_rank_gets_a_field_of_one_gpu_because_relion_reads_beyond_a_short_list(
    ranks: int, gpus: tuple[int, ...], text: str
) -> None:
    argv = command(RELION_AUTOPICK, {**GIVEN, "mpi": ranks}, gpus).argv
    assert after(argv, "--gpu") == text


def test_the_output_folder_ends_with_a_slash_that_relion_does_not_add() -> None:
    assert after(command(RELION_AUTOPICK, GIVEN).argv, "--odir") == "out/"


def test_the_star_file_tells_the_pixel_size_and_the_neutral_name() -> None:
    ready = command(RELION_AUTOPICK, GIVEN)
    (file,) = ready.files
    assert file.text == (
        "\n# version 30001\n\ndata_optics\n\nloop_\n_rlnOpticsGroupName #1\n_rlnOpticsGroup #2\n"
        "_rlnMicrographOriginalPixelSize #3\n_rlnMicrographPixelSize #4\n_rlnVoltage #5\n"
        "_rlnSphericalAberration #6\n_rlnAmplitudeContrast #7\n"
        "opticsGroup1 1 0.885 0.885 300.0 2.7 0.1\n\n\n# version 30001\n\ndata_micrographs\n\n"
        "loop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\nmicrograph.mrc 1\n\n"
    )


def test_nothing_of_a_micrographs_name_reaches_the_command_or_the_star_file() -> None:
    plain = command(RELION_AUTOPICK, GIVEN)
    given = {**GIVEN, "micrograph": f"{HOSTILE}.mrc", "references": f"/{HOSTILE}.mrcs"}
    hostile = command(RELION_AUTOPICK, given)
    assert (hostile.argv, hostile.files) == (plain.argv, plain.files)
    assert [link.target for link in hostile.links] == [f"{HOSTILE}.mrc", f"/{HOSTILE}.mrcs"]


def test_without_references_a_gaussian_is_searched_for() -> None:
    given = {name: value for name, value in GIVEN.items() if name != "references"}
    assert after(command(RELION_AUTOPICK, given).argv, "--ref") == "gauss"
    argv = command(RELION_AUTOPICK, {**GIVEN, "references": "c.star"}).argv
    assert after(argv, "--ref") == "references.star"
    assert argv.count("--ref") == 1


def test_an_empty_micrograph_is_done_although_relion_dies_of_it() -> None:
    assert {0, -6, 134} == set(RELION_AUTOPICK.success_codes)
    (empty,) = [one for one in RELION_AUTOPICK.failure if "is 0" in one.match]
    assert (empty.effect, empty.class_) == ("warn", FailureClass.BAD_INPUT)
