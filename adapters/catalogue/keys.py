"""The tables of docs/reference/configuration.md: the keys of TOML files, from their forms."""

from __future__ import annotations

import re
from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, get_args

import click

from catalogue.blocks import with_block
from catalogue.bounds import bound
from catalogue.markdown import code, plain, table
from gpucore.cli.entry import gpucore as program
from gpucore.config import ContainerConfig, PluginsConfig, ProgramConfig, SiteConfig
from gpucore.config.adaptertoml import toml_line
from gpucore.config.environment import VARIABLES
from gpucore.config.job import Job, RunTable, Stage, StepTable
from gpucore.config.schema import file_schema
from gpucore.config.shapes import choices, described, keys_of
from gpucore.config.watch import WatchTable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["LINKS", "TABLES", "with_keys"]

TABLES: Mapping[str, tuple[str, type]] = {
    "`gpucore.toml`": ("gpucore", SiteConfig),
    "`[program.NAME]`": ("gpucore", ProgramConfig),
    "`[program.NAME.container]`": ("gpucore", ContainerConfig),
    "`[plugins]`": ("gpucore", PluginsConfig),
    "`job.toml`": ("job", Job),
    "`[run]`": ("job", RunTable),
    "`[[stage]]`": ("job", Stage),
    "`watch` of a stage": ("job", WatchTable),
    "`[[step]]`": ("job", StepTable),
}
"""For each heading the form, and the table of it."""

LINKS: Mapping[tuple[type, str, str], str] = {
    (SiteConfig, "gpus", "GPU list"): "standard.md#gpu-list",
    (SiteConfig, "devices", "devices"): "device-sources.md",
    (SiteConfig, "sharing", "repeated"): "standard.md#sharing",
    (SiteConfig, "foreign", "programs of others"): "../explanation/slots.md#programs-of-others",
    (SiteConfig, "memory_reserve", "by the policy"): "../explanation/slots.md#memory",
    (SiteConfig, "checksum", "by a hash of their content"): "../howto/resume.md#by-content",
    (SiteConfig, "lease_directory", "Where leases lie"): (
        "../howto/sharing-a-machine.md#for-several-users-one-directory"
    ),
    (Stage, "watch", "a folder"): "#watch-of-a-stage",
    (Stage, "gpu_memory", "Memory"): "../explanation/slots.md#memory",
}
"""Where a meaning leads to, by table, key and the words of it that are the link."""

_HEAD = "| key |"
_NOUNS = {"a text": "text", "a whole number": "whole number", "a number": "number",
          "true or false": "yes or no", "a table": "table"}  # fmt: skip


def with_keys(page: str) -> str:
    """Return the page of the configuration with the tables of its keys as the forms are now.

    Parameters
    ----------
    page : str
        The page as it is.

    Raises
    ------
    ValueError
        When a heading of `TABLES` is not in it.
    """
    for title, (form, kind) in TABLES.items():
        page = with_block(page, title, _HEAD, "the form: change its docstring", _table(form, kind))
    return page


def _table(form: str, kind: type) -> list[str]:
    meanings = _meanings(form, kind)
    elsewhere = _elsewhere() if kind is SiteConfig else {}
    shapes = dict(keys_of(kind).values())
    rows = []
    for one in fields(kind):
        key = one.name.rstrip("_")
        row = [code(key), _type(kind, key, shapes[one.name]), _default(one)]
        row += [elsewhere.get(key, "")] if elsewhere else []
        rows.append((*row, _linked(kind, key, meanings[key])))
    head = ("key", "type", "default", *(["also said by"] if elsewhere else []), "meaning")
    return list(table(head, rows))


def _meanings(form: str, kind: type) -> dict[str, str]:
    """Return what the JSON Schema says of each key, without the words of Python."""
    schema: dict[str, Any] = file_schema(form)
    if kind not in {SiteConfig, Job}:
        schema = schema["$defs"][kind.__name__]
    found = {}
    for key, one in schema["properties"].items():
        text = re.sub(r"\. None: ", ". Without it ", one["description"].rstrip("."))
        found[key] = plain(text.replace("None: ", "without it "))
    return found


def _linked(kind: type, key: str, meaning: str) -> str:
    for (table_, name, words), target in LINKS.items():
        if (table_, name) == (kind, key):
            meaning = meaning.replace(words, f"[{words}]({target})", 1)
    return meaning


def _type(kind: type, key: str, shape: object) -> str:
    """Return a type in words, with its values or bounds."""
    said = [one for one in get_args(shape) if one is not type(None)]
    one = said[0] if len(said) == 1 and type(None) in get_args(shape) else shape
    if known := choices(one):
        return ", ".join(map(code, known))
    if one in {int, float}:
        assert isinstance(one, type)  # noqa: S101 - for the type checker
        low = bound(kind, key, one)
        return f"{_NOUNS[described(one)]}{f', {low}' if low else ''}"
    words = described(one)
    for article, noun in _NOUNS.items():
        words = re.sub(rf"^{article}\b", noun, words)
    return words.removeprefix("a ")


def _default(one: Field[Any]) -> str:
    value = one.default_factory() if one.default_factory is not MISSING else one.default
    if value is MISSING:
        return "must be given"
    if value is None or value in ("", (), {}) or one.default_factory is not MISSING:
        return ""
    return code(toml_line("x", value).removeprefix("x = "))


def _elsewhere() -> dict[str, str]:
    """Return for each setting the variable, the job's key and the option that count above files."""
    found: dict[str, list[str]] = {}
    for variable, (key, _) in VARIABLES.items():
        found.setdefault(key, []).append(code(variable))
    for one in fields(RunTable):
        if one.name in {setting.name for setting in fields(SiteConfig)}:
            found.setdefault(one.name, []).append("[`[run]`](#run)")
    run = program.get_command(click.Context(program), "run")
    assert run is not None  # noqa: S101 - it is one of the verbs
    for option in run.params:
        if option.name in found and isinstance(option, click.Option):
            found[option.name].append(code(max(option.opts, key=len)))
    return {key: ", ".join(where) for key, where in found.items()}
