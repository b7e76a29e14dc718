"""Adapters written as TOML are read back as they were."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from toml_adapters import FULL, full

from gpucore.config import adapter_toml, check_adapter, parse_toml
from gpucore.errors import AdapterError
from gpucore.plugins import PluginHost
from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Group,
    Param,
    Program,
    Template,
)

INSTALLED = PluginHost.load().adapters


def read_back(adapter: Adapter) -> Adapter:
    return check_adapter(parse_toml(Path("again.toml"), adapter_toml(adapter)))


def hello(**changes: object) -> Adapter:
    return replace(
        Adapter(
            name="hello",
            title="say hello",
            program=Program(executable="echo"),
            command=Template(argv=("%(EXE)s", "%(who)s")),
            params={"who": Param(type="string", help="who")},
        ),
        **changes,
    )


@pytest.mark.parametrize("name", INSTALLED)
def test_every_installed_adapter_is_read_back_equal(name: str) -> None:
    assert read_back(INSTALLED[name]) == INSTALLED[name]


def test_everything_that_can_be_said_is_read_back_equal() -> None:
    assert read_back(full()) == full()
    assert read_back(check_adapter(parse_toml(Path("full.toml"), FULL))) == full()


@pytest.mark.parametrize(
    "text",
    ["a'b", 'a"b', "a\\b", "a\\'b\"", "a\nb\tc", "\x00\x1b[2J\x7f", "é漢\u202e", "''", "", " "],
)
def test_any_text_is_read_back_equal_and_obeyed_by_no_terminal(text: str) -> None:
    adapter = hello(citation=f"x{text}", command=Template(argv=("%(EXE)s", "%(who)s", text)))
    assert read_back(adapter) == adapter
    assert all(line.isprintable() for line in adapter_toml(adapter).splitlines())


def test_a_float_stays_a_float_and_yes_stays_yes() -> None:
    group = Group(args=("-x",), when="who", equals=(True, 1, 1.0, "1"))
    adapter = hello(command=Template(argv=("%(EXE)s", "%(who)s", group)))
    (read,) = (one for one in read_back(adapter).command.argv if isinstance(one, Group))
    assert [type(one) for one in read.equals] == [bool, int, float, str]


def test_long_lists_are_broken_where_an_option_begins() -> None:
    argv = ("%(EXE)s", *(word for n in range(20) for word in (f"--option{n}", "%(who)s")))
    lines = adapter_toml(hello(command=Template(argv=argv))).splitlines()
    assert '  "--option3", "%(who)s",' in lines
    assert max(map(len, lines)) <= 100


def test_a_key_that_is_no_bare_word_is_quoted() -> None:
    adapter = hello(command=Template(argv=("%(EXE)s", "%(who)s"), env={"A B": "1", "c.d": "2"}))
    assert read_back(adapter) == adapter


def test_what_is_as_by_default_is_left_out() -> None:
    assert not re.search(r"^(gpu|success_codes|output|licence)", adapter_toml(hello()), re.M)
    failure = Failure(match="x", class_=FailureClass.UNKNOWN)
    assert 'class = "unknown"' in adapter_toml(hello(failure=(failure,)))


@pytest.mark.parametrize(
    "value",
    [b"bytes", len, float("nan"), {1, 2}, "not \udcff Unicode"],
    ids=["bytes", "code", "nan", "set", "text"],
)
def test_an_adapter_that_is_not_data_only_is_refused_by_name(value: object) -> None:
    example = Example(params={"who": value}, argv=("echo",))
    with pytest.raises(AdapterError, match="`hello` is not data only"):
        adapter_toml(hello(example=(example,)))
