"""What stands between a step and its start, or how it fares: as far as others can see it."""

from __future__ import annotations

import itertools
import os
import time
from typing import TYPE_CHECKING

from gpucore.cli.progress import duration
from gpucore.errors import GpucoreError
from gpucore.standard.memory import format_memory
from gpucore.standard.model import StepState
from gpucore.system.journal_steps import last_sample, regards

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.cli.step_story import Story
    from gpucore.system.journal_replay import JournalState

__all__ = ["obstacles"]

_RUNNING = 4
_MOMENT = 60.0
"""Seconds for which what was said of a run counts; its host says it every few."""
_WITHHELD = frozenset({"unknown", "quarantined", "busy"})


def obstacles(state: JournalState, story: Story) -> Iterator[str]:
    """Yield in lines what a step waits for, or how its GPUs are while it runs.

    Raises
    ------
    GpucoreError
        When the journal was damaged since it was read.
    """
    if story.state == "running":
        yield from _fares(state, story)
        return
    yield _place(state, story)
    yield from _lacks(state, story)
    yield from _running(state, story)
    for uuid, one in regards(state).items():
        if one.level in _WITHHELD and uuid in story.labels:
            remedy = f" ({one.remedy})" if one.remedy else ""
            yield f"{story.labels[uuid]} is {one.level}: {one.reason}{remedy}"
    yield from _leased(state, story)


def _place(state: JournalState, story: Story) -> str:
    ahead = itertools.takewhile(
        lambda name: name != story.step, state.steps.named(StepState.WAITING)
    )
    before = sum(1 for _ in ahead)
    if not before:
        return (
            "it is the next of its run: it starts when there is room for it, "
            "and when what it comes after, if anything, is done"
        )
    steps = "step was" if before == 1 else "steps were"
    return f"{before} {steps} planned before it and wait, too; who can start first does"


def _lacks(state: JournalState, story: Story) -> Iterator[str]:
    """Yield what the run's first waiting step lacks, as its host said a moment ago."""
    sample = last_sample(state)
    if sample is None or not sample.waits or time.time() - sample.time > _MOMENT:
        return
    who = "it" if sample.waits == story.step else f"{sample.waits}, the first of them,"
    yield f"{who} {sample.lacks}"


def _running(state: JournalState, story: Story) -> Iterator[str]:
    names = list(state.steps.named(StepState.RUNNING))
    for name in names[:_RUNNING]:
        if (began := state.began(name)) is not None:
            since = duration(max(time.time() - began.time, 0.0))
            yield f"{story.gpus(began.devices)}: {name} has been running for {since}"
    if len(names) > _RUNNING:
        yield f"and {len(names) - _RUNNING} more steps run"


def _leased(state: JournalState, story: Story) -> Iterator[str]:
    """Yield who else holds the run's GPUs: other runs of this machine, of whatever user."""
    from gpucore.cli.options import settings_of  # noqa: PLC0415 - only for who waits
    from gpucore.system.lease_directory import find_lease_directory  # noqa: PLC0415
    from gpucore.system.leases import Leases  # noqa: PLC0415

    own = state.runs[-1][0].pid
    try:
        configured = settings_of({}, None).config.lease_directory
        leases = Leases(find_lease_directory(os.environ, configured=configured))
    except GpucoreError:
        return  # nobody can say; that is no fault of the step
    try:
        holders = leases.holders()
    finally:
        leases.close()
    for one in holders:
        if one.uuid in story.labels and one.pid != own:
            who = f"process {one.pid}" if one.pid else "another process"
            user = f" of {one.user}" if one.user else ""
            step = f", for {one.step}" if one.step else ""
            yield f"{story.labels[one.uuid]} is leased by {who}{user}{step}"


def _fares(state: JournalState, story: Story) -> Iterator[str]:
    began, sample = story.began, last_sample(state)
    if began is None:
        return
    if began.granted and began.time - began.granted >= 1 and began.held_by:
        waited = duration(began.time - began.granted)
        yield f"it had waited {waited} for {began.held_by}"
    for uuid in dict.fromkeys(began.devices):
        said = list(sample.devices.get(uuid, ())) if sample is not None else []
        used, busy, celsius = (*said, None, None, None)[:3]
        parts = [
            f"{busy} % busy" if busy is not None else "",
            f"{format_memory(used)} used" if used is not None else "",
            f"{celsius} °C" if celsius is not None else "",
        ]
        if told := ", ".join(filter(None, parts)):
            yield f"{story.gpus([uuid])}: {told}"
