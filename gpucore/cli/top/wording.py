"""How the live view says what it shows: times, rates, memory, and who is on a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.cli.terminal import clean

if TYPE_CHECKING:
    from gpucore.cli.top.picture import GpuNow, RunNow, StepNow, Tenant

__all__ = [
    "gpu_detail",
    "gpu_now",
    "index_of",
    "memory",
    "rate",
    "run_detail",
    "span",
    "step_detail",
]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_MIB_PER_GIB = 1024
_WORDS = {"used": "", "others": "", "held": "waited for", "unknown": "not known"}
"""Instead of a state's own name; who is on a GPU says enough."""


def span(seconds: float) -> str:
    """Return how long something takes.

    Examples
    --------
    >>> span(9.6), span(75), span(7384), span(200_000)
    ('9 s', '1 min 15 s', '2 h 3 min', '2 d 7 h')
    """
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < 2 * _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def rate(per_second: float | None) -> str:
    """Return how often something happens.

    Examples
    --------
    >>> rate(10.0), rate(0.5), rate(0.001), rate(None)
    ('10.0/s', '30.0/min', '3.6/h', '-')
    """
    if per_second is None:
        return "-"
    if per_second >= 1:
        return f"{per_second:.1f}/s"
    if per_second * _MINUTE >= 1:
        return f"{per_second * _MINUTE:.1f}/min"
    return f"{per_second * _HOUR:.1f}/h"


def memory(gpu: GpuNow) -> str:
    """Return what of a GPU's memory is used, in GiB."""
    total = gpu.memory_total_mib
    if total is None:
        return "-"
    used = "?" if gpu.memory_used_mib is None else f"{gpu.memory_used_mib / _MIB_PER_GIB:.1f}"
    return f"{used}/{total / _MIB_PER_GIB:.0f} GiB"


def gpu_now(gpu: GpuNow, now: float) -> str:
    """Return what runs on a GPU, or why nothing of gpucore's does."""
    on_it = " · ".join(_tenant(one, now) for one in gpu.tenants)
    why = _WORDS.get(gpu.state, gpu.state)
    if gpu.reason:
        why = f"{why}: {clean(gpu.reason)}" if why else clean(gpu.reason)
    return f"{on_it} · {why}" if on_it and why else on_it or why


def gpu_detail(gpu: GpuNow) -> str:
    """Return what there is no room for in its row."""
    return " · ".join(clean(text) for text in (gpu.uuid, gpu.remedy) if text)


def run_detail(run: RunNow, now: float) -> str:
    """Return what there is no room for in its row."""
    parts = [clean(run.folder) or "no output folder on record"]
    if run.began:
        parts.append(f"began {span(now - run.began)} ago")
    ends = ("skipped", "cancelled")
    parts += [f"{run.counts[state]} {state}" for state in ends if run.counts.get(state)]
    if run.reason:
        parts.append(clean(run.reason))
    if not run.own:
        parts.append(
            "another user's: what it says of itself cannot be read, nor can it be cancelled"
        )
    return " · ".join(parts)


def step_detail(step: StepNow) -> str:
    """Return what there is no room for in its row."""
    parts = [clean(step.step), f"attempt {step.attempt}" if step.attempt else ""]
    parts += [clean(step.reason), clean(step.log)]
    return " · ".join(part for part in parts if part)


def index_of(uuids: tuple[str, ...], gpus: tuple[GpuNow, ...]) -> str:
    """Return the indexes of a step's GPUs."""
    known = {gpu.uuid: str(gpu.index) for gpu in gpus}
    return " ".join(known.get(uuid, "?") for uuid in dict.fromkeys(uuids)) or "-"


def _tenant(tenant: Tenant, now: float) -> str:
    what = clean(tenant.what) or "?"
    since = f" {span(now - tenant.since)}" if tenant.since else ""
    who = clean(tenant.user) or "?"
    if tenant.ours and tenant.folder:
        return f"{what} in {clean(tenant.folder.rpartition('/')[2])}{since}"
    if tenant.ours:
        return f"{what} of {who} (process {tenant.pid or '?'}){since}"
    held = f", {tenant.memory_mib} MiB" if tenant.memory_mib is not None else ""
    return f"{what} of {who} (process {tenant.pid or '?'}{held}), not by gpucore"
