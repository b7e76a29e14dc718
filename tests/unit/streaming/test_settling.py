"""A file is complete when it was closed, or when it did not change for as long as was asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gpucore.streaming.settling import SETTLE, UNCLOSED, FileStamp, Settling

SOME = FileStamp(10, 1)
MORE = FileStamp(20, 2)
NOTHING = FileStamp(0, 1)


def test_a_file_that_is_closed_is_complete() -> None:
    settling = Settling(None)
    settling.opened("a", SOME, 0.0)
    assert settling.closed("a", MORE, 1.0)
    assert len(settling) == 0
    assert settling.next_due() is None


def test_an_empty_file_that_is_closed_is_waited_for() -> None:
    settling = Settling(None)
    assert not settling.closed("a", NOTHING, 0.0)
    assert "a" in settling


def test_with_a_time_to_settle_closing_is_not_enough() -> None:
    settling = Settling(5.0)
    assert not settling.closed("a", SOME, 0.0)
    assert settling.due(4.9) == []
    assert settling.due(5.0) == ["a"]
    assert settling.looked("a", SOME, 5.0)


def test_a_file_that_was_there_is_complete_when_it_does_not_change() -> None:
    settling = Settling(None)
    settling.found("a", SOME, 0.0)
    assert settling.next_due() == SETTLE
    assert settling.due(SETTLE) == ["a"]
    assert settling.looked("a", SOME, SETTLE)


def test_a_file_that_was_not_closed_is_waited_for_longer() -> None:
    settling = Settling(None)
    settling.opened("a", SOME, 0.0)
    assert settling.next_due() == UNCLOSED


def test_a_file_that_is_gone_is_forgotten() -> None:
    settling = Settling(None)
    settling.found("a", SOME, 0.0)
    assert settling.due(SETTLE) == ["a"]
    assert not settling.looked("a", None, SETTLE)
    assert "a" not in settling
    assert settling.next_due() is None


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[float, str, int]]:
    """Return when which file got which size, in order of time."""
    steps = draw(
        st.lists(
            st.tuples(st.floats(0.0, 3.0), st.sampled_from("abc"), st.integers(1, 5)),
            max_size=30,
        )
    )
    now, history = 0.0, []
    for pause, path, size in steps:
        now += pause
        history.append((now, path, size))
    return history


@given(histories(), st.floats(0.1, 4.0))
def test_no_file_is_complete_before_it_was_still_for_so_long_and_each_is_in_the_end(
    history: list[tuple[float, str, int]], settle: float
) -> None:
    settling = Settling(settle)
    files: dict[str, FileStamp] = {}
    changed: dict[str, float] = {}
    complete: dict[str, float] = {}

    def look_until(end: float) -> None:
        while (due := settling.next_due()) is not None and due <= end:
            for path in settling.due(due):
                if settling.looked(path, files[path], due):
                    complete[path] = due

    for now, path, size in history:
        look_until(now)
        if path in complete:
            continue
        stamp = FileStamp(size, 0)
        if files.get(path) != stamp:
            changed[path] = now
        if path not in files:
            settling.found(path, stamp, now)
        files[path] = stamp
    look_until(1e6)
    assert complete.keys() == files.keys()
    # It is looked at twice, so long apart: what is written between two looks is seen.
    assert all(complete[path] >= changed[path] for path in files)
    assert len(settling) == 0


@given(st.lists(st.sampled_from(["found", "opened", "closed"]), min_size=1), st.floats(0.1, 9.0))
def test_a_file_is_complete_once_whatever_is_told_of_it(told: list[str], pause: float) -> None:
    settling = Settling(None)
    now, times = 0.0, 0
    for what in told:
        now += pause
        times += sum(settling.looked(path, SOME, now) for path in settling.due(now))
        if times:
            break
        if what == "closed":
            times += settling.closed("a", SOME, now)
        elif what == "found" and "a" not in settling:
            settling.found("a", SOME, now)
        elif "a" not in settling:
            settling.opened("a", SOME, now)
        if times:
            break
    later = now + UNCLOSED
    times += sum(settling.looked(path, SOME, later) for path in settling.due(later))
    assert times == 1
