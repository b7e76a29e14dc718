"""What steps were seen to hold of a device's memory, remembered on this machine for next time.

One small file for each program, in the user's own state folder. What cannot be kept there is
known as long as the run lasts, and what cannot be read is not known: a run goes by what was
declared then, as it would have without.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
import threading
import time
from typing import TYPE_CHECKING, TypeAlias

from gpucore.errors import GpucoreError
from gpucore.standard.memory import MOST_MIB
from gpucore.system.files import safe_name
from gpucore.system.ownership import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gpucore.standard.adapter import Adapter, Value

__all__ = ["MemoryNotes", "sizes_of"]

_LOGGER = logging.getLogger(__name__)
_KEPT = 20
_MOST_KEYS = 200
_MOST_BYTES = 1 << 20
_VERSION = 1

_Note: TypeAlias = dict[str, object]


class MemoryNotes:
    """Peaks of GPU memory by program and by the parameters that matter; for several threads.

    Nothing is raised: what goes wrong is in ``fault``.

    Parameters
    ----------
    folder : Path
        The files lie in it; made when there is something to keep.

    Attributes
    ----------
    fault : str
        Why nothing is remembered beyond this run; empty when it is.
    """

    def __init__(self, folder: Path) -> None:
        self.fault = ""
        self._folder = folder
        self._lock = threading.Lock()
        self._read: dict[str, tuple[object, dict[str, _Note]]] = {}
        self._unkept: dict[str, dict[str, _Note]] = {}

    def peaks(self, program: str, key: str) -> Sequence[int]:
        """Return the most that each of the last steps like it held of one device, in MiB.

        Parameters
        ----------
        program : str
            The adapter's name.
        key : str
            See `gpucore.scheduling.memory.memory_key`.
        """
        with self._lock:
            return _peaks(self._notes(program).get(key, {}))

    def declared(self, program: str, key: str) -> int:
        """Return what was declared for such steps last, in MiB; 0: nothing."""
        with self._lock:
            said = self._notes(program).get(key, {}).get("declared")
            return said if isinstance(said, int) else 0

    def add(self, program: str, key: str, declared: int, peak: int) -> None:
        """Remember what a step held that ended well.

        Parameters
        ----------
        program, key : str
            As for `peaks`.
        declared : int
            What was declared for it, in MiB; 0: nothing.
        peak : int
            The most that it held of one device, in MiB.
        """
        if not 0 < peak <= MOST_MIB:
            return
        with self._lock:
            notes = dict(self._notes(program))
            peaks = [*_peaks(notes.pop(key, {})), peak][-_KEPT:]
            # The last in order is the latest: the oldest are forgotten first.
            notes[key] = {"declared": declared, "peaks": peaks, "time": round(time.time())}
            for old in list(notes)[:-_MOST_KEYS]:
                del notes[old]
            self._write(program, notes)

    def _path(self, program: str) -> Path:
        return self._folder / f"{safe_name(program)}.json"

    def _notes(self, program: str) -> dict[str, _Note]:
        if program in self._unkept:
            return self._unkept[program]
        path = self._path(program)
        try:
            facts = os.lstat(path)
        except OSError:
            return {}
        stamp = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
        known = self._read.get(program)
        if known is None or known[0] != stamp:
            known = self._read[program] = stamp, self._load(path)
        return known[1]

    def _load(self, path: Path) -> dict[str, _Note]:
        try:
            refuse(path, own=True)
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
                return _understood(file.read(_MOST_BYTES))
        except (OSError, GpucoreError) as error:
            self._fail(str(error))
            return {}

    def _write(self, program: str, notes: dict[str, _Note]) -> None:
        path = self._path(program)
        text = json.dumps({"version": _VERSION, "notes": notes}, separators=(",", ":"))
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            refuse(self._folder, own=True, directory=True)
            refuse(path, own=True)
            descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=f".{path.stem}.")
            try:
                with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - as above
                    file.write(text)
                os.replace(name, path)  # noqa: PTH105 - the name is a text
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(name)  # noqa: PTH108 - as above
                raise
        except (OSError, GpucoreError) as error:
            self._unkept[program] = notes
            self._fail(str(error))
        else:
            self._unkept.pop(program, None)

    def _fail(self, why: str) -> None:
        if not self.fault:
            _LOGGER.warning("GPU memory is not learned: %s", why)
        self.fault = why


def sizes_of(adapter: Adapter, values: Mapping[str, Value]) -> dict[str, int]:
    """Return the bytes of a step's input files, by parameter; several of one are added up."""
    sizes: dict[str, int] = {}
    for name, param in adapter.params.items():
        value = values.get(name)
        if param.type != "path" or param.output or value is None:
            continue
        with contextlib.suppress(OSError):
            paths = value if isinstance(value, tuple) else (value,)
            sizes[name] = sum(os.stat(str(path)).st_size for path in paths)  # noqa: PTH116 - of every step
    return sizes


def _understood(raw: bytes) -> dict[str, _Note]:
    """Return the notes of a file; what is no note is left out."""
    try:
        document = json.loads(raw)
        if document["version"] != _VERSION:
            return {}
        notes = document["notes"].items()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
    return {key: note for key, note in notes if isinstance(note, dict) and _peaks(note)}


def _peaks(note: Mapping[str, object]) -> tuple[int, ...]:
    peaks = note.get("peaks")
    if not isinstance(peaks, list):
        return ()
    return tuple(one for one in peaks if type(one) is int and 0 < one <= MOST_MIB)[-_KEPT:]
