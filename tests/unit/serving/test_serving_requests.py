"""What the server answers, over real connections: to whom, with what, and what it refuses."""

from __future__ import annotations

import re
import socket
import socketserver
import threading
from typing import TYPE_CHECKING

import pytest
from hostile_texts import hostile
from past_runs import PastRun

from gpucore.errors import ConfigError
from gpucore.serving import requests
from gpucore.serving.access import Access, new_token
from gpucore.serving.server import PageServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Served


def test_one_run_is_shown_at_once(serve: Callable[..., Served], living: PastRun) -> None:
    served = serve(living.folder)
    answer = served.ask("/")
    assert (answer.status, answer.headers["Location"]) == (302, "/runs/1/")
    assert "align/m1" in served.text("/runs/1/")


def test_several_runs_have_a_page_together(
    serve: Callable[..., Served], living: PastRun, tmp_path: Path
) -> None:
    served = serve(living.folder, tmp_path / "other")
    page = served.text("/")
    assert re.findall(r'href="(runs/\d/)"', page) == ["runs/1/", "runs/2/"]
    assert "All runs" in served.text("/runs/1/")
    stream = served.stream("/events")
    cards = {card["run"]: card for card in (stream.next("card"), stream.next("card"))}
    assert cards[1]["words"] == "0 of 4 steps done, 2 running, 2 waiting"
    assert [gpu["label"] for gpu in cards[1]["gpus"]] == ["GPU 0", "GPU 1"]
    assert cards[2]["trouble"] == f"There is no folder `{tmp_path / 'other'}`."


@pytest.mark.parametrize("path", ["/", "/runs/1/", "/runs/1/events?from=x-1", "/runs/9/", "/none"])
def test_every_answer_is_closed_to_others(
    serve: Callable[..., Served], living: PastRun, path: str
) -> None:
    headers = serve(living.folder).ask(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers
    assert headers["Server"] == "gpucore"


@pytest.mark.parametrize("path", ["/", "/runs/1/", "/runs/2/", "/none"])
def test_a_page_may_only_run_what_is_its_own(
    serve: Callable[..., Served], living: PastRun, tmp_path: Path, path: str
) -> None:
    policy = serve(living.folder, tmp_path / "other").ask(path).headers["Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"
    assert re.fullmatch(r"'sha256-\S{44}'", rules["script-src"])
    assert re.fullmatch(r"'sha256-\S{44}'", rules["style-src"])
    assert rules.get("connect-src", "'self'") == "'self'"


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"]
)
def test_it_can_only_be_looked_at(
    serve: Callable[..., Served], living: PastRun, method: str
) -> None:
    answer = serve(living.folder).ask("/runs/1/", method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_a_head_has_no_body(serve: Callable[..., Served], living: PastRun) -> None:
    served = serve(living.folder)
    answer = served.ask("/runs/1/", "HEAD")
    assert answer.status == 200
    assert int(answer.headers["Content-Length"]) > 1000
    assert answer.read() == b""
    assert served.ask("/runs/1/events?from=x", "HEAD").read() == b""


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", None])
def test_a_name_that_is_not_its_own_is_refused(
    serve: Callable[..., Served], living: PastRun, host: str | None
) -> None:
    answer = serve(living.folder).ask("/runs/1/", host=host)
    assert answer.status == 421
    assert b"align/m" not in answer.read()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/runs/0/", 404), ("/runs/2/", 404), ("/runs/01/", 404), ("/runs/1", 404),
        ("/runs/1/../../etc/passwd", 404), ("/runs/1/log/0", 404), ("/runs/1/log/../x", 404),
        ("/runs/1/log/999999999", 404), ("/runs/1/log/9999999999", 404), ("/runs/1/log/1", 404),
        ("/runs/1/log/%2e%2e", 404), ("//evil.example/", 404), ("http://[/", 400),
        ("/runs/1/log/6?from=-1", 400), ("/runs/1/log/6?from=x", 400),
        (f"/?{'a=1&' * 20}", 400), ("/report.html", 404), ("/.gpucore/journal.sqlite", 404),
    ],
)  # fmt: skip
def test_nothing_else_is_there(
    serve: Callable[..., Served], living: PastRun, path: str, status: int
) -> None:
    assert serve(living.folder).ask(path).status == status


def test_a_body_is_refused(serve: Callable[..., Served], living: PastRun) -> None:
    assert serve(living.folder).ask("/runs/1/", Content_Length="5").status == 400


def test_who_has_no_token_sees_nothing(serve: Callable[..., Served], living: PastRun) -> None:
    token = new_token()
    served = serve(living.folder, token=token)
    for path in ("/", "/runs/1/", "/runs/1/events", "/runs/1/log/6", "/?token=", "/?token=wrong"):
        answer = served.ask(path)
        assert (path, answer.status) == (path, 403)
        said = answer.read()
        assert b"align/m" not in said
        assert token.encode() not in said


