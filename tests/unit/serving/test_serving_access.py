"""Who may look: by which names the server is called, and what the token and its cookie do."""

from __future__ import annotations

import socket

import pytest

from gpucore.serving.access import Access, is_loopback, new_token

ANYWHERE = "0.0.0.0"  # noqa: S104 - what is tested


@pytest.mark.parametrize(
    ("host", "header", "known"),
    [
        ("127.0.0.1", "127.0.0.1:8000", True),
        ("127.0.0.1", "localhost:9", True),  # through a tunnel, by another port
        ("127.0.0.1", "LOCALHOST", True),
        ("127.0.0.1", "localhost.", True),
        ("127.0.0.1", "[::1]:80", True),
        ("127.0.0.1", "", False),
        ("127.0.0.1", "evil.example:8000", False),
        ("127.0.0.1", "localhost.evil.example", False),
        ("127.0.0.1", "127.0.0.1.evil.example", False),
        ("127.0.0.1", "evil.example@127.0.0.1", False),
        ("127.0.0.1", "10.0.0.1", False),
        ("127.0.0.1", "[::ffff:10.0.0.1]", False),
        ("10.0.0.1", "10.0.0.1:80", True),
        ("10.0.0.1", "10.0.0.2:80", False),
        ("gpu1.lab.example", "GPU1.lab.example:80", True),
        ("gpu1.lab.example", "gpu2.lab.example", False),
        (ANYWHERE, "10.0.0.1:80", True),
        (ANYWHERE, "evil.example", False),
        (ANYWHERE, socket.gethostname(), True),
        ("::", "[fe80::1]:80", True),
    ],
)
def test_only_names_of_this_server_are_answered(host: str, header: str, known: bool) -> None:
    assert Access(host=host).knows(header) is known


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True),
        (ANYWHERE, False), ("::", False), ("10.0.0.1", False), ("gpu1", False), ("", False),
    ],
)  # fmt: skip
def test_loopback_is_known(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_without_a_token_everybody_is_let_in() -> None:
    assert Access(host="127.0.0.1").lets_in("", 80)
    assert not Access(host="127.0.0.1").token_fits("")


def test_the_cookie_of_the_token_lets_in_and_no_other_does() -> None:
    access = Access(host="10.0.0.1", token=new_token())
    cookie = access.cookie(80)
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Strict")
    assert access.token not in cookie
    sent = cookie.partition(";")[0]
    assert access.lets_in(sent, 80)
    assert access.lets_in(f"other=1; {sent}", 80)
    assert not access.lets_in(sent, 81)
    assert not access.lets_in("", 80)
    assert not access.lets_in(f"{sent}x", 80)
    assert not access.lets_in(f"gpucore-80={access.token}", 80)
    assert not access.lets_in("gpucore-80=", 80)
    assert not access.lets_in("=;=\x00é", 80)
    assert not Access(host="10.0.0.1", token=access.token).lets_in(sent, 80)


@pytest.mark.parametrize("other", ['theme={"dark": true}', "a b=c", "=x", "a[1]=2"])
def test_the_cookie_of_another_server_of_this_machine_shuts_nobody_out(other: str) -> None:
    access = Access(host="localhost", token=new_token())
    sent = access.cookie(80).partition(";")[0]
    assert access.lets_in(f"{other}; {sent}", 80)
    assert access.lets_in(f"{sent}; {other}", 80)


def test_a_name_server_is_asked_at_most_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(socket, "getfqdn", lambda: asked.append(1) or "gpu1.lab.example")
    access = Access(host=ANYWHERE)
    assert access.knows(f"{socket.gethostname()}:80")
    assert asked == []
    assert access.knows("gpu1.lab.example:80")
    assert not access.knows("evil.example")
    assert not access.knows("evil.example")
    assert asked == [1]


def test_a_token_fits_only_itself() -> None:
    access = Access(host="10.0.0.1", token=new_token())
    assert access.token_fits(access.token)
    assert len(access.token) >= 32
    for wrong in ("", access.token[:-1], f"{access.token}x", "é"):
        assert not access.token_fits(wrong)
