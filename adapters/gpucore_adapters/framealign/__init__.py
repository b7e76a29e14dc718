"""Whole-frame movie alignment: the program gpucore-framealign, and its adapter.

The adapter is here, and the program's own modules are imported by nothing but the program: an
adapter must cost nothing to load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl
from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Gpu,
    GpuUse,
    Group,
    Param,
    Program,
    Template,
    Version,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FRAMEALIGN", "gpucore_adapters"]

FRAMEALIGN = Adapter(
    name="framealign",
    title="gpucore-framealign: align and average movie frames",
    family="gpucore",
    program=Program(
        executable="gpucore-framealign",
        version=Version(args=("--version",), regex=r"gpucore-framealign (\d+\.\d+\.\d+)"),
        install='pip install "gpucore-framework[framealign]", on GPUs "gpucore-framework[cuda12]"',
    ),
    gpu=Gpu(use=GpuUse.OPTIONAL, form="space", ids="visible"),
    command=Template(
        argv=(
            *("%(EXE)s", "--in", "%(movie)s", "--out", "%(out)s", "--shifts", "%(shifts)s"),
            Group(args=("--pixel-size", "%(pixel_size)s")),
            *("--upsample", "%(upsample)s", "--bfactor", "%(bfactor)s"),
            *("--iterations", "%(iterations)s"),
            Group(args=("--gpu", "%(GPU)s"), when="gpu"),
        ),
    ),
    params={
        "movie": Param(type="path", item=True, check="mrc", help="MRC movie to align"),
        "out": Param(
            type="path",
            output="%(movie.stem)s_aligned.mrc",
            check="mrc",
            help="average of the aligned frames, MRC",
        ),
        "shifts": Param(
            type="path",
            output="%(movie.stem)s_shifts.tsv",
            help="table of what was applied to each frame: frame, x and y in pixels",
        ),
        "pixel_size": Param(
            type="float",
            unit="Å",
            optional=True,
            min=0.0001,
            help="as the header says, if not given",
        ),
        "upsample": Param(type="int", default=20, min=1, help="find shifts to 1/upsample pixel"),
        "bfactor": Param(
            type="float", unit="Å²", default=150.0, min=0, help="low-pass, exp(-B k²/4)"
        ),
        "iterations": Param(
            type="int",
            default=3,
            min=1,
            help="rounds at most; ends when no frame moves by 0.05 pixel",
        ),
    },
    failure=(
        Failure(
            match=r"framealign: error: the GPU is out of memory",
            class_=FailureClass.OUT_OF_MEMORY,
            hint="free memory on the GPU, or give the step two GPUs: its frames are divided",
        ),
        Failure(
            match=r"framealign: error: no usable GPU: .*"
            r"(IllegalAddress|LaunchFailure|ECCUncorrectable|HardwareStackError|DeviceUninit)",
            class_=FailureClass.DEVICE_FAULT,
        ),
        Failure(
            match=r"framealign: error: no usable GPU",
            class_=FailureClass.NO_DEVICE,
            hint="install cupy-cuda12x beside gpucore, or say use_gpu = false",
        ),
        Failure(
            match=r"framealign: error: cannot write .*No space left on device",
            class_=FailureClass.DISK_FULL,
        ),
        Failure(
            match=r"framealign: error: .* is too large for memory", class_=FailureClass.HOST_MEMORY
        ),
        Failure(
            match=r"framealign: error: .*( is truncated| is not a |has no pixel size"
            r"|different files|cannot read )",
            class_=FailureClass.BAD_INPUT,
        ),
    ),
    example=(
        Example(
            params={"movie": "m1.mrc"},
            argv=(
                *("gpucore-framealign", "--in", "m1.mrc", "--out", "m1_aligned.mrc"),
                *("--shifts", "m1_shifts.tsv", "--upsample", "20", "--bfactor", "150.0"),
                *("--iterations", "3"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
        Example(
            params={"movie": "m1.mrc", "pixel_size": 0.885},
            gpus=(3,),
            argv=(
                *("gpucore-framealign", "--in", "m1.mrc", "--out", "m1_aligned.mrc"),
                *("--shifts", "m1_shifts.tsv", "--pixel-size", "0.885", "--upsample", "20"),
                *("--bfactor", "150.0", "--iterations", "3", "--gpu", "0"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={"movie": "my movie.mrc", "out": "a.mrc", "shifts": "a.tsv", "upsample": 50},
            gpus=(0, 2),
            argv=(
                *("gpucore-framealign", "--in", "my movie.mrc", "--out", "a.mrc"),
                *("--shifts", "a.tsv", "--upsample", "50", "--bfactor", "150.0"),
                *("--iterations", "3", "--gpu", "0", "1"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,2"},
        ),
    ),
    licence="Apache-2.0",
    citation="Guizar-Sicairos, Thurman & Fienup, Opt. Lett. 33 (2008) 156-158, "
    "doi:10.1364/OL.33.000156",
    source="gpucore_adapters/framealign/program.py",
)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer the adapter."""
    return (FRAMEALIGN,)
