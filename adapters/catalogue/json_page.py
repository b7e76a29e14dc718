"""The page about the objects that ``--json`` prints, written from their forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.cli.json_forms.forms import DOCUMENTS
from gpucore.cli.json_forms.notation import fields_of, record_of
from gpucore.cli.json_forms.records import RECORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["json_text"]

_HEAD = """# JSON of the command line

<!-- Written by `make catalogue` from gpucore/cli/json_forms. -->

With `--json` a verb prints one object on standard output. `schema` names its form and its version:
fields may be added within a version, none is taken away. `gpucore config schema NAME` prints a form
as JSON Schema (draft 2020-12), by which a program can check what it reads, or make types of it:

```console
$ gpucore config schema gpucore.init/1
{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "what `init --json` prints",
…
}
```

Times are seconds since the epoch. Errors go to standard error, in words, and the exit code says
what kind they are; `config check` alone tells them as data, too. The lines of `--json-events` have
[a form of their own](cli.md#events): `gpucore config schema event`.
"""
_PLAIN = {
    "text": "text",
    "count": "whole number",
    "whole": "whole number, also below 0",
    "number": "number",
    "yes": "true or false",
    "any": "anything",
}


def json_text() -> str:
    """Return the page."""
    return "\n".join((_HEAD, *_documents(), "## Records", "", *_records()))


def _documents() -> Iterator[str]:
    for name, document in sorted(DOCUMENTS.items()):
        verbs = ", ".join(f"`gpucore {verb} --json`" for verb in document.verbs)
        yield from (f"## `{name}`", "", f"Printed by {verbs}.", "", *_table(document.fields), "")


def _records() -> Iterator[str]:
    for name, lines in sorted(RECORDS.items()):
        yield from (f"### {_title(name)}", "", *_table(lines), "")


def _table(lines: str) -> Iterator[str]:
    yield from ("| field | kind | what it is |", "|---|---|---|")
    for one in fields_of(lines):
        yield f"| `{one.name}` | {_kind(one.kind)} | {one.what} |"


def _kind(kind: str) -> str:
    if kind.endswith("?"):
        return f"{_kind(kind[:-1])}, or null"
    if kind.startswith("["):
        return f"list: {_kind(kind[1:-1])}"
    if kind.startswith("{"):
        return f"object, by name: {_kind(kind[1:-1])}"
    if "|" in kind:
        return " or ".join(f"`{word}`" for word in kind.split("|"))
    if record := record_of(kind):
        return f"[{_title(record)}](#{_title(record).replace(' ', '-')})"
    return _PLAIN[kind]


def _title(record: str) -> str:
    return f"{record.replace('_', ' ')}"
