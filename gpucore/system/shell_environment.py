"""What shell scripts make of an environment: modules that are loaded, scripts that are read.

Environment modules and conda's activation scripts are for a shell. Each is run once, by itself,
and the environment that it leaves is taken down; the program is then started with that, and without
a shell. So what a script does to ``CUDA_VISIBLE_DEVICES`` cannot undo a step's own, and a module
that does not load is told before any program is started.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from typing import TYPE_CHECKING

from gpucore.errors import ProgramError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["LIMIT", "load_modules", "read_scripts"]

LIMIT = 120.0
"""Seconds that a script may take: module trees lie on file systems that may be slow."""

_NO_MODULES = 97
_NOT_LOADED = 98
_OF_THE_SHELL = ("_", "SHLVL", "PWD", "OLDPWD")

# Its output is the environment, so all that others print goes to standard error. Positional
# parameters are handed to a function before a foreign file is read: such a file may set them.
_HEAD = 'exec 3>&1 1>&2; read_file() { . "$1"; }; '
_TAIL = "exec /usr/bin/env -0 >&3"

# Where the command `module` comes from, in the order in which the two packages' documentation
# names it: Lmod's LMOD_CMD, the MODULESHOME of either, the file in /etc/profile.d that an
# administrator links there, and where distributions put the rest.
_MODULES = (
    _HEAD
    + r"""
if [ -n "$LMOD_CMD" ] && [ -x "$LMOD_CMD" ]; then
  module() { said=$("$LMOD_CMD" bash "$@") || return 1; eval "$said"; }
else
  for init in "$MODULESHOME/init/sh" /etc/profile.d/modules.sh /etc/profile.d/z00_lmod.sh \
      /etc/profile.d/lmod.sh /usr/share/modules/init/sh /usr/share/Modules/init/sh \
      /usr/share/lmod/lmod/init/sh; do
    if [ -r "$init" ]; then read_file "$init"; fi
    if command -v module >/dev/null; then break; fi
  done
fi
command -v module >/dev/null || exit 97
for name do
  module load "$name" || { printf %s "$name" >&3; exit 98; }
done
"""
    + _TAIL
)
_SCRIPTS = _HEAD + 'for file do read_file "$file"; done; ' + _TAIL


def load_modules(modules: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with environment modules loaded, one after another.

    Parameters
    ----------
    modules : sequence of str
        Their names.
    environment : Mapping
        What they are loaded into.

    Raises
    ------
    ProgramError
        When there are no environment modules here, or one does not load.
    """
    listed = " ".join(modules)
    code, output, said = _run(_MODULES, modules, environment, f"the modules `{listed}`")
    if code == _NO_MODULES:
        raise ProgramError(
            f"the module `{modules[0]}` cannot be loaded: there are no environment modules here",
            hint="start gpucore where `module` works (LMOD_CMD or MODULESHOME is set there), or "
            "name the program by `executable` and take `module_load` out",
            code="E503",
        )
    # Versions before 4 of Environment Modules end well however it went, and say so in this form.
    if code or ":ERROR:" in said:
        name = os.fsdecode(output) if code == _NOT_LOADED else listed
        raise ProgramError(
            f"the module `{name}` does not load: {_words(said) or f'exit code {code}'}",
            hint=f"try it in a shell: module load {listed}; `module avail` lists what there is",
            code="E503",
        )
    return _taken_down(output, environment)


def read_scripts(scripts: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment after shell scripts were read into a shell, in their order.

    Raises
    ------
    ProgramError
        When one ends the shell, or takes too long.
    """
    code, output, said = _run(_SCRIPTS, scripts, environment, f"`{scripts[0]}`")
    if code or not output:
        raise ProgramError(
            f"one of the scripts {', '.join(f'`{one}`' for one in scripts)} ended with exit code "
            f"{code}: {_words(said) or 'it said nothing'}",
            hint="read them into a shell, one by one, to see which",
            code="E503",
        )
    return _taken_down(output, environment)


def _run(
    script: str, arguments: Sequence[str], environment: Mapping[str, str], what: str
) -> tuple[int, bytes, str]:
    """Return exit code, output and messages of a script."""
    path = environment.get("PATH", os.defpath)
    shell = shutil.which("bash", path=path) or "/bin/sh"
    # Files, not pipes: a daemon that a script leaves behind would hold a pipe open for ever.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as messages:
        with subprocess.Popen(
            [shell, "-c", script, "gpucore", *arguments],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=messages,
            start_new_session=True,
        ) as process:
            try:
                code = process.wait(LIMIT)
            except BaseException as error:
                os.killpg(process.pid, signal.SIGKILL)
                if not isinstance(error, subprocess.TimeoutExpired):
                    raise
                raise ProgramError(
                    f"{what} took longer than {LIMIT:g} seconds to load",
                    hint="try it in a shell: a file system may not answer",
                    code="E503",
                ) from None
        output.seek(0)
        messages.seek(0)
        return code, output.read(), messages.read().decode("utf-8", "replace")


def _taken_down(output: bytes, before: Mapping[str, str]) -> dict[str, str]:
    pairs = (entry.partition(b"=") for entry in output.split(b"\0") if entry)
    after = {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}
    for name in _OF_THE_SHELL:
        after.pop(name, None)
        if name in before:
            after[name] = before[name]
    return after


def _words(said: str) -> str:
    """Return what a script said, in one line that is not too long."""
    return " ".join(said.split())[:300]
