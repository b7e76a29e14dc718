"""The lines of a run's picture: what each says, and that it fits its terminal."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from command_line import environment, start
from programs import Gate
from pseudo_terminals import OnTerminal
from rich.cells import cell_len

from gpucore.cli import picture
from gpucore.cli.picture import Lane, StageBar
from gpucore.standard.model import Device, StepState
from gpucore.standard.readings import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from command_line import Cli
    from fake_drivers import FakeDriver
    from rich.text import Text

A100 = Device(uuid="GPU-a", index=3, name="NVIDIA A100-SXM4-40GB")
BUSY = Reading(uuid="GPU-a", memory_total_mib=40960, memory_used_mib=12345, utilisation=97,
               temperature=66)  # fmt: skip
LONG = "align/" + "a_very_long_name_of_a_movie_" * 6 + "0071"
WIDTHS = (10, 20, 40, 60, 80, 100, 250, 400)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time, which a test sets."""
    now = [100.0]
    monkeypatch.setattr(picture.time, "monotonic", lambda: now[0])
    return now


def stage(clock: list[float]) -> StageBar:
    """Return a stage of ten steps after a minute: 4 done, 1 failed, 2 run, 1 is tried again."""
    bar = StageBar("align", 10)
    for _ in range(8):
        bar.begin()
    clock[0] += 60.0
    for state in (*[StepState.DONE] * 4, StepState.FAILED):
        bar.end(state, ran=True)
    bar.retry(ran=True)
    return bar


def shown(line: Text) -> str:
    return re.sub(r"[━─]+", "━", line.plain)


def test_a_stage_says_done_running_failed_retried_rate_and_time_left(clock: list[float]) -> None:
    assert shown(stage(clock).line(120)) == (
        "align  ━  4/10 done · 2 running · 1 failed · 1 tried again · "
        "about 1 min 0 s left · 5.0/min"
    )


def test_a_bar_is_as_long_as_what_has_ended_with_colour_or_without(clock: list[float]) -> None:
    plain = stage(clock).line(200).plain
    assert (plain.count("━"), plain.count("─")) == (20, 20)


def test_steps_that_were_done_before_say_nothing_of_the_rate(clock: list[float]) -> None:
    bar = StageBar("align", 1000)
    for _ in range(900):
        bar.end(StepState.DONE, ran=False)
    assert shown(bar.line(80)) == "align  ━  900/1000 done"
    bar.begin()
    clock[0] += 36.0
    bar.end(StepState.DONE, ran=True)
    assert bar.facts()[1:] == ["about 59 min 24 s left", "1.7/min"]


def test_the_rate_is_that_of_the_last_steps(clock: list[float]) -> None:
    bar = StageBar("align", 10_000)
    for seconds in (*[10.0] * 300, *[1.0] * 300):
        bar.begin()
        clock[0] += seconds
        bar.end(StepState.DONE, ran=True)
    assert bar.rate == pytest.approx(1.0)


@pytest.mark.parametrize("width", WIDTHS)
def test_lines_fit_their_terminal_whatever_is_in_them(clock: list[float], width: int) -> None:
    bar = stage(clock)
    bar.name = "日本語の長い名前" * 9
    lane = Lane(A100)
    lines = [bar.line(width), lane.line(width, BUSY), lane.line(width, BUSY, "leased by " * 30)]
    lane.unused = "quarantined: " + "it has fallen off the bus " * 9
    lines.append(lane.line(width, BUSY))
    for step in (LONG, "映画" * 60, "short"):
        lane.begin(step)
        lines.append(lane.line(width, BUSY))
    assert all(0 < cell_len(one.plain) <= width for one in lines)


def test_a_lane_says_what_runs_for_how_long_and_how_the_gpu_is(clock: list[float]) -> None:
    lane = Lane(A100)
    lane.begin("align/m1")
    clock[0] += 75.0
    assert lane.line(120, BUSY).plain == (
        " GPU 3 NVIDIA A100-SXM4-40GB  align/m1 1 min 15 s  97 %  12.1/40 GiB  66 °C"
    )
    assert lane.line(40, BUSY).plain == " GPU 3  align/m1 1 min 15 s  97 %"


