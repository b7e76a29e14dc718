"""``run JOB.toml``: stages chained item by item, barriers, files found, faults told."""

from __future__ import annotations

import json
import os
import re
import signal
from typing import TYPE_CHECKING

import pytest
from command_line import run_apart, start
from programs import Gate

if TYPE_CHECKING:
    from pathlib import Path

    from command_line import Cli

CHAIN = """
[run]
threads = 3

[[stage]]
name = "one"
adapter = "copy"
items = "*.tif"

[[stage]]
name = "two"
adapter = "copy"
after = "one"
item = "%(one.dst)s"
"""


def job(cli: Cli, text: str, *more: str, code: int = 0, name: str = "job.toml") -> dict[str, str]:
    """Run a job; return the state of each step."""
    cli.write(name, text)
    ran = cli("run", name, "--adapter", "copy.toml", "--json", *more)
    assert ran.code == code, ran.err
    return {step["step"]: step["state"] for step in json.loads(ran.out)["steps"]}


def refused(cli: Cli, text: str, *more: str, code: int = 2) -> str:
    cli.write("job.toml", text)
    return cli.refuses("run", "job.toml", "--adapter", "copy.toml", *more, code=code)


def planned(cli: Cli, text: str, *more: str) -> list[tuple[str, list[str]]]:
    """Plan a job; return each step's name and what its program is given, in order."""
    cli.write("job.toml", text)
    ran = cli("run", "job.toml", "--adapter", "copy.toml", "--plan", "--json", *more)
    assert ran.code == 0, ran.err
    return [(step["step"], step["argv"][4:]) for step in json.loads(ran.out)["steps"]]


def test_outputs_lie_in_a_folder_of_each_stage(cli: Cli) -> None:
    states = job(cli, CHAIN)
    assert states == {f"{stage}/{item}": "done" for stage in ("one", "two") for item in "abc"}
    for item in "abc":
        assert (cli.folder / f"out/one/{item}.out").read_text() == f"{item}.tif\n"
        assert (cli.folder / f"out/two/{item}.out").read_text() == f"{item}.tif\n"


def test_an_items_next_stage_is_planned_before_the_next_items_first(cli: Cli) -> None:
    steps = planned(cli, CHAIN.replace("threads = 3", "threads = 2"))
    assert [name for name, _ in steps] == [
        "one/a", "two/a", "one/b", "two/b", "one/c", "two/c",
    ]  # fmt: skip
    assert steps[1][1] == ["out/one/a.out", "out/two/a.out", "a word"]


def test_an_items_next_stage_starts_while_another_items_first_still_runs(cli: Cli) -> None:
    gate = Gate(cli.folder / "gate")
    # b waits for what only a's second stage says: were stages barriers, this would never end.
    first = f'case "$1" in *b.tif) cat {gate} > "$2";; *) echo first > "$2";; esac'
    second = f'case "$1" in *a.out) echo a is through > {gate};; esac; cat "$1" > "$2"'
    items = f"items = [\"a.tif\", \"b.tif\"]\nparams.text = '''{first}'''"
    text = CHAIN.replace('items = "*.tif"', items) + f"params.text = '''{second}'''\n"
    states = job(cli, text)
    assert set(states.values()) == {"done"}
    assert next(iter(states)) == "one/a"
    assert (cli.folder / "out/two/b.out").read_text() == "a is through\n"


BARRIER = """
[run]
threads = 4

[[stage]]
name = "one"
adapter = "copy"
items = "*.tif"
params = { text = 'echo "$1" >> order.txt; cat "$1" > "$2"' }

[[step]]
name = "sum"
adapter = "copy"
after = "one"
params = { src = "a.tif", text = 'cat out/one/*.out > "$2"; echo sum >> order.txt' }

[[stage]]
name = "last"
adapter = "copy"
items = ["a.tif", "b.tif"]
after = "sum"
params = { text = 'echo last >> order.txt; cat "$1" > "$2"' }
"""


def test_a_step_after_a_stage_waits_for_all_of_it(cli: Cli) -> None:
    states = job(cli, BARRIER)
    assert set(states.values()) == {"done"}
    order = (cli.folder / "order.txt").read_text().split()
    assert sorted(order[:3]) == ["a.tif", "b.tif", "c.tif"]
    assert order[3:] == ["sum", "last", "last"]
    assert (cli.folder / "out/sum/a.out").read_text() == "a.tif\nb.tif\nc.tif\n"


