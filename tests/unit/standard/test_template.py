"""Templates filled per argument: conditions, lists, GPUs, standard input, files and links."""

from __future__ import annotations

import pytest

from gpucore.errors import TemplateError
from gpucore.standard.adapter import Adapter, Group, InputFile, Link, Output, Param, Template
from gpucore.standard.marks import Mark, marks, split
from gpucore.standard.model import Device, FileToWrite, LinkToMake
from gpucore.standard.params import read_values
from gpucore.standard.program import Gpu, Program
from gpucore.standard.template import fill_gpu, fill_text, holds, render
from gpucore.standard.use import GpuUse

DEVICES = tuple(Device(uuid=f"GPU-{name}", index=place) for place, name in enumerate("abcd"))
PARAMS = {
    "movie": Param(type="path", help="movie", default="in/m.tif"),
    "gain": Param(type="path", help="gain", optional=True),
    "bin": Param(type="float", help="binning", default=1.0),
    "fast": Param(type="bool", help="fast", default=False),
    "mode": Param(type="choice", help="mode", choices=("a", "b"), default="a"),
    "label": Param(type="string", help="label", default=""),
    "patch": Param(type="int", help="patches", length=2, optional=True),
    "dose": Param(type="float", help="dose", length=0, separator=",", optional=True),
    "ranks": Param(type="int", help="ranks", default=1),
}


def adapter(*argv: str | Group, gpu: Gpu | None = None, **more: object) -> Adapter:
    command = {key: more.pop(key) for key in ("stdin", "env", "own_directory") if key in more}
    return Adapter(
        name="prog",
        title="a program",
        program=Program(executable="prog"),
        gpu=gpu or Gpu(use=GpuUse.OPTIONAL, form="space"),
        command=Template(argv=argv, **command),
        params=PARAMS,
        **more,
    )


def argv(*items: str | Group, gpus: int = 0, gpu: Gpu | None = None, **given: object) -> list[str]:
    one = adapter(*items, gpu=gpu)
    return list(render(one, read_values(one, given), DEVICES[:gpus]).argv)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", ("",)),
        ("mic_%03d.mrc", ("mic_%03d.mrc",)),
        ("50%", ("50%",)),
        ("%(out)s", (Mark("out"),)),
        ("a%(x)sb%(y.stem)s", ("a", Mark("x"), "b", Mark("y", "stem"))),
        ("%(a)d %% %(b) %(9)s %()s", ("%(a)d %% %(b) %(9)s %()s",)),
    ],
)
def test_a_percent_that_is_no_mark_is_itself(text: str, pieces: tuple[object, ...]) -> None:
    assert split(text) == pieces
    assert "".join(str(piece) for piece in split(text)) == text
    assert marks(text) == [piece for piece in pieces if isinstance(piece, Mark)]


def test_percents_stay_as_they_are_in_a_command() -> None:
    assert argv("%(EXE)s", "mic_%03d.mrc", "50%") == ["prog", "mic_%03d.mrc", "50%"]


GPU = Group(args=("-Gpu", "%(GPU)s"), when="gpu")


@pytest.mark.parametrize(
    ("group", "gpus", "given", "there"),
    [
        (Group(args=("x",), when="gpu"), 1, {}, True),
        (Group(args=("x",), when="gpu"), 0, {}, False),
        (Group(args=("x",), when="cpu"), 1, {}, False),
        (Group(args=("x",), when="cpu"), 0, {}, True),
        (Group(args=("x",), unless="gpu"), 1, {}, False),
        (Group(args=("x",), unless="gpu"), 0, {}, True),
        (Group(args=("x",), when="gpu", unless="fast"), 1, {"fast": True}, False),
        (Group(args=("x",), when="gpu", unless="fast"), 1, {}, True),
        (Group(args=("x",), when="fast"), 0, {"fast": True}, True),
        (Group(args=("x",), when="fast"), 0, {}, False),
        (Group(args=("x",), when="gain"), 0, {"gain": "g"}, True),
        (Group(args=("x",), when="gain"), 0, {}, False),
        (Group(args=("x",), unless="gain"), 0, {}, True),
        (Group(args=("x",), when="bin"), 0, {"bin": 0.0}, True),
        (Group(args=("x",), when="label"), 0, {"label": ""}, False),
        (Group(args=("x",), when="dose"), 0, {"dose": []}, False),
        (Group(args=("x",), when="movie", suffix=(".tif", ".tiff")), 0, {}, True),
        (Group(args=("x",), when="movie", suffix=(".TIF",)), 0, {"movie": "a.tIf"}, True),
        (Group(args=("x",), when="movie", suffix=(".mrc",)), 0, {}, False),
        (Group(args=("x",), unless="movie", suffix=(".mrc",)), 0, {}, True),
        (Group(args=("x",), when="mode", equals=("a", "c")), 0, {}, True),
        (Group(args=("x",), when="mode", equals=("b",)), 0, {}, False),
        (Group(args=("x",), when="bin", at_least=1.5), 0, {"bin": 1.5}, True),
        (Group(args=("x",), when="bin", at_least=1.5), 0, {"bin": 1.4}, False),
        (Group(args=("x",), when="label", at_least=1), 0, {"label": "9"}, False),
        (Group(args=("x", "%(gain)s")), 0, {"gain": "g"}, True),
        (Group(args=("x", "%(gain)s")), 0, {}, False),
        (Group(args=("x", "%(dose)s")), 0, {"dose": []}, False),
        (Group(args=("x", "%(GPU)s")), 0, {}, False),
        (Group(args=("x", "%(GPU)s")), 2, {}, True),
        (Group(args=("x", "%(EXE)s")), 0, {}, True),
        (Group(args=("x",)), 0, {}, True),
    ],
)
def test_a_group_is_there_only_under_its_condition(
    group: Group, gpus: int, given: dict[str, object], there: bool
) -> None:
    assert ("x" in argv("a", group, gpus=gpus, **given)) is there


