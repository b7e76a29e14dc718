"""``explain``: why a step failed or waits, and what would change that."""

from __future__ import annotations

import json
import os
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from command_line import start
from gated_runs import GatedRun
from programs import Gate

from gpucore.record import state_home
from gpucore.standard.classes import CLASSES
from gpucore.standard.model import FailureClass, StepState
from gpucore.system.journal import Journal
from gpucore.system.journal_records import (
    Began,
    Fingerprint,
    Finished,
    Planned,
    Regarded,
    RunBegan,
    RunFinished,
    Sampled,
)
from gpucore.system.orphans import boot_id, process_start

if TYPE_CHECKING:
    from pathlib import Path

    from command_line import Cli

MADE_UP = "GPU-00000000-0000-4000-8000-000000000000"
DEVICES = (
    *((f"GPU-{index}", index, "RTX", 24_000, False) for index in range(3)),
    (MADE_UP, 3, "", 0, True),
)


class Told:
    """A journal that a test writes."""

    def __init__(self, folder: Path, *, lives: bool = False) -> None:
        pid = os.getpid() if lives else 1
        run = RunBegan(
            run="r1", time=100.0, pid=pid, host=socket.gethostname(),
            boot=boot_id() if lives else "", version="0",
            pid_start=process_start(pid) if lives else "", devices=DEVICES,
        )  # fmt: skip
        self.folder = folder
        self.journal = Journal.open(folder, state_home=state_home(os.environ), run=run)
        self.lives = lives

    def plan(self, *steps: str) -> None:
        self.journal.plan(
            Planned(step=step, stage=step.partition("/")[0], adapter="copy") for step in steps
        )

    def begin(
        self, step: str, *gpus: int, attempt: int = 1, time: float = 110.0, size: int | None = 1,
        log: str = "", **more: Any,
    ) -> None:  # fmt: skip
        stamp = None if size is None else Fingerprint(size=size, changed_ns=1)
        self.journal.append(
            Began(
                step=step, attempt=attempt, time=time, argv=("/opt/bin/prog", "-x"),
                env={"GPUCORE_RUN": "r1"}, devices=tuple(f"GPU-{gpu}" for gpu in gpus),
                inputs={f"/data/{step}.tif": stamp, "/data/gain.mrc": None}, log=log, **more,
            )
        )  # fmt: skip

    def end(
        self, step: str, state: StepState, *, attempt: int = 1, time: float = 120.0, **more: Any
    ) -> None:
        self.journal.append(Finished(step=step, attempt=attempt, time=time, state=state, **more))

    def close(self) -> None:
        if not self.lives:
            self.journal.append(RunFinished(run="r1", time=200.0))
        self.journal.close()


def explain(cli: Cli, *argv: str) -> list[str]:
    ran = cli("explain", *argv)
    assert ran.code == 0, ran.err
    assert len(ran.out.splitlines()) <= 20
    return ran.out.splitlines()


def refused(cli: Cli, *argv: str) -> str:
    """Call it, see that it refuses; SQLite touches its files when a journal is read."""
    ran = cli(*argv)
    assert (ran.code, ran.out) == (2, "")
    return ran.err


@pytest.fixture
def told(cli: Cli) -> Told:
    return Told(cli.folder / "out")


