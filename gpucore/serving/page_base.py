"""What a page of a run begins with, summed up at one moment; from then on it is told changes."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError
from gpucore.report.embedding import as_json
from gpucore.report.figures import Figures, figures_of
from gpucore.report.history import History
from gpucore.report.idle import GpuTime, gpu_times
from gpucore.report.page import Living, living_policy, page_html, page_parts
from gpucore.report.page_data import PageData
from gpucore.report.texts import command_words
from gpucore.system.journal_records import Began
from gpucore.system.journal_replay import JournalState

if TYPE_CHECKING:
    from gpucore.report.history import Attempt, Gpu
    from gpucore.report.lanes import Layout
    from gpucore.serving.run_story import RunStory

__all__ = ["PageBase", "log_link"]


def log_link(attempt: Attempt) -> str:
    """Return the link from a run's page to a log: the journal's event names it, and no path."""
    return f"log/{attempt.event}" if attempt.event and attempt.log else ""


@dataclass(frozen=True, kw_only=True)
class PageBase:
    """A run as a page begins with it.

    Parameters
    ----------
    history, times, figures : History, sequence of GpuTime, Figures
        What it did, and what it comes to.
    living : Living
        How the page is laid out.
    parts : Mapping of str to str
        The page's parts that are told anew, as HTML.
    gaps, notes : sequence
        As `PageData` gives them.
    state : JournalState
        Where the commands are read from.
    """

    history: History
    times: Sequence[GpuTime]
    figures: Figures
    living: Living
    parts: Mapping[str, str]
    gaps: Sequence[Sequence[object]]
    notes: Sequence[Sequence[object]]
    state: JournalState = field(repr=False)
    _made: list[bytes] = field(default_factory=list, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def of(
        cls, story: RunStory, folder: Path, state: JournalState, now: float, *, others: bool
    ) -> PageBase:
        """Sum up what is known of a run."""
        history = story.reader.history(folder, state, now)
        times = gpu_times(history)
        figures = figures_of(history, times)
        layout = story.layout()
        # As it is now: the story goes on.
        layout = replace(layout, rows=dict(layout.rows), stages=dict(layout.stages))
        living = Living(layout=layout, link=log_link, others=others)
        shaper = PageData(history, times, log_link, layout)
        return cls(
            history=history,
            times=times,
            figures=figures,
            living=living,
            parts=page_parts(history, times, figures, living),
            gaps=shaper.gaps(),
            notes=shaper.notes(),
            state=state,
        )

    def at(self, version: str, card: Mapping[str, object]) -> PageBase:
        """Return the same, with the version of a page that begins with it, and the run's card."""
        living = replace(self.living, version=version, now=as_json(card))
        return replace(self, living=living, _made=[])

    def fits(self, layout: Layout, gpus: Sequence[Gpu]) -> bool:
        """Say whether changes can be told to a page that began so: its lanes are the same."""
        mine = self.living.layout
        return (
            mine.zero == layout.zero
            and tuple(mine.order) == tuple(layout.order)
            and self.history.gpus == tuple(gpus)
        )

    def html(self) -> bytes:
        """Return the page; made once for all who ask for it."""
        with self._lock:
            if not self._made:
                text = page_html(
                    self.history,
                    self.times,
                    self.figures,
                    self._commands,
                    place=Path(self.history.folder),
                    trace="",
                    living=self.living,
                )
                self._made.append(text.encode("utf-8", "replace"))
            return self._made[0]

    @staticmethod
    def policy() -> str:
        """Return what the page may load and run."""
        return living_policy()

    def _commands(self, attempts: Sequence[Attempt]) -> Mapping[int, list[str]]:
        wanted = {one.event for one in attempts if one.event}
        try:
            return {
                n: command_words(began.env, began.argv)
                for n, began in self.state.records(Began, only=wanted)
                if isinstance(began, Began)  # nothing else was asked for
            }
        except GpucoreError:
            return {}  # it is being written anew: the page does without commands
