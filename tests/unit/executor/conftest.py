"""Executors over simulated devices, closed however a test ends."""

from __future__ import annotations

import pytest

from gpucore import StepExecutor
from gpucore.config import SiteConfig


@pytest.fixture
def open_executor(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    opened = []

    def make(gpus="0 1", threads=3, *, devices="simulated:4", config=None, **more):
        executor = StepExecutor.open(
            gpus=gpus,
            threads=threads,
            devices=devices,
            output=more.pop("output", "run"),
            root=more.pop("root", tmp_path),
            config=config or SiteConfig(),
            **more,
        )
        opened.append(executor)
        return executor

    yield make
    for one in opened:
        one.stop(now=True)
        one.close()
