"""What ``%(GPU)s`` becomes for each program, and the environment that agrees with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gpucore.errors import TemplateError
from gpucore.standard.slots import cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpucore.standard.adapter import Gpu
    from gpucore.standard.model import Device

__all__ = [
    "gpu_arguments",
    "gpu_environment",
    "numbered",
    "rank_fields",
    "usable",
    "visible_environment",
]


def usable(gpu: Gpu, devices: Sequence[Device], *, ranks: int = 1) -> tuple[Device, ...]:
    """Return the devices of a slot that the program can use: each once, ``max`` per process.

    Examples
    --------
    >>> from gpucore.standard import Device, Gpu, GpuUse
    >>> one = Device(uuid="GPU-a", index=0)
    >>> two = Device(uuid="GPU-b", index=1)
    >>> [d.index for d in usable(Gpu(use=GpuUse.COMPULSORY, max=1), [one, one, two])]
    [0]
    """
    distinct = tuple({device.uuid: device for device in devices}.values())
    if gpu.max is None:
        return distinct
    processes = max(ranks - (gpu.leader and ranks > 1), 1)
    return distinct[: gpu.max * processes]


def gpu_arguments(
    gpu: Gpu, devices: Sequence[Device], *, isolate: bool = False, ranks: int = 1
) -> list[str]:
    """Return what the mark becomes: one argument, or several (``space``, ``repeat``).

    Parameters
    ----------
    gpu : Gpu
        How the program wants its GPUs.
    devices : sequence of Device
        Those it uses, each once.
    isolate : bool
        Whether the site hides other GPUs from every program that bears it.
    ranks : int
        MPI ranks, for ``colon``.

    Raises
    ------
    TemplateError
        When ``form`` is ``none``: such a program is told by its environment. When the program
        overwrites the mask, and an outer one names devices by identity.
    """
    if gpu.form == "none":
        raise TemplateError(
            "the mark %(GPU)s has no meaning here: the adapter's GPU form is `none`",
            hint="take the mark out, or give the form in [gpu]",
            code="E322",
        )
    if gpu.form == "count":
        return [str(len(devices))]
    ids = [f"{gpu.prefix}{one}" for one in _ids(gpu, devices, isolate=isolate)]
    if gpu.form in {"space", "repeat"}:
        return ids
    if gpu.form == "comma":
        return [",".join(ids)]
    if gpu.form == "json":
        return [json.dumps([int(one) if one.isdigit() else one for one in ids])]
    return [":".join(rank_fields(ids, ranks, leader=gpu.leader))]


def rank_fields(ids: Sequence[str], ranks: int, *, leader: bool) -> list[str]:
    """Return one field for each MPI rank that computes; several ids of one rank have commas.

    A list shorter than the ranks is repeated: RELION's ``relion_refine_mpi`` would do so itself,
    its ``relion_autopick_mpi`` and ``relion_run_motioncorr_mpi`` stop with an error otherwise.

    Source: RELION 3.1.3 ``src/ml_optimiser_mpi.cpp`` (the leader is left out) and
    ``src/autopicker_mpi.cpp`` (rank 0 works).

    Examples
    --------
    >>> rank_fields(["0", "1"], 5, leader=True)
    ['0', '1', '0', '1']
    >>> rank_fields(["0", "1", "2", "3"], 2, leader=False)
    ['0,1', '2,3']
    >>> rank_fields(["0", "1"], 1, leader=True)
    ['0,1']
    """
    computing = max(ranks - (leader and ranks > 1), 1)
    if len(ids) < computing:
        return [ids[rank % len(ids)] for rank in range(computing)]
    return [",".join(part) for part in cut(ids, computing)]


def gpu_environment(
    gpu: Gpu, devices: Sequence[Device], *, isolate: bool = False
) -> dict[str, str]:
    """Return the variables that a step's program gets; they always agree with its arguments.

    Examples
    --------
    >>> from gpucore.standard import Device, Gpu, GpuUse
    >>> gpu_environment(Gpu(use=GpuUse.OPTIONAL, ids="visible"), [Device(uuid="GPU-b", index=3)])
    {'CUDA_DEVICE_ORDER': 'PCI_BUS_ID', 'CUDA_VISIBLE_DEVICES': '3'}
    >>> gpu_environment(Gpu(), [])
    {'CUDA_DEVICE_ORDER': 'PCI_BUS_ID', 'CUDA_VISIBLE_DEVICES': ''}
    """
    environment = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    if not devices:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    elif _isolated(gpu, devices, isolate=isolate):
        environment |= visible_environment(devices)
    return environment


def visible_environment(devices: Sequence[Device]) -> dict[str, str]:
    """Return the variables under which a program sees these devices alone, numbered from 0.

    AMD's ``ROCR_VISIBLE_DEVICES`` hides devices from all that is built on ROCm, and
    ``HIP_VISIBLE_DEVICES``, which counts inside it, must not hide more because somebody set it
    before; it also stands above ``CUDA_VISIBLE_DEVICES``, which HIP reads in its stead.

    Source: rocm.docs.amd.com, *GPU isolation techniques*.

    Examples
    --------
    >>> from gpucore.standard import Device
    >>> visible_environment([Device(uuid="GPU-b", index=3)])
    {'CUDA_VISIBLE_DEVICES': '3'}
    >>> visible_environment([Device(uuid="GPU-1f", index=2, mask="GPU-1f", maker="amd")])
    {'ROCR_VISIBLE_DEVICES': 'GPU-1f', 'HIP_VISIBLE_DEVICES': '0'}
    """
    mask = ",".join(device.mask_entry for device in devices)
    if any(device.maker == "amd" for device in devices):
        inside = ",".join(map(str, range(len(devices))))
        return {"ROCR_VISIBLE_DEVICES": mask, "HIP_VISIBLE_DEVICES": inside}
    return {"CUDA_VISIBLE_DEVICES": mask}


def numbered(devices: Sequence[Device]) -> bool:
    """Return whether a program finds these devices by the machine's numbers.

    CUDA counts no MIG instances, and nothing makes AMD's programs count in PCI bus order.
    """
    return not any(device.parent or device.maker == "amd" for device in devices)


def _isolated(gpu: Gpu, devices: Sequence[Device], *, isolate: bool) -> bool:
    if gpu.overwrites_mask:
        return False  # its own mask, made of the numbers it is told, would be read inside ours
    if not numbered(devices):
        return True
    # A count without a mask would start at the machine's GPU 0, whatever the slot holds.
    always = gpu.sees_one or gpu.ids == "visible" or gpu.form in {"count", "none"}
    return always or (isolate and gpu.isolation)


def _ids(gpu: Gpu, devices: Sequence[Device], *, isolate: bool) -> list[str]:
    if gpu.ids == "uuid":
        return [device.uuid for device in devices]
    if _isolated(gpu, devices, isolate=isolate):
        return [str(place + gpu.base) for place in range(len(devices))]
    if gpu.overwrites_mask:
        return [str(_machine_number(device) + gpu.base) for device in devices]
    return [str(device.index + gpu.base) for device in devices]


def _machine_number(device: Device) -> int:
    """Return what stands for a device in a mask that a program writes over an outer one."""
    entry = device.mask_entry
    if not entry.isdecimal():
        raise TemplateError(
            f"the program overwrites CUDA_VISIBLE_DEVICES with numbers, and its GPU has none here: "
            f"an outer mask calls it {entry}",
            hint="set CUDA_VISIBLE_DEVICES by numbers, as in `0,1`, outside gpucore",
            code="E322",
        )
    return int(entry)
