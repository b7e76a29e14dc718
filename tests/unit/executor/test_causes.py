"""Why a step failed: told by the kernel, the driver, the adapter, the libraries, in this order."""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase

from gpucore import causes
from gpucore.attempts import Started
from gpucore.errors import ConfigError, GpucoreError
from gpucore.outcomes import judge
from gpucore.planning import make_step
from gpucore.plugins.offers import Exit
from gpucore.standard import (
    Adapter,
    Failure,
    FailureClass,
    Gpu,
    GpuUse,
    Param,
    Program,
    StepState,
    Template,
)
from gpucore.standard.evidence import Evidence
from gpucore.standard.messages import CERTAIN, LIKELY, TEXTS
from gpucore.standard.params import rooted

if TYPE_CHECKING:
    from pathlib import Path

    from gpucore.standard import Outcome

MADE = "out/m.txt"
CAREFUL = Evidence(oom_kills=0)

PROGRESS = """\
Iteration  1  Error:     0.123
errors: 0, 0 errors, no error
Align patch 3 2 left, out of 100 memory blocks
memory: 3.2 of 24 GB
GPU 0: 24 GB, device 0 of 2
checking devices ... device ordinal 0 is valid
Killed 3 bad particles
disk usage 12 %, volume fullness 80 %
12345 Killing time
Falling back to the default mask
"""


def case(*failures: Failure, gpus: tuple[int, ...] = (0,), name: str = "prog") -> AdapterCase:
    adapter = Adapter(
        name=name,
        title="prog: a program",
        program=Program(executable="prog"),
        gpu=Gpu(use=GpuUse.OPTIONAL, form="none"),
        command=Template(argv=("%(EXE)s", "%(out)s"), own_directory=True),
        params={
            "mic": Param(type="path", item=True, check="any", help="a micrograph"),
            "out": Param(type="path", output="%(mic.stem)s.txt", help="a result"),
        },
        failure=failures,
    )
    return AdapterCase(adapter, {"mic": "m.mrc"}, gpus=gpus)


def class_of(text: str) -> FailureClass:
    """Return what a text of a library means."""
    return next(one.class_ for one in CERTAIN if re.search(one.match, text))


@pytest.mark.parametrize("text", [text.decode() for text in TEXTS])
def test_what_a_library_says_is_the_cause_for_every_adapter(tmp_path: Path, text: str) -> None:
    printed = f"start\n[rank 0] {text}: file.cu 12\nbye\n"
    ended = case().ended(tmp_path, printed, code=1)
    assert ended.failure is class_of(text)
    assert ended.reason == f"[rank 0] {text}: file.cu 12 (exit code 1)"
    assert ended.hint
    done = case().ended(tmp_path, printed, MADE)
    assert done.done
    (warning,) = done.warnings
    assert warning.startswith(f"[rank 0] {text}: file.cu 12; ")


@pytest.mark.parametrize(
    ("text", "on_gpu", "on_cpu"),
    [
        ("terminate: std::bad_alloc", FailureClass.HOST_MEMORY, FailureClass.HOST_MEMORY),
        ("OSError: Cannot allocate memory", FailureClass.HOST_MEMORY, FailureClass.HOST_MEMORY),
        ("MemoryError", FailureClass.HOST_MEMORY, FailureClass.HOST_MEMORY),
        ("slurmstepd: Detected 1 oom-kill event", FailureClass.HOST_MEMORY,
         FailureClass.HOST_MEMORY),
        ("ran Out Of Memory", FailureClass.OUT_OF_MEMORY, FailureClass.HOST_MEMORY),
        ("torch.OutOfMemoryError: XPU out of memory", FailureClass.OUT_OF_MEMORY,
         FailureClass.HOST_MEMORY),
        ("Error: the disk is full", FailureClass.DISK_FULL, FailureClass.DISK_FULL),
        ("run.sh: line 3: 4711 Killed  ./prog", FailureClass.HOST_MEMORY,
         FailureClass.HOST_MEMORY),
        ("Killed", FailureClass.HOST_MEMORY, FailureClass.HOST_MEMORY),
        ("no CUDA-capable device is detected", FailureClass.NO_DEVICE,
         FailureClass.PROGRAM_FAULT),
        ("CUDA error: out of memory", FailureClass.OUT_OF_MEMORY, FailureClass.HOST_MEMORY),
        ("write: No space left on device", FailureClass.DISK_FULL, FailureClass.DISK_FULL),
    ],
)  # fmt: skip
def test_likely_words_explain_a_failure_and_never_speak_of_a_gpu_to_a_step_without_one(
    tmp_path: Path, text: str, on_gpu: FailureClass, on_cpu: FailureClass
) -> None:
    assert case().ended(tmp_path, text, code=1).failure is on_gpu
    assert case(gpus=()).ended(tmp_path, text, code=1).failure is on_cpu


