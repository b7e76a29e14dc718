"""Marks that add up whole numbers, or write them in so many digits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from forms import adapter, command

from gpucore.errors import TemplateError
from gpucore.standard import Group, InputFile, Output, Param, Template
from gpucore.standard.checks import adapter_faults
from gpucore.standard.marks import Mark, marks, split
from gpucore.standard.params import read_values
from gpucore.standard.template import fill_text, render

if TYPE_CHECKING:
    from gpucore.standard import Adapter

PARAMS = {
    **adapter().params,
    "epochs": Param(type="int", default=20, min=1, help="passes"),
    "first": Param(type="int", default=5, min=1, help="first rounds"),
    "later": Param(type="int", optional=True, min=1, help="more rounds"),
    "half": Param(type="float", default=0.5, help="no whole number"),
    "pair": Param(type="int", default=(1, 2), length=2, help="two numbers"),
    "odd_way": Param(type="int", default=7, format="%04d", help="a number with a format"),
}


def form(*argv: str | Group, **changes: object) -> Adapter:
    changes = {"params": PARAMS, **changes}
    whole = Template(argv=("%(EXE)s", "%(movie)s", "%(out)s", *argv), own_directory=True)
    return replace(adapter(), command=whole, **changes)


def rendered(text: str, **given: object) -> str:
    made = form(text)
    values = read_values(made, {"movie": "m.tif", "out": "m.txt", **given})
    return render(made, values).argv[-1]


@pytest.mark.parametrize(
    ("text", "given", "wanted"),
    [
        ("weights.%(epochs - 1)s.pkl", {}, "weights.19.pkl"),
        ("weights.%(epochs - 1)s.pkl", {"epochs": 1}, "weights.0.pkl"),
        ("%(epochs + first)s", {"epochs": 7}, "12"),
        ("%(epochs - first + 100 - 1)s", {}, "114"),
        ("%(epochs)03d", {}, "020"),
        ("%(epochs)03d", {"epochs": 1234}, "1234"),
        ("it%(epochs + first)04d_x", {}, "it0025_x"),
        ("%(epochs - 25)03d", {}, "-05"),
        # A sum is a number of its own, and not one of the parameter's.
        ("%(odd_way)s", {}, "0007"),
        ("%(odd_way + 1)s", {}, "8"),
    ],
)
def test_a_mark_may_add_up_and_have_leading_zeros(
    text: str, given: dict[str, object], wanted: str
) -> None:
    assert rendered(text, **given) == wanted


@pytest.mark.parametrize(
    "text",
    ["%(a)s", "%(a.stem)s", "%(a + b)s", "%(a - 1)s", "%(a + b - 12)02d", "%(a)09d"],
)
def test_a_mark_is_written_as_it_was_read(text: str) -> None:
    (mark,) = marks(text)
    assert str(mark) == text
    assert split(f"x{text}y") == ("x", mark, "y")


@pytest.mark.parametrize(
    "text", ["%(a)d", "%(a)3d", "%(a)00d", "%(a.stem)03d", "%(a.stem + 1)s", "%(a +1)s", "%(a + )s"]
)
def test_what_is_nearly_such_a_mark_stays_as_it_is(text: str) -> None:
    assert split(text) == (text,)


def test_a_mark_names_all_that_it_adds_up() -> None:
    assert Mark("a", terms=(("+", "b"), ("-", "12"))).names == ("a", "b")
    assert Group(args=("%(a + b)s", "%(a)s")).named == ("a", "b")


def test_a_group_is_left_out_when_one_of_the_numbers_has_no_value() -> None:
    made = form(Group(args=("--last", "%(epochs + later)s")))
    assert adapter_faults(made) == []
    assert "--last" not in command(made).argv
    values = read_values(made, {"movie": "m.tif", "out": "m.txt", "later": 3})
    assert render(made, values).argv[-2:] == ("--last", "23")


def test_a_sum_is_a_number_in_a_json_file_and_digits_are_a_text() -> None:
    entries = {"last": "%(epochs - 1)s", "name": "%(epochs)03d", "all": ("%(first + 1)s", 1)}
    made = form(file=(InputFile(name="c.json", format="json", entries=entries),))
    (file,) = command_files(made)
    assert file == '{\n  "last": 19,\n  "name": "020",\n  "all": [6, 1]\n}\n'


def command_files(made: Adapter) -> list[str]:
    values = read_values(made, {"movie": "m.tif", "out": "m.txt"})
    return [file.text for file in render(made, values).files]


def test_an_output_is_looked_for_under_a_name_with_a_sum() -> None:
    assert fill_text("%(out)s/w.%(epochs - 1)s", {"out": "o", "epochs": 20}, PARAMS) == "o/w.19"
    made = form(output=(Output(name="w", path="%(out.base)s.%(epochs - 1)s.pkl"),))
    assert adapter_faults(made) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("%(half + 1)s", "no single whole number"),
        ("%(epochs + half)s", "no single whole number"),
        ("%(pair - 1)s", "no single whole number"),
        ("%(movie)03d", "no single whole number"),
        ("%(EXE)03d", "no single whole number"),
        ("%(GPU + 1)s", "no single whole number"),
        ("%(epochs + frist)s", "names no parameter"),
        ("%(epochs-1)s", "names no parameter"),
        ("%(epochs + later)s", "may have no value"),
    ],
)
def test_what_cannot_be_added_up_is_refused_when_it_is_loaded(text: str, what: str) -> None:
    assert [one for one in adapter_faults(form(text)) if what in one.what]


@pytest.mark.parametrize("value", [True, 1.5, "3", (1, 2)])
def test_what_is_no_whole_number_is_never_added_up(value: object) -> None:
    with pytest.raises(TemplateError, match="no whole number"):
        fill_text("%(x + 1)s", {"x": value}, {})
