"""What earlier runs of an output folder did, and what they left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from executor_steps import CPU, GPU, LONG, outcome_of
from programs import Gate

from gpucore.errors import GpucoreError
from gpucore.standard import Adapter, Param, Program, StepState, Template
from gpucore.standard.step import Limits

FOLDER = Adapter(
    name="folder",
    title="a stand-in",
    program=Program(executable="true"),
    command=Template(argv=("%(EXE)s", "%(folder)s")),
    params={"folder": Param(type="path", check="directory", help="what is read")},
)
APPEND = "echo ran >>attempts; echo result >{out}"


def attempts(tmp_path):
    file = tmp_path / "attempts"
    return file.read_text().count("ran") if file.exists() else 0


def run(open_executor, text, *, name="s", resume=True, **params):
    with open_executor(adapters=[CPU, GPU], resume=resume) as executor:
        return outcome_of(executor.submit("gpu", name=name, text=text, **params))


def test_what_an_earlier_run_did_is_not_done_again(open_executor, tmp_path):
    text = APPEND.format(out="o.txt")
    first = run(open_executor, text, out="o.txt")
    again = run(open_executor, text, out="o.txt")
    assert (first.done, again.done) == (True, True)
    assert (first.earlier, again.earlier) == (False, True)
    assert again.outputs == first.outputs
    assert attempts(tmp_path) == 1


def test_without_resume_it_is_done_again(open_executor, tmp_path):
    text = APPEND.format(out="o.txt")
    run(open_executor, text, out="o.txt")
    run(open_executor, text, out="o.txt", resume=False)
    assert attempts(tmp_path) == 2


@pytest.mark.parametrize("change", ["command", "input", "output", "output gone"])
def test_what_has_changed_is_done_again(open_executor, tmp_path, change):
    (tmp_path / "in.txt").write_text("one")
    text = APPEND.format(out="o.txt")
    run(open_executor, text, out="o.txt", item="in.txt")
    if change == "command":
        text += " "
    elif change == "input":
        (tmp_path / "in.txt").write_text("another")
    elif change == "output":
        (tmp_path / "o.txt").write_text("somebody else's")
    else:
        (tmp_path / "o.txt").unlink()
    assert not run(open_executor, text, out="o.txt", item="in.txt").earlier
    assert attempts(tmp_path) == 2


def run_by_content(open_executor, *, checksum=True):
    text = APPEND.format(out="o.txt")
    with open_executor(adapters=[CPU], resume=True, checksum=checksum) as executor:
        return outcome_of(
            executor.submit("cpu", name="s", text=text, out="o.txt", item="in.txt")
        ).earlier


@pytest.mark.parametrize("file", ["in.txt", "o.txt"])
def test_with_checksums_only_the_content_counts(open_executor, tmp_path, file):
    (tmp_path / "in.txt").write_text("first")
    assert not run_by_content(open_executor)
    file = tmp_path / file
    text = file.read_text()
    os.utime(file, (1e9, 1e9))
    assert run_by_content(open_executor)
    other = tmp_path / "other"  # of the same size and time
    other.write_text(text.swapcase())
    os.utime(other, (1e9, 1e9))
    other.replace(file)
    assert not run_by_content(open_executor)
    assert attempts(tmp_path) == 2


def test_without_checksums_size_and_time_count_even_where_hashes_are_on_record(
    open_executor, tmp_path
):
    (tmp_path / "in.txt").write_text("first")
    run_by_content(open_executor)
    assert run_by_content(open_executor, checksum=False)
    os.utime(tmp_path / "in.txt", (1e9, 1e9))
    assert not run_by_content(open_executor, checksum=False)


def test_where_no_hash_is_on_record_size_and_time_count(open_executor, tmp_path):
    (tmp_path / "in.txt").write_text("first")
    run_by_content(open_executor, checksum=False)
    assert run_by_content(open_executor)
    os.utime(tmp_path / "in.txt", (1e9, 1e9))
    assert not run_by_content(open_executor)
    os.utime(tmp_path / "in.txt", (2e9, 2e9))
    assert run_by_content(open_executor)


def test_a_folder_is_known_again_by_all_that_it_holds(open_executor, tmp_path):
    folder = tmp_path / "in.txt"
    folder.mkdir()
    (folder / "a").write_text("first")

    def earlier():
        with open_executor(adapters=[FOLDER], resume=True, checksum=True) as executor:
            return outcome_of(executor.submit("folder", name="s", folder="in.txt")).earlier

    assert not earlier()
    os.utime(folder, (1e9, 1e9))
    assert earlier()
    (folder / "a").write_text("other")
    assert not earlier()


def test_a_step_that_failed_is_done_again(open_executor, tmp_path):
    text = "echo ran >>attempts; [ -e fixed ]"
    assert run(open_executor, text).state is StepState.FAILED
    (tmp_path / "fixed").touch()
    assert run(open_executor, text).done
    assert attempts(tmp_path) == 2


def test_what_hangs_on_a_step_that_is_done_again_is_done_again_too(open_executor, tmp_path):
    (tmp_path / "in.txt").write_text("one")

    def both():
        with open_executor(adapters=[CPU], resume=True) as executor:
            first = executor.submit("cpu", name="a", text="true", item="in.txt")
            second = executor.submit("cpu", name="b", text="echo ran >>attempts", after=[first])
            return outcome_of(first).earlier, outcome_of(second).earlier

    assert both() == (False, False)
    assert both() == (True, True)
    (tmp_path / "in.txt").write_text("two")
    assert both() == (False, False)
    assert attempts(tmp_path) == 2


def test_one_run_at_a_time_keeps_a_folders_journal(open_executor):
    with open_executor(adapters=[CPU], journal=True) as one:
        assert outcome_of(one.submit("cpu", text="true")).done
        other = open_executor(adapters=[CPU], journal=True)
        with pytest.raises(GpucoreError, match="another run still writes the journal"):
            other.submit("cpu", text="true")


HOST = """
import sys
sys.path[:0] = {path!r}
from gpucore import StepExecutor
from gpucore.config import SiteConfig
from executor_steps import GPU
with StepExecutor.open(gpus="0", threads=2, devices="simulated:1", output="run", root={root!r},
                       config=SiteConfig(), adapters=[GPU], resume=True) as executor:
    executor.submit("gpu", name="s", text={text!r}).result()
