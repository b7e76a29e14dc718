"""Runs that are over, and what the report makes of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from past_runs import ZERO, PastRun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def past(tmp_path: Path) -> PastRun:
    """Return the runs of a folder with two GPUs and two workers; the first has begun."""
    past = PastRun(tmp_path / "out")
    past.begin()
    return past


@pytest.fixture
def in_zurich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the machine's clock go as in Zurich; ZERO is 03:13:20 there."""
    monkeypatch.setenv("TZ", "Europe/Zurich")
    time.tzset()
    assert time.localtime(ZERO).tm_gmtoff == 3600
    yield
    monkeypatch.undo()
    time.tzset()
