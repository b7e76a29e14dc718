"""Steps: submitted, judged, skipped."""

from __future__ import annotations

import concurrent.futures
import itertools
import json
import os
import signal
import threading
from pathlib import Path

import pytest
from executor_steps import CPU, GPU, LONG, outcome_of
from programs import Gate, python, script, shell

from gpucore import GpucoreError, StepError
from gpucore.config import ProgramConfig, SiteConfig
from gpucore.errors import AdapterError, ParameterError, ProgramError
from gpucore.standard import FailureClass, Group, Output, StepState, Template
from gpucore.system.oom_kills import OomKills


def test_the_ten_lines_of_the_design_work_as_written(open_executor, tmp_path):
    """MotionCor3, then Gctf on what it made, by the adapters that are shipped."""
    header = (
        "import struct\n"
        "def write(path):\n"
        "    head = struct.pack('<4i', 2, 2, 1, 2) + bytes(1008)\n"
        "    open(path, 'wb').write(head + struct.pack('<4f', 1, 2, 3, 4))\n"
    )
    motioncor = python(
        tmp_path / "MotionCor3",
        "import json, sys\n" + header + "write('aligned.mrc')\n"
        "open('movie-Full.log', 'w').write('1 0.0 0.0\\n')\n"
        "print(json.dumps(sys.argv[1:]))",
    )
    gctf = python(tmp_path / "Gctf", "import sys\nprint('gctf', sys.argv)\nsys.exit(3)")
    (tmp_path / "m1.tif").write_bytes(b"II*\0 a movie")
    config = SiteConfig(
        program={
            "motioncor3": ProgramConfig(executable=motioncor),
            "gctf": ProgramConfig(executable=gctf),
        }
    )
    with open_executor(gpus="0 1", threads=3, output="out", config=config) as executor:
        aligned = executor.submit("motioncor3", movie="m1.tif", out="m1.mrc", pixel_size=0.885)
        ctf = executor.submit("gctf", mic="m1.mrc", pixel_size=0.885, after=[aligned])
        done = aligned.result(timeout=LONG)
        assert done.outputs["out"] == str(tmp_path / "m1.mrc")
        assert json.loads(Path(done.log).read_text())[-2:] == ["-Gpu", "0"]
        with pytest.raises(StepError, match="exit code 3"):
            ctf.result(timeout=LONG)


def test_futures_are_those_of_the_standard_library(open_executor):
    with open_executor(adapters=[CPU]) as executor:
        futures = [executor.submit("cpu", text=f"exit {n % 2}") for n in range(6)]
        assert all(isinstance(one, concurrent.futures.Future) for one in futures)
        done, waiting = concurrent.futures.wait(futures, timeout=LONG)
        assert (len(done), len(waiting)) == (6, 0)
        assert set(concurrent.futures.as_completed(futures, timeout=LONG)) == set(futures)
        failed = [one for one in futures if one.exception()]
        assert len(failed) == 3


def test_exit_zero_without_the_output_is_a_failure(open_executor, tmp_path):
    with open_executor(adapters=[CPU]) as executor:
        ended = outcome_of(executor.submit("cpu", text="echo nothing to do", out="o.txt"))
    assert (ended.state, ended.exit_code) == (StepState.FAILED, 0)
    assert ended.failure is FailureClass.MISSING_OUTPUT
    assert str(tmp_path / "o.txt") in ended.reason
    assert "nothing to do" in ended.reason


def test_an_output_from_before_does_not_count(open_executor, tmp_path):
    (tmp_path / "o.txt").write_text("old")
    os.utime(tmp_path / "o.txt", (1e9, 1e9))
    with open_executor(adapters=[CPU]) as executor:
        ended = outcome_of(executor.submit("cpu", text="true", out="o.txt"))
        assert "from before" in ended.reason
        assert outcome_of(executor.submit("cpu", text="echo new > o.txt", out="o.txt")).done
    assert (tmp_path / "o.txt").read_text() == "new\n"


def test_an_output_that_is_not_looked_at_may_be_missing_or_from_before(open_executor, tmp_path):
    (tmp_path / "o.txt").write_text("old")
    os.utime(tmp_path / "o.txt", (1e9, 1e9))
    with open_executor(adapters=[shell("any", check="any")]) as executor:
        assert outcome_of(executor.submit("any", text="true", out="o.txt")).done


def test_a_step_that_cannot_be_judged_fails_and_gives_its_devices_back(
    open_executor, monkeypatch, caplog
):
    def fail(*_):
        raise ValueError("a fault of ours")

    with open_executor("0", 2, adapters=[GPU]) as executor:
        with monkeypatch.context() as patch:
            patch.setattr("gpucore.running.judge", fail)
            ended = outcome_of(executor.submit("gpu", text="true"))
        assert ended.state is StepState.FAILED
        assert "a fault of ours" in ended.reason
        assert outcome_of(executor.submit("gpu", text="true")).done


def test_a_failure_skips_all_that_hang_on_it_and_nothing_else(open_executor, tmp_path):
    gate = Gate(tmp_path / "gate")
    with open_executor(adapters=[CPU]) as executor:
        bad = executor.submit("cpu", text=f"read x < {gate}; exit 1", name="bad")
        near = executor.submit("cpu", text="touch near", after=[bad])
        far = executor.submit("cpu", text="touch far", after=[near])
        other = executor.submit("cpu", text="true")
        both = executor.submit("cpu", text="touch both", after=[other, far])
        gate.release()
        for one in (near, far, both):
            assert outcome_of(one).state is StepState.SKIPPED
            assert "bad" in outcome_of(one).reason
        assert outcome_of(other).done
        late = executor.submit("cpu", text="touch late", after=[near])
        assert outcome_of(late).state is StepState.SKIPPED
    assert not [one for one in ("near", "far", "both", "late") if (tmp_path / one).exists()]


def test_a_step_starts_after_its_prerequisites(open_executor, tmp_path):
    with open_executor(adapters=[CPU], threads=5) as executor:
        before = [executor.submit("cpu", text=f"echo {n} > made{n}") for n in range(4)]
        last = executor.submit("cpu", text="cat made0 made1 made2 made3", after=before)
        assert outcome_of(last).done


def test_a_missing_input_fails_its_own_step_only(open_executor, tmp_path):
    (tmp_path / "there").write_text("x")
    with open_executor(adapters=[CPU]) as executor:
        one = executor.submit("cpu", text="true", item="nowhere")
        two = executor.submit("cpu", text="cat there", item="there")
        assert outcome_of(one).failure is FailureClass.BAD_INPUT
        assert "nowhere" in outcome_of(one).reason
        assert outcome_of(one).exit_code is None
        assert outcome_of(two).done


def test_an_input_made_by_a_prerequisite_is_looked_at_when_the_step_starts(open_executor):
    with open_executor(adapters=[CPU]) as executor:
        first = executor.submit("cpu", text="echo x > a.txt", out="a.txt")
        second = executor.submit("cpu", text="cat a.txt", item="a.txt", after=[first])
        assert outcome_of(second).done


def test_a_closed_executor_takes_no_step_and_no_lease(open_executor):
    executor = open_executor(adapters=[CPU])
    executor.close()
    executor.close()
    with pytest.raises(GpucoreError, match="closed"):
        executor.submit("cpu", text="true")
    with pytest.raises(GpucoreError, match="closed"):
        executor.lease()
    executor.stop()


def test_a_future_of_another_executor_is_no_prerequisite(open_executor):
    with open_executor(adapters=[CPU]) as one, open_executor(adapters=[CPU]) as two:
        first = one.submit("cpu", text="true")
        with pytest.raises(ParameterError, match="after"):
            two.submit("cpu", text="true", after=[first])
        with pytest.raises(ParameterError, match="after"):
            two.submit("cpu", text="true", after=[concurrent.futures.Future()])


def test_two_executors_in_one_process_do_not_meet(open_executor):
    with open_executor(adapters=[GPU]) as one, open_executor(adapters=[GPU]) as two:
        assert one.run != two.run
        futures = [each.submit("gpu", text="true") for each in (one, two) for _ in range(5)]
        assert all(outcome_of(future).done for future in futures)
        logs = {Path(outcome_of(future).log) for future in futures}
        assert len(logs) == 10


