"""A TOML file read and parsed; whatever is wrong with it is told with file, line and column."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.config.places import Place, key_text, locate
from gpucore.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from gpucore.config.places import KeyPath

__all__ = ["MAX_BYTES", "FileError", "TomlFile", "parse_toml", "parse_toml_bytes", "read_toml"]

MAX_BYTES = 1 << 20
"""The largest file that is read: one that people write is a thousand times smaller."""

_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_SAID = {
    "Invalid value": (
        "there is no value that TOML knows",
        'texts stand in quotes, true and false are lower case, lists are closed: key = "text"',
    ),
    "Cannot overwrite a value": ("a key is given twice", "leave one of them"),
    "Cannot declare": ("a table is opened twice", "put its keys together under one header"),
    "Expected '=' after a key": (
        "there is no `=` after a key", "write key = value"
    ),
    "Invalid initial character for a key part": (
        "there is no key where one is needed", "write key = value"
    ),
    "Invalid statement": ("the line is no statement", "write key = value, [table] or # comment"),
    "Expected newline or end of document after a statement": (
        "something follows where the statement has ended",
        "begin a new line, or write # before a comment",
    ),
    "Unclosed array": ("a list is not closed", "close it with ]"),
    "Unclosed inline table": ("a table is not closed on its line", "close it with }"),
    "Unterminated string": ("a text is not closed", "close it with its quote"),
    "Illegal character": (
        "a text is not closed, or holds a control character",
        "close it with its quote",
    ),
    "Unescaped '\\'": (
        "a \\ stands in a text",
        "write it in single quotes: 'C:\\dir'",
    ),
}  # fmt: skip


class FileError(ConfigError):
    """One fault of a file; ``place`` has the line for a caret, None when there is no line.

    Parameters
    ----------
    what, hint, where, code : str
        As of every `GpucoreError`.
    place : Place or None
        Line, column and text.
    file, key : str
        The file, and what is meant in it, as they are shown apart: ``stage[1].adapter "ctf"``.
    known : tuple of str
        What could stand there instead, when there is more than the hint says.
    path : KeyPath
        The key; empty for the file as a whole.
    """

    def __init__(
        self,
        what: str,
        *,
        hint: str = "",
        where: str = "",
        code: str = "",
        place: Place | None = None,
        file: str = "",
        key: str = "",
        known: tuple[str, ...] = (),
        path: KeyPath = (),
    ) -> None:
        super().__init__(what, hint=hint, where=where, code=code)
        self.place = place
        self.file = file
        self.key = key
        self.known = known
        self.path = path


@dataclass(frozen=True, kw_only=True)
class TomlFile:
    """A TOML file that was parsed.

    Parameters
    ----------
    path : Path
        The file, as its user named it.
    text : str
        What it holds.
    data : Mapping
        What that says.
    """

    path: Path
    text: str
    data: Mapping[str, object]

    def place(self, key: KeyPath) -> Place:
        """Return where a key stands; that of its table when it is not there."""
        return locate(self.text, key)

    def where(self, key: KeyPath) -> str:
        """Return file, line and key as messages show them: ``job.toml:14: stage[1].adapter``."""
        if not key:
            return str(self.path)
        return f"{self.path}:{self.place(key).line}: {key_text(key)}"

    def fault(
        self,
        key: KeyPath,
        what: str,
        hint: str = "",
        *,
        code: str = "",
        known: tuple[str, ...] = (),
    ) -> FileError:
        """Return the error for what is wrong at a key."""
        return FileError(
            what,
            hint=hint,
            where=self.where(key),
            code=code,
            place=self.place(key) if key else None,
            file=str(self.path),
            key=self._shown(key),
            known=known,
            path=key,
        )

    def _shown(self, key: KeyPath) -> str:
        """Return a key as people know it: `stage[1] "ctf": params.voltage`."""
        table: object = self.data
        for part in key[:2]:
            if isinstance(table, Mapping):
                table = table.get(str(part))
            elif isinstance(table, list) and isinstance(part, int) and part < len(table):
                table = table[part]
        name = table.get("name") if isinstance(table, Mapping) and len(key) > 1 else None
        if not isinstance(name, str) or not name:
            return key_text(key)
        inner = key_text(key[2:])
        return f'{key_text(key[:2])} "{name}"{inner and f": {inner}"}'


def read_toml(path: Path) -> TomlFile:
    """Return a TOML file, parsed.

    Raises
    ------
    ConfigError
        When it cannot be read, is no TOML, or may be written by everyone on the machine: it names
        programs that will be started.
    """
    where = str(path)
    try:
        raw = _read(path)
    except FileNotFoundError:
        raise ConfigError(
            "there is no such file", hint="look at its name and folder", where=where, code="E201"
        ) from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ConfigError(
            f"the file cannot be read: {reason[:1].lower()}{reason[1:]}",
            hint="look at its name and its permissions",
            where=where,
            code="E202",
        ) from None
    return parse_toml_bytes(path, raw)


def parse_toml_bytes(path: Path, raw: bytes) -> TomlFile:
    """Return the bytes of a TOML file, parsed.

    Raises
    ------
    ConfigError
        When they are no UTF-8, or no TOML.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"the byte 0x{error.object[error.start]:02x} is no UTF-8",
            hint="save the file as UTF-8",
            where=f"{path}:{line}",
            code="E202",
        ) from None
    return parse_toml(path, text)


