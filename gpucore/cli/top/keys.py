"""What was typed on a terminal: bytes in, names of keys out."""

from __future__ import annotations

__all__ = ["KeyDecoder"]

_PLAIN = {
    0x03: "ctrl-c",
    0x09: "tab",
    0x0A: "enter",
    0x0C: "ctrl-l",
    0x0D: "enter",
    0x1A: "ctrl-z",
    0x08: "backspace",
    0x7F: "backspace",
}
_LETTERS = {
    "A": "up",
    "B": "down",
    "C": "right",
    "D": "left",
    "F": "end",
    "H": "home",
    "Z": "shift-tab",
}
_NUMBERS = {"1": "home", "4": "end", "5": "page-up", "6": "page-down", "7": "home", "8": "end"}
_LENGTHS = ((0xF8, 1), (0xF0, 4), (0xE0, 3), (0xC0, 2))
"""Bytes of a character in UTF-8, by the least first byte that has so many."""

_ESCAPE = 0x1B
_LONGEST = 32


class KeyDecoder:
    """Tells keys from the bytes that a terminal sends for them, in whatever pieces they come."""

    def __init__(self) -> None:
        self._rest = b""

    @property
    def waits(self) -> bool:
        """Whether what came last may be the beginning of a key."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[str]:
        """Return the keys that are complete now; a character's key is the character."""
        self._rest += data
        keys = []
        while self._rest:
            length, key = _first(self._rest)
            if not length:
                break
            self._rest = self._rest[length:]
            if key:
                keys.append(key)
        return keys

    def flush(self) -> list[str]:
        """Return what it must have been, as nothing follows: an Esc that was typed by itself."""
        rest, self._rest = self._rest, b""
        return ["escape"] if rest[:1] == bytes([_ESCAPE]) else []


def _first(data: bytes) -> tuple[int, str]:
    """Return how many bytes the first key has, and its name; 0: it is not complete.

    Without a name: a key that nobody asks for, or no text.
    """
    first = data[0]
    if first == _ESCAPE:
        return _sequence(data)
    if first in _PLAIN:
        return 1, _PLAIN[first]
    length = next((size for least, size in _LENGTHS if first >= least), 1)
    for place in range(1, length):
        if place == len(data):
            return 0, ""
        if data[place] & 0xC0 != 0x80:  # noqa: PLR2004 - what goes on in UTF-8
            return place, ""
    text = data[:length].decode("utf-8", "replace")
    return length, text if text.isprintable() and text != "\ufffd" else ""


def _sequence(data: bytes) -> tuple[int, str]:
    """Do the same for what begins with an escape (ECMA-48: CSI and SS3)."""
    if len(data) == 1:
        return 0, ""
    if data[1:2] not in {b"[", b"O"}:
        # An Esc, and a key after it.
        return 1, "escape"
    for place in range(2, min(len(data), _LONGEST)):
        code = data[place]
        if 0x40 <= code <= 0x7E:  # noqa: PLR2004 - what ends such a sequence
            parameters = data[2:place].decode("ascii", "replace")
            if code == ord("~"):
                return place + 1, _NUMBERS.get(parameters.partition(";")[0], "")
            return place + 1, _LETTERS.get(chr(code), "")
        if not 0x20 <= code < 0x40:  # noqa: PLR2004 - no part of one
            return place, ""
    return (_LONGEST, "") if len(data) >= _LONGEST else (0, "")
