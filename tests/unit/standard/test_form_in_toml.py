"""The form as TOML says it, and what comes with gpucore said in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from forms import adapter

from gpucore.config import SiteConfig, check_adapter, parse_toml
from gpucore.errors import GpucoreError
from gpucore.registry import open_plugins
from gpucore.standard import (
    Adapter,
    Group,
    InputFile,
    Link,
    Output,
    Template,
    render,
)
from gpucore.standard.checks import adapter_faults
from gpucore.standard.params import read_values

# The same in TOML.

TOML = """
name = "form"
title = "a form"
[program]
executable = "form"
[command]
argv = ["%(EXE)s", "%(movie)s",
        {{ when = {when}, args = ["-x"] }}, {{ unless = {when}, args = ["-y"] }}]
own_directory = true
[params]
movie = {{ type = "path", item = true, suffix = [".mrc", ".tif"], help = "a movie" }}
out = {{ type = "path", output = "%(movie.stem)s.txt", help = "a result" }}
a = {{ type = "int", optional = true, needs = ["b"], help = "a" }}
b = {{ type = "int", optional = true, help = "b" }}
[[link]]
name = "link"
target = "%(movie)s"
when = {when}
[[file]]
name = "file"
text = "%(a)s"
unless = {when}
[[output]]
name = "log"
path = "%(out.base)s.log"
when = {when}
match = '^\\d'
optional = true
"""


def from_toml(when: str) -> Adapter:
    return check_adapter(parse_toml(Path("form.toml"), TOML.format(when=when)))


def test_toml_says_one_name_or_several() -> None:
    one, several = from_toml('"a"'), from_toml('["a", "b"]')
    for form, names in ((one, ("a",)), (several, ("a", "b"))):
        first, second = form.command.argv[2:]
        assert isinstance(first, Group)
        assert isinstance(second, Group)
        assert first.all_when == second.all_unless == names
        assert form.link[0].all_when == form.file[0].all_unless == names
        assert form.output[0].all_when == names


def test_toml_says_suffix_needs_match_and_optional() -> None:
    form = from_toml('"a"')
    assert form.params["movie"].suffix == (".mrc", ".tif")
    assert form.params["a"].needs == ("b",)
    assert form.output[0] == Output(
        name="log", path="%(out.base)s.log", when="a", match=r"^\d", optional=True
    )


def test_several_names_of_toml_are_all_looked_at() -> None:
    form = from_toml('["a", "b"]')
    both = render(form, read_values(form, {"movie": "m.tif", "a": 1, "b": 2}))
    assert both.argv == ("form", "m.tif", "-x")
    assert [one.name for one in both.links] == ["link"]
    alone = render(form, read_values(form, {"movie": "m.tif", "b": 2}))
    assert alone.argv == ("form", "m.tif")
    assert not alone.links


@pytest.mark.parametrize("when", ["1", "true", '[["a"]]', "[1]", '{ a = "b" }'])
def test_toml_that_names_nothing_is_refused_with_its_line(when: str) -> None:
    with pytest.raises(GpucoreError, match=r"form\.toml"):
        from_toml(when)


@pytest.mark.parametrize(
    "changes",
    [
        {"output": (Output(name="l", path="%(out)s.l", when=("gain", "gian")),)},
        {"output": (Output(name="l", path="%(out)s.l", unless=("gain", "gian")),)},
        {"link": (Link(name="l", target="%(movie)s", when=("gain", "gian")),)},
        {"file": (InputFile(name="l", text="", unless=("gian", "gain")),)},
        {
            "command": Template(
                argv=("%(EXE)s", Group(when=("gpu", "gian"), args=())), own_directory=True
            )
        },
    ],
    ids=["output when", "output unless", "link", "file", "group"],
)
def test_an_unknown_name_among_several_is_a_fault_that_names_it(
    changes: dict[str, object],
) -> None:
    faults = adapter_faults(adapter(**changes))
    assert [fault.what for fault in faults] == ["`gian` is no condition"]
    assert "gain" in faults[0].hint


def test_an_unknown_name_among_several_is_told_with_its_file() -> None:
    with pytest.raises(GpucoreError, match=r"form\.toml.*`c` is no condition"):
        from_toml('["a", "c"]')


def test_a_pattern_that_is_none_is_a_fault() -> None:
    faults = adapter_faults(adapter(output=(Output(name="l", path="%(out)s.l", match="("),)))
    assert [fault.where for fault in faults] == ["output[0].match"]


# What comes with gpucore.

BUILT_IN = open_plugins(SiteConfig()).adapters

WITHOUT_A_FILE = {"flexutils_predict_flexsiren", "flexutils_predict_zernike3deep"}
"""They write into the metadata that they read, and say nothing at their end."""

DIMENSION = re.compile(
    r"voltage|pixel_size|defocus_m(in|ax)|diameter|(^|_)dose|distance|bfactor|box_size|thickness"
    r"|amplitude_size|seconds|exposure|wavelength|astigmatism"
)
"""Names of numbers that mean nothing without a unit."""


def test_the_programs_that_come_with_gpucore_are_found() -> None:
    assert {"motioncor2", "motioncor3", "gctf", "gautomatch", "ctffind"} <= set(BUILT_IN)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_adapter_does_not_contradict_itself(name: str) -> None:
    assert adapter_faults(BUILT_IN[name]) == []


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_adapter_says_where_it_comes_from_and_shows_its_use(name: str) -> None:
    known = BUILT_IN[name]
    assert known.licence
    assert known.citation
    assert known.source
    assert len(known.example) >= 2
    assert known.output_params or known.output or known.success_match or name in WITHOUT_A_FILE
    assert known.title
    assert known.family
    assert known.homepage or known.family == "gpucore"


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_parameter_of_a_built_in_adapter_says_what_it_is(name: str) -> None:
    for key, param in BUILT_IN[name].params.items():
        assert param.help, key
        assert "\n" not in param.help, key


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_number_that_has_a_dimension_has_a_unit(name: str) -> None:
    for key, param in BUILT_IN[name].params.items():
        if param.type in {"int", "float"} and DIMENSION.search(key):
            assert param.unit, key


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_a_parameter_needs_is_a_parameter_and_not_itself(name: str) -> None:
    params = BUILT_IN[name].params
    for key, param in params.items():
        assert set(param.needs) <= set(params) - {key}, key


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_least_that_must_be_given_is_not_refused_for_what_a_default_needs(name: str) -> None:
    known = BUILT_IN[name]
    least = {key: known.example[0].params[key] for key, one in known.params.items() if one.required}
    read_values(known, least)
