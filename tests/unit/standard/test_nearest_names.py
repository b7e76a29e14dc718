"""Hints for names that are not known: the nearest, all of few, or where many are listed."""

from __future__ import annotations

from gpucore.errors import did_you_mean

MANY = [f"name_{number}_{'abcdefghijklmn'[number]}" for number in range(14)]


def test_the_nearest_name_is_told_however_many_there_are() -> None:
    assert did_you_mean("name_3", MANY, listed="elsewhere") == "did you mean `name_3_d`?"


def test_a_dozen_names_are_told_and_no_names_too() -> None:
    assert did_you_mean("zz", MANY[:12]) == f"one of: {', '.join(MANY[:12])}"
    assert did_you_mean("zz", []) == "there are none here"


def test_of_more_names_a_dozen_is_told_or_where_they_are_listed() -> None:
    assert did_you_mean("zz", MANY) == f"one of: {', '.join(MANY[:12])}, and 2 more"
    assert did_you_mean("zz", MANY, listed="`gpucore x`") == "`gpucore x` lists them"
