"""Bounds that are not allowed themselves, parameters that are compared, and numbers as written."""

from __future__ import annotations

from dataclasses import replace

import pytest
from adapter_cases import AdapterCase
from forms import adapter

from gpucore.errors import Faults, GpucoreError, ParameterError
from gpucore.planning import stage_steps
from gpucore.standard import Adapter, Group, Param, Template
from gpucore.standard.checks import adapter_faults
from gpucore.standard.params import check_value, read_values

OPEN = Param(type="float", unit="mm", above=0, below=90, help="a number")


@pytest.mark.parametrize(
    ("value", "what", "hint"),
    [
        (0, "`x` = 0.0 mm is too small", "more than 0 mm"),
        (-1, "is too small", "more than 0 mm"),
        (90, "`x` = 90.0 mm is too large", "less than 90 mm"),
        (91, "is too large", "less than 90 mm"),
    ],
)
def test_a_bound_may_be_one_that_is_not_allowed_itself(value: float, what: str, hint: str) -> None:
    with pytest.raises(ParameterError) as caught:
        check_value("x", OPEN, value)
    assert what in caught.value.what
    assert caught.value.hint == hint


@pytest.mark.parametrize("value", [1e-9, 45, 89.999])
def test_what_lies_between_is_allowed(value: float) -> None:
    assert check_value("x", OPEN, value) == value


SEARCH: Adapter = adapter(
    command=Template(
        argv=("%(EXE)s", "%(movie)s", "%(out)s", "%(low)s", "%(high)s", Group(args=("%(few)s",))),
        own_directory=True,
    ),
    params={
        "movie": Param(type="path", item=True, help="a movie"),
        "out": Param(type="path", output="%(movie.stem)s.txt", help="a result"),
        "low": Param(type="float", default=5000, less_than="high", unit="Å", help="least"),
        "high": Param(type="float", default=50000, unit="Å", help="greatest"),
        "few": Param(type="int", optional=True, no_more_than="many", help="some"),
        "many": Param(type="int", optional=True, help="all"),
    },
)


@pytest.mark.parametrize(
    "given", [{}, {"low": 1, "high": 2}, {"few": 3, "many": 3}, {"few": 3}, {"many": 3}]
)
def test_values_in_order_are_allowed_and_those_without_a_partner(given: dict[str, object]) -> None:
    assert adapter_faults(SEARCH) == []
    assert read_values(SEARCH, {"movie": "m.tif", **given})


@pytest.mark.parametrize(
    ("given", "what", "hint"),
    [
        ({"low": 60000}, "`low` = 60000.0 Å does not go with `high` = 50000.0 Å", "less than"),
        ({"high": 5000}, "`low` = 5000.0 Å does not go with `high` = 5000.0 Å", "less than"),
        ({"few": 4, "many": 3}, "`few` = 4 does not go with `many` = 3", "no more than"),
    ],
)
def test_values_out_of_order_are_refused_with_both(
    given: dict[str, object], what: str, hint: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        read_values(SEARCH, {"movie": "m.tif", **given})
    assert caught.value.what == what
    assert hint in caught.value.hint


def test_all_that_is_out_of_order_is_told_at_once() -> None:
    with pytest.raises(Faults) as caught:
        read_values(SEARCH, {"movie": "m.tif", "low": 1e6, "few": 4, "many": 3})
    assert len(caught.value.errors) == 2


def test_values_of_each_items_own_are_compared_with_those_of_the_stage() -> None:
    items, own = ["a.tif", "b.tif"], [{"few": 1}, {"few": 9}]
    steps = stage_steps(SEARCH, items, {"many": 5}, stage="s", output="o", own=own)
    assert next(steps).own["few"] == 1
    with pytest.raises(GpucoreError, match="`few` = 9 does not go with `many` = 5"):
        next(steps)


@pytest.mark.parametrize(
    ("kind", "form", "value", "written"),
    [
        ("int", "%03d", 7, "007"),
        ("int", "%+d", 7, "+7"),
        ("float", "%.2f", 0.125, "0.12"),
        ("float", "%08.3f", 1.5, "0001.500"),
        ("float", "%.0f", 300, "300"),
        ("float", "%g", 1e-7, "1e-07"),
        ("float", "", 300, "300.0"),
    ],
)
def test_a_number_is_written_as_its_format_says(
    kind: str, form: str, value: float, written: str
) -> None:
    number = Param(type=kind, format=form, default=value, help="a number")  # type: ignore[arg-type]
    many = replace(number, length=2, default=(value, value), separator=",")
    prog = replace(
        SEARCH,
        params={**SEARCH.params, "n": number, "m": many},
        command=Template(argv=("%(EXE)s", "%(n)s", "it%(n)s.star", "%(m)s")),
    )
    assert adapter_faults(prog) == []
    argv = AdapterCase(prog, {"movie": "m.tif"}).command().argv
    assert argv[1:] == (written, f"it{written}.star", f"{written},{written}")


def test_tests_that_differ_by_name_must_all_hold() -> None:
    group = Group(where={"movie": (".tif", ".tiff"), "many": (2, 3)}, args=("-x",))
    prog = replace(SEARCH, command=Template(argv=("%(EXE)s", group)))
    case = AdapterCase(prog)
    assert case.command(movie="m.TIF", many=3).argv[1:] == ("-x",)
    assert case.command(movie="m.mrc", many=3).argv[1:] == ()
    assert case.command(movie="m.tif", many=4).argv[1:] == ()
    assert case.command(movie="m.tif").argv[1:] == ()


def test_they_hold_beside_what_when_and_unless_say() -> None:
    group = Group(when="few", unless="many", where={"movie": (".tif",)}, args=("-x",))
    case = AdapterCase(replace(SEARCH, command=Template(argv=("%(EXE)s", group))))
    assert case.command(movie="m.tif", few=1).argv[1:] == ("-x",)
    assert case.command(movie="m.mrc", few=1).argv[1:] == ()
    assert case.command(movie="m.tif", few=1, many=2).argv[1:] == ()
