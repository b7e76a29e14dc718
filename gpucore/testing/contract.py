"""The contract of an adapter: all checks of the kit in one class, and what switches them."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import pytest

from gpucore.testing.command_checks import CommandChecks
from gpucore.testing.gpu_checks import GpuChecks
from gpucore.testing.import_checks import ImportChecks
from gpucore.testing.live_checks import LiveChecks
from gpucore.testing.name_checks import NameChecks
from gpucore.testing.output_checks import OutputChecks
from gpucore.testing.param_checks import ParamChecks
from gpucore.testing.recorded_checks import RecordedChecks
from gpucore.testing.recording import RecordingFolder, read_recordings
from gpucore.testing.subject import Subject, find_subject

if TYPE_CHECKING:
    from gpucore.standard.adapter import Adapter

__all__ = ["AdapterContract", "Level"]

Level: TypeAlias = Literal["basic", "recorded", "live"]

_LEVELS: tuple[Level, ...] = ("basic", "recorded", "live")
_SUBJECTS: dict[type, Subject] = {}
_CHECKS: dict[Level, type] = {"recorded": RecordedChecks, "live": LiveChecks}


class AdapterContract(
    CommandChecks,
    GpuChecks,
    ImportChecks,
    NameChecks,
    OutputChecks,
    ParamChecks,
    RecordedChecks,
    LiveChecks,
):
    """What every adapter must keep; inherited by a test class in two or three lines.

    Parameters
    ----------
    adapter : str, Path or Adapter
        An installed adapter's name, a TOML file beside the test's own file, or the value itself.
    level : str
        ``basic``: no program is needed; ``recorded``: recordings of the program are replayed, too;
        ``live``: the program itself is run, too.
    recordings : str
        Folder of the recordings, beside the test's own file. Empty: there are none, and a class of
        level ``live`` does without.

    Examples
    --------
    >>> class TestHello(AdapterContract):
    ...     adapter = "hello"
    """

    adapter: ClassVar[str | Path | Adapter]
    level: ClassVar[Level] = "basic"
    recordings: ClassVar[str] = "recordings"

    def __init_subclass__(cls, **more: object) -> None:
        """Leave out the checks of the levels above the class's own: skips would drown the rest."""
        super().__init_subclass__(**more)
        own = _LEVELS.index(cls.level)
        for level, checks in _CHECKS.items():
            applies = _LEVELS.index(level) <= own and (level != "recorded" or bool(cls.recordings))
            for name, check in vars(checks).items():
                if name.startswith("test_"):
                    setattr(cls, name, check if applies else None)

    @classmethod
    def folder(cls) -> Path:
        """Return the folder of the test's own file."""
        return Path(inspect.getfile(cls)).parent

    @classmethod
    def recorded(cls) -> tuple[RecordingFolder, ...]:
        """Return the recordings of the adapter; none at level ``basic``."""
        if cls.level == "basic" or not cls.recordings:
            return ()
        return read_recordings(cls.folder() / cls.recordings)

    @pytest.fixture
    def subject(self) -> Subject:
        """Return the adapter under test."""
        kind = type(self)
        if kind not in _SUBJECTS:
            _SUBJECTS[kind] = find_subject(kind.adapter, kind.folder())
        return _SUBJECTS[kind]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run the checks of a recording on each, those of a good run on each good one."""
        for fixture, good in (("recording", False), ("good", True)):
            if fixture in metafunc.fixturenames:
                found = [one for one in self.recorded() if one.state == "done" or not good]
                metafunc.parametrize(fixture, found, ids=lambda one: one.name)
