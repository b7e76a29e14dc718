"""A long journal: how long a resumed run takes to know what is done, and `status` to tell it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.fresh import ask
from benchmarks.million import peak
from benchmarks.roster import ROOT, DriverFailedError
from benchmarks.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.record import RunRecord
    from gpucore.standard.step import Step

NAME = "journal"
STEPS = 333_333
"""Planned, began, finished: a million events."""
SHOWN = 100_000
FILES = 1_000
"""Files that are there, and which the steps share."""
TARGETS = {"resume": "15 s, 500 MiB", "status": "0.5 s"}
COLUMNS = ("what", "events", "seconds: median", "min", "max", "CPU seconds", "peak, MiB", "target")


def measure(repeats: int) -> Table:
    """Make the journals once, and read each in fresh processes."""
    with tempfile.TemporaryDirectory() as made:
        folders = {name: Path(made, name) for name in ("resumed", "ended", "killed")}
        for name, folder in folders.items():
            steps = STEPS if name == "resumed" else SHOWN
            ask("benchmarks.journal", "make", str(folder), str(steps), name)
        resumed = [
            ask("benchmarks.journal", "resume", str(folders["resumed"]), str(STEPS))
            for _ in range(repeats)
        ]
        shown = {name: [_status(folders[name]) for _ in range(repeats)] for name in folders}
    rows = [
        _row(label, STEPS, resumed, name, TARGETS["resume"] if name == "all" else "")
        for label, name in (
            ("open the journal of a run", "open"),
            (f"then ask for each of its {STEPS:,} done steps", "asked"),
            ("both: what is done is known", "all"),
        )
    ]
    for name, label in (("ended", "that ended"), ("killed", "whose host was killed")):
        told = f"`gpucore status` of a run of {SHOWN:,} steps {label}"
        rows.append(_row(told, SHOWN, shown[name], "all", TARGETS["status"]))
    rows.append(_row(f"`gpucore status`, {STEPS:,} steps", STEPS, shown["resumed"], "all", ""))
    return Table(
        name=NAME,
        columns=COLUMNS,
        rows=tuple(rows),
        notes=(
            f"{repeats} fresh processes each. Every step has a command of eleven words, an input "
            "and an output that are there, and are looked at; peak memory is that of the whole "
            "process.",
        ),
    )


def _row(
    what: str, steps: int, found: list[dict[str, float]], name: str, target: str
) -> tuple[str, ...]:
    seconds = [one[name] for one in found]
    return (
        what,
        f"{3 * steps:,}",
        f"{median(seconds):.2f}",
        f"{min(seconds):.2f}",
        f"{max(seconds):.2f}",
        f"{median(one[f'{name} cpu'] for one in found):.2f}",
        f"{median(one['peak'] for one in found) / 2**20:,.0f}",
        target,
    )


def _status(folder: Path) -> dict[str, float]:
    """Run `gpucore status` as from a terminal."""
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "gpucore.cli", "status", str(folder)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=_environment(folder),
    ) as child:
        _, status, usage = os.wait4(child.pid, 0)
        taken = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            assert child.stderr is not None
            raise DriverFailedError(child.stderr.read().decode(errors="replace")[-200:])
    cpu = usage.ru_utime + usage.ru_stime
    return {"all": taken, "all cpu": cpu, "peak": usage.ru_maxrss * 1024.0}


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "XDG_STATE_HOME": str(folder / "state")}


def _steps(folder: Path, count: int) -> Iterator[Step]:
    """Yield the steps of a run."""
    from gpucore_adapters.motioncor3 import MOTIONCOR3  # noqa: PLC0415 - as above

    from gpucore.planning import make_step  # noqa: PLC0415 - only the child needs gpucore
    from gpucore.standard.step import Step  # noqa: PLC0415 - as above

    given = {"movie": "m.tif", "out": "m.mrc", "pixel_size": 0.885}
    model = make_step(MOTIONCOR3, given, name="model", output=str(folder))
    for number in range(count):
        movie = str(folder / f"{number % FILES}.tif")
        out = str(folder / f"{number % FILES}.mrc")
        own = {**model.own, "movie": movie, "out": out}
        yield Step(
            name=f"align/movie_{number:07d}",
            adapter=MOTIONCOR3,
            shared=model.shared,
            own=own,
            stage="align",
            use_gpu=True,
            gpus=None,
        )


def make(folder: Path, count: int, how: str) -> dict[str, float]:
    """Write the journal of a run over so many steps; `killed`: without its end."""
    from gpucore.standard.model import (  # noqa: PLC0415 - as above
        Command,
        Device,
        Outcome,
        StepState,
    )

    folder.mkdir()
    for number in range(FILES):
        for suffix in ("tif", "mrc"):
            (folder / f"{number}.{suffix}").write_bytes(b"data")
    record = _record(folder)
    record.plan(_steps(folder, count))
    devices = [Device(uuid=f"GPU-{number}", index=number, simulated=True) for number in range(8)]
    logs = folder / ".gpucore" / "20260101-000000-1-1"
    room = threading.Semaphore(1000)  # so that what is to be written does not pile up
    for number, step in enumerate(_steps(folder, count)):
        room.acquire()
        values = step.values
        movie, out = str(values["movie"]), str(values["out"])
        argv = ("MotionCor3", "-InTiff", movie, "-OutMrc", out, "-PixSize", "0.885", "-kV", "300")
        log = f"{logs}/log/{number:06d}-{step.name.replace('/', '-')}.1.txt"
        record.begin(
            step,
            values,
            Command(argv=(*argv, "-Gpu", str(number % 8)), env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}),
            devices[number % 8 : number % 8 + 1],
            lambda _: None,
            attempt=1,
            log=log,
            status=log.replace("/log/", "/status/"),
        )
        ended = Outcome(
            step=step.name,
            adapter=step.adapter.name,
            state=StepState.DONE,
            exit_code=0,
            outputs={"out": out},
            log=log,
            started=time.time(),
        )
        record.finish(ended, 1, lambda _: room.release())
    if how == "killed":
        sys.stdout.write("{}\n")
        sys.stdout.flush()
        os._exit(0)
    record.close({StepState.DONE: count}, "")
    return {}


def resume(folder: Path, count: int) -> dict[str, float]:
    """Return what it takes until it is known which of the steps are done: all of them."""
    steps = list(_steps(folder, count))
    start, used = time.perf_counter(), time.process_time()
    record = _record(folder)
    opened, opened_used = time.perf_counter(), time.process_time()
    done = sum(record.earlier(step, step.values).done is not None for step in steps)
    asked, asked_used = time.perf_counter(), time.process_time()
    most = peak()
    record.close({}, "")
    assert done == count, f"{done} of {count} are done"
    return {
        "open": opened - start,
        "open cpu": opened_used - used,
        "asked": asked - opened,
        "asked cpu": asked_used - opened_used,
        "all": asked - start,
        "all cpu": asked_used - used,
        "peak": most,
    }


def _record(folder: Path) -> RunRecord:
    from gpucore.record import RunRecord  # noqa: PLC0415 - as above

    return RunRecord(folder, "run", _environment(folder), resume=True, on_trouble=lambda _: None)


def main() -> None:
    """Make a journal, or resume it; this is the child."""
    what, folder, count, *how = sys.argv[1:]
    found = (
        make(Path(folder), int(count), *how) if what == "make" else resume(Path(folder), int(count))
    )
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
