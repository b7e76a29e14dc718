"""relion_class2d: colon lists for the ranks that compute, and outputs of the last iteration."""

from __future__ import annotations

import pytest
from gpucore_adapters.relion_class2d import RELION_CLASS2D, gpucore_adapters
from rendering import HOSTILE, after, command

from gpucore.outcomes import expected_outputs
from gpucore.planning import make_step
from gpucore.standard import FailureClass
from gpucore.standard.checks import adapter_faults

GIVEN = {"particles": "p.star", "particle_diameter": 180}


def test_the_adapter_does_not_contradict_itself_and_its_examples_come_out() -> None:
    assert [adapter_faults(adapter) for adapter in gpucore_adapters()] == [[]]
    assert len(RELION_CLASS2D.example) >= 3


@pytest.mark.parametrize(
    ("ranks", "gpus", "text"),
    [
        (1, (3,), "3"),
        (1, (0, 1), "0,1"),
        (2, (3,), "3"),
        (2, (0, 1), "0,1"),
        (3, (0, 1), "0:1"),
        (5, (0, 1), "0:1:0:1"),
        (3, (0, 1, 2, 3), "0,1:2,3"),
    ],
)
def test_the_leader_gets_no_gpu_and_each_follower_a_field(
    ranks: int, gpus: tuple[int, ...], text: str
) -> None:
    argv = command(RELION_CLASS2D, {**GIVEN, "mpi": ranks}, gpus).argv
    assert after(argv, "--gpu") == text


def test_one_rank_is_the_plain_program_and_more_are_started_by_mpirun() -> None:
    assert command(RELION_CLASS2D, GIVEN).argv[0] == "relion_refine"
    argv = command(RELION_CLASS2D, {**GIVEN, "mpi": 3}).argv
    assert argv[:4] == ("mpirun", "-n", "3", "relion_refine_mpi")


def test_mpirun_is_given_no_option_that_only_one_mpi_knows() -> None:
    ready = command(RELION_CLASS2D, {**GIVEN, "mpi": 3}, (0, 1))
    assert not {"--oversubscribe", "--bind-to", "--allow-run-as-root"} & set(ready.argv)
    assert ready.env["OMPI_MCA_hwloc_base_binding_policy"] == "none"
    assert not any("ROOT" in name for name in ready.env)


def test_without_a_gpu_the_command_has_no_gpu_option_at_all() -> None:
    assert "--gpu" not in command(RELION_CLASS2D, GIVEN).argv


@pytest.mark.parametrize(
    ("iterations", "number"), [(1, "001"), (9, "009"), (10, "010"), (99, "099"), (100, "100")]
)
def test_the_outputs_are_those_of_the_last_iteration(iterations: int, number: str) -> None:
    step = make_step(RELION_CLASS2D, {**GIVEN, "iterations": iterations}, name="c", output="o")
    paths = {one.name: one.path for one in expected_outputs(step, step.values, gpu=False)}
    assert paths == {
        "out": "o/p_class2d/run",
        "classes": f"o/p_class2d/run_it{number}_classes.mrcs",
        "particles_out": f"o/p_class2d/run_it{number}_data.star",
        "model": f"o/p_class2d/run_it{number}_model.star",
        "optimiser": f"o/p_class2d/run_it{number}_optimiser.star",
    }


def test_a_hostile_name_arrives_as_one_argument() -> None:
    argv = command(RELION_CLASS2D, {**GIVEN, "particles": f"{HOSTILE}.star"}, (0,)).argv
    assert after(argv, "--i") == f"{HOSTILE}.star"
    assert after(argv, "--o") == f"{HOSTILE}_class2d/run"


def test_a_silent_fall_back_to_the_cpu_is_a_warning() -> None:
    (fallback,) = [
        one for one in RELION_CLASS2D.failure if one.effect == "warn" and "CUDA" in one.match
    ]
    assert fallback.class_ is FailureClass.CPU_FALLBACK
