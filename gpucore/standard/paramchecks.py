"""Proves that an adapter's parameters do not contradict themselves or each other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gpucore.errors import AdapterError, GpucoreError, did_you_mean
from gpucore.standard.marks import marks
from gpucore.standard.params import check_value, disorder, is_of_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.standard.adapter import Adapter, Param

__all__ = ["is_whole", "param_faults"]

_PARAM = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What templates, conditions and the executor's `submit` have names for already.
_RESERVED = {
    "GPU", "EXE", "gpu", "cpu", "name", "after", "use_gpu", "gpus", "memory", "limits",
    "priority",
}  # fmt: skip
_FORMAT = re.compile(r"%[-+ 0#]*\d*(\.\d+)?[dfeEgG]")
_FOLDERS = {"", "dir", "base"}


def param_faults(adapter: Adapter) -> Iterator[AdapterError]:
    """Yield what is wrong with the parameters."""
    items = [name for name, param in adapter.params.items() if param.item]
    if len(items) > 1:
        yield _fault("params", f"a stage runs over one parameter, not {len(items)}: "
                     f"{', '.join(items)}", "leave `item = true` at one")  # fmt: skip
    for name, param in adapter.params.items():
        where = f"params.{name}"
        if not _PARAM.fullmatch(name) or name in _RESERVED:
            yield _fault(where, f"`{name}` is no parameter's name",
                         f"letters, digits, `_`; not {', '.join(sorted(_RESERVED))}")  # fmt: skip
        yield from _kind_faults(where, name, param)
        yield from _bound_faults(where, name, param)
        yield from _place_faults(where, param, adapter)
        yield from _other_faults(where, name, param, adapter)
        if param.default is not None:
            try:
                check_value(name, param, param.default)
            except GpucoreError as error:
                yield _fault(f"{where}.default", error.what, error.hint)
    defaults = {name: param.default for name, param in adapter.params.items()}
    for fault in disorder(adapter, defaults):
        yield _fault("params", f"of the defaults {fault.what}", fault.hint)


def is_whole(param: Param | None) -> bool:
    """Say whether a parameter is a single whole number."""
    return param is not None and param.type == "int" and param.length is None


def _fault(where: str, what: str, hint: str = "") -> AdapterError:
    return AdapterError(what, hint=hint, where=where, code="E404")


def _kind_faults(where: str, name: str, param: Param) -> Iterator[AdapterError]:
    if not param.help:
        yield _fault(where, f"`{name}` has no help", "say in one line what it is")
    if (param.type == "choice") != bool(param.choices):
        yield _fault(where, f"`{name}` is a {param.type} with {len(param.choices)} choices",
                     'choices go with type = "choice"')  # fmt: skip
    if param.item and param.output:
        yield _fault(where, f"`{name}` is both item and output", "leave one of the two")
    if param.many and not (param.item and (param.check == "directory" or param.length == 0)):
        yield _fault(where, f"`{name}` takes many files, and is no item that is a list or a folder",
                     'item = true, and length = 0 or check = "directory"')  # fmt: skip
    if param.item and param.length is not None and not (param.many and param.length == 0):
        yield _fault(where, f"`{name}` is an item, and a list that gpucore cannot fill",
                     "many = true, length = 0")  # fmt: skip
    if (param.item or param.output) and param.type != "path":
        yield _fault(where, f"`{name}` is an item or an output, and no path", 'type = "path"')
    if param.format and param.type not in {"int", "float"}:
        yield _fault(f"{where}.format", f"`{name}` is no number, and has a format",
                     "take it out, or write the type of a number")  # fmt: skip
    elif param.format and not _FORMAT.fullmatch(param.format):
        yield _fault(f"{where}.format", f"`{param.format}` is no format of a number",
                     'as C writes it: "%03d", "%.2f"')  # fmt: skip
    elif param.type == "float" and param.format.endswith("d"):
        yield _fault(f"{where}.format", f"`{param.format}` would cut the digits off a float",
                     'write "%.0f", or type = "int"')  # fmt: skip


def _bound_faults(where: str, name: str, param: Param) -> Iterator[AdapterError]:
    given = {key: bound for key in ("min", "above", "max", "below")
             if (bound := getattr(param, key)) is not None}  # fmt: skip
    if given and param.type not in {"int", "float"}:
        yield _fault(where, f"`{name}` is no number, and has {' and '.join(given)}",
                     "take the bounds out, or write the type of a number")  # fmt: skip
    for one, other in (("min", "above"), ("max", "below")):
        if one in given and other in given:
            yield _fault(where, f"`{name}` has both {one} and {other}", "leave one of them")
    yield from _kin_faults(where, name, param)
    low = next((key for key in ("min", "above") if key in given), "")
    high = next((key for key in ("max", "below") if key in given), "")
    if not low or not high:
        return
    if given[low] > given[high]:
        yield _fault(where, f"`{name}`: {low} {given[low]:g} is above {high} {given[high]:g}",
                     "swap them")  # fmt: skip
    elif given[low] == given[high] and (low, high) != ("min", "max"):
        yield _fault(where, f"`{name}`: no number lies between {low} {given[low]:g} and "
                     f"{high} {given[high]:g}", "move one of them")  # fmt: skip


def _kin_faults(where: str, name: str, param: Param) -> Iterator[AdapterError]:
    """Yield what is wrong with which whole numbers, and which texts, are allowed."""
    said = [key for key in ("multiple_of", "odd") if getattr(param, key)]
    if said and param.type != "int":
        yield _fault(where, f"`{name}` is no whole number, and has {' and '.join(said)}",
                     'take it out, or write type = "int"')  # fmt: skip
    if len(said) > 1 or param.multiple_of in {0, 1} or (param.multiple_of or 2) < 0:
        yield _fault(f"{where}.multiple_of", f"`{name}` cannot be of {param.multiple_of}"
                     f"{' and odd' * param.odd}",
                     "2 or more, without `odd`")  # fmt: skip
        return
    for key in ("min", "max") if said else ():
        bound = getattr(param, key)
        if bound is not None and not is_of_kind(param, bound):
            yield _fault(f"{where}.{key}", f"`{name}` cannot be its own {key}, {bound:g}",
                         "write the nearest number that it can be")  # fmt: skip
    if param.pattern and param.type not in {"string", "path"}:
        yield _fault(f"{where}.pattern", f"`{name}` is of the type {param.type}, and has a pattern",
                     "take it out, or write the type of a text")  # fmt: skip


def _place_faults(where: str, param: Param, adapter: Adapter) -> Iterator[AdapterError]:
    if param.output.startswith("/") or ".." in param.output.split("/"):
        yield _fault(where, f"`{param.output}` lies outside the output directory",
                     "name a file below it")  # fmt: skip
    if param.output and param.length is not None and not (
        param.length == 0 and adapter.lists_items
    ):  # fmt: skip
        yield _fault(where, f"`{param.output}` is a list of outputs, and its item is none",
                     "take `length` out, or let the item be a list, too")  # fmt: skip
    for mark in marks(param.output):
        other = adapter.params.get(mark.name)
        if other is not None and other.type == "path" and mark.part in _FOLDERS:
            yield _fault(where, f"`{param.output}` lies where `{mark.name}` does, outside the "
                         "output directory", f"name it after %({mark.name}.stem)s")  # fmt: skip


def _other_faults(where: str, name: str, param: Param, adapter: Adapter) -> Iterator[AdapterError]:
    for other in param.needs:
        if other not in adapter.params or other == name:
            yield _fault(f"{where}.needs", f"`{other}` is no other parameter",
                         did_you_mean(other, adapter.params))  # fmt: skip
    for key, other in (("less_than", param.less_than), ("no_more_than", param.no_more_than)):
        if not other:
            continue
        second = adapter.params.get(other)
        if second is None or other == name:
            yield _fault(f"{where}.{key}", f"`{other}` is no other parameter",
                         did_you_mean(other, adapter.params))  # fmt: skip
        elif not _is_number(param) or not _is_number(second):
            yield _fault(f"{where}.{key}", f"`{name}` and `{other}` are not both single numbers",
                         "only numbers are compared")  # fmt: skip


def _is_number(param: Param) -> bool:
    return param.type in {"int", "float"} and param.length is None