def parse_toml(path: Path, text: str) -> TomlFile:
    """Return a TOML text that stands, or will stand, in a file.

    Raises
    ------
    ConfigError
        When it is no TOML.
    """
    try:
        return TomlFile(path=path, text=text, data=tomllib.loads(text))
    except RecursionError:
        raise ConfigError(
            "its values are nested too deeply",
            hint="write them flatter",
            where=str(path),
            code="E221",
        ) from None
    except ValueError as error:
        raise _syntax_fault(path, text, str(error)) from None


def _syntax_fault(path: Path, text: str, said: str) -> ConfigError:
    """Say in our words what the parser said; its own words are for people who wrote a parser."""
    found = _AT.search(said)
    if not found:
        return ConfigError(
            f"it holds a value that cannot be read: {said[:1].lower()}{said[1:]}",
            hint="numbers have at most 64 bits",
            where=str(path),
            code="E207",
        )
    lines = text.replace("\r\n", "\n").split("\n")
    if found[1]:
        line, column = int(found[1]), int(found[2])
    else:
        line = max((number for number, one in enumerate(lines, 1) if one.strip()), default=1)
        column = len(lines[line - 1]) + 1
    message = said[: found.start()]
    own = next((own for start, own in _SAID.items() if message.startswith(start)), None)
    what, hint = own or (f"it is no TOML: {message[:1].lower()}{message[1:]}", "mend this line")
    return FileError(
        what,
        hint=hint,
        where=f"{path}:{line}:{column}",
        place=Place(line=line, column=column, source=lines[min(line, len(lines)) - 1]),
        file=str(path),
        code="E205",
    )


def _read(path: Path) -> bytes:
    # Without O_NONBLOCK a named pipe that nobody writes to would hold us for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            kind = "a folder" if stat.S_ISDIR(facts.st_mode) else "no ordinary file"
            raise ConfigError(
                f"it is {kind}", hint="name a TOML file", where=str(path), code="E202"
            )
        if facts.st_mode & stat.S_IWOTH:
            raise ConfigError(
                "everyone on this machine may write the file, and it says what is run",
                hint=f"chmod o-w {path}",
                where=str(path),
                code="E203",
            )
        if facts.st_size > MAX_BYTES:
            raise ConfigError(
                f"the file is larger than {MAX_BYTES >> 20} MiB",
                hint="name a file of settings; many items are named by a pattern (`movies/*.tif`)",
                where=str(path),
                code="E202",
            )
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_BYTES)
    finally:
        os.close(descriptor)
