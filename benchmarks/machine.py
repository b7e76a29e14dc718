"""What is said of the machine beside every table."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone


def cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0))


def kernel() -> str:
    """Return the kernel's version without what its builder appended."""
    return platform.release().split("-", 1)[0]


def describe() -> str:
    """Return date, cores, kernel, Python and load in one line, without names or paths."""
    today = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"{today}; {cores()} cores, {platform.machine()}; "
        f"{platform.system()} {kernel()}; "
        f"{platform.python_implementation()} {platform.python_version()}; "
        f"load average before {os.getloadavg()[0]:.1f}"
    )
