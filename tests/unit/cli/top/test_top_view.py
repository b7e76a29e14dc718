"""What keys do to the view: a choice holds as rows come and go, and nothing ends without a yes."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from machine_pictures import failed, gpu, picture, run, running

from gpucore.cli.top.sorting import COLUMNS, Order, Table, ordered, row_key
from gpucore.cli.top.view import Cancel, Extent, Mode, Quit, Redraw, Suspend, View

if TYPE_CHECKING:
    from gpucore.cli.top.picture import GpuNow, Picture, RunNow, StepNow

EXTENT = Extent(page=10, lines=100)


def view_of(now: Picture) -> View:
    view = View()
    view.settle(now)
    return view


def press(view: View, now: Picture, *keys: str) -> object:
    action = None
    for key in keys:
        action = view.press(key, now, EXTENT)
    return action


def chosen(view: View, table: Table) -> str:
    return view.chosen[table]


def test_arrows_and_letters_move_within_the_table() -> None:
    now, view = picture(), view_of(picture())
    for key, where in (
        ("down", "GPU-1"), ("j", "GPU-2"), ("j", "GPU-2"), ("up", "GPU-1"), ("k", "GPU-0"),
        ("k", "GPU-0"), ("end", "GPU-2"), ("home", "GPU-0"), ("page-down", "GPU-2"),
        ("page-up", "GPU-0"),
    ):  # fmt: skip
        press(view, now, key)
        assert chosen(view, Table.GPUS) == where, key


def test_tab_goes_through_the_tables_and_back() -> None:
    now, view = picture(), view_of(picture())
    seen = []
    for key in ("tab", "tab", "tab", "shift-tab"):
        press(view, now, key)
        seen.append(view.focus)
    assert seen == [Table.RUNS, Table.STEPS, Table.GPUS, Table.STEPS]


def test_steps_are_those_of_the_chosen_run() -> None:
    now, view = picture(), view_of(picture())
    assert [one.step for one in view.rows(Table.STEPS, now)] == ["align/m1", "align/m0"]
    press(view, now, "tab", "j")
    assert chosen(view, Table.RUNS) == "two"
    assert [one.step for one in view.rows(Table.STEPS, now)] == ["ctf/m1"]
    assert chosen(view, Table.STEPS) == "ctf/m1"


def test_a_choice_stays_with_its_row_when_rows_move() -> None:
    now, view = picture(), view_of(picture())
    press(view, now, "j")
    moved = replace(now, gpus=tuple(reversed(now.gpus)))
    view.settle(moved)
    assert chosen(view, Table.GPUS) == "GPU-1"


def test_where_the_chosen_row_is_gone_the_one_in_its_place_is_chosen() -> None:
    now, view = picture(), view_of(picture())
    press(view, now, "end")
    view.settle(replace(now, gpus=now.gpus[:2]))
    assert chosen(view, Table.GPUS) == "GPU-1"
    view.settle(replace(now, gpus=()))
    assert chosen(view, Table.GPUS) == ""
    view.settle(now)
    assert chosen(view, Table.GPUS) != ""


@pytest.mark.parametrize("table", list(Table))
def test_every_column_sorts_both_ways_and_loses_no_row(table: Table) -> None:
    rows: dict[Table, tuple[GpuNow | RunNow | StepNow, ...]] = {
        Table.GPUS: (gpu(1), gpu(0, utilisation=None, memory_used_mib=None, temperature=None),
                     gpu(2, state="busy", simulated=True)),
        Table.RUNS: (run("b"), run("a", rate=None, left=None, state="new"), run("c", counts={})),
        Table.STEPS: (failed("z"), running("a", 1), replace(running("b"), since=0.0)),
    }  # fmt: skip
    for column in range(len(COLUMNS[table])):
        there = ordered(table, rows[table], Order(column))
        back = ordered(table, rows[table], Order(column, reverse=True))
        assert set(map(row_key, there)) == set(map(row_key, back)) == set(map(row_key, rows[table]))
        unknown = [row for row in rows[table] if COLUMNS[table][column].by(row) is None]
        for found in (there, back):
            assert list(found[len(found) - len(unknown) :]) == unknown


def test_s_and_r_change_how_a_table_is_sorted_and_say_so() -> None:
    now, view = picture(), view_of(picture())
    press(view, now, "s", "s", "s")
    assert [row_key(row) for row in view.rows(Table.GPUS, now)] == ["GPU-2", "GPU-1", "GPU-0"]
    assert view.message == "GPUs are sorted by busy"
    press(view, now, "r")
    assert [row_key(row) for row in view.rows(Table.GPUS, now)] == ["GPU-0", "GPU-1", "GPU-2"]
    assert view.message == "GPUs are sorted by busy, the other way round"
    for _ in COLUMNS[Table.GPUS]:
        press(view, now, "s")
    assert view.orders[Table.GPUS] == Order(3)


def test_l_on_a_gpu_opens_the_log_of_the_step_there() -> None:
    now, view = picture(), view_of(picture())
    press(view, now, "l")
    assert view.mode is Mode.LOG
    assert view.log is not None
    assert (view.log.step, view.log.run, view.log.attempt) == ("align/m1", "one", 1)
    press(view, now, "q")
    assert (view.mode, view.log) == (Mode.TABLES, None)


def test_where_no_step_is_there_is_no_log() -> None:
    now, view = picture(), view_of(picture())
    press(view, now, "j", "l")
    assert view.mode is Mode.TABLES
    assert view.message == "no step of gpucore is there whose log could be shown"
    others = run("x", replace(running("a", 0), log=""), folder="/x", own=False, user="b\x1b[2Job")
    now = replace(now, runs=(replace(others, folder=""),))
    view.settle(now)
    press(view, now, "tab", "tab", "l")
    assert view.message == ("where the log lies is not known: it is b\\x1b[2Job's process 4711")


def test_enter_on_a_run_goes_to_its_steps_and_l_to_the_log_of_the_first() -> None:
    now, view = picture(), view_of(picture())
    press(view, now, "tab", "enter")
    assert (view.mode, view.focus) == (Mode.TABLES, Table.STEPS)
    press(view, now, "down", "enter")
    assert view.log is not None
    assert view.log.step == "align/m0"
    press(view, now, "escape", "shift-tab", "l")
    assert view.log is not None
    assert view.log.step == "align/m1"


def test_a_log_is_followed_until_one_scrolls_and_again_at_its_end() -> None:
    now, view = picture(), view_of(picture())
    press(view, now, "l")
    for key, above in (
        ("k", 1), ("up", 2), ("page-up", 12), ("g", 90), ("k", 90), ("j", 89), ("page-down", 79),
        (" ", 69), ("G", 0), ("down", 0), ("home", 90), ("end", 0),
    ):  # fmt: skip
        press(view, now, key)
        assert view.above == above, key
    view.grown(5)
    assert view.above == 0
    press(view, now, "k")
    view.grown(5)
    assert view.above == 6
    press(view, now, "right", "right", "left")
    assert view.shift == 20
    press(view, now, "left", "left")
    assert view.shift == 0


def test_c_asks_and_only_yes_cancels() -> None:
    now, view = picture(), view_of(picture())
    for no in ("n", "q", "enter", "escape", "c", "j"):
        assert press(view, now, "c") is None
        assert view.mode is Mode.QUESTION
        assert press(view, now, no) is None
        assert (view.mode, view.message) == (Mode.TABLES, "nothing was cancelled")
    action = press(view, now, "c", "y")
    assert action == Cancel(now.runs[0], now.runs[0].running[0])
    press(view, now, "tab")
    assert press(view, now, "c", "Y") == Cancel(now.runs[0], None)


def test_what_is_asked_for_is_what_ends_even_when_the_rows_have_changed() -> None:
    now, view = picture(), view_of(picture())
    press(view, now, "tab", "c")
    later = replace(now, runs=now.runs[1:])
    view.settle(later)
    assert press(view, later, "y") == Cancel(now.runs[0], None)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"own": False, "user": "b\x07ob"}, "this is b\\x07ob's: nobody else can cancel it"),
        ({"own": False, "user": ""}, "this is another user's: nobody else can cancel it"),
        ({"folder": ""}, "it has no output folder: `kill 4711` ends it"),
        ({"state": "ended", "running": ()}, "it has ended already"),
    ],
)
def test_what_cannot_be_cancelled_says_why(facts: dict[str, object], said: str) -> None:
    now = picture(runs=(replace(run("one", running("a")), **facts),))  # type: ignore[arg-type]
    view = view_of(now)
    press(view, now, "tab", "c")
    assert (view.mode, view.message) == (Mode.TABLES, said)


def test_a_failed_step_and_a_strangers_program_cannot_be_cancelled() -> None:
    now, view = picture(), view_of(picture())
    press(view, now, "tab", "tab", "j", "c")
    assert view.message == "it has ended already"
    press(view, now, "tab", "j", "c")
    assert view.message == "there is no run of gpucore to cancel"


def test_help_goes_with_any_key() -> None:
    now, view = picture(), view_of(picture())
    press(view, now, "?")
    assert view.mode is Mode.HELP
    assert press(view, now, "q") is None
    assert view.mode is Mode.TABLES


@pytest.mark.parametrize("before", ["", "?", "l", "c"])
def test_ctrl_c_leaves_from_everywhere(before: str) -> None:
    now, view = picture(), view_of(picture())
    if before:
        press(view, now, before)
    assert press(view, now, "ctrl-c") == Quit(130)
    assert press(view, now, "ctrl-l") == Redraw()
    assert press(view, now, "ctrl-z") == Suspend()


def test_q_leaves_the_tables() -> None:
    now = picture()
    assert press(view_of(now), now, "q") == Quit()


@pytest.mark.parametrize("seed", range(40))
def test_no_keys_and_no_machine_are_a_fault(seed: int) -> None:
    pick = random.Random(seed)
    keys = [
        "up", "down", "j", "k", "home", "end", "page-up", "page-down", "tab", "shift-tab", "s",
        "r", "enter", "l", "c", "y", "n", "?", "escape", "left", "right", "g", "G", " ", "x", "é",
    ]  # fmt: skip
    whole, view = picture(), View()
    for _ in range(300):
        now = replace(
            whole,
            gpus=tuple(pick.sample(whole.gpus, pick.randrange(len(whole.gpus) + 1))),
            runs=tuple(pick.sample(whole.runs, pick.randrange(len(whole.runs) + 1))),
        )
        view.settle(now)
        action = view.press(pick.choice(keys), now, Extent(pick.randrange(1, 30), 50))
        assert action is None or isinstance(action, Cancel)
        for table in Table:
            row = view.row(table, now)
            assert row is None or row_key(row) == chosen(view, table)
