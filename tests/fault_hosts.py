"""Hosts that are killed, and the stand-in programs that tell what really happened.

The truth comes from the programs alone, which know nothing of gpucore: each takes a witness lock
for the GPU that it was told and one for its step, and appends its start and its end to a log.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gpucore.standard.model import StepState
from gpucore.system.journal import read_journal

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    import pytest

__all__ = ["FAULTS", "Counters", "Point", "Site", "marked", "of_run", "report"]

FAULTS = os.environ.get("GPUCORE_FAULTS", "")
COUNTERS = os.environ.get("GPUCORE_COUNTERS", "")
_PATIENCE = 120.0

Point: TypeAlias = tuple[str, str, int]
"""Where a host dies by itself: a function, before or after it, and which time it is called."""

PROGRAM = """
import fcntl, os, sys, time
truth, ms, out, gpu = sys.argv[1], float(sys.argv[2]), sys.argv[3], sys.argv[4]
step = os.environ["GPUCORE_STEP"]
log = os.open(truth + "/attempts", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

def tell(event):
    os.write(log, f"{time.monotonic_ns()} {event} {step} {gpu}\\n".encode())

def witness(kind, name):
    descriptor = os.open(f"{truth}/{kind}-{name}", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        tell(kind)

witness("OVERLAP", gpu)
witness("TWICE", step)
tell("start")
time.sleep(ms / 1000)
with open(out, "w") as made:
    made.write(step)
tell("end")
"""

ADAPTER = """
name    = "{name}"
title   = "{name}: a stand-in"
program = {{ executable = "{program}", install = "it comes with the tests" }}

[gpu]
use  = "compulsory"
form = "space"

[command]
argv = ["%(EXE)s", "%(truth)s", "%(ms)s", "{out}", {{ when = "gpu", args = ["%(GPU)s"] }}]
own_directory = {own}

[params]
truth = {{ type = "string", help = "where the truth is told" }}
ms    = {{ type = "int", help = "how long it takes" }}
out   = {{ type = "path", output = "out", help = "what it makes" }}
{output}
"""

HOST = """
import itertools, json, os, signal, sys, time
from pathlib import Path
from gpucore import StepExecutor
from gpucore.standard.model import Noted, StepEnded, StepStarted
from gpucore.system import journal_summary

journal_summary.EVERY = 5
asked = json.loads(sys.argv[1])
told = os.open(asked["told"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

def tell(event, step):
    os.write(told, f"{time.monotonic_ns()} {event} {step}\\n".encode())

def watch(event):
    if isinstance(event, StepStarted):
        tell("began", event.step)
    elif isinstance(event, StepEnded):
        outcome = event.outcome
        if outcome.done:
            tell("earlier" if outcome.earlier else "done", outcome.step)
        else:
            tell("failed", f"{outcome.step} {outcome.reason}")
    elif isinstance(event, Noted):
        tell("noted", event.text)

def die_at(place, when, hit):
    import importlib
    module, _, path = place.partition(":")
    *owners, name = path.split(".")
    owner = importlib.import_module(module)
    for one in owners:
        owner = getattr(owner, one)
    real = getattr(owner, name)
    hits = itertools.count(1)

    def traced(*args, **named):
        mine = next(hits)
        if mine == hit and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return real(*args, **named)
        finally:
            if mine == hit and when == "after":
                os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, traced)

for point in asked["points"]:
    die_at(*point)

with StepExecutor.open(
    gpus="0-3",
    threads=5,
    devices="simulated:4",
    output=asked["output"],
    adapters=asked["adapters"],
    journal=True,
    resume=asked["resume"],
    on_event=watch,
) as executor:
    if asked["plan"]:
        from gpucore.planning import Plan, PlannedStep, make_step
        adapters = {name: executor.plugins.adapter(name) for name in ("plain", "moved")}
        steps = [
            PlannedStep(make_step(adapters[a], values, name=name, output=asked["output"]))
            for name, a, values in asked["steps"]
        ]
        executor.submit_plan(Plan(steps=tuple(steps), root=Path.cwd()))
    else:
        for name, adapter, values in asked["steps"]:
            executor.submit(adapter, name=name, **values)
"""


@dataclass
class Counters:
    """What was counted over all hosts of a test."""

    kills: int = 0
    overlaps: int = 0
    twice: int = 0
    rerun: int = 0
    lost: int = 0
    orphans: int = 0
    adopted: int = 0
    failed: list[str] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        longest = f", a step within {max(self.ready):.2f} s of a restart" if self.ready else ""
        return (
            f"{self.kills} kills, {self.overlaps} overlaps, {self.twice} twice, {self.rerun} rerun,"
            f" {self.lost} lost, {self.adopted} of {self.orphans} orphans adopted{longest}"
        )

    def check(self) -> None:
        """Hold what must hold, whatever died."""
        assert self.failed == []
        assert (self.overlaps, self.twice, self.rerun, self.lost) == (0, 0, 0, 0)
        assert self.adopted == self.orphans


class Site:
    """An output folder, its machine's directories, and the hosts that work on it.

    Parameters
    ----------
    folder : Path
        All of it lies below.
    steps : int
        How many steps there are.
    rng : random.Random
        Says how long each takes.
    slow : int
        Every how many steps one takes long enough to outlive its host by much; 0: none.
    output : Path, optional
        The output folder, when it does not lie there.
    """

    def __init__(
        self,
        folder: Path,
        steps: int,
        rng: random.Random,
        *,
        slow: int = 10,
        output: Path | None = None,
    ) -> None:
        self.folder = folder
        self.output = output or folder / "out"
        self.truth = folder / "truth"
        self.state = folder / "state"
        self.environment = {
            **os.environ,
            "XDG_RUNTIME_DIR": str(folder / "runtime"),
            "XDG_STATE_HOME": str(self.state),
        }
        for one in (self.truth, self.state, folder / "runtime"):
            one.mkdir(parents=True, mode=0o700)
        program = folder / "program"
        program.write_text(f"#!{sys.executable} -SE\n{PROGRAM}")
        program.chmod(0o755)
        self.adapters = [
            self._adapter("plain", program, "%(out)s"),
            self._adapter("moved", program, "made"),
        ]
        self.steps = [
            (
                f"s{number}",
                rng.choice(("plain", "moved")),
                {
                    "truth": str(self.truth),
                    "ms": 400 if slow and number % slow == 0 else rng.randint(0, 15),
                    "out": str(self.output / f"s{number}.txt"),
                },
            )
            for number in range(1, steps + 1)
        ]

    def start(
        self, *points: Point, plan: bool = False, resume: bool = True
    ) -> subprocess.Popen[str]:
        """Start a host; it dies by itself at a point: place, before or after, which hit."""
        asked = {
            "output": str(self.output),
            "told": str(self.truth / "told"),
            "adapters": [str(one) for one in self.adapters],
            "steps": self.steps,
            "points": points,
            "plan": plan,
            "resume": resume,
        }
        log = (self.folder / "host.log").open("a")
        with log:
            return subprocess.Popen(
                [sys.executable, "-c", HOST, json.dumps(asked)],
                env=self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                text=True,
            )

    def attempts(self) -> list[list[str]]:
        """Return what the programs told: time, event, step, GPU."""
        return _lines(self.truth / "attempts")

    def told(self) -> list[list[str]]:
        """Return what the hosts told: time, event, step."""
        return _lines(self.truth / "told")

    def done(self) -> set[str]:
        """Return the steps that are done according to the journal."""
        state = read_journal(self.output, self.state)
        assert state.loss == ""
        short = read_journal(self.output, self.state, whole=False)
        assert (short.runs, dict(short.steps)) == (state.runs, dict(state.steps))
        return {name for name, fate in state.steps.items() if fate.state is StepState.DONE}

    def lives(
        self,
        counters: Counters,
        kill: list[float | None],
        points: Sequence[Point | None] = (),
        plan: bool = False,
    ) -> None:
        """Let hosts work one after the other, until one ends in order.

        Parameters
        ----------
        counters : Counters
            Counts.
        kill : list of float or None
            After how many seconds each is killed; None: not by us. One more goes on to the end.
        points : sequence of Point or None
            Where each dies by itself.
        plan : bool
            Whether the steps are submitted all at once.
        """
        orphans: set[str] = set()
        for number, delay in enumerate([*kill, None]):
            before = self.done() if number else set()
            began = time.monotonic_ns()
            point = points[number] if number < len(points) else None
            host = self.start(*([point] if point else []), plan=plan)
            try:
                code = host.wait(_PATIENCE if delay is None else delay)
            except subprocess.TimeoutExpired:
                host.kill()
                code = host.wait()
            counters.kills += code == -signal.SIGKILL
            self._count_life(counters, before, began, resumed=number > 0)
            if code != -signal.SIGKILL:
                if code or self.done() != {name for name, *_ in self.steps}:
                    counters.failed.append((self.folder / "host.log").read_text()[-2000:])
                break
            orphans |= self._orphans()
        self._count_all(counters, orphans)

    def _orphans(self) -> set[str]:
        """Return the steps whose program was started, and whose end is not on record."""
        done = self.done()
        return {step for _, event, step, *_ in self.attempts() if event == "start"} - done

    def _count_life(
        self, counters: Counters, before: set[str], began: int, *, resumed: bool
    ) -> None:
        told = self.told()
        counters.lost += len({one[2] for one in told if one[1] == "done"} - self.done())
        started = {one[2] for one in self.attempts() if one[1] == "start" and int(one[0]) > began}
        counters.rerun += len(started & before)
        counters.failed += [" ".join(one[2:]) for one in told if one[1] == "failed"]
        first = [int(one[0]) for one in told if one[1] == "began" and int(one[0]) > began]
        if resumed and first:
            counters.ready.append((min(first) - began) / 1e9)

    def _count_all(self, counters: Counters, orphans: set[str]) -> None:
        events = self.attempts()
        counters.overlaps += sum(one[1] == "OVERLAP" for one in events)
        counters.twice += sum(one[1] == "TWICE" for one in events)
        starts = [one[2] for one in events if one[1] == "start"]
        again = {step for step in starts if starts.count(step) > 1}
        counters.orphans += len(orphans)
        counters.adopted += len(orphans - again)
        counters.rerun += len(again - orphans)

    def _adapter(self, name: str, program: Path, out: str) -> Path:
        path = self.folder / f"{name}.toml"
        made = '[[output]]\nname = "out"\nmade = "made"' if name == "moved" else ""
        own = str(name == "moved").lower()
        path.write_text(ADAPTER.format(name=name, program=program, out=out, own=own, output=made))
        return path


def marked(mark: str) -> list[int]:
    """Return the living processes that have an argument: found without gpucore's own marks."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if mark.encode() in words and state not in "ZX":
            found.append(int(entry.name))
    return found


def of_run(variable: str) -> list[int]:
    """Return the living processes that inherited an environment variable, but for shepherds."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            inherited = (entry / "environ").read_bytes().split(b"\0")
            words = (entry / "cmdline").read_bytes()
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if variable.encode() in inherited and b"shepherd.py" not in words and state not in "ZX":
            found.append(int(entry.name))
    return found


def report(capsys: pytest.CaptureFixture[str], text: object) -> None:
    """Print a counter line past pytest's capturing, or keep it where many processes test."""
    with capsys.disabled(), open(COUNTERS or 1, "a", closefd=bool(COUNTERS)) as kept:
        kept.write(f"faults: {text}\n")


def _lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []
