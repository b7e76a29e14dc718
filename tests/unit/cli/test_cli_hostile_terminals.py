"""Hostile texts as names, titles, log lines, devices, users, programs: no terminal obeys one."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
from typing import TYPE_CHECKING

import pytest
from command_line import COPY as ADAPTER
from command_line import environment, run_apart
from hostile_terminals import PAYLOADS, is_harmless
from pseudo_terminals import OnTerminal

from gpucore.cli.doctor.checking import Finding, Result
from gpucore.cli.doctor.examination import Examination
from gpucore.cli.doctor.secrets import Censor
from gpucore.cli.doctor_verb import _show
from gpucore.cli.gpus_listing import Listing, Use, print_listing
from gpucore.cli.logged import logged
from gpucore.cli.picture import Lane, StageBar
from gpucore.cli.progress import LinePrinter, ending, regarded
from gpucore.cli.terminal import clean
from gpucore.errors import ConfigError
from gpucore.scheduling.standing import Level, Standing
from gpucore.standard.model import (
    Device,
    DeviceRegarded,
    Noted,
    Outcome,
    StepEnded,
    StepRetried,
    StepStarted,
    StepState,
)
from gpucore.standard.readings import Snapshot
from gpucore.system.lease_records import Holder
from gpucore.system.leases import Leases

if TYPE_CHECKING:
    from command_line import Cli, Ran

pytestmark = pytest.mark.slow

TEXTS = [os.fsdecode(one) for one in PAYLOADS]
DRAWN = re.compile(rb"\x1b\[(?:\?25[lh]|\d*A|2K)|\r")
"""What draws the living picture where no colour is wanted: the cursor goes up, lines are erased."""
COPY = ("--adapter", "copy.toml")


def name_of(place: int) -> bytes:
    """Return a payload as the name of a file."""
    return PAYLOADS[place].replace(b"/", b"_")[:200] + b"%d.tif" % place


def told(cli: Cli, *argv: str, code: int = 0) -> Ran:
    ran = cli(*argv)
    assert ran.code == code, (argv, ran.err)
    assert is_harmless((ran.out + ran.err).encode()), argv
    return ran


def test_there_are_200_and_each_is_another() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 200


@pytest.mark.parametrize("place", range(len(PAYLOADS)))
def test_a_text_is_shown_whole_and_harmless(place: int) -> None:
    shown = clean(TEXTS[place])
    assert is_harmless(shown.encode())
    assert clean(shown) == shown
    assert shown.isprintable()


@pytest.fixture(scope="module")
def shown_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[OnTerminal, os.PathLike[str]]:
    """Return a run over files of such names, on a terminal; half fail, with such last words."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "copy.toml").write_text(ADAPTER)
    names = [name_of(place) for place in range(len(PAYLOADS))]
    for place, name in enumerate(names):
        (folder / os.fsdecode(name)).write_bytes(PAYLOADS[place])
    text = 'cat "$1" >&2; case "$1" in *[13579].tif) exit 3;; esac; cat "$1" > "$2"'
    argv: list[str | bytes] = [
        sys.executable, "-m", "gpucore.cli", "map", "copy", "-o", "out\x1b[2J", *COPY, "--threads",
        "4", "--set", f"text={text}", "--", *names,
    ]  # fmt: skip
    shown = OnTerminal(
        argv,  # type: ignore[arg-type]
        folder,
        environment(HOME=str(folder), NO_COLOR="1"),
    )
    assert shown.finish() == 1
    return shown, folder


def test_a_run_on_a_terminal_says_every_name_and_last_word_harmlessly(
    shown_run: tuple[OnTerminal, os.PathLike[str]],
) -> None:
    shown, _ = shown_run
    assert is_harmless(DRAWN.sub(b"", shown.raw_bytes))
    assert "153 done, 153 failed in" in shown.text
    assert shown.text.count("failed copy/") == 153


