"""The pages of the Python API have a place for everything that is public."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest
from docs.pages import ROOT
from test_public_api import MODULES, names

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES = sorted((ROOT / "docs" / "reference" / "api").glob("*.md"))
DIRECTIVE = re.compile(
    r"^\.\. (?P<kind>currentmodule|auto\w+|py:data|py:decorator):: (?P<name>[\w.]+)", re.MULTILINE
)
PUBLIC = [(module, name) for module in MODULES for name in names(importlib.import_module(module))]


def directives() -> Iterator[tuple[str, str, str]]:
    """Yield module, kind and name of what the pages tell."""
    for page in PAGES:
        module = ""
        for found in DIRECTIVE.finditer(page.read_text(encoding="utf-8")):
            if found["kind"] == "currentmodule":
                module = found["name"]
            else:
                yield module, found["kind"], found["name"]


@cache
def told() -> list[object]:
    """Return the objects that are told under their names."""
    return [getattr(importlib.import_module(module), name) for module, _, name in directives()]


def with_all_fields() -> list[object]:
    """Return what is told with fields that have no words of their own."""
    option = re.compile(r"^\.\. autoclass:: (\w+)\n(?: .*\n)*? +:undoc-members:$", re.MULTILINE)
    names_ = {name for page in PAGES for name in option.findall(page.read_text(encoding="utf-8"))}
    return [one for one in told() if getattr(one, "__name__", "") in names_]


def classes() -> list[type]:
    """Return the public classes."""
    found = [getattr(importlib.import_module(module), name) for module, name in PUBLIC]
    return list(dict.fromkeys(one for one in found if inspect.isclass(one)))


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_every_public_name_is_on_a_page(module: str, name: str) -> None:
    value = getattr(importlib.import_module(module), name)
    assert any(one is value for one in told()), "add it to a page of docs/reference/api"


def test_nothing_is_told_twice() -> None:
    places = [(module, name) for module, _, name in directives()]
    assert len(places) == len(set(places))


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_every_field_of_a_public_class_is_told(kind: type) -> None:
    if not dataclasses.is_dataclass(kind) or kind in with_all_fields():
        return
    own = [base for base in kind.__mro__ if dataclasses.is_dataclass(base)]
    texts = "\n".join(inspect.cleandoc(base.__doc__ or "") for base in own)
    missing = [
        field.name
        for field in dataclasses.fields(kind)
        if not re.search(rf"^(?:\w+, )*{field.name}\b(?:, \w+)*(?: : .+)?$", texts, re.MULTILINE)
    ]
    assert not missing


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_every_method_of_a_public_class_is_told(kind: type) -> None:
    if issubclass(kind, enum.Enum):
        return
    missing = [
        name
        for name, value in vars(kind).items()
        if not name.startswith(("_", "test_", "pytest_"))
        and (inspect.isroutine(value) or isinstance(value, property))
        and not inspect.getdoc(getattr(kind, name))
    ]
    assert not missing


def test_every_base_that_a_public_value_has_is_on_a_page() -> None:
    bases = {
        base
        for kind in classes()
        for base in kind.__mro__
        if dataclasses.is_dataclass(base) and base.__module__.startswith("gpucore.")
    }
    assert {base.__name__ for base in bases if base not in told()} == set()
