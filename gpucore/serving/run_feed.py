"""One output folder, followed for all who look at it, and only while somebody does."""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError
from gpucore.report.embedding import as_json
from gpucore.report.reading import KINDS
from gpucore.serving.page_base import PageBase
from gpucore.serving.page_changes import changes_of, changes_of_base
from gpucore.serving.run_card import card_of, empty_card
from gpucore.serving.run_story import RunStory
from gpucore.system.journal_following import JournalFollower
from gpucore.system.lives import life

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gpucore.system.journal_records import Began, Record

__all__ = ["Change", "RunFeed"]

_LOGGER = logging.getLogger(__name__)
_TICK = 0.4
"""Seconds between two looks at the journal."""
_IDLE = 5.0
"""Seconds after which a run is looked at anew although nothing was written."""
_KEPT = 60.0
"""Seconds for which all is kept after the last who looked has gone: a page is loaded again."""
_SHARE = 15
"""To sum up a run may take one part in so many of the time."""
_SOONEST = 1.0
_BROKEN = 30.0
"""Seconds after which what cannot be followed is looked at again."""
_MOST = 2 << 20
"""Characters of changes that are kept for who comes again."""
_DIGITS = 12
"""Of a number that a page may name."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is told to every page.

    Parameters
    ----------
    version : str
        The page's after it.
    text : str
        JSON.
    """

    version: str
    text: str


