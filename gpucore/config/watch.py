"""What a watched folder is: the files that a stage runs over while they are still being written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from gpucore.config.settings import STRICT

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["WatchTable", "watch_faults"]


@dataclass(frozen=True, kw_only=True)
class WatchTable:
    """A folder whose new files become items.

    Parameters
    ----------
    dir : str
        The folder, relative to that of the job file.
    pattern : str or tuple of str
        What the names of its files fit, relative to it: ``*.tif``, ``**/*.tif``.
    settle : float or None
        Seconds in which size and time of a complete file do not change; None: a file is complete
        when whoever writes it closes it, and after 2 seconds where that cannot be seen.
    ready : str
        A file that says so as well: ``*.xml`` beside each file, ``*`` its name without suffix; or
        one for all, in the folder: ``gain.mrc``.
    marker : str
        A file of this name in the folder ends the watching.
    idle : float or None
        Seconds without a new file after which the watching ends.
    newest_first : bool
        Whether the newest of the files that wait comes first, and not the oldest.
    poll : float or None
        Seconds between two looks; None: the kernel tells of new files where it can, and the folder
        is looked at every 2 seconds where it cannot.
    run_changed : bool
        Whether a run that goes on runs files again that were rewritten after they were done.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    dir: str
    pattern: str | tuple[str, ...] = "*"
    settle: float | None = None
    ready: str = ""
    marker: str = ""
    idle: float | None = None
    newest_first: bool = False
    poll: float | None = None
    run_changed: bool = False

    @property
    def patterns(self) -> tuple[str, ...]:
        """``pattern`` as a tuple."""
        return (self.pattern,) if isinstance(self.pattern, str) else self.pattern


def watch_faults(watch: WatchTable) -> Iterator[tuple[str, str, str]]:
    """Yield key, what is wrong and what to write instead, for each value that makes no sense."""
    if not watch.dir.strip():
        yield "dir", "the folder to watch is empty", 'name one: dir = "movies"'
    if not watch.patterns or not all(one.strip() for one in watch.patterns):
        yield "pattern", "the pattern is empty", 'write it as in "*.tif"'
    for one in watch.patterns:
        if one.startswith("/") or ".." in one.split("/"):
            yield "pattern", f"the pattern `{one}` leads out of the folder", 'as in "*.tif"'
    for key in ("settle", "idle", "poll"):
        seconds = getattr(watch, key)
        if seconds is not None and not 0 < seconds < float("inf"):
            yield key, f"{seconds:g} seconds are no time", "more than 0"
    if "/" in watch.marker:
        yield (
            "marker",
            f"the marker `{watch.marker}` is no name of a file in the folder",
            "without `/`",
        )
    if watch.ready.count("*") > 1 or watch.ready == "*":
        yield (
            "ready",
            f"`{watch.ready}` names no file",
            'one `*` for the name without suffix, as in "*.xml"',
        )
