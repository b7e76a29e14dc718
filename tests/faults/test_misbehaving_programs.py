"""Programs that misbehave, each in its own way: told rightly, and good ones never accused."""

from __future__ import annotations

import itertools
import os
import random
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fault_hosts import FAULTS, report

from gpucore import StepError, StepExecutor
from gpucore.standard import (
    Adapter,
    Failure,
    FailureClass,
    Gpu,
    GpuUse,
    Group,
    Param,
    Program,
    Template,
)
from gpucore.standard.step import Limits
from gpucore.system.oom_kills import oom_kills

if TYPE_CHECKING:
    from gpucore.standard import Outcome

EACH = 20 if FAULTS else 2
GOOD = 2_000 if FAULTS else 200

KILLED = FailureClass.HOST_MEMORY if oom_kills() is None else FailureClass.UNKNOWN
"""What a SIGKILL of somebody's is, as far as this kernel lets us know that it was not its own."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A way to misbehave.

    Parameters
    ----------
    text : str
        Shell text: ``$1`` is the output, ``$2`` a folder with images.
    failure : FailureClass or None
        The class that is right; None: the step is done.
    code : int or None
        Its exit code; None: whatever it is.
    warns : bool
        Whether its user must be told something although it is done.
    limits : Limits
        Of the step.
    adapter : str
        Which of the adapters below.
    """

    text: str
    failure: FailureClass | None
    code: int | None = 0
    warns: bool = False
    limits: Limits = field(default_factory=Limits)
    adapter: str = "wild"


MISSING, CRASHED = FailureClass.MISSING_OUTPUT, FailureClass.PROGRAM_FAULT
MEMORY, NO_DEVICE = FailureClass.OUT_OF_MEMORY, FailureClass.NO_DEVICE
FULL = FailureClass.DISK_FULL
COPY = 'cp "$2/good.mrc" "$1"'
OOM = "echo 'Error: CUDA error: out of memory (motion.cu:12)'"
ABSENT = "echo 'no CUDA-capable device is detected' >&2"
GREEDY = f"{sys.executable} -S -c 'print(len(bytearray(10**10)))'"

