"""The forms of our TOML files as JSON Schema: what an editor completes and checks them by."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from gpucore.config.job import Job
from gpucore.config.settings import SiteConfig
from gpucore.config.shapes import is_table, keys_of
from gpucore.standard.adapter import Adapter
from gpucore.standard.form import DRAFT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["FORMS", "file_schema"]

FORMS: Mapping[str, tuple[type, str]] = {
    "gpucore": (SiteConfig, "gpucore.toml: what a site has"),
    "job": (Job, "job.toml: what to run"),
    "adapter": (Adapter, "an adapter's TOML file: what is known of one program"),
}
"""What each form is made of, and its title."""

_HEADER = re.compile(r"(?m)^(?P<names>\w+(?:, \w+)*)(?: : .*)?$")


def file_schema(form: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a form, one of `FORMS`.

    A file that the schema allows may still be refused: it does not know which adapters there are,
    nor what contradicts itself.
    """
    from pydantic import TypeAdapter  # noqa: PLC0415 - see `gpucore.config.check.build`

    kind, title = FORMS[form]
    schema = TypeAdapter(kind).json_schema()
    helps = dict(_helps(kind))
    said = _in_toml(schema, helps)
    assert isinstance(said, dict)  # noqa: S101 - for the type checker
    return {"$schema": DRAFT, **said, "title": title}


def _in_toml(node: Any, helps: Mapping[str, Mapping[str, str]]) -> Any:
    """Return a part of a schema as TOML has it: its names, no null, and help for each key."""
    if isinstance(node, list):
        return [_in_toml(one, helps) for one in node]
    if not isinstance(node, dict):
        return node
    made = {key: _in_toml(value, helps) for key, value in node.items() if not _is_null(key, value)}
    if isinstance(branches := made.get("anyOf"), list):
        told = [one for one in branches if one != {"type": "null"}]
        made["anyOf"] = told
        if len(told) == 1:
            del made["anyOf"]
            made = {**told[0], **made}
    if node.get("type") == "object" and isinstance(node.get("properties"), dict):
        known = helps.get(str(node.get("title")), {})
        # Python's names end in `_` where a word is its own.
        made["properties"] = {
            name.rstrip("_"): _told(one, known.get(name, ""))
            for name, one in made["properties"].items()
        }
        if "required" in made:
            made["required"] = [name.rstrip("_") for name in made["required"]]
    if "description" in node and isinstance(node["description"], str):
        made["description"] = node["description"].partition("\n")[0]
    return made


def _is_null(key: str, value: object) -> bool:
    return key == "default" and value is None


def _told(schema: dict[str, Any], text: str) -> dict[str, Any]:
    kept = {key: value for key, value in schema.items() if key != "title"}
    return {**kept, "description": text} if text else kept


def _helps(kind: object) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the name of each dataclass below a type, with what its docstring says of each field."""
    ahead: list[object] = [kind]
    seen: set[int] = set()
    while ahead:
        one = ahead.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if is_table(one) and isinstance(one, type):
            bases = [base for base in one.__mro__[::-1] if is_table(base)]
            yield one.__name__, {k: v for base in bases for k, v in _parameters(base).items()}
            ahead += [shape for _, shape in keys_of(one).values()]
        ahead += getattr(one, "__args__", ())


def _parameters(kind: type) -> dict[str, str]:
    """Return what the section *Parameters* of a docstring says, by name."""
    text = inspect.cleandoc(kind.__doc__ or "")
    _, _, section = text.partition("Parameters\n----------\n")
    section = re.split(r"\n\n\w+\n-+\n", section)[0]
    found: dict[str, str] = {}
    for part in re.split(r"(?m)^(?=\w)", section):
        head, _, body = part.partition("\n")
        if match := _HEADER.fullmatch(head):
            help_ = " ".join(body.split()).replace("``", "`")
            found.update(dict.fromkeys(match["names"].split(", "), help_))
    return found
