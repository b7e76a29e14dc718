"""The lines of the view: as many as the terminal has, harmless, and with all that matters."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hostile_terminals import PAYLOADS, is_harmless
from machine_pictures import NOW, failed, gpu, picture, run, running
from rich.cells import cell_len

from gpucore.cli.top.grid import Field, fit, fit_end, grid
from gpucore.cli.top.layout import Line, draw, shares, tables_text
from gpucore.cli.top.picture import Picture, Tenant
from gpucore.cli.top.sorting import Table
from gpucore.cli.top.view import Extent, LogOf, Mode, View
from gpucore.cli.top.wording import rate, span

LOG = LogOf("one", "/data", "align/m1", "/data/log", 2)


def screen(now: Picture | None, *keys: str, width: int = 100, height: int = 30) -> list[str]:
    view = View()
    if now is not None:
        view.settle(now)
        for key in keys:
            view.press(key, now, Extent(10, 100))
    return texts(draw(now, view, width, height))


def texts(lines: list[Line]) -> list[str]:
    return [line.text.rstrip() for line in lines]


def line_with(lines: list[str], *parts: str) -> str:
    found = [line for line in lines if all(part in line for part in parts)]
    assert found, (parts, "\n".join(lines))
    return found[0]


def test_a_gpu_says_what_runs_there_or_why_nothing_does() -> None:
    lines = screen(picture())
    assert "align/m1 in one 12 s" in line_with(lines, ">     0", "0.0/24 GiB", "0 %", "40 °C")
    line_with(lines, "      1", "python of bob (process 99, 800 MiB), not by gpucore")
    line_with(lines, "      2", "quarantined: Xid 79: fell off the bus")
    assert lines[0].startswith(" gpucore top · gpu1 · 1 of 3 GPUs used · 2 runs")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"state": "free"}, "free"),
        ({"state": "unknown"}, "not known"),
        ({"state": "held", "reason": "process 7 of bob"}, "waited for: process 7 of bob"),
        ({"state": "busy", "reason": "12 GiB are in use"}, "busy: 12 GiB are in use"),
        ({"state": "avoided", "reason": "it is slow"}, "avoided: it is slow"),
    ],
)
def test_why_a_gpu_is_not_used_is_told(facts: dict[str, object], said: str) -> None:
    lines = screen(picture(gpus=(gpu(0, **facts),)))
    assert lines[2].endswith(f"  {said}")


def test_other_users_steps_and_several_on_a_gpu_are_told_apart() -> None:
    mine = Tenant(what="a", ours=True, folder="/data/one", since=NOW - 3)
    others = Tenant(what="b", ours=True, user="bob", pid=7, since=NOW - 4)
    lines = screen(picture(gpus=(gpu(0, mine, others, reason="two waits for it"),)), width=130)
    line_with(lines, "a in one 3 s · b of bob (process 7) 4 s · two waits for it")


def test_a_run_says_how_far_it_is() -> None:
    lines = screen(picture())
    head = line_with(lines, "user", "process", "left")
    assert head.split() == [
        "run", "user", "process", "state", "▾", "done", "running", "failed", "waiting", "rate",
        "left",
    ]  # fmt: skip
    assert line_with(lines, "/data/session/one").split() == [
        "·", "/data/session/one", "ada", "4711", "runs", "3", "2", "1", "5", "30.0/min", "14", "s",
    ]  # fmt: skip


def test_the_chosen_runs_steps_are_shown() -> None:
    lines = screen(picture())
    line_with(lines, "running", "12 s", "0", "align/m1")
    line_with(lines, "failed", "align/m0: exit code 3")


def test_what_has_no_room_in_its_row_is_told_below() -> None:
    assert screen(picture(), "j", "j")[-2] == " GPU-2 · restart"
    now = picture(runs=(run("one", counts={"skipped": 2}, reason="it was stopped", state="ended"),))
    assert screen(now, "tab")[-2] == (
        " /data/session/one · began 1 min 0 s ago · 2 skipped · it was stopped"
    )
    others = picture(runs=(replace(run("x"), own=False, folder="", began=0.0),))
    assert screen(others, "tab")[-2].startswith(" no output folder on record · another user's")
    assert screen(picture(), "tab", "tab", "j")[-2].startswith(
        " align/m0 · attempt 1 · exit code 3"
    )


def test_without_gpus_runs_or_steps_it_says_so() -> None:
    lines = screen(picture(gpus=(), runs=(), notes=("no NVIDIA driver is installed",)))
    for said in (
        "no GPU is known", "no run goes on on this machine", "no run is chosen",
        "no NVIDIA driver is installed",
    ):  # fmt: skip
        line_with(lines, said)
    line_with(screen(picture(runs=(run("one"),))), "no step of the chosen run runs or has failed")
    line_with(screen(None), "looking …")


def test_a_question_names_what_will_end() -> None:
    assert screen(picture(), "tab", "c")[-1] == (
        " end the run in /data/session/one and all its programs? (y/n)"
    )
    assert screen(picture(), "c")[-1] == (
        " end align/m1? Its run goes on, and takes it as failed. (y/n)"
    )
    narrow = screen(picture(), "tab", "c", width=30)[-1]
    assert narrow.endswith("(y/n)")


def test_help_names_every_key() -> None:
    text = "\n".join(screen(picture(), "?"))
    for key in ("Tab", "Enter", "Esc", "Ctrl-C", "cancel", "sort", "log", "quit", "PgUp"):
        assert key in text


def test_the_chosen_row_is_always_shown() -> None:
    now = picture(gpus=tuple(gpu(index) for index in range(64)))
    view = View()
    view.settle(now)
    for index in range(64):
        lines = texts(draw(now, view, 100, 24))
        row = line_with(lines, f"{index}  RTX")
        assert row.startswith(">")
        view.press("j", now, Extent(5))
    assert " of 64" in lines[1]


@pytest.mark.parametrize("height", [1, 2, 3, 5, 8, 9, 10, 24, 60])
@pytest.mark.parametrize("width", [1, 2, 7, 20, 50, 80, 132])
def test_a_screen_has_the_size_of_the_terminal_whatever_that_is(width: int, height: int) -> None:
    now = picture(
        runs=(run("日本" * 9, running("日" * 40, 0), failed("e\u0301" * 30)), *picture().runs),
        notes=("a" * 300, "b"),
    )
    for mode in Mode:
        for table in Table:
            view = View(mode=mode, focus=table, log=LOG)
            view.settle(now)
            if mode is Mode.QUESTION:
                view.press("c", now, Extent())
            lines = draw(now, view, width, height, log=["日本" * 200, "x"] * 50)
            assert [cell_len(line.text) for line in lines if line.text] == [
                width for line in lines if line.text
            ]
            assert len(lines) == height
    assert len(draw(None, View(), width, height)) == height


def test_a_terminal_without_any_size_gets_nothing() -> None:
    assert draw(picture(), View(), 0, 10) == []
    assert draw(picture(), View(), 10, 0) == []


def test_a_narrow_terminal_keeps_what_matters_most() -> None:
    lines = screen(picture(), width=40)
    assert line_with(lines, "state", "done", "failed")
    line_with(lines, "sion/one")
    line_with(lines, "    2", "quaran")


@pytest.mark.slow
def test_200_hostile_texts_are_shown_harmlessly_everywhere() -> None:
    assert len(PAYLOADS) >= 200
    for text in map(os.fsdecode, PAYLOADS):
        tenant = Tenant(what=text, ours=False, user=text, pid=1)
        now = picture(
            host=text,
            gpus=(
                gpu(0, tenant, name=text, state="busy", reason=text, remedy=text),
                gpu(1, replace(tenant, ours=True, folder=f"/x/{text}")),
            ),
            runs=(run("one", running(text, 0), failed(text, text), folder=f"/{text}", user=text,
                      reason=text),),
            notes=(text, text),
        )  # fmt: skip
        for keys in ((), ("tab",), ("tab", "tab"), ("tab", "c"), ("tab", "tab", "c"), ("c",)):
            for line in screen(now, *keys, width=300, height=40):
                assert is_harmless(line.encode()), (keys, text)
        for table in tables_text(now, View()):
            assert all(is_harmless(cell.encode()) for row in table for cell in row)
        view = View(mode=Mode.LOG, log=replace(LOG, step=text))
        assert all(is_harmless(line.text.encode()) for line in draw(now, view, 200, 10))


def test_a_log_shows_its_end_and_what_is_scrolled_to() -> None:
    log = [f"line {number}" for number in range(100)]
    view = View(mode=Mode.LOG, log=LOG)
    lines = texts(draw(None, view, 60, 12, log=log))
    assert lines[0] == " log of align/m1 · attempt 2 · followed"
    assert lines[1:11] == log[-10:]
    view.above = 90
    lines = texts(draw(None, view, 60, 12, log=log))
    assert lines[0].endswith("90 lines below")
    assert lines[1:11] == log[:10]
    view.above, view.shift = 0, 3
    assert texts(draw(None, view, 60, 12, log=log))[10] == "e 99"
    assert texts(draw(None, view, 60, 12))[1] == " nothing was printed yet"


def test_lines_are_shared_in_turn_and_none_is_left_over() -> None:
    assert shares(10, [9, 3, 4], 0) == [4, 3, 3]
    assert shares(5, [9, 3, 4], 2) == [2, 1, 2]
    assert shares(100, [9, 3, 4], 1) == [9, 3, 4]
    assert shares(0, [1, 1], 0) == [0, 0]


def test_texts_are_cut_where_they_say_least_and_by_the_cells_that_they_take() -> None:
    assert fit("motioncor", 5) == "moti…"
    assert fit_end("/data/out", 5) == "…/out"
    assert fit("日本語", 4) == "日 …"
    assert fit_end("日本語", 4) == "…語 "
    assert fit("a", 3) == fit_end("a", 3) == "a  "
    assert fit("a", 0) == fit_end("a", 0) == ""


def test_columns_that_say_less_go_first_when_there_is_no_room() -> None:
    fields = [
        Field(title="n", cells=["1", "22"], right=True),
        Field(title="model", cells=["x" * 10, "y"], drop=1),
        Field(title="what", cells=["w" * 30, "z"], rest=True),
    ]
    head, rows = grid(fields, 60)
    assert head.split() == ["n", "model", "what"]
    assert rows[0] == " 1  xxxxxxxxxx  " + "w" * 30 + " " * 14
    head, rows = grid(fields, 20)
    assert head.split() == ["n", "what"]
    assert rows[1].split() == ["22", "z"]


def test_times_and_rates_are_said_as_people_say_them() -> None:
    assert [span(one) for one in (-1, 0.4, 59.9, 60, 3599, 3600, 172_800)] == [
        "0 s", "0 s", "59 s", "1 min 0 s", "59 min 59 s", "1 h 0 min", "2 d 0 h",
    ]  # fmt: skip
    assert [rate(one) for one in (None, 0.0, 0.01, 0.5, 12.34)] == [
        "-", "0.0/h", "36.0/h", "30.0/min", "12.3/s",
    ]  # fmt: skip


def test_gpus_and_runs_are_there_as_plain_tables() -> None:
    gpus, runs = tables_text(picture(), View())
    assert gpus[0] == ("GPU", "name", "memory", "busy", "temp", "now")
    assert gpus[1][5] == "align/m1 in one 12 s"
    assert [row[0] for row in runs[1:]] == ["/data/session/one", "/data/session/two"]


def test_what_exec_runs_is_named_where_a_run_has_its_folder() -> None:
    held = replace(run("one", running("exec sleep", 0)), folder="")
    other = replace(run("two", running("align/m1", 1)), folder="")
    _, runs = tables_text(replace(picture(), runs=(held, other)), View())
    assert [row[0] for row in runs[1:]] == ["exec sleep", "(not known)"]