def test_a_step_that_failed_everywhere_is_at_fault_and_its_input_is_compared(
    cli: Cli, told: Told
) -> None:
    told.plan("mc/1", "mc/2", "mc/3", "ctf/1")
    told.begin("mc/1", 0, size=12_400)
    black = "of its outputs out (/o/1.mrc): it holds one value only: a constant image"
    told.end("mc/1", StepState.FAILED, reason=f"{black} A", exit_code=0,
             failure=FailureClass.MISSING_OUTPUT)  # fmt: skip
    told.begin("mc/1", 1, attempt=2, size=12_400, time=125.0)
    told.end("mc/1", StepState.FAILED, attempt=2, time=130.0, reason=black, exit_code=0,
             failure=FailureClass.MISSING_OUTPUT, hint="look at the input",
             peak_memory_mib=7_270, peak_utilisation=93)  # fmt: skip
    for step, size in (("mc/2", 310_000_000), ("mc/3", 330_000_000)):
        told.begin(step, 0, size=size)
        told.end(step, StepState.DONE)
    told.begin("ctf/1", 0, size=1)  # of another stage
    told.end("ctf/1", StepState.DONE)
    told.close()
    assert explain(cli, "out", "mc/1") == [
        "mc/1 failed 2 times, on GPU 0, GPU 1: the step is at fault, not the GPUs",
        "  program   prog (adapter copy)",
        f"  reason    {black}",
        f"  class     missing_output: {CLASSES[FailureClass.MISSING_OUTPUT].means}",
        f"  attempt 1 GPU 0, 10.0 s, exit code 0: {black} A",
        "  attempt 2 GPU 1, 5.0 s, exit code 0, 7.1 GiB of GPU memory at most, GPU 93 % busy at "
        "most",
        "  input     /data/mc/1.tif has 12 kB; those of the others have 310 MB to 330 MB",
        "  input     /data/gain.mrc was not there",
        f"  rule      {CLASSES[FailureClass.MISSING_OUTPUT].follows}",
        "  try       look at the input",
        "  again     gpucore resume out",
    ]
    document = json.loads(cli("explain", "out", "mc/1", "--json").out)
    assert document["schema"] == "gpucore.explain/1"
    assert document["step_at_fault"] is True
    assert document["inputs"][0] == {
        "path": "/data/mc/1.tif", "size": 12_400, "least": 310_000_000, "most": 330_000_000,
    }  # fmt: skip
    assert [one["gpus"] for one in document["attempts"]] == [["GPU-0"], ["GPU-1"]]
    assert document["attempts"][1]["peak_memory_mib"] == 7_270


def test_an_input_of_a_usual_size_is_not_told(cli: Cli, told: Told) -> None:
    told.plan("mc/1", "mc/2", "mc/3")
    for step, size in (("mc/1", 90), ("mc/2", 100), ("mc/3", 60)):
        told.begin(step, size=size)
        told.end(step, StepState.DONE if step != "mc/1" else StepState.FAILED, exit_code=3,
                 failure=None if step != "mc/1" else FailureClass.PROGRAM_FAULT)  # fmt: skip
    told.close()
    assert not [line for line in explain(cli, "out", "mc/1") if "mc/1.tif" in line]


def test_a_signal_a_device_fault_and_many_attempts_are_told_in_few_lines(
    cli: Cli, told: Told
) -> None:
    told.plan("s")
    for attempt in range(1, 8):
        told.begin("s", 0, attempt=attempt)
        told.end("s", StepState.FAILED, attempt=attempt, signal=11, reason="it crashed",
                 failure=FailureClass.PROGRAM_FAULT)  # fmt: skip
    told.close()
    lines = explain(cli, "out", "s")
    assert lines[0] == "s failed 7 times, on GPU 0"
    assert "  attempts  7; the last 4 of them:" in lines
    assert "  attempt 7 GPU 0, 10.0 s, ended by SIGSEGV" in lines
    assert not [line for line in lines if line.startswith("  attempt 3")]


def test_a_step_that_was_not_started_says_so(cli: Cli, told: Told) -> None:
    told.plan("a", "b", "c")
    told.end("a", StepState.FAILED, attempt=0, reason="the input `movie` (/m.tif): it is cut off",
             failure=FailureClass.BAD_INPUT)  # fmt: skip
    told.end("b", StepState.SKIPPED, attempt=0, reason="a did not end well")
    told.end("c", StepState.CANCELLED, attempt=0, reason="it was not started")
    told.close()
    lines = explain(cli, "out", "a")
    assert lines[0] == "a failed before its program was started"
    assert "  rule      not tried again" in lines
    lines = explain(cli, "out", "b")
    assert lines[0] == "b was skipped"
    assert "  try       gpucore explain out a" in lines
    assert explain(cli, "out", "c")[0] == "c was cancelled"


