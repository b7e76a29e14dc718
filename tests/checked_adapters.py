"""An adapter without a fault, and ways to give it one."""

from __future__ import annotations

from dataclasses import replace

from gpucore.standard.adapter import (
    Adapter,
    Example,
    Failure,
    Group,
    InputFile,
    Link,
    Output,
    Param,
    Template,
)
from gpucore.standard.model import FailureClass
from gpucore.standard.program import Gpu, Program, Version
from gpucore.standard.use import GpuUse

MOVIE = Param(type="path", help="movie", item=True)
OUT = Param(type="path", help="micrograph", output="%(movie.stem)s.mrc")
GOOD = Adapter(
    name="prog",
    title="Prog: it aligns",
    program=Program(executable="Prog", version=Version(args=("-v",), regex=r"(\d+)")),
    gpu=Gpu(use=GpuUse.OPTIONAL, form="space"),
    command=Template(
        argv=(
            "%(EXE)s",
            "-In",
            "%(movie)s",
            "-Out",
            "%(out)s",
            Group(args=("-Gain", "%(gain)s")),
            Group(args=("-Gpu", "%(GPU)s"), when="gpu"),
        ),
        stdin=("%(movie.base)s",),
        env={"THREADS": "1"},
        own_directory=True,
    ),
    params={
        "movie": MOVIE,
        "out": OUT,
        "gain": Param(type="path", help="gain", optional=True),
        "mpi": Param(type="int", help="ranks", default=1),
    },
    file=(InputFile(name="in.star", text="%(movie)s\n"),),
    link=(Link(name="l", target="%(movie)s"),),
    output=(Output(name="log", path="%(out.base)s.log", when="gain"),),
    failure=(Failure(match="no valid device", class_=FailureClass.NO_DEVICE),),
    example=(
        Example(
            params={"movie": "m.tif"},
            gpus=(0, 3),
            argv=("Prog", "-In", "m.tif", "-Out", "m.mrc", "-Gpu", "0", "3"),
            stdin="m\n",
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "THREADS": "1"},
        ),
        Example(params={"movie": "m.tif"}, argv=("Prog", "-In", "m.tif", "-Out", "m.mrc")),
    ),
)


def with_command(**changes: object) -> Adapter:
    return replace(GOOD, command=replace(GOOD.command, **changes), example=())


def with_gpu(**changes: object) -> Adapter:
    return replace(GOOD, gpu=replace(GOOD.gpu, **changes), example=())


def with_param(name: str, param: Param) -> Adapter:
    return replace(GOOD, params={**GOOD.params, name: param}, example=())


def with_argv(*more: str | Group) -> Adapter:
    return with_command(argv=(*GOOD.command.argv, *more))


def with_example(**changes: object) -> Adapter:
    return replace(GOOD, example=(replace(GOOD.example[0], **changes),))


def without_marks(gpu: Gpu) -> Adapter:
    return replace(with_command(argv=("%(EXE)s",)), gpu=gpu)
