"""A disk that is full from the k-th write of a run on, and has room again: k = 1, 2, 3, …"""

from __future__ import annotations

import mmap
import os
import random
import shutil
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from command_line import COPY, run_apart
from fault_hosts import FAULTS, Site, report
from needs import lacking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOURCE = Path(__file__).parent.parent / "fakes" / "fulldisk.c"
LAST = 100
WRITES = range(1, LAST + 1, 1 if FAULTS else 5)
CALLS = range(1, 61, 1 if FAULTS else 6)
STEPS = 8
CAUSES = ("No space left on device", "disk is full", "disk I/O error", "exit code 120")
"""What is said of a full disk: by the kernel, by SQLite when it writes and when it syncs, and by
Python as a program whose last words did not fit on the disk either."""

_NUMBERS = struct.Struct("QQQ")


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what stands between a run and its disk."""
    compiler = shutil.which("gcc")
    if compiler is None:
        lacking("the layer that fails writes needs gcc")
    path = tmp_path_factory.mktemp("layer") / "fulldisk.so"
    options = ["-std=gnu11", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-ldl"]
    subprocess.run([compiler, str(SOURCE), *options, "-o", str(path)], check=True)
    return path


class Disk:
    """A folder whose writes fail from the k-th on, until there is room.

    Parameters
    ----------
    layer, folder : Path
        What fails them, and where.
    state : Path
        What all programs share.
    at : int
        k.
    """

    def __init__(self, layer: Path, folder: Path, state: Path, at: int) -> None:
        state.write_bytes(_NUMBERS.pack(0, 0, 0))
        with state.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _NUMBERS.size)
        self.environment = {
            "LD_PRELOAD": str(layer),
            "FULLDISK_FOLDER": str(folder),
            "FULLDISK_STATE": str(state),
            "FULLDISK_AT": str(at),
        }

    @property
    def failed(self) -> int:
        """How many writes failed."""
        failed: int = _NUMBERS.unpack(self._shared[:])[1]
        return failed

    def make_room(self) -> None:
        """Let writes succeed from now on."""
        self._shared[16:24] = struct.pack("Q", 1)


@dataclass
class Seen:
    """What became of a run whose k-th write failed."""

    at: int
    reached: bool = False
    refused: bool = False
    waited: bool = False
    failed: int = 0
    lost: set[str] = field(default_factory=set)
    rerun: set[str] = field(default_factory=set)
    unfinished: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_a_run_whose_kth_write_fails_loses_no_record_and_goes_on_when_there_is_room(
    tmp_path: Path, layer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(lambda at: full_from(at, layer, tmp_path / str(at)), WRITES))
    lost, rerun, unfinished = (
        sum(len(getattr(one, what)) for one in seen) for what in ("lost", "rerun", "unfinished")
    )
    report(
        capsys,
        f"{len(seen)} runs whose k-th write failed, k = 1…{max(WRITES)}, {lost} lost, "
        f"{rerun} rerun, {unfinished} unfinished ({sum(one.waited for one in seen)} runs waited "
        f"for room, {sum(one.refused for one in seen)} were refused, "
        f"{sum(one.failed for one in seen)} steps failed at first)",
    )
    wrong = [one for one in seen if one.wrong or one.lost or one.rerun or one.unfinished]
    assert not wrong, "\n".join(map(str, wrong))
    assert [one.at for one in seen if not one.reached] == []


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_the_command_line_says_that_the_disk_is_full_and_is_called_again(
    tmp_path: Path, layer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ThreadPoolExecutor(4) as pool:
        wrong = list(pool.map(lambda at: called_from(at, layer, tmp_path / str(at)), CALLS))
    report(
        capsys,
        f"{len(wrong)} calls of `gpucore map` whose k-th write failed, k = 1…{max(CALLS)}, "
        f"{sum(map(bool, wrong))} ended wrongly",
    )
    assert not any(wrong), "\n".join(wrong)


def called_from(at: int, layer: Path, folder: Path) -> str:
    """Call the command line on a full disk, and again; return what was wrong with that."""
    folder.mkdir()
    (folder / "copy.toml").write_text(COPY)
    items = [folder / f"item{number}" for number in range(4)]
    for item in items:
        item.write_text("an item\n")
    disk = Disk(layer, folder / "out", folder / "disk", at)
    call = ["map", "copy", "--adapter", "copy.toml", "-o", "out", "--gpus", "", *map(str, items)]
    said = folder / "said"
    command = [sys.executable, "-m", "gpucore.cli", *call]
    with said.open("wb") as file:
        host = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **disk.environment},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    until(host, lambda: any(one in said.read_text() for one in CAUSES))
    disk.make_room()
    code, text = host.wait(60), said.read_text()
    wrong = []
    if not disk.failed:
        wrong.append("no write failed")
    if code not in {0, 1, 2} or "Traceback" in text or "internal fault" in text:
        wrong.append(f"exit code {code}")
    if code and not any(one in text for one in CAUSES):
        wrong.append("no cause")
    again = run_apart(*call, cwd=folder)
    if again.code not in {0, 5} or any(
        (folder / "out" / f"{item.name}.out").read_text() != "an item\n" for item in items
    ):
        wrong.append(f"not made good: {again.code} {again.err}")
    return f"{at}: {'; '.join(wrong)}: {text[-1500:]}" if wrong else ""


def full_from(at: int, layer: Path, folder: Path) -> Seen:
    """Let a run meet a full disk, and the next one make good what it could not."""
    seen = Seen(at)
    folder.mkdir()
    site = Site(folder, STEPS, random.Random(at), slow=0)
    disk = Disk(layer, site.output, folder / "disk", at)
    plain = dict(site.environment)
    site.environment.update(disk.environment)
    host = site.start(plan=at % 2 == 0)
    until(host, lambda: bool({"noted", "failed"} & {event for _, event, *_ in site.told()}))
    disk.make_room()
    seen.refused = host.wait(60) != 0
    seen.reached = disk.failed > 0
    log = (folder / "host.log").read_text()
    told = site.told()
    seen.waited = any(event == "noted" for _, event, *_ in told)
    ends = [" ".join(words) for _, event, *words in told if event == "failed"]
    seen.failed = len(ends)
    seen.wrong += [f"no cause: {end}" for end in ends if not any(one in end for one in CAUSES)]
    seen.wrong += list(tracebacks(log))
    if seen.refused and not any(one in log for one in CAUSES):
        seen.wrong.append(f"no cause: {log[-500:]}")
    done = site.done()
    seen.lost = {step for _, event, step, *_ in told if event == "done"} - done
    before = len(site.attempts())
    site.environment = plain
    if code := site.start().wait(60):
        seen.wrong.append(f"not resumed: {code}: {(folder / 'host.log').read_text()[-2000:]}")
    seen.rerun = done & {step for _, event, step, *_ in site.attempts()[before:]}
    seen.unfinished = {name for name, *_ in site.steps} - site.done()
    seen.wrong += sorted({event for _, event, *_ in site.attempts()} - {"start", "end"})
    return seen


def until(host: subprocess.Popen[Any], felt: Callable[[], bool]) -> None:
    """Wait until it is felt that something could not be written, or the host has ended."""
    for _ in range(3000):
        try:
            host.wait(0.02)
        except subprocess.TimeoutExpired:
            if felt():
                return
        else:
            return
    raise AssertionError("nothing was felt of writes that failed")


def tracebacks(log: str) -> Iterator[str]:
    """Yield what a host that is no command line raised, but for gpucore's own errors."""
    for block in log.split("Traceback (most recent call last)")[1:]:
        chained = block.rstrip().endswith(("following exception:", "another exception occurred:"))
        if not chained and "\ngpucore.errors." not in block:
            yield block[-1500:]
