"""What NVML tells of a device that does not change while a run goes on."""

from __future__ import annotations

from typing import Any

from gpucore.system.nvml_calls import MIB, Gpu, call, decoded, guarded, memory_of

__all__ = ["mode", "name_and_memory", "numa", "pair_scores"]

_MODES = {0: "default", 1: "exclusive_process", 2: "prohibited", 3: "exclusive_process"}
_NEARNESS = {0: 60, 10: 50, 20: 40, 30: 30, 40: 20, 50: 10}
"""By the level of the common ancestor: board, switch, switches, host bridge, NUMA node, machine."""
_NVLINK = 100
_NVLINKS = 18
_P2P_NVLINK = 2
_NUMA_WORDS = 16


def name_and_memory(handle: Any) -> dict[str, object]:
    """Return the facts that a GPU and an instance have alike."""
    memory = memory_of(handle)
    return {
        "name": decoded(call("nvmlDeviceGetName", handle) or ""),
        "memory_mib": int(memory.total) // MIB if memory else 0,
    }


def mode(handle: Any) -> str | None:
    """Return the compute mode, as in `gpucore.standard.model.Device`."""
    return _MODES.get(call("nvmlDeviceGetComputeMode", handle))


def numa(handle: Any) -> int | None:
    """Return the NUMA node that a GPU hangs on; None when that is not one."""
    words = call("nvmlDeviceGetMemoryAffinity", handle, _NUMA_WORDS, 0) or ()
    nodes = [
        place * 64 + bit for place, word in enumerate(words) for bit in range(64) if word >> bit & 1
    ]
    return nodes[0] if len(nodes) == 1 else None


def pair_scores(found: list[tuple[Gpu, dict[str, object]]]) -> dict[str, list[tuple[str, int]]]:
    """Return by device how near the others are, as NVIDIA/go-gpuallocator scores pairs."""
    buses = {str(row["bus"]): gpu.uuid for gpu, row in found if row.get("bus")}
    links: dict[str, list[tuple[str, int]]] = {gpu.uuid: [] for gpu, _ in found}
    for one, _ in found:
        others = [other for other, _ in found if other is not one]
        linked = {
            other.uuid
            for other in others
            if guarded("nvmlDeviceGetP2PStatus", one.handle, other.handle, _P2P_NVLINK) == 0
        }
        ends = _nvlink_ends(one.handle, buses) if linked else []
        for other in others:
            level = guarded("nvmlDeviceGetTopologyCommonAncestor", one.handle, other.handle)
            score = _NEARNESS.get(level, 0)
            if other.uuid in linked:
                # All links to a switch lead to each GPU behind it.
                score += _NVLINK * max(ends.count(other.uuid) or ends.count(""), 1)
            if score:
                links[one.uuid].append((other.uuid, score))
    return links


def _nvlink_ends(handle: Any, buses: dict[str, str]) -> list[str]:
    """Return where each NVLink that is up leads: to a GPU, or, empty, to a switch."""
    ends = []
    for link in range(_NVLINKS):
        if guarded("nvmlDeviceGetNvLinkState", handle, link) == 1:
            there = guarded("nvmlDeviceGetNvLinkRemotePciInfo", handle, link)
            ends.append(buses.get(decoded(getattr(there, "busId", "")), ""))
    return ends
