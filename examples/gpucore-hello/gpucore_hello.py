"""hello: a plugin with one adapter, for a program that every machine has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl
from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Param,
    Program,
    Template,
    Version,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["HELLO", "gpucore_adapters"]

HELLO = Adapter(
    name="hello",
    title="echo: say hello",
    program=Program(
        executable="echo",
        version=Version(args=("--version",), regex=r"echo \(GNU coreutils\) (\d+\.\d+)"),
        install="it comes with GNU coreutils",
    ),
    command=Template(argv=("%(EXE)s", "hello,", "%(who)s")),
    params={"who": Param(type="string", help="who is greeted")},
    failure=(
        Failure(
            match=r"write error: No space left on device",
            class_=FailureClass.DISK_FULL,
            hint="make room where the logs lie",
        ),
    ),
    example=(Example(params={"who": "world"}, argv=("echo", "hello,", "world")),),
    licence="GPL-3.0-or-later",
    source="GNU coreutils 9.1: echo --help, src/echo.c",
)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer the adapter."""
    return (HELLO,)
