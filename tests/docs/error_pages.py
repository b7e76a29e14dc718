"""Where the source names codes of errors, and what the examples of their pages really say."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import shlex
import signal
import subprocess
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from docs.pages import ROOT

from gpucore.cli import main
from gpucore.cli.error_text import error_text
from gpucore.errors import Faults, GpucoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["SOURCES", "Site", "call", "codes_in", "named_codes", "said_by", "sites"]

SOURCES = sorted(
    file
    for folder in ("gpucore", "adapters/gpucore_adapters")
    for file in (ROOT / folder).rglob("*.py")
    if "framealign" not in file.parts  # a program of its own, with errors of its own
)
_CODE = re.compile(r"E[0-9]{3}")


@dataclass(frozen=True, kw_only=True)
class Site:
    """A place where an error is made.

    Parameters
    ----------
    place : str
        File and line.
    inside : str
        File and function.
    kind : str
        The class that is called, or ``fault`` for that of a file.
    code : str or None
        The code as it is written; another expression as its source; None: that of the class.
    """

    place: str
    inside: str
    kind: str
    code: str | None


@cache
def _trees() -> dict[str, ast.Module]:
    """Return every module as a tree: reading them takes seconds, and several tests do."""
    return {
        file.relative_to(ROOT).as_posix(): ast.parse(file.read_text(encoding="utf-8"))
        for file in SOURCES
    }


def sites(kinds: set[str]) -> Iterator[Site]:
    """Yield every place where one of these classes is made, or a fault of a file."""
    for name, tree in _trees().items():
        yield from _sites(tree, name, name, kinds)


def _sites(node: ast.AST, file: str, inside: str, kinds: set[str]) -> Iterator[Site]:
    for child in ast.iter_child_nodes(node):
        around = f"{file}:{child.name}" if isinstance(child, ast.FunctionDef) else inside
        if isinstance(child, ast.Call):
            called = child.func
            name = called.attr if isinstance(called, ast.Attribute) else ast.unparse(called)
            of_a_file = name == "fault" and re.search(
                r"(^|\.)(file|toml)\.fault$", ast.unparse(called)
            )
            if name in kinds or of_a_file:
                given = next((one.value for one in child.keywords if one.arg == "code"), None)
                code = None
                if given is not None:
                    literal = isinstance(given, ast.Constant)
                    code = str(given.value) if literal else ast.unparse(given)
                yield Site(place=f"{file}:{child.lineno}", inside=around, kind=name, code=code)
        yield from _sites(child, file, around, kinds)


def named_codes() -> dict[str, set[str]]:
    """Return the codes that the source names, each with the files that do."""
    found: dict[str, set[str]] = {}
    for name, tree in _trees().items():
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and _CODE.fullmatch(text):
                found.setdefault(text, set()).add(name)
    return found


def codes_in(text: str) -> list[str]:
    """Return the codes that a shown output is of."""
    return re.findall(r"\[(E[0-9]{3})\]", text)


def call(command: str) -> tuple[int, str]:
    """Run a command; return its exit code and all that it says.

    What a shell is needed for runs in one; the rest in this process, which takes a tenth of the
    time.
    """
    if not command.startswith("gpucore ") or re.search(r"[<>|&]", command):
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout
    said = io.StringIO()
    # `exec` gives them back to the program that it is about to become.
    before = {one: signal.getsignal(one) for one in (signal.SIGPIPE, signal.SIGXFSZ)}
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = main(shlex.split(command)[1:])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code, said.getvalue()


def said_by(program: str, name: str = "example.py") -> str:
    """Run Python text that ends with an error of gpucore's; return the error as it is shown."""
    try:
        exec(compile(program, name, "exec"), {"__name__": "example"})  # noqa: S102 - our own page
    except GpucoreError as error:
        each = error.errors if isinstance(error, Faults) else (error,)
        return "".join(f"{error_text(one)}\n" for one in each)
    return ""


def write(name: str, text: str, folder: Path) -> None:
    """Write a file of an example, below its folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
