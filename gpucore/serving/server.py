"""The server: a thread for each who looks, so that a slow one holds no other."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING

from gpucore.errors import ConfigError
from gpucore.serving.requests import Request
from gpucore.serving.run_feed import RunFeed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gpucore.serving.access import Access

__all__ = ["PageServer", "serving"]

_LOGGER = logging.getLogger(__name__)
_MOST = 64
"""Connections at once; a page takes one, and one more while it shows a log."""
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Length: 0\r\n\r\n"
)


class PageServer(ThreadingHTTPServer):
    """Serves the pages of some runs.

    Parameters
    ----------
    folders : sequence of Path
        Output folders.
    state_home : Path
        The machine's local state directory.
    access : Access
        Who may look, and the name or address to listen on.
    port : int
        The port; 0: any that is free.

    Raises
    ------
    ConfigError
        When it cannot listen there.
    """

    request_queue_size = 64

    def __init__(
        self, folders: Sequence[Path], state_home: Path, access: Access, port: int = 0
    ) -> None:
        self.access = access
        self.told = threading.Condition()
        self.feeds = [
            RunFeed(folder, state_home, self.told, others=len(folders) > 1) for folder in folders
        ]
        self._over = False
        self._closed = threading.Event()
        self._room = threading.BoundedSemaphore(_MOST)
        try:
            self.address_family, where = _where(access.host, port)
            super().__init__(where, Request)
        except (OSError, OverflowError, UnicodeError) as error:
            raise ConfigError(
                f"the server cannot listen on `{access.host}` port {port} ({error})",
                hint="`--port 0` takes a free port; `--host` is a name or address of this machine",
                code="E262",
            ) from error
        self.port: int = self.socket.getsockname()[1]

    @property
    def url(self) -> str:
        """Where it can be looked at; with the token, when there is one."""
        host = self.access.host
        if host in {"0.0.0.0", "::"}:  # noqa: S104 - what was asked for
            host = socket.gethostname()
        name = f"[{host}]" if ":" in host else host
        token = f"?token={self.access.token}" if self.access.token else ""
        return f"http://{name}:{self.port}/{token}"

    def ending(self) -> bool:
        """Say whether it ends."""
        return self._over

    def wait(self) -> None:
        """Come back when it ends; a signal comes between.

        What a signal's handler raises must not come while a lock is held that others need.
        """
        while not self._closed.wait(1.0):
            pass

    def process_request(self, request: object, client_address: object) -> None:
        """Give a connection its thread, unless there are too many."""
        assert isinstance(request, socket.socket)  # noqa: S101 - what `accept` gave
        if not self._room.acquire(blocking=False):
            with contextlib.suppress(OSError):
                request.settimeout(0.1)
                request.sendall(_FULL)
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread could be started, which would have made room again
            self._room.release()
            raise

    def process_request_thread(self, request: object, client_address: object) -> None:
        """Answer one, and make room for the next."""
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self._room.release()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - as it is called
        """Note what went wrong in answering one; the others go on."""
        _LOGGER.exception("a request could not be answered")

    def server_bind(self) -> None:
        """Listen, without asking a name server what the machine is called."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def close(self) -> None:
        """Let go of everything: whoever looks is told no more."""
        with self.told:
            self._over = True
            self.told.notify_all()
        for feed in self.feeds:
            feed.close()
        self.server_close()
        self._closed.set()


@contextlib.contextmanager
def serving(server: PageServer) -> Iterator[PageServer]:
    """Serve in a thread as long as this is open."""
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="serve")
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.close()


def _where(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    family, _, _, _, where = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    return family, (str(where[0]), int(where[1]))