def test_progress_is_no_failure(tmp_path: Path) -> None:
    done = case().ended(tmp_path, PROGRESS, MADE)
    assert (done.done, done.warnings) == (True, ())
    failed = case().ended(tmp_path, PROGRESS, code=1)
    assert failed.failure is FailureClass.PROGRAM_FAULT
    for one in (*CERTAIN, *LIKELY):
        assert not [line for line in PROGRESS.splitlines() if re.search(one.match, line)]


def test_likely_words_say_nothing_of_a_step_that_ended_well(tmp_path: Path) -> None:
    printed = "out of memory: using 2 tiles\ndisk full: removed old scratch\nKilled\nMemoryError\n"
    assert case().ended(tmp_path, printed, MADE).warnings == ()


def test_a_gpus_words_say_nothing_of_a_step_that_ended_well_without_one(tmp_path: Path) -> None:
    printed = "no CUDA-capable device is detected, falling back to CPU\n"
    assert case(gpus=()).ended(tmp_path, printed, MADE).warnings == ()
    assert len(case().ended(tmp_path, printed, MADE).warnings) == 1


def test_what_the_adapter_says_of_a_line_goes_before_what_the_library_means(
    tmp_path: Path,
) -> None:
    own = case(Failure(match="CUDA error", class_=FailureClass.BAD_INPUT, hint="a smaller box"))
    ended = own.ended(tmp_path, "CUDA error: out of memory\n", code=1)
    assert (ended.failure, ended.hint) == (FailureClass.BAD_INPUT, "a smaller box")
    # It explains, and nothing more: in this program it is no reason to worry.
    assert own.ended(tmp_path, "CUDA error: out of memory\n", MADE).warnings == ()


def test_a_line_of_which_the_adapter_only_warns_does_not_explain_a_failure(tmp_path: Path) -> None:
    # MotionCor3 goes on with the other GPUs of its slot.
    skipped = "Info: skip device 1, CUDA driver version is insufficient for CUDA runtime version\n"
    skips = Failure(match="skip device", class_=FailureClass.NO_DEVICE, effect="warn")
    assert case(skips).ended(tmp_path, skipped, code=1).failure is FailureClass.PROGRAM_FAULT
    both = f"{skipped}CUDA driver version is insufficient for CUDA runtime version\n"
    assert case(skips).ended(tmp_path, both, code=1).failure is FailureClass.NO_DEVICE
    assert len(case(skips).ended(tmp_path, skipped, MADE).warnings) == 1


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (-9, FailureClass.HOST_MEMORY),
        (137, FailureClass.HOST_MEMORY),
        (-15, FailureClass.INTERRUPTED),
        (143, FailureClass.INTERRUPTED),
        (130, FailureClass.INTERRUPTED),
        (-1, FailureClass.INTERRUPTED),
        (-11, FailureClass.PROGRAM_FAULT),
        (139, FailureClass.PROGRAM_FAULT),
        (1, FailureClass.PROGRAM_FAULT),
    ],
)
def test_a_shell_that_tells_of_a_signal_counts_as_the_signal(
    tmp_path: Path, code: int, failure: FailureClass
) -> None:
    assert case().ended(tmp_path, "", code=code).failure is failure


def test_words_from_before_do_not_explain_an_interruption(tmp_path: Path) -> None:
    ended = case().ended(tmp_path, "CUDA out of memory, retrying with 2 tiles\n", code=-15)
    assert ended.failure is FailureClass.INTERRUPTED
    own = case(Failure(match="retrying", class_=FailureClass.LIMIT))
    assert own.ended(tmp_path, "retrying\n", code=-15).failure is FailureClass.LIMIT


@pytest.mark.parametrize("code", [-9, 137])
def test_a_kill_is_the_kernels_when_it_says_so_and_somebodys_when_it_says_not(
    tmp_path: Path, code: int
) -> None:
    proved = case(Failure(match="x", class_=FailureClass.BAD_INPUT))
    ended = proved.ended(tmp_path, "x", code=code, evidence=Evidence(oom_kills=1))
    assert ended.failure is FailureClass.HOST_MEMORY
    assert ended.reason.startswith("the machine ran out of memory, and the kernel ended it (")
    ended = case().ended(tmp_path, "", code=code, evidence=CAREFUL)
    assert ended.failure is FailureClass.UNKNOWN
    assert "somebody killed it" in ended.reason
    assert "systemd-oomd" in ended.hint
    ended = case().ended(tmp_path, "", code=code, evidence=Evidence())
    assert ended.failure is FailureClass.HOST_MEMORY