"""


def killed_host(tmp_path, gate, text):
    """Start a host whose step waits at a gate, and kill the host alone."""
    code = HOST.format(path=sys.path, root=str(tmp_path), text=text)
    host = subprocess.Popen([sys.executable, "-c", code])
    assert gate.receive() == "here\n"
    host.kill()
    host.wait()


@pytest.mark.slow
@pytest.mark.parametrize(("code", "state"), [(0, StepState.DONE), (7, StepState.FAILED)])
def test_a_program_that_outlived_its_host_is_waited_for_and_its_exit_code_counts(
    open_executor, tmp_path, code, state
):
    here, go = Gate(tmp_path / "here"), Gate(tmp_path / "go")
    text = f"echo ran >>attempts; echo here >{here}; cat {go}; exit {code}"
    killed_host(tmp_path, here, text)
    with open_executor("0", 2, adapters=[GPU], devices="simulated:1", resume=True) as executor:
        future = executor.submit("gpu", name="s", text=text)
        go.release()
        outcome = outcome_of(future)
    assert outcome.state is state
    assert outcome.exit_code == code
    assert attempts(tmp_path) == 1


@pytest.mark.slow
def test_a_program_that_outlived_its_host_keeps_its_gpu(open_executor, tmp_path):
    here, go = Gate(tmp_path / "here"), Gate(tmp_path / "go")
    text = f"echo here >{here}; cat {go}; echo old >>order"
    killed_host(tmp_path, here, text)
    other = tmp_path / "other"
    with open_executor("0", 2, adapters=[GPU], devices="simulated:1", output=other) as executor:
        with pytest.raises(TimeoutError):
            executor.lease(timeout=0.2)
        future = executor.submit("gpu", text="echo new >>order")
        go.release()
        assert outcome_of(future).done
    assert (tmp_path / "order").read_text() == "old\nnew\n"


@pytest.mark.slow
def test_a_program_that_was_killed_with_its_host_is_started_again(open_executor, tmp_path):
    here, go = Gate(tmp_path / "here"), Gate(tmp_path / "go")
    told = "echo ran >>attempts; echo $$ $PPID >pids"
    text = f"{told}; [ -e again ] || {{ echo here >{here}; cat {go}; }}"
    killed_host(tmp_path, here, text)
    (tmp_path / "again").touch()
    program, shepherd = map(int, (tmp_path / "pids").read_text().split())
    os.kill(shepherd, signal.SIGKILL)
    os.killpg(program, signal.SIGKILL)
    with open_executor("0", 2, adapters=[GPU], devices="simulated:1", resume=True) as executor:
        assert executor.submit("gpu", name="s", text=text).result(LONG).done
    assert attempts(tmp_path) == 2


@pytest.mark.slow
def test_an_orphan_that_is_killed_has_failed_with_that_signal(open_executor, tmp_path):
    here, go = Gate(tmp_path / "here"), Gate(tmp_path / "go")
    text = f"echo $$ >pid; echo here >{here}; cat {go}"
    killed_host(tmp_path, here, text)
    os.killpg(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    with open_executor("0", 2, adapters=[GPU], devices="simulated:1", resume=True) as executor:
        outcome = outcome_of(executor.submit("gpu", name="s", text=text))
    assert (outcome.state, outcome.exit_code) == (StepState.FAILED, -signal.SIGKILL)


def test_a_step_whose_shepherd_is_killed_fails_and_is_tried_again(open_executor, tmp_path):
    here, go = Gate(tmp_path / "here"), Gate(tmp_path / "go")
    text = (
        f"echo ran >>attempts; echo $PPID >shepherd; "
        f"[ $(wc -l <attempts) = 2 ] || {{ echo here >{here}; cat {go}; }}"
    )
    with open_executor(adapters=[CPU, GPU]) as executor:
        future = executor.submit("gpu", text=text, limits=Limits(retries=1))
        here.receive()
        os.kill(int((tmp_path / "shepherd").read_text()), signal.SIGKILL)
        assert future.result(LONG).done
    assert attempts(tmp_path) == 2
