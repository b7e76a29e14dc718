"""Where programs make their outputs, and when these appear under their final names."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from engines import engine, told
from executor_steps import outcome_of
from programs import Gate, script

from gpucore.config import ContainerConfig, ProgramConfig, SiteConfig
from gpucore.standard import (
    Adapter,
    Failure,
    FailureClass,
    Output,
    Param,
    Program,
    StepState,
    Template,
)
from gpucore.standard.step import Limits

NONE = {}


def making(*, in_place=False, check="file", output=(), failure=(), **more):
    """Return an adapter whose program gets its output's name as ``$0`` and runs a text."""
    return Adapter(
        name="make",
        title="a stand-in",
        program=Program(executable="/bin/sh", install="it comes with the tests"),
        command=Template(argv=("%(EXE)s", "-c", "%(text)s", "%(out)s"), in_place=in_place),
        params={
            "text": Param(type="string", help="what is run"),
            "out": Param(type="path", output="out.txt", check=check, help="what is made"),
            **more,
        },
        output=output,
        failure=failure,
    )


def tree(folder):
    """Return the text of every file below a folder, gpucore's own left out, and its directories."""
    return (
        {
            str(one.relative_to(folder)): one.read_text() if one.is_file() else None
            for one in sorted(folder.rglob("*"))
            if ".gpucore" not in one.parts
        }
        if folder.exists()
        else NONE
    )


@pytest.fixture
def run(open_executor, tmp_path):
    """Run one step; return its outcome and what lies in the output folder."""

    def one(text, adapter=None, *, journal=True, **more):
        more.setdefault("out", "run/out.txt")
        with open_executor("", journal=journal) as executor:
            outcome = outcome_of(executor.submit(adapter or making(), name="s", text=text, **more))
        return outcome, tree(tmp_path / "run")

    return one


@pytest.mark.parametrize("journal", [False, True])
def test_a_program_that_fails_halfway_leaves_nothing_under_the_final_name(run, journal):
    outcome, left = run("echo half >$0; exit 3", journal=journal)
    assert outcome.state is StepState.FAILED
    assert left == {}
    _, _, where = outcome.hint.partition("what it made is in ")
    assert where.endswith("/partial")
    assert Path(f"{where}/out.txt").read_text() == "half\n"
    assert outcome.outputs == {}


def test_an_older_good_output_survives_an_attempt_that_fails_and_this_is_said(run):
    assert run("echo good >$0")[0].done
    outcome, left = run("echo half >$0; exit 3")
    assert left == {"out.txt": "good\n"}
    assert outcome.hint.endswith("out.txt: as before this attempt")


def test_a_good_output_takes_the_place_of_an_older_one(run):
    run("echo older >$0")
    outcome, left = run("echo newer >$0")
    assert left == {"out.txt": "newer\n"}
    assert outcome.outputs["out"].endswith("/run/out.txt")
    assert outcome.hint == ""


def test_while_it_runs_nothing_lies_under_the_final_name(open_executor, tmp_path):
    ready, go = Gate(tmp_path / "ready"), Gate(tmp_path / "go")
    with open_executor("") as executor:
        text = f"echo whole >$0; echo $0 >{ready}; cat {go}"
        future = executor.submit(making(), text=text, out="run/out.txt")
        told = ready.receive().strip()
        assert not (tmp_path / "run" / "out.txt").exists()
        assert (tmp_path / told).read_text() == "whole\n"
        assert told.startswith("run/.gpucore-")
        go.release()
        assert outcome_of(future).command.argv[-1] == told
    assert tree(tmp_path / "run") == {"out.txt": "whole\n"}


def test_what_the_adapter_does_not_name_is_moved_too(run):
    outcome, left = run(
        "echo 1 >$0; echo 2 >${0%.txt}.log; mkdir ${0%/*}/sub; echo 3 >${0%/*}/sub/x"
    )
    assert outcome.done
    assert left == {"out.txt": "1\n", "out.log": "2\n", "sub": None, "sub/x": "3\n"}


def test_declared_outputs_follow_the_one_that_they_are_named_after(run):
    beside = (
        Output(name="log", path="%(out.base)s.log"),
        Output(name="deep", path="%(out.dir)s/deep/%(out.stem)s.log"),
    )
    text = "echo 1 >$0; echo 2 >${0%.txt}.log; echo 3 >${0%/*}/deep/out.log"
    outcome, left = run(text, making(output=beside))
    assert outcome.done, outcome.reason
    assert {name: path.partition("/run/")[2] for name, path in outcome.outputs.items()} == {
        "out": "out.txt", "log": "out.log", "deep": "deep/out.log",
    }  # fmt: skip
    assert set(left) == {"out.txt", "out.log", "deep", "deep/out.log"}


def test_of_several_outputs_none_appears_when_one_is_missing(run):
    beside = (Output(name="log", path="%(out.base)s.log"),)
    outcome, left = run("echo 1 >$0", making(output=beside))
    assert outcome.failure is FailureClass.MISSING_OUTPUT
    assert left == {}


