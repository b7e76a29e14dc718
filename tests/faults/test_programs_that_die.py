"""Programs that die, and trees of processes that do not want to: told rightly, and all ended."""

from __future__ import annotations

import random
import uuid
from typing import TYPE_CHECKING

import pytest
from fault_hosts import FAULTS, marked, report
from programs import Gate, python, shell

from gpucore import StepError, StepExecutor
from gpucore.standard.model import FailureClass, StepState
from gpucore.system.oom_kills import oom_kills

if TYPE_CHECKING:
    from pathlib import Path

EACH = 50 if FAULTS else 20
KILLED = FailureClass.HOST_MEMORY if oom_kills() is None else FailureClass.UNKNOWN
"""The kernel says, mostly, that it was not the one who killed."""
DEATHS = {
    "kill -KILL $$": (KILLED, -9),
    "kill -TERM $$": (FailureClass.INTERRUPTED, -15),
    "ulimit -c 0; kill -SEGV $$": (FailureClass.PROGRAM_FAULT, -11),
    "ulimit -c 0; kill -ABRT $$": (FailureClass.PROGRAM_FAULT, -6),
    "exit 1": (FailureClass.PROGRAM_FAULT, 1),
    "exit 0": (FailureClass.MISSING_OUTPUT, 0),
}

TREE = """
import os, signal, sys

def descend(kinds):
    if not kinds:
        with open(sys.argv[1], "w") as gate:
            gate.write("ready")
    elif kinds[0] == "double fork":
        child = os.fork()
        if not child:
            os.setsid()
            if os.fork():
                os._exit(0)
            descend(kinds[1:])
        os.waitpid(child, 0)
    elif not os.fork():
        if kinds[0] == "setsid":
            os.setsid()
        descend(kinds[1:])
    while True:
        signal.pause()

descend([kind for kind in sys.argv[3].split(",") if kind])
"""


@pytest.mark.slow
def test_programs_that_die_are_each_put_into_the_right_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = []
    with StepExecutor.open(
        gpus="", threads=5, output=tmp_path, adapters=[shell()], journal=True
    ) as executor:
        futures = [
            (
                text,
                executor.submit("probe", name=f"{number} {text}", text=text, out=f"{number}.txt"),
            )
            for number, text in enumerate(list(DEATHS) * EACH)
        ]
        for text, future in futures:
            error = future.exception()
            assert isinstance(error, StepError)
            outcome = error.outcome
            if (outcome.failure, outcome.exit_code) != DEATHS[text]:
                wrong.append((text, outcome))
    report(capsys, f"{len(futures)} programs that died, {len(wrong)} in a wrong class")
    assert wrong == []


@pytest.mark.slow
def test_nothing_of_a_tree_of_processes_is_alive_after_it_was_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng, survivors, processes = random.Random(7), 0, 0
    program = python(tmp_path / "tree", TREE)
    for number in range(EACH):
        mark = uuid.uuid4().hex
        gate = Gate(tmp_path / f"gate {number}")
        kinds = rng.choices(("fork", "setsid", "double fork"), k=1 + number % 5)
        words = f"exec {program} {gate} {mark} '{','.join(kinds)}'"
        with StepExecutor.open(
            gpus="", threads=2, output=tmp_path / str(number), adapters=[shell()], journal=True
        ) as executor:
            future = executor.submit("probe", text=words)
            assert gate.receive() == "ready"
            processes += len(marked(mark))
            if number % 2:
                executor.stop(now=rng.random() < 0.5)
            else:
                executor.cancel(future)
            assert executor.wait(60)
            survivors += len(marked(mark))
            error = future.exception()
            assert isinstance(error, StepError)
            assert error.outcome.state is StepState.CANCELLED
    report(
        capsys, f"{EACH} trees of {processes} processes, {survivors} alive after they were ended"
    )
    assert survivors == 0
