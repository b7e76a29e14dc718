"""A run's own folder: its logs, and the directories of steps that need one."""

from __future__ import annotations

import itertools
import tempfile
import threading
from pathlib import Path

from gpucore.errors import ConfigError
from gpucore.system.ownership import FOLDER_MODE, make_own_folder, planted_fault

__all__ = ["RunFolder"]


class RunFolder:
    """A folder that is made when it is first used: what is refused before leaves no trace.

    Parameters
    ----------
    output : Path or None
        It lies below, in ``.gpucore/runs``; None: in a temporary folder.
    run : str
        The run's name, and its own.
    """

    def __init__(self, output: Path | None, run: str) -> None:
        self._output = output
        self._run = run
        self._lock = threading.Lock()
        self._path: Path | None = None

    def make(self) -> None:
        """Make it, before anything depends on it; see `path`."""
        _ = self.path

    @property
    def path(self) -> Path:
        """The folder, made if need be.

        Raises
        ------
        ConfigError
            When it cannot be written.
        GpucoreError
            When something that is not this user's lies in its place.
        """
        if self._path is None:
            with self._lock:
                if self._path is None:
                    self._path = self._make()
        return self._path

    def _make(self) -> Path:
        try:
            if self._output is None:
                base = Path(tempfile.mkdtemp(prefix="gpucore-"))
            else:
                if fault := planted_fault(self._output):
                    raise ConfigError(
                        fault, hint="remove it, or give another output folder", code="E261"
                    )
                for base in (self._output / ".gpucore", self._output / ".gpucore" / "runs"):
                    make_own_folder(base)
            folder = _new(base, self._run)
            (folder / "log").mkdir(FOLDER_MODE)
            (folder / "status").mkdir(FOLDER_MODE)
        except OSError as error:
            raise ConfigError(
                f"the output folder `{self._output}` cannot be written ({error.strerror})",
                hint="give another: `-o DIR`, output = …",
                code="E261",
            ) from error
        return folder


def _new(base: Path, name: str) -> Path:
    """Return a folder that nobody else has, not even a run of the same name elsewhere."""
    for place in itertools.count():
        folder = base / (f"{name}.{place}" if place else name)
        try:
            folder.mkdir(FOLDER_MODE)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("counting ended")
