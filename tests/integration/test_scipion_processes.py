"""Scipion's protocols in processes of their own: found by it, side by side, stopped and killed."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

import pytest
from programs import Gate
from scipion_runs import HERE

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from scipion_runs import Scipion

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("executors", ["scipion", "gpucore"])
def test_scipion_finds_gpucore_by_itself_and_a_variable_says_no(
    executors: str, scipion: Scipion
) -> None:
    assert scipion.seen(executors)["by_entry_point"] == {
        "status": "finished",
        "executor": executors == "gpucore",
        "on": ["on 0", "on 1"],
        "error": "",
    }


def test_a_protocol_that_is_stopped_leaves_no_program_and_no_lease(scipion: Scipion) -> None:
    seen = scipion.seen("gpucore")["stopped"]
    assert [one.partition(": ")[2] for one in seen["held"]] == ["lab - programs, step 1"]
    assert (seen["program ended"], seen["status"]) == (True, "aborted")


class Project:
    """A project whose one step says that it runs, and waits at a gate."""

    def __init__(self, scipion: Scipion, folder: Path, switch: str) -> None:
        folder.mkdir()
        self.go = Gate(folder / "go")
        program = f"echo running $$; read word < {self.go}; echo"
        self.process = scipion.start(
            str(HERE / "one_run.py"), "0", program,
            GPUCORE_SCIPION=switch, SCIPION_USER_DATA=str(folder / "user"),
        )  # fmt: skip

    def hear(self, word: str) -> str:
        """Wait for a line with a word; return it."""
        assert self.process.stdout is not None
        heard = []
        for line in self.process.stdout:
            heard.append(line)
            if word in line and "echo running" not in line:
                return line
        raise AssertionError("".join(heard))


@contextlib.contextmanager
def project(scipion: Scipion, folder: Path, switch: str = "on") -> Iterator[Project]:
    one = Project(scipion, folder, switch)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.communicate()


def ended_well(process: subprocess.Popen[str]) -> bool:
    return process.wait(60) == 0


def test_two_projects_of_scipions_compute_on_one_gpu_at_once(
    scipion: Scipion, tmp_path: Path
) -> None:
    with (
        project(scipion, tmp_path / "one", "off") as one,
        project(scipion, tmp_path / "two", "off") as two,
    ):
        one.hear("running")
        two.hear("running")
        for each in (one, two):
            each.go.release()
            each.hear("ended finished")


def test_two_projects_under_gpucore_take_turns_on_one_gpu(scipion: Scipion, tmp_path: Path) -> None:
    with project(scipion, tmp_path / "one") as one:
        one.hear("running")
        with project(scipion, tmp_path / "two") as two:
            waits = two.hear("waits for GPU 0")
            assert f"in use by process {one.process.pid} of " in waits
            assert "(lab1: lab - compulsory, step 1)" in waits
            one.go.release()
            one.hear("ended finished")
            two.hear("running")
            two.go.release()
            two.hear("ended finished")
            assert ended_well(one.process)
            assert ended_well(two.process)


def test_a_program_that_outlives_its_protocol_keeps_its_gpu(
    scipion: Scipion, tmp_path: Path
) -> None:
    with project(scipion, tmp_path / "one") as one:
        program = int(one.hear("running").split()[-1])
        one.process.kill()
        one.process.wait()
        with project(scipion, tmp_path / "two") as two:
            two.hear("waits for GPU 0")
            os.kill(program, signal.SIGKILL)
            two.hear("running")
            two.go.release()
            two.hear("ended finished")


INSTALLED = "import gpucore.hosts.scipion as host; host.install()"
OWN_TESTS = (
    "test_protocol_execution.TestProtocolExecution",
    "test_utils.TestGetListFromRangeString",
    "test_streaming.TestConcurrency",
)


def test_pyworkflows_own_tests_pass_on_gpucores_executors(scipion: Scipion) -> None:
    names = [f"pyworkflowtests.tests.{name}" for name in OWN_TESTS]
    code = f"{INSTALLED}; import unittest; unittest.main(module=None, argv=['own', *{names!r}])"
    told = scipion.run("-c", code, GPUCORE_SHARING="never", SCIPION_DOMAIN="pyworkflowtests")
    assert "Ran 5 tests" in told
    assert "\nOK" in told


def test_one_of_pyworkflows_own_tests_states_what_the_standard_does_not(scipion: Scipion) -> None:
    name = "pyworkflowtests.tests.test_protocol_execution.TestProtocolExecution.test_gpuSlots"
    code = (
        f"{INSTALLED}; import unittest; "
        f"print(unittest.main(module=None, argv=['own', {name!r}], exit=False).result.failures)"
    )
    told = scipion.run("-c", code, SCIPION_DOMAIN="pyworkflowtests")
    # Two threads and one GPU: the standard's page shares it, Scipion since 3.9 does not.
    assert "Lists differ: [1] != []" in told
    assert "Gpu list should be empty after a second request" in told


KILLED = [
    ("write_steps", 1), ("after:write_steps", 1), ("write_steps", 6), ("after:write_steps", 6),
    ("settle", 1), ("after:settle", 1),
]  # fmt: skip


@pytest.mark.parametrize(("where", "hit"), KILLED)
def test_what_is_on_record_of_a_killed_protocol_is_true_and_the_rest_is_run_again(
    where: str, hit: int, scipion: Scipion, tmp_path: Path
) -> None:
    def run(which: str) -> list[tuple[str, ...]]:
        process = scipion.start(
            str(HERE / "killed_run.py"), which, where, str(hit), SCIPION_USER_DATA=str(tmp_path)
        )
        told, _ = process.communicate(timeout=300)
        assert process.returncode == (-signal.SIGKILL if which == "first" else 0), told
        lines = [tuple(line.split()) for line in told.splitlines()]
        return [line for line in lines if line and line[0] in WORDS]

    def numbers(lines: list[tuple[str, ...]], word: str) -> list[int]:
        return sorted(int(line[1]) for line in lines if line[0] == word)

    first = run("first")
    again = run("again")
    recorded = {int(line[1]): line[2] for line in again if line[0] == "recorded"}
    finished = {number for number, status in recorded.items() if status == "finished"}
    assert sorted(recorded) == list(range(40))
    # No step counts as finished that has not ended, and none has begun whose start is not recorded.
    assert finished <= set(numbers(first, "ended"))
    begun = {number for number, status in recorded.items() if status != "new"}
    assert set(numbers(first, "begun")) <= begun
    assert numbers(again, "begun") == numbers(again, "ended")
    assert numbers(again, "begun") == sorted(set(recorded) - finished)
    assert again[-1] == ("protocol", "finished")


WORDS = ("recorded", "begun", "ended", "protocol")
