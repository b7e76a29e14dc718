"""Hosts that are no frameworks: futures, event loops, threads, forks, and callbacks that raise."""

from __future__ import annotations

import asyncio
import concurrent.futures
import multiprocessing
import os
import subprocess
import threading

import pytest
from executor_steps import CPU, GPU, LONG, WITNESS, outcome_of
from programs import Gate, python

from gpucore import StepError, StepExecutor
from gpucore.config import SiteConfig
from gpucore.errors import NeedError, ParameterError
from gpucore.standard import StepEnded, StepState


def opened(root, **more):
    return StepExecutor.open(
        gpus="0 1", threads=3, devices="simulated:2", output="run", root=root,
        config=SiteConfig(), adapters=[CPU, GPU], **more,
    )  # fmt: skip


def test_futures_are_those_of_the_standard_library(tmp_path):
    with opened(tmp_path) as executor:
        steps = [executor.submit("gpu", text=f"exit {code}") for code in (0, 1, 0)]
        ended = list(concurrent.futures.as_completed(steps, timeout=LONG))
        assert set(ended) == set(steps)
        done, waited_for = concurrent.futures.wait(steps, timeout=LONG)
    assert not waited_for
    assert sorted(outcome_of(one).state.value for one in done) == ["done", "done", "failed"]


def test_a_result_says_how_often_it_was_tried_and_where(tmp_path):
    from gpucore.standard.step import Limits  # noqa: PLC0415

    with opened(tmp_path) as executor:
        step = executor.submit(
            "gpu", text="test -e once || { touch once; exit 1; }", limits=Limits(retries=3)
        )
        outcome = step.result(timeout=LONG)
        skipped = executor.submit("cpu", text="true", after=[executor.submit("cpu", text="exit 2")])
    assert (outcome.attempts, len(outcome.devices)) == (2, 1)
    assert 0 < outcome.started <= outcome.ended
    assert outcome_of(skipped).attempts == 0


def test_what_an_earlier_run_has_done_tells_its_attempts(tmp_path):
    for _ in range(2):
        with opened(tmp_path, resume=True) as executor:
            outcome = executor.submit("cpu", text="true", name="one").result(timeout=LONG)
    assert (outcome.earlier, outcome.attempts) == (True, 1)


def test_a_higher_priority_starts_first_and_in_one_the_older_step(tmp_path):
    gate, order = Gate(tmp_path / "gate"), []

    def told(event):
        if isinstance(event, StepEnded):
            order.append(event.outcome.step)

    with StepExecutor.open(
        gpus="0", threads=2, devices="simulated:1", root=tmp_path, config=SiteConfig(),
        adapters=[GPU], on_event=told,
    ) as executor:  # fmt: skip
        executor.submit("gpu", text=f"read x < {gate}", name="first")
        for name, priority in (("a", 0), ("b", -1), ("c", 5), ("d", 5), ("e", 0)):
            executor.submit("gpu", text="true", name=name, priority=priority)
        with pytest.raises(ParameterError, match="no whole number"):
            executor.submit("gpu", text="true", priority=1.5)
        gate.release()
    assert order == ["first", "c", "d", "a", "e", "b"]


def test_a_step_is_awaited_in_an_event_loop(tmp_path):
    async def host(executor):
        first = await asyncio.wrap_future(executor.submit("cpu", text="true"))
        rest = await asyncio.gather(*(executor.submit("cpu", text="true") for _ in range(3)))
        with pytest.raises(StepError):
            await executor.submit("cpu", text="exit 1")
        return [first, *rest]

    with opened(tmp_path) as executor:
        assert all(one.done for one in asyncio.run(host(executor)))


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_cancelled_task_ends_the_program(tmp_path, wrapped):
    gate, alive = Gate(tmp_path / "gate"), Gate(tmp_path / "alive")
    gone = concurrent.futures.Future()
    threading.Thread(target=lambda: gone.set_result(alive.receive())).start()

    async def host(executor):
        step = executor.submit("gpu", text=f"exec 3> {alive}; echo up > {gate}; sleep 1000")
        await asyncio.to_thread(gate.receive)

        async def wait():
            return await (asyncio.wrap_future(step) if wrapped else step)

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)  # it begins to wait
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return step

    with opened(tmp_path) as executor:
        step = asyncio.run(host(executor))
        assert gone.result(timeout=LONG) == ""
        assert outcome_of(step).state is StepState.CANCELLED


def test_a_host_of_its_own_threads_leases_and_no_gpu_has_two_programs(tmp_path):
    witness = python(tmp_path / "witness", WITNESS)

    def work(executor):
        with executor.lease(timeout=LONG) as lease:
            subprocess.run([witness, *lease.gpus], env=lease.env, pass_fds=lease.fds,
                           cwd=tmp_path, check=True)  # fmt: skip

    with opened(tmp_path) as executor, concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(work, [executor] * 12))
    lines = (tmp_path / "witness.txt").read_text().splitlines()
    assert sorted(set(lines)) == ["held 0", "held 1"]
    assert len(lines) == 12


def test_executors_of_one_process_share_no_gpu(tmp_path):
    witness = python(tmp_path / "witness", WITNESS)
    with opened(tmp_path) as one, opened(tmp_path) as two:
        steps = [each.submit("gpu", text=f'{witness} "$@"') for each in (one, two) * 10]
        assert all(step.result(timeout=LONG).done for step in steps)
    assert one.run != two.run
    lines = (tmp_path / "witness.txt").read_text().splitlines()
    assert len(lines) == 20
    assert not [line for line in lines if line.startswith("shared")]


def child(root, text, answers):
    """Run a step of an executor of its own: what a child process does."""
    with opened(root) as executor:
        answers.put(executor.submit("gpu", text=text).result(timeout=LONG).state.value)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # 3.12 on forks
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_process_opens_an_executor_of_its_own(tmp_path, method):
    context = multiprocessing.get_context(method)
    answers = context.SimpleQueue()
    with opened(tmp_path) as executor:
        assert executor.submit("gpu", text="true").result(timeout=LONG).done
        process = context.Process(target=child, args=(tmp_path, "true", answers))
        process.start()
        process.join(LONG)
        assert process.exitcode == 0
        assert executor.submit("gpu", text="true").result(timeout=LONG).done
    assert answers.get() == "done"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_cannot_use_its_parents_executor_nor_end_its_programs_or_leases(tmp_path):
    gate = Gate(tmp_path / "gate")
    with opened(tmp_path) as executor:
        step = executor.submit("gpu", text=f"echo up > {gate}; read x < {gate}")
        gate.receive()
        with executor.lease(timeout=LONG) as lease:
            forked = os.fork()
            if not forked:
                refused = 1
                try:
                    executor.submit("gpu", text="true")
                except NeedError:
                    refused = 0
                executor.cancel(step)
                lease.release()
                executor.__exit__(SystemExit, SystemExit(), None)
                os._exit(refused)
            assert os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]) == 0
            assert not step.done()
            with pytest.raises(TimeoutError), opened(tmp_path / ".") as other:
                other.lease(gpus=1, timeout=0.01)
        gate.release()
        assert step.result(timeout=LONG).done


@pytest.mark.parametrize("error", [LookupError, SystemExit, KeyboardInterrupt])
def test_what_a_callback_raises_harms_neither_the_run_nor_its_record(tmp_path, caplog, error):
    def fail(*_):
        if error is KeyboardInterrupt and threading.current_thread() is threading.main_thread():
            return  # that is the user's, and reaches the host
        raise error("the host's own fault")

    with opened(tmp_path, journal=True, on_event=fail) as executor:
        gate = Gate(tmp_path / "gate")
        step = executor.submit("gpu", text=f"read x < {gate}", name="one")
        step.add_done_callback(fail)
        waits = executor.submit("gpu", text="true", name="two", after=[step])
        gate.release()
        assert waits.result(timeout=LONG).done
        with executor.lease(timeout=LONG), executor.lease(timeout=LONG):
            pass  # both GPUs were given back
    assert executor.counts[StepState.DONE] == 2
    assert "the host's own fault" in caplog.text
    with opened(tmp_path, resume=True) as again:
        assert again.submit("gpu", text="true", name="two").result(timeout=LONG).earlier


def test_a_cancelled_steps_callback_that_raises_leaves_nothing_open(tmp_path):
    def leave(_):
        raise SystemExit

    gate = Gate(tmp_path / "gate")
    with opened(tmp_path) as executor:
        first = executor.submit("cpu", text=f"read x < {gate}")
        step = executor.submit("cpu", text="true", after=[first])
        step.add_done_callback(leave)
        with pytest.raises(SystemExit):
            step.cancel()
        gate.release()
        assert executor.wait(LONG)
    assert executor.counts[StepState.CANCELLED] == 1
