"""Values to try a parameter with: good ones, ones beyond its bounds, and names that are hostile."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gpucore.errors import ParameterError
from gpucore.standard.params import check_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard.adapter import Param

__all__ = ["HOSTILE", "PROGRESS", "samples", "suffix_of", "sure_sample", "wrong_types"]

HOSTILE = {
    "blank": "a b",
    "newline": "a\nb",
    "quotes": "a'b\"c",
    "percent": "100%s%d%%",
    "mark": "%(GPU)s%(EXE)s",
    "shell": "$(touch x)`id`;&|<>",
    "dash": "-x",
    "glob": "*?[a]~",
    "backslash": "a\\nb",
    "special": "a@b#c:d,e=f",
    "unicode": "é漢",
    "bytes": os.fsdecode(b"a\xff\xfeb"),
}
"""Names of files as people have them, by what is hostile in them."""

PROGRESS = (
    "Iteration  1  Error:     0.123",
    "Align patch 12 24 left",
    "...... Frame (  1) shift:   -0.12    3.40",
    '000/??? sec ~~(,_,">                                                          [oo]',
    '   1/   1 sec ............................................................~~(,_,">',
    "Processing rotations 100% 7,416/7,416 [ 0:00:01 < 0:00:00 , 7,040 rot/s ]",
    "Total time: 12.3 sec",
    "100%|##########| 25/25 [00:01<00:00, 20.1it/s, loss=0.123, error=0.01]",
    "0 errors, 0 warnings",
)
"""Lines that programs print while all is well."""

_NUMBERS = (1, 2, 3, 5, 0, 10, 4, 8, 64, 128, 256, 512, 100, 200, -1)
_TEXTS = ("C1", "D2", "c1", "d2", "2", "1,2", "1-3", "1x2", "1x2x3", "1x2x3x4")
"""Texts that a pattern may ask for: point groups, lists, ranges, grids."""
_FRACTIONS = (0.5, 1.5, 2.25, 0.1, 7.5, 0.01, 0.25)


def samples(name: str, param: Param) -> list[object]:
    """Return values that a parameter takes, the default last."""
    found: list[object] = []
    for value in _raw(name, param):
        try:
            good = check_value(name, param, value)
        except ParameterError:
            continue
        if good not in found and good != param.default:
            found.append(good)
    return [*found, param.default] if param.default is not None else found


def sure_sample(name: str, param: Param, shown: Iterable[object] = ()) -> object:
    """Return one value that a parameter takes.

    Parameters
    ----------
    shown : iterable
        Its values in the adapter's examples, for one that the kit knows none of.

    Raises
    ------
    AssertionError
        When none was found.
    """
    found = [*samples(name, param), *shown]
    assert found, f"the kit knows no value that `{name}` takes: give it in an example"
    return found[0]


def suffix_of(param: Param) -> str:
    """Return a suffix that a path of this parameter may have."""
    return param.suffix[0] if param.suffix else ".mrc"


def wrong_types(param: Param) -> list[object]:
    """Return values of types that the parameter cannot hold."""
    everything: dict[str, tuple[object, ...]] = {
        "path": (1, 2.5, True, b"x", {}),
        "string": (1, 2.5, True, b"x", {}),
        "choice": (object(), "no choice of anybody"),
        "int": ("1", 1.5, True, float("nan"), float("inf"), {}),
        "float": ("1.0", True, float("nan"), float("inf"), {}),
        "bool": (1, 0, "true", "yes", 1.0, {}),
    }
    return list(everything[param.type])


def _raw(name: str, param: Param) -> Iterable[object]:
    scalars = _scalars(name, param)
    if param.length is None:
        return scalars
    count = param.length or 2
    lists = [tuple([one] * count) for one in scalars]
    if param.type == "path":  # files that are run together are all different
        lists.append(tuple(scalars[:count]))
    # Neighbours may have to differ, or to rise.
    rising = sorted(one for one in scalars if isinstance(one, (int, float)))
    return [*lists, *(tuple(rising[at : at + count]) for at in range(len(rising) - count + 1))]


def _scalars(name: str, param: Param) -> list[object]:
    if param.type == "bool":
        return [True, False]
    if param.type == "choice":
        return list(param.choices)
    if param.type == "string":
        return [f"a_{name}", f"b_{name}", "1", *(_TEXTS if param.pattern else ())]
    if param.type == "path":
        suffixes = param.suffix or (suffix_of(param),)
        return [f"{stem}_{name}{suffix}" for stem in ("a", "b") for suffix in suffixes]
    bounds = [one for one in (param.min, param.max, param.above, param.below) if one is not None]
    if param.type == "int":
        near = [int(one) + step for one in bounds for step in (0, 1, -1)]
        return [*_NUMBERS, *near]
    beside = [one + step for one in bounds for step in (0.0, 0.5, -0.5)]
    return [*map(float, _NUMBERS), *_FRACTIONS, *beside]
