"""Commits last: shared transactions, full disks, and writers that are killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from gpucore.errors import GpucoreError
from gpucore.system.journal import (
    Journal,
    JournalState,
    Planned,
    RunBegan,
    read_journal,
)

if TYPE_CHECKING:
    import queue
    from collections.abc import Callable
    from pathlib import Path

CHILD = """
import sys
from pathlib import Path
from gpucore.system.journal import Journal, Planned, RunBegan
run = RunBegan(run="child", time=0.0, pid=1, host="h", boot="b", version="0")
journal = Journal.open(Path(sys.argv[1]), state_home=Path(sys.argv[2]), run=run)
print("open", flush=True)
number = 0
while True:
    journal.commit(Planned(step=str(number), stage="s", adapter="a"))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
    number += 1
"""


def run_began(run: str = "one", **facts: object) -> RunBegan:
    return RunBegan(run=run, time=1.5, pid=os.getpid(), host="here", boot="b", version="0")


def opened(tmp_path: Path, run: str = "one", tell: Callable[[str], None] | None = None) -> Journal:
    return Journal.open(
        tmp_path / "out", state_home=tmp_path / "state", run=run_began(run), on_trouble=tell
    )


def read(tmp_path: Path) -> JournalState:
    return read_journal(tmp_path / "out", tmp_path / "state")


def planned(step: object) -> Planned:
    return Planned(step=str(step), stage="stage", adapter="adapter")


class _Counted:
    """A queue that tells of each put."""

    def __init__(self, inner: queue.SimpleQueue[object]) -> None:
        self.inner = inner
        self.puts = threading.Semaphore(0)
        self.get = inner.get
        self.get_nowait = inner.get_nowait

    def put(self, item: object) -> None:
        self.inner.put(item)
        self.puts.release()


def test_commits_that_come_together_share_a_transaction(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        counted = journal._writer._queue = _Counted(journal._writer._queue)  # type: ignore[assignment]
        before = journal.transactions
        holder = sqlite3.connect(journal.path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")  # the writer cannot write until this one lets it
        threads = [
            threading.Thread(target=journal.commit, args=(planned(number),)) for number in range(40)
        ]
        for thread in threads:
            thread.start()
        for _ in threads:
            counted.puts.acquire()
        holder.execute("ROLLBACK")
        holder.close()
        for thread in threads:
            thread.join()
        # What it took before it was held up, its last get on the queue before that, and the rest.
        assert journal.transactions - before <= 3
    assert len(read(tmp_path).steps) == 40


def test_a_plan_is_one_transaction(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        before = journal.transactions
        journal.plan(planned(number) for number in range(25_000))
        assert journal.transactions == before + 1
        journal.plan(())
        assert journal.transactions == before + 1
    assert len(read(tmp_path).steps) == 25_000


def test_a_full_disk_loses_nothing_and_is_told_once_until_it_goes_on(tmp_path: Path) -> None:
    told: list[str] = []
    full, again = threading.Event(), threading.Event()

    def tell(text: str) -> None:
        told.append(text)
        (again if full.is_set() else full).set()

    with opened(tmp_path, tell=tell) as journal:
        connection = journal._writer._connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")
        threads = [
            threading.Thread(target=journal.commit, args=(planned(f"{number}" + "x" * 5000),))
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        assert full.wait(60)
        assert not again.is_set()
        connection.execute("PRAGMA max_page_count=1000000")
        for thread in threads:
            thread.join(60)
        assert again.wait(60)
        journal.commit(planned("after"))
    assert len(read(tmp_path).steps) == 9
    assert len(told) == 2
    assert "full" in told[0]
    assert "again" in told[1]


def test_who_is_told_of_trouble_may_fail_and_the_records_are_written_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    full = threading.Event()

    def tell(text: str) -> None:
        full.set()
        raise RuntimeError(text)

    with opened(tmp_path, tell=tell) as journal:
        connection = journal._writer._connection
        connection.execute("PRAGMA max_page_count=1")
        journal.append(planned("x" * 90_000))
        assert full.wait(60)
        connection.execute("PRAGMA max_page_count=1000000")
        journal.commit(planned("after"))
    assert len(read(tmp_path).steps) == 2
    assert "the run waits" in caplog.text


def test_a_run_that_gives_up_on_a_full_disk_tells_who_waits(tmp_path: Path) -> None:
    full = threading.Event()
    journal = opened(tmp_path, tell=lambda _: full.set())
    journal.commit(planned("before"))
    journal._writer._connection.execute("PRAGMA max_page_count=1")
    errors: list[GpucoreError] = []

    def commit() -> None:
        try:
            journal.commit(planned("x" * 9000))
        except GpucoreError as error:
            errors.append(error)

    thread = threading.Thread(target=commit)
    thread.start()
    assert full.wait(60)
    assert not journal.close(0)
    thread.join(60)
    (error,) = errors
    assert "full" in error.what
    state = read(tmp_path)
    assert list(state.steps) == ["before"]
    assert not state.loss


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_small_disk_that_fills_up_loses_no_committed_record(tmp_path: Path) -> None:
    disk = tmp_path / "out"
    disk.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)],  # noqa: S607
        check=False,
        capture_output=True,
        text=True,
    )
    if mount.returncode:
        if os.environ.get("CI") == "true":
            pytest.fail(f"a file system must be mountable in CI: {mount.stderr}")
        pytest.skip(f"a file system cannot be mounted: {mount.stderr}")
    try:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(300_000))
        full = threading.Event()
        with opened(tmp_path, tell=lambda _: full.set()) as journal:
            number = 0

            def commit() -> None:
                nonlocal number
                while not full.is_set():
                    journal.commit(planned(f"{number}" + "x" * 3000))
                    number += 1

            thread = threading.Thread(target=commit)
            thread.start()
            assert full.wait(60)
            assert len(read(tmp_path).steps) == number
            ballast.unlink()
            thread.join(60)
            assert not thread.is_alive()
        state = read(tmp_path)
        assert len(state.steps) == number
        assert not state.loss
    finally:
        subprocess.run(["umount", str(disk)], check=True)  # noqa: S607


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 2, 7, 40, 1100])
def test_every_record_that_was_told_committed_survives_the_death_of_its_writer(
    tmp_path: Path, after: int
) -> None:
    arguments = [sys.executable, "-c", CHILD, str(tmp_path / "out"), str(tmp_path / "state")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(after)]
        with pytest.raises(GpucoreError, match="another run still writes"):
            opened(tmp_path)
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.readlines()
    told = [int(line) for line in lines if line.strip().isdigit() and line.endswith("\n")]
    state = read(tmp_path)
    assert not state.loss
    assert list(state.steps) == [str(number) for number in range(len(state.steps))]
    assert len(state.steps) >= len(told)
    with opened(tmp_path) as journal:
        assert journal.state.events == state.events
        assert not journal.state.loss
