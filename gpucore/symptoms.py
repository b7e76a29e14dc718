"""What a program left behind that tells how it ended: its exit code, what it printed, its files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.standard.template import fill_text, holds
from gpucore.system.files import TICK_NS, stamp
from gpucore.system.logs import find_marks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.attempts import Started
    from gpucore.plugins.offers import Exit
    from gpucore.standard.adapter import Failure

__all__ = ["symptoms"]


def symptoms(
    started: Started, ended: Exit, failures: Iterable[Failure], *, but: Iterable[str] = ()
) -> list[tuple[Failure, str]]:
    """Return the failures that fit, each with what tells of it, in their order.

    What tells of one is a line of what was printed or of a file, or that a file is there; of one
    that an exit code alone tells it is an empty text.

    Parameters
    ----------
    started, ended
        The step, and how its program ended.
    failures : iterable of Failure
        What is looked for.
    but : iterable of str
        Regular expressions of lines that do not count.
    """
    adapter, values = started.step.adapter, started.values
    fitting = [
        one
        for one in failures
        if (not one.codes or ended.code in one.codes)
        and holds(one, values, adapter.params, gpu=bool(started.devices))
    ]
    files: dict[str, list[int]] = {}
    found: dict[int, str] = {}
    for place, one in enumerate(fitting):
        path = _found(started, ended, one.file) if one.file else started.log
        if one.match:
            files.setdefault(path, []).append(place)
        elif not one.file or path:
            found[place] = f"{Path(path).name} is there" if one.file else ""
    for path, places in files.items():
        if not path:
            continue
        marks = find_marks(path, [fitting[n] for n in places], but=but)
        lines = {id(one): line for one, line in marks}
        found.update({n: lines[id(fitting[n])] for n in places if id(fitting[n]) in lines})
    return [(fitting[place], found[place]) for place in sorted(found)]


def _found(started: Started, ended: Exit, file: str) -> str:
    """Return the last file, in order of name, that this step's program wrote; or an empty text."""
    params = started.step.adapter.params
    path = Path(started.folder, fill_text(file, started.told or started.values, params))
    if started.adopted and not path.parent.exists():
        # Its host had given its outputs their final names, and died before that was on record.
        path = Path(started.folder, fill_text(file, started.values, params))
    begun = ended.started * 1e9 - TICK_NS
    # A name that is there is no pattern, whatever characters it holds.
    there = [path] if path.exists() else sorted(path.parent.glob(path.name))
    fresh = [str(one) for one in there if (state := stamp(str(one))) and state.changed_ns >= begun]
    return fresh[-1] if fresh else ""
