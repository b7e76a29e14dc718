"""RELION's refinements: a leader without a GPU, ranks for halves, outputs by iteration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.relion_refine import (
    RELION_CLASS3D,
    RELION_INITIALMODEL,
    RELION_INITIALMODEL_SGD,
    RELION_MULTIBODY,
    RELION_REFINE3D,
    RELION_TOMO_CLASS3D,
    RELION_TOMO_INITIALMODEL,
    RELION_TOMO_REFINE3D,
    gpucore_adapters,
)
from rendering import HOSTILE, after

from gpucore.errors import GpucoreError, ParameterError
from gpucore.standard import FailureClass, GpuUse, StepState
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

    from gpucore.standard import Adapter, Value

PARTICLES = {"particles": "p.star", "particle_diameter": 180}
REFERENCE = {**PARTICLES, "reference": "r.mrc"}
SET = {"optimisation_set": "s.star", "particle_diameter": 180}
CLASS3D = AdapterCase(RELION_CLASS3D, REFERENCE)
REFINE3D = AdapterCase(RELION_REFINE3D, REFERENCE)
FIRST = AdapterCase(RELION_INITIALMODEL, PARTICLES)
SGD = AdapterCase(RELION_INITIALMODEL_SGD, PARTICLES)
MULTIBODY = AdapterCase(RELION_MULTIBODY, {"optimiser": "it_optimiser.star", "bodies": "b.star"})
TOMO_CLASS3D = AdapterCase(RELION_TOMO_CLASS3D, {**SET, "reference": "r.mrc"})
TOMO_REFINE3D = AdapterCase(RELION_TOMO_REFINE3D, {**SET, "reference": "r.mrc"})
TOMO_FIRST = AdapterCase(RELION_TOMO_INITIALMODEL, SET)

ALONE = (FIRST, TOMO_FIRST)
HALVES = (REFINE3D, MULTIBODY, TOMO_REFINE3D)
EITHER = (CLASS3D, SGD, TOMO_CLASS3D)
ALL = (*ALONE, *HALVES, *EITHER)


@pytest.mark.parametrize("adapter", gpucore_adapters(), ids=lambda one: one.name)
def test_it_does_not_contradict_itself_and_its_examples_come_out(adapter: Adapter) -> None:
    assert adapter_faults(adapter) == []
    assert len(adapter.example) >= 2
    assert adapter.gpu.use is GpuUse.OPTIONAL
    assert adapter.gpu.sharing == "discouraged"


def test_all_are_offered() -> None:
    assert {one.name for one in gpucore_adapters()} == {case.adapter.name for case in ALL}


@pytest.mark.parametrize("case", [*HALVES, *EITHER], ids=lambda one: one.adapter.name)
@pytest.mark.parametrize(
    ("ranks", "gpus", "text"),
    [
        (3, (3,), "3:3"),
        (3, (0, 1), "0:1"),
        (5, (0, 1), "0:1:0:1"),
        (5, (0, 1, 2, 3), "0:1:2:3"),
        (3, (0, 1, 2, 3), "0,1:2,3"),
    ],
)
def test_the_leader_gets_no_gpu_and_each_follower_a_field(
    case: AdapterCase, ranks: int, gpus: tuple[int, ...], text: str
) -> None:
    argv = case.command(*gpus, mpi=ranks).argv
    assert argv[:4] == ("mpirun", "-n", str(ranks), "relion_refine_mpi")
    assert after(argv, "--gpu") == text


@pytest.mark.parametrize("case", [*ALONE, *EITHER], ids=lambda one: one.adapter.name)
def test_one_process_spreads_its_threads_over_all_its_gpus(case: AdapterCase) -> None:
    argv = case.command(0, 3, threads=4).argv
    assert argv[0] == "relion_refine"
    assert after(argv, "--gpu") == "0,3"


@pytest.mark.parametrize("case", ALONE, ids=lambda one: one.adapter.name)
def test_stochastic_gradients_know_no_mpi(case: AdapterCase) -> None:
    assert "mpi" not in case.adapter.params
    assert "--grad" in case.command(0).argv


@pytest.mark.parametrize("case", HALVES, ids=lambda one: one.adapter.name)
def test_halves_are_never_refined_by_fewer_than_three_ranks(case: AdapterCase) -> None:
    assert case.command(0).argv[2] == "3"
    with pytest.raises(GpucoreError, match="mpi"):
        case.command(0, mpi=2)


@pytest.mark.parametrize("case", ALL, ids=lambda one: one.adapter.name)
def test_without_a_gpu_there_is_no_option_that_would_take_them_all(case: AdapterCase) -> None:
    argv = case.command().argv
    assert "--gpu" not in argv
    assert "--free_gpu_memory" not in argv


@pytest.mark.parametrize("case", ALL, ids=lambda one: one.adapter.name)
def test_isolated_it_is_told_the_places_in_what_it_sees(case: AdapterCase) -> None:
    ready = case.command(2, 5, isolate=True)
    assert set(after(ready.argv, "--gpu")) <= set("01,:")
    assert ready.env["CUDA_VISIBLE_DEVICES"] == "2,5"


@pytest.mark.parametrize("case", ALL, ids=lambda one: one.adapter.name)
def test_its_files_are_made_in_place_because_they_name_each_other(case: AdapterCase) -> None:
    assert case.adapter.command.in_place
    assert not case.adapter.command.own_directory


@pytest.mark.parametrize("case", ALL, ids=lambda one: one.adapter.name)
def test_a_hostile_name_arrives_as_one_argument(case: AdapterCase) -> None:
    item = case.adapter.item
    ending = "_optimiser.star" if item == "optimiser" else ".star"
    argv = case.command(0, **{item: f"{HOSTILE}{ending}"}).argv
    assert f"{HOSTILE}{ending}" in argv


@pytest.mark.parametrize(
    ("iterations", "number"), [(10, "010"), (25, "025"), (99, "099"), (100, "100"), (999, "999")]
)
@pytest.mark.parametrize("case", [CLASS3D, FIRST, TOMO_CLASS3D, TOMO_FIRST])
def test_the_outputs_are_those_of_the_last_iteration(
    case: AdapterCase, iterations: int, number: str
) -> None:
    outputs = case.outputs(iterations=iterations)
    assert outputs["map"] == f"run_it{number}_class001.mrc"
    assert outputs["optimiser"] == f"run_it{number}_optimiser.star"
    tomo = case in (TOMO_CLASS3D, TOMO_FIRST)
    assert ("optimisation_set_out" in outputs) == tomo


@pytest.mark.parametrize(
    ("phases", "number"),
    [((1, 1, 1), "003"), ((5, 10, 5), "020"), ((50, 200, 50), "300"), ((100, 799, 100), "999")],
)
def test_the_last_iteration_of_sgd_is_the_sum_of_its_phases(
    phases: tuple[int, int, int], number: str
) -> None:
    names = ("first_iterations", "between_iterations", "last_iterations")
    given: dict[str, Value] = dict(zip(names, phases, strict=True))
    argv = SGD.command(0, **given).argv
    flags = ("--sgd_ini_iter", "--sgd_inbetween_iter", "--sgd_fin_iter")
    assert [after(argv, flag) for flag in flags] == [str(one) for one in phases]
    assert SGD.outputs(**given)["map"] == f"run_it{number}_class001.mrc"
    assert SGD.outputs(**given)["optimiser"] == f"run_it{number}_optimiser.star"


@pytest.mark.parametrize("case", [REFINE3D, TOMO_REFINE3D], ids=lambda one: one.adapter.name)
def test_ranks_of_two_halves_are_odd_or_refused_before_anything_waits(case: AdapterCase) -> None:
    assert case.command(0, mpi=5).argv
    with pytest.raises(ParameterError, match="`mpi` = 4 is not an odd number"):
        case.command(0, mpi=4)


def test_a_refinement_leaves_its_map_and_both_halves() -> None:
    assert REFINE3D.outputs() == {
        "out": "run",
        "map": "run_class001.mrc",
        "half1": "run_half1_class001_unfil.mrc",
        "half2": "run_half2_class001_unfil.mrc",
        "particles_out": "run_data.star",
        "model": "run_model.star",
    }
    assert TOMO_REFINE3D.outputs()["optimisation_set_out"] == "run_optimisation_set.star"
    assert MULTIBODY.outputs()["body2_half1"] == "run_half1_body002_unfil.mrc"


def test_a_helix_is_asked_for_by_its_diameter() -> None:
    assert "--helix" not in CLASS3D.command(0).argv
    argv = REFINE3D.command(0, helical_outer_diameter=120, helical_rise=4.75).argv
    assert after(argv, "--helix") == "--helical_outer_diameter"
    assert after(argv, "--helical_rise_initial") == "4.75"
    assert "--helical_symmetry_search" not in argv
    with pytest.raises(GpucoreError, match="helical_outer_diameter"):
        REFINE3D.command(0, helical_inner_diameter=20)
    with pytest.raises(GpucoreError, match="helical_twist_max"):
        REFINE3D.command(0, helical_outer_diameter=120, helical_twist_min=-2)


def test_an_fsc_corrected_for_the_mask_needs_a_mask() -> None:
    with pytest.raises(GpucoreError, match="mask"):
        REFINE3D.command(0, mask_corrected_fsc=True)
    argv = REFINE3D.command(0, mask="m.mrc", mask_corrected_fsc=True).argv
    assert after(argv, "--solvent_mask") == "m.mrc"
    assert "--solvent_correct_fsc" in argv


def test_bodies_go_on_from_a_refinement_and_take_no_seed_of_their_own() -> None:
    argv = MULTIBODY.command(0, 1).argv
    assert after(argv, "--continue") == "it_optimiser.star"
    assert "--i" not in argv
    assert "seed" not in RELION_MULTIBODY.params
    # All of its searches are local.
    assert after(argv, "--healpix_order") == after(argv, "--auto_local_healpix_order")


def test_stochastic_gradients_take_no_seed_of_0() -> None:
    with pytest.raises(GpucoreError, match="seed"):
        FIRST.command(0, seed=0)
    assert after(CLASS3D.command(0, seed=0).argv, "--random_seed") == "0"


CUDA = (
    "ERROR: {} in cuda_mem_utils.h at line 95 (error-code {})\n\nA GPU-function failed to execute."
)
MADE = tuple(
    f"out/p_refine3d/run_{ending}"
    for ending in (
        "class001.mrc",
        "half1_class001_unfil.mrc",
        "half2_class001_unfil.mrc",
        "data.star",
        "model.star",
    )
)


@pytest.mark.parametrize(
    ("printed", "failure"),
    [
        ("You ran out of memory on the GPU(s).", FailureClass.OUT_OF_MEMORY),
        ("There was an issue with the GPU-ids. Either", FailureClass.NO_DEVICE),
        ("You have no GPUs compatible with RELION (CUDA", FailureClass.NO_DEVICE),
        ("GPU usage requested, but RELION was compiled without CUDA", FailureClass.NO_DEVICE),
        ("A GPU-function failed to execute.", FailureClass.DEVICE_FAULT),
        ("ERROR: output directory does not exist!", FailureClass.BAD_INPUT),
        ("the number of MPI processes must be an odd number when", FailureClass.BAD_INPUT),
        ("at least 3 MPI processes are required when splitting data", FailureClass.BAD_INPUT),
        ("mpirun has detected an attempt to run as root.", FailureClass.NOT_STARTED),
        ("exiting with an abort ...", FailureClass.INTERRUPTED),
        ("Error in askMemory", FailureClass.HOST_MEMORY),
        ("Allocate: No space left", FailureClass.HOST_MEMORY),
        # CUDA's words come first, and tell more than RELION's about any fault of a GPU.
        (CUDA.format("out of memory", 2), FailureClass.OUT_OF_MEMORY),
        ("GPU memory was insufficient. Relion attempts to reduce", FailureClass.OUT_OF_MEMORY),
        (CUDA.format("no CUDA-capable device is detected", 100), FailureClass.NO_DEVICE),
        (
            CUDA.format("CUDA driver version is insufficient for CUDA runtime", 35),
            FailureClass.NO_DEVICE,
        ),
        (CUDA.format("an illegal memory access was encountered", 700), FailureClass.DEVICE_FAULT),
        ("readMRC: only real-space images may be read into RELION.", FailureClass.BAD_INPUT),
        ("readMRC: unsupported MRC mode 4", FailureClass.BAD_INPUT),
        ("readMRC: Image number 9 exceeds stack size 8 of image 9@a.mrcs", FailureClass.BAD_INPUT),
        ("rwMRC: error in reading header of image 1@a.mrcs", FailureClass.BAD_INPUT),
        ("RELION does not support CR+LF as a new line code.", FailureClass.BAD_INPUT),
        ("The input STAR file p.star does not contain any particles!", FailureClass.BAD_INPUT),
        ("Particle 1@a.mrcs is not square.", FailureClass.BAD_INPUT),
        ("Very small or very big (avg) normcorr!", FailureClass.BAD_INPUT),
        ("re-run the program with the --trust_ref_size option.", FailureClass.BAD_INPUT),
    ],
)
def test_what_it_says_when_it_fails_is_understood(
    tmp_path: Path, printed: str, failure: FailureClass
) -> None:
    outcome = REFINE3D.ended(tmp_path, f"{printed}\n", code=1)
    assert (outcome.state, outcome.failure) == (StepState.FAILED, failure)


@pytest.mark.parametrize("code", [-11, 139])
def test_a_crash_says_what_relion_crashes_on(tmp_path: Path, code: int) -> None:
    outcome = REFINE3D.ended(tmp_path, " Estimating initial noise spectra\n", code=code)
    assert outcome.failure is FailureClass.PROGRAM_FAULT
    assert "without rlnImageName" in outcome.hint


@pytest.mark.parametrize("option", ["--grad", "--sgd", "--ios", "--blush", "--auto_sampling"])
def test_exit_code_0_of_a_release_without_the_method_is_a_failure(
    tmp_path: Path, option: str
) -> None:
    printed = f"WARNING: Option {option}\tis not a valid RELION argument\n"
    outcome = REFINE3D.ended(tmp_path, printed, *MADE)
    assert (outcome.state, outcome.failure) == (StepState.FAILED, FailureClass.PROGRAM_FAULT)


def test_exit_code_0_without_a_half_map_is_a_failure(tmp_path: Path) -> None:
    outcome = REFINE3D.ended(tmp_path, "", *MADE[:2], *MADE[3:])
    assert outcome.failure is FailureClass.MISSING_OUTPUT


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        (
            "+ WARNING : Relion was compiled without CUDA of at least version 7.0 - you do NOT "
            "have support for GPUs",
            "it ran on the CPU while it held a GPU",
        ),
        ("WARNING: you cannot use accelerators (like the GPU) when skipping alignments.", "CPU"),
        (
            " Auto-refine: + WARNING: The angular accuracy is worse than 10 degrees, so",
            "do not trust the resolution",
        ),
        ("WARNING: Option --maxsig\tis not a valid RELION argument", "went on without it"),
    ],
)
def test_what_it_goes_on_in_spite_of_is_a_warning(tmp_path: Path, printed: str, told: str) -> None:
    outcome = REFINE3D.ended(tmp_path, f"{printed}\n", *MADE)
    assert outcome.done, outcome.reason
    (warning,) = outcome.warnings
    assert told in warning
