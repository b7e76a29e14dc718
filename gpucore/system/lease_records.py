"""The record that lies in a lease's file, for people: who took it, and for which step.

No lock depends on it. Whoever may take a lease may write there, so that it is read as a stranger's
text: what does not fit counts as nothing.
"""

from __future__ import annotations

import json
import os
import time
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from gpucore.system.lease_files import user_name

__all__ = ["Holder", "read_record", "write_record"]

_LENGTH = 512


class Holder(NamedTuple):
    """Who holds a share: the lock is the kernel's word, the rest is what the holder wrote.

    ``pid`` is 0 and texts are empty when there is no record that fits the lock; texts come from
    other users, and are to be cleaned before a terminal sees them. ``alive`` says whether the
    process that took the lease lives: if not, a program of its holds on. ``share`` counts from 0,
    of ``shares``; both are 0 when the lock is none of gpucore's.
    """

    uuid: str
    share: int
    shares: int
    pid: int
    user: str
    step: str
    since: float
    alive: bool


def write_record(fd: int, step: str, share: int, shares: int) -> None:
    """Write the record of one share into its file.

    Raises
    ------
    OSError
        When the disk is full, for example.
    """
    record = (
        f'{{{_me(os.getpid())}, "since": {time.time():.3f}, "share": {share}, '
        f'"shares": {shares}, "step": {_text(step)}}}'
    )
    os.pwrite(fd, record.ljust(_LENGTH - 1).encode("ascii") + b"\n", share * _LENGTH)


def read_record(fd: int, uuid: str, share: int, shares: int) -> Holder:
    """Return who says that a share that is held is theirs."""
    nobody = Holder(uuid, share, shares, 0, "", "", 0.0, alive=False)
    try:
        record = json.loads(os.pread(fd, _LENGTH, share * _LENGTH))
        if (record["share"], record["shares"]) != (share, shares):
            return nobody
        pid = int(record["pid"])
        return Holder(
            uuid,
            share,
            shares,
            pid,
            str(record["user"]),
            str(record["step"]),
            float(record["since"]),
            alive=_started(pid) == str(record["start"]),
        )
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return nobody


@lru_cache(maxsize=64)
def _text(step: str) -> str:
    text = json.dumps(step)
    return text if len(text) <= _LENGTH // 2 else json.dumps(f"{step[:20]}…")


@lru_cache(maxsize=4)
def _me(pid: int) -> str:
    user = json.dumps(user_name(os.geteuid())[:40])
    return f'"pid": {pid}, "start": "{_started(pid)}", "user": {user}'


def _started(pid: int) -> str:
    """Return when a process started, in the kernel's count, which no later one of its number has.

    Empty when there is none.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return ""
    return fields[19].decode("ascii") if len(fields) > 19 else ""  # noqa: PLR2004 - proc(5)
