"""Who may look: the names by which the server may be called, and the token."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from dataclasses import dataclass, field
from functools import cached_property

__all__ = ["Access", "is_loopback", "new_token"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def new_token() -> str:
    """Return a token that nobody guesses."""
    return secrets.token_urlsafe(24)


def is_loopback(host: str) -> bool:
    """Say whether a name or address is one that only this machine reaches.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    address = _address(host)
    return address is not None and address.is_loopback


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may look.

    Parameters
    ----------
    host : str
        The name or address that the server listens on.
    token : str
        What whoever looks must know; empty: nothing.
    """

    host: str
    token: str = ""
    _session: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    def knows(self, header: str) -> bool:
        """Say whether a request's ``Host`` is a name of this server.

        A page from elsewhere whose name was made to lead here (DNS rebinding) says its own name.
        An address cannot be made to lead elsewhere.
        """
        name = _host_of(header)
        if name in _LOOPBACK or name == self.host.lower():
            return True
        address = _address(self.host)
        if address is None or not address.is_unspecified:
            return False
        own = socket.gethostname().lower()
        if _address(name) is not None or name in {own, own.partition(".")[0]}:
            return True
        return name == self._full_name

    def token_fits(self, token: str) -> bool:
        """Say whether a token is the one."""
        return bool(self.token) and _same(token, self.token)

    def lets_in(self, cookies: str, port: int) -> bool:
        """Say whether a request's cookies show that its sender had the token, or none is needed."""
        if not self.token:
            return True
        # `http.cookies` reads none where one is malformed, and other servers of this machine have
        # theirs among them.
        sent = (one.strip().partition("=") for one in cookies.split(";"))
        return any(name == _cookie(port) and _same(value, self._session) for name, _, value in sent)

    def cookie(self, port: int) -> str:
        """Return the ``Set-Cookie`` of whoever had the token."""
        return f"{_cookie(port)}={self._session}; Path=/; HttpOnly; SameSite=Strict"

    @cached_property
    def _full_name(self) -> str:
        # A name server that does not answer takes seconds: it is not asked at each request.
        return socket.getfqdn().lower()


def _cookie(port: int) -> str:
    # Cookies are shared by all ports of a machine: each server has one of its own.
    return f"gpucore-{port}"


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def _host_of(header: str) -> str:
    """Return the host of a ``Host`` header without its port."""
    text = header.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].rstrip(".")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
