"""Devices read through a child process: deadlines, children that hang, die, or cannot be ended."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gpucore.errors import DeviceError
from gpucore.system import device_reader
from gpucore.system.device_reader import DeviceReader, ReaderEndedError
from gpucore.system.device_watch import Maker, ReaderWatch, read_devices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENOUGH = 30.0

CHILD = """
import json, os, pathlib, sys
folder = pathlib.Path(os.environ["FOLDER"])
with (folder / "starts").open("a") as file:
    print(os.getpid(), file=file)
for line in sys.stdin:
    with (folder / "asked").open("a") as file:
        print(os.getpid(), json.loads(line)["ask"], file=file)
    sys.stderr.write("x" * int(os.environ.get("NOISE", "0")))
    sys.stderr.flush()
    if (folder / "die").exists():
        sys.exit("it was to die")
    if (folder / "gate").exists():
        (folder / "gate").read_text()
    print(json.dumps({"time": 1.0, "devices": []}), flush=True)
"""
"""In the place of the real one: it notes what it is asked, and waits at a gate, if there is one."""


class Folder:
    """Where the child notes what it does, and finds what it is to do."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    @property
    def starts(self) -> int:
        """How many children began."""
        return len((self.path / "starts").read_text().splitlines())

    @property
    def asked(self) -> list[str]:
        """What they were asked."""
        return [line.split()[1] for line in (self.path / "asked").read_text().splitlines()]

    def shut(self) -> None:
        """Let a child wait with its answer."""
        os.mkfifo(self.path / "gate")

    def open(self) -> None:
        """Let it answer; waits until it is at the gate."""
        (self.path / "gate").write_text("")
        (self.path / "gate").unlink()

    def doom(self, *, now: bool = True) -> None:
        """Let a child end in the place of an answer."""
        (self.path / "die").touch() if now else (self.path / "die").unlink()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    monkeypatch.setattr(device_reader, "_CHILD", script)
    return Folder(tmp_path / "folder")


@pytest.fixture
def maker() -> Maker:
    return Maker(driver="the driver", child="any", listed=lambda answer, environment: ())


@pytest.fixture
def begin(folder: Folder, maker: Maker) -> Iterator[Callable[..., ReaderWatch]]:
    opened: list[ReaderWatch] = []

    def make(noise: int = 0, **more: float) -> ReaderWatch:
        environment = {"FOLDER": str(folder.path), "NOISE": str(noise)}
        opened.append(ReaderWatch(maker, environment, **more))
        return opened[-1]

    yield make
    for watch in opened:
        watch.close()


def child_of(watch: ReaderWatch) -> subprocess.Popen[bytes]:
    assert watch._reader is not None
    return watch._reader._child


def test_an_answer_that_is_late_is_waited_for_and_not_asked_for_again(
    folder: Folder, begin: Callable[..., ReaderWatch]
) -> None:
    folder.shut()
    watch = begin()
    for timeout in (0.0, 0.0, 0.05):
        with pytest.raises(TimeoutError):
            watch.read(timeout)
    folder.open()
    assert watch.read(ENOUGH).time == 1.0
    assert folder.asked == ["snapshot"]
    assert folder.starts == 1


def test_an_answer_to_another_question_is_not_taken_for_this_ones(
    folder: Folder, begin: Callable[..., ReaderWatch]
) -> None:
    folder.shut()
    watch = begin()
    with pytest.raises(TimeoutError):
        watch.read(0.0)
    folder.open()
    assert watch.devices({}, ENOUGH) == ()
    assert folder.asked == ["snapshot", "devices"]


def test_a_child_that_died_is_started_anew_at_once(
    folder: Folder, begin: Callable[..., ReaderWatch]
) -> None:
    watch = begin()
    watch.read(ENOUGH)
    child_of(watch).send_signal(signal.SIGKILL)
    child_of(watch).wait()
    assert not watch.read(ENOUGH).fault
    assert folder.starts == 2


def test_children_that_die_again_and_again_are_a_fault_of_the_source(
    folder: Folder, begin: Callable[..., ReaderWatch]
) -> None:
    folder.doom()
    watch = begin()
    snapshot = watch.read(ENOUGH)
    assert (snapshot.fault, snapshot.readings) == ("ReaderEnded", ())
    assert folder.starts == 2
    folder.doom(now=False)
    assert not watch.read(ENOUGH).fault


