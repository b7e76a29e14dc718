"""Programs that must see one GPU alone, and programs that set the mask themselves."""

from __future__ import annotations

import pytest
from adapter_cases import AdapterCase

from gpucore.errors import TemplateError
from gpucore.standard import Adapter, Device, Gpu, GpuUse, Group, Param, Program, Template
from gpucore.standard.checks import adapter_faults
from gpucore.standard.gpuforms import gpu_arguments, gpu_environment

INSIDE_A_JOB = (Device(uuid="GPU-x", index=0, mask="4"), Device(uuid="GPU-y", index=1, mask="6"))


def adapter(gpu: Gpu, *argv: str | Group, stdin: tuple[str | Group, ...] = ()) -> Adapter:
    return Adapter(
        name="prog",
        title="prog: a program",
        program=Program(executable="prog"),
        gpu=gpu,
        command=Template(argv=("%(EXE)s", *argv), stdin=stdin),
        params={"mic": Param(type="path", optional=True, help="a micrograph")},
    )


def mask(gpu: Gpu, devices: tuple[Device, ...], *, isolate: bool = False) -> str | None:
    return gpu_environment(gpu, devices, isolate=isolate).get("CUDA_VISIBLE_DEVICES")


@pytest.mark.parametrize("isolate", [False, True])
def test_a_program_that_must_see_one_gpu_sees_one_whatever_the_site_says(isolate: bool) -> None:
    asks = adapter(
        Gpu(use=GpuUse.OPTIONAL, max=1, sees_one=True),
        stdin=(Group(when="gpu", args=("yes",)), Group(when="cpu", args=("no",))),
    )
    assert adapter_faults(asks) == []
    case = AdapterCase(asks)
    on_gpu = case.command(3, 4, isolate=isolate)
    assert (on_gpu.env["CUDA_VISIBLE_DEVICES"], on_gpu.stdin) == ("3", "yes\n")
    without = case.command(isolate=isolate)
    assert (without.env["CUDA_VISIBLE_DEVICES"], without.stdin) == ("", "no\n")


def test_under_a_mask_of_one_the_gpu_is_called_0_on_standard_input() -> None:
    asks = adapter(
        Gpu(use=GpuUse.COMPULSORY, form="space", max=1, sees_one=True), stdin=("%(GPU)s",)
    )
    assert AdapterCase(asks).command(3).stdin == "0\n"


@pytest.mark.parametrize("isolate", [False, True])
def test_a_program_that_overwrites_the_mask_gets_the_machines_numbers_and_no_mask(
    isolate: bool,
) -> None:
    gpu = Gpu(use=GpuUse.COMPULSORY, form="space", overwrites_mask=True)
    picker = adapter(gpu, "-g", "%(GPU)s")
    assert adapter_faults(picker) == []
    command = AdapterCase(picker).command(1, 3, isolate=isolate)
    assert command.argv == ("prog", "-g", "1", "3")
    assert "CUDA_VISIBLE_DEVICES" not in command.env


def test_inside_a_batch_job_it_gets_the_numbers_of_the_jobs_own_mask() -> None:
    gpu = Gpu(use=GpuUse.COMPULSORY, form="comma", overwrites_mask=True)
    assert gpu_arguments(gpu, INSIDE_A_JOB) == ["4,6"]
    assert mask(gpu, INSIDE_A_JOB, isolate=True) is None
    # Any other program counts inside the mask.
    assert gpu_arguments(Gpu(use=GpuUse.COMPULSORY, form="comma"), INSIDE_A_JOB) == ["0,1"]


def test_a_gpu_without_a_number_is_refused_where_only_a_number_can_be_overwritten() -> None:
    gpu = Gpu(use=GpuUse.COMPULSORY, form="comma", overwrites_mask=True)
    with pytest.raises(TemplateError, match="MIG-1") as caught:
        gpu_arguments(gpu, (Device(uuid="MIG-1", index=0, mask="MIG-1"),))
    assert "numbers" in caught.value.hint


def test_the_cpu_form_of_a_program_that_overwrites_the_mask_sees_no_gpu() -> None:
    gpu = Gpu(use=GpuUse.OPTIONAL, form="comma", overwrites_mask=True)
    assert mask(gpu, ()) == ""


MULTI = adapter(
    Gpu(use=GpuUse.OPTIONAL, form="none"),
    Group(when="gpus", at_least=2, args=("--multigpu", "-n", "%(GPU.count)s")),
    Group(unless="gpus", at_least=2, args=("--one",)),
)


@pytest.mark.parametrize(
    ("gpus", "argv"),
    [((), ("--one",)), ((3,), ("--one",)), ((0, 3), ("--multigpu", "-n", "2"))],
)
def test_a_flag_may_hang_on_the_number_of_gpus(
    gpus: tuple[int, ...], argv: tuple[str, ...]
) -> None:
    assert adapter_faults(MULTI) == []
    command = AdapterCase(MULTI).command(*gpus)
    assert command.argv[1:] == argv
    assert command.env["CUDA_VISIBLE_DEVICES"] == ",".join(map(str, gpus))


def test_the_number_of_gpus_is_that_of_those_it_uses() -> None:
    gpu = Gpu(use=GpuUse.COMPULSORY, form="comma", max=2)
    both = adapter(gpu, "%(GPU)s", "%(GPU.count)s", "n=%(GPU.count)s")
    assert AdapterCase(both).command(0, 1, 5).argv[1:] == ("0,1", "2", "n=2")