def test_a_message_that_is_a_failure_keeps_whole_outputs_back(run):
    failure = (Failure(match="out of memory", class_=FailureClass.OUT_OF_MEMORY, effect="fail"),)
    outcome, left = run("echo 1 >$0; echo out of memory", making(failure=failure))
    assert outcome.failure is FailureClass.OUT_OF_MEMORY
    assert left == {}


def test_a_directory_is_an_output_as_a_whole(run):
    text = "mkdir $0; echo {0} >$0/a; echo {0} >$0/{0}"
    adapter = making(check="directory")
    assert run(text.format("one"), adapter, out="run/fit")[1] == {
        "fit": None, "fit/a": "one\n", "fit/one": "one\n",
    }  # fmt: skip
    assert run(text.format("two") + "; exit 1", adapter, out="run/fit")[1]["fit/a"] == "one\n"
    assert run(text.format("two"), adapter, out="run/fit")[1] == {
        "fit": None, "fit/a": "two\n", "fit/one": "one\n", "fit/two": "two\n",
    }  # fmt: skip


@pytest.mark.parametrize(
    "out", ["run/out.txt", "run/-x", "run/./a b/$x", "run/fit/", "ABS/o", "-o.txt", "o.txt"]
)
def test_however_an_output_is_called_it_comes_to_lie_there(run, tmp_path, out):
    out = out.replace("ABS", str(tmp_path / "elsewhere"))
    adapter = making(check="any")
    outcome, _ = run('case $0 in */) mkdir "$0";; *) echo 1 >"$0";; esac', adapter, out=out)
    assert outcome.done, outcome.reason
    assert (tmp_path / out.rstrip("/")).exists()
    assert not list(tmp_path.rglob(".gpucore-*"))


@pytest.mark.parametrize("out", [".", "run/..", "/dev/null"])
def test_what_has_no_name_of_its_own_is_made_where_it_is(run, tmp_path, out):
    outcome, _ = run("echo $0", making(check="any"), out=out)
    assert outcome.done, outcome.reason
    assert outcome.command.argv[-1] == out or "/.gpucore-" in f"/{outcome.command.argv[-1]}"
    assert not list(tmp_path.rglob(".gpucore-*"))


def test_outputs_in_two_folders_have_a_directory_in_each(run, tmp_path):
    other = Param(type="path", output="other.txt", help="more")
    adapter = making(other=other)
    adapter = Adapter(**{
        **{name: getattr(adapter, name) for name in ("name", "title", "program", "params")},
        "command": Template(argv=(*adapter.command.argv, "%(other)s")),
    })  # fmt: skip
    outcome, left = run("echo 1 >$0; echo 2 >$1", adapter, other="run/far/other.txt")
    assert outcome.done, outcome.reason
    assert left == {"out.txt": "1\n", "far": None, "far/other.txt": "2\n"}
    outcome, left = run("echo 3 >$0; echo 4 >$1; exit 1", adapter, other="run/far/other.txt")
    assert left == {"out.txt": "1\n", "far": None, "far/other.txt": "2\n"}
    assert outcome.hint.count("/partial") == 2


def test_a_program_that_insists_on_the_final_name_gets_it(run, tmp_path):
    outcome, left = run("echo $0 >$0", making(in_place=True))
    assert outcome.done
    assert left == {"out.txt": "run/out.txt\n"}


def test_what_such_a_program_made_of_an_output_and_failed_is_put_aside(run):
    beside = (Output(name="log", path="%(out.base)s.log"),)
    adapter = making(in_place=True, output=beside)
    assert run("echo good >$0; echo good >${0%.txt}.log", adapter)[0].done
    outcome, left = run("echo half a result >$0; exit 3", adapter)
    assert left == {"out.log": "good\n"}
    where, _, older = outcome.hint.removeprefix("what it made is in ").partition("; ")
    assert older == "out.log: as before this attempt"
    assert Path(f"{where}/out.txt").read_text() == "half a result\n"


def test_an_attempt_that_is_stopped_leaves_nothing_under_the_final_name(open_executor, tmp_path):
    gate = Gate(tmp_path / "gate")
    with open_executor("", journal=True) as executor:
        text = f"echo half >$0; echo x >{gate}; cat {gate}"
        future = executor.submit(making(), text=text, out="run/out.txt")
        gate.receive()
        executor.stop(now=True)
        assert future.cancelled() or outcome_of(future)
    assert tree(tmp_path / "run") == {}


def test_a_step_that_is_tried_again_keeps_what_its_last_attempt_made(open_executor, tmp_path):
    with open_executor("", journal=True) as executor:
        text = "echo half >>$0; cat $0; exit 3"
        future = executor.submit(making(), text=text, out="run/out.txt", limits=Limits(retries=2))
        outcome = outcome_of(future)
        kept = [str(one) for one in executor.folder.rglob("partial")]
    assert [outcome.hint] == [f"what it made is in {one}" for one in kept]
    assert Path(outcome.log).read_text() == "half\n"  # each attempt begins with nothing


