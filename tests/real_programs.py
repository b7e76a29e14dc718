"""Real programs, and executors that run them in a test's own folder."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Protocol

import pytest

from gpucore.config import SiteConfig
from gpucore.executor import StepExecutor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gpucore.config import ProgramConfig

__all__ = ["Open", "opener", "require"]


class Open(Protocol):
    """Opens an executor whose outputs lie in the test's own folder."""

    def __call__(
        self, *, gpus: str = "", threads: int = 2, devices: str = "simulated:2", output: str = "out"
    ) -> StepExecutor: ...


def require(program: str, install: str) -> str:
    """Return a program's path; without it fail the test where CI=true, and skip it elsewhere."""
    if found := shutil.which(program):
        return found
    missing = f"{program} is not installed: {install}"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


def opener(folder: Path, program: Mapping[str, ProgramConfig]) -> Open:
    """Return what opens executors in a folder, whatever the machine's own configuration says."""

    def open_executor(
        *, gpus: str = "", threads: int = 2, devices: str = "simulated:2", output: str = "out"
    ) -> StepExecutor:
        return StepExecutor.open(
            gpus=gpus,
            threads=threads,
            devices=devices,
            output=output,
            root=folder,
            config=SiteConfig(program=program),
        )

    return open_executor