def test_what_is_told_of_that_run_is_harmless(
    cli: Cli,
    shown_run: tuple[OnTerminal, os.PathLike[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, folder = shown_run
    monkeypatch.setenv("HOME", os.fspath(folder))
    monkeypatch.chdir(folder)
    out = "out\x1b[2J"
    told(cli, "status", out)
    told(cli, "report", out)
    told(cli, "cancel", out, code=5)
    steps = [one["step"] for one in json.loads(cli("report", out, "--json").out)["attempts"]]
    assert len(steps) == len(PAYLOADS)
    for step in steps[::2]:
        told(cli, "explain", "--", out, step)
    for step in steps:
        told(cli, "logs", "--", out, step)
    assert is_harmless(
        run_apart("resume", out, "-q", cwd=folder, HOME=os.fspath(folder)).err.encode()
    )  # type: ignore[arg-type]


def test_plans_and_errors_with_such_paths_are_harmless(cli: Cli) -> None:
    for text in TEXTS:
        path = text.replace("/", "_")[:100]
        told(cli, "map", "copy", "a.tif", f"--output=o/{path}", "--plan", *COPY)
        told(cli, "run", f"./{path}.toml", code=2)
        told(cli, "status", f"./{path}", code=2)
        told(cli, "map", "copy", "a.tif", "-o", "o", *COPY, f"--set={text}=1", code=2)
        told(cli, "map", "copy", "-o", "o", *COPY, "--", f"./{path}", code=2)


def test_such_job_files_and_output_folders_are_told_harmlessly(cli: Cli) -> None:
    for place in range(0, len(PAYLOADS), 12):
        # SQLite opens no path of more than 512 bytes.
        texts = [one.replace("/", "_")[:12] for one in TEXTS[place : place + 12]]
        folder = "j/" + "/".join(f"{number}{one}" for number, one in enumerate(texts))
        path = cli.folder / folder
        path.mkdir(parents=True)
        words = toml("/".join(texts))
        (path / "job.toml").write_text(
            f'[[stage]]\nname = "s"\nadapter = "copy"\nitems = "{cli.folder}/a.tif"\n'
            f"[stage.params]\nword = {words}\n"
        )
        (path / "bad.toml").write_text(f"[run]\nthread = {words}\n")
        told(cli, "run", f"{folder}/job.toml", *COPY)
        told(cli, "run", f"{folder}/job.toml", "--plan", *COPY)
        told(cli, "config", "check", f"{folder}/bad.toml", code=2)


def toml(text: str) -> str:
    """Return a text as TOML has it: a surrogate is nothing that a file could hold."""
    said = json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False)
    return said.replace("\x7f", "\\u007f")


def test_adapters_with_such_texts_are_shown_harmlessly(cli: Cli) -> None:
    for place, text in enumerate(TEXTS):
        said = toml(text)
        cli.write(
            f"many/a{place}.toml",
            f"""
name = "a{place}"
title = {said}
homepage = {said}
licence = {said}
citation = {said}
unverified = [{said}]
[program]
executable = "/bin/echo"
install = {said}
[command]
argv = ["%(EXE)s", "%(word)s"]
[params]
word = {{ type = "string", default = "x", unit = {said}, help = {said} }}
kind = {{ type = "choice", choices = [{toml(text + "c")}], optional = true, help = "k" }}
""",
        )
    listed = told(cli, "adapters", "--adapter", "many")
    many = [one for one in listed.out.splitlines() if re.match(r"a\d+ ", one)]
    assert len(many) > 200
    for one in many:
        name = one.split()[0]
        told(cli, "adapters", "show", name, "--adapter", f"many/{name}.toml")
    for place in range(len(TEXTS)):
        ran = cli("config", "check", f"many/a{place}.toml")
        assert is_harmless((ran.out + ran.err).encode())


def test_leases_that_others_hold_are_shown_harmlessly(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    holders = [
        Holder(f"GPU-{text}", 0, 1, place + 1, text, text, 1e300, False)
        for place, text in enumerate(TEXTS)
    ]
    monkeypatch.setattr(Leases, "holders", lambda _: holders)
    ran = told(cli, "leases", "--devices", "simulated:2")
    assert len(ran.out.splitlines()) == len(TEXTS) + 1
    told(cli, "gpus", "--devices", "simulated:2")


def test_devices_and_strangers_on_them_are_shown_harmlessly(
    capsys: pytest.CaptureFixture[str],
) -> None:
    devices = tuple(
        Device(uuid=f"GPU-{text}{place}", index=place, name=text)
        for place, text in enumerate(TEXTS)
    )
    print_listing(
        Listing(
            source="nvml",
            devices=devices,
            snapshot=Snapshot(time=0.0, driver=TEXTS[0], cuda=TEXTS[1]),
            standings={
                one.uuid: Standing(level=Level.QUARANTINED, reason=one.name, remedy=one.name)
                for one in devices
            },
            uses=tuple(
                Use(uuid=one.uuid, ours=bool(one.index % 2), pid=7, user=one.name, what=one.name,
                    memory_mib=5)
                for one in devices
            ),
            notes=tuple(TEXTS),
        )
    )  # fmt: skip
    said = capsys.readouterr()
    assert is_harmless((said.out + said.err).encode())
    assert len(said.err.splitlines()) == 3 * len(TEXTS)


def test_what_the_doctor_finds_is_told_harmlessly(capsys: pytest.CaptureFixture[str]) -> None:
    results = tuple(
        Result(
            check=text,
            state="wrong",
            seconds=0.0,
            facts={},
            findings=(Finding(level="wrong", what=text, help=f"kill {text}", exit_code=1),),
        )
        for text in TEXTS
    )
    _show(Examination(time=time.time(), results=results, censor=Censor([])))
    assert is_harmless(capsys.readouterr().out.encode())


@pytest.mark.parametrize("width", [20, 40, 100, 400])
def test_the_lines_of_a_picture_hold_nothing_but_text_and_fit(width: int) -> None:
    for text in TEXTS:
        device = Device(uuid="GPU-a", index=0, name=text)
        lane, stage = Lane(device), StageBar(clean(text), 7)
        free = lane.line(width, None)
        lane.unused = clean(text)
        unused = lane.line(width, None)
        lane.begin(text)
        stage.begin()
        for line in (free, unused, lane.line(width, None), stage.line(width)):
            assert is_harmless(line.plain.encode())
            assert line.cell_len <= width


def test_every_event_is_told_harmlessly(capsys: pytest.CaptureFixture[str]) -> None:
    display = LinePrinter(len(TEXTS))
    for text in TEXTS:
        device = Device(uuid=text, index=0, name=text)
        outcome = Outcome(
            step=text, adapter=text, state=StepState.FAILED, reason=text, hint=text, log=text,
            warnings=(text,), devices=(device,),
        )  # fmt: skip
        display.failed.clear()
        for event in (
            StepStarted(run="r", step=text, adapter=text, stage=text, devices=(device,)),
            StepRetried(run="r", stage=text, outcome=outcome, attempt=1),
            StepEnded(run="r", stage=text, outcome=outcome),
            Noted(run="r", text=text),
            DeviceRegarded(run="r", device=device, level="busy", reason=text, remedy=text),
        ):
            display(event)
        assert is_harmless(
            ending(outcome)
            .encode()
            .replace(b"\x1b[31m", b"")
            .replace(b"\x1b[33m", b"")
            .replace(b"\x1b[0m", b"")
        )
        assert regarded(event)
    assert is_harmless(capsys.readouterr().err.encode())


def test_what_is_logged_is_told_harmlessly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What pytest keeps of a log it sends to another process, where half a surrogate is the end.
    monkeypatch.setattr(logging.getLogger("gpucore"), "propagate", False)
    with logged():
        for text in TEXTS:
            logging.getLogger("gpucore.some").warning("the folder %s is odd", text)
            try:
                raise ConfigError(text)
            except ConfigError:
                logging.getLogger("gpucore.some").exception("it failed on %s", text)
    said = capsys.readouterr().err
    assert is_harmless(said.encode())
    assert len(said.splitlines()) == 2 * len(TEXTS)
    assert "Traceback" not in said
