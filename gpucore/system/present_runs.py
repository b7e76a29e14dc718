"""Which of this user's runs go on on this machine: a small record of each, written by the run.

The records are for whoever wants to look at runs without knowing their folders. They lie in the
user's own state folder, no lock depends on them, and what they say is checked against the process
that they name. One whose process has died is removed by whoever looks, once no program of its run
is left. What cannot be written is not there: no run fails for it.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError
from gpucore.system.files import safe_name
from gpucore.system.orphans import boot_id, find_marked, process_start
from gpucore.system.ownership import refuse

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PresentRun", "announce", "present_runs", "withdraw"]

_LOGGER = logging.getLogger(__name__)
_MOST_BYTES = 1 << 16
_TORN = 60.0
"""Seconds after which a record that says nothing is one that was cut off, and not in the making."""


@dataclass(frozen=True, kw_only=True)
class PresentRun:
    """A run that goes on, or whose programs do.

    Parameters
    ----------
    run : str
        Its name.
    folder : str
        Its output folder, absolute.
    pid : int
        Its host process.
    pid_start, boot, space : str
        When that began as the kernel tells it, in which boot, and in which space of process
        numbers: they make ``pid`` unique.
    host : str
        The machine.
    began : float
        Seconds since the epoch.
    """

    run: str
    folder: str
    pid: int
    pid_start: str
    boot: str
    space: str
    host: str
    began: float

    @property
    def lives(self) -> bool:
        """Whether its host process lives; programs of it may have outlived that."""
        return self.pid_start != "" and process_start(self.pid) == self.pid_start


def announce(run: str, folder: Path, state_home: Path) -> Path | None:
    """Put on record that a run of this process begins; return the record, None without one.

    Parameters
    ----------
    run : str
        Its name.
    folder : Path
        Its output folder.
    state_home : Path
        The user's directory for state.
    """
    pid, host = os.getpid(), socket.gethostname()
    place = _place(state_home)
    path = place / f"{safe_name(run)}@{safe_name(host)}.json"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        present = PresentRun(
            run=run,
            folder=os.path.abspath(folder),  # noqa: PTH100 - links are kept, as people write them
            pid=pid,
            pid_start=process_start(pid),
            boot=boot_id(),
            space=_space(),
            host=host,
            began=time.time(),
        )
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        refuse(place, own=True, directory=True)
        refuse(path, own=True)
        # ASCII: a folder whose name is no UTF-8 comes back as it was.
        with open(os.open(path, flags, 0o600), "w", encoding="ascii") as file:  # noqa: PTH123
            json.dump(asdict(present), file)
    except (OSError, GpucoreError) as error:
        _LOGGER.info("that the run goes on is not on record: %s", error)
        return None
    return path


def withdraw(record: Path | None) -> None:
    """Remove the record of a run that has ended."""
    if record is not None:
        with suppress(OSError):
            record.unlink()


def present_runs(state_home: Path) -> list[PresentRun]:
    """Return this user's runs of this machine that go on, or left programs; the first first.

    Records of those that are over are removed. Those of other machines, which may share the state
    folder, are left alone.
    """
    place = _place(state_home)
    try:
        refuse(place, own=True, directory=True)
        with os.scandir(place) as entries:
            paths = [place / one.name for one in entries if one.name.endswith(".json")]
    except (OSError, GpucoreError) as error:
        _LOGGER.debug("no run is on record: %s", error)
        return []
    found = []
    for path in paths:
        present = _read(path)
        if present is None:
            _remove_torn(path)
        elif present.host != socket.gethostname():
            continue
        elif present.boot != boot_id():
            # Another machine of the same name may have begun it since.
            if present.began < time.time() - time.clock_gettime(time.CLOCK_BOOTTIME):
                withdraw(path)
        elif present.space == _space():  # another's numbers mean other processes
            if present.lives or find_marked((present.run,)):
                found.append(present)
            else:
                withdraw(path)
    return sorted(found, key=lambda one: (one.began, one.run))


def _place(state_home: Path) -> Path:
    return state_home / "gpucore" / "runs"


def _read(path: Path) -> PresentRun | None:
    """Return what a record says; None when it is none."""
    try:
        refuse(path, own=True)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
            told = json.loads(file.read(_MOST_BYTES))
        facts = {one.name: told[one.name] for one in fields(PresentRun)}
    except (OSError, GpucoreError, ValueError, TypeError, KeyError, RecursionError):
        return None
    kinds: dict[str, type | tuple[type, ...]] = {"pid": int, "began": (int, float)}
    if any(not isinstance(fact, kinds.get(name, str)) for name, fact in facts.items()):
        return None
    return None if "\0" in facts["folder"] or facts["pid"] <= 0 else PresentRun(**facts)


def _remove_torn(path: Path) -> None:
    with suppress(OSError):
        if time.time() - path.lstat().st_mtime > _TORN:
            path.unlink()


@lru_cache(maxsize=1)
def _space() -> str:
    """Return the space of process numbers that this process lives in; a container has its own."""
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - a text is what there is
    except OSError:
        return ""
