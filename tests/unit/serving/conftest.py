"""Servers that are really asked, over loopback."""

from __future__ import annotations

import http.client
import json
import os
import socket
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from past_runs import PastRun

from gpucore.serving.access import Access
from gpucore.serving.server import PageServer, serving
from gpucore.system.orphans import boot_id, process_start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE = 60.0


@dataclass
class Stream:
    """Server-sent events as they come."""

    response: http.client.HTTPResponse
    version: str = ""

    def next(self, *names: str) -> Any:
        """Wait for the next event of some names; return its data."""
        told: dict[str, str] = {}
        while line := self.response.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            told[name] = value
            if line == "\n":
                if "id" in told:
                    self.version = told["id"]
                if told.get("event") in names:
                    return json.loads(told["data"])
                told = {}
        raise AssertionError("the stream has ended")


@dataclass
class Served:
    """A server, and who asks it."""

    server: PageServer
    stack: ExitStack = field(repr=False)

    def ask(
        self, path: str, method: str = "GET", *, host: str | None = "localhost", **headers: str
    ) -> http.client.HTTPResponse:
        """Return the answer to a request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        self.stack.callback(connection.close)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        if host is not None:
            connection.putheader("Host", host)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        response = connection.getresponse()
        self.stack.callback(response.close)
        return response

    def text(self, path: str) -> str:
        """Return a page."""
        response = self.ask(path)
        assert response.status == 200, response.read()
        return response.read().decode()

    def json(self, path: str) -> Any:
        """Return data."""
        return json.loads(self.text(path))

    def silent(self, path: str) -> socket.socket:
        """Ask for something, and read nothing of it; return the connection, which takes little."""
        connection = socket.socket()
        self.stack.callback(connection.close)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(PATIENCE)
        connection.connect(("127.0.0.1", self.server.port))
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return connection

    def stream(self, path: str, **headers: str) -> Stream:
        """Return what is told there."""
        return Stream(self.ask(path, **headers))


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Return what serves folders until the test's end."""
    with ExitStack() as stack:

        def served(*folders: Path, token: str = "", host: str = "127.0.0.1") -> Served:
            access = Access(host=host, token=token)
            server = PageServer(folders or (tmp_path / "out",), tmp_path / "state", access)
            return Served(stack.enter_context(serving(server)), stack)

        yield served


@pytest.fixture
def living(tmp_path: Path) -> Iterator[PastRun]:
    """Return a run that goes on, because its process is this one: a step has begun on each GPU."""
    past = PastRun(tmp_path / "out")
    pid = os.getpid()
    past.begin(pid=pid, boot=boot_id(), pid_start=process_start(pid))
    past.plan(*(f"align/m{n}" for n in range(1, 5)))
    past.began("align/m1", 1, 0)
    past.began("align/m2", 2, 1)
    past.write_log("align/m1", "frame 1\n")
    past.settle(2)
    yield past
    past.end(100)
