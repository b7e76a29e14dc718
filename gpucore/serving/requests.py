"""One request answered: only looked at, from its own names, and with little said to strangers."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from gpucore.errors import GpucoreError
from gpucore.serving.limited_input import LimitedInput, TooLargeError
from gpucore.serving.log_tail import read_log
from gpucore.serving.pages import Page, index_page, plain_page, waiting_page
from gpucore.serving.streams import follow_cards, follow_run
from gpucore.system.logs import open_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gpucore.serving.run_feed import RunFeed
    from gpucore.serving.server import PageServer

__all__ = ["Request"]

_LARGEST = 16 << 10
"""Bytes of a request and its headers."""
_SLOWEST = 10.0
"""Seconds in which they must be there."""
_STUCK = 20.0
"""Seconds after which who does not read what is sent is sent no more."""
_PIECE = 64 << 10
"""Bytes that are sent at once: the time to read them is theirs, and not that of a whole page."""
_FIRST_LOOK = 60.0
"""Seconds for which a page is waited for that is made for the first time."""
_DIGITS_OF_SIZE = 15
_DIGITS = r"([1-9][0-9]{0,8})"
_NAMES = (
    (re.compile(r"/"), "_index"),
    (re.compile(r"/events"), "_index_events"),
    (re.compile(rf"/runs/{_DIGITS}/"), "_page"),
    (re.compile(rf"/runs/{_DIGITS}/events"), "_events"),
    (re.compile(rf"/runs/{_DIGITS}/log/{_DIGITS}"), "_log"),
)


class Request(BaseHTTPRequestHandler):
    """Answers one request, and closes the connection."""

    server: PageServer
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        """Prepare reading with limits."""
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(LimitedInput(self.connection, _LARGEST, _SLOWEST))

    def handle(self) -> None:
        """Answer it, whoever goes away meanwhile."""
        with contextlib.suppress(OSError):  # whoever asked has gone, or was too slow
            try:
                self.handle_one_request()
            except TooLargeError:
                self.requestline, self.request_version, self.command = "", "HTTP/1.1", "GET"
                self._refuse(
                    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request is too large."
                )

    def finish(self) -> None:
        """Let go of the connection."""
        with contextlib.suppress(OSError):
            super().finish()

    def __getattr__(self, name: str) -> Callable[[], None]:
        # `http.server` looks for a method by what is asked for.
        if name.startswith("do_"):
            return self._not_allowed
        raise AttributeError(name)

    def do_GET(self) -> None:
        """Answer what is looked at."""
        self.connection.settimeout(_STUCK)
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self._refuse(HTTPStatus.BAD_REQUEST, "A request has nothing but its address.")
            return
        if not self.server.access.knows(self.headers.get("Host", "")):
            self._refuse(
                HTTPStatus.MISDIRECTED_REQUEST, "This server is not called that: see --host."
            )
            return
        try:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=8)
        except ValueError:
            self._refuse(HTTPStatus.BAD_REQUEST, "That is no address.")
            return
        if parts.path == "/favicon.ico":  # browsers ask, where a text has no head to say so
            self._head(HTTPStatus.NO_CONTENT, [])
            return
        if self._stopped_at_the_door(parts.path, query):
            return
        for pattern, name in _NAMES:
            if fits := pattern.fullmatch(parts.path):
                answer: Callable[..., None] = getattr(self, name)
                answer(query, *map(int, fits.groups()))
                return
        self._refuse(HTTPStatus.NOT_FOUND, "There is no such page.")

    do_HEAD = do_GET  # noqa: N815 - as `http.server` calls it

    def version_string(self) -> str:
        """Return what the server is called: nobody outside needs its version."""
        return "gpucore"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called there
        """Say nothing: addresses may hold a token."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what `http.server` itself refuses, without repeating what was asked."""
        del message, explain
        self._refuse(HTTPStatus(code), HTTPStatus(code).description or HTTPStatus(code).phrase)

    def _stopped_at_the_door(self, path: str, query: dict[str, list[str]]) -> bool:
        """Answer who has no right to look, and who brings the token; return whether it was one."""
        access, port = self.server.access, self.server.port
        token = query.get("token", [""])[0]
        if access.token_fits(token):
            self._head(
                HTTPStatus.SEE_OTHER,
                # It shall not stay in the address: that is looked at over shoulders, and kept.
                [("Location", path if any(one.fullmatch(path) for one, _ in _NAMES) else "/"),
                 ("Set-Cookie", access.cookie(port)),
                 ("Content-Length", "0")],
            )  # fmt: skip
            return True
        if access.lets_in(self.headers.get("Cookie", ""), port):
            return False
        self._refuse(
            HTTPStatus.FORBIDDEN,
            "This server asks for its token: open the address that `gpucore serve` printed.",
        )
        return True

    def _index(self, _query: dict[str, list[str]]) -> None:
        if len(self.server.feeds) == 1:
            self._head(HTTPStatus.FOUND, [("Location", "/runs/1/"), ("Content-Length", "0")])
            return
        self._page_of(index_page(self.server.feeds))

    def _index_events(self, _query: dict[str, list[str]]) -> None:
        feeds = self.server.feeds
        with contextlib.ExitStack() as looking:
            for feed in feeds:
                looking.enter_context(feed.looked_at())
            self._stream(follow_cards(feeds, self.server.told, self.server.ending))

    def _page(self, _query: dict[str, list[str]], number: int) -> None:
        feed = self._feed(number)
        if feed is None:
            return
        with feed.looked_at():
            with self.server.told:
                self.server.told.wait_for(
                    lambda: feed.read or self.server.ending(), timeout=_FIRST_LOOK
                )
                base = feed.base
            page = None if base is None else Page(html=base.html(), policy=base.policy())
        self._page_of(page or waiting_page(feed, others=len(self.server.feeds) > 1))

    def _events(self, query: dict[str, list[str]], number: int) -> None:
        feed = self._feed(number)
        if feed is None:
            return
        version = self.headers.get("Last-Event-ID") or query.get("from", [""])[0]
        with feed.looked_at():
            self._stream(follow_run(feed, version, self.server.told, self.server.ending))

    def _log(self, query: dict[str, list[str]], number: int, event: int) -> None:
        feed = self._feed(number)
        if feed is None:
            return
        start = query.get("from", [""])[0]
        if start and not (start.isdecimal() and start.isascii() and len(start) <= _DIGITS_OF_SIZE):
            self._refuse(HTTPStatus.BAD_REQUEST, "A log is asked for from a number of bytes on.")
            return
        try:
            with feed.looked_at():
                began, runs = feed.beginning(event)
        except GpucoreError:
            began, runs = None, False
        descriptor = None if began is None else open_log(feed.folder, began.log)
        if descriptor is None:
            self._refuse(HTTPStatus.NOT_FOUND, "There is no log of this step in the output folder.")
            return
        try:
            part = read_log(descriptor, int(start) if start else None, ended=not runs)
        finally:
            os.close(descriptor)
        if "from" not in query:
            self._send(part.text.encode("utf-8", "replace"), "text/plain; charset=utf-8")
            return
        told = {
            "text": part.text,
            "start": part.start,
            "end": part.end,
            "size": part.size,
            "runs": runs,
        }
        self._send(json.dumps(told).encode(), "application/json")

    def _feed(self, number: int) -> RunFeed | None:
        feeds = self.server.feeds
        if number <= len(feeds):
            return feeds[number - 1]
        self._refuse(HTTPStatus.NOT_FOUND, "There is no such run.")
        return None

    def _stream(self, chunks: Iterable[bytes]) -> None:
        self._head(HTTPStatus.OK, [("Content-Type", "text/event-stream; charset=utf-8")])
        if self.command == "HEAD":
            return
        for chunk in chunks:
            self._write(chunk)

    def _not_allowed(self) -> None:
        self._refuse(
            HTTPStatus.METHOD_NOT_ALLOWED, "This can only be looked at.", [("Allow", "GET, HEAD")]
        )

    def _refuse(self, status: HTTPStatus, words: str, more: Iterable[tuple[str, str]] = ()) -> None:
        self._page_of(plain_page(words), status, more)

    def _page_of(
        self, page: Page, status: HTTPStatus = HTTPStatus.OK, more: Iterable[tuple[str, str]] = ()
    ) -> None:
        self._send(
            page.html,
            "text/html; charset=utf-8",
            status,
            [("Content-Security-Policy", f"{page.policy}; frame-ancestors 'none'"), *more],
        )

    def _send(
        self,
        content: bytes,
        kind: str,
        status: HTTPStatus = HTTPStatus.OK,
        more: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._head(status, [("Content-Type", kind), ("Content-Length", str(len(content))), *more])
        if self.command != "HEAD":
            self._write(content)

    def _write(self, content: bytes) -> None:
        for at in range(0, len(content), _PIECE):
            self.wfile.write(content[at : at + _PIECE])

    def _head(self, status: HTTPStatus, headers: Iterable[tuple[str, str]]) -> None:
        self.send_response(status)
        for name, value in (
            *headers,
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Connection", "close"),
        ):
            self.send_header(name, value)
        self.end_headers()