def test_a_failure_skips_its_own_chain_alone(cli: Cli) -> None:
    text = CHAIN.replace(
        'items = "*.tif"',
        """items = "*.tif"
params = { text = 'case "$1" in b*) exit 3;; esac; cat "$1" > "$2"' }""",
    )
    states = job(cli, text, code=1)
    assert states["one/b"] == "failed"
    assert states["two/b"] == "skipped"
    assert sorted(states.values()) == ["done"] * 4 + ["failed", "skipped"]


def test_a_parameter_can_name_an_output_of_the_same_items_earlier_stage(cli: Cli) -> None:
    text = CHAIN + 'params = { word = "of %(one.dst)s at 50%" }\n'
    words = {name: argv[2] for name, argv in planned(cli, text)}
    assert words["two/b"] == "of out/one/b.out at 50%"


def test_two_chains_meet_item_by_item(cli: Cli) -> None:
    text = (
        CHAIN
        + """
[[stage]]
name = "three"
adapter = "copy"
after = ["one", "two"]
item = "%(two.dst)s"
params = { word = "%(one.dst)s" }
"""
    )
    steps = dict(planned(cli, text))
    assert steps["three/c"] == ["out/two/c.out", "out/three/c.out", "out/one/c.out"]


def test_patterns_are_sorted_and_a_file_that_two_fit_comes_once(cli: Cli) -> None:
    cli.write("deep/er/d.tif")
    text = CHAIN.replace('"*.tif"', '["b.tif", "*.tif", "deep/**/*.tif"]')
    assert [name for name, _ in planned(cli, text) if name.startswith("one")] == [
        "one/b", "one/a", "one/c", "one/d",
    ]  # fmt: skip


