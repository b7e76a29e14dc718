"""Whole numbers that must be odd or a multiple, and texts that must fit a pattern."""

from __future__ import annotations

from dataclasses import replace

import pytest
from forms import adapter

from gpucore.errors import ParameterError
from gpucore.standard import Param
from gpucore.standard.checks import adapter_faults
from gpucore.standard.form import form_schema
from gpucore.standard.params import check_value, read_text, read_values, rooted
from gpucore.standard.template import render

ODD = Param(type="int", odd=True, min=1, default=3, help="MPI ranks")
MULTIPLE = Param(type="int", multiple_of=16, min=16, max=64, unit="pixels", default=32, help="box")
SYMMETRY = Param(type="string", pattern=r"[CD]\d+|T|O", default="C1", help="point group")
PATH = Param(type="path", pattern=r"[^$;&]*", help="a folder")


@pytest.mark.parametrize("value", [1, 3, 5.0, 9999])
def test_an_odd_number_is_allowed(value: object) -> None:
    assert check_value("x", ODD, value) == value


@pytest.mark.parametrize("value", [2, 4, 10**6])
def test_an_even_number_is_refused_where_an_odd_one_is_asked_for(value: int) -> None:
    with pytest.raises(ParameterError) as caught:
        check_value("mpi", ODD, value)
    assert caught.value.what == f"`mpi` = {value} is not an odd number"
    assert caught.value.hint == "give an odd number"


@pytest.mark.parametrize("value", [17, 40, 63])
def test_a_number_that_is_no_multiple_is_refused_with_what_it_must_be(value: int) -> None:
    with pytest.raises(ParameterError) as caught:
        check_value("box", MULTIPLE, value)
    assert caught.value.what == f"`box` = {value} pixels is not a multiple of 16"
    assert [check_value("box", MULTIPLE, one) for one in (16, 48, 64)] == [16, 48, 64]


def test_a_number_out_of_its_bounds_is_too_small_before_it_is_no_multiple() -> None:
    with pytest.raises(ParameterError, match="too small"):
        check_value("box", MULTIPLE, 1)


def test_each_number_of_a_list_is_looked_at() -> None:
    with pytest.raises(ParameterError, match="`x` = 4 is not an odd number"):
        check_value("x", replace(ODD, length=0), [3, 4])


@pytest.mark.parametrize("text", ["C1", "D12", "T", "O"])
def test_a_text_that_fits_as_a_whole_is_allowed(text: str) -> None:
    assert check_value("symmetry", SYMMETRY, read_text("symmetry", SYMMETRY, text)) == text


@pytest.mark.parametrize("text", ["c1", "C", "C1 ", "C1\n", "TO", "", "xC1"])
def test_a_text_that_does_not_fit_is_refused_with_the_pattern(text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        check_value("symmetry", SYMMETRY, text)
    assert caught.value.what == rf"`symmetry` = {text!r} does not fit `[CD]\d+|T|O`"
    assert caught.value.hint == "give `symmetry`: point group"


def test_a_path_that_the_program_would_hand_to_a_shell_can_be_refused() -> None:
    assert check_value("x", PATH, "a b/c'd") == "a b/c'd"
    with pytest.raises(ParameterError, match="does not fit"):
        check_value("x", PATH, "a;rm -rf")


@pytest.mark.parametrize("refusing", [{"blanks": False}, {"pattern": r"\S*"}])
def test_the_folder_of_a_run_is_looked_at_too_when_paths_become_absolute(
    refusing: dict[str, object],
) -> None:
    movie = replace(adapter().params["movie"], **refusing)
    made = replace(adapter(), params={**adapter().params, "movie": movie})
    values = read_values(made, {"movie": "m.tif", "out": "m.txt"})
    assert render(made, rooted(made, values, "/data/run1")).argv[1] == "/data/run1/m.tif"
    with pytest.raises(ParameterError, match=r"`movie` = '/my data/m\.tif'") as caught:
        render(made, rooted(made, values, "/my data"))
    assert caught.value.where == "adapter form"


@pytest.mark.parametrize(
    ("param", "where", "what"),
    [
        (replace(ODD, type="float"), "params.x", "no whole number, and has odd"),
        (replace(SYMMETRY, multiple_of=2), "params.x", "no whole number, and has multiple_of"),
        (replace(ODD, multiple_of=2), "params.x.multiple_of", "cannot be of 2 and odd"),
        (replace(MULTIPLE, multiple_of=1), "params.x.multiple_of", "cannot be of 1"),
        (replace(MULTIPLE, multiple_of=0), "params.x.multiple_of", "cannot be of 0"),
        (replace(MULTIPLE, multiple_of=-4), "params.x.multiple_of", "cannot be of -4"),
        (replace(MULTIPLE, min=1), "params.x.min", "its own min, 1"),
        (replace(ODD, max=8), "params.x.max", "its own max, 8"),
        (replace(ODD, default=4), "params.x.default", "is not an odd number"),
        (
            replace(ODD, odd=False, pattern="3"),
            "params.x.pattern",
            "of the type int, and has a pattern",
        ),
        (replace(SYMMETRY, default="X"), "params.x.default", "does not fit"),
        (replace(SYMMETRY, pattern="["), "params.x.pattern", "no regular expression"),
    ],
)
def test_a_kind_that_contradicts_its_parameter_is_refused(
    param: Param, where: str, what: str
) -> None:
    faults = adapter_faults(replace(adapter(), params={**adapter().params, "x": param}))
    assert [one for one in faults if one.where == where and what in one.what]


def test_the_json_schema_says_the_same() -> None:
    kinds = {"odd": ODD, "box": MULTIPLE, "symmetry": SYMMETRY}
    schema = form_schema(replace(adapter(), params={**adapter().params, **kinds}))
    params = schema["properties"]["params"]["properties"]  # type: ignore[index]
    assert params["odd"]["not"] == {"multipleOf": 2}
    assert params["box"]["multipleOf"] == 16
    assert params["symmetry"]["pattern"] == r"^(?:[CD]\d+|T|O)$"
