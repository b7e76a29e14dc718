"""CryoSieve: a number of GPUs, and a log of its own that says how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.cryosieve import CRYOSIEVE, CRYOSIEVE_CORE, gpucore_adapters
from rendering import after

from gpucore.errors import GpucoreError
from gpucore.standard import FailureClass
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

SIEVE = AdapterCase(
    CRYOSIEVE,
    {"particles": "p.star", "directory": "relion", "pixel_size": 1.3, "mask": "m.mrc"},
)
CORE = AdapterCase(
    CRYOSIEVE_CORE,
    {
        "particles": "p.star",
        "directory": "relion",
        "pixel_size": 1.3,
        "mask": "m.mrc",
        "half1": "a.mrc",
        "half2": "b.mrc",
        "resolution": 40,
    },
)
STARS = ("out/p_cryosieve/iter10.star", "out/p_cryosieve/iter10_sieved.star")
DONE = "[2026][INFO] Execute CryoSieve successfully\n"


def test_they_are_offered_and_do_not_contradict_themselves() -> None:
    assert list(gpucore_adapters()) == [CRYOSIEVE, CRYOSIEVE_CORE]
    assert [fault for one in gpucore_adapters() for fault in adapter_faults(one)] == []


@pytest.mark.parametrize("case", [SIEVE, CORE], ids=["cryosieve", "core"])
def test_it_gets_a_number_and_sees_just_these_gpus(case: AdapterCase) -> None:
    command = case.command(3, 6)
    assert after(command.argv, "--num_gpus") == "2"
    assert command.env["CUDA_VISIBLE_DEVICES"] == "3,6"
    assert after(case.command(6).argv, "--num_gpus") == "1"


@pytest.mark.parametrize("case", [SIEVE, CORE], ids=["cryosieve", "core"])
def test_it_has_no_form_for_the_cpu(case: AdapterCase) -> None:
    with pytest.raises(GpucoreError, match="GPU"):
        case.command()


def test_relions_ranks_are_part_of_one_argument() -> None:
    assert after(SIEVE.command(0).argv, "--reconstruct_software") == "relion_reconstruct"
    several = SIEVE.command(0, ranks=5).argv
    assert after(several, "--reconstruct_software") == "mpirun -n 5 relion_reconstruct_mpi"


def test_names_that_its_shell_would_take_apart_are_refused() -> None:
    with pytest.raises(GpucoreError, match="mask"):
        SIEVE.command(0, mask="a mask.mrc")


def test_both_half_maps_are_given_by_the_same_flag() -> None:
    argv = CORE.command(0).argv
    assert [argv[place + 1] for place, word in enumerate(argv) if word == "--volume"] == [
        "a.mrc",
        "b.mrc",
    ]


def test_its_own_log_says_that_it_is_done(tmp_path: Path) -> None:
    outcome = SIEVE.ended(tmp_path, "", *STARS, files={"cryosieve.log": DONE})
    assert outcome.done, outcome.reason


def test_exit_code_0_after_a_killed_reconstruction_is_a_failure(tmp_path: Path) -> None:
    log = "[WARNING] Execute 3D-reconstruction (iteration 0) ununsuccessfully! [-9, 0]\n"
    outcome = SIEVE.ended(tmp_path, "", files={"cryosieve.log": log})
    assert outcome.failure is FailureClass.PROGRAM_FAULT


def test_more_gpus_than_it_sees_are_no_device(tmp_path: Path) -> None:
    printed = "ValueError: `--num_gpus` is 2, but only 1 CUDA device(s) are available\n"
    assert CORE.ended(tmp_path, printed, code=1).failure is FailureClass.NO_DEVICE


def test_the_resolution_gets_finer_from_round_to_round() -> None:
    with pytest.raises(GpucoreError, match="resolution_end"):
        SIEVE.command(0, resolution_start=3, resolution_end=50)
