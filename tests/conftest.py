"""What every test is kept from: leases, state and settings of the machine that it runs on."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fake_drivers import FakeDriver, build_nvml, fake_amd, fake_nvml

if TYPE_CHECKING:
    from collections.abc import Iterator

OUR_OWN = ("GPUCORE_TEST",)
"""What tests look at while they run; what they look at when they are imported can go."""


@pytest.fixture(scope="session", autouse=True)
def signals_as_in_a_terminal() -> None:
    """Undo what a shell does to its background jobs: programs under test inherit it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def own_directories() -> Iterator[None]:
    """Give the session a lease directory of its own: simulated GPUs have the same UUIDs everywhere.

    Set in the environment, because tests start real programs.
    """
    with (
        tempfile.TemporaryDirectory(prefix="gpucore-tests-", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            path = Path(folder, name.lower())
            path.mkdir(mode=0o700)
            patch.setenv(name, str(path))
        for name in list(os.environ):
            if name.startswith("GPUCORE_") and not name.startswith(OUR_OWN):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a stand-in for NVIDIA's library."""
    return build_nvml(tmp_path_factory.mktemp("library"))


@pytest.fixture
def nvidia(nvml_library: Path, tmp_path: Path) -> FakeDriver:
    """Return a machine with NVIDIA's driver, whose state the test writes."""
    return fake_nvml(nvml_library, tmp_path)


@pytest.fixture
def amd(tmp_path: Path) -> FakeDriver:
    """Return a machine with AMD's driver, whose state the test writes."""
    return fake_amd(tmp_path)