def test_paths_are_below_the_jobs_folder_wherever_it_is_called_from(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli.write("job.toml", CHAIN)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    back = f"../{cli.folder.name}"
    ran = cli("run", f"{back}/job.toml", "--adapter", f"{back}/copy.toml")
    assert ran.code == 0, ran.err
    assert (cli.folder / "out/two/a.out").is_file()
    assert (cli.folder / "out/.gpucore").is_dir()
    assert not list(elsewhere.iterdir())


def test_a_job_can_be_checked_from_elsewhere(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli.write("job.toml", CHAIN)
    cli.write("gpucore.toml", 'adapters = ["copy.toml"]\n')
    monkeypatch.chdir(tmp_path)
    ran = cli("config", "check", "work/job.toml")
    assert (ran.code, ran.err) == (0, "")


def test_the_command_line_counts_above_the_job_file(cli: Cli) -> None:
    text = f'[run]\ngpus = "0 1"\nthreads = 3\nisolate = false\nsharing = "never"\n{NEEDY_STAGE}'
    cli.write("needy.toml", NEEDY)
    cli.write("job.toml", text)
    call = ("run", "job.toml", "--adapter", "needy.toml", "--plan", "--json")
    assert _gpus(cli(*call).out) == [[0], [1], [0]]
    assert _gpus(cli(*call, "--gpus", "3 4 5", "--threads", "2").out) == [[3, 4, 5]] * 3
    isolated = json.loads(cli(*call, "--isolate").out)["steps"]
    assert [step["env"]["CUDA_VISIBLE_DEVICES"] for step in isolated] == ["0", "1", "0"]


def test_a_policy_on_the_command_line_counts_above_the_jobs(cli: Cli) -> None:
    cli.write("needy.toml", NEEDY)
    text = f'[run]\ngpus = "0-3"\nthreads = 3\npolicy = "slots"\n{NEEDY_STAGE}gpus = 1\n'
    cli.write("job.toml", text)
    call = ("run", "job.toml", "--adapter", "needy.toml", "--plan", "--json")
    assert _gpus(cli(*call).out) == [[0], [2], [0]]
    assert _gpus(cli(*call, "--policy", "pool").out) == [[0], [1], [2]]


@pytest.mark.parametrize("policy", ["slots", "pool"])
def test_a_step_of_a_job_gets_the_gpus_that_it_asks_for(cli: Cli, policy: str) -> None:
    cli.write("needy.toml", NEEDY)
    head = f'[run]\ngpus = "0-3"\nthreads = 5\npolicy = "{policy}"\n'
    cli.write("job.toml", f"{head}{NEEDY_STAGE}gpus = 2\n")
    ran = cli("run", "job.toml", "--adapter", "needy.toml", "--plan", "--json")
    assert ran.code == 0, ran.err
    assert _gpus(ran.out) == [[0, 1], [2, 3], [0, 1]]


def test_a_policy_that_nobody_offers_is_told_with_its_line_and_the_nearest(cli: Cli) -> None:
    cli.write("needy.toml", NEEDY)
    cli.write("job.toml", f'[run]\npolicy = "pol"\n{NEEDY_STAGE}')
    call = ("job.toml", "--adapter", "needy.toml")
    for verb in (("run",), ("config", "check")):
        said = cli.refuses(*verb, *call)
        assert "error[E218]: no policy is called `pol`\n  --> job.toml:2:1  run.policy\n" in said
        assert "did you mean `pool`?" in said
    cli.write("job.toml", f'[run]\npolicy = "pool"\n{NEEDY_STAGE}')
    said = cli.refuses("run", *call, "--policy", "slot")
    assert said == (
        "error[E218]: no policy is called `slot`\n  --> --policy\nhelp: did you mean `slots`?\n"
        "`gpucore explain E218` tells more\n"
    )


def _gpus(out: str) -> list[list[int]]:
    return [step["gpus"] for step in json.loads(out)["steps"]]


NEEDY = """
name = "needy"
title = "needs a GPU"
[program]
executable = "/bin/true"
[gpu]
use = "compulsory"
form = "space"
[command]
argv = ["%(EXE)s", "%(src)s", "%(dst)s", "%(GPU)s"]
[params]
src = { type = "path", item = true, help = "what is read" }
dst = { type = "path", output = "%(src.stem)s.out", help = "what is made" }
"""
NEEDY_STAGE = '[[stage]]\nname = "one"\nadapter = "needy"\nitems = "*.tif"\n'


def test_every_fault_of_a_job_is_told_with_file_line_key_caret_and_nearest_key(cli: Cli) -> None:
    said = refused(
        cli,
        """
[run]
gpus = "3-0"
threads = 0

[[stage]]
name = "one"
adapter = "copi"
items = "*.tif"

[[stage]]
name = "two"
adapter = "copy"
after = "on"
item = "%(one.dst)s"
params = { numbr = 3, number = 8 }
""",
    )
    for code, place, what, hint in (
        ("E101", "3:1  run.gpus", "a range goes upwards", "write `0-3`"),
        ("E209", "4:1  run.threads", "0 threads are none", "1 or more"),
        ("E401", '8:1  stage[0] "one": adapter', "unknown adapter `copi`", "did you mean `copy`?"),
        ("E214", '14:1  stage[1] "two": after', "no stage or step is called `on`", "mean `one`?"),
        ("E217", '15:1  stage[1] "two": item', "that is not in `after`", 'write after = "one"'),
        ("E301", '16:12  stage[1] "two": params.numbr', "parameter `numbr`", "mean `number`?"),
        ("E304", '16:23  stage[1] "two": params.number', "`number` = 8 is too large", "5 or less"),
    ):
        assert f"--> job.toml:{place}\n" in said
        assert re.search(rf"^error\[{code}\]: .*{re.escape(what)}", said, re.MULTILINE)
        assert hint in said
    assert said.count("    | ^") + said.count("     | ^") >= 7
    assert said.splitlines()[-1].startswith("7 problems, all shown above; `gpucore explain E101`")


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        ("", "there is nothing to run", "job.toml"),
        ("[run\n", "", "job.toml:1"),
        ("schema = 2\n", "schema 2 is not one", "job.toml:1:1  schema"),
        ("[run]\nthread = 3\n", "unknown key `thread`", "job.toml:2:1  run.thread"),
        ('[run]\noutput = " "\n' + CHAIN.partition("threads = 3\n")[2],
         "the output folder is empty", "job.toml:2:1  run.output"),
        (CHAIN.replace('"*.tif"', '"*.mrc"'), "no file fits the pattern `*.mrc`",
         'job.toml:5:3  stage[0] "one"'),
        (CHAIN.replace('"*.tif"', '["gone.tif", "lost.tif"]'), "there is no file `lost.tif`",
         'job.toml:5:3  stage[0] "one"'),
        (CHAIN.replace('after = "one"', 'after = "two"'), "`two` waits for itself",
         'job.toml:13:1  stage[1] "two": after'),
        (CHAIN.replace("one.dst", "one.dsst"), "names no output of `copy`",
         'job.toml:14:1  stage[1] "two": item'),
        (CHAIN.replace('name = "two"', 'name = "one"'), "the name `one` is taken",
         'job.toml:11:1  stage[1] "one": name'),
        (CHAIN.replace("threads = 3", 'output = "copy.toml"'), "copy.toml is no folder", ""),
        (CHAIN.replace("threads = 3", 'output = "/proc/gpucore-out"'), "/proc/gpucore-out", ""),
        (CHAIN.replace("threads = 3", 'policy = "pol"'), "no policy is called `pol`", ""),
    ],
)  # fmt: skip
def test_a_wrong_job_is_refused_with_its_place(cli: Cli, text: str, what: str, where: str) -> None:
    said = refused(cli, text)
    assert what in said
    assert f"--> {where}" in said or not where


