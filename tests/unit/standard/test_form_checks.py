"""What the newer fields of an adapter may not contradict: masks, numbers, files, failures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from checked_adapters import GOOD, OUT, with_argv, with_command, with_example, with_gpu, with_param

from gpucore.config import check_adapter, parse_toml
from gpucore.errors import Faults, GpucoreError
from gpucore.standard.adapter import (
    Adapter,
    Failure,
    Group,
    Link,
    Output,
    Param,
    Template,
)
from gpucore.standard.checks import adapter_faults
from gpucore.standard.model import FailureClass
from gpucore.standard.program import Gpu
from gpucore.standard.use import GpuUse

X = Param(type="string", help="x")
N = Param(type="float", help="n", optional=True)
PARAM_FAULTS = [
    (replace(X, needs=("gian",)), "params.x.needs", "`gian` is no other parameter", "`gain`"),
    (replace(X, needs=("x",)), "params.x.needs", "`x` is no other parameter", ""),
    (replace(X, min=1), "params.x", "`x` is no number, and has min", "bounds"),
    (replace(X, format="%d"), "params.x.format", "is no number", "take it out"),
    (replace(N, format="%s"), "params.x.format", "`%s` is no format", "%03d"),
    (replace(N, format="%.2f %.2f"), "params.x.format", "is no format", "%03d"),
    (replace(N, format="%d"), "params.x.format", "cut the digits", "%.0f"),
    (replace(N, min=0, above=0), "params.x", "both min and above", "leave one"),
    (replace(N, max=0, below=0), "params.x", "both max and below", "leave one"),
    (replace(N, above=1, below=1), "params.x", "no number lies between", "move"),
    (replace(N, min=2, below=1), "params.x", "min 2 is above below 1", "swap"),
    (replace(N, above=1, default=1), "params.x.default", "too small", "more than 1"),
    (replace(N, less_than="z"), "params.x.less_than", "`z` is no other parameter", "one of"),
    (replace(N, less_than="movie"), "params.x.less_than", "not both single numbers", "numbers"),
    (replace(N, no_more_than="x"), "params.x.no_more_than", "no other parameter", ""),
    (replace(N, less_than="mpi", default=1), "params", "`x` = 1 does not go with `mpi`", "less"),
    (replace(OUT, output="%(movie.dir)s/a.mrc"), "params.x", "lies where `movie` does", "stem"),
    (replace(OUT, output="%(movie)s.mrc"), "params.x", "lies where `movie` does", "stem"),
]
CASES: list[tuple[Adapter, str, str, str]] = [
    (with_gpu(memory=0), "gpu.memory", "0 MiB are no memory", "leave it out"),
    (with_gpu(max=1, changes_result="more"), "gpu.changes_result", "uses one alone", "`max`"),
    (with_gpu(sees_one=True), "gpu.sees_one", "may be given more", "max = 1"),
    (with_gpu(sees_one=True, max=1, isolation=False), "gpu.sees_one", "bears no mask", "one of"),
    (
        with_gpu(sees_one=True, max=1, overwrites_mask=True),
        "gpu.overwrites_mask",
        "would be overwritten",
        "`sees_one`",
    ),
    (with_gpu(overwrites_mask=True, ids="visible"), "gpu.ids", "other GPUs", 'ids = "host"'),
    (with_gpu(overwrites_mask=True, form="count"), "gpu.overwrites_mask", "told of no GPU", "form"),
    (with_gpu(leader=True), "gpu.leader", "a leader without ranks", "MPI ranks"),
    (
        replace(
            GOOD,
            gpu=Gpu(memory=1),
            command=Template(argv=("%(EXE)s",), own_directory=True),
            example=(),
        ),
        "gpu.memory",
        "uses no GPU",
        "`use`",
    ),
    (
        replace(
            GOOD,
            gpu=Gpu(use=GpuUse.COMPULSORY, form="repeat"),
            example=(),
            command=replace(GOOD.command, argv=("%(EXE)s", "-g", "%(GPU)s")),
        ),
        "command.argv",
        "nothing to repeat",
        "args",
    ),
    (
        with_argv(Group(args=("%(GPU.cont)s",), when="gpu")),
        "command.argv",
        "no part of the GPUs",
        "`count`",
    ),
    (with_argv("%(GPU.count)s"), "command.argv", "may have no value", "when = "),
    (
        with_argv(Group(args=("a",), where={"gian": ("x",)})),
        "command.argv[7].where",
        "`gian`",
        "`gain`",
    ),
    (with_argv(Group(args=("a",), where={"gain": ()})), "command.argv[7].where", "fits", "one"),
    (with_argv(Group(args=("a",), equals=("b",))), "command.argv[7]", "without a name", "`where`"),
    (
        replace(GOOD, output=(Output(name="log", path="%(out.base)s.log", when="gpus"),)),
        "output[0]",
        "and not afterwards",
        "`gpu`",
    ),
    (
        replace(GOOD, output=(Output(name="log", path="%(movie.dir)s/a.log"),)),
        "output[0]",
        "outside the output directory",
        "%(out.base)s",
    ),
    (
        replace(GOOD, output=(Output(name="log", path="a.log"),)),
        "output[0]",
        "outside the output directory",
        "%(out.base)s",
    ),
    (
        replace(
            with_command(own_directory=False),
            file=(),
            link=(),
            output=(Output(name="out", made="a.mrc"),),
        ),
        "output[0].made",
        "a directory that the step has not",
        "own_directory",
    ),
    (
        replace(GOOD, link=(Link(name="../l", target="%(movie)s"),)),
        "link[0].name",
        "outside the step's directory",
        "below it",
    ),
    (
        replace(GOOD, failure=(Failure(class_=FailureClass.UNKNOWN),)),
        "failure[0]",
        "of nothing",
        "`codes`",
    ),
    (
        replace(GOOD, failure=(Failure(file="%(nout)s", class_=FailureClass.UNKNOWN),)),
        "failure[0].file",
        "names no parameter",
        "`out`",
    ),
    (
        replace(GOOD, failure=(Failure(file="../a.log", class_=FailureClass.UNKNOWN),)),
        "failure[0].file",
        "not a file of the step",
        "own_directory",
    ),
    (replace(GOOD, success_match="("), "success_match", "no regular expression", "mend"),
    (with_example(files={}), "example[0].files", "come out as {'in.star': 'm.tif", "mend"),
]


@pytest.mark.parametrize(
    ("param", "where", "what", "hint"),
    PARAM_FAULTS,
    ids=[f"{case[1]}: {case[2]}" for case in PARAM_FAULTS],
)
def test_a_parameter_that_contradicts_itself_is_refused(
    param: Param, where: str, what: str, hint: str
) -> None:
    (fault,) = adapter_faults(with_param("x", param))
    assert fault.where == where
    assert what in fault.what
    assert hint in fault.hint


@pytest.mark.parametrize(
    ("adapter", "where", "what", "hint"), CASES, ids=[f"{case[1]}: {case[2]}" for case in CASES]
)
def test_a_contradiction_is_the_one_fault_that_is_told(
    adapter: Adapter, where: str, what: str, hint: str
) -> None:
    (fault,) = adapter_faults(adapter)
    assert fault.where == where
    assert what in fault.what
    assert hint in fault.hint


BROKEN = """\
name = "a"
title = "t"
program = { executable = "a" }
gpu = { use = "optional", form = "comma", sees_one = true }
[command]
argv = ["%(EXE)s", "%(x)s", "%(y)s"]
[params]
x = { type = "int", help = "h", default = 1, less_than = "z", above = 1 }
[[output]]
name = "o"
path = "/tmp/x"
[[file]]
name = "c"
entries = { a = "%(q)s" }
[[example]]
params = {}
argv = ["a", "2"]
"""


def test_a_file_is_refused_with_every_contradiction_at_its_line() -> None:
    with pytest.raises(Faults) as caught:
        check_adapter(parse_toml(Path("a.toml"), BROKEN))
    told = [(str(one.where).partition(":")[2], one.what) for one in caught.value.errors]
    assert [where for where, _ in told] == [
        "4: gpu.form",
        "4: gpu.sees_one",
        "5: command.own_directory",
        "6: command.argv",
        "8: params.x.less_than",
        "8: params.x.default",
        "9: output[0]",
        "12: file[0].format",
        "14: file[0].entries.a",
        "15: example[0]",
    ]
    assert all(one.hint for one in caught.value.errors)


def test_two_parameters_of_one_name_are_refused() -> None:
    twice = BROKEN.replace("[[output]]", 'x = { type = "int", help = "h" }\n[[output]]')
    with pytest.raises(GpucoreError, match="a key is given twice"):
        parse_toml(Path("a.toml"), twice)
