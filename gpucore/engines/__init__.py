"""Where programs run. An engine is imported when it is opened: most verbs start nothing."""

from __future__ import annotations

from gpucore.plugins.offers import Engine, EngineSpec

__all__ = ["LOCAL"]


def _open_local(workers: int) -> Engine:
    from gpucore.engines.local import LocalEngine  # noqa: PLC0415 - see above

    return LocalEngine(workers)


LOCAL = EngineSpec(name="local", title="this machine", open=_open_local)
