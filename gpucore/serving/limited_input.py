"""A request as it comes in: no longer than it may be, and no slower."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

    from _typeshed import WriteableBuffer

__all__ = ["LimitedInput", "TooLargeError"]


class TooLargeError(ConnectionError):
    """A request is longer than it may be."""


class LimitedInput(io.RawIOBase):
    """What a connection says, until it says too much or takes too long.

    Parameters
    ----------
    connection : socket.socket
        The connection.
    size : int
        Bytes at most.
    seconds : float
        All of them have to be there after so long.
    """

    def __init__(self, connection: socket.socket, size: int, seconds: float) -> None:
        super().__init__()
        self._connection = connection
        self._left = size
        self._until = time.monotonic() + seconds

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read what there is.

        Raises
        ------
        TooLargeError
            When it is more than it may be.
        TimeoutError
            When it took too long.
        """
        remaining = self._until - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        if self._left <= 0:
            raise TooLargeError
        self._connection.settimeout(remaining)
        got = self._connection.recv_into(memoryview(buffer)[: self._left])
        self._left -= got
        return got
