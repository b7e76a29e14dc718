"""Help, light imports, and the form of what the verbs print."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from command_line import environment, run_apart

from gpucore.cli.entry import VERBS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import click
    from command_line import Cli

HEAVY = ("pydantic", "rich", "numpy", "gpucore.executor", "gpucore.standard", "pluggy", "tomllib")


def loaded_by(cli: Cli, *argv: str) -> set[str]:
    """Return the modules that a call has loaded when it ends."""
    program = (
        "import sys\nfrom gpucore.cli import main\n"
        f"main({list(argv)!r})\nprint(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=cli.folder, env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stderr.split())


@pytest.mark.parametrize("argv", [("--help",), ("--version",), ("nope",), ("map", "--help")])
def test_help_loads_nothing_that_is_heavy(cli: Cli, argv: tuple[str, ...]) -> None:
    assert not loaded_by(cli, *argv) & set(HEAVY[:4])


def test_help_alone_loads_nothing_of_gpucores_inside(cli: Cli) -> None:
    assert not loaded_by(cli, "--help") & set(HEAVY)


def test_a_plan_loads_neither_rich_nor_pydantic(cli: Cli) -> None:
    loaded = loaded_by(cli, "map", "motioncor2", "a.tif", "-o", "out", "--gpus", "0", "--plan")
    assert "gpucore.planning" in loaded
    assert not loaded & {"rich", "pydantic", "numpy"}


@pytest.mark.parametrize("verb", VERBS)
def test_the_list_of_verbs_says_what_each_verb_says_of_itself(cli: Cli, verb: str) -> None:
    command: click.Command = importlib.import_module(f"gpucore.cli.{verb}_verb").command
    assert command.help is not None
    assert command.help.splitlines()[0] == VERBS[verb]
    assert command.name == verb


@pytest.mark.parametrize(
    "argv", [(), *((verb,) for verb in VERBS), ("adapters", "show"), ("config", "check")]
)
def test_every_verb_explains_itself(cli: Cli, argv: tuple[str, ...]) -> None:
    for flag in ("--help", "-h"):
        ran = cli(*argv, flag)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith(f"Usage: {' '.join(('gpucore', *argv))} ")
        assert max(map(len, ran.out.splitlines())) <= 100


def epilogs() -> Iterator[str]:
    for verb in VERBS:
        command = importlib.import_module(f"gpucore.cli.{verb}_verb").command
        yield from (
            one.epilog
            for one in (command, *getattr(command, "commands", {}).values())
            if one.epilog
        )


@pytest.mark.parametrize("epilog", list(epilogs()))
def test_an_example_in_the_help_can_be_typed_as_it_stands(epilog: str) -> None:
    shell = shutil.which("bash") or "/bin/sh"
    example = epilog.removeprefix("Example: ")
    done = subprocess.run([shell, "-n", "-c", example], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_names_every_verb_and_every_exit_code(cli: Cli) -> None:
    said = " ".join(cli("--help").out.split())
    assert all(f" {verb} {text} " in said for verb, text in VERBS.items())
    for code in ("0 all done", "1 a step failed", "2 wrong input or configuration",
                 "3 no usable GPU", "4 internal fault", "5 nothing to do", "130"):  # fmt: skip
        assert code in said


@pytest.mark.parametrize(
    ("given", "meant"),
    [("mpa", "map"), ("maps", "map"), ("rnu", "run"), ("gpu", "gpus"), ("adapter", "adapters"),
     ("plugin", "plugins"), ("exce", "exec")],
)  # fmt: skip
def test_a_mistyped_verb_is_answered_with_the_nearest(cli: Cli, given: str, meant: str) -> None:
    said = cli.refuses(given)
    head, hint, more = said.splitlines()
    assert head == f"error[E250]: there is no verb `{given}`"
    assert hint == f"help: did you mean `{meant}`?"
    assert more == "`gpucore explain E250` tells more"


def test_a_verb_that_is_like_none_is_answered_with_what_lists_all(cli: Cli) -> None:
    assert "help: `gpucore --help` lists them" in cli.refuses("zzzz")


def test_quiet_tells_failures_and_the_summary_only(cli: Cli) -> None:
    call = ("map", "copy", "a.tif", "b.tif", "-o", "out", "--adapter", "copy.toml", "-q")
    ran = cli(*call)
    assert ran.code == 0
    assert ran.err.splitlines()[0].startswith("2 done in ")
    assert ran.err.splitlines()[1:] == ["page: out/report.html"]
    text = 'case "$1" in a*) exit 2; esac; cat "$1" >"$2"'
    ran = cli(*call, "--threads", "2", "--set", f"text={text}")
    lines = ran.err.splitlines()
    assert lines[0].startswith("[1/2] failed copy/a in ")
    assert lines[-3].startswith("1 done, 1 failed in ")


def test_progress_off_a_terminal_is_a_line_for_each_step(cli: Cli) -> None:
    ran = cli("map", "copy", "a.tif", "b.tif", "-o", "out", "--adapter", "copy.toml",
              "--threads", "2")  # fmt: skip
    first, *steps, last, page = ran.err.splitlines()
    assert first == "2 steps, 1 worker, no GPU"
    assert [line.partition(" in ")[0] for line in steps] == [
        "[1/2] done copy/a", "[2/2] done copy/b",
    ]  # fmt: skip
    assert last.startswith("2 done in ")
    assert last.endswith("; outputs in out")
    assert page == "page: out/report.html"


@pytest.mark.slow
def test_data_and_talk_do_not_mix(cli: Cli) -> None:
    ran = run_apart(
        "map", "copy", "a.tif", "gone.tif", "b.tif", "-o", "out", "--adapter", "copy.toml",
        "--json", cwd=cli.folder,
    )  # fmt: skip
    assert (ran.code, ran.out) == (2, "")
    ran = run_apart(
        "map", "copy", "a.tif", "b.tif", "-o", "out", "--adapter", "copy.toml", "--json",
        "--set", 'text=echo loud; cat "$1" > "$2"', cwd=cli.folder,
    )  # fmt: skip
    assert json.loads(ran.out)["counts"] == {"done": 2}
    assert "\nloud" not in ran.out + ran.err


STEP = {
    "step", "adapter", "state", "reason", "hint", "failure", "exit_code", "outputs", "gpus",
    "simulated", "argv", "env", "warnings", "log", "started", "ended",
    "earlier",
    "attempts", "peak_memory_mib", "peak_utilisation",
}  # fmt: skip


def test_a_run_as_json_says_how_every_step_ended(cli: Cli) -> None:
    cli.write("job.toml", '[[stage]]\nname = "s"\nadapter = "copy"\nitems = "*.tif"\n')
    calls = {
        "copy": ("map", "copy", "a.tif", "b.tif", "c.tif", "-o", "out"),
        "s": ("run", "job.toml"),
    }
    for stage, call in calls.items():
        ran = cli(*call, "--adapter", "copy.toml", "--threads", "2", "--json")
        assert ran.code == 0, ran.err
        told = json.loads(ran.out)
        assert told.keys() == {"schema", "run", "counts", "seconds", "logs", "steps"}
        assert told["schema"] == "gpucore.run/1"
        assert told["counts"] == {"done": 3}
        first = told["steps"][0]
        assert first.keys() == STEP
        assert (first["step"], first["state"], first["exit_code"]) == (f"{stage}/a", "done", 0)
        assert first["failure"] is None
        assert first["log"].startswith(told["logs"])
        assert first["ended"] >= first["started"] > 0


def test_the_adapters_as_json(cli: Cli) -> None:
    told = json.loads(cli("adapters", "--json").out)
    assert told["schema"] == "gpucore.adapters/1"
    rows = {row["name"]: row for row in told["adapters"]}
    assert rows["motioncor2"] == {
        "name": "motioncor2",
        "title": rows["motioncor2"]["title"],
        "gpu": "compulsory",
        "executable": "MotionCor2",
        "from": rows["framealign"]["from"],
    }
    assert list(rows) == sorted(rows)


def test_an_adapter_as_json_has_all_its_fields(cli: Cli) -> None:
    told = json.loads(cli("adapters", "show", "gctf", "--json").out)
    assert told["schema"] == "gpucore.adapter/1"
    assert told["adapter"]["name"] == "gctf"
    assert told["adapter"]["gpu"]["use"] == "compulsory"
    assert told["adapter"]["params"]["pixel_size"]["unit"] == "Å"
    assert told["adapter"]["failure"]
    for failure in told["adapter"]["failure"]:
        assert failure.keys() >= {"match", "class", "hint", "effect"}
        assert "class_" not in failure


BUILT_IN = (
    "ctffind", "framealign", "gautomatch", "gctf", "motioncor2", "motioncor3", "powerfit",
    "relion_autopick", "relion_class2d", "relion_motioncorr",
)  # fmt: skip


def test_every_built_in_adapter_is_listed(cli: Cli) -> None:
    ran = cli("adapters")
    assert ran.code == 0
    listed = [line.split()[0] for line in ran.out.splitlines()[1:]]
    assert set(BUILT_IN) <= set(listed)


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_adapter_can_be_shown(cli: Cli, name: str) -> None:
    ran = cli("adapters", "show", name)
    assert (ran.code, ran.err) == (0, "")
    for part in (f"{name}: ", "  program    ", "  GPU        ", "Parameters", "Licence",
                 "Citation", "Examples"):  # fmt: skip
        assert part in ran.out


def test_an_adapter_that_is_not_known_is_answered_with_the_nearest(cli: Cli) -> None:
    assert "did you mean `motioncor2`?" in cli.refuses("adapters", "show", "motioncr2")


@pytest.mark.parametrize(
    "argv",
    [
        ("adapters", "--devices", "simulated:1"),
        ("adapters", "show", "gctf", "--devices", "simulated:1"),
        ("config", "check", "copy.toml", "--devices", "simulated:1"),
        ("gpus", "--adapter", "copy.toml", "--devices", "simulated:1"),
        ("exec", "--adapter", "copy.toml", "--devices", "simulated:1", "--", "true"),
    ],
)
def test_an_option_that_would_do_nothing_is_none(cli: Cli, argv: tuple[str, ...]) -> None:
    assert "error[E250]: no such option" in cli.refuses(*argv)


def test_simulated_gpus_are_shown_and_marked(cli: Cli) -> None:
    ran = cli("gpus", "--devices", "simulated:2")
    assert ran.out.splitlines()[0].split()[:3] == ["index", "name", "memory"]
    assert [line.split()[:3] for line in ran.out.splitlines()[1:]] == [
        ["0", "simulated", "GPU"], ["1", "simulated", "GPU"],
    ]  # fmt: skip
    told = json.loads(cli("gpus", "--devices", "simulated:2", "--json").out)
    assert (told["schema"], told["source"]) == ("gpucore.gpus/1", "simulated:2")
    assert [one["index"] for one in told["devices"]] == [0, 1]
    assert all(one["simulated"] for one in told["devices"])


@pytest.mark.parametrize(
    ("source", "code", "what"),
    [("simulated:0", 3, "found no GPU"), ("simulated:x", 3, "is no number of devices"),
     ("nvlm", 2, "did you mean `nvml`?")],
)  # fmt: skip
def test_a_machine_without_gpus_is_told_as_such(
    cli: Cli, source: str, code: int, what: str
) -> None:
    assert what in cli.refuses("gpus", "--devices", source, code=code)


def test_an_outer_mask_hides_gpus_and_is_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "CUDA_VISIBLE_DEVICES=''" in cli.refuses("gpus", "--devices", "simulated:2", code=3)


@pytest.mark.slow
def test_a_plugin_in_quarantine_is_told_with_distribution_version_and_reason(cli: Cli) -> None:
    info = cli.folder / "site" / "gpucore_broken-2.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gpucore-broken\nVersion: 2.5\n")
    (info / "entry_points.txt").write_text("[gpucore]\nbroken = gpucore_broken_plugin\n")
    cli.write("site/gpucore_broken_plugin.py", 'raise RuntimeError("bad \\x1b[2J day")\n')
    more = {"PYTHONPATH": str(cli.folder / "site")}
    ran = run_apart("plugins", cwd=cli.folder, **more)
    assert ran.code == 0
    assert re.search(r"^adapters +gpucore-framework \S+ +\d+ adapters$", ran.out, re.MULTILINE)
    assert "broken" not in ran.out
    assert "in quarantine: broken of gpucore-broken 2.5: cannot be imported: " in ran.err
    assert "RuntimeError: bad " in ran.err
    assert "\x1b" not in ran.err
    assert "Traceback" not in ran.err
    told = json.loads(run_apart("plugins", "--json", cwd=cli.folder, **more).out)
    assert told.keys() == {"schema", "plugins", "quarantine"}
    assert told["schema"] == "gpucore.plugins/1"
    assert [one["name"] for one in told["quarantine"]] == ["broken"]
    assert told["quarantine"][0].keys() == {
        "name", "distribution", "version", "module", "reason", "hint", "file", "code",
    }  # fmt: skip
    assert told["plugins"][0].keys() == {
        "name", "distribution", "version", "module", "adapters", "device_sources", "policies",
        "engines", "observes", "seconds",
    }  # fmt: skip
    ran = run_apart("map", "brokn", "a.tif", "-o", "out", cwd=cli.folder, **more)
    assert "in quarantine: broken; see `gpucore plugins`" in ran.err
    assert ran.code == 2


GOOD = {
    "copy.toml": "the adapter copy is fine",
    "job.toml": "the job is fine (2 parts)\nsettings: built-in, {folder}/gpucore.toml",
    "gpucore.toml": "the settings are fine",
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_of_any_kind_is_fine(cli: Cli, name: str) -> None:
    first = '[[stage]]\nname = "s"\nadapter = "copy"\nitems = "*.tif"\n'
    second = '[[stage]]\nname = "t"\nadapter = "copy"\nafter = "s"\nitem = "%(s.dst)s"\n'
    cli.write("job.toml", first + second)
    cli.write("gpucore.toml", 'gpus = "0 1"\n[program.gctf]\nexecutable = "/opt/gctf"\n')
    ran = cli("config", "check", name, "--adapter", "copy.toml")
    said = GOOD[name].format(folder=cli.folder)
    assert (ran.code, ran.out, ran.err) == (0, f"{name}: {said}\n", "")


def test_a_job_is_told_with_all_that_says_its_settings_the_last_counting_most(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli.write("job.toml", '[[stage]]\nname = "s"\nadapter = "copy"\nitems = "*.tif"\n')
    cli.write("other.toml", 'sharing = "never"\n')
    user = tmp_path / "settings" / "gpucore" / "gpucore.toml"
    user.parent.mkdir(parents=True)
    user.write_text('gpus = "0"\n', encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setenv("GPUCORE_GPUS", "0")
    ran = cli("config", "check", "job.toml", "--adapter", "copy.toml", "--config", "other.toml")
    assert ran.out.splitlines()[1] == (
        f"settings: built-in, {user}, other.toml, environment GPUCORE_GPUS"
    )


@pytest.mark.parametrize(
    ("text", "whats"),
    [
        ('name = "x"\ntitle = "t"\n[comand]\n[program]\nexecutable = "x"\n',
         ("unknown key `comand`", "did you mean `command`?", "the key `command` is missing")),
        ('[run]\nthread = 1\n[[stage]]\nname = "s"\n',
         ("unknown key `thread`", "did you mean `threads`?", "the key `adapter` is missing")),
        ('gpus = "3-0"\nthreads = 0\n', ("write `0-3`", "0 threads are none")),
        ("gpus = \n", ("bad.toml:1",)),
    ],
)  # fmt: skip
def test_a_bad_file_of_any_kind_is_told_with_all_its_faults(
    cli: Cli, text: str, whats: tuple[str, ...]
) -> None:
    cli.write("bad.toml", text)
    said = cli.refuses("config", "check", "bad.toml")
    for what in whats:
        assert what in said
    assert "--> bad.toml:" in said
    assert "^" in said