def test_what_a_failed_attempt_made_is_kept_until_the_step_is_run_again(
    open_executor, run, tmp_path
):
    run("echo half >$0; exit 3")
    assert len(list((tmp_path / "run").rglob("partial"))) == 1
    with open_executor("", resume=True) as executor:
        future = executor.submit(making(), name="s", text="echo good >$0", out="run/out.txt")
        assert outcome_of(future).done
    assert list((tmp_path / "run").rglob("partial")) == []


def test_what_a_host_left_that_died_before_the_start_was_on_record_is_removed(run, tmp_path):
    run("echo $0; exit 3")
    name = next((tmp_path / "run").rglob("log/*.1.txt")).read_text().split("/")[1]
    left = tmp_path / "run" / name.replace(".1", ".2")
    left.mkdir()
    (left / "stray").touch()
    outcome, found = run("echo good >$0")
    assert outcome.done, outcome.reason
    assert found == {"out.txt": "good\n"}
    assert not left.exists()


@pytest.mark.parametrize("full", ["out.txt", "out.log", "more"])
def test_a_disk_that_is_full_when_outputs_are_moved_fails_the_step_and_loses_nothing(
    run, tmp_path, monkeypatch, full
):
    real = os.replace

    def replace(source, target):
        if Path(target).name == full and Path(source).parent.name.startswith(".gpucore-"):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    beside = (Output(name="log", path="%(out.base)s.log"),)
    text = "echo {0} >$0; echo {0} >${{0%.txt}}.log; echo {0} >${{0%/*}}/more"
    assert run(text.format("old"), making(output=beside))[0].done
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        outcome, left = run(text.format("new"), making(output=beside))
    assert outcome.failure is FailureClass.DISK_FULL
    assert f"{full} cannot be written (No space left on device)" in outcome.reason
    assert outcome.hint.startswith("make room there")
    assert left[full] == "old\n"
    (kept,) = (tmp_path / "run").rglob(f"partial/{full}")
    assert kept.read_text() == "new\n"
    assert outcome.outputs == {}
    assert run(text.format("new"), making(output=beside))[1] == dict.fromkeys(left, "new\n")


def test_a_directory_in_the_place_of_an_output_is_told_and_kept(run, tmp_path):
    (tmp_path / "run" / "out.txt").mkdir(parents=True)
    (tmp_path / "run" / "out.txt" / "precious").touch()
    outcome, left = run("echo 1 >$0")
    assert "out.txt cannot be written (Is a directory)" in outcome.reason
    assert left == {"out.txt": None, "out.txt/precious": ""}


def test_a_folder_in_which_nothing_can_be_made_is_named(run, tmp_path):
    (tmp_path / "file").touch()
    outcome, _ = run("true", out="file/out.txt")
    assert outcome.failure is FailureClass.NOT_STARTED
    assert f"{tmp_path}/file/.gpucore-s-" in outcome.reason


@pytest.mark.parametrize("name", ["docker", "apptainer"])
def test_a_container_is_shown_the_directory_of_the_attempt(
    open_executor, tmp_path, monkeypatch, name
):
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    record = engine(tmp_path / "bin", name)
    program = ProgramConfig(container=ContainerConfig(engine=name, image="/i.sif"))
    far = tmp_path.parent / f"{tmp_path.name}-far"
    (tmp_path / "root").mkdir()
    config = SiteConfig(program={"make": program})
    with open_executor("", config=config, root=tmp_path / "root") as executor:
        outcome = outcome_of(executor.submit(making(), text="echo 1 >$0", out=str(far / "o.txt")))
    assert outcome.done, outcome.reason
    (call,) = told(record)
    shown = outcome.command.argv[-1].rpartition("/")[0]
    assert f"type=bind,source={shown},target={shown}" in call["options"]
    assert tree(far) == {"o.txt": "1\n"}


def test_a_program_whose_outputs_are_collected_has_them_moved_when_all_are_checked(
    open_executor, tmp_path
):
    own = Adapter(
        name="own",
        title="a stand-in",
        program=Program(executable=script(tmp_path / "own", '[ "$1" ] && echo 1 >made; true')),
        command=Template(argv=("%(EXE)s", "%(text)s"), own_directory=True),
        params={
            "text": Param(type="string", help="whether it makes anything"),
            "out": Param(type="path", output="out.txt", help="what is made"),
        },
        output=(
            Output(name="out", made="made"),
            Output(name="log", path="%(out.base)s.log", made="log"),
        ),
    )
    with open_executor("", journal=True) as executor:
        outcome = outcome_of(executor.submit(own, text="yes", out="run/out.txt"))
    assert "the program did not make log" in outcome.reason
    assert tree(tmp_path / "run") == {}
