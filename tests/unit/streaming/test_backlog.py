"""How far a run is behind is said when it is, with its rates, and so is the end of that."""

from __future__ import annotations

from gpucore.streaming.backlog import Backlog, Pace, said_pace


def test_nothing_is_said_of_files_that_wait_for_less_than_a_minute() -> None:
    backlog = Backlog(0.0, workers=2)
    backlog.came(100, 0.0)
    assert backlog.word(0.0) == ""
    assert backlog.next_word() == 60.0
    assert backlog.word(59.0) == ""
    backlog.done(100, 59.0)
    assert backlog.word(100.0) == ""


def test_what_is_said_holds_both_rates_and_when_it_will_have_caught_up() -> None:
    backlog = Backlog(0.0, workers=1)
    backlog.came(200, 0.0)
    backlog.word(0.0)
    for second in range(1, 101):
        backlog.done(1, float(second))
    assert backlog.word(100.0) == (
        "100 files behind; 2 a second come, 1 a second are done: at this rate it never catches up"
    )
    for second in range(1000, 1100, 2):
        backlog.done(1, float(second))
    backlog.came(10, 1100.0)
    assert backlog.said(1100.0) == (
        "60 files behind; 1 a minute come, 5 a minute are done: caught up in about 15 min"
    )


def test_it_is_said_again_every_five_minutes_and_once_when_it_is_over() -> None:
    backlog = Backlog(0.0, workers=2)
    backlog.came(100, 0.0)
    backlog.word(0.0)
    assert backlog.word(60.0) == "100 files behind"
    assert backlog.word(359.0) == ""
    assert backlog.next_word() == 360.0
    assert backlog.word(360.0) == "100 files behind"
    backlog.done(97, 370.0)
    assert backlog.word(370.0) == ""
    backlog.done(3, 371.0)
    assert backlog.word(371.0) == "caught up with the files that come"
    assert backlog.word(372.0) == ""
    assert backlog.next_word() is None


def test_files_that_were_done_before_say_nothing_of_a_rate() -> None:
    backlog = Backlog(0.0, workers=1)
    backlog.came(100, 0.0)
    backlog.done(50, 1.0, earlier=True)
    assert backlog.said(60.0) == "50 files behind"


def test_the_rates_of_many_files_are_right_as_well() -> None:
    backlog = Backlog(0.0, workers=1)
    for second in range(200):
        backlog.came(1000, float(second))
        backlog.done(900, float(second))
    assert backlog.behind == 20_000
    assert "1000 a second come, 900 a second are done" in backlog.said(200.0)


def test_displays_are_told_at_once_then_every_five_seconds_and_only_of_what_has_changed() -> None:
    backlog = Backlog(0.0, workers=2)
    assert backlog.report(0.0) is None
    assert backlog.next_report() is None
    backlog.came(10, 1.0)
    assert backlog.next_report() == 0.0
    assert backlog.report(1.0) == Pace(files=10, come=10.0, done=0.0, seconds=None)
    backlog.done(1, 2.0)
    assert backlog.report(2.0) is None
    assert backlog.next_report() == 6.0
    told = backlog.report(6.0)
    assert told is not None
    assert told.files == 9
    assert backlog.report(600.0) is None
    backlog.done(9, 700.0)
    assert backlog.report(700.0) == Pace(files=0, come=0.0, done=9 / 600, seconds=0.0)


def test_the_pace_says_when_it_will_have_caught_up_or_that_it_never_does() -> None:
    backlog = Backlog(0.0, workers=1)
    backlog.came(40, 0.0)
    backlog.done(10, 10.0)
    assert backlog.pace(10.0).seconds is None
    backlog.done(20, 700.0)
    pace = backlog.pace(700.0)
    assert pace.seconds == 10 / (20 / 600)
    assert said_pace(*pace) == (
        "10 files behind; 0 an hour come, 2 a minute are done: caught up in about 5 min"
    )
