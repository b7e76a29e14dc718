"""RELION 5 and tomograms: AreTomo2 for each rank, cryoCARE on one GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.relion_tomo import (
    RELION_ALIGN_TILTSERIES,
    RELION_TOMO_DENOISE,
    RELION_TOMO_DENOISE_TRAIN,
    gpucore_adapters,
)
from rendering import after

from gpucore.errors import GpucoreError
from gpucore.standard import FailureClass, GpuUse
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

    from gpucore.standard import Adapter

ALIGN = AdapterCase(RELION_ALIGN_TILTSERIES, {"tilt_series": "ts.star"})
TRAIN = AdapterCase(RELION_TOMO_DENOISE_TRAIN, {"tomograms": "t.star", "train_on": ["TS_1"]})
DENOISE = AdapterCase(RELION_TOMO_DENOISE, {"tomograms": "t.star", "model": "m.tar.gz"})
ALL = (ALIGN, TRAIN, DENOISE)


@pytest.mark.parametrize("adapter", gpucore_adapters(), ids=lambda one: one.name)
def test_it_does_not_contradict_itself_and_its_examples_come_out(adapter: Adapter) -> None:
    assert adapter_faults(adapter) == []
    assert len(adapter.example) >= 2
    assert adapter.gpu.use is GpuUse.COMPULSORY
    assert adapter.command.in_place


@pytest.mark.parametrize(
    ("ranks", "gpus", "text"),
    [
        (1, (3,), "3"),
        (1, (0, 1), "0,1"),
        (2, (0, 1), "0:1"),
        (4, (0, 1), "0:1:0:1"),
        (2, (0, 1, 2, 3), "0,1:2,3"),
        (3, (2,), "2:2:2"),
    ],
)
def test_every_rank_the_first_among_them_has_a_field_because_no_list_is_repeated(
    ranks: int, gpus: tuple[int, ...], text: str
) -> None:
    argv = ALIGN.command(*gpus, mpi=ranks).argv
    assert after(argv, "--gpu") == text
    started = ("mpirun", "-n", str(ranks), "relion_align_tiltseries_mpi")
    assert argv[:4] == started if ranks > 1 else argv[0] == "relion_align_tiltseries"


def test_a_tilt_offset_is_given_only_when_it_is_corrected() -> None:
    assert not any("tiltcorrect" in one for one in ALIGN.command(0, tilt_offset=3).argv)
    argv = ALIGN.command(0, correct_tilt=True).argv
    assert after(argv, "--aretomo_tiltcorrect_angle") == "999.0"


def test_a_phase_shift_goes_with_the_ctf() -> None:
    assert "--aretomo_phaseshift" not in ALIGN.command(0, phase_shift=True).argv
    assert "--aretomo_phaseshift" in ALIGN.command(0, ctf=True, phase_shift=True).argv
    assert "power_spectra" in ALIGN.outputs(ctf=True)


def test_tilt_series_that_were_lost_are_told_although_the_exit_code_is_0(tmp_path: Path) -> None:
    printed = " !!! WARNING: there have been 2 tomograms for which alignment has failed. \n"
    outcome = ALIGN.ended(tmp_path, printed, "out/ts_aligned/aligned_tilt_series.star")
    assert outcome.done, outcome.reason
    (warning,) = outcome.warnings
    assert "left out of the result" in warning


def test_all_tilt_series_lost_is_a_failure(tmp_path: Path) -> None:
    printed = "ERROR: all tomograms failed alignment, exiting now... \n"
    assert ALIGN.ended(tmp_path, printed, code=1).failure is FailureClass.PROGRAM_FAULT


@pytest.mark.parametrize("case", [TRAIN, DENOISE], ids=lambda one: one.adapter.name)
def test_cryocare_never_gets_two_gpus_which_relions_window_refuses(case: AdapterCase) -> None:
    argv = case.command(3, 4).argv
    assert after(argv, "--gpu") == "3"
    assert argv.count("--gpu") == 1


def test_tomograms_to_train_on_are_joined_by_colons() -> None:
    argv = TRAIN.command(0, train_on=["TS_1", "TS_2"]).argv
    assert after(argv, "--training-tomograms") == "TS_1:TS_2"


def test_tiles_are_three_words() -> None:
    argv = DENOISE.command(0, tiles=[8, 4, 2]).argv
    start = argv.index("--n-tiles")
    assert argv[start : start + 4] == ("--n-tiles", "8", "4", "2")


@pytest.mark.parametrize("case", ALL, ids=lambda one: one.adapter.name)
def test_a_folder_with_blanks_is_refused_because_a_shell_reads_it(case: AdapterCase) -> None:
    with pytest.raises(GpucoreError, match="blank"):
        case.command(0, out="my job")


def test_a_gpu_that_tensorflow_does_not_see_is_a_warning(tmp_path: Path) -> None:
    printed = "WARNING: GPU 0 not found\n"
    outcome = DENOISE.ended(tmp_path, printed, "out/t_denoised/tomograms.star")
    assert outcome.done, outcome.reason
    assert "does not see the GPU" in outcome.warnings[0]


def test_a_tomogram_that_was_not_made_is_explained(tmp_path: Path) -> None:
    printed = "RuntimeError: a.mrc not found and it should have been generated. If OOM error, try\n"
    outcome = DENOISE.ended(tmp_path, printed, code=2)
    assert "more `tiles`" in outcome.hint
