"""Each kind of contradiction in an adapter is found and told with its key."""

from __future__ import annotations

from dataclasses import replace

import pytest
from checked_adapters import (
    GOOD,
    MOVIE,
    OUT,
    with_argv,
    with_command,
    with_example,
    with_gpu,
    with_param,
    without_marks,
)

from gpucore.standard.adapter import (
    Adapter,
    Failure,
    Group,
    InputFile,
    Link,
    Output,
    Param,
)
from gpucore.standard.checks import adapter_faults, example_devices, named_outputs
from gpucore.standard.model import FailureClass
from gpucore.standard.params import read_values
from gpucore.standard.program import Gpu, Program, Version
from gpucore.standard.use import GpuUse


def test_a_good_adapter_has_no_faults() -> None:
    assert adapter_faults(GOOD) == []


X = Param(type="string", help="x")


CASES: list[tuple[Adapter, str, str, str]] = [
    (replace(GOOD, name="Prog 1"), "name", "`Prog 1` is no adapter's name", "a letter first"),
    (replace(GOOD, name="-a"), "name", "`-a` is no adapter's name", "a letter first"),
    (replace(GOOD, title=""), "title", "the title is empty", "one line"),
    (
        replace(GOOD, program=Program(executable=""), example=()),
        "program.executable",
        "the executable is empty",
        "name the program",
    ),
    (
        replace(with_command(argv=()), gpu=Gpu()),
        "command.argv",
        "the command is empty",
        "%(EXE)s",
    ),
    (
        without_marks(Gpu(use=GpuUse.COMPULSORY, form="comma")),
        "gpu.form",
        "the form is `comma`, but the command has no %(GPU)s",
        'form = "none"',
    ),
    (with_gpu(use=GpuUse.NONE), "command.argv", "the program is told of no GPU", "`use`"),
    (with_gpu(form="none"), "command.argv", "the program is told of no GPU", "`form`"),
    (with_gpu(max=0), "gpu.max", "0 GPUs are none", "1 or more"),
    (with_gpu(ranks="mpi"), "gpu.ranks", "ranks have no meaning for the form `space`", "colon"),
    (
        with_gpu(form="colon", ranks="mpl"),
        "gpu.ranks",
        "`mpl` is no whole-number parameter",
        "`mpi`",
    ),
    (
        with_gpu(form="colon", ranks="out"),
        "gpu.ranks",
        "`out` is no whole-number parameter",
        "`out`",
    ),
    (
        with_command(env={"CUDA_VISIBLE_DEVICES": "0"}),
        "command.env.CUDA_VISIBLE_DEVICES",
        "is set by the standard",
        'ids = "visible"',
    ),
    (
        with_command(env={"CUDA_DEVICE_ORDER": "0"}),
        "command.env.CUDA_DEVICE_ORDER",
        "is set by the standard",
        "take it out",
    ),
    (with_param("b", MOVIE), "params", "over one parameter, not 2: movie, b", "leave"),
    (with_param("a-b", X), "params.a-b", "`a-b` is no parameter's name", "letters"),
    (
        with_param("GPU", X),
        "params.GPU",
        "`GPU` is no parameter's name",
        "not EXE, GPU, after",
    ),
    (with_param("cpu", X), "params.cpu", "`cpu` is no parameter's name", "letters"),
    (with_param("x", replace(X, help="")), "params.x", "`x` has no help", "one line"),
    (
        with_param("x", replace(X, type="choice")),
        "params.x",
        "`x` is a choice with 0 choices",
        "choices go with",
    ),
    (
        with_param("x", replace(X, choices=("a",))),
        "params.x",
        "`x` is a string with 1 choices",
        "choices go with",
    ),
    (
        with_param("movie", replace(MOVIE, output="a.mrc")),
        "params.movie",
        "`movie` is both item and output",
        "leave one",
    ),
    (
        with_param("movie", replace(MOVIE, type="string")),
        "params.movie",
        "an item or an output, and no path",
        'type = "path"',
    ),
    (
        with_param("x", Param(type="float", help="x", min=2, max=1)),
        "params.x",
        "`x`: min 2 is above max 1",
        "swap them",
    ),
    (
        with_param("out", replace(OUT, output="/data/a.mrc")),
        "params.out",
        "`/data/a.mrc` lies outside the output directory",
        "below it",
    ),
    (
        with_param("out", replace(OUT, output="a/../../b.mrc")),
        "params.out",
        "lies outside the output directory",
        "below it",
    ),
    (
        with_param("x", Param(type="int", help="x", default=0, min=1)),
        "params.x.default",
        "`x` = 0 is too small",
        "1 or more",
    ),
    (with_argv("%(movi)s"), "command.argv", "the mark %(movi)s names no parameter", "`movie`"),
    (
        with_argv("%(movie.stam)s"),
        "command.argv",
        "the mark %(movie.stam)s names no part of a path",
        "`stem`",
    ),
    (with_argv("%(gain)s"), "command.argv", "%(gain)s may have no value", '{ args = ["%(gain)s"]'),
    (with_argv("%(GPU)s"), "command.argv", "%(GPU)s may have no value", 'when = "gpu"'),
    (with_command(stdin=("%(no)s",)), "command.stdin", "%(no)s names no parameter", ""),
    (with_command(stdin=("%(gain)s",)), "command.stdin", "%(gain)s may have no value", ""),
    (with_command(env={"A": "%(no)s"}), "command.env.A", "%(no)s names no parameter", ""),
    (with_command(env={"A": "%(gain)s"}), "command.env.A", "%(gain)s may have no value", ""),
    (with_command(env={"A": "%(GPU)s"}), "command.env.A", "%(GPU)s may have no value", ""),
    (
        replace(GOOD, file=(InputFile(name="%(no)s", text=""),), example=()),
        "file[0].name",
        "%(no)s names no parameter",
        "",
    ),
    (
        replace(GOOD, link=(Link(name="%(no)s", target="a"),), example=()),
        "link[0].name",
        "%(no)s names no parameter",
        "",
    ),
    (
        with_param("out", replace(OUT, output="%(no)s.mrc")),
        "params.out.output",
        "%(no)s names no parameter",
        "",
    ),
    (
        replace(GOOD, output=(Output(name="a", path="%(no)s"),)),
        "output[0].path",
        "%(no)s names no parameter",
        "",
    ),
    (
        replace(GOOD, output=(Output(name="a", path="%(out.base)s.a", made="%(no)s"),)),
        "output[0].made",
        "%(no)s names no parameter",
        "",
    ),
    (
        with_command(own_directory=False),
        "command.own_directory",
        "a step that has no directory",
        "own_directory = true",
    ),
    (with_argv(Group(args=("a",), when="gpux")), "command.argv[7]", "`gpux` is no", "`gpu`"),
    (with_argv(Group(args=("a",), unless="gian")), "command.argv[7]", "`gian` is no", "`gain`"),
    (
        with_command(stdin=(Group(args=("a",), when="gian"),)),
        "command.stdin[0]",
        "`gian` is no condition",
        "`gain`",
    ),
    (replace(GOOD, output=(Output(name="a"),)), "output[0]", "`a` has no path", "where it lies"),
    (
        replace(GOOD, output=tuple(Output(name="a", path=f"%(out.base)s.{end}") for end in "ab")),
        "output[1]",
        "two outputs are called `a`",
        "rename",
    ),
    (
        replace(GOOD, output=(Output(name="a", path="../a"),)),
        "output[0]",
        "`../a` lies outside the output directory",
        "%(out.base)s",
    ),
    (
        replace(GOOD, output=(Output(name="a", path="%(out.base)s.a", match="("),)),
        "output[0].match",
        "`(` is no regular expression",
        "mend",
    ),
    (
        replace(GOOD, output=(Output(name="a", path="%(out.base)s.a", when="zz"),)),
        "output[0]",
        "`zz` is no condition",
        "one of: gpu, cpu, gpus, movie",
    ),
    (
        replace(GOOD, failure=(Failure(match="(", class_=FailureClass.UNKNOWN),)),
        "failure[0].match",
        "`(` is no regular expression",
        "mend it",
    ),
    (
        replace(GOOD, program=Program(executable="Prog", version=Version(args=(), regex="v1"))),
        "program.version.regex",
        "`v1` has no group",
        "parentheses",
    ),
    (
        replace(GOOD, program=Program(executable="Prog", version=Version(args=(), regex="["))),
        "program.version.regex",
        "is no regular expression",
        "mend it",
    ),
    (with_example(argv=("Prog",)), "example[0].argv", "comes out as ['Prog', '-In', 'm.tif'", ""),
    (with_example(stdin="x"), "example[0].stdin", "standard input comes out as 'm\\n'", ""),
    (with_example(env={}), "example[0].env", "the environment comes out as {'CUDA_DEV", ""),
    (with_example(params={}), "example[0]", "parameter `movie` is missing", "give `movie`"),
    (
        replace(with_gpu(use=GpuUse.COMPULSORY), example=(GOOD.example[1],)),
        "example[0]",
        "the GPU is compulsory, and the example has none",
        "gpus = [0]",
    ),
]


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
    assert fault.hint