KINDS = {
    # what it makes
    "makes nothing": Kind(text=":", failure=MISSING),
    "makes an empty file": Kind(text=': >"$1"', failure=MISSING),
    "makes half an image": Kind(text='head -c 3000 "$2/good.mrc" >"$1"', failure=MISSING),
    "makes an image of zeros": Kind(text='cp "$2/zero.mrc" "$1"', failure=MISSING),
    "makes an image of one value": Kind(text='cp "$2/seven.mrc" "$1"', failure=MISSING),
    "makes an image that is no number": Kind(text='cp "$2/nan.mrc" "$1"', failure=MISSING),
    "makes a text": Kind(text='echo "all is well, trust me" >"$1"', failure=MISSING),
    "makes a folder": Kind(text='mkdir "$1"', failure=MISSING),
    "makes a pipe": Kind(text='mkfifo "$1"', failure=MISSING),
    "makes a link to nowhere": Kind(text='ln -s /nowhere/at/all "$1"', failure=MISSING),
    "makes another's output": Kind(
        text='cp "$2/good.mrc" "$(dirname "$1")/another.mrc"', failure=MISSING
    ),
    "removes its own folder": Kind(text=f'{COPY}; rm -rf "$(dirname "$1")"', failure=MISSING),
    # how it ends
    "crashes": Kind(text="ulimit -c 0; kill -SEGV $$", failure=CRASHED, code=-11),
    "aborts": Kind(text="ulimit -c 0; kill -ABRT $$", failure=CRASHED, code=-6),
    "divides by zero": Kind(text="ulimit -c 0; kill -FPE $$", failure=CRASHED, code=-8),
    "crashes in a shell": Kind(text="sh -c 'ulimit -c 0; kill -SEGV $$'; exit 139",
                               failure=CRASHED, code=139),
    "says nothing and ends with 42": Kind(text="exit 42", failure=CRASHED, code=42),
    "is killed": Kind(text=f"{COPY}; kill -KILL $$", failure=KILLED, code=-9),
    "is asked to end": Kind(text="kill -TERM $$", failure=FailureClass.INTERRUPTED, code=-15),
    "goes on when its child was killed": Kind(
        text="sh -c 'kill -KILL $$'; echo 'run.sh: line 7: 4711 Killed'; exit 0",
        failure=FailureClass.HOST_MEMORY,
    ),
    "ends well and says nothing": Kind(text=COPY, failure=CRASHED, adapter="sayer"),
    "cannot be started": Kind(text="", failure=FailureClass.NOT_STARTED, code=None,
                              adapter="garbage"),
    # memory, devices and disks
    "has no memory, ends with 0": Kind(text=OOM, failure=MEMORY),
    "has no memory, ends with 1": Kind(text=f"{COPY}; {OOM}; exit 1", failure=MEMORY, code=1),
    "has no memory, ends with 137": Kind(text=f"{OOM}; exit 137", failure=MEMORY, code=137),
    "has no memory, and goes on": Kind(text=f"{OOM}; {COPY}", failure=None, warns=True),
    "has no device, ends with 0": Kind(text=ABSENT, failure=NO_DEVICE),
    "has no device, ends with 1": Kind(text=f"{ABSENT}; exit 1", failure=NO_DEVICE, code=1),
    "has no device, and goes on": Kind(text=f"{ABSENT}; {COPY}", failure=None, warns=True),
    "takes a wrong device": Kind(text="echo 'invalid device ordinal'; exit 1",
                                 failure=NO_DEVICE, code=1),
    "crashes its device": Kind(
        text="echo 'CUDA error: an illegal memory access was encountered'; exit 1",
        failure=FailureClass.DEVICE_FAULT, code=1,
    ),
    "falls back to the processor": Kind(text=f"{COPY}; echo 'using the CPU instead'",
                                        failure=FailureClass.CPU_FALLBACK),
    "takes all of the machine's memory": Kind(text=f"ulimit -v 400000; {GREEDY}",
                                              failure=FailureClass.HOST_MEMORY, code=1),
    "writes to a full disk": Kind(text='cat "$2/good.mrc" >/dev/full', failure=FULL, code=1),
    "says that the disk is full, ends with 0": Kind(
        text="echo 'cannot write: No space left on device' >&2", failure=FULL
    ),
    "says in its own words that the disk is full": Kind(text="echo 'ERROR: disk full'; exit 2",
                                                        failure=FULL, code=2),
    "does not like its input": Kind(text="echo 'cannot open movie'",
                                    failure=FailureClass.BAD_INPUT),
    # what it prints, reads and leaves
    "prints junk": Kind(text="head -c 200000 /dev/urandom; exit 3", failure=CRASHED, code=3),
    "prints what is no UTF-8": Kind(text=r"printf '\377\376\0\200\033[2J'; exit 3",
                                    failure=CRASHED, code=3),
    "prints a line of ten megabytes": Kind(
        text="head -c 10000000 /dev/zero | tr '\\0' x; exit 3", failure=CRASHED, code=3
    ),
    "reads what nobody writes": Kind(text="read word || exit 7", failure=CRASHED, code=7),
    "closes all that it was given": Kind(
        text="for fd in 0 1 2 3 4 5 6 7 8 9; do eval \"exec $fd>&-\"; done; " + COPY, failure=None
    ),
    "leaves a child behind": Kind(text=f"{COPY}; sleep 0.2 & exit 0", failure=None),
    "lets a child work when it has ended": Kind(
        text=f"setsid sh -c 'sleep 0.3; {COPY}' wild \"$1\" \"$2\" >/dev/null 2>&1 & exit 0",
        failure=MISSING,
    ),
    "takes too long, and does not want to end": Kind(
        text="trap '' TERM; while :; do sleep 1; done", failure=FailureClass.LIMIT, code=None,
        limits=Limits(wall=0.3),
    ),
    "stops itself": Kind(text="kill -STOP $$", failure=FailureClass.LIMIT, code=None,
                         limits=Limits(quiet=0.3)),
}  # fmt: skip

SLOW = ("takes too long, and does not want to end", "stops itself")
"""Each of these takes the ten seconds that a program has to end."""

PROGRESS = """
Iteration  {n}  Error:     0.{n}23
0 errors, {n} warnings, no error
...... Frame ( {n}) shift:  0.12 -3.4
Align patch {n} 2 left, out of 100 memory blocks
memory: {n} of 24 GB, peak memory 3.2 GB, free memory 20 GB
device {n} of 8: ordinal {n} is valid
GPU {n} busy 93 %, available
Killed {n} bad particles
disk usage {n} %, full resolution, full frame
Total time: {n}.2 sec
"""


def _adapter(name: str, executable: str = "/bin/sh", **more: object) -> Adapter:
    return Adapter(
        name=name,
        title=f"{name}: a stand-in",
        program=Program(executable=executable),
        gpu=Gpu(use=GpuUse.COMPULSORY, form="space"),
        command=Template(
            argv=("%(EXE)s", "-c", "%(text)s", "wild", "%(out)s", "%(files)s",
                  Group(when="gpu", args=("%(GPU)s",)))
        ),
        params={
            "text": Param(type="string", help="what is run"),
            "files": Param(type="string", help="where images are"),
            "item": Param(type="path", item=True, optional=True, help="what is read"),
            "out": Param(type="path", output="out.mrc", check="mrc", help="what is made"),
        },
        failure=(
            Failure(match="using the CPU", class_=FailureClass.CPU_FALLBACK, effect="fail"),
            Failure(match="cannot open movie", class_=FailureClass.BAD_INPUT, effect="fail"),
        ),
        **more,
    )  # fmt: skip


