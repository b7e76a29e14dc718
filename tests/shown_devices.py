"""Devices as they show themselves, and what is thought of one that was well and shows something."""

from __future__ import annotations

from gpucore.scheduling.health import Change, Health, Level
from gpucore.standard.readings import Reading, Snapshot, Xid

__all__ = ["GEFORCE", "WELL", "A", "B", "health", "seen", "snapshot"]

A, B = "GPU-a", "GPU-b"
WELL = Reading(
    uuid=A,
    memory_total_mib=24_000,
    memory_used_mib=300,
    utilisation=0,
    compute_mode="default",
    ecc_uncorrected=0,
    remap_pending=False,
    remap_failed=False,
    recovery_action="none",
    clock_reasons=1,
    mig=(False, False),
    processes=(),
)
GEFORCE = Reading(uuid=A, memory_total_mib=24_000, memory_used_mib=300, utilisation=0)
"""A card that tells neither ECC, nor row-remapping, nor what the driver wants to be done."""


def snapshot(*readings: Reading, xids: tuple[int, ...] = (), fault: str = "", now: float = 0.0):
    return Snapshot(
        time=now,
        readings=readings,
        xids=tuple(Xid(uuid=A, number=number, time=now) for number in xids),
        fault=fault,
    )


def health(*uuids: str, **more: object) -> Health:
    return Health(uuids or (A,), **more)


def seen(*xids: int, reading: Reading = GEFORCE, fault: str = "") -> Change:
    """Return what follows for a device that was well, and shows this."""
    judge = health()
    judge.see(snapshot(WELL if reading.recovery_action else GEFORCE), 0.0)
    (change,) = judge.see(snapshot(reading, xids=xids, fault=fault, now=2.0), 2.0)
    assert change.before.level is Level.GOOD
    assert change.after == judge.standing(A)
    return change