def test_a_step_that_waits_says_what_for(cli: Cli) -> None:
    told = Told(cli.folder / "out", lives=True)
    told.plan("a", "b", "c", "d")
    told.begin("a", 0, time=time.time() - 75)
    for uuid, level, reason, remedy in (
        ("GPU-2", "quarantined", "it has fallen off the bus (Xid 79)", "restart the machine"),
        ("GPU-1", "quarantined", "x", "y"),
        ("GPU-1", "good", "", ""),
    ):
        told.journal.append(
            Regarded(time=1.0, device=uuid, level=level, reason=reason, remedy=remedy)
        )
    told.close()
    lines = explain(cli, "out", "d")
    assert lines == [
        "d waits",
        "  2 steps were planned before it and wait, too; who can start first does",
        "  GPU 0: a has been running for 1 min 15 s",
        "  GPU 2 is quarantined: it has fallen off the bus (Xid 79) (restart the machine)",
    ]
    assert "  it is the next of its run" in explain(cli, "out", "b")[1]


def test_what_the_first_in_line_lacks_is_told_as_its_host_said_it(cli: Cli) -> None:
    lacks = "needs 12.0 GiB free; GPU 0 has 3.9 GiB; GPU 1 is in use"
    told = Told(cli.folder / "out", lives=True)
    told.plan("a", "b")
    told.journal.append(
        Sampled(time=time.time(), devices={"GPU-1": (1, 1, 1)}, waits="a", lacks=lacks)
    )
    told.close()
    assert f"  it {lacks}" in explain(cli, "out", "a")
    assert f"  a, the first of them, {lacks}" in explain(cli, "out", "b")


def test_what_was_lacking_long_ago_is_not_told(cli: Cli) -> None:
    told = Told(cli.folder / "out", lives=True)
    told.plan("a")
    told.journal.append(Sampled(time=1.0, devices={"GPU-1": (1, 1, 1)}, waits="a", lacks="needs"))
    told.close()
    assert not [line for line in explain(cli, "out", "a") if "needs" in line]


@pytest.mark.slow
def test_a_step_that_waits_for_another_runs_gpu_says_whose(cli: Cli) -> None:
    here, go = Gate(cli.folder / "here"), Gate(cli.folder / "go")
    other = start(
        "exec", "--devices", "simulated:1", "--", "sh", "-c", f"echo x >{here}; cat {go}",
        cwd=cli.folder,
    )  # fmt: skip
    here.receive()
    told = Told(cli.folder / "out", lives=True)
    told.plan("a")
    told.close()
    lines = explain(cli, "out", "a")
    go.release()
    other.communicate()
    (line,) = [line for line in lines if "is leased by" in line]
    assert line.startswith(f"  GPU 3 (simulated) is leased by process {other.pid} of ")


def test_a_step_that_runs_says_where_and_how_its_gpu_is(cli: Cli) -> None:
    told = Told(cli.folder / "out", lives=True)
    told.plan("a")
    log = cli.folder / "out" / "a.txt"
    log.parent.mkdir(exist_ok=True)
    log.write_text("frame 1\nframe 2\x1b[2J\n")
    told.begin("a", 1, time=time.time() - 30, log=str(log), granted=time.time() - 50,
               held_by="process 8812 of user2")  # fmt: skip
    told.journal.append(Sampled(time=1.0, devices={"GPU-1": (7_270, 93, 71)}))
    told.close()
    lines = explain(cli, "out", "a")
    assert lines[0].startswith("a has been running for 30.")
    assert lines[0].endswith(" s on GPU 1")
    assert "  it had waited 20.0 s for process 8812 of user2" in lines
    assert "  GPU 1: 93 % busy, 7.1 GiB used, 71 °C" in lines
    assert lines[-1] == "            | frame 2\\x1b[2J"