def test_a_token_is_exchanged_for_a_cookie(serve: Callable[..., Served], living: PastRun) -> None:
    token = new_token()
    served = serve(living.folder, token=token)
    assert served.server.url == f"http://127.0.0.1:{served.server.port}/?token={token}"
    answer = served.ask(f"/runs/1/?token={token}")
    assert (answer.status, answer.headers["Location"]) == (303, "/runs/1/")
    cookie = answer.headers["Set-Cookie"]
    assert token not in cookie
    page = served.ask("/runs/1/", Cookie=cookie.partition(";")[0])
    assert page.status == 200
    assert token not in page.read().decode()
    assert served.ask(f"//evil.example/?token={token}").headers["Location"] == "/"


def raw(server: PageServer, sent: bytes) -> bytes:
    """Return what is answered to some bytes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(sent)
        found = b""
        try:
            while more := connection.recv(65536):
                found += more
        except ConnectionResetError:
            pass
        return found


def test_a_request_that_is_too_large_is_refused(
    serve: Callable[..., Served], living: PastRun
) -> None:
    server = serve(living.folder).server
    for sent in (
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
    ):
        assert b" 200 " not in raw(server, sent)[:20]
    assert raw(server, b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/1.1 302 ")


@pytest.mark.parametrize(
    "sent", [b"\0\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n"]
)
def test_what_is_no_request_is_refused(
    serve: Callable[..., Served], living: PastRun, sent: bytes
) -> None:
    answer = raw(serve(living.folder).server, sent)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 505 ", b"<!DOCTYPE"))


def test_a_request_that_takes_too_long_is_dropped(
    serve: Callable[..., Served], living: PastRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "_SLOWEST", 0.2)
    assert raw(serve(living.folder).server, b"GET / HT") == b""


def test_more_connections_than_there_is_room_for_are_sent_away(
    serve: Callable[..., Served], living: PastRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpucore.serving.server._MOST", 2)
    served = serve(living.folder)
    held = [served.stream("/events") for _ in range(2)]
    for stream in held:
        stream.next("card")
    answer = served.ask("/runs/1/")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


def test_hostile_names_are_text(serve: Callable[..., Served], tmp_path: Path) -> None:
    names = hostile(60)
    past = PastRun(tmp_path / "out")
    past.begin(0, names[0], argv=("gpucore", names[1]), cwd=names[2])
    past.plan(*names, adapter=names[3])
    for n, name in enumerate(names):
        past.began(name, n, 0, argv=("prog", name))
        past.failed(name, n + 0.5, f"no: {name}")
    past.regard(1, 70, "quarantined", names[4], names[5])
    past.end(80)
    served = serve(past.folder)
    page = served.text("/runs/1/")
    assert page.count("<script") == 2
    for piece in ("<img", "alert(1)>", "<base", "\x1b", "\u202e", "onerror=alert(1)>"):
        assert piece not in page


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on `127.0.0.1` port {port}"):
            PageServer([tmp_path], tmp_path, Access(host="127.0.0.1"), port)


@pytest.mark.parametrize("host", ["no such host", "", "a..b", "x" * 70])
def test_a_host_that_is_none_is_told(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError, match=f"cannot listen on `{re.escape(host)}`"):
        PageServer([tmp_path], tmp_path, Access(host=host))


def test_a_connection_that_gets_no_thread_takes_no_room(
    serve: Callable[..., Served], living: PastRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpucore.serving.server._MOST", 2)
    served = serve(living.folder)

    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        for _ in range(3):
            assert raw(served.server, b"GET / HTTP/1.1\r\n\r\n") == b""
    assert served.ask("/runs/1/").status == 200


def test_each_piece_of_a_large_page_has_its_own_time_to_be_read(
    serve: Callable[..., Served], living: PastRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A socket's time limit counts for all that is sent by one call.
    sizes = []
    before = socketserver._SocketWriter.write

    def write(self: socketserver._SocketWriter, content: bytes) -> int:
        sizes.append(len(content))
        return before(self, content)

    monkeypatch.setattr(socketserver._SocketWriter, "write", write)
    monkeypatch.setattr(requests, "_PIECE", 1000)
    page = serve(living.folder).ask("/runs/1/")
    content = page.read()
    assert len(content) == int(page.headers["Content-Length"]) > 10_000
    assert content.endswith((b"</html>", b"</html>\n"))
    assert max(sizes) <= 1500


def test_it_listens_on_ipv6_too(tmp_path: Path) -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        server = PageServer([tmp_path], tmp_path, Access(host="::1"))
    except ConfigError:
        pytest.skip("this machine has no IPv6")
    assert server.url == f"http://[::1]:{server.port}/"
    server.close()
