"""The reference pages name all there is, and nothing that is not there."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, get_args, get_type_hints

import click
import pytest
from docs.pages import ROOT, column, rows, section

import gpucore
from gpucore.cli.entry import VERBS
from gpucore.cli.entry import gpucore as program
from gpucore.config import ContainerConfig, PluginsConfig, ProgramConfig, SiteConfig
from gpucore.config.environment import CHILD_VARIABLES, VARIABLES
from gpucore.config.job import Job, RunTable, Stage, StepTable
from gpucore.config.watch import WatchTable
from gpucore.errors import GpucoreError, GpuListError
from gpucore.plugins import hookspecs
from gpucore.registry import open_plugins
from gpucore.standard import (
    Adapter,
    Device,
    Event,
    FailureClass,
    Gpu,
    GpuUse,
    cut_slots,
    parse_gpu_list,
)
from gpucore.standard.gpuforms import gpu_arguments
from gpucore.standard.marks import PATH_PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
SOURCES = sorted((ROOT / "gpucore").rglob("*.py"))
TABLES = {
    "`gpucore.toml`": SiteConfig,
    "`[program.NAME]`": ProgramConfig,
    "`[program.NAME.container]`": ContainerConfig,
    "`[plugins]`": PluginsConfig,
    "`job.toml`": Job,
    "`[run]`": RunTable,
    "`[[stage]]`": Stage,
    "`watch` of a stage": WatchTable,
    "`[[step]]`": StepTable,
}


def tables(kind: object) -> Iterator[type]:
    """Yield the dataclasses that a type is made of: itself, its fields' and those it is built on.

    So that a table which is added to the adapter's form needs no line here.
    """
    if not (isinstance(kind, type) and is_dataclass(kind)):
        for part in get_args(kind):
            yield from tables(part)
        return
    yield kind
    for below in (*get_type_hints(kind).values(), *kind.__bases__):
        yield from tables(below)


FIELDS = {one.__name__: one for one in tables(Adapter)}


def own_keys(kind: type) -> list[str]:
    """Return the TOML keys of a dataclass, those that it inherits left out."""
    inherited = {one.name for base in kind.__bases__ if is_dataclass(base) for one in fields(base)}
    return [one.name.rstrip("_") for one in fields(kind) if one.name not in inherited]


def errors() -> Iterator[type[GpucoreError]]:
    """Yield every error class of gpucore, wherever it stands."""
    for module in pkgutil.walk_packages(gpucore.__path__, "gpucore."):
        if not module.name.endswith("__main__") and not module.name.endswith("nvml_child"):
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as missing:
                if missing.name != "pyworkflow":  # what is made of Scipion's parts has no errors
                    raise
    ahead = [GpucoreError]
    while ahead:
        kind = ahead.pop()
        if kind.__module__.startswith("gpucore."):
            yield kind
        ahead += kind.__subclasses__()


def verbs() -> Iterator[tuple[str, click.Command]]:
    """Yield every verb, `config check` and the like included."""
    context = click.Context(program)
    for name in VERBS:
        verb = program.get_command(context, name)
        assert verb is not None
        yield f"gpucore {name}", verb
        if isinstance(verb, click.Group):
            yield from ((f"gpucore {name} {one}", deep) for one, deep in verb.commands.items())


def test_every_module_that_the_package_names_is_there() -> None:
    named = re.findall(r"`(gpucore\.\w+)`", gpucore.__doc__ or "")
    assert named
    for name in named:
        assert importlib.import_module(name).__file__


@pytest.mark.parametrize(
    "hook", [name for name, _ in inspect.getmembers(hookspecs, inspect.isfunction)
             if name.startswith("gpucore_")]
)  # fmt: skip
def test_every_hook_has_a_section(hook: str) -> None:
    arguments = ", ".join(inspect.signature(getattr(hookspecs, hook)).parameters)
    assert section(DOCS / "plugins.md", f"`{hook}({arguments})`")


@pytest.mark.parametrize("event", [kind.__name__ for kind in Event.__subclasses__()])
def test_every_event_is_told_to_whoever_observes(event: str) -> None:
    assert f"`{event}`" in section(DOCS / "plugins.md", "`gpucore_event(event)`")
    assert f"`{event}`" in (hookspecs.gpucore_event.__doc__ or "")


@pytest.mark.parametrize(("name", "verb"), list(verbs()))
def test_every_verb_and_option_is_told(name: str, verb: click.Command) -> None:
    told = set(column(section(REFERENCE / "cli.md", f"`{name}`")))
    told |= set(column(section(REFERENCE / "cli.md", "Options of every verb")))
    options = {text for one in verb.params if isinstance(one, click.Option) for text in one.opts}
    places = {
        str(one.metavar).removesuffix("...").removeprefix("-- ")
        for one in verb.params
        if isinstance(one, click.Argument)
    }
    inner = (
        {text for one in verb.commands for text in column(section(REFERENCE / "cli.md",
                                                                  f"`{name} {one}`"))}
        if isinstance(verb, click.Group)
        else set()
    )  # fmt: skip
    assert options | places <= told
    assert told - inner <= options | places


@pytest.mark.parametrize(("title", "kind"), list(TABLES.items()))
def test_every_configuration_key_is_told_and_no_other(title: str, kind: type) -> None:
    text = section(REFERENCE / "configuration.md", title).partition("\n## ")[0]
    own = text.partition("\n### ")[0]
    assert column(own) == own_keys(kind)


@pytest.mark.parametrize(("name", "kind"), list(FIELDS.items()))
def test_every_adapter_field_is_told_and_no_other(name: str, kind: type) -> None:
    assert column(section(REFERENCE / "adapter-fields.md", name)) == own_keys(kind)


def test_every_failure_class_and_part_of_a_path_is_told() -> None:
    page = REFERENCE / "adapter-fields.md"
    assert column(section(page, "Failure classes")) == [one.value for one in FailureClass]
    assert {row[0].strip("`") for row in rows(section(page, "Marks"))} >= set(PATH_PARTS)


def test_every_error_is_told_with_its_code_and_exit_code() -> None:
    table = rows(section(REFERENCE / "errors.md", "Classes"))
    told = {row[0].strip("`"): (row[-2], row[-1]) for row in table}
    assert told == {
        kind.__name__: (
            ("that of the first", "that of the gravest")
            if kind.__name__ == "Faults"
            else (kind.default_code, str(kind.exit_code))
        )
        for kind in errors()
    }


def test_every_variable_is_told() -> None:
    found = {
        name for file in SOURCES for name in re.findall(r"GPUCORE_[A-Z]+", file.read_text("utf-8"))
    }
    read = section(REFERENCE / "configuration.md", "Variables")
    given = section(REFERENCE / "environment.md", "Variables of a program")
    ours = {"GPUCORE_DEBUG", "GPUCORE_SCIPION"}
    assert set(column(read)) == {*VARIABLES, *ours}
    assert {one for one in column(given) if one.startswith("GPUCORE_")} == (CHILD_VARIABLES - ours)
    assert found <= {*column(read), *column(given)}


def test_every_json_object_is_told() -> None:
    kinds = {
        kind
        for file in SOURCES
        for kind in re.findall(r'print_json\(\s*"(\w+)"', file.read_text("utf-8"))
    }
    text = section(REFERENCE / "cli.md", "JSON")
    assert {one for one in column(text) if "/" in one} == {f"gpucore.{kind}/1" for kind in kinds}


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        "adapters",
        "adapters check",
        "config show",
        "doctor --devices simulated:2",
        "gpus --devices simulated:2",
        "gpus probe --devices simulated:2",
        "plugins",
        "map gctf m1.mrc -o out --gpus 0 --set pixel_size=1 --plan",
        "map gctf m1.mrc -o out --devices simulated:1 --set pixel_size=1",
    ],
)
def test_a_json_object_has_the_fields_that_are_told(command: str, desk: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gpucore.cli", *command.split(), "--json"],
        stdout=subprocess.PIPE,
        check=True,
    )
    document = json.loads(done.stdout)
    found = set(document) - {"schema"}
    for value in document.values():
        for row in value if isinstance(value, list) else ():
            found |= set(row)
    table = {row[0].strip("`"): row[2] for row in rows(section(REFERENCE / "cli.md", "JSON"))}
    told = set(re.findall(r"`(\w+)`", table[document["schema"]]))
    of_a_broken_plugin = {"reason", "hint", "file", "code"} if command == "plugins" else set()
    assert told - of_a_broken_plugin == found


@pytest.mark.parametrize("row", rows(section(REFERENCE / "standard.md", "What is refused")))
def test_a_refusal_is_worded_as_shown(row: list[str]) -> None:
    item, what, write = (cell.strip() for cell in row)
    with pytest.raises(GpuListError) as caught:
        parse_gpu_list(item.strip("`"))
    assert what in caught.value.what
    assert caught.value.hint == write


@pytest.mark.parametrize("row", rows(section(REFERENCE / "standard.md", "More slots")))
def test_slots_are_cut_as_shown(row: list[str]) -> None:
    threads, text, shown = (cell.replace("`", "") for cell in row)
    slots = cut_slots(parse_gpu_list(text).items, threads=int(threads))
    assert " · ".join(" ".join(map(str, slot)) for slot in slots) == shown


@pytest.mark.parametrize("row", rows(section(REFERENCE / "standard.md", "Forms")))
def test_a_form_looks_as_shown(row: list[str]) -> None:
    form, shown = row[0].strip("`"), re.findall(r"`([^`]+)`", row[1])
    gpu = Gpu(use=GpuUse.OPTIONAL, form=form)
    devices = [Device(uuid=f"GPU-{index}", index=index) for index in (0, 3)]
    if form != "none":
        assert gpu_arguments(gpu, devices, ranks=2) == shown
    else:
        assert not shown


def test_the_list_of_adapters_names_every_one_and_no_other() -> None:
    plugins = open_plugins(SiteConfig())
    listed = (DOCS / "adapters" / "index.md").read_text("utf-8").partition("\n## ")[0]
    told = [name for row in rows(listed) for name in re.findall(r"`([^`]+)`", row[1])]
    assert sorted(told) == sorted(
        name
        for name in plugins.adapters
        if plugins.origin_of(name).startswith("gpucore-framework ")
    )


def test_the_version_is_in_the_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"[{gpucore.__version__}]" in text
    assert json.dumps(gpucore.__version__) in (ROOT / "pyproject.toml").read_text("utf-8")
