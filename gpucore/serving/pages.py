"""The pages beside those of runs: all runs, a run that is still to come, and a word of refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpucore.report.page import own, part, policy, script_of, template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpucore.serving.run_feed import RunFeed

__all__ = ["Page", "index_page", "plain_page", "waiting_page"]

_PACKAGE = "gpucore.serving"


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page.

    Parameters
    ----------
    html : bytes
        All of it.
    policy : str
        What it may load and run.
    """

    html: bytes
    policy: str


def index_page(feeds: Sequence[RunFeed]) -> Page:
    """Return the page of several runs."""
    return _page("runs.html.j2", script_of("model.js", "now.js", "runs.js"), feeds=feeds)


def waiting_page(feed: RunFeed, *, others: bool) -> Page:
    """Return the page of a folder in which no run has begun."""
    return _page("waiting.html.j2", script_of("waiting.js"), feed=feed, others=others)


def plain_page(words: str) -> Page:
    """Return a page of one sentence."""
    return _page("plain.html.j2", "", words=words)


def _page(name: str, script: str, **told: object) -> Page:
    style = part("page.css")
    text = template(name, _PACKAGE).render(style=own(style), script=own(script), **told)
    return Page(
        html=text.encode("utf-8", "replace"),
        policy=policy(script, style, living=bool(script)),
    )