class RunFeed:
    """Follows the journal of an output folder in a thread of its own.

    Parameters
    ----------
    folder : Path
        The output folder; there need not be a run in it yet.
    state_home : Path
        The machine's local state directory.
    told : threading.Condition
        Notified of everything new; shared by the feeds of a server.
    others : bool
        Whether the server has more runs to show.
    """

    def __init__(
        self, folder: Path, state_home: Path, told: threading.Condition, *, others: bool = False
    ) -> None:
        self.folder = folder
        self.card: dict[str, object] = empty_card()
        self.cards = 0
        """Grows with each new card."""
        self.base: PageBase | None = None
        """What a page begins with; None: there is no run, or it was not read yet."""
        self.read = False
        """Whether the folder was looked at."""
        self._told = told
        self._others = others
        self._journal = JournalFollower(folder, state_home)
        self._story = RunStory()
        self._beginnings = 0
        self._changes: list[Change] = []
        self._epoch, self._number = "", 0
        self._life = ""
        self._due = self._idle = self._again = 0.0
        self._behind = False
        self._lookers = 0
        self._ending = False
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def looked_at(self) -> Iterator[None]:
        """Follow it as long as this is open, and for a while after."""
        with self._told:
            if self._thread is None and not self._ending:
                thread = threading.Thread(target=self._follow, name=f"feed {self.folder}")
                thread.start()
                self._thread = thread  # not before: there may be none to be had
            self._lookers += 1
            self._told.notify_all()
        try:
            yield
        finally:
            with self._told:
                self._lookers -= 1

    def close(self) -> None:
        """End following it."""
        with self._told:
            self._ending = True
            self._told.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def since(self, version: str) -> list[Change] | None:
        """Return what changed after a version; None when only a new page tells that.

        To be asked while the condition is held.
        """
        epoch, _, number = version.rpartition("-")
        if epoch != self._epoch or not epoch or not number.isdecimal() or len(number) > _DIGITS:
            return None
        behind = self._number - int(number)
        if not 0 <= behind <= len(self._changes):
            return None
        return self._changes[len(self._changes) - behind :]

    def beginning(self, event: int) -> tuple[Began | None, bool]:
        """Return the beginning of an attempt by its event, and whether it goes on.

        Raises
        ------
        GpucoreError
            When the journal was damaged since it was read.
        """
        state = self._journal.state
        if state is None:
            return None, False
        try:
            return state.beginning(event), event in self._story.open and self._life != "died"
        finally:
            state.close()

    def _follow(self) -> None:
        while True:
            with self._told:
                if not self._lookers and not self._ending:
                    # Whoever comes again notifies; whoever does not is waited for no longer.
                    self._told.wait_for(lambda: self._lookers or self._ending, _KEPT)
                if self._ending or not self._lookers:
                    self._let_go()
                    return
            try:
                self._look(time.time())
            except GpucoreError as error:
                self._tell_card(str(error))
            except Exception as error:
                _LOGGER.exception("the run in %s cannot be followed", self.folder)
                self._again = time.monotonic() + _BROKEN
                self._tell_card(f"It cannot be followed: {type(error).__name__}: {error}")
            with self._told:
                self._told.wait_for(lambda: self._ending, _TICK)

    def _let_go(self) -> None:
        self._thread = None
        self._journal.close()
        self._story, self.base, self.read = RunStory(), None, False
        self._changes, self._epoch, self._life = [], "", ""

    def _look(self, now: float) -> None:
        """Take in what came, and tell it.

        Raises
        ------
        GpucoreError
            When the journal cannot be read now.
        """
        clock = time.monotonic()
        if clock < self._again:
            return
        heard = self._read()
        state = self._journal.state
        if state is None or not state.runs:
            self._tell_card("" if self.folder.is_dir() else f"There is no folder `{self.folder}`.")
            return
        trouble = "" if self.folder.is_dir() else f"The folder `{self.folder}` is gone."
        how = life(state, len(state.runs) - 1)
        if how != self._life:
            self._life = how
            self._story.reconsider()
            heard += 1
        self._behind = self._behind or heard > 0
        if not heard and self.base is not None and clock < self._idle:
            if self._behind and clock >= self._due:
                self._sum_up(now, card_of(self._story, state, now, trouble), self.base)
            return
        self._idle = clock + _IDLE
        base = self.base
        if base is not None and not base.fits(self._story.layout(), self._story.reader.gpus.gpus):
            base = None
        lives = how in {"runs", "unknown"}
        last = self._story.reader.steps.run.last
        last = max(last, now) if how == "runs" else last
        news = self._story.news(last, lives=lives)
        card = card_of(self._story, state, now, trouble)
        if base is not None:
            self._tell(changes_of(self._story, news, base, now, lives=lives), card)
        if base is None or clock >= self._due:
            self._sum_up(now, card, base)

    def _read(self) -> int:
        """Take in what the journal has that is new; return how much that is.

        Raises
        ------
        GpucoreError
            When it cannot be read now, or tells what cannot be.
        """
        heard, beginnings = 0, self._journal.beginnings
        try:
            for n, record in self._journal.news(*KINDS):
                if self._journal.beginnings != self._beginnings:
                    self._beginnings = self._journal.beginnings
                    self._story, self.base = RunStory(), None
                self._take(n, record)
                heard += 1
        except GpucoreError:
            if self._journal.beginnings != beginnings:  # all of it was read, and in vain
                self._again = time.monotonic() + _BROKEN
            raise
        return heard

    def _take(self, n: int, record: Record) -> None:
        """Take a record in.

        Raises
        ------
        GpucoreError
            When it cannot be: then all is read again, later.
        """
        try:
            self._story.take(n, record)
        except Exception:
            self._journal.close()
            self._again = time.monotonic() + _BROKEN
            raise

    def _sum_up(self, now: float, card: dict[str, object], before: PageBase | None) -> None:
        """Make what a new page begins with, and tell the others what it changes for them.

        Those that there are began with what was ``before``; None: they have to be loaded again.
        """
        state = self._journal.state
        assert state is not None  # noqa: S101 - as its caller saw
        start = time.monotonic()
        self._behind = False
        base = PageBase.of(self._story, self.folder, state, now, others=self._others)
        ended = time.monotonic()
        self._due = ended + max(_SOONEST, _SHARE * (ended - start))
        with self._told:
            if before is None:
                self._epoch, self._number, self._changes = secrets.token_hex(6), 0, []
            elif changed := changes_of_base(before, base):
                self._append(changed)
            self.base = base.at(f"{self._epoch}-{self._number}", card)
            self._set_card(card)
            self.read = True
            self._told.notify_all()

    def _tell(self, changed: dict[str, object], card: dict[str, object]) -> None:
        with self._told:
            if changed:
                self._append(changed)
            self._set_card(card)
            self._told.notify_all()

    def _tell_card(self, trouble: str) -> None:
        """Tell that there is nothing new, or why."""
        card = {**self.card, "trouble": trouble} if self.base is not None else empty_card(trouble)
        with self._told:
            self.read = True
            self._set_card(card)
            self._told.notify_all()

    def _set_card(self, card: dict[str, object]) -> None:
        if card != self.card:
            self.card = card
            self.cards += 1

    def _append(self, changed: dict[str, object]) -> None:
        self._number += 1
        text = as_json(changed)
        self._changes.append(Change(version=f"{self._epoch}-{self._number}", text=text))
        kept = sum(len(one.text) for one in self._changes)
        while kept > _MOST and len(self._changes) > 1:
            kept -= len(self._changes.pop(0).text)
