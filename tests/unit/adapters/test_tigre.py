"""TIGRE: algorithms that pass --gpu over, and options that each algorithm has or has not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.tigre import TIGRE_RECONSTRUCTION, gpucore_adapters
from rendering import after

from gpucore.errors import ParameterError
from gpucore.standard import FailureClass, GpuUse
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

CASE = AdapterCase(
    TIGRE_RECONSTRUCTION,
    {"series": "TS_01.mrc", "angles": "TS_01.tlt", "transforms": "TS_01.xf", "thickness": 300,
     "script": "tigre_reconstruction.py"},
)  # fmt: skip


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [TIGRE_RECONSTRUCTION]
    assert adapter_faults(TIGRE_RECONSTRUCTION) == []
    assert TIGRE_RECONSTRUCTION.gpu.use is GpuUse.COMPULSORY


@pytest.mark.parametrize("isolate", [False, True])
@pytest.mark.parametrize("slot", [(3,), (5, 2)])
def test_it_always_sees_one_gpu_since_some_algorithms_use_all_that_they_see(
    slot: tuple[int, ...], isolate: bool
) -> None:
    command = CASE.command(*slot, isolate=isolate, method="ba-gmres")
    assert command.env["CUDA_VISIBLE_DEVICES"] == str(slot[0])
    assert after(command.argv, "--gpu") == "0"


def test_another_program_on_its_gpu_would_stop_it() -> None:
    assert TIGRE_RECONSTRUCTION.gpu.sharing == "forbidden"


def test_the_option_that_scipion_gives_and_the_program_no_longer_knows_is_not_given() -> None:
    for method in ("wbp", "sirt"):
        argv = CASE.command(0, method=method).argv
        assert "--normalize" not in argv
        assert "--tigreInterpolation" not in argv
    assert "--notNormalize" in CASE.command(0, normalize=False).argv


@pytest.mark.parametrize("name", ["TS_01.txt", "TS_01.xmd", "TS_01.rawtlt"])
def test_angles_that_it_would_pass_over_in_silence_are_refused(name: str) -> None:
    with pytest.raises(ParameterError, match="suffix"):
        CASE.command(0, angles=name)


@pytest.mark.parametrize(
    ("method", "has", "has_not"),
    [
        ("wbp", {"--filter"}, {"--iter", "--lambda"}),
        ("sirt", {"--iter", "--lambda", "--lambdared"}, {"--filter", "--blocksize"}),
        ("ossart", {"--iter", "--blocksize", "--order"}, {"--alpha"}),
        ("awasd-pocs", {"--iter", "--alpha", "--tviter", "--blocksize"}, {"--order"}),
        ("cgls", {"--iter"}, {"--lambda", "--tviter"}),
        ("fista", {"--iter", "--tviter", "--tvlambda"}, {"--alpha", "--lambda"}),
    ],
)
def test_each_method_gets_the_options_that_it_has(
    method: str, has: set[str], has_not: set[str]
) -> None:
    argv = set(
        CASE.command(
            0, method=method, iterations=5, step=0.5, step_reduction=0.9, block_size=4,
            tv_weight=0.1, tv_iterations=7, tv_strength=3,
        ).argv
    )  # fmt: skip
    assert has <= argv
    assert not has_not & argv


@pytest.mark.parametrize(
    ("printed", "failure"),
    [
        ("CBCT:CUDA:Atb out of memory", FailureClass.OUT_OF_MEMORY),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried", FailureClass.OUT_OF_MEMORY),
        ("One (or more) of your GPUs is being heavily used by another program",
         FailureClass.OUT_OF_MEMORY),
        ("There are no available device(s) that support CUDA", FailureClass.NO_DEVICE),
        ("CBCT:CUDA:Atb an illegal memory access was encountered", FailureClass.DEVICE_FAULT),
        ("ValueError: Number of transformations (40) does not match number of images (41)",
         FailureClass.BAD_INPUT),
        ("error: unrecognized arguments: --xf", FailureClass.NOT_STARTED),
    ],
)  # fmt: skip
def test_what_it_says_when_it_fails_is_understood(
    tmp_path: Path, printed: str, failure: FailureClass
) -> None:
    assert CASE.ended(tmp_path, f"{printed}\n", code=1).failure is failure
