"""What is told to the pages of a run when something happened: the changes, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.report.step_columns import StepColumns
from gpucore.report.texts import shown
from gpucore.serving.page_base import log_link

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpucore.serving.page_base import PageBase
    from gpucore.serving.run_story import RunStory, StoryNews

__all__ = ["changes_of", "changes_of_base"]


def changes_of(
    story: RunStory, news: StoryNews, base: PageBase, now: float, *, lives: bool
) -> dict[str, object]:
    """Return what steps and GPUs did since the last call; empty when they did nothing.

    Parameters
    ----------
    story : RunStory
        What is known of the run.
    news : StoryNews
        What is new in it.
    base : PageBase
        What the pages began with: its lanes are theirs.
    now : float
        Seconds since the epoch.
    lives : bool
        Whether the run goes on.
    """
    changed: dict[str, object] = {}
    layout = story.layout()
    lanes = {gpu: lane for lane, gpu in enumerate(layout.order)}
    if news.attempts:
        columns = StepColumns(layout, log_link, keyed=True)
        changed["steps"] = columns.packed(news.attempts, news.commands)
        changed["stages"] = [shown(one) for one in story.stages]
        changed["counts"] = story.counts(lives=lives)
        changed["rows"] = [[lanes[gpu], count] for gpu, count in story.row_counts().items()]
    if news.samples:
        changed["samples"] = [
            [lanes[one.gpu], layout.ms(one.time), one.utilisation, one.memory_mib, one.temperature]
            for one in news.samples
        ]
    runs = [
        [shown(run.record.run), layout.ms(run.record.time), layout.ms(run.last)]
        for run in story.reader.steps.runs
    ]
    if len(runs) != len(base.history.runs):
        changed["runs"] = runs
    if changed:
        changed["now"] = layout.ms(now if lives else story.reader.steps.run.last)
        changed["lives"] = lives
    return changed


def changes_of_base(before: PageBase, after: PageBase) -> dict[str, object]:
    """Return what a page that began with one summary lacks of a later one.

    Parameters
    ----------
    before, after : PageBase
        The summaries.
    """
    changed: dict[str, object] = {}
    parts = {name: html for name, html in after.parts.items() if before.parts.get(name) != html}
    if parts:
        changed["parts"] = parts
    if gaps := _differences(before.gaps, after.gaps):
        changed["gaps"] = gaps
    if after.notes != before.notes:
        changed["notes"] = after.notes
    if (busy := _busy(after)) != _busy(before):
        changed["busy"] = busy
    return changed


def _busy(base: PageBase) -> list[float]:
    return [round(base.times[gpu].share, 4) for gpu in base.living.layout.order if gpu >= 0]


def _differences(
    before: Sequence[Sequence[object]], after: Sequence[Sequence[object]]
) -> Mapping[str, object]:
    """Return the gaps that are new or changed, and those that are no more."""
    old = {tuple(gap[:2]): gap for gap in before}
    new = {tuple(gap[:2]): gap for gap in after}
    put = [gap for place, gap in new.items() if old.get(place) != gap]
    gone = [list(place) for place in old if place not in new]
    return {"put": put, "gone": gone} if put or gone else {}
