"""Texts of a report: packed without loss, exact as commands, and nothing that anybody obeys."""

from __future__ import annotations

import random

import pytest
from hostile_texts import hostile, uncoded

from gpucore.report.embedding import as_json, changes, coded
from gpucore.report.texts import command_words, link_to, shown


def test_texts_are_packed_without_loss() -> None:
    names = [shown(name) for name in hostile(300)]
    assert uncoded(coded(names)) == names
    pick = random.Random(3)
    for _ in range(300):
        before, words = (["".join(pick.choices("ab😀é", k=6)) for _ in range(4)] for _ in "12")
        packed = changes(before, words)
        made = list(before)
        for at in range(0, len(packed), 4):
            place, *code = packed[at : at + 4]
            assert isinstance(place, int)
            old = coded([made[place]])
            made[place] = uncoded([*old, *code])[1]  # type: ignore[list-item]
        assert made == words


def test_json_for_the_page_refuses_what_no_browser_reads() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json([float("nan")])


def test_a_command_is_exact_and_harmless() -> None:
    words = command_words(
        {"CUDA_VISIBLE_DEVICES": "0", "GPUCORE_RUN": "x", "A": "a b"},
        ["prog", "it's", "\x1b[2J", "\udcff", "\u202e", "a'\n"],
    )
    assert words == [
        "CUDA_VISIBLE_DEVICES=0", "A='a b'", "prog", "'it'\"'\"'s'", r"$'\x1b[2J'", r"$'\xff'",
        r"$'\xe2\x80\xae'", r"$'a\'\x0a'",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("/d/out/.gpucore/log/a.txt", "./.gpucore/log/a.txt"),
        ("/d/out/javascript:alert(1)", "./javascript%3Aalert%281%29"),
        ("/d/out/a b?#\udcff", "./a%20b%3F%23%FF"),
        ("/d/out", ""),
        ("/d/other/a", ""),
        ("/d/out/../x", ""),
        ("", ""),
    ],
)
def test_links_lead_only_below_the_pages_folder(path: str, link: str) -> None:
    assert link_to(path, "/d/out") == link