def test_all_faults_are_told_together() -> None:
    bad = replace(GOOD, name="", title="", failure=(Failure(match="(", class_=FailureClass.LIMIT),))
    assert [fault.where for fault in adapter_faults(bad)] == ["name", "title", "failure[0].match"]


@pytest.mark.parametrize(
    ("given", "folder", "named"),
    [
        ({"movie": "in/m.tif"}, "out", "out/m.mrc"),
        ({"movie": "in/m.tif"}, "", "m.mrc"),
        ({"movie": "in/m.tif", "out": "x.mrc"}, "out", "x.mrc"),
        ({"movie": "-m.tif"}, "out", "out/-m.mrc"),
        ({"movie": "-m.tif"}, "", "./-m.mrc"),
    ],
)
def test_an_output_that_is_not_given_is_named_by_its_pattern(
    given: dict[str, object], folder: str, named: str
) -> None:
    values = read_values(GOOD, given)
    assert named_outputs(GOOD, values, folder)["out"] == named
    assert values["out"] == given.get("out"), "the values given are not changed"


def test_an_optional_output_that_is_not_given_is_not_named() -> None:
    adapter = with_param("stack", replace(OUT, optional=True))
    assert named_outputs(adapter, read_values(adapter, {"movie": "m"}), "out")["stack"] is None


def test_an_adapter_knows_its_item_and_its_outputs() -> None:
    assert GOOD.item == "movie"
    assert replace(GOOD, params={}).item == ""
    assert GOOD.output_params == ("out",)


def test_the_devices_of_an_example_have_the_indexes_it_shows() -> None:
    assert [device.index for device in example_devices((0, 3))] == [0, 3]
