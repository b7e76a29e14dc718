"""What pages are told as it happens, as server-sent events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.report.embedding import as_json

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence

    from gpucore.serving.run_feed import RunFeed

__all__ = ["follow_cards", "follow_run"]

_QUIET = 10.0
"""Seconds without anything to tell after which it is told that there is nothing: who has gone is
noticed by that, and so is, on the page, a server that has."""
_AGAIN = b"retry: 2000\n\n"
"""Milliseconds after which a browser asks again when the connection was lost."""
_NOTHING = b": nothing new\n\n"


def follow_run(
    feed: RunFeed, version: str, told: threading.Condition, ending: Callable[[], bool]
) -> Iterator[bytes]:
    """Yield what happens in a run since a page's version.

    ``card``: how it stands; ``change``: what is new; ``whole``: the page has to be loaded again.

    Parameters
    ----------
    feed : RunFeed
        Whoever follows it.
    version : str
        What the page has; empty: it shows that there is no run yet.
    told : threading.Condition
        The feed's.
    ending : callable
        Says whether the server ends.
    """
    yield _AGAIN
    card = -1

    def is_news() -> bool:
        return ending() or feed.cards != card or _behind(feed, version)

    while not ending():
        parts: list[bytes] = []
        with told:
            told.wait_for(is_news, timeout=_QUIET)
            if not feed.read:
                changes = []
            elif version:
                found = feed.since(version)
                changes = found or []
                if found is None:
                    parts.append(_event("whole", "{}"))
            else:
                changes = []
                if feed.base is not None:
                    parts.append(_event("whole", "{}"))
            over = bool(parts)
            for one in changes:
                parts.append(_event("change", one.text, one.version))
                version = one.version
            if feed.read and feed.cards != card:
                card = feed.cards
                parts.append(_event("card", as_json(feed.card)))
        yield b"".join(parts) or _NOTHING
        if over:
            return


def follow_cards(
    feeds: Sequence[RunFeed], told: threading.Condition, ending: Callable[[], bool]
) -> Iterator[bytes]:
    """Yield how runs stand, each when that changes.

    Parameters
    ----------
    feeds : sequence of RunFeed
        Whoever follows them.
    told : threading.Condition
        Theirs.
    ending : callable
        Says whether the server ends.
    """
    yield _AGAIN
    seen = [-1] * len(feeds)

    def news() -> list[int]:
        return [n for n, feed in enumerate(feeds) if feed.read and feed.cards != seen[n]]

    while not ending():
        with told:
            told.wait_for(lambda: ending() or bool(news()), timeout=_QUIET)
            parts = []
            for n in news():
                seen[n] = feeds[n].cards
                parts.append(_event("card", as_json({"run": n + 1, **feeds[n].card})))
        yield b"".join(parts) or _NOTHING


def _behind(feed: RunFeed, version: str) -> bool:
    """Say whether a page has not all that there is."""
    if not feed.read:
        return False
    if not version:
        return feed.base is not None
    return feed.since(version) != []


def _event(name: str, text: str, version: str = "") -> bytes:
    # `as_json` leaves no line's end in a text.
    head = f"id: {version}\n" if version else ""
    return f"{head}event: {name}\ndata: {text}\n\n".encode("ascii")
