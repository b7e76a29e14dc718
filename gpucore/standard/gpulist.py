"""The text of ``GPU_LIST``, to a list and back.

Source: Scipion's page "GPU parameters standardization", made exact: what Scipion's own parser
(pyworkflow 3.11.7, ``utils/utils.py getListFromRangeString``) misreads in silence is refused here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from gpucore.errors import GpuListError

__all__ = ["MAX_INDEX", "VOID", "GpuItem", "GpuList", "Void", "format_gpu_list", "parse_gpu_list"]

MAX_INDEX = 9_999
"""The largest index that is read: a typing error must not ask for a list of a billion GPUs."""

_VOID_NUMBER = 99
_ITEM = re.compile(r"[^\s,]+")
_INDEX = re.compile(r"[0-9]+")
_RANGE = re.compile(r"([0-9]+)-([0-9]+)")
_IDENTITY = re.compile(r"(?:GPU|MIG)-[0-9A-Za-z][0-9A-Za-z/-]*")
_WRITE = "write indexes (`0 1`), a range (`0-3`), `GPU-<uuid>`, `MIG-<uuid>` or `auto`"


class Void(Enum):
    """Scipion's void GPU: it takes a place when slots are cut, and is then left out."""

    VOID = _VOID_NUMBER

    def __repr__(self) -> str:
        return "VOID"


VOID = Void.VOID
GpuItem: TypeAlias = int | str | Void


@dataclass(frozen=True, kw_only=True)
class GpuList:
    """What the user's text says, before any machine is looked at.

    Parameters
    ----------
    items : tuple of int, str or Void
        Device indexes in PCI bus order, identities (UUID or a prefix of one) and void places,
        in the user's order, repetitions kept.
    auto : bool
        Whether the text was ``auto``: every healthy device; ``items`` is then empty.
    """

    items: tuple[GpuItem, ...] = ()
    auto: bool = False

    def __str__(self) -> str:
        return format_gpu_list(self)

    def __bool__(self) -> bool:
        return self.auto or bool(self.items)


def parse_gpu_list(text: str) -> GpuList:
    """Return the GPU list that a text says.

    Parameters
    ----------
    text : str
        Items separated by blanks and/or commas.

    Raises
    ------
    GpuListError
        Names every item that is refused, its place in the text and what to write instead.

    Examples
    --------
    >>> parse_gpu_list("0-2, 5").items
    (0, 1, 2, 5)
    >>> parse_gpu_list("0 0 99").items
    (0, 0, VOID)
    >>> parse_gpu_list("auto").auto
    True
    >>> parse_gpu_list("3-0")
    Traceback (most recent call last):
    gpucore.errors.GpuListError: `3-0` at character 1: a range goes upwards
      write `0-3`
    """
    found = [(match.group(), match.start()) for match in _ITEM.finditer(text)]
    if [item for item, _ in found] == ["auto"]:
        return GpuList(auto=True)
    items: list[GpuItem] = []
    refusals: list[tuple[str, str]] = []
    for item, place in found:
        try:
            items.extend(_read(item))
            if len(items) > MAX_INDEX + 1:
                raise GpuListError(
                    f"the list grows beyond {MAX_INDEX + 1} places", hint="name fewer GPUs"
                )
        except GpuListError as refusal:
            refusals.append((f"`{_shown(item)}` at character {place + 1}: {refusal.what}",
                             refusal.hint))  # fmt: skip
            items.clear()
    if refusals:
        raise GpuListError(
            "; ".join(what for what, _ in refusals),
            hint="; ".join(dict.fromkeys(hint for _, hint in refusals)),
        )
    return GpuList(items=tuple(items))


def format_gpu_list(gpu_list: GpuList) -> str:
    """Return the text that `parse_gpu_list` reads as this list.

    Examples
    --------
    >>> format_gpu_list(GpuList(items=(0, 1, VOID, "GPU-8f3a")))
    '0 1 99 GPU-8f3a'
    """
    if gpu_list.auto:
        return "auto"
    return " ".join(str(_VOID_NUMBER) if item is VOID else str(item) for item in gpu_list.items)


def _read(item: str) -> list[GpuItem]:
    if not item.isascii():
        raise GpuListError("it is not plain ASCII", hint="write numbers with the digits 0-9")
    if _INDEX.fullmatch(item):
        return [_index(item)]
    if bounds := _RANGE.fullmatch(item):
        first, last = _number(bounds[1]), _number(bounds[2])
        if first > last:
            raise GpuListError("a range goes upwards", hint=f"write `{last}-{first}`")
        return [VOID if number == _VOID_NUMBER else number for number in range(first, last + 1)]
    if _IDENTITY.fullmatch(item):
        return [item]
    raise _refusal(item)


def _number(digits: str) -> int:
    # int() refuses thousands of digits with a ValueError of its own.
    significant = digits.lstrip("0") or "0"
    if len(significant) > len(str(MAX_INDEX)):
        raise GpuListError("no machine has so many GPUs", hint=f"indexes end at {MAX_INDEX}")
    return int(significant)


def _index(digits: str) -> GpuItem:
    number = _number(digits)
    return VOID if number == _VOID_NUMBER else number


def _shown(item: str) -> str:
    """Return the item fit for a message: printable, and no longer than a line."""
    printable = "".join(c if c.isprintable() else repr(c)[1:-1] for c in item[:60])
    return printable + ("…" if len(item) > 60 else "")  # noqa: PLR2004 - a line's worth


def _refusal(item: str) -> GpuListError:  # noqa: PLR0911 - one return for each misreading
    """Say why an item that fits no form is refused, and what its writer most likely meant."""
    if re.fullmatch(r"-[0-9]+", item):
        return GpuListError(
            "there is no GPU with a negative number",
            hint="to run without a GPU set USE_GPU to false, or leave the list empty",
        )
    if re.fullmatch(r"[0-9]+(-[0-9]+){2,}", item):
        ends = item.split("-")
        return GpuListError(
            "a range has two ends", hint=f"write `{ends[0]}-{ends[-1]}` or `{' '.join(ends)}`"
        )
    if re.fullmatch(r"[0-9]+([:;/|+.][0-9]+)+", item):
        if re.fullmatch(r"[0-9]+\.[0-9]+", item):
            return GpuListError(
                "a GPU has no fraction", hint="to share a GPU name it twice, as in `0 0`"
            )
        parts = " ".join(re.split(r"[:;/|+.]", item))
        return GpuListError("items are separated by blanks or commas", hint=f"write `{parts}`")
    if named := re.fullmatch(r"(?:cuda:|gpu|GPU|cuda)([0-9]+)", item):
        return GpuListError("a GPU is named by its number alone", hint=f"write `{named[1]}`")
    if re.match(r"(?i)(gpu|mig)-", item):
        return GpuListError(
            "it is no identity of a GPU", hint="write it as `nvidia-smi -L` shows it: GPU-8f3a…"
        )
    if item == "auto":
        return GpuListError("it does not go with other items", hint="write `auto` alone")
    if item.lower() in {"auto", "all"}:
        return GpuListError("it is no item of a GPU list", hint="write `auto` alone")
    return GpuListError("it is no item of a GPU list", hint=_WRITE)
