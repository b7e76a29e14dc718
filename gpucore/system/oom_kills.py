"""How many processes the kernel has ended for want of memory, as it counts them itself.

Its log says more, but is not for everybody (``kernel.dmesg_restrict``); these counts are.
"""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OomKills", "oom_kills"]

_ROOT = Path("/")
_COUNT = re.compile(rb"^oom_kill (\d+)$", re.MULTILINE)


def oom_kills(root: Path = _ROOT) -> int | None:
    """Return how many processes of this machine the kernel has ended for want of memory.

    Only how it grows means something. In a container that is not shown the machine's count it is
    that of the container.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` lie.

    Returns
    -------
    int or None
        None when the kernel does not say (Linux before 4.13).
    """
    for file in (root / "proc/vmstat", *_groups(root)):
        try:
            found = _COUNT.search(file.read_bytes())
        except OSError:
            continue
        if found:
            return int(found[1])
    return None


class OomKills:
    """The kernel's count, looked at when a step has failed: each look costs 0.1 ms.

    Parameters
    ----------
    read : callable
        Returns the count.
    """

    def __init__(self, read: Callable[[], int | None] = oom_kills) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._looks: list[tuple[float, int | None]] = [(time.time(), read())]

    def since(self, moment: float) -> int | None:
        """Return how many processes were ended since the last look before a moment.

        Parameters
        ----------
        moment : float
            Seconds since the epoch.
        """
        now = time.time(), self._read()
        with self._lock:
            before = [count for when, count in self._looks if when <= moment]
            base = before[-1] if before else self._looks[0][1]
            if now[1] == self._looks[-1][1] and len(self._looks) > 1:
                self._looks[-1] = now
            else:
                self._looks.append(now)
        return None if base is None or now[1] is None else now[1] - base


def _groups(root: Path) -> list[Path]:
    """Return the files in which the kernel counts for this process's control group."""
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    files = []
    for line in lines:
        _, _, tail = line.partition(":")
        controllers, _, path = tail.partition(":")
        folder = root / "sys/fs/cgroup"
        if not controllers:
            files.append(folder / path.lstrip("/") / "memory.events")
        elif "memory" in controllers.split(","):
            files.append(folder / "memory" / path.lstrip("/") / "memory.oom_control")
    return files
