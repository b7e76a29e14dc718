"""Checks that a hostile name of a file arrives byte for byte, as one argument."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from gpucore.errors import GpucoreError
from gpucore.testing.samples import HOSTILE, suffix_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.standard.adapter import Param
    from gpucore.standard.model import Command
    from gpucore.testing.subject import Given, Subject

__all__ = ["NameChecks"]

_TAME = "gpucoreprobe"
_BREAKS_A_LINE = {"newline"}
_BREAKS_A_FILE = {"newline", "quotes", "blank", "bytes", "special", "backslash"}


class NameChecks:
    """What is checked of the names of files and of other texts."""

    @pytest.mark.parametrize("kind", HOSTILE)
    def test_a_hostile_name_arrives_as_it_is_or_is_refused(
        self, subject: Subject, kind: str
    ) -> None:
        for name, param, given in _used_texts(subject):
            dashed = param.type == "path" and HOSTILE[kind].startswith("-")
            tame = _value(param, f"./{_TAME}" if dashed else _TAME)
            expected = _texts(subject.command({**given, name: tame}))
            try:
                command = subject.command({**given, name: _value(param, HOSTILE[kind])})
            except GpucoreError as refusal:
                why = f"`{name}` refuses a name with {kind}: {refusal}"
                assert _may_refuse(subject, param, kind), why
                continue
            assert _texts(command) == [one.replace(_TAME, HOSTILE[kind]) for one in expected]

    def test_hostile_names_reach_a_process_byte_for_byte(self, subject: Subject) -> None:
        printf = shutil.which("printf", path="/usr/bin:/bin")
        if printf is None:
            pytest.skip("there is no program printf")
        hostile = "".join(text for kind, text in HOSTILE.items() if kind != "dash")
        for name, param, given in _used_texts(subject):
            changed = {**given, name: _value(param, hostile)}
            if not subject.takes(changed):
                continue
            argv = subject.command(changed).argv
            said = subprocess.run([printf, "%s\\0", *argv], capture_output=True, check=True).stdout
            assert said == b"".join(os.fsencode(argument) + b"\0" for argument in argv)


def _used_texts(subject: Subject) -> Iterator[tuple[str, Param, Given]]:
    """Yield each parameter that is a text, with a set of parameters where the command holds it."""
    for name, param in subject.adapter.params.items():
        if param.type not in {"path", "string"}:
            continue
        for given in subject.contexts():
            probed = {**given, name: _value(param, _TAME)}
            if subject.takes(probed) and any(
                _TAME in one for one in _texts(subject.command(probed))
            ):
                yield name, param, probed
                break


def _value(param: Param, text: str) -> object:
    value = f"{text}{suffix_of(param)}" if param.type == "path" else text
    return value if param.length is None else (value,) * (param.length or 1)


def _may_refuse(subject: Subject, param: Param, kind: str) -> bool:
    """Say whether the program has a reason not to be given such a name."""
    adapter = subject.adapter
    has_blank = any(one.isspace() or one in "\"'" for one in HOSTILE[kind])
    return (
        (not param.blanks and has_blank)
        or (bool(param.pattern) and not _fits(param, HOSTILE[kind]))
        or (bool(adapter.command.stdin) and kind in _BREAKS_A_LINE)
        or (bool(adapter.file) and kind in _BREAKS_A_FILE)
    )


def _fits(param: Param, text: str) -> bool:
    value = f"{text}{suffix_of(param)}" if param.type == "path" else text
    return re.fullmatch(param.pattern, value) is not None


def _texts(command: Command) -> list[str]:
    """Return what of a command is given as it is; a file's text may have escapes of its own."""
    return [
        *command.argv,
        *(command.stdin or "").split("\n"),
        *command.env.values(),
        *(link.target for link in command.links),
        *(link.name for link in command.links),
    ]