def test_a_parameter_called_gpu_is_asked_before_the_condition() -> None:
    params = {"gpu": Param(type="bool", help="x", default=False)}
    group = Group(args=("x",), when="gpu")
    assert not holds(group, {"gpu": False}, params, gpu=True)


def test_an_output_is_there_under_the_same_conditions() -> None:
    output = Output(name="stack", path="%(gain.stem)s.mrcs")
    assert not holds(output, {"gain": None}, PARAMS, gpu=False)
    assert holds(output, {"gain": "g"}, PARAMS, gpu=False)


@pytest.mark.parametrize(
    ("items", "given", "expected"),
    [
        (("%(movie)s",), {}, ["in/m.tif"]),
        (("%(patch)s",), {"patch": [5, 6]}, ["5", "6"]),
        (("%(dose)s",), {"dose": [1, 2.5]}, ["1.0,2.5"]),
        (("--dose=%(dose)s",), {"dose": [1, 2.5]}, ["--dose=1.0,2.5"]),
        (("%(dose)s",), {"dose": []}, [""]),
        (("%(fast)s",), {"fast": True}, ["1"]),
        (("%(fast)s",), {}, ["0"]),
        (("%(bin)s",), {"bin": 2}, ["2.0"]),
        (("%(label)s",), {}, [""]),
        (("%(movie.name)s", "%(movie.stem)s"), {"movie": "d/a.b.tif"}, ["a.b.tif", "a.b"]),
        (("%(movie.suffix)s", "%(movie.dir)s"), {"movie": "d/a.b.tif"}, [".tif", "d"]),
        (("%(movie.base)s.star",), {"movie": "d/a.b.tif"}, ["d/a.b.star"]),
        (("%(movie.base)s",), {"movie": "d.x/a"}, ["d.x/a"]),
        (("%(movie.base)s",), {"movie": "d/a.mrc/"}, ["d/a"]),
        (("%(movie.base)s",), {"movie": "-a.mrc"}, ["./-a"]),
        (("%(label)s%(label)s",), {"label": "%(movie)s"}, ["%(movie)s%(movie)s"]),
    ],
)
def test_values_become_arguments(
    items: tuple[str, ...], given: dict[str, object], expected: list[str]
) -> None:
    assert argv(*items, **given) == expected


@pytest.mark.parametrize(
    ("gpu", "group", "gpus", "expected"),
    [
        (Gpu(use=GpuUse.OPTIONAL, form="space"), GPU, 2, ["-Gpu", "0", "1"]),
        (Gpu(use=GpuUse.OPTIONAL, form="space", max=1), GPU, 2, ["-Gpu", "0"]),
        (Gpu(use=GpuUse.OPTIONAL, form="comma"), GPU, 3, ["-Gpu", "0,1,2"]),
        (Gpu(use=GpuUse.OPTIONAL, form="space"), GPU, 0, []),
        (Gpu(use=GpuUse.OPTIONAL, form="repeat"), GPU, 2, ["-Gpu", "0", "-Gpu", "1"]),
        (
            Gpu(use=GpuUse.OPTIONAL, form="repeat"),
            Group(args=("--dev=%(GPU)s",)),
            2,
            ["--dev=0", "--dev=1"],
        ),
        (Gpu(use=GpuUse.OPTIONAL, form="repeat"), Group(args=("x",), when="gpu"), 2, ["x"]),
        (Gpu(use=GpuUse.OPTIONAL, form="comma"), Group(args=("-g=%(GPU)s",)), 2, ["-g=0,1"]),
    ],
)
def test_the_gpu_mark_becomes_what_the_form_says(
    gpu: Gpu, group: Group, gpus: int, expected: list[str]
) -> None:
    assert argv(group, gpu=gpu, gpus=gpus) == expected


