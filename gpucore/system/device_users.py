"""Whose a process on a device is, and what it runs.

Read where devices are read: a directory of users on the network can hang as a driver can.
"""

from __future__ import annotations

import os
import pwd
from functools import lru_cache

__all__ = ["user_and_program"]


def user_and_program(pid: int) -> dict[str, str]:
    """Return ``user`` and ``program`` of a process; empty when they cannot be read.

    Its command line is not looked at: that waits for a process whose memory a driver holds.
    """
    try:
        with open(f"/proc/{pid}/comm", "rb") as file:  # noqa: PTH123 - pathlib is slow to import
            program = file.read().rstrip(b"\n").decode("utf-8", "backslashreplace")
            return {"user": _user(os.fstat(file.fileno()).st_uid), "program": program}
    except OSError:
        return {"user": "", "program": ""}


@lru_cache(maxsize=256)
def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
