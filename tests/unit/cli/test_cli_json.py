"""`--json` on every verb, and what is printed is what its schema says."""

from __future__ import annotations

import importlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from command_line import run_apart
from jsonschema import Draft202012Validator

import gpucore.cli
from gpucore.cli.entry import VERBS
from gpucore.cli.entry import gpucore as program
from gpucore.cli.json_forms import DOCUMENTS, document_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from command_line import Cli

WITHOUT = {
    "exec": "its standard output is that of the command whose place it takes",
    "completion": "it prints a script for a shell",
    "config schema": "it prints a JSON Schema, which is JSON already",
}
"""Verbs that print no object of their own, and why."""

COPY = ("--adapter", "copy.toml")
SIMULATED = ("--devices", "simulated:2")
CALLS: dict[str, tuple[tuple[str, ...], int]] = {
    "adapters": (("adapters", *COPY), 0),
    "adapters show": (("adapters", "show", "gctf"), 0),
    "adapters check": (("adapters", "check", "copy", *COPY), 0),
    "cancel": (("cancel", "out"), 5),
    "config show": (("config", "show"), 0),
    "config check": (("config", "check", "copy.toml"), 0),
    "config check of a job": (("config", "check", "job.toml", *COPY), 0),
    "config check of a bad file": (("config", "check", "bad.toml"), 2),
    "doctor": (("doctor", *SIMULATED), 0),
    "explain": (("explain", "out", "copy/b"), 0),
    "gpus": (("gpus", *SIMULATED), 0),
    "gpus disable": (("gpus", "disable", "0", "--reason", "loud", *SIMULATED), 0),
    "gpus probe": (("gpus", "probe", *SIMULATED), 1),
    "gpus enable": (("gpus", "enable", "0", *SIMULATED), 0),
    "init": (("init", "gctf", "-o", "begun", *SIMULATED), 0),
    "leases": (("leases", *SIMULATED), 0),
    "logs": (("logs", "out", "copy/b"), 0),
    "map": (("map", "copy", "c.tif", "-o", "other", *COPY), 0),
    "map --plan": (("map", "copy", "c.tif", "-o", "other", "--plan", *COPY), 0),
    "new adapter": (("new", "adapter", "sharpen"), 0),
    "plugins": (("plugins",), 0),
    "report": (("report", "out"), 0),
    "resume": (("resume", "out"), 1),
    "run": (("run", "job.toml", *COPY), 0),
    "run --plan": (("run", "job.toml", "--plan", *COPY), 0),
    "status": (("status", "out"), 0),
    "top": (("top", *SIMULATED), 0),
}
"""What is called, in the order in which it stands here, and how that ends."""


def commands(
    command: click.Command, name: str = "", above: click.Context | None = None
) -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something by itself, with its name."""
    context = click.Context(command, parent=above)
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield name, command
    if isinstance(command, click.Group):
        for one in command.list_commands(context):
            inner = command.get_command(context, one)
            assert inner is not None
            yield from commands(inner, f"{name} {one}".strip(), context)


ALL = dict(commands(program))


def strict(node: Any) -> Any:
    """Return a schema that allows no field which it does not name."""
    if isinstance(node, list):
        return [strict(one) for one in node]
    if not isinstance(node, dict):
        return node
    closed = {"additionalProperties": False} if "properties" in node else {}
    return {**{key: strict(one) for key, one in node.items()}, **closed}


@pytest.fixture
def machine(cli: Cli) -> Cli:
    """Return the command line beside a run of two steps, one of which failed; a job; a bad file."""
    text = 'case "$1" in b*) echo "its words"; exit 3;; esac; cat "$1" > "$2"'
    # In a process of its own: what `resume` calls again is how that was called.
    argv = ("map", "copy", "a.tif", "b.tif", "-o", "out", *COPY, *SIMULATED, "--retries", "1")
    ran = run_apart(*argv, "--set", f"text={text}", cwd=cli.folder, HOME=os.environ["HOME"])
    assert ran.code == 1, ran.err
    cli.write(
        "job.toml",
        '[run]\noutput = "o"\n[[stage]]\nname = "s"\nadapter = "copy"\nitems = "*.tif"\n',
    )
    cli.write("bad.toml", '[run]\nthread = 1\n[[stage]]\nname = "s"\n')
    return cli


@pytest.mark.parametrize("name", ALL)
def test_every_verb_has_json_or_a_reason(name: str) -> None:
    options = {text for one in ALL[name].params for text in one.opts}
    assert ("--json" in options) != (name in WITHOUT)


@pytest.mark.slow
def test_what_every_verb_prints_is_what_its_schema_says(machine: Cli) -> None:
    printed: set[str] = set()
    for name, (argv, code) in CALLS.items():
        ran = (
            run_apart(*argv, "--json", cwd=machine.folder, HOME=os.environ["HOME"])
            if name == "resume"
            else machine(*argv, "--json")
        )
        assert ran.code == code, (name, ran.err)
        assert ran.out.isascii()
        document = json.loads(ran.out)
        schema = document_schema(document["schema"])
        faults = [one.message for one in Draft202012Validator(strict(schema)).iter_errors(document)]
        assert not faults, name
        verb = name.partition(" of ")[0]
        assert verb in DOCUMENTS[document["schema"]].verbs
        printed.add(verb)
    assert printed >= set(ALL) - set(WITHOUT) - {"demo", "serve"}  # see their own tests


def test_all_that_is_printed_has_a_schema_that_is_one() -> None:
    folder = Path(next(iter(gpucore.cli.__path__)))
    kinds = {
        kind
        for file in folder.rglob("*.py")
        for kind in re.findall(r'print_json\(\s*"(\w+)"', file.read_text("utf-8"))
    }
    assert {f"gpucore.{kind}/1" for kind in kinds} == set(DOCUMENTS)
    for schema in DOCUMENTS:
        Draft202012Validator.check_schema(document_schema(schema))


@pytest.mark.parametrize("schema", DOCUMENTS)
def test_a_schema_is_printed(cli: Cli, schema: str) -> None:
    ran = cli("config", "schema", schema)
    assert json.loads(ran.out) == document_schema(schema)


def test_a_field_that_is_missing_is_refused_and_one_more_is_not() -> None:
    check = Draft202012Validator(document_schema("gpucore.init/1"))
    assert check.is_valid({"schema": "gpucore.init/1", "files": ["a"], "more": 1})
    assert not check.is_valid({"schema": "gpucore.init/1"})
    assert not check.is_valid({"schema": "gpucore.init/1", "files": [1]})
    assert not check.is_valid({"schema": "gpucore.init/2", "files": []})


def test_an_unknown_form_is_refused_with_the_nearest(cli: Cli) -> None:
    assert "did you mean `gpucore.status/1`?" in cli.refuses("config", "schema", "gpucore.statu/1")


def test_faults_of_a_file_are_data_too(machine: Cli) -> None:
    ran = machine("config", "check", "bad.toml", "--json")
    told = json.loads(ran.out)
    assert told["well"] is False
    assert {"unknown key `thread`"} <= {one["what"] for one in told["faults"]}
    assert {one["line"] for one in told["faults"]} >= {2}
    assert all(one["code"] for one in told["faults"])
    assert "unknown key `thread`" in ran.err


def test_a_verb_is_listed_once() -> None:
    assert set(WITHOUT) <= set(ALL)
    assert {name.partition(" ")[0] for name in ALL} == set(VERBS)
    for verb in VERBS:
        assert importlib.import_module(f"gpucore.cli.{verb}_verb").command.name == verb