def test_what_hangs_on_a_wrong_stage_is_not_told_as_a_fault_of_its_own(cli: Cli) -> None:
    said = refused(cli, CHAIN.replace('"*.tif"', '["gone.tif", "lost.tif"]'))
    assert said.count("error[E309]: ") == 2
    assert said.count("--> job.toml:5:3  stage[0]") == 2
    assert said.count("|   ^^^^^\n") == 2


def test_a_job_that_is_not_there_or_is_a_folder_is_refused(cli: Cli) -> None:
    assert "there is no such file" in cli.refuses("run", "gone.toml")
    (cli.folder / "dir.toml").mkdir()
    assert "it is a folder" in cli.refuses("run", "dir.toml")


def test_two_steps_of_a_job_that_would_write_the_same_output_are_refused(cli: Cli) -> None:
    cli.write("x/a.tif")
    said = refused(cli, CHAIN.replace('"*.tif"', '["a.tif", "x/a.tif"]'))
    assert "would write the same output `out/one/a.out`" in said
    assert "--> job.toml" in said


def test_a_step_that_would_overwrite_its_input_is_refused(cli: Cli) -> None:
    said = refused(cli, '[[step]]\nname = "s"\nadapter = "copy"\n'
                   'params = { src = "a.tif", dst = "./a.tif" }\n')  # fmt: skip
    assert "s would overwrite its own input `a.tif`" in said


def test_a_compulsory_gpu_on_a_machine_without_ends_a_job_with_3(cli: Cli) -> None:
    cli.write("needy.toml", NEEDY)
    cli.write("job.toml", NEEDY_STAGE)
    call = ("run", "job.toml", "--adapter", "needy.toml", "--devices", "simulated:0")
    assert "the device source `simulated:0` found no GPU" in cli.refuses(*call, code=3)
    assert "needs a GPU" in cli.refuses(*call, "--plan", code=3)


def test_a_program_of_a_job_that_is_not_installed_is_told_before_any_step_starts(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    said = refused(cli, CHAIN + '[[stage]]\nname = "last"\nadapter = "ctffind"\n'
                   'items = "*.tif"\nparams = { pixel_size = 1.0 }\n')  # fmt: skip
    assert "was not found" in said
    assert "[program.ctffind]" in said


def test_an_interrupted_job_says_what_was_done_and_skips_the_rest(cli: Cli) -> None:
    gate = Gate(cli.folder / "gate")
    text = f'case "$1" in b*) echo $$ > {gate}; exec cat {gate} ;; esac; cat "$1" > "$2"'
    cli.write(
        "job.toml",
        CHAIN.replace("threads = 3", "threads = 2").replace(
            'items = "*.tif"', f"items = \"*.tif\"\nparams.text = '''{text}'''"
        ),
    )
    process = start("run", "job.toml", "--adapter", "copy.toml", cwd=cli.folder)
    pid = int(gate.receive())
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    said = err.decode()
    assert "2 done" in said
    assert "4 cancelled" in said
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_job_runs_in_a_process_of_its_own_with_data_on_stdout_alone(cli: Cli) -> None:
    cli.write("job.toml", CHAIN)
    ran = run_apart("run", "job.toml", "--adapter", "copy.toml", cwd=cli.folder)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.splitlines()[0] == "6 steps, 2 workers, no GPU"
    assert "6 done in " in ran.err.splitlines()[-2]
