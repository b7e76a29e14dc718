"""From what a user gives to typed values, every fault told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpucore.errors import Faults, ParameterError
from gpucore.standard.adapter import Adapter, Param, Template
from gpucore.standard.params import check_value, read_text, read_values, rooted
from gpucore.standard.program import Program


def adapter(**params: Param) -> Adapter:
    return Adapter(
        name="prog",
        title="a program",
        program=Program(executable="prog"),
        command=Template(argv=("%(EXE)s",)),
        params=params,
    )


def param(type_: str, **more: object) -> Param:
    return Param(type=type_, help="what it is", **more)


@pytest.mark.parametrize(
    ("one", "raw", "value"),
    [
        (param("path"), "a b.tif", "a b.tif"),
        (param("path"), Path("movies/a.tif"), "movies/a.tif"),
        (param("path"), "-a.tif", "./-a.tif"),
        (param("string"), "-a", "-a"),
        (param("string"), "", ""),
        (param("int"), 3, 3),
        (param("int"), 3.0, 3),
        (param("int"), 2**64 - 1, 2**64 - 1),
        (param("float"), 2, 2.0),
        (param("float"), -0.5, -0.5),
        (param("float", min=0, max=1), 1, 1.0),
        (param("bool"), True, True),
        (param("choice", choices=("a", "b")), "b", "b"),
        (param("int", length=2), [5, 6], (5, 6)),
        (param("int", length=2), (5, 6.0), (5, 6)),
        (param("int", length=0), 7, (7,)),
        (param("path", length=0), ["-a", "b"], ("./-a", "b")),
        (param("string", length=0), [], ()),
        (param("path", blanks=False), "a.tif", "a.tif"),
    ],
)
def test_a_good_value_is_held_in_its_type(one: Param, raw: object, value: object) -> None:
    found = check_value("p", one, raw)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("one", "raw", "what", "hint"),
    [
        (param("int"), "3", "`p` = '3' is not a whole number", "give a whole number"),
        (param("int"), 2.5, "`p` = 2.5 is not a whole number", "give a whole number"),
        (param("int"), True, "`p` = True is not a whole number", "give a whole number"),
        (param("float"), False, "`p` = False is not a number", "give a number"),
        (param("float", unit="Å"), "x", "`p` = 'x' is not a number", "give a number in Å"),
        (param("float"), float("nan"), "`p` = nan is not a number", "give a number"),
        (param("float"), float("inf"), "`p` = inf is not a number", "give a number"),
        (param("float"), 10**400, "`p` is a number of more than 64 bits", "no program can"),
        pytest.param(
            param("int"), 10**5000, "`p` is a number of more than 64 bits", "", id="5001 digits"
        ),
        (param("int"), None, "`p` = None is not a whole number", ""),
        (param("bool"), 1, "`p` = 1 is not true or false", "give true or false"),
        (param("bool"), "true", "`p` = 'true' is not true or false", ""),
        (param("string"), 3, "`p` = 3 is not a text", "give a text"),
        (param("string"), Path("a"), "is not a text", ""),
        (param("path"), 3, "`p` = 3 is not a path", "give a path"),
        (param("path"), "", "`p` is empty", "give a path"),
        (param("path"), "a\0b", "`p` holds a NUL character", "no program can be given one"),
        (param("string"), "\0", "`p` holds a NUL character", ""),
        (param("path", blanks=False), "a b", "`p` = 'a b' holds a blank or a quote", "rename"),
        (param("path", blanks=False), "a\tb", "holds a blank or a quote", "rename"),
        (param("path", blanks=False), "a'b", "holds a blank or a quote", "link it"),
        (param("choice", choices=("a", "b")), "c", "`p` cannot be 'c'", "one of: a, b"),
        (param("choice", choices=("a", "b")), ["a"], "`p` cannot be ['a']", "one of: a, b"),
        (param("float", min=1.0, unit="Å"), 0.5, "`p` = 0.5 Å is too small", "1 Å or more"),
        (param("int", max=8), 9, "`p` = 9 is too large", "8 or less"),
        (param("int", length=2), [1], "`p` holds 1 value, not 2", "`p = […, …]`"),
        (param("int", length=2), [1, 2, 3], "`p` holds 3 values, not 2", "give 2 values"),
        (param("int", length=2), 5, "`p` holds 1 value, not 2", "give 2 values"),
        (param("int", length=0), [1, "x"], "`p` = 'x' is not a whole number", ""),
        (param("int"), [1], "`p` = [1] is not a whole number", ""),
    ],
)
def test_a_wrong_value_is_refused_with_what_to_give(
    one: Param, raw: object, what: str, hint: str
) -> None:
    with pytest.raises(ParameterError) as error:
        check_value("p", one, raw)
    assert what in error.value.what
    assert hint in error.value.hint


def test_values_are_read_with_defaults_filled_in() -> None:
    given = adapter(
        movie=param("path"),
        bin=param("float", default=1.0),
        gain=param("path", optional=True),
        out=param("path", output="%(movie.stem)s.mrc"),
        patch=param("int", length=2, default=(5, 5)),
    )
    assert read_values(given, {"movie": "a.tif", "bin": None}) == {
        "movie": "a.tif",
        "bin": 1.0,
        "gain": None,
        "out": None,
        "patch": (5, 5),
    }


def test_every_fault_is_told_at_once_with_the_nearest_name() -> None:
    given = adapter(
        pixel_size=param("float", unit="Å"),
        voltage=param("int", min=1, max=1000),
        cs=param("float"),
    )
    with pytest.raises(Faults) as faults:
        read_values(given, {"pixel_sise": 0.885, "voltage": 3000, "cs": "x", "zzz": 1})
    told = {fault.what: fault.hint for fault in faults.value.errors}
    assert told == {
        "unknown parameter `pixel_sise`": "did you mean `pixel_size`?",
        "unknown parameter `zzz`": "one of: pixel_size, voltage, cs",
        "parameter `pixel_size` is missing": "give `pixel_size` [Å]: what it is",
        "`voltage` = 3000 is too large": "1000 or less",
        "`cs` = 'x' is not a number": "give a number",
    }
    assert {fault.where for fault in faults.value.errors} == {"adapter prog"}


def test_a_single_fault_is_a_parameter_error() -> None:
    with pytest.raises(ParameterError) as error:
        read_values(adapter(movie=param("path")), {})
    assert error.value.hint == "give `movie`: what it is"
    with pytest.raises(ParameterError) as error:
        read_values(adapter(), {"movie": "a"})
    assert error.value.hint == "there are none here"


@pytest.mark.parametrize(
    ("one", "text", "value"),
    [
        (param("int"), "3", 3),
        (param("float"), "1e-3", 0.001),
        (param("bool"), "Yes", True),
        (param("bool"), "off", False),
        (param("string"), "a, b", "a, b"),
        (param("path"), "-x", "-x"),
        (param("choice", choices=("a",)), "zz", "zz"),
        (param("int", length=2), "5 6", (5, 6)),
        (param("int", length=2), "5,6", (5, 6)),
        (param("float", length=0), "", ()),
    ],
)
def test_a_text_of_the_command_line_is_read_in_the_parameters_type(
    one: Param, text: str, value: object
) -> None:
    found = read_text("p", one, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("one", "text", "what"),
    [
        (param("int"), "3.5", "`p` = '3.5' is not a whole number"),
        (param("int"), "9" * 5000, "is not a whole number"),
        (param("float"), "x", "`p` = 'x' is not a number"),
        (param("bool"), "maybe", "`p` = 'maybe' is not true or false"),
        (param("int", length=2), "5 x", "`p` = 'x' is not a whole number"),
    ],
)
def test_a_text_that_says_no_value_is_refused(one: Param, text: str, what: str) -> None:
    with pytest.raises(ParameterError) as error:
        read_text("p", one, text)
    assert what in error.value.what


def test_relative_paths_are_put_under_a_root_and_nothing_else_is() -> None:
    given = adapter(
        movie=param("path"),
        gains=param("path", length=0),
        label=param("string"),
        defects=param("path", optional=True),
        dark=param("path", optional=True),
    )
    values = {
        "movie": "./-a.tif",
        "gains": ("g.mrc", "/abs/h.mrc"),
        "label": "x",
        "defects": None,
        "dark": "/d.mrc",
    }
    assert rooted(given, values, "/data") == {
        "movie": "/data/-a.tif",
        "gains": ("/data/g.mrc", "/abs/h.mrc"),
        "label": "x",
        "defects": None,
        "dark": "/d.mrc",
    }
    assert values["movie"] == "./-a.tif", "the values given are not changed"


def test_a_parameter_is_required_without_default_option_or_output() -> None:
    assert param("int").required
    assert not param("int", default=0).required
    assert not param("int", optional=True).required
    assert not param("path", output="a.mrc").required
