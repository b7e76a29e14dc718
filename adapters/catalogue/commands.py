"""The tables of docs/reference/cli.md: verbs, arguments and options, from the commands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from catalogue.blocks import own_part, with_block
from catalogue.markdown import code, plain, table
from gpucore.cli.entry import VERBS
from gpucore.cli.entry import gpucore as program
from gpucore.cli.json_forms import DOCUMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["COMMON", "LINKS", "verbs", "with_commands"]

COMMON = "Options of every verb"
"""The heading of what is told once."""

LINKS: Mapping[tuple[str, str], str] = {
    ("--batch", "for a program that takes many"): (
        "../howto/streaming.md#programs-that-take-many-files-at-a-time"
    ),
    ("--bundle", "without secrets"): "../howto/doctor.md#a-bundle-for-support",
    ("--checksum", "by their content"): "../howto/resume.md#by-content",
    ("--gpu-memory", "Memory"): "../explanation/slots.md#memory",
    ("--json", "JSON object"): "json.md",
    ("--json-events", "event"): "#events",
    ("--schema", "JSON Schema"): "../howto/embed.md#show-a-form",
    ("--watch", "the files that come"): "../howto/streaming.md",
}
"""Where an option's help leads to, by option and the words of it that are the link."""

_HEAD = "| argument, option |"


def verbs() -> Iterator[tuple[str, click.Command]]:
    """Yield every verb with its name, each before what is below it: `gpus`, then `gpus probe`."""
    context = click.Context(program)
    for name in VERBS:
        verb = program.get_command(context, name)
        assert verb is not None  # noqa: S101 - it is one of its own list
        yield name, verb
        if isinstance(verb, click.Group):
            yield from ((f"{name} {below}", one) for below, one in verb.commands.items())


def with_commands(page: str) -> str:
    """Return the page of the command line as the commands are now.

    What an argument is stays as the page says it, because click has no help for it. A verb without
    a section is given one, with its help.

    Parameters
    ----------
    page : str
        The page as it is.
    """
    known = dict(verbs())
    everywhere = _everywhere(known)
    for name, verb in known.items():
        if own_part(page, _title(name)) is None:
            page = _with_section(page, name, verb)
    told = _arguments(page)
    for name, verb in known.items():
        rows = list(_rows(name, verb, everywhere, told))
        if rows:
            lines = [f"Usage: {code(_usage(name, verb))}", ""]
            lines += [*table(("argument, option", "value", "meaning"), rows), *_documents(name)]
            page = with_block(page, _title(name), _HEAD, "the command: change its help", lines)
    return _with_list(_with_common(page, everywhere, known), known)


def _title(name: str) -> str:
    return f"`gpucore {name}`"


def _everywhere(known: Mapping[str, click.Command]) -> set[tuple[str, ...]]:
    """Return the options that every verb has, and what is below it."""
    each = [
        {tuple(one.opts) for one in verb.params if isinstance(one, click.Option)}
        for verb in known.values()
    ]
    return set.intersection(*each)


def _rows(
    name: str,
    verb: click.Command,
    everywhere: set[tuple[str, ...]],
    told: Mapping[tuple[str, str], str],
) -> Iterator[tuple[str, str, str]]:
    for one in verb.params:
        if isinstance(one, click.Argument):
            metavar = _argument(one)
            meaning = told.get((name, metavar)) or next(
                (text for (_, other), text in told.items() if other == metavar), ""
            )
            yield code(metavar), "", meaning
        elif isinstance(one, click.Option) and tuple(one.opts) not in everywhere and not one.hidden:
            yield _option(one)


def _argument(one: click.Argument) -> str:
    return str(one.metavar or one.name).removesuffix("...").removeprefix("-- ")


