"""Many threads that submit steps to one executor at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from executor_steps import CPU, LONG
from instant_engine import Instant

from gpucore import StepExecutor
from gpucore.config import SiteConfig
from gpucore.plugins import PluginHost
from gpucore.registry import _Core
from gpucore.standard import StepState

THREADS, EACH = 64, 1563
STEPS = THREADS * EACH
"""A hundred thousand, and 32 more."""


@pytest.mark.slow
def test_64_threads_submit_100_000_steps_and_each_is_done_once(tmp_path):
    together = threading.Barrier(THREADS)
    counted, numbers = [0], []

    def submit(executor, thread):
        together.wait(LONG)
        futures = []
        for number in range(EACH):
            before = futures[-1:] if number % 3 == 2 else []
            futures.append(
                executor.submit("cpu", text="true", name=f"{thread}/{number}", after=before,
                                priority=number % 2)
            )  # fmt: skip
        return futures

    with StepExecutor.open(
        gpus="", threads=9, devices="simulated:1", root=tmp_path, adapters=[CPU],
        config=SiteConfig(engine="instant"),
        plugins=PluginHost.load(builtin=[_Core(), Instant()], installed=False),
    ) as executor, ThreadPoolExecutor(THREADS) as pool:  # fmt: skip
        for futures in pool.map(submit, [executor] * THREADS, range(THREADS)):
            for future in futures:
                counted[0] += future.result(timeout=LONG).done
                numbers.append(future.number)
    assert counted == [STEPS]
    assert sorted(numbers) == list(range(STEPS))
    assert executor.counts[StepState.DONE] == STEPS