def test_ranks_come_from_the_parameter_that_holds_them() -> None:
    gpu = Gpu(use=GpuUse.OPTIONAL, form="colon", ranks="ranks", leader=True, max=1)
    assert argv(GPU, gpu=gpu, gpus=4, ranks=3) == ["-Gpu", "0:1"]
    one = adapter(GPU, gpu=gpu)
    values = {**read_values(one, {}), "ranks": None}
    assert render(one, values, DEVICES[:2]).argv == ("-Gpu", "0")


def test_a_site_can_call_the_program_otherwise_and_isolate_it() -> None:
    one = adapter("%(EXE)s", GPU)
    command = render(one, read_values(one, {}), DEVICES[2:], executable="/opt/p", isolate=True)
    assert command.argv == ("/opt/p", "-Gpu", "0", "1")
    assert command.env["CUDA_VISIBLE_DEVICES"] == "2,3"


@pytest.mark.parametrize(
    ("item", "gpus", "given", "what"),
    [
        ("%(movi)s", 0, {}, "the mark %(movi)s names nothing that is known here"),
        ("%(gain)s", 0, {}, "the mark %(gain)s has no value"),
        ("x%(gain.stem)s", 0, {}, "the mark %(gain.stem)s has no value"),
        ("-p%(patch)s", 0, {"patch": [1, 2]}, "the list %(patch)s stands inside a text"),
        ("%(dose.stem)s", 0, {"dose": [1]}, "the list %(dose.stem)s stands inside a text"),
        ("%(GPU)s", 0, {}, "left without a value: the step has no GPU"),
        ("-g%(GPU)s", 0, {}, "left without a value: the step has no GPU"),
        ("-g%(GPU)s", 2, {}, "2 GPUs stand inside one argument"),
    ],
)
def test_a_mark_left_without_a_value_is_an_error(
    item: str, gpus: int, given: dict[str, object], what: str
) -> None:
    with pytest.raises(TemplateError) as error:
        argv(item, gpus=gpus, **given)
    assert what in error.value.what
    assert error.value.hint
    assert error.value.where == "adapter prog"


def test_a_program_is_answered_on_standard_input_line_by_line() -> None:
    one = adapter("p", stdin=("%(movie)s", Group(args=("%(gain)s",)), "%(patch)s", ""))
    command = render(one, read_values(one, {"patch": [5, 6]}), ())
    assert command.stdin == "in/m.tif\n5\n6\n\n"
    assert render(adapter("p"), {}, ()).stdin is None


def test_a_line_break_in_an_answer_is_refused() -> None:
    one = adapter("p", stdin=("%(movie)s",))
    with pytest.raises(TemplateError, match="reads its answers line by line"):
        render(one, read_values(one, {"movie": "a\nb"}), ())


def test_files_links_and_environment_are_filled() -> None:
    one = adapter(
        "p",
        env={"POCL": "%(GPU)s", "OTHER": "50%"},
        own_directory=True,
        file=(InputFile(name="%(movie.stem)s.star", text="data_\n%(movie)s %(dose)s\n"),),
        link=(Link(name="in%(movie.suffix)s", target="%(movie)s"),),
    )
    command = render(one, read_values(one, {"dose": [1, 2]}), DEVICES[3:])
    assert command.env == {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "POCL": "3", "OTHER": "50%"}
    assert command.files == (FileToWrite(name="m.star", text="data_\nin/m.tif 1.0,2.0\n"),)
    assert command.links == (LinkToMake(name="in.tif", target="in/m.tif"),)
    assert command.own_directory


def test_any_commands_gpu_marks_are_filled() -> None:
    filled = fill_gpu(["p", "%(GPU)s", "--g=%(GPU)s", "%(x)s", "50%"], ["0", "3"])
    assert filled == ["p", "0", "3", "--g=0,3", "%(x)s", "50%"]
    assert fill_gpu(["p", "50%"], []) == ["p", "50%"]


@pytest.mark.parametrize("argument", ["%(GPU)s", "--g=%(GPU)s"])
def test_any_commands_gpu_mark_left_without_a_value_is_an_error(argument: str) -> None:
    with pytest.raises(TemplateError, match="left without a value"):
        fill_gpu(["p", argument], [])


def test_a_text_is_filled_outside_any_adapter() -> None:
    assert fill_text("%(name)s_%(n)s_%(b)s", {"name": "a", "n": 3, "b": True}, {}) == "a_3_true"
    with pytest.raises(TemplateError, match="stands inside a text"):
        fill_text("%(many)s", {"many": (1, 2)}, {})
