"""What shows that an adapter is right: the level at which the kit proves it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Evidence", "read_evidence"]

_LIVE = "tests/integration/test_live_adapters.py"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Which adapters are proved by more than what is written of them.

    Parameters
    ----------
    runs : dict
        How many runs of its program are recorded, by adapter.
    live : frozenset of str
        Adapters that are proved with the program itself.
    """

    runs: dict[str, int]
    live: frozenset[str]

    def level(self, name: str) -> str:
        """Return the highest level that an adapter reaches."""
        if name in self.live:
            return "live"
        return "recorded" if name in self.runs else "basic"

    def told(self, name: str) -> str:
        """Return what that level says of an adapter."""
        runs = self.runs.get(name, 0)
        recorded = f"{runs} recorded runs of the program are read as they ended" if runs else ""
        if runs == 1:
            recorded = "a recorded run of the program is read as it ended"
        if name in self.live:
            return "; ".join(filter(None, (recorded, "the program itself is run")))
        return recorded or "commands, checks and names; no run of the program was looked at"


def read_evidence(root: Path) -> Evidence:
    """Return what the tests of a checkout prove."""
    folders = (one for one in sorted((root / "tests" / "recordings").iterdir()) if one.is_dir())
    runs = {one.name: sum(run.is_dir() for run in one.iterdir()) for one in folders}
    live = re.findall(r'^    adapter = "([^"]+)"$', (root / _LIVE).read_text("utf-8"), re.MULTILINE)
    return Evidence(runs=runs, live=frozenset(live))
