"""Amounts of GPU memory: text to MiB and back."""

from __future__ import annotations

import re
from fractions import Fraction

from gpucore.errors import ParameterError

__all__ = ["MOST_MIB", "format_memory", "parse_memory"]

MOST_MIB = 2**30
"""A PiB: what is more is a typing error."""

_AMOUNT = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)\s*([A-Za-z]*)", re.ASCII)
_UNITS = {
    "MiB": Fraction(1),
    "GiB": Fraction(2**10),
    "TiB": Fraction(2**20),
    "MB": Fraction(10**6, 2**20),
    "GB": Fraction(10**9, 2**20),
    "TB": Fraction(10**12, 2**20),
}
_BY_LETTER = {"": "GiB", "m": "MiB", "g": "GiB", "t": "TiB"}


def parse_memory(text: str) -> int:
    """Return an amount of memory in MiB, a part of one counted as a whole.

    Parameters
    ----------
    text : str
        A number and its unit: MiB, GiB, TiB (powers of two), MB, GB, TB (powers of ten).

    Raises
    ------
    ParameterError
        When it is no amount of memory.

    Examples
    --------
    >>> parse_memory("12 GiB"), parse_memory("1.5GiB"), parse_memory("12 GB")
    (12288, 1536, 11445)
    >>> parse_memory("12G")
    Traceback (most recent call last):
    gpucore.errors.ParameterError: '12G' is no amount of memory
      write "12 GiB"
    """
    match = _AMOUNT.fullmatch(text.strip())
    unit = next((one for one in _UNITS if match and one.lower() == match[2].lower()), None)
    if match is None or unit is None:
        meant = _BY_LETTER.get(match[2][:1].lower()) if match else None
        hint = f'write "{match[1]} {meant}"' if match and meant else 'write it as in "12 GiB"'
        raise ParameterError(f"{text[:60]!r} is no amount of memory", hint=hint, code="E112")
    mib = -(-Fraction(match[1]) * _UNITS[unit] // 1)
    if mib > MOST_MIB:
        raise ParameterError(
            f"{text[:60]!r} is more memory than any GPU has", hint="write less", code="E112"
        )
    return int(mib)


def format_memory(mib: int) -> str:
    """Return an amount of memory as people write it.

    Parameters
    ----------
    mib : int
        In MiB.

    Examples
    --------
    >>> [format_memory(mib) for mib in (800, 12288, 3994)]
    ['800 MiB', '12 GiB', '3.9 GiB']
    """
    if mib < 2**10:
        return f"{mib} MiB"
    return f"{mib / 2**10:.1f}".removesuffix(".0") + " GiB"