def test_an_exit_code_of_one_is_no_proof_of_a_kill(tmp_path: Path) -> None:
    evidence = Evidence(oom_kills=3)
    ended = case().ended(tmp_path, "bad flag\n", code=1, evidence=evidence)
    assert ended.failure is FailureClass.PROGRAM_FAULT
    ended = case().ended(tmp_path, "4711 Killed\n", code=1, evidence=evidence)
    assert ended.failure is FailureClass.HOST_MEMORY
    ended = case().ended(tmp_path, "4711 Killed\n", code=1, evidence=CAREFUL)
    assert ended.failure is FailureClass.PROGRAM_FAULT


def test_a_fault_that_the_driver_reported_goes_before_what_the_program_made_of_it(
    tmp_path: Path,
) -> None:
    own = case(Failure(match="cannot read", class_=FailureClass.BAD_INPUT))
    for xid in (48, 79, 94, 119):
        evidence = Evidence(xids=(45, xid))
        ended = own.ended(tmp_path, "cannot read the movie\n", code=1, evidence=evidence)
        assert ended.failure is FailureClass.DEVICE_FAULT
        assert f"(Xid {xid})" in ended.reason
    lost = Evidence(device_fault="GpuIsLost")
    ended = own.ended(tmp_path, "cannot read the movie\n", code=1, evidence=lost)
    assert (ended.failure, "GpuIsLost" in ended.reason) == (FailureClass.DEVICE_FAULT, True)


@pytest.mark.parametrize("xid", [13, 31, 43, 69, 74])
def test_an_error_of_a_program_on_its_gpu_counts_when_nothing_else_explains(
    tmp_path: Path, xid: int
) -> None:
    evidence = Evidence(xids=(xid,))
    ended = case().ended(tmp_path, "bye\n", code=1, evidence=evidence)
    assert ended.failure is FailureClass.DEVICE_FAULT
    own = case(Failure(match="bye", class_=FailureClass.BAD_INPUT))
    assert own.ended(tmp_path, "bye\n", code=1, evidence=evidence).failure is FailureClass.BAD_INPUT
    said = case().ended(tmp_path, "CUDA out of memory\n", code=1, evidence=evidence)
    assert said.failure is FailureClass.OUT_OF_MEMORY


@pytest.mark.parametrize("xid", [45, 63, 92, 14, 154])
def test_what_is_only_to_be_noted_of_a_gpu_explains_nothing(tmp_path: Path, xid: int) -> None:
    ended = case().ended(tmp_path, "bye\n", code=1, evidence=Evidence(xids=(xid,)))
    assert ended.failure is FailureClass.PROGRAM_FAULT


def test_a_full_gpu_explains_a_program_that_does_not_look_whether_it_got_memory(
    tmp_path: Path,
) -> None:
    full = Evidence(peak_memory_mib=4_000, memory_total_mib=24_000, foreign_mib=19_800)
    ended = case().ended(tmp_path, "bye\n", code=-11, evidence=full)
    assert ended.failure is FailureClass.OUT_OF_MEMORY
    assert ended.reason.startswith(
        "its GPU was full: it held 4,000 of 24,000 MiB, programs of others 19,800 (ended by"
    )
    assert (ended.peak_memory_mib, ended.peak_utilisation) == (4_000, None)
    roomy = Evidence(peak_memory_mib=20_000, memory_total_mib=24_000)
    assert (
        case().ended(tmp_path, "bye\n", code=1, evidence=roomy).failure
        is FailureClass.PROGRAM_FAULT
    )
    own = case(Failure(match="bye", class_=FailureClass.BAD_INPUT))
    assert own.ended(tmp_path, "bye\n", code=1, evidence=full).failure is FailureClass.BAD_INPUT


def test_an_output_that_is_missing_is_explained_as_an_exit_code_is(tmp_path: Path) -> None:
    ended = case().ended(tmp_path, "CUDA error: out of memory\n")
    assert ended.failure is FailureClass.OUT_OF_MEMORY
    ended = case().ended(tmp_path, "fine\n", evidence=Evidence(xids=(79,)))
    assert ended.failure is FailureClass.DEVICE_FAULT
    assert case().ended(tmp_path, "fine\n").failure is FailureClass.MISSING_OUTPUT


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(causes, "full_place", lambda paths: next(iter(paths)))


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_explains_what_a_program_says_of_its_files(tmp_path: Path) -> None:
    # RELION 3.1 on a full disk: no word of it, exit code 1.
    printed = "MicrographModel::read: insufficient general information\n"
    own = case(Failure(match="insufficient", class_=FailureClass.BAD_INPUT))
    ended = own.ended(tmp_path, printed, code=1)
    assert ended.failure is FailureClass.DISK_FULL
    assert ended.reason.startswith(f"{printed.strip()}; no room is left on the disk of ")
    assert case().ended(tmp_path, "", code=0).failure is FailureClass.DISK_FULL
    memory = case(Failure(match="insufficient", class_=FailureClass.OUT_OF_MEMORY))
    assert memory.ended(tmp_path, printed, code=1).failure is FailureClass.OUT_OF_MEMORY
    assert case().ended(tmp_path, "", MADE).done


