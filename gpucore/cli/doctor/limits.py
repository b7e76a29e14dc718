"""What this process, and the programs that it starts, may use; and the clock."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpucore.cli.doctor.checking import Notes

__all__ = ["look_at_clock", "look_at_limits"]

_FILES = 512
_PROCESSES = 512
_EARLIEST = 1_735_689_600.0
"""The year 2025: no gpucore is older."""
_LATEST = 4_102_444_800.0
"""The year 2100."""
_CGROUPS = Path("/sys/fs/cgroup")


def look_at_limits(notes: Notes) -> None:
    """Look at the limits on open files, processes, memory and the size of files."""
    files, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    notes.facts["open_files"] = _number(files)
    if _is_below(files, _FILES):
        most = (
            "" if hard == resource.RLIM_INFINITY or hard >= _FILES else " (ask the administrator)"
        )
        notes.wrong(
            f"{files} files may be open at once, and a run with many workers needs more",
            f"ulimit -n {max(4096, _FILES) if not most else hard}{most}",
        )
    _look_at_processes(notes)
    memory, _ = resource.getrlimit(resource.RLIMIT_AS)
    notes.facts["address_space"] = _number(memory)
    if memory != resource.RLIM_INFINITY:
        notes.wrong(
            f"a process may have {memory // 2**20} MiB of address space, and CUDA reserves more "
            "than a machine has memory",
            "ulimit -v unlimited",
        )
    size, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    notes.facts["file_size"] = _number(size)
    if size != resource.RLIM_INFINITY:
        notes.note(
            f"a file may have {size // 2**20} MiB at most: a program that writes more is ended",
            "ulimit -f unlimited",
        )


def look_at_clock(notes: Notes) -> None:
    """Look whether the clock can be right."""
    now = time.time()
    notes.facts["time"] = now
    notes.facts["zone"] = time.strftime("%z")
    if not _EARLIEST <= now < _LATEST:
        notes.wrong(
            f"the clock says {time.strftime('%Y-%m-%d', time.gmtime(now))}",
            "sudo timedatectl set-ntp true",
        )


def _look_at_processes(notes: Notes) -> None:
    own, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    used = _threads_of(os.geteuid())
    notes.facts["processes"] = {"limit": _number(own), "used": used}
    # The kernel holds root to no such number.
    if os.geteuid() and _is_below(own, used + _PROCESSES):
        notes.wrong(
            f"this user may have {own} processes and threads, and has {used} already",
            "ulimit -u unlimited, or end some",
        )
    # A limit counts for all groups below it.
    for folder in _groups():
        most, now = _read(folder / "pids.max"), _read(folder / "pids.current")
        if most.isdecimal() and now.isdecimal():
            told = {"limit": int(most), "used": int(now)}
            notes.facts["processes"].setdefault("groups", {})[str(folder)] = told
            if int(now) + _PROCESSES > int(most):
                notes.wrong(
                    f"this session, container or batch job may have {most} processes and threads "
                    f"({folder / 'pids.max'}), and has {now} already",
                    "ask for more where it was started (Docker: --pids-limit; systemd: TasksMax)",
                )


def _threads_of(user: int) -> int:
    """Return how many threads a user's processes have: each counts as a process."""
    count = 0
    for entry in os.scandir("/proc"):
        if not entry.name.isdecimal():
            continue
        try:
            if entry.stat().st_uid == user:
                count += len(os.listdir(f"{entry.path}/task"))  # noqa: PTH208 - only counted
        except OSError:  # it has ended
            continue
    return count


def _groups() -> list[Path]:
    """Return this process's control group and those above it, the nearest first."""
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        if line.startswith("0::"):
            place = _CGROUPS / line.removeprefix("0::").lstrip("/")
            return [place, *(one for one in place.parents if one.is_relative_to(_CGROUPS))]
    return []


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii", errors="replace").strip()
    except OSError:
        return ""


def _is_below(limit: int, wanted: int) -> bool:
    return limit != resource.RLIM_INFINITY and limit < wanted


def _number(limit: int) -> int | None:
    return None if limit == resource.RLIM_INFINITY else limit