def test_a_step_whose_host_died_was_cut_off(cli: Cli) -> None:
    run = GatedRun(cli)
    run.cut_off()
    assert explain(cli, "out", "a")[0].startswith("gated/a has been running for")
    run.go.release()
    cli("cancel", "out")


def test_a_step_that_nothing_runs_was_cut_off(cli: Cli, told: Told) -> None:
    told.plan("a", "b")
    told.begin("a", 0)
    told.journal.close()  # its host died
    lines = explain(cli, "out", "a")
    assert lines[0] == "a was cut off: its host died, and nothing of it lives"
    assert lines[-1] == "  again     gpucore resume out"
    assert explain(cli, "out", "b")[0] == "b was not begun, and no run goes on"


def test_a_step_that_is_done_says_so_with_its_warnings(cli: Cli, told: Told) -> None:
    told.plan("a")
    told.begin("a", 0)
    told.end("a", StepState.DONE, exit_code=0, warnings=("it fell back to the CPU",))
    told.close()
    lines = explain(cli, "out", "a")
    assert lines[0] == "a is done, in 10.0 s"
    assert "  warning   it fell back to the CPU" in lines


def test_a_name_may_be_the_end_of_one_and_a_wrong_one_gets_the_nearest(
    cli: Cli, told: Told
) -> None:
    told.plan("align/m1", "align/m2", "ctf/m2")
    told.close()
    assert explain(cli, "out", "m1")[0].startswith("align/m1 ")
    assert "help: one of: align/m2, ctf/m2" in refused(cli, "explain", "out", "m2")
    said = refused(cli, "explain", "out", "align/n1")
    assert "there is no step `align/n1` in `out`" in said
    assert "did you mean `align/m1`?" in said


def test_inside_an_output_folder_its_name_may_be_left_out(
    cli: Cli, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.plan("align/m1")
    told.close()
    assert "the working directory is no output folder" in refused(cli, "explain", "align/m1")
    monkeypatch.chdir(cli.folder / "out")
    assert explain(cli, "align/m1")[0].startswith("align/m1 ")
    assert explain(cli, ".", "align/m1")[0].startswith("align/m1 ")


def test_a_folder_without_a_journal_is_refused(cli: Cli) -> None:
    assert "there is no journal of a run in `gone`" in refused(cli, "explain", "gone", "a")


@pytest.mark.slow
def test_one_of_a_hundred_thousand_steps_is_found_in_seconds(cli: Cli, told: Told) -> None:
    told.plan(*(f"s/{number}" for number in range(100_000)))
    for number in range(2_000):
        told.begin(f"s/{number}", 0)
    told.end("s/1999", StepState.FAILED, exit_code=1, failure=FailureClass.PROGRAM_FAULT)
    told.close()
    before = time.monotonic()
    assert explain(cli, "out", "s/1999")[0] == "s/1999 failed on GPU 0"
    assert "did you mean" in refused(cli, "explain", "out", "s/199999999")
    assert time.monotonic() - before < 60  # mostly two; this is no benchmark


def test_every_class_says_what_it_means_and_what_follows() -> None:
    assert set(CLASSES) == set(FailureClass)
    for facts in CLASSES.values():
        assert facts.means
        assert facts.follows


def test_the_commands_that_it_names_can_be_copied_whatever_a_folder_is_called(cli: Cli) -> None:
    told = Told(cli.folder / "für März\nzwei")
    told.plan("mc/a b", "ctf/a b")
    told.end("mc/a b", StepState.FAILED, reason="no", failure=FailureClass.BAD_INPUT)
    told.end("ctf/a b", StepState.SKIPPED, reason="mc/a b did not end well")
    told.close()
    lines = explain(cli, "für März\nzwei", "ctf/a b")
    assert "  try       gpucore explain $'für März\\x0azwei' 'mc/a b'" in lines
    assert "  again     gpucore resume $'für März\\x0azwei'" in lines
