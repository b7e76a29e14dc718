"""What devices, leases and journals say, put together: who is on which GPU, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from gpucore.cli.top.picture import GpuNow, RunNow, StepNow, Tenant
from gpucore.scheduling.health import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpucore.cli.gpus_listing import Listing, Use
    from gpucore.standard.model import Device

__all__ = ["Assembled", "assemble"]


class Assembled(TypedDict):
    """The two tables."""

    gpus: tuple[GpuNow, ...]
    runs: tuple[RunNow, ...]


def assemble(listing: Listing | None, runs: Sequence[RunNow], me: str) -> Assembled:
    """Return the GPUs of the machine and its runs, each with what the other's source knows of it.

    Parameters
    ----------
    listing : Listing or None
        The devices; None: they cannot be read.
    runs : sequence of RunNow
        This user's runs.
    me : str
        This user.
    """
    uses = listing.uses if listing is not None else ()
    # Where no lease is asked for, a program's own number is all that a driver tells.
    told = {(me, step.step) for one in runs for step in one.running}
    known = {one.pid for one in runs}
    left = [one for one in uses if one.pid not in known and (one.user, one.what) not in told]
    others = _others(left, me)
    gpus = [] if listing is None else [_gpu(one, listing, runs) for one in listing.devices]
    gpus += _of_runs(runs, {one.uuid for one in gpus})
    return Assembled(gpus=tuple(gpus), runs=(*runs, *others))


def _gpu(device: Device, listing: Listing, runs: Sequence[RunNow]) -> GpuNow:
    reading, standing = listing.reading(device), listing.standings[device.uuid]
    tenants = _tenants(device.uuid, runs, [one for one in listing.uses if one.uuid == device.uuid])
    state, reason, remedy = "", "", ""
    if standing.level > Level.NOTED:
        state, reason, remedy = standing.level.name.lower(), standing.reason, standing.remedy
    else:
        state, reason, remedy = _state(device.uuid, tenants, runs)
        if state == "free" and device.uuid not in listing.snapshot.of:
            state = "unknown"
    return GpuNow(
        uuid=device.uuid,
        index=device.index,
        name=device.name,
        simulated=device.simulated,
        state=state,
        reason=reason,
        remedy=remedy,
        memory_total_mib=reading.memory_total_mib or device.memory_mib or None,
        memory_used_mib=reading.memory_used_mib,
        utilisation=reading.utilisation,
        temperature=reading.temperature,
        tenants=tenants,
    )


def _of_runs(runs: Iterable[RunNow], known: set[str]) -> list[GpuNow]:
    """Return the devices that runs have and that the device source does not tell of."""
    found: dict[str, GpuNow] = {}
    runs = [one for one in runs if not one.over]
    for run in runs:
        for uuid, index, name, memory, simulated in run.devices:
            if uuid in known or uuid in found:
                continue
            tenants = _tenants(uuid, runs, ())
            state, reason, remedy = _state(uuid, tenants, runs)
            found[uuid] = GpuNow(
                uuid=uuid,
                index=index,
                name=name,
                simulated=simulated,
                # What nobody tells of need not be free; a made-up one is.
                state="unknown" if state == "free" and not simulated else state,
                reason=reason,
                remedy=remedy,
                memory_total_mib=memory or None,
                tenants=tenants,
            )
    return sorted(found.values(), key=lambda one: one.index)


def _tenants(uuid: str, runs: Sequence[RunNow], uses: Sequence[Use]) -> tuple[Tenant, ...]:
    """Return who is on a device: steps by their journals, then what leases and drivers tell."""
    found = []
    told = set()
    for run in runs:
        for step in run.running:
            if uuid not in step.gpus or step.state != "running":
                continue
            told.add(run.pid)
            found.append(
                Tenant(
                    what=step.step,
                    ours=True,
                    user=run.user,
                    pid=run.pid,
                    folder=run.folder,
                    run=run.key,
                    since=step.since,
                    memory_mib=_memory(run, step, uses),
                )
            )
    by_pid = {one.pid: one for one in runs}
    names = {(one.user, one.what) for one in found}
    for use in uses:
        if use.ours and (use.pid in told or (use.user, use.what) in names):
            continue
        run_of = by_pid.get(use.pid)
        found.append(
            Tenant(
                what=use.what,
                ours=use.ours,
                user=use.user,
                pid=use.pid,
                folder=run_of.folder if run_of is not None else "",
                run=run_of.key if run_of is not None else _key(use),
                since=use.since,
                memory_mib=use.memory_mib,
            )
        )
    return tuple(found)


def _memory(run: RunNow, step: StepNow, uses: Sequence[Use]) -> int | None:
    """Return what a step holds of a device's memory, by its lease."""
    held = [one for one in uses if one.ours and one.pid == run.pid]
    own = [one for one in held if one.what == step.step]
    if not own and len(held) == 1:
        own = held  # it may still bear the name of the step before
    return own[0].memory_mib if own else None


def _state(uuid: str, tenants: Sequence[Tenant], runs: Sequence[RunNow]) -> tuple[str, str, str]:
    regards = [(one, one.regards[uuid]) for one in runs if not one.over and uuid in one.regards]
    if any(one.ours for one in tenants):
        waiting = [run.folder.rpartition("/")[2] for run, told in regards if told[0] == "held"]
        verb = "waits" if len(waiting) == 1 else "wait"
        return "used", f"{', '.join(waiting)} {verb} for it" if waiting else "", ""
    if tenants:
        return "others", "", ""
    if regards:
        return regards[0][1]
    return "free", "", ""


def _others(uses: Iterable[Use], me: str) -> list[RunNow]:
    """Return what holds devices without a record that we may read, or an output folder."""
    found: dict[str, list[Use]] = {}
    for one in uses:
        if one.ours:
            found.setdefault(_key(one), []).append(one)
    return [
        RunNow(
            key=key,
            folder="",
            user=held[0].user,
            own=held[0].user == me,
            pid=held[0].pid,
            state="runs",
            began=min((one.since for one in held if one.since), default=0.0),
            counts={"running": len({one.what for one in held})},
            running=_steps(held),
        )
        for key, held in found.items()
    ]


def _steps(held: Iterable[Use]) -> tuple[StepNow, ...]:
    steps: dict[str, StepNow] = {}
    for one in held:
        before = steps.get(one.what)
        gpus = (*(before.gpus if before is not None else ()), one.uuid)
        steps[one.what] = StepNow(step=one.what, state="running", since=one.since, gpus=gpus)
    return tuple(steps.values())


def _key(use: Use) -> str:
    return f"{use.user} {use.pid}" if use.ours else ""
