"""What a user should know before a run of the GPUs that its steps will get."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.standard.gpuforms import usable
from gpucore.standard.template import ranks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpucore.provision import Provision
    from gpucore.standard.adapter import Adapter
    from gpucore.standard.step import Step

__all__ = ["gpu_notes", "lease_notes"]


def gpu_notes(steps: Iterable[Step], provision: Provision) -> Iterator[str]:
    """Yield what to say of some steps, once for each stage: most often nothing.

    Parameters
    ----------
    steps : iterable of Step
        Steps that are about to be submitted.
    provision : Provision
        What the run is given.
    """
    yield from provision.notes
    if not provision.units:
        return
    seen: set[tuple[str, str, int | None, int]] = set()
    for step in steps:
        gpu = step.adapter.gpu
        if not gpu.use.uses_gpu(use_gpu=step.use_gpu):
            continue
        ranks = ranks_of(step.adapter, step.shared) if gpu.ranks else 1
        kind = (step.stage, step.adapter.name, step.gpus, ranks)
        if kind not in seen:
            seen.add(kind)
            who = step.stage or step.adapter.name
            yield from _notes(who, step.adapter, step.gpus, ranks, provision)
            if step.gpu_memory is None:
                yield from _memory_note(who, step.adapter, provision)


def lease_notes(adapter: Adapter, gpus: int | None, provision: Provision) -> Iterator[str]:
    """Yield what to say of a lease for an adapter: most often nothing.

    Parameters
    ----------
    adapter : Adapter
        The program that the host will start.
    gpus : int or None
        How many GPUs it leases; None: a slot.
    provision : Provision
        What the run is given.
    """
    yield from provision.notes
    # How many ranks the host will start is not known; a program that has none uses one's GPUs.
    yield from _notes(adapter.name, adapter, gpus, None if adapter.gpu.ranks else 1, provision)
    yield from _memory_note(adapter.name, adapter, provision)


def _notes(
    who: str, adapter: Adapter, gpus: int | None, ranks: int | None, provision: Provision
) -> Iterator[str]:
    """Yield what to say of the number of GPUs; with unknown ranks nothing that hangs on them."""
    gpu = adapter.gpu
    if gpus is None:
        given = [unit.devices for unit in provision.units]
    else:
        given = [provision.devices[:gpus]]
    held = [len({device.uuid for device in devices}) for devices in given]
    used = held
    if ranks is not None:
        used = [len(usable(gpu, devices, ranks=ranks)) for devices in given]
    if gpu.changes_result and max(used) > 1:
        numbers = " or ".join(map(str, sorted(set(used))))
        yield (
            f"{who}: a step gets {numbers} GPUs, which changes its result: {gpu.changes_result}; "
            "with one GPU for each step it stays the same"
        )
    idle = [(has, uses) for has, uses in zip(held, used, strict=True) if has > uses]
    if idle:
        has, uses = max(idle)
        yield (
            f"{who}: {adapter.name} uses {uses} of the {has} GPUs that a step gets, and the rest "
            "stays idle; a worker for each GPU would use them all"
        )


def _memory_note(who: str, adapter: Adapter, provision: Provision) -> Iterator[str]:
    needed = adapter.gpu.memory
    small = [one for one in provision.devices if needed and 0 < one.memory_mib < needed]
    if small:
        names = ", ".join(f"GPU {one.index} has {one.memory_mib}" for one in small)
        on = f"; it depends: {adapter.gpu.memory_note}" if adapter.gpu.memory_note else ""
        yield f"{who}: {adapter.name} needs {needed} MiB on each GPU, and {names}{on}"