@pytest.mark.slow
def test_sixteen_threads_may_submit_at_once(open_executor):
    with open_executor("0 1", 3, adapters=[GPU]) as executor:
        futures = []

        def submit():
            futures.extend([executor.submit("gpu", text="true") for _ in range(50)])

        threads = [threading.Thread(target=submit) for _ in range(16)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert executor.wait(LONG)
        assert len(futures) == 800
        assert all(one.result().done for one in futures)
        assert len({one.number for one in futures}) == 800
    assert executor.counts[StepState.DONE] == 800


def test_the_hosts_environment_is_not_changed(open_executor):
    before = dict(os.environ)
    with open_executor(adapters=[GPU], isolate=True) as executor:
        executor.submit("gpu", text="true").result(timeout=LONG)
        with executor.lease():
            pass
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    "name", ["a b.txt", "\udcff\udcfe.txt", "%(GPU)s.txt", "$(touch x).txt", "a\nb.txt", "'\".txt"]
)
def test_hostile_names_of_files_arrive_unharmed(open_executor, tmp_path, name):
    (tmp_path / name).write_text("text")
    adapter = shell("copy")
    command = Template(argv=("%(EXE)s", Group(args=("%(item)s", "%(out)s"))))
    adapter = type(adapter)(
        **{**vars(adapter), "command": command, "program": type(adapter.program)(executable="cp")}
    )
    with open_executor(adapters=[adapter]) as executor:
        ended = outcome_of(executor.submit("copy", text="", item=name, out=f"new/{name}"))
    assert ended.done, ended.reason
    assert (tmp_path / "new" / name).read_text() == "text"
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted([name, "new", "run"])


def test_relative_programs_are_found_from_where_they_were_named(
    open_executor, tmp_path, monkeypatch
):
    (tmp_path / "tools").mkdir()
    script(tmp_path / "tools" / "prog", "echo made > out.txt")
    monkeypatch.chdir(tmp_path)
    adapter = shell("own", own_directory=True, output=(Output(name="out", made="out.txt"),))
    config = SiteConfig(program={"own": ProgramConfig(executable="tools/prog")})
    with open_executor(adapters=[adapter], config=config) as executor:
        ended = outcome_of(executor.submit("own", text="", out="o.txt"))
        assert ended.done, ended.reason
    assert (tmp_path / "o.txt").read_text() == "made\n"


def test_what_is_wrong_with_a_step_is_told_before_anything_starts(open_executor):
    absent = shell("absent", executable="no-such-program")
    with open_executor(adapters=[CPU, absent]) as executor:
        with pytest.raises(AdapterError, match="did you mean `cpu`"):
            executor.submit("cpx", text="true")
        with pytest.raises(ParameterError, match="unknown parameter `txt`"):
            executor.submit("cpu", txt="true", text="true")
        with pytest.raises(ProgramError, match="no-such-program"):
            executor.submit("absent", text="true")


def test_an_unknown_engine_is_refused_before_anything_is_written(open_executor, tmp_path):
    with pytest.raises(GpucoreError, match="`locale`") as caught:
        open_executor(config=SiteConfig(engine="locale"))
    assert "local" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_somebody_kills_is_not_said_to_lack_memory(open_executor):
    with open_executor(adapters=[CPU]) as executor:
        ended = outcome_of(executor.submit("cpu", text="kill -9 $$"))
    assert ended.exit_code == -signal.SIGKILL
    assert ended.failure is FailureClass.UNKNOWN
    assert "somebody killed it" in ended.reason


def test_a_program_killed_by_the_kernel_is_said_to_lack_memory(open_executor):
    counted = itertools.count(7)
    with open_executor(adapters=[CPU]) as executor:
        executor._around.oom_kills = OomKills(lambda: next(counted))
        ended = outcome_of(executor.submit("cpu", text="kill -9 $$"))
    assert ended.failure is FailureClass.HOST_MEMORY