def test_a_child_that_cannot_be_started_is_an_error_first_and_a_fault_later(
    folder: Folder, begin: Callable[..., ReaderWatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = begin()
    watch.read(ENOUGH)
    child_of(watch).kill()
    child_of(watch).wait()
    monkeypatch.setattr(sys, "executable", str(folder.path / "no-python"))
    assert watch.read(ENOUGH).fault == "ReaderEnded"
    with pytest.raises(DeviceError, match="no-python cannot be started") as caught:
        begin()
    assert caught.value.hint


def test_a_child_that_hangs_too_long_is_ended_and_another_asked(
    folder: Folder, begin: Callable[..., ReaderWatch]
) -> None:
    folder.shut()
    watch = begin(patience=0.0)
    with pytest.raises(TimeoutError):
        watch.read(0.0)
    first = child_of(watch)
    (folder.path / "gate").unlink()
    assert not watch.read(ENOUGH).fault
    assert child_of(watch) is not first
    assert first.returncode == -signal.SIGKILL


def test_a_child_that_cannot_be_ended_is_left_alone_and_no_other_started(
    folder: Folder, begin: Callable[..., ReaderWatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when it sleeps in the kernel: the signal reaches it only when the driver lets it go."""
    monkeypatch.setattr(device_reader, "_LAST_SECONDS", 0.05)
    monkeypatch.setattr(subprocess.Popen, "send_signal", lambda self, number: None)
    watch = begin(patience=0.0)
    watch.read(ENOUGH)
    folder.shut()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            watch.read(0.05)
    child = child_of(watch)
    watch.close()
    assert child.poll() is None
    assert child in device_reader._LEFT
    assert folder.starts == 1
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    monkeypatch.undo()
    another = begin()
    another.read(ENOUGH)
    another.close()
    assert child not in device_reader._LEFT


def test_closing_never_takes_longer_than_a_second() -> None:
    assert device_reader._LAST_SECONDS < 1


def test_a_closed_look_is_refused(begin: Callable[..., ReaderWatch]) -> None:
    watch = begin()
    watch.close()
    with pytest.raises(DeviceError, match="closed"):
        watch.read(ENOUGH)


def test_a_child_that_talks_much_is_no_trouble(
    folder: Folder, begin: Callable[..., ReaderWatch]
) -> None:
    watch = begin(noise=1 << 20)  # more than a pipe holds
    assert not watch.read(ENOUGH).fault
    assert folder.starts == 1


def test_a_child_ends_with_the_process_that_asks(folder: Folder) -> None:
    """Whatever ends that: it notices that nobody asks any more."""
    host = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from gpucore.system import device_reader\n"
        f"device_reader._CHILD = Path({str(folder.path.parent / 'child.py')!r})\n"
        f"reader = device_reader.DeviceReader('any', {{'FOLDER': {str(folder.path)!r}}})\n"
        "reader.ask('snapshot', 30)\n"
        "print(reader._child.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", host], capture_output=True, text=True, check=False)
    try:
        descriptor = os.pidfd_open(int(done.stdout))
    except ProcessLookupError:
        return
    # Its end makes the descriptor readable.
    assert select.select([descriptor], [], [], ENOUGH)[0]
    os.close(descriptor)


def test_a_ctrl_c_in_the_terminal_does_not_reach_the_child(
    begin: Callable[..., ReaderWatch],
) -> None:
    watch = begin()
    watch.read(ENOUGH)
    assert os.getsid(child_of(watch).pid) != os.getsid(0)


def test_a_host_that_obeys_sigpipe_outlives_the_end_of_a_child(folder: Folder) -> None:
    host = (
        "import signal\n"
        "from pathlib import Path\n"
        "from gpucore.system import device_reader\n"
        "signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
        f"device_reader._CHILD = Path({str(folder.path.parent / 'child.py')!r})\n"
        f"reader = device_reader.DeviceReader('any', {{'FOLDER': {str(folder.path)!r}}})\n"
        "reader.ask('snapshot', 30)\n"
        "reader.kill()\n"
        "reader._child.wait()\n"
        "try:\n"
        "    reader.ask('snapshot', 30)\n"
        "except device_reader.ReaderEndedError:\n"
        "    print('ended')\n"
    )
    done = subprocess.run([sys.executable, "-c", host], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "ended\n")


def test_what_a_child_said_last_is_told(folder: Folder) -> None:
    folder.doom()
    reader = DeviceReader("any", {"FOLDER": str(folder.path)})
    try:
        with pytest.raises(ReaderEndedError, match="it was to die"):
            reader.ask("snapshot", ENOUGH)
    finally:
        reader.close()


def test_devices_that_are_not_told_in_time_are_an_error_and_the_child_is_ended(
    folder: Folder, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    children = []
    popen = subprocess.Popen

    def keep(*arguments: object, **more: object) -> subprocess.Popen[bytes]:
        children.append(popen(*arguments, **more))
        return children[-1]

    folder.shut()
    monkeypatch.setattr(device_reader.subprocess, "Popen", keep)
    with pytest.raises(DeviceError, match=r"the driver did not answer within 0\.05 seconds"):
        read_devices(maker, {"FOLDER": str(folder.path)}, 0.05)
    assert children[0].returncode == -signal.SIGKILL


def test_the_real_child_takes_what_libraries_print_for_no_answer(tmp_path: Path) -> None:
    # amdsmi's stand-in prints when it is imported, as the real one does.
    fakes = Path(__file__).parents[2] / "fakes"
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"devices": []}))
    environment = {"PYTHONPATH": str(fakes), "FAKEAMDSMI_STATE": str(state)}
    reader = DeviceReader("amd_child", {**environment, "PYTHONDONTWRITEBYTECODE": "1"})
    try:
        assert reader.ask("devices", ENOUGH) == {"devices": []}
    finally:
        reader.close()
