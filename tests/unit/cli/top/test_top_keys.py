"""Keys of a terminal are known in whatever pieces their bytes come."""

from __future__ import annotations

import random

import pytest

from gpucore.cli.top.keys import KeyDecoder

KEYS = {
    b"j": "j", b"?": "?", b"\t": "tab", b"\r": "enter", b"\n": "enter", b"\x1b[A": "up",
    b"\x1b[B": "down", b"\x1bOA": "up", b"\x1bOB": "down", b"\x1b[C": "right", b"\x1b[D": "left",
    b"\x1b[5~": "page-up", b"\x1b[6~": "page-down", b"\x1b[H": "home", b"\x1b[F": "end",
    b"\x1b[1~": "home", b"\x1b[4~": "end", b"\x1b[Z": "shift-tab", b"\x03": "ctrl-c",
    b"\x1a": "ctrl-z", b"\x0c": "ctrl-l", b"\x7f": "backspace", "é".encode(): "é",
    "日".encode(): "日", "😀".encode(): "😀", b"\x1b[1;5A": "up",
}  # fmt: skip


@pytest.mark.parametrize(("data", "key"), list(KEYS.items()))
def test_each_key_has_a_name(data: bytes, key: str) -> None:
    decoder = KeyDecoder()
    assert decoder.feed(data) == [key]
    assert not decoder.waits


def test_keys_are_the_same_however_their_bytes_are_cut() -> None:
    pick = random.Random(3)
    for _ in range(200):
        typed = pick.choices(list(KEYS), k=6)
        data, decoder, found = b"".join(typed), KeyDecoder(), []
        while data:
            size = pick.randrange(1, 4)
            found += decoder.feed(data[:size])
            data = data[size:]
        assert found == [KEYS[one] for one in typed]
        assert not decoder.waits


def test_an_escape_alone_is_known_once_nothing_follows() -> None:
    decoder = KeyDecoder()
    assert decoder.feed(b"\x1b") == []
    assert decoder.waits
    assert decoder.flush() == ["escape"]
    assert not decoder.waits
    assert decoder.feed(b"q") == ["q"]


def test_an_escape_before_another_key_is_one_of_its_own() -> None:
    assert KeyDecoder().feed(b"\x1bq") == ["escape", "q"]


@pytest.mark.parametrize("seed", range(30))
def test_nothing_that_is_typed_is_a_fault_or_kept_for_ever(seed: int) -> None:
    pick = random.Random(seed)
    decoder = KeyDecoder()
    for _ in range(50):
        decoder.feed(bytes(pick.choices((0x1B, 0x5B, 0x4F, *range(256)), k=pick.randrange(1, 40))))
        decoder.flush()
    decoder.feed(b"\x1b[" + b"0" * 1000)
    decoder.flush()
    assert decoder.feed(b"q") == ["q"]


def test_what_is_no_text_and_what_no_key_is_called_are_left_out() -> None:
    assert KeyDecoder().feed(b"\xff\x80\x01\x1b[24~\x1b[200~q") == ["q"]