def test_of_a_long_name_both_ends_are_shown(clock: list[float]) -> None:
    lane = Lane(A100)
    lane.begin(LONG)
    plain = lane.line(90, BUSY).plain
    assert re.search(r"align/a_ve\w*…\w*_0071 0\.0 s  97 %", plain), plain


def test_a_lane_says_why_nothing_runs(clock: list[float]) -> None:
    lane = Lane(A100)
    assert lane.line(120, None).plain.endswith("  free")
    assert lane.line(120, None, "leased by process 7").plain.endswith("  leased by process 7")
    lane.unused = "quarantined: it is hot"
    assert lane.line(120, None, "leased by process 7").plain.endswith("  quarantined: it is hot")
    lane.begin("align/m1")
    assert "quarantined" not in lane.line(120, None).plain
    assert lane.end("align/m1")
    assert not lane.end("align/m1")


NEEDY = """
name = "needy"
title = "needs a GPU"
[program]
executable = "/bin/sh"
[gpu]
use = "compulsory"
form = "space"
[command]
argv = ["%(EXE)s", "-c", "%(text)s", "needy", "%(src)s", "%(dst)s", "%(GPU)s"]
[params]
src = { type = "path", item = true, help = "what is read" }
dst = { type = "path", output = "%(src.stem)s.out", help = "what is made" }
text = { type = "string", help = "what is run" }
"""


@pytest.fixture
def stranger() -> Iterator[int]:
    """Return a process that is not gpucore's."""
    with subprocess.Popen(["/bin/sleep", "1000"]) as process:
        yield process.pid
        process.kill()


@pytest.mark.slow
def test_each_gpu_says_what_runs_how_it_is_or_why_it_is_not_used(
    cli: Cli, nvidia: FakeDriver, stranger: int
) -> None:
    cli.write("needy.toml", NEEDY)
    nvidia.set(
        "count=6", "*.mem_total=40960", "0.mem_used=12345", "0.util=97", "0.temp=66",
        f"0.proc={stranger}:12000", *(f"{free}.mem_used=20480" for free in (1, 4, 5)),
        *(f"{free}.util=90" for free in (1, 4, 5)),
    )  # fmt: skip
    more = {**nvidia.variables, "HOME": str(cli.folder), "GPUCORE_FOREIGN": "wait"}
    for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR"):  # no lease or quarantine of another test
        (cli.folder / name).mkdir(mode=0o700)
        more[name] = str(cli.folder / name)
    with start(
        "gpus", "disable", "2", "--reason", "its fan is loud", cwd=cli.folder, **more
    ) as one:
        one.communicate()
    assert one.returncode == 0
    gates = [Gate(cli.folder / f"{name}.tif.gate") for name in "ab"]
    again = 'test -e "$1.twice" || { : > "$1.twice"; exit 3; }'
    text = f'case "$1" in a*) {again};; esac; read x < "$1.gate"; cat "$1" > "$2"'
    lease = start(
        "exec", "--", "/bin/sh", "-c", "echo up; exec sleep 1000", cwd=cli.folder,
        GPUCORE_GPUS="3", **more,
    )  # fmt: skip
    with lease:
        try:
            assert lease.stdout is not None
            assert lease.stdout.readline() == b"up\n"
            drawn = _drawn(cli, text, more)
        finally:
            lease.kill()
        for gate in gates:
            gate.release()
        assert drawn.finish() == 0


def _drawn(cli: Cli, text: str, more: dict[str, str]) -> OnTerminal:
    drawn = OnTerminal(
        [sys.executable, "-m", "gpucore.cli", "map", "needy", "a.tif", "b.tif", "-o", "out",
         "--adapter", "needy.toml", "--gpus", "auto", "--threads", "7", "--retries", "1", "--set",
         f"text={text}"],
        cli.folder, environment(**more),
    )  # fmt: skip
    drawn.read_until(r"again needy/a: attempt 1 failed: exit code 3")
    drawn.read_until(r"0/2 done · \d running · 1 tried again")
    drawn.read_until(r" GPU 0 \S+ \S+  not used: .*  97 %  12\.\d/40 GiB  66 °C")
    drawn.read_until(r" GPU [145] \S+ \S+  needy/b \d+\.\d s  90 %  20\.\d/40 GiB")
    drawn.read_until(r" GPU 2 \S+ \S+  quarantined: disabled by ")
    return drawn
