"""The text of a small input file, each value written so that its format cannot misread it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol

from gpucore.errors import TemplateError
from gpucore.standard.marks import marks, split
from gpucore.standard.words import word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpucore.standard.adapter import InputFile, Param, Scalar, Value
    from gpucore.standard.command import FileFormat, Group
    from gpucore.standard.marks import Mark

__all__ = ["Filling", "file_text"]

_QUOTES = {"json": '"', "matlab": "'"}


class Filling(Protocol):
    """Who knows what marks mean in one step."""

    def joined(self, text: str) -> str:
        """Return a text with its marks filled as in an argument."""
        ...

    def typed(self, mark: Mark) -> Value:
        """Return the value of a mark, in its own type; that of an empty list is empty."""
        ...

    def param(self, mark: Mark) -> Param | None:
        """Return the parameter that a mark names as a whole."""
        ...

    def has(self, mark: Mark) -> bool:
        """Say whether a mark has a value."""
        ...

    def held(self, group: Group) -> bool:
        """Say whether a group is there."""
        ...


def file_text(file: InputFile, filling: Filling) -> str:
    """Return what is to be written.

    Raises
    ------
    TemplateError
        When a mark has no value, or one that the format cannot say.
    """
    parts = [_filled(file.text, file.format, filling)]
    parts += [f"{_filled(line, file.format, filling)}\n" for line in _lines(file.lines, filling)]
    entries = {
        key: value for key, value in file.entries.items() if _all_there(value, filling)
    }  # fmt: skip
    if not entries:
        return "".join(parts)
    if file.format == "json":
        written = [
            f"  {json.dumps(key, ensure_ascii=False)}: {_entry(value, file.format, filling)}"
            for key, value in entries.items()
        ]
        return "{\n" + ",\n".join(written) + "\n}\n"
    return "".join(
        f"{key}{file.assign}{_entry(value, file.format, filling)}\n"
        for key, value in entries.items()
    )


def _lines(lines: Iterable[str | Group], filling: Filling) -> Iterator[str]:
    for line in lines:
        if isinstance(line, str):
            yield line
        elif filling.held(line):
            yield from line.args


def _all_there(value: Value, filling: Filling) -> bool:
    texts = value if isinstance(value, tuple) else (value,)
    return all(filling.has(mark) for text in texts if isinstance(text, str) for mark in marks(text))


def _entry(value: Value, kind: FileFormat, filling: Filling) -> str:
    if not isinstance(value, tuple):
        return _typed_text(value, kind, filling)
    if kind in {"plain", "keyvalue"}:
        return " ".join(_typed_text(one, kind, filling) for one in value)
    flat: list[Scalar] = []
    for one in value:
        typed = _typed(one, filling)[0]
        flat.extend(typed if isinstance(typed, tuple) else [] if typed is None else [typed])
    return _said(tuple(flat), None, kind)


def _typed_text(value: Value, kind: FileFormat, filling: Filling) -> str:
    if kind in {"plain", "keyvalue"} and isinstance(value, str):
        return _filled(value, kind, filling)
    typed, param = _typed(value, filling)
    return _said(typed, param, kind)


def _typed(value: Value, filling: Filling) -> tuple[Value, Param | None]:
    """Return what an entry's text means: nothing but a mark is that mark's value."""
    if not isinstance(value, str) or "%(" not in value:
        return value, None
    pieces = split(value)
    if len(pieces) == 1 and not isinstance(pieces[0], str):
        return filling.typed(pieces[0]), filling.param(pieces[0])
    return filling.joined(value), None


def _filled(text: str, kind: FileFormat, filling: Filling) -> str:
    if kind == "plain":
        return filling.joined(text)
    filled: list[str] = []
    quoted = False
    for piece in split(text):
        if isinstance(piece, str):
            filled.append(piece)
            quoted = _ends_quoted(piece, kind, quoted=quoted)
        elif kind == "keyvalue":
            filled.append(_one_line(filling.joined(str(piece))))
        elif quoted:
            filled.append(_said(filling.joined(str(piece)), None, kind)[1:-1])
        else:
            filled.append(_said(filling.typed(piece), filling.param(piece), kind))
    return "".join(filled)


def _ends_quoted(text: str, kind: FileFormat, *, quoted: bool) -> bool:
    """Say whether a template stands inside quotes after a piece of its own text."""
    quote = _QUOTES.get(kind)
    escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif kind == "json" and quoted and character == "\\":
            escaped = True
        elif character == quote:
            quoted = not quoted
        elif character == "\n":
            quoted = False
    return quoted


def _said(value: Value, param: Param | None, kind: FileFormat) -> str:
    """Return a value as a format writes it."""
    if kind == "json":
        return _json(value)
    if kind == "matlab":
        return _matlab(value, param)
    many = value if isinstance(value, tuple) else (value,)
    return " ".join(_one_line(word(one, param)) for one in many if one is not None)


def _json(value: Value) -> str:
    for one in value if isinstance(value, tuple) else (value,):
        if isinstance(one, str):
            _refuse_undecodable(one)
    return json.dumps(value, ensure_ascii=False)


def _matlab(value: Value, param: Param | None) -> str:
    if isinstance(value, tuple):
        texts = [_matlab(one, param) for one in value]
        if any(isinstance(one, str) for one in value):
            return f"{{{', '.join(texts)}}}"
        return f"[{' '.join(texts)}]"
    if isinstance(value, str):
        _refuse_undecodable(value)
        doubled = _one_line(value).replace("'", "''")
        return f"'{doubled}'"
    return word(value, param) if value is not None else "[]"


def _one_line(text: str) -> str:
    if any(character in text for character in "\r\n"):
        raise TemplateError(
            f"the value {text!r} holds a line break, which the program's file cannot say",
            hint="rename the file, or link it under another name",
            code="E323",
        )
    return text


def _refuse_undecodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise TemplateError(
            f"the value {text!r} is not Unicode, which the program's file cannot say",
            hint="rename the file, or link it under another name",
            code="E323",
        ) from None
