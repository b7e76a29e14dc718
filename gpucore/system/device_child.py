"""The child process that devices are read in: a question on a line, an answer on a line, as JSON.

A driver in trouble can keep whoever calls it for minutes, and a signal does not reach a process
that sleeps in the kernel. Run by its path, with the name of the module that reads, `nvml_child` or
`amd_child`.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

__all__ = ["Reader", "main", "serve"]


class Reader(Protocol):
    """What a maker's module offers under this name; it is made without arguments."""

    def devices(self) -> dict[str, object]:
        """Return what does not change: ``{"devices": […]}``, or ``{"fault": name, "text": …}``."""

    def snapshot(self) -> dict[str, object]:
        """Return how devices are now: the fields of a `gpucore.standard.readings.Snapshot`."""


def main(name: str) -> NoReturn:
    """Answer the questions on standard input until there are no more, or nobody hears."""
    with (
        contextlib.suppress(ConnectionError),
        os.fdopen(os.dup(1), "w", encoding="ascii") as answers,
    ):
        # Libraries print (amdsmi does, when it is imported): that must not be taken for an answer.
        os.dup2(2, 1)
        serve(_reader(name), sys.stdin, answers)
    # Neither Python nor a driver is taken down in order: that can hang, too.
    os._exit(0)


def serve(reader: Reader, questions: Iterable[str], answers: TextIO) -> None:
    """Answer each question, ``{"ask": "devices"}`` or ``{"ask": "snapshot"}``, in its turn."""
    for line in questions:
        asked = json.loads(line)["ask"]
        answer = reader.devices() if asked == "devices" else reader.snapshot()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _reader(name: str) -> Reader:
    folder = Path(__file__).parent
    # What else lies here must not be taken for a module of somebody else's.
    sys.path[:] = [one for one in sys.path if one != str(folder)]
    for package, path in (("gpucore", folder.parent), ("gpucore.system", folder)):
        # These files, wherever they lie, and without all that importing gpucore would bring.
        module = ModuleType(package)
        module.__path__ = [str(path)]
        sys.modules[package] = module
    reader: Reader = importlib.import_module(f"gpucore.system.{name}").Reader()
    return reader


if __name__ == "__main__":
    main(sys.argv[1])
