"""A disk that fills up while a run writes to it: no record is lost, and it goes on."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from fault_hosts import FAULTS, Site, report
from needs import lacking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOUNT, UMOUNT = shutil.which("mount") or "", shutil.which("umount") or ""
DISK = 1 << 20
ROOMS = range(100, 500, 4) if FAULTS else (110, 150, 200, 300)
"""Kilobytes that are free when a run begins; it needs about 600."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a small disk of its own."""
    where = tmp_path / "disk"
    where.mkdir()
    mount = [MOUNT, "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "tmpfs", str(where)]
    if (
        os.geteuid()
        or not (MOUNT and UMOUNT)
        or subprocess.run(mount, check=False, capture_output=True).returncode
    ):
        lacking("to mount a disk of its own needs root, and mount (util-linux)")
    try:
        yield where
    finally:
        subprocess.run([UMOUNT, "--lazy", str(where)], check=True)


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_a_run_whose_disk_is_full_loses_no_record_and_goes_on_when_there_is_room(
    tmp_path: Path, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost, rerun, unfinished, refused, waited, failed = 0, 0, 0, 0, 0, 0
    for room in ROOMS:
        output = disk / str(room)
        output.mkdir()
        site = Site(tmp_path / str(room), 40, random.Random(room), slow=0, output=output)
        ballast = disk / "ballast"
        fill(ballast, room << 10)
        host = site.start()
        until_it_is_felt(host, site, disk)
        ballast.unlink()
        # It may have been refused: before its first step, or when it submitted one.
        refused += host.wait(60) != 0
        log = (site.folder / "host.log").read_text()
        told = site.told()
        waited += any(event == "noted" for _, event, *_ in told)
        failed += sum(event == "failed" for _, event, *_ in told)
        done = site.done()
        lost += len({step for _, event, step, *_ in told if event == "done"} - done)
        before = len(site.attempts())
        assert site.start().wait(60) == 0, (site.folder / "host.log").read_text()[-2000:]
        rerun += len(done & {step for _, event, step, *_ in site.attempts()[before:]})
        unfinished += len({name for name, *_ in site.steps} - site.done())
        assert {event for _, event, *_ in site.attempts()} <= {"start", "end"}
        assert "Traceback" not in log or "GpucoreError" in log
        shutil.rmtree(output)
    report(
        capsys,
        f"{len(ROOMS)} full disks, {lost} lost, {rerun} rerun, {unfinished} unfinished "
        f"({waited} runs waited for room, {refused} were refused, {failed} steps failed at first)",
    )
    assert (lost, rerun, unfinished) == (0, 0, 0)
    assert waited + failed


def fill(ballast: Path, room: int) -> None:
    """Leave so much room on a disk."""
    facts = os.statvfs(ballast.parent)
    with ballast.open("wb") as file:
        file.write(bytes(facts.f_bavail * facts.f_frsize - room))


def until_it_is_felt(host: subprocess.Popen[str], site: Site, disk: Path) -> None:
    """Wait until there is no room, or the host has ended."""
    while True:
        try:
            host.wait(0.02)
        except subprocess.TimeoutExpired:
            felt = {"noted", "failed"} & {event for _, event, *_ in site.told()}
            if felt or not os.statvfs(disk).f_bavail:
                return
        else:
            return