def _option(one: click.Option) -> tuple[str, str, str]:
    meaning = plain((one.help or "").rstrip("."))
    for (option, words), target in LINKS.items():
        if option in one.opts and words in meaning:
            meaning = meaning.replace(words, f"[{words}]({target})", 1)
    needed = "; must be given" if one.required else ""
    if one.show_default and one.default is not None:
        needed = f"; {code(str(one.default))} by default"
    return ", ".join(map(code, sorted(one.opts, key=len))), _value(one), f"{meaning}{needed}"


def _value(one: click.Option) -> str:
    if one.is_flag or one.count:
        return ""
    if isinstance(one.type, click.Choice):
        return ", ".join(code(str(choice)) for choice in one.type.choices)
    bounds = ""
    if isinstance(one.type, (click.IntRange, click.FloatRange)) and one.type.min is not None:
        bounds = f", {'above' if one.type.min_open else 'from'} {one.type.min:g}"
    return f"{code(one.metavar or one.type.name.upper())}{bounds}"


def _usage(name: str, verb: click.Command) -> str:
    context = click.Context(verb, info_name=name)
    return " ".join([f"gpucore {name}", *verb.collect_usage_pieces(context)])


def _documents(name: str) -> Iterator[str]:
    forms = [
        form
        for form, document in DOCUMENTS.items()
        if any(verb == name or verb.startswith(f"{name} --") for verb in document.verbs)
    ]
    if forms:
        yield ""
        links = (f"[{code(one)}](json.md#{re.sub(r'[^a-z0-9]', '', one)})" for one in forms)
        yield f"Printed with `--json`: {', '.join(links)}."


def _arguments(page: str) -> dict[tuple[str, str], str]:
    """Return what the page says of each argument, by verb and argument."""
    told = {}
    for name in re.findall(r"^#+ `gpucore ([a-z ]+)`$", page, re.MULTILINE):
        start, end = own_part(page, _title(name)) or (0, 0)
        for line in page[start:end].splitlines():
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if cells and re.fullmatch(r"`[^`-][^`]*`", cells[0]):
                told[name, cells[0].strip("`")] = cells[-1]
    return told


def _with_section(page: str, name: str, verb: click.Command) -> str:
    """Return the page with a section for a verb, at the end of what it belongs to."""
    above, _, below = name.rpartition(" ")
    heading = f"{'###' if below and above else '##'} {_title(name)}"
    after = rf"^## `gpucore {above}`\n(?:(?!## ).*\n)*" if above else r"\A[\s\S]*?(?=^## JSON$)"
    place = re.search(after, page, re.MULTILINE)
    at = place.end() if place else len(page)
    text = " ".join((verb.help or verb.short_help or "").split())
    before, rest = page[:at].rstrip("\n"), page[at:].lstrip("\n")
    return f"{before}\n\n{heading}\n\n{plain(text)}\n\n{rest}"


def _with_common(
    page: str, everywhere: set[tuple[str, ...]], known: Mapping[str, click.Command]
) -> str:
    some = next(iter(known.values()))
    shared = [
        _option(one)
        for one in some.params
        if isinstance(one, click.Option) and tuple(one.opts) in everywhere
    ]
    if not shared:
        return page
    if own_part(page, COMMON) is None:
        at = page.index("\n## `gpucore ") + 1
        page = f"{page[:at]}## {COMMON}\n\n{page[at:]}"
    lines = list(table(("option", "meaning"), ((names, meaning) for names, _, meaning in shared)))
    return with_block(page, COMMON, "| option |", "the commands: change their help", lines)


def _with_list(page: str, known: Mapping[str, click.Command]) -> str:
    """Return the page with its list of verbs, in the order of their sections."""
    names = [one for one in re.findall(r"^## `gpucore (\w+)`$", page, re.MULTILINE) if one in known]
    rows = [
        (f"[{name}](#gpucore-{name})", plain(VERBS[name][:1].lower() + VERBS[name][1:].rstrip(".")))
        for name in names
    ]
    lines = list(table(("verb", "what it does"), rows))
    return with_block(page, "Command line", "| verb |", "the commands: change their help", lines)
