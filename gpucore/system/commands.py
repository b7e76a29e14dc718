"""A short command of another program, run to its end or to a deadline."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["run_command"]


def run_command(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    cwd: str,
    output: int = subprocess.DEVNULL,
    seconds: float,
) -> int | None:
    """Return the exit code of a command, None when it was ended because it took too long.

    Parameters
    ----------
    argv : sequence of str
        The command.
    environment : Mapping
        Its whole environment.
    cwd : str
        Where it runs.
    output : int
        Descriptor of a file that gets what it prints.
    seconds : float
        How long it may take.

    Raises
    ------
    OSError
        When it cannot be started.
    """
    with subprocess.Popen(
        argv,
        env=dict(environment),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    ) as process:
        code: int | None = None
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(seconds)
        finally:
            with contextlib.suppress(ProcessLookupError):  # its group goes with its last process
                os.killpg(process.pid, signal.SIGKILL)
    return code
