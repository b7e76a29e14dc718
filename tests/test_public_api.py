"""What other packages may rely on: names and signatures are on record, and change on purpose only.

``python tests/test_public_api.py`` writes the record anew. A name that goes, or a signature that
breaks its callers, is deprecated for one minor version before (CONTRIBUTING.md).
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeGuard

RECORD = Path(__file__).with_name("public_api.txt")
MODULES = (
    "gpucore",
    "gpucore.errors",
    "gpucore.standard",
    "gpucore.plugins",
    "gpucore.plugins.hookspecs",
    "gpucore.scheduling.policies",
    "gpucore.testing",
)
"""Everything else is gpucore's own business."""

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def described(module: str) -> Iterator[str]:
    """Yield a line for each public name of a module, and for each public part of a class."""
    found = importlib.import_module(module)
    for name in names(found):
        value = getattr(found, name)
        if _is_class(value):
            yield from _class(f"{module}.{name}", value)
        elif inspect.isfunction(value):
            yield f"{module}.{name}{_signature(value)}"
        else:
            yield f"{module}.{name}"


def names(module: object) -> list[str]:
    """Return a module's ``__all__``, or the functions of its own where there is none."""
    own = [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == getattr(module, "__name__", "")
    ]
    return sorted(getattr(module, "__all__", own))


def _class(name: str, kind: type) -> Iterator[str]:
    bases = ", ".join(one.__name__ for one in kind.__bases__ if one is not object)
    yield f"{name}({bases})"
    if issubclass(kind, enum.Enum):
        yield from (f"{name}.{one.name} = {one.value!r}" for one in kind)
        return
    if dataclasses.is_dataclass(kind):
        for field in dataclasses.fields(kind):
            needed = field.default is dataclasses.MISSING is field.default_factory
            yield f"{name}.{field.name}: {field.type}{'' if needed else ' = …'}"
    elif "__init__" in vars(kind) and not getattr(kind, "_is_protocol", False):
        yield f"{name}.__init__{_signature(kind.__init__)}"
    for part, value in sorted(vars(kind).items()):
        if part.startswith("_") or (dataclasses.is_dataclass(kind) and part in _fields(kind)):
            continue
        if isinstance(value, property | cached_property):
            yield f"{name}.{part} (property)"
        elif isinstance(value, classmethod | staticmethod):
            yield f"{name}.{part}{_signature(value.__func__)}"
        elif inspect.isfunction(value):
            yield f"{name}.{part}{_signature(value)}"


def _fields(kind: type) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def _signature(value: object) -> str:
    assert callable(value)
    return _ADDRESS.sub("", str(inspect.signature(value)))


def _is_class(value: object) -> TypeGuard[type]:
    # Python 3.10 calls `list[str]` and the like a class, too.
    return inspect.isclass(value) and not hasattr(value, "__origin__")


def _can_say(value: object) -> bool:
    return _is_class(value) or inspect.isfunction(value)


def api() -> list[str]:
    """Return every line of the record."""
    return [line for module in MODULES for line in described(module)]


def test_what_is_public_changes_on_purpose_only() -> None:
    recorded = RECORD.read_text(encoding="utf-8").splitlines()
    now = api()
    gone = [line for line in recorded if line not in now]
    new = [line for line in now if line not in recorded]
    assert (gone, new) == ([], []), "write it anew: python tests/test_public_api.py"


def test_every_public_name_is_documented() -> None:
    undocumented = [
        f"{module}.{name}"
        for module in MODULES
        for name in names(importlib.import_module(module))
        if _can_say(value := getattr(importlib.import_module(module), name))
        and not inspect.getdoc(value)
    ]
    assert undocumented == []


if __name__ == "__main__":
    RECORD.write_text("\n".join(api()) + "\n", encoding="utf-8")
