"""The README's picture is of a run, by a command that is here, and shows what runs look like."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from catalogue.picture import COMMAND, PICTURE, drawn, moments, record

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
SEEN = (
    "making movies\r\n\x1b[?25lbar ━━ 0/8\r\x1b[2K8 steps\r\nbar ━━ 0/8\r\n GPU 0  a\r"
    "\x1b[2K\x1b[1A\x1b[2Kbar ━━ 1/8\r\n GPU 0  b <1>\r\x1b[2K\x1b[1A\x1b[2K"
    "bar ━━ 8/8\r\n GPU 0  free\r\n\x1b[?25h\r\x1b[1A\x1b[2K\x1b[1A\x1b[2K8 done\r\npage: x\r\n"
)


def lines(svg: str) -> Iterator[str]:
    """Yield the lines that a picture shows."""
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own file
    parts = [(int(one.attrib["y"]), one.text or "") for one in root.iter()
             if one.tag.endswith("}text")]  # fmt: skip
    for _, line in groupby(parts, key=lambda one: one[0]):
        yield "".join(text for _, text in line).replace("\N{NO-BREAK SPACE}", " ")


def shape(line: str) -> str:
    """Return a line without what differs from run to run: numbers, durations, what runs where."""
    line = re.sub(r"^ (GPU \d+ \(simulated\))  .*", r"\1", line)
    line = re.sub(r"(\d+ min )?[\d.]+ s\b", "0 s", line)
    line = re.sub(r"[━─╸╺]{2,}.*? (\d+/\d+ \w+).*", r"━ \1", line)
    return " ".join(re.sub(r"\d+", "0", line).split())


def test_of_a_run_the_lines_above_one_moment_and_the_end_are_taken() -> None:
    recording = moments(SEEN.encode())
    assert recording.above == ("making movies", "8 steps")
    assert recording.running == ("bar ━━ 1/8", " GPU 0  b <1>")
    assert recording.end == ("8 done", "page: x")


def test_a_run_of_which_no_such_moment_was_seen_makes_no_picture() -> None:
    with pytest.raises(RuntimeError, match="run it again"):
        moments(re.sub(r"\d/8", "0/8", SEEN).encode())


def test_a_picture_shows_every_line_as_text() -> None:
    assert list(lines(drawn(moments(SEEN.encode())))) == [
        f"$ {' '.join(COMMAND)}",
        "making movies",
        "8 steps",
        "# while it runs, drawn again and again:",
        "bar ━━ 1/8",
        " GPU 0  b <1>",
        "# at its end:",
        "8 done",
        "page: x",
    ]


@pytest.mark.slow
def test_the_picture_shows_what_a_run_shows_today(tmp_path: Path) -> None:
    kept = lines((ROOT / PICTURE).read_text(encoding="utf-8"))
    made = lines(drawn(moments(record(tmp_path))))
    assert [shape(one) for one in made] == [shape(one) for one in kept], "make picture"


def test_the_picture_is_the_readmes_and_tells_nothing_of_the_machine_it_was_made_on() -> None:
    text = (ROOT / PICTURE).read_text(encoding="utf-8")
    assert f"]({PICTURE})" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.encode()) < 60_000
    assert set(re.findall(r"[a-z]+://[^\"' ]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not [line for line in lines(text) if re.search(r"(^|\s)[/~]", line)]
