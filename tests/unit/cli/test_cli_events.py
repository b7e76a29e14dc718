"""``--json-events`` and ``run -``: hosts in other languages."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from command_line import environment
from docs.pages import ROOT, column, rows, section
from jsonschema import Draft202012Validator
from programs import Gate

from gpucore.cli.event_lines import event_data
from gpucore.cli.event_schema import EVENTS, event_schema
from gpucore.standard import Device, DeviceRegarded, FilesBehind, Noted

if TYPE_CHECKING:
    from pathlib import Path

    from command_line import Cli

JOB = """
[run]
gpus = "0 1"
devices = "simulated:2"

[[stage]]
name = "one"
adapter = "copy"
items = "*.tif"
params = { text = '%s' }
"""
GOOD = 'cat "$1" > "$2"'
PAGE = ROOT / "docs" / "reference" / "cli.md"


def spoken(cli: Cli, job: str, *argv: str) -> tuple[int, str, str]:
    """Run a job that comes on standard input."""
    done = subprocess.run(
        [sys.executable, "-m", "gpucore.cli", "run", "-", "--adapter", "copy.toml", *argv],
        cwd=cli.folder, input=job, capture_output=True, text=True, env=environment(), check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def told_fields(event: str) -> set[str]:
    table = {row[0].strip("`"): row[2] for row in rows(section(PAGE, "Events"))}
    text = table[event]
    names = {
        "run_started": {"devices", "slots", "workers"},
        "device_regarded": {"device", "level", "reason", "remedy"},
        "files_behind": {"files", "come", "done", "seconds"},
    }.get(event) or {one.strip("`") for one in text.replace(",", " ").split() if "`" in one}
    assert all(f"`{name}`" in text for name in names)
    if "gpucore.run/1" in text:
        run = {row[0].strip("`"): row[2] for row in rows(section(PAGE, "JSON"))}["gpucore.run/1"]
        steps = run.partition("they ended: ")[2]
        names = {"stage"} | {one.strip("` ") for one in steps.split(",")}
    return names


@pytest.mark.slow
def test_a_job_on_standard_input_tells_each_event_on_a_line(cli: Cli) -> None:
    code, out, _ = spoken(cli, JOB % GOOD, "--json-events", "-q")
    assert code == 0
    events = lines_of(out)
    kinds = [one["event"] for one in events]
    assert (kinds[0], kinds[-1]) == ("run_started", "run_ended")
    assert (kinds.count("step_started"), kinds.count("step_ended")) == (3, 3)
    assert {one["schema"] for one in events} == {"gpucore.event/1"}
    assert len({one["run"] for one in events}) == 1
    assert [one["time"] for one in events] == sorted(one["time"] for one in events)
    assert events[-1]["counts"] == {"done": 3}
    for one in events:
        own = set(one) - {"schema", "time", "run", "event"}
        assert own == told_fields(one["event"])
    assert (cli.folder / "out" / "one" / "a.out").read_text() == "a.tif\n"


def test_every_event_has_a_row_and_no_other() -> None:
    device = Device(uuid="GPU-1", index=1)
    noted = event_data(Noted(run="r", text="t"))
    behind = event_data(FilesBehind(run="r", files=3, come=0.5, done=0.25))
    assert behind is not None
    assert set(behind) - {"run", "event"} == told_fields("files_behind")
    regarded = event_data(DeviceRegarded(run="r", device=device, level="good"))
    assert noted == {"run": "r", "event": "noted", "text": "t"}
    assert regarded is not None
    assert set(regarded) - {"run", "event"} == told_fields("device_regarded")
    assert [one for one in column(section(PAGE, "Events")) if one != "event"] == [
        "run_started", "step_started", "step_retried", "step_ended", "noted", "device_regarded",
        "files_behind", "run_ended",
    ]  # fmt: skip


def test_the_schema_holds_what_the_reference_says() -> None:
    told = [one for one in column(section(PAGE, "Events")) if one != "event"]
    assert told == list(EVENTS)
    for event in told:
        assert set(EVENTS[event]) == told_fields(event)


def lines_of(text: str) -> list[dict[str, Any]]:
    """Return the events of a run, each of which is as the schema says."""
    schema = event_schema()
    Draft202012Validator.check_schema(schema)
    valid = Draft202012Validator(schema)
    events: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    for one in events:
        valid.validate(one)
        assert set(one) == {"schema", "time", "run", "event", *EVENTS[one["event"]]}
    return events


@pytest.mark.parametrize(
    ("event", "changed"),
    [
        ("step_ended", {"state": "well"}),
        ("files_behind", {"files": None}),
        ("run_started", {"devices": [{}]}),
        ("noted", {"text": 1}),
    ],
)
def test_a_line_that_is_not_as_the_schema_says_is_refused_by_it(
    event: str, changed: dict[str, Any]
) -> None:
    valid = Draft202012Validator(event_schema())
    line = {"schema": "gpucore.event/1", "time": 1.0, "run": "r", "event": event}
    assert not valid.is_valid(line)
    assert not valid.is_valid(line | changed)
    assert valid.is_valid(line | {"event": "one of a later version"})


def test_a_map_of_steps_that_fail_and_are_tried_again_tells_lines_as_the_schema_says(
    cli: Cli,
) -> None:
    text = 'test -e again && cat "$1" > "$2"; touch again; test -e "$2"'
    ran = cli(
        "map", "copy", "a.tif", "--adapter", "copy.toml", "-o", "out", "--gpus", "0",
        "--devices", "simulated:1", "--set", f"text={text}", "--retries", "1", "--json-events",
    )  # fmt: skip
    events = lines_of(ran.out)
    kinds = [one["event"] for one in events]
    assert ran.code == 0, ran.err
    assert [kind for kind in kinds if kind != "noted"] == [
        "run_started", "step_started", "step_retried", "step_started", "step_ended", "run_ended",
    ]  # fmt: skip
    ended = events[kinds.index("step_ended")]
    assert (ended["state"], ended["attempts"]) == ("done", 2)


def test_a_watched_folder_tells_how_far_the_run_is_behind(cli: Cli) -> None:
    for name in ("in/a.tif", "in/b.tif", "in/STOP"):
        cli.write(name)
    ran = cli(
        "map", "copy", "--watch", "in", "--pattern", "*.tif", "--settle", "10ms", "--marker",
        "STOP", "--adapter", "copy.toml", "-o", "out", "--gpus", "", "--json-events",
    )  # fmt: skip
    events = lines_of(ran.out)
    behind = [one["files"] for one in events if one["event"] == "files_behind"]
    assert ran.code == 0, ran.err
    assert 2 in behind
    assert [one["step"] for one in events if one["event"] == "step_ended"]


def test_resume_tells_events_when_it_is_asked_for_them(cli: Cli) -> None:
    text = 'test -e well && cat "$1" > "$2"'
    call = (
        "map", "copy", "a.tif", "--adapter", "copy.toml", "-o", "out", "--gpus", "", "--json",
        "--set", f"text={text}",
    )  # fmt: skip
    sys.argv = ["gpucore", *call]
    assert cli(*call).code == 1
    cli.write("well")
    ran = cli("resume", "out", "--json-events")
    assert ran.code == 0, ran.err
    assert [one["state"] for one in lines_of(ran.out) if one["event"] == "step_ended"] == ["done"]
    assert "--json-events goes with neither" in cli("resume", "out", "--json-events", "--json").err


def test_the_schema_of_an_event_is_printed(cli: Cli) -> None:
    assert json.loads(cli("config", "schema", "event").out) == event_schema()


@pytest.mark.slow
def test_a_failure_is_told_with_its_class_and_the_exit_code_is_that_of_the_run(cli: Cli) -> None:
    code, out, _ = spoken(cli, JOB % "exit 3", "--json-events", "-q")
    ended = [one for one in map(json.loads, out.splitlines()) if one["event"] == "step_ended"]
    assert code == 1
    assert {(one["state"], one["failure"], one["exit_code"], one["attempts"]) for one in ended} == {
        ("failed", "program_fault", 3, 1)
    }


@pytest.mark.parametrize(
    ("job", "argv", "words"),
    [
        ("[run]\nthread = 3\n", (), "--> -:2"),
        ("[run\n", (), "--> -:1"),
        (JOB % GOOD, ("--json",), "--json-events goes with neither"),
        (JOB % GOOD, ("--plan",), "--json-events goes with neither"),
        ("#" * (1 << 20) + "#", (), "larger than 1 MiB"),
    ],
)
def test_what_is_wrong_is_said_on_standard_error_alone(
    cli: Cli, job: str, argv: tuple[str, ...], words: str
) -> None:
    code, out, err = spoken(cli, job, "--json-events", *argv)
    assert (code, out) == (2, "")
    assert words in err


@pytest.mark.slow
def test_a_reader_that_goes_away_does_not_end_the_run(cli: Cli, tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    text = f'read x < {gate}; cat "$1" > "$2"'
    cli.write("job.toml", (JOB % text).replace("*.tif", "a.tif"))
    with subprocess.Popen(
        [sys.executable, "-m", "gpucore.cli", "run", "job.toml", "--adapter", "copy.toml",
         "--json-events"],
        cwd=cli.folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as host:  # fmt: skip
        assert host.stdout is not None
        assert json.loads(host.stdout.readline())["event"] == "run_started"
        host.stdout.close()
        gate.release()
        assert host.stderr is not None
        said = host.stderr.read().decode()
    assert host.returncode == 0, said
    assert "1 done" in said
    assert "BrokenPipe" not in said


@pytest.mark.slow
def test_resume_says_that_the_job_on_standard_input_is_gone(cli: Cli) -> None:
    assert spoken(cli, JOB % GOOD)[0] == 0
    ran = cli("resume", "out")
    assert (ran.code, ran.out) == (2, "")
    assert "had its job on standard input" in ran.err
    assert spoken(cli, JOB % GOOD)[0] == 0
