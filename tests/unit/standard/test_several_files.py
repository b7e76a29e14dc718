"""An item that is a list: one command for several files, outputs and links for each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gpucore.errors import ParameterError
from gpucore.outcomes import expected_outputs
from gpucore.planning import make_step, stage_steps
from gpucore.standard import Adapter, Link, Output, Param, Program, Template, render
from gpucore.standard.checks import adapter_faults
from gpucore.standard.params import rooted
from gpucore.standard.several import Several, of_each

if TYPE_CHECKING:
    from gpucore.standard.step import Step

FILES = Param(type="path", item=True, many=True, length=0, help="what is read")
MADE = Param(type="path", output="%(files.stem)s.out", length=0, help="what is made")
LIST = Adapter(
    name="list",
    title="list: takes many files",
    program=Program(executable="list"),
    command=Template(own_directory=True, argv=("%(EXE)s", "%(files.name)s", "%(gain)s")),
    params={
        "files": FILES,
        "made": MADE,
        "gain": Param(type="path", default="g.mrc", help="gain"),
    },
    link=(
        Link(name="%(files.name)s", target="%(files)s"),
        Link(name="gain", target="%(gain)s"),
    ),
    output=(
        Output(name="made", made="%(files.stem)s.made"),
        Output(name="log", path="%(made.base)s.log", made="%(files.stem)s.log", optional=True),
    ),
)


def step(*files: str, **more: object) -> Step:
    return make_step(LIST, {"files": files, **more}, name="s", output="out")


def test_the_files_are_arguments_and_each_has_its_link() -> None:
    assert adapter_faults(LIST) == []
    command = render(LIST, rooted(LIST, step("in/a.tif", "b.tif").values, "/r"))
    assert command.argv == ("list", "a.tif", "b.tif", "/r/g.mrc")
    assert [(one.name, one.target) for one in command.links] == [
        ("a.tif", "/r/in/a.tif"),
        ("gain", "/r/g.mrc"),
        ("b.tif", "/r/b.tif"),
    ]


def test_each_file_has_outputs_of_its_own() -> None:
    made = step("in/a.tif", "b.tif")
    assert [
        (one.name, one.path, one.made) for one in expected_outputs(made, made.values, gpu=False)
    ] == [
        ("made of a.tif", "out/a.out", "a.made"),
        ("log of a.tif", "out/a.log", "a.log"),
        ("made of b.tif", "out/b.out", "b.made"),
        ("log of b.tif", "out/b.log", "b.log"),
    ]
    assert of_each(LIST, made.values)[1] == {"files": "b.tif", "made": "out/b.out", "gain": "g.mrc"}


def test_a_stage_runs_over_single_files_and_over_several_at_once() -> None:
    items = ["a.tif", Several("batch-0001", ("b.tif", "c.tif"))]
    steps = list(stage_steps(LIST, items, {}, stage="s", output="out"))
    assert [one.name for one in steps] == ["s/a", "s/batch-0001"]
    assert [one.values["made"] for one in steps] == [("out/a.out",), ("out/b.out", "out/c.out")]


@pytest.mark.parametrize(
    ("files", "more", "told"),
    [
        (("a/m.tif", "b/m.tif"), {}, "two of `files` would make the same output `out/m.out`"),
        (("a.tif",), {"made": ["x", "y"]}, "`made` names 2 files for 1 of `files`"),
    ],
)
def test_files_without_an_output_of_their_own_are_refused(
    files: tuple[str, ...], more: dict[str, object], told: str
) -> None:
    with pytest.raises(ParameterError, match=told):
        step(*files, **more)


@pytest.mark.parametrize(
    ("name", "param", "told"),
    [
        ("files", replace(FILES, many=False), "is an item, and a list that gpucore cannot fill"),
        ("files", replace(FILES, length=2), "is no item that is a list or a folder"),
        ("files", replace(FILES, length=None), "is no item that is a list or a folder"),
        ("gain", replace(LIST.params["gain"], many=True), "is no item that is a list or a folder"),
        ("made", replace(MADE, length=2), "is a list of outputs, and its item is none"),
    ],
)
def test_an_adapter_that_says_it_half_is_refused(name: str, param: Param, told: str) -> None:
    wrong = replace(LIST, params={**LIST.params, name: param})
    assert any(told in fault.what for fault in adapter_faults(wrong))


def test_a_list_of_outputs_needs_an_item_that_is_a_list() -> None:
    item = Param(type="path", item=True, help="what is read")
    wrong = replace(LIST, params={**LIST.params, "files": item})
    assert any("its item is none" in fault.what for fault in adapter_faults(wrong))
