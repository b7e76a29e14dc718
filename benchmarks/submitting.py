"""Submissions: how many steps a second threads can hand to one executor, no program run."""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.fresh import ask
from benchmarks.table import Table

if TYPE_CHECKING:
    from gpucore.plugins import EngineSpec, EngineTask

NAME = "submitting"
TARGET = 20_000
THREADS = (1, 64)
STEPS = 100_000
COLUMNS = (
    "threads",
    "steps",
    "submissions/s: median",
    "min",
    "max",
    "target",
    "processor µs each: median",
)


def measure(repeats: int) -> Table:
    """Measure every number of threads in fresh processes, in turn."""
    seen: dict[int, list[dict[str, float]]] = {threads: [] for threads in THREADS}
    for _ in range(repeats):
        for threads, found in seen.items():
            found.append(ask("benchmarks.submitting", str(threads)))
    rates = {threads: [one["per_second"] for one in found] for threads, found in seen.items()}
    return Table(
        name=NAME,
        columns=COLUMNS,
        rows=tuple(
            (
                str(threads),
                f"{STEPS // threads * threads:,}",
                f"{median(found):,.0f}",
                f"{min(found):,.0f}",
                f"{max(found):,.0f}",
                f"{TARGET:,}" if threads > 1 else "",
                f"{median(one['processor'] for one in seen[threads]) * 1e6:.1f}",
            )
            for threads, found in rates.items()
        ),
        notes=(
            "`executor.submit` from the first call to the last return, parameters checked and a "
            "future for each; an engine that does nothing holds the eight that would run. "
            f"{repeats} fresh processes each.",
        ),
    )


class _Holding:
    """An engine that holds what it is given until it is closed."""

    def __init__(self, _workers: int) -> None:
        self._tasks: queue.SimpleQueue[EngineTask | None] = queue.SimpleQueue()
        self._go = threading.Event()
        threading.Thread(target=self._work, daemon=True).start()

    def start(self, task: EngineTask) -> None:
        self._tasks.put(task)

    def stop(self, step: int, *, now: bool = False) -> None:  # noqa: ARG002 - the engines' form
        self._go.set()

    def close(self) -> None:
        self._tasks.put(None)

    def _work(self) -> None:
        from gpucore.plugins import Exit  # noqa: PLC0415 - only the child needs gpucore

        self._go.wait()
        while (task := self._tasks.get()) is not None:
            task.ended(Exit(code=None, stopped=True))


def submissions(threads: int, steps: int) -> dict[str, float]:
    """Return how many these threads submit a second here, and the processor seconds for each."""
    from gpucore import StepExecutor  # noqa: PLC0415 - only the child needs gpucore
    from gpucore.config import SiteConfig  # noqa: PLC0415 - as above
    from gpucore.plugins import EngineSpec, PluginHost, hookimpl  # noqa: PLC0415 - as above
    from gpucore.registry import _Core  # noqa: PLC0415 - as above
    from gpucore.standard import Adapter, Param, Program, Template  # noqa: PLC0415 - as above

    class Plugin:
        @hookimpl
        def gpucore_engines(self) -> list[EngineSpec]:
            return [EngineSpec(name="holding", title="runs nothing", open=_Holding)]

    adapter = Adapter(
        name="true",
        title="true: nothing",
        program=Program(executable="/bin/true"),
        command=Template(argv=("%(EXE)s", "%(word)s")),
        params={"word": Param(type="string", help="a word")},
    )
    together = threading.Barrier(threads + 1)

    def submit(executor: StepExecutor) -> None:
        together.wait()
        for _ in range(steps // threads):
            executor.submit("true", word="a")

    with StepExecutor.open(
        gpus="", threads=9, devices="simulated:1", adapters=[adapter],
        config=SiteConfig(engine="holding"),
        plugins=PluginHost.load(builtin=[_Core(), Plugin()], installed=False),
    ) as executor, ThreadPoolExecutor(threads) as pool:  # fmt: skip
        submitted = [pool.submit(submit, executor) for _ in range(threads)]
        together.wait()
        start, busy = time.perf_counter(), time.process_time()
        for one in submitted:
            one.result()
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
        executor.stop(now=True)
    number = steps // threads * threads
    return {"per_second": number / seconds, "processor": busy / number}


def main() -> None:
    """Measure one number of threads; this is the child."""
    sys.stdout.write(json.dumps(submissions(int(sys.argv[1]), STEPS)) + "\n")


if __name__ == "__main__":
    main()
