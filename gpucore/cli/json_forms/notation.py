"""Forms written as lines, `name: kind; what it is`, and the JSON Schema that they say.

A kind is ``text``, ``count`` (a whole number from 0), ``whole``, ``number``, ``yes`` (true or
false), ``any``, words to choose from (``a|b``), or the name of a record. ``[kind]`` is a list,
``{kind}`` an object whose keys are names, and ``kind?`` may be null.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gpucore.cli.json_forms.forms import DOCUMENTS
from gpucore.cli.json_forms.records import RECORDS
from gpucore.standard.form import DRAFT

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Field", "document_schema", "fields_of", "record_of"]

_PLAIN: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "count": {"type": "integer", "minimum": 0},
    "whole": {"type": "integer"},
    "number": {"type": "number"},
    "yes": {"type": "boolean"},
    "any": {},
}


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of an object.

    Parameters
    ----------
    name, kind, what : str
        As written in its line.
    """

    name: str
    kind: str
    what: str


def fields_of(lines: str) -> Iterator[Field]:
    """Yield the fields of a form.

    Examples
    --------
    >>> list(fields_of("gpus: [count]; their indexes"))
    [Field(name='gpus', kind='[count]', what='their indexes')]
    """
    for line in filter(None, map(str.strip, lines.splitlines())):
        name, _, rest = line.partition(": ")
        kind, _, what = rest.partition("; ")
        yield Field(name=name, kind=kind, what=what)


def record_of(kind: str) -> str:
    """Return the record that a kind is made of; empty: of none.

    Examples
    --------
    >>> record_of("[run]"), record_of("[text]?")
    ('run', '')
    """
    name = kind.strip("[]{}?")
    return name if name in RECORDS else ""


def document_schema(schema: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of an object of ``--json``.

    Fields may be added within a version: those that are not named are allowed.

    Parameters
    ----------
    schema : str
        What stands under its key ``schema``, one of `DOCUMENTS`.
    """
    document = DOCUMENTS[schema]
    used: dict[str, dict[str, Any]] = {}
    said = _object(document.fields, used)
    said["properties"] = {"schema": {"const": schema}, **said["properties"]}
    said["required"] = ["schema", *said["required"]]
    told = {"$schema": DRAFT, "title": f"what `{document.verbs[0]} --json` prints", **said}
    return {**told, "$defs": used} if used else told


def _object(lines: str, used: dict[str, dict[str, Any]]) -> dict[str, Any]:
    fields = list(fields_of(lines))
    return {
        "type": "object",
        "properties": {
            one.name: {**_kind(one.kind, used), "description": one.what} for one in fields
        },
        "required": [one.name for one in fields],
    }


def _kind(kind: str, used: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if kind.endswith("?"):
        return {"anyOf": [_kind(kind[:-1], used), {"type": "null"}]}
    if kind.startswith("["):
        return {"type": "array", "items": _kind(kind[1:-1], used)}
    if kind.startswith("{"):
        return {"type": "object", "additionalProperties": _kind(kind[1:-1], used)}
    if "|" in kind:
        return {"enum": kind.split("|")}
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    if kind not in used:
        used[kind] = {}  # a record may hold itself
        used[kind] = _object(RECORDS[kind], used)
    return {"$ref": f"#/$defs/{kind}"}
