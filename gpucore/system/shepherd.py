"""A parent for each program that outlives its host: it leaves the exit code where it can be found.

When the host is killed its programs go on, and their real exit codes must not be lost. So each is
started by a shell that does nothing but start it, wait, and write down how it ended. The script is
fixed; the program's arguments reach it untouched as the shell's own (``"$@"``), and are never read
as shell text.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["SHELL", "read_status", "shepherded", "unwrapped_code"]

SHELL = "/bin/sh"

# It must outlive what ends its program in order (TERM), to write how that ended; a trap that does
# something is not inherited by the program, one that ignores would be.
_SCRIPT = 'trap : TERM INT HUP; "$@"; code=$?; echo "$code" >"$0"; exit "$code"'
_SIGNAL_BASE = 128
_LAST_SIGNAL = 64


def shepherded(argv: tuple[str, ...], status: str) -> tuple[str, ...]:
    """Return the command that runs ``argv`` and writes its exit code to the file ``status``."""
    return (SHELL, "-c", _SCRIPT, status, *argv)


def unwrapped_code(code: int) -> int:
    """Return a program's exit code as Python has it, from the one that a shell reports.

    Examples
    --------
    >>> unwrapped_code(3), unwrapped_code(139), unwrapped_code(-9)
    (3, -11, -9)
    """
    if _SIGNAL_BASE < code <= _SIGNAL_BASE + _LAST_SIGNAL:
        return _SIGNAL_BASE - code
    return code


def read_status(status: str) -> int | None:
    """Return the exit code that a shepherd left; None when there is none, or half of one."""
    try:
        text = Path(status).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    return unwrapped_code(int(text)) if re.fullmatch(r"[0-9]{1,3}\n", text) else None
