"""A step's values, and what it asks for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpucore.standard.adapter import Adapter, Template
from gpucore.standard.model import SLOT, Need
from gpucore.standard.program import Gpu, Program, Sharing
from gpucore.standard.step import Step
from gpucore.standard.use import GpuUse

NONE, OPT, COMP = GpuUse.NONE, GpuUse.OPTIONAL, GpuUse.COMPULSORY


def step(use: GpuUse, sharing: Sharing, *, use_gpu: bool, gpus: int | None) -> Step:
    adapter = Adapter(
        name="prog",
        title="a program",
        program=Program(executable="prog"),
        command=Template(argv=("%(EXE)s",)),
        gpu=Gpu(use=use, sharing=sharing),
    )
    return Step(
        name="s",
        adapter=adapter,
        shared={"a": 1, "b": 2},
        own={"b": 3},
        stage="",
        use_gpu=use_gpu,
        gpus=gpus,
    )


@pytest.mark.parametrize(
    ("use", "use_gpu", "need"),
    [
        (COMP, True, Need(gpus=None, memory_mib=800)),
        (OPT, False, Need(gpus=0)),
    ],
)
def test_a_step_asks_for_the_memory_that_its_user_says(
    use: GpuUse, use_gpu: bool, need: Need
) -> None:
    one = replace(step(use, "fine", use_gpu=use_gpu, gpus=None), gpu_memory=800)
    assert one.need(may_share=False) == need


@pytest.mark.parametrize(
    ("use", "sharing", "use_gpu", "gpus", "may_share", "need"),
    [
        (NONE, "fine", True, None, False, Need(gpus=0)),
        (OPT, "fine", False, None, False, Need(gpus=0)),
        (OPT, "forbidden", False, 3, False, Need(gpus=0)),
        (OPT, "fine", True, None, False, SLOT),
        (COMP, "fine", False, None, False, SLOT),
        (COMP, "discouraged", True, None, False, SLOT),
        (COMP, "forbidden", True, None, False, Need(gpus=None, alone=True)),
        (COMP, "forbidden", True, None, True, SLOT),
        (COMP, "fine", True, 2, False, Need(gpus=2)),
        (COMP, "forbidden", True, 2, False, Need(gpus=2, alone=True)),
    ],
)
def test_a_step_asks_for_what_its_program_and_its_user_say(
    use: GpuUse, sharing: Sharing, use_gpu: bool, gpus: int | None, may_share: bool, need: Need
) -> None:
    assert step(use, sharing, use_gpu=use_gpu, gpus=gpus).need(may_share=may_share) == need


def test_a_steps_own_values_go_before_its_stages() -> None:
    assert step(OPT, "fine", use_gpu=True, gpus=None).values == {"a": 1, "b": 3}