@dataclass
class Site:
    """A folder with images, and executors that work in it."""

    folder: Path
    adapters: list[Adapter]
    number: Iterator[int] = field(default_factory=itertools.count)

    def open(self, *, threads: int = 3) -> StepExecutor:
        """Open an executor on two simulated GPUs."""
        return StepExecutor.open(
            gpus="0 1", threads=threads, devices="simulated:2", adapters=self.adapters,
            output=self.folder / f"out{next(self.number)}", root=self.folder,
        )  # fmt: skip

    def outcome(self, executor: StepExecutor, kind: Kind) -> Outcome:
        """Run one step to its end."""
        name = f"s{next(self.number)}"
        future = executor.submit(
            kind.adapter, name=name, text=kind.text, files=str(self.folder), limits=kind.limits,
            out=str(self.folder / f"{name}.mrc"),
        )  # fmt: skip
        error = future.exception(120)
        if error is None:
            return future.result()
        assert isinstance(error, StepError)
        return error.outcome


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    # What a run learns of made-up GPUs here is nobody else's business.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    (tmp_path / "runtime").mkdir(mode=0o700)
    files = tmp_path / "files"
    files.mkdir()
    for name, values in {
        "good": [float(n) for n in range(1024)],
        "zero": [0.0] * 1024,
        "seven": [7.0] * 1024,
        "nan": [1.0] * 500 + [float("nan")] * 524,
    }.items():
        header = struct.pack("<4i", 32, 32, 1, 2).ljust(1024, b"\0")
        (files / f"{name}.mrc").write_bytes(header + struct.pack("<1024f", *values))
    garbage = files / "garbage"
    garbage.write_bytes(b"\x7fELF no program at all")
    garbage.chmod(0o755)
    adapters = [
        _adapter("wild"),
        _adapter("sayer", success_match="^finished$"),
        _adapter("garbage", str(garbage)),
    ]
    return Site(files, adapters)


def faults_of(kind: Kind, outcome: Outcome) -> list[str]:
    """Return in what an outcome is not what it should be."""
    faults = []
    if outcome.failure is not kind.failure or outcome.done != (kind.failure is None):
        faults.append(f"{outcome.state.value}, {outcome.failure}: {outcome.reason}")
    if kind.code is not None and outcome.exit_code != kind.code:
        faults.append(f"exit code {outcome.exit_code}")
    if bool(outcome.warnings) != kind.warns:
        faults.append(f"warnings {outcome.warnings}")
    if not (outcome.done or outcome.reason):
        faults.append("no reason")
    return faults


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_programs_that_misbehave_are_each_put_into_the_right_class(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong, ran = [], 0
    for name, kind in KINDS.items():
        for _ in range(0 if name in SLOW else EACH):
            # Each in a run of its own: what one does to its GPU, its disk or its run is no
            # matter of the next.
            with site.open() as executor:
                outcome = site.outcome(executor, kind)
            ran += 1
            wrong += [f"{name}: {fault}" for fault in faults_of(kind, outcome)]
            final = outcome.outputs.get("out", "")
            if final and os.path.getsize(final) != 1024 + 4096:  # noqa: PTH202
                wrong.append(f"{name}: {final} is not whole")
    report(
        capsys, f"{ran} programs that misbehaved in {len(KINDS)} ways, {len(wrong)} told wrongly"
    )
    assert wrong == []
    assert len(KINDS) >= 30


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_programs_that_do_not_want_to_end_are_ended_at_their_limits(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong, ran = [], 0
    for name in SLOW:
        kind = KINDS[name]
        with StepExecutor.open(
            gpus=" ".join(["0"] * EACH), threads=EACH + 1, devices="simulated:1",
            adapters=site.adapters, output=site.folder / f"slow{ran}", root=site.folder,
        ) as executor:  # fmt: skip
            futures = [
                executor.submit(
                    kind.adapter, name=f"{name} {n}", text=kind.text, files=str(site.folder),
                    limits=kind.limits, out=str(site.folder / f"slow{n}.mrc"),
                )
                for n in range(EACH)
            ]  # fmt: skip
            for future in futures:
                error = future.exception(300)
                assert isinstance(error, StepError)
                ran += 1
                wrong += [f"{name}: {fault}" for fault in faults_of(kind, error.outcome)]
    report(capsys, f"{ran} programs that did not want to end, {len(wrong)} told wrongly")
    assert wrong == []


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_good_programs_are_never_accused_whatever_they_print(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(5)
    lines = PROGRESS.strip().splitlines()
    wrong = []
    with site.open(threads=5) as executor:
        futures = []
        for number in range(GOOD):
            chosen = rng.choices(lines, k=rng.randint(1, 12))
            printed = "\n".join(line.format(n=rng.randint(0, 999)) for line in chosen)
            futures.append(
                executor.submit(
                    "wild", name=f"g{number}", files=str(site.folder),
                    text=f'{COPY}; cat <<"END"\n{printed}\nEND',
                    out=str(site.folder / f"g{number}.mrc"),
                )
            )  # fmt: skip
        for future in futures:
            error = future.exception(300)
            outcome = error.outcome if isinstance(error, StepError) else future.result()
            if not outcome.done or outcome.warnings:
                wrong.append((outcome.step, outcome.reason, outcome.warnings))
    report(capsys, f"{GOOD} good programs, {len(wrong)} accused")
    assert wrong == []
