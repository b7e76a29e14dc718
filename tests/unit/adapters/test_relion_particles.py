"""RELION's programs for particles on the CPU: no GPU option, and folders that a shell can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.relion_particles import (
    RELION_CLASS_RANKER,
    RELION_CTF_REFINE,
    RELION_MOTION_REFINE,
    gpucore_adapters,
)
from rendering import after

from gpucore.errors import GpucoreError
from gpucore.standard import FailureClass, GpuUse
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

    from gpucore.standard import Adapter

REFINED = {"particles": "p.star", "postprocess": "post.star"}
CTF = AdapterCase(RELION_CTF_REFINE, REFINED, gpus=())
MOTION = AdapterCase(RELION_MOTION_REFINE, {**REFINED, "micrographs": "m.star"}, gpus=())
RANKER = AdapterCase(RELION_CLASS_RANKER, {"optimiser": "run_it025_optimiser.star"}, gpus=())
ALL = (CTF, MOTION, RANKER)


@pytest.mark.parametrize("adapter", gpucore_adapters(), ids=lambda one: one.name)
def test_it_does_not_contradict_itself_and_has_no_gpu(adapter: Adapter) -> None:
    assert adapter_faults(adapter) == []
    assert len(adapter.example) >= 2
    assert adapter.gpu.use is GpuUse.NONE


@pytest.mark.parametrize("case", ALL, ids=lambda one: one.adapter.name)
def test_it_sees_no_gpu_and_is_told_of_none(case: AdapterCase) -> None:
    ready = case.command()
    assert "--gpu" not in ready.argv
    assert ready.env["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.parametrize("case", ALL, ids=lambda one: one.adapter.name)
def test_the_folder_ends_with_a_slash_and_has_no_blanks(case: AdapterCase) -> None:
    assert after(case.command(out="job").argv, "--o") == "job/"
    with pytest.raises(GpucoreError, match="blank"):
        case.command(out="a job")


@pytest.mark.parametrize("case", [CTF, MOTION], ids=lambda one: one.adapter.name)
def test_one_rank_is_the_plain_program_and_more_are_started_by_mpirun(case: AdapterCase) -> None:
    name = case.adapter.program.executable
    assert case.command().argv[0] == name
    assert case.command(mpi=3).argv[:4] == ("mpirun", "-n", "3", f"{name}_mpi")


def test_each_fit_is_asked_for_on_its_own() -> None:
    fits = {"--fit_defocus", "--fit_beamtilt", "--fit_aberr", "--fit_aniso"}
    assert fits & set(CTF.command().argv) == {"--fit_defocus"}
    argv = CTF.command(defocus=False, beam_tilt=True, trefoil=True, resolution_min=20).argv
    assert fits & set(argv) == {"--fit_beamtilt"}
    assert after(argv, "--kmin_tilt") == "20.0"
    assert after(argv, "--odd_aberr_max_n") == "3"
    assert "--odd_aberr_max_n" not in CTF.command(trefoil=True).argv


def test_training_polishes_nothing_and_leaves_the_parameters() -> None:
    argv = MOTION.command(train=True).argv
    assert {"--params3"} == {"--params3", "--combine_frames", "--s_vel"} & set(argv)
    assert MOTION.outputs(train=True)["motion"] == "opt_params_all_groups.txt"
    assert "particles_out" not in MOTION.outputs(train=True)


def test_polishing_takes_a_trained_file_or_three_numbers() -> None:
    assert after(MOTION.command().argv, "--s_vel") == "0.2"
    argv = MOTION.command(motion_file="opt.txt").argv
    assert after(argv, "--params_file") == "opt.txt"
    assert "--s_vel" not in argv
    assert "--combine_frames" in argv
    assert MOTION.outputs()["particles_out"] == "shiny.star"


def test_a_box_and_what_it_is_scaled_to_go_together() -> None:
    with pytest.raises(GpucoreError, match="scaled_box"):
        MOTION.command(box=512)
    assert after(MOTION.command(box=512, scaled_box=256).argv, "--scale") == "256"


@pytest.mark.parametrize("case", [MOTION, RANKER], ids=lambda one: one.adapter.name)
def test_files_that_name_others_are_made_in_place(case: AdapterCase) -> None:
    assert case.adapter.command.in_place


@pytest.mark.parametrize(
    ("case", "printed"),
    [
        (CTF, "p.star does not contain all columns needed for view prediction:"),
        (MOTION, "p.star does not contain all of the required columns (rlnOriginX"),
        (CTF, "could not get filenames for unfiltered half maps from the postprocess STAR"),
        (MOTION, "Parameter estimation is not supported in MPI mode."),
        (RANKER, "MetaDataTable::read: File x.star does not exist"),
    ],
)
def test_bad_input_is_told_as_such(tmp_path: Path, case: AdapterCase, printed: str) -> None:
    assert case.ended(tmp_path, f"{printed}\n", code=1).failure is FailureClass.BAD_INPUT


def test_a_missing_python_environment_is_told(tmp_path: Path) -> None:
    printed = "Something went wrong in the external Python call...\n"
    outcome = RANKER.ended(tmp_path, printed, code=1)
    assert outcome.failure is FailureClass.PROGRAM_FAULT
    assert "relion_python_classranker" in outcome.hint


def test_a_missing_plot_is_no_failure(tmp_path: Path) -> None:
    outcome = CTF.ended(tmp_path, "", "out/p_ctfrefine/particles_ctf_refine.star")
    assert outcome.done, outcome.reason
    assert "plots" not in outcome.outputs
