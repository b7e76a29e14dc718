"""Pictures of a machine as the live view has them, made up."""

from __future__ import annotations

from dataclasses import replace

from gpucore.cli.top.picture import GpuNow, Picture, RunNow, StepNow, Tenant

__all__ = ["NOW", "failed", "gpu", "picture", "run", "running"]

NOW = 1_795_400_000.0


def running(name: str, *gpus: int, since: float = 12.0) -> StepNow:
    """Return a step that runs since so many seconds."""
    return StepNow(
        step=name,
        state="running",
        attempt=1,
        since=NOW - since,
        gpus=tuple(f"GPU-{one}" for one in gpus),
        log=f"/out/.gpucore/runs/r/log/{name.replace('/', '_')}.txt",
        mark="r",
    )


def failed(name: str, reason: str = "exit code 3") -> StepNow:
    """Return a step that failed."""
    return replace(running(name, 0), state="failed", reason=reason)


def run(key: str, *steps: StepNow, folder: str = "", **facts: object) -> RunNow:
    """Return a run of these steps."""
    now = RunNow(
        key=key,
        folder=folder or f"/data/session/{key}",
        user="ada",
        own=True,
        pid=4711,
        state="runs",
        began=NOW - 60,
        counts={"done": 3, "running": 2, "failed": 1, "waiting": 5},
        rate=0.5,
        left=14.0,
        running=tuple(one for one in steps if one.state == "running"),
        failed=tuple(one for one in steps if one.state == "failed"),
    )
    return replace(now, **facts)  # type: ignore[arg-type]


def gpu(index: int, *tenants: Tenant, **facts: object) -> GpuNow:
    """Return a GPU with these on it."""
    now = GpuNow(
        uuid=f"GPU-{index}",
        index=index,
        name="RTX A5000",
        simulated=False,
        state="used" if tenants else "free",
        memory_total_mib=24576,
        memory_used_mib=1024 * index,
        utilisation=10 * index,
        temperature=40 + index,
        tenants=tenants,
    )
    return replace(now, **facts)  # type: ignore[arg-type]


def picture(**facts: object) -> Picture:
    """Return a machine with three GPUs and two runs, or what is said of it."""
    step = Tenant(
        what="align/m1", ours=True, user="ada", pid=4711, folder="/data/session/one", run="one",
        since=NOW - 12,
    )  # fmt: skip
    stranger = Tenant(what="python", ours=False, user="bob", pid=99, memory_mib=800)
    now = Picture(
        time=NOW,
        host="gpu1",
        gpus=(
            gpu(0, step),
            gpu(1, stranger, state="others"),
            gpu(2, state="quarantined", reason="Xid 79: fell off the bus", remedy="restart"),
        ),
        runs=(
            run("one", running("align/m1", 0), failed("align/m0")),
            run("two", running("ctf/m1"), state="waits"),
        ),
    )
    return replace(now, **facts)  # type: ignore[arg-type]
