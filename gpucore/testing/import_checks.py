"""Checks that importing an adapter costs next to nothing, and does nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

if TYPE_CHECKING:
    from gpucore.testing.subject import Subject

__all__ = ["ImportChecks"]

# A module that an adapter needs is one that gpucore has imported already, or costs little. These
# cost more than all adapters together.
_HEAVY = {
    "asyncio", "concurrent", "ctypes", "email", "http", "inspect", "multiprocessing", "pydoc",
    "socket", "sqlite3", "ssl", "subprocess", "tempfile", "tkinter", "unittest", "urllib", "xml",
}  # fmt: skip

_PROBE = """
import json, os, signal, sys, threading
sys.path[:] = {path!r}
import gpucore.plugins, gpucore.standard
done = []
KINDS = {{"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.chdir",
         "os.putenv", "os.unsetenv", "os.mkdir", "os.remove", "os.rename", "os.kill",
         "socket.connect", "socket.bind", "signal.pthread_kill"}}
def hook(event, arguments):
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if event in KINDS or writes:
        done.append(f"{{event}} {{arguments!r}}")
before = set(sys.modules)
handlers = {{number: signal.getsignal(number) for number in signal.valid_signals()}}
sys.addaudithook(hook)
__import__({module!r})
asked = list(done)
if threading.active_count() != 1:
    asked.append("it started a thread")
if handlers != {{number: signal.getsignal(number) for number in signal.valid_signals()}}:
    asked.append("it installed a signal handler")
print("\\n" + json.dumps([sorted(set(sys.modules) - before), asked]))
"""


class ImportChecks:
    """What is checked of the module that offers the adapter; a TOML file has none.

    Parameters
    ----------
    imports : tuple of str
        Packages that the module may import beside gpucore's standard and plugins.
    """

    imports: ClassVar[tuple[str, ...]] = ()

    def test_its_import_imports_nothing_heavy(self, subject: Subject) -> None:
        modules, _, _ = _imported(_module(subject))
        own = {subject.module.partition(".")[0], *self.imports}
        strange = [
            name
            for name in modules
            if (package := name.partition(".")[0]) not in own
            and not name.startswith(("gpucore.standard", "gpucore.plugins"))
            and (package not in sys.stdlib_module_names or package in _HEAVY)
        ]
        assert not strange, "import these where they are used, not when gpucore looks for adapters"

    def test_its_import_does_nothing(self, subject: Subject) -> None:
        _, acts, said = _imported(_module(subject))
        assert not acts
        assert said == ""


def _module(subject: Subject) -> str:
    if not subject.module:
        pytest.skip("the adapter is no plugin's: it has no module")
    return subject.module


@lru_cache(maxsize=256)
def _imported(module: str) -> tuple[list[str], list[str], str]:
    """Return what a fresh interpreter imports with a module, what that does, and what it says."""
    probe = _PROBE.format(path=sys.path, module=module)
    done = subprocess.run(
        [sys.executable, "-B", "-c", probe], capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    printed, _, told = done.stdout.rstrip("\n").rpartition("\n")
    answer: tuple[Any, Any] = json.loads(told)
    return list(answer[0]), list(answer[1]), printed.strip() + done.stderr
