"""Many hosts that want the same devices: nothing is given twice, and nobody starves.

What is true is told by witness locks that the workers take inside their leases, and by a log that
all append to: neither knows anything of gpucore. ``GPUCORE_FAULTS`` says how many leases.
"""

from __future__ import annotations

import collections
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

LEASES = int(os.environ.get("GPUCORE_FAULTS", "4000"))
DEVICES = 8

WORKER = """
import contextlib, fcntl, os, random, sys, time
from pathlib import Path
from gpucore.system import leases
from gpucore.system.lease_directory import find_lease_directory

me, folder, rounds, devices = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
mine = leases.Leases(find_lease_directory({}, configured=str(folder / "leases")))
uuids = [f"GPU-{n}" for n in range(devices)]
witnesses = {u: os.open(folder / f"{u}.witness", os.O_RDWR | os.O_CREAT, 0o600) for u in uuids}
log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
chance = random.Random(int(me))

def tell(event, names=()):
    os.write(log, f"{time.monotonic_ns()} {me} {event} {' '.join(names)}\\n".encode())

stand = leases._ticket
@contextlib.contextmanager
def ticket(files, names):
    with stand(files, names) as number:
        tell("stands")
        yield number
leases._ticket = ticket

print(flush=True)
sys.stdin.readline()
for turn in range(rounds):
    count = chance.choice((1, 1, 2))
    if chance.random() < 0.5:
        held = mine.take(chance.sample(uuids, count), step=str(turn))
    else:
        held = mine.take_any(chance.sample(uuids, 4), count, step=str(turn))
    with held:
        tell("got", held.uuids)
        for uuid in held.uuids:
            try:
                fcntl.flock(witnesses[uuid], fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                tell("OVERLAP", [uuid])
        os.sched_yield()
        for uuid in held.uuids:
            fcntl.flock(witnesses[uuid], fcntl.LOCK_UN)
"""


@pytest.mark.slow
@pytest.mark.parametrize("hosts", [2, 8])
def test_hosts_that_contend_never_share_a_device_and_none_starves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], hosts: int
) -> None:
    rounds = LEASES // 2 // hosts
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(me), str(tmp_path), str(rounds), str(DEVICES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for me in range(hosts)
    ]
    for worker in workers:
        assert worker.stdout
        worker.stdout.readline()
    began = time.monotonic()
    for worker in workers:
        assert worker.stdin
        worker.stdin.write(b"\n")
        worker.stdin.flush()
    codes = [worker.wait() for worker in workers]
    seconds = time.monotonic() - began
    for worker in workers:
        worker.communicate()

    told = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    given = sum(event[2] == "got" for event in told)
    overlaps = sum(event[2] == "OVERLAP" for event in told)
    waits = turns_waited(told)
    with capsys.disabled():
        sys.stdout.write(
            f"\nleases: {given} given, {overlaps} overlaps, longest wait {max(waits)} turns "
            f"({hosts} hosts, {len(waits)} waited, {given / seconds:.0f} leases/s)\n"
        )
    assert codes == [0] * hosts
    assert given == rounds * hosts
    assert overlaps == 0
    # Older tickets, and those who had looked before the ticket stood: each other host once.
    assert max(waits) <= 2 * (hosts - 1)


def turns_waited(told: list[list[str]]) -> list[int]:
    """Return how many turns others had on a waiter's devices while its ticket stood."""
    waits = [0]
    since: dict[str, int] = {}
    turns: dict[str, list[int]] = collections.defaultdict(list)
    for at, who, event, *uuids in sorted(told, key=lambda one: int(one[0])):
        if event == "stands":
            since[who] = int(at)
        elif event == "got":
            began = since.pop(who, None)
            if began is not None:
                waits.append(max(sum(turn > began for turn in turns[one]) for one in uuids))
            for one in uuids:
                turns[one].append(int(at))
    return waits
