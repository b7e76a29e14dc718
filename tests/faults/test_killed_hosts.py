"""Hosts killed at random moments and at named points, and resumed until all is done.

``GPUCORE_FAULTS`` says how many kills; the seed is fixed, so that a trial can be done again.
"""

from __future__ import annotations

import os
import queue
import random
import signal
import socket
from typing import TYPE_CHECKING

import pytest
from fault_hosts import FAULTS, Counters, Site, marked, report

from gpucore import StepError, StepExecutor
from gpucore.standard.model import Event, Noted
from gpucore.system.journal import Journal, Planned, RunBegan
from gpucore.system.orphans import boot_id, process_start

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fault_hosts import Point

KILLS = int(FAULTS or "30")
RESUMES = min(KILLS // 5, 50)
A_RESTART = 30.0
"""Seconds within which a step must start after a restart, on however busy a machine."""


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_whatever_moment_a_host_is_killed_nothing_is_lost_and_nothing_done_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng, counters, site = random.Random(3), Counters(), 0
    while counters.kills < KILLS and not counters.failed:
        site += 1
        kill = [rng.uniform(0.15, 1.0) for _ in range(KILLS - counters.kills)]
        Site(tmp_path / str(site), 60, rng).lives(counters, list(kill))
    report(capsys, counters)
    counters.check()
    assert max(counters.ready) < A_RESTART


CRASH_POINTS = {
    "gpucore.dispatch:Dispatch._ended": (1, 5),
    "gpucore.dispatch:Dispatch._launch": (1, 7),
    "gpucore.holding:RunLeases.give": (1, 6),
    "gpucore.holding:RunLeases.claim": (1, 7),
    "gpucore.holding:RunLeases.take": (1, 3),
    "gpucore.holding:RunLeases.use": (1, 5),
    "gpucore.outcomes:put_in_place": (1, 5),
    "gpucore.record:Journal.open": (1,),
    "gpucore.record:RunRecord.__init__": (1,),
    "gpucore.record:RunRecord.add": (1, 9),
    "gpucore.record:RunRecord.begin": (1, 7),
    "gpucore.record:RunRecord.close": (1,),
    "gpucore.record:RunRecord.finish": (1, 6),
    "gpucore.results:Results.settle": (1, 6),
    "gpucore.running:RunningStep.prepare": (1, 7),
    "gpucore.running:judge": (1, 5),
    "gpucore.staging:empty_into": (1, 3),
    "gpucore.staging:make_fresh": (1, 3),
    "gpucore.staging:move": (1, 3),
    "gpucore.system.moving:_put": (1, 6),
    "gpucore.system.folders:RunFolder._make": (1,),
    "gpucore.system.journal:_connection": (1,),
    "gpucore.system.journal:lock_place": (1,),
    "gpucore.system.journal_store:_connect": (1,),
    "gpucore.system.journal_store:create": (1,),
    "gpucore.system.journal_summary:_fill": (1, 3),
    "gpucore.system.journal_summary:write_summary": (1, 3),
    "gpucore.system.journal_writer:insert": (1, 2, 8),
    "gpucore.system.leases:Held.release": (2,),
    "gpucore.system.processes:Programs.__init__": (1,),
    "gpucore.system.processes:Programs.start": (1, 7),
    "gpucore.system.processes:Programs.take": (1, 6),
    "gpucore.engines.local:LocalEngine.started": (1, 7),
    "gpucore.engines.local:LocalEngine.ended": (1, 6),
}
"""Before and after each: what writes, locks, starts, waits, moves; and which time it is called."""

WHEN_AND_WHICH_HIT = (("before", 0), ("after", -1))

RESUME_POINTS = {
    "gpucore.running:adopt": (1, 2),
    "gpucore.adoption:find_marked": (1, 3),
    "gpucore.adoption:left_code": (1, 2),
    "gpucore.adoption:settle": (1, 2),
    "gpucore.record:RunRecord.earlier": (1, 9),
    "gpucore.system.journal:_whole": (1,),
    "gpucore.system.journal:finish_mending": (1,),
}


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_at_whatever_point_a_host_dies_nothing_is_lost_and_nothing_done_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = named(CRASH_POINTS)
    counters = died_at(tmp_path, [(point,) for point in points], slow=0)
    for when in ("before", "after"):
        point = ("gpucore.record:Journal.plan", when, 1)
        site = Site(tmp_path / f"plan {when}", 12, random.Random(2), slow=0)
        site.lives(counters, [None], points=[point], plan=True)
    report(capsys, f"{len(points) + 2} crash points, {counters}")
    counters.check()
    assert counters.kills == len(points) + 2


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_at_whatever_point_a_resumed_host_dies_the_next_one_ends_what_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = ("gpucore.engines.local:LocalEngine.started", "before", 4)
    points = named(RESUME_POINTS)
    counters = died_at(tmp_path, [(first, point) for point in points], slow=2)
    report(capsys, f"{len(points)} crash points of a resumed host, {counters}")
    counters.check()
    assert counters.kills == 2 * len(points)


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_a_host_killed_again_and_again_while_it_resumes_comes_to_an_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng, counters = random.Random(5), Counters()
    site = Site(tmp_path / "site", 60, rng)
    began = RunBegan(
        run="before",
        time=0.0,
        pid=os.getpid(),
        pid_start=process_start(os.getpid()),
        host=socket.gethostname(),
        boot=boot_id(),
        version="0",
    )
    site.output.mkdir()
    with Journal.open(site.output, state_home=site.state, run=began) as journal:
        journal.plan(Planned(step=f"old {n}", stage="old", adapter="plain") for n in range(20_000))
    site.lives(counters, [rng.uniform(0.2, 0.7) for _ in range(RESUMES)])
    report(capsys, f"a journal of 20,000 events, {counters}")
    counters.check()


def named(places: dict[str, tuple[int, ...]]) -> list[Point]:
    """Return crash points: before and after each place; each of both on each hit if all count."""
    if FAULTS:
        both = ("before", "after")
        return [(place, when, hit) for place in places for hit in places[place] for when in both]
    return [
        (place, when, places[place][hit]) for place in places for when, hit in WHEN_AND_WHICH_HIT
    ]


def died_at(folder: Path, points: Sequence[tuple[Point, ...]], *, slow: int) -> Counters:
    """Let a host die at each of some points, and the next one go on."""
    counters = Counters()
    for number, point in enumerate(points):
        site = Site(folder / str(number), 12, random.Random(number), slow=slow)
        kills = counters.kills
        site.lives(counters, [None] * len(point), points=point)
        if counters.kills - kills < len(point) or counters.failed:
            counters.failed.append(f"at {point}: {counters.kills - kills} kills")
    return counters


MANY = """
name    = "many"
title   = "many: a stand-in"
program = { executable = "/bin/sh" }

[command]
argv = ["%(EXE)s", "-c", "%(text)s", "%(out)s"]

[params]
text = { type = "string", help = "what is run" }
out  = { type = "path", output = "out", help = "what it makes" }

[[output]]
name = "log"
path = "%(out.base)s.log"

[[output]]
name = "all"
path = "%(out.base)s_all"
check = "directory"
"""


@pytest.mark.slow
@pytest.mark.parametrize("older", [False, True], ids=["", "over older ones"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("hit", [1, 2, 3, 4])
def test_a_host_killed_between_the_renames_of_outputs_leaves_the_rest_to_the_next(
    tmp_path: Path, when: str, hit: int, older: bool
) -> None:
    site = several(tmp_path, "echo {} >>{}/ran; b=${{0%.txt}}; echo {} | tee $0 >$b.log; "
                   "mkdir $b'_all'; echo {} >$b'_all/a'; echo {} >$b.more")  # fmt: skip
    if older:
        assert site.start().wait() == 0
        site.steps[0][2]["text"] = site.steps[0][2]["text"].replace("new", "newer")
    # Of an older directory the entries are moved one by one: four renames, and one that fails.
    host = site.start(("gpucore.system.moving:_put", when, hit))
    assert host.wait() == -signal.SIGKILL
    for name in ("s1.txt", "s1.log", "s1_all/a", "s1.more"):
        file = site.output / name
        assert not file.exists() or file.read_text() in {"new\n", "newer\n"}
    assert site.start().wait() == 0, (site.folder / "host.log").read_text()
    assert site.done() == {"s1"}
    word = "newer\n" if older else "new\n"
    made = {
        str(one.relative_to(site.output)): one.read_text()
        for one in site.output.rglob("*")
        if one.is_file() and ".gpucore" not in one.parts
    }
    assert made == dict.fromkeys(("s1.txt", "s1.log", "s1_all/a", "s1.more"), word)
    assert not list(site.output.rglob(".gpucore-*"))
    assert (site.truth / "ran").read_text().count("new") == (2 if older else 1)
    assert [event for _, event, *_ in site.told()][-1] == "done"


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_host_killed_while_it_puts_aside_what_a_failed_program_made_leaves_none_of_it(
    tmp_path: Path, when: str
) -> None:
    site = several(tmp_path, "echo {} >>{}/ran; echo {} >$0; exit 3; {} {}")
    host = site.start(("gpucore.attempts:put_aside", when, 1))
    assert host.wait() == -signal.SIGKILL
    assert site.start().wait() == 0
    assert [event for _, event, *_ in site.told()] == ["began", "failed"]
    assert (site.truth / "ran").read_text() == "new\n"
    assert not (site.output / "s1.txt").exists()
    assert not list(site.output.glob(".gpucore-*"))


@pytest.mark.slow
def test_what_nobody_goes_on_with_is_removed_when_its_step_runs_again(tmp_path: Path) -> None:
    site = several(tmp_path, "echo {} >>{}/ran; echo {} >$0; echo {} >$0.log; {}")
    host = site.start(("gpucore.running:judge", "before", 1))
    assert host.wait() == -signal.SIGKILL
    assert len(list(site.output.glob(".gpucore-*"))) == 1
    site.steps[0][2]["out"] = str(site.output / "elsewhere" / "s1.txt")
    site.start().wait()
    assert (site.truth / "ran").read_text() == "new\nnew\n"
    assert not list(site.output.rglob(".gpucore-*"))
    assert not (site.output / "s1.txt").exists()


def several(folder: Path, text: str) -> Site:
    """Return a site of one step that makes several outputs."""
    site = Site(folder / "site", 1, random.Random(1), slow=1)
    (site.folder / "many.toml").write_text(MANY)
    site.adapters = [site.folder / "many.toml"]
    filled = text.format("new", site.truth, *["new"] * text.count("{}"))
    site.steps = [("s1", "many", {"text": filled, "out": str(site.output / "s1.txt")})]
    return site


@pytest.mark.slow
@pytest.mark.parametrize("change", ["another value", "not resumed"])
def test_an_orphan_of_another_command_is_waited_for_but_its_end_does_not_count(
    tmp_path: Path, change: str
) -> None:
    site = Site(tmp_path / "site", 1, random.Random(1), slow=1)
    first = site.start(("gpucore.running:RunningStep.begun", "before", 1))
    assert first.wait() == -signal.SIGKILL
    if change == "another value":
        site.steps[0][2]["ms"] = 1
    # Another step is given its GPU: not the lease alone keeps the two apart.
    site.steps.insert(0, ("other", "plain", {**site.steps[0][2], "out": str(tmp_path / "other")}))
    assert site.start(resume=change != "not resumed").wait() == 0
    events = [event for _, event, step, *_ in site.attempts() if step == "s1"]
    assert events == ["start", "end", "start", "end"]


@pytest.mark.slow
def test_a_resumed_run_says_for_which_process_it_waits(tmp_path: Path) -> None:
    site = Site(tmp_path / "site", 1, random.Random(1), slow=1)
    name, _, values = site.steps[0]
    site.steps[0] = (name, "plain", {**values, "ms": 600_000})
    host = site.start(("gpucore.running:RunningStep.begun", "before", 1))
    assert host.wait() == -signal.SIGKILL
    (left,) = marked(str(site.truth))
    told: queue.SimpleQueue[str] = queue.SimpleQueue()

    def hear(event: Event) -> None:
        if isinstance(event, Noted) and "waits for" in event.text:
            told.put(event.text)

    with StepExecutor.open(
        gpus="0",
        threads=2,
        devices="simulated:1",
        output=site.output,
        adapters=site.adapters,
        root=site.folder,
        resume=True,
        on_event=hear,
    ) as executor:
        executor.submit("plain", name=name, **site.steps[0][2])
        try:
            assert f"{name} waits for process {left}" in told.get(timeout=60)
        finally:
            executor.stop()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["cancelled", "stopped", "stopped before its turn"])
def test_when_a_resumed_run_is_ended_its_orphans_are_too(tmp_path: Path, how: str) -> None:
    site = Site(tmp_path / "site", 1, random.Random(1), slow=1)
    name, _, values = site.steps[0]
    site.steps[0] = (name, "plain", {**values, "ms": 600_000})
    host = site.start(("gpucore.running:RunningStep.begun", "before", 1))
    assert host.wait() == -signal.SIGKILL
    mark = str(site.truth)
    assert marked(mark)
    with StepExecutor.open(
        gpus="0",
        threads=2,
        devices="simulated:1",
        output=site.output,
        adapters=site.adapters,
        root=site.folder,
        resume=True,
    ) as executor:
        if how == "stopped before its turn":
            executor.lease()  # nobody else has a turn
        future = executor.submit("plain", name=name, **site.steps[0][2])
        if how == "cancelled":
            executor.cancel(future)
        else:
            executor.stop()
        assert executor.wait(60)
        left = marked(mark)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert left == []
        assert future.cancelled() or isinstance(future.exception(), StepError)
