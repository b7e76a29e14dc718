"""Who else holds a run's GPUs, as its picture asks now and then."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gpucore.cli import held
from gpucore.cli.held import HeldByOthers
from gpucore.cli.options import settings_of
from gpucore.errors import DeviceError
from gpucore.system.lease_records import Holder
from gpucore.system.leases import Leases

if TYPE_CHECKING:
    from command_line import Cli


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time, which a test sets."""
    now = [100.0]
    monkeypatch.setattr(held.time, "monotonic", lambda: now[0])
    return now


def test_others_are_told_and_this_process_is_not(
    cli: Cli, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    holders = [
        Holder("GPU-a", 0, 1, os.getpid(), "me", "s/1", 1.0, True),
        Holder("GPU-b", 0, 1, 7, "eve\x1b[2J", "exec sleep", 1.0, True),
        Holder("GPU-c", 0, 0, 0, "", "", 0.0, False),
    ]
    asked: list[Leases] = []
    monkeypatch.setattr(Leases, "holders", lambda self: asked.append(self) or holders)
    others = HeldByOthers(settings_of({}))
    told = {
        "GPU-b": "leased by process 7 of eve\\x1b[2J, for exec sleep",
        "GPU-c": "leased by another process",
    }
    assert others() == told
    assert others() == told
    assert len(asked) == 1  # once in two seconds, however often it is drawn
    clock[0] += 2.0
    assert others() == told
    assert len(asked) == 2


def test_leases_that_cannot_be_read_are_no_fault_of_the_picture(
    cli: Cli, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def meddled(_: Leases) -> list[Holder]:
        raise DeviceError("somebody meddled with it")

    monkeypatch.setattr(Leases, "holders", meddled)
    assert HeldByOthers(settings_of({}))() == {}


def test_where_leases_are_of_the_run_alone_nobody_else_holds_any(
    cli: Cli, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Leases, "holders", lambda _: pytest.fail("nobody is to be asked"))
    settings = settings_of({})
    settings = replace(settings, config=replace(settings.config, leases="run"))
    assert HeldByOthers(settings)() == {}
