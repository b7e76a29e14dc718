"""``gpucore map`` with limits and retries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from command_line import Cli

MAP = ("map", "copy", "a.tif", "-o", "out", "--adapter", "copy.toml")


def test_a_failed_step_is_tried_again_as_often_as_told(cli: Cli) -> None:
    text = 'echo ran >>attempts; [ $(wc -l <attempts) = 3 ] && cat "$1" >"$2"'
    assert cli(*MAP, "--set", f"text={text}", "--retries", "1").code == 1
    assert cli(*MAP, "--set", f"text={text}", "--retries", "1").code == 0
    assert (cli.folder / "attempts").read_text() == "ran\n" * 3


@pytest.mark.parametrize(
    ("limit", "reason"),
    [("--time-limit", "it ran for 0.2 seconds"), ("--quiet-limit", "it printed nothing for 0.2")],
)
def test_a_program_over_its_limit_is_ended_and_the_reason_told(
    cli: Cli, limit: str, reason: str
) -> None:
    ran = cli(*MAP, "--set", "text=sleep 1000", limit, "0.2")
    assert ran.code == 1
    assert reason in ran.err


@pytest.mark.parametrize(
    "words", [("--retries", "-1"), ("--time-limit", "0"), ("--quiet-limit", "soon")]
)
def test_a_limit_that_cannot_be_is_refused(cli: Cli, words: tuple[str, str]) -> None:
    ran = cli(*MAP, *words)
    assert ran.code == 2
    assert words[0] in ran.err