def test_room_is_looked_for_where_a_step_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = case().adapter
    step = make_step(adapter, {"mic": "m.mrc"}, name="one", output="out")
    values = rooted(adapter, step.values, str(tmp_path))
    started = Started(step=step, devices=(), values=values, folder="/own", log="log")
    started.tell("attempt")
    asked: list[str] = []
    monkeypatch.setattr(causes, "full_place", lambda paths: asked.extend(paths) or "")
    assert causes.has_room(started)
    folder = str(tmp_path / "out")
    assert asked == [f"{folder}/attempt", f"{folder}/m.txt", "/own"]
    monkeypatch.setattr(causes, "full_place", next)
    assert not causes.has_room(started)


def start(tmp_path: Path, error: Exception) -> Outcome:
    adapter = case().adapter
    step = make_step(adapter, {"mic": "m.mrc"}, name="one", output="out")
    started = Started(step=step, devices=(), values={}, folder=str(tmp_path), log="log")
    return judge(started, Exit(code=None, error=error))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_step_that_finds_no_room_to_begin_in_has_a_full_disk(tmp_path: Path, number: int) -> None:
    bare = OSError(number, os.strerror(number), "log.txt")
    ended = start(tmp_path, bare)
    assert ended.failure is FailureClass.DISK_FULL
    assert os.strerror(number) in ended.reason
    wrapped = ConfigError("the folder cannot be made")
    wrapped.__cause__ = bare
    ended = start(tmp_path, wrapped)
    assert (ended.failure, ended.reason) == (FailureClass.DISK_FULL, "the folder cannot be made")
    assert start(tmp_path, PermissionError(13, "no")).failure is FailureClass.NOT_STARTED
    assert start(tmp_path, GpucoreError("no")).failure is FailureClass.NOT_STARTED


def test_a_result_that_may_be_wrong_is_said_to_be(tmp_path: Path) -> None:
    ended = case().ended(tmp_path, "", MADE, evidence=Evidence(xids=(31, 95)))
    assert ended.done
    (warning,) = ended.warnings
    assert warning.endswith("(Xid 95); look at its results")


def test_a_program_on_a_gpu_that_is_not_its_own_is_told_with_its_adapter(tmp_path: Path) -> None:
    evidence = Evidence(strays=("GPU-9",))
    (warning,) = case(name="wild").ended(tmp_path, "", MADE, evidence=evidence).warnings
    assert warning.startswith("its processes were on GPU-9, which is not its GPU: the adapter wild")


IDLE = {"peak_memory_mib": 0, "looks": 5}


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ({}, True),
        ({"looks": 4}, False),
        ({"peak_memory_mib": None}, False),
        ({"peak_memory_mib": 300}, False),
        ({"foreign_mib": 900}, False),  # maybe its own, in a container
        ({"peak_utilisation": 3}, False),
        ({"peak_utilisation": 0}, True),
    ],
)
def test_a_step_that_leaves_its_gpu_alone_is_said_to_compute_without(
    tmp_path: Path, changes: dict[str, int], warned: bool
) -> None:
    evidence = Evidence(**{**IDLE, **changes})
    told = case().ended(tmp_path, "", MADE, evidence=evidence).warnings
    assert ["nothing was seen on its GPU" in one for one in told] == ([True] if warned else [])
    assert case(gpus=()).ended(tmp_path, "", MADE, evidence=evidence).warnings == ()


def test_a_step_that_was_stopped_or_ran_too_long_is_not_explained(tmp_path: Path) -> None:
    adapter = case().adapter
    step = make_step(adapter, {"mic": "m.mrc"}, name="one", output="out")
    log = tmp_path / "log"
    log.write_text("CUDA error: out of memory\n")
    started = Started(step=step, devices=(), values={}, folder=str(tmp_path), log=str(log))
    ended = judge(started, Exit(code=-15, limit="it ran for 3 seconds"))
    assert ended.failure is FailureClass.LIMIT
    ended = judge(started, Exit(code=-15, stopped=True))
    assert (ended.state, ended.failure) == (StepState.CANCELLED, None)
