"""Every adapter that comes with gpucore keeps the contract of adapters."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpucore.plugins import PluginHost
from gpucore.testing import AdapterContract
from gpucore.testing.recorded_checks import RecordedChecks

pytestmark = pytest.mark.catalogue
RECORDINGS = Path(__file__).parents[1] / "recordings"

# Each replays several runs.
for _check in vars(RecordedChecks).values():
    if getattr(_check, "__name__", "").startswith("test_"):
        pytest.mark.slow(_check)

SAID_OF_ONE: dict[str, dict[str, object]] = {
    # A micrograph without particles has no file of coordinates.
    "relion_autopick": {"checks_outputs": False},
    "relion_autopick_log": {"checks_outputs": False},
    # Without a GPU its TensorFlow goes on with the processor, which is told as that.
    "cryolo_predict": {"tells_no_device": False},
    # They write into the metadata that they read.
    "flexutils_predict_flexsiren": {"checks_outputs": False},
    "flexutils_predict_zernike3deep": {"checks_outputs": False},
    # They write into their project, which they bring up to date.
    "emclarity_align_raw": {"checks_outputs": False},
    "emclarity_avg": {"checks_outputs": False},
    "emclarity_ctf_3d": {"checks_outputs": False},
    "warp_mcore": {"checks_outputs": False},
    # It writes beside the job that it is given, which may lie in the working directory.
    "pytom_extract_candidates": {"checks_outputs": False},
}
"""What switches checks for an adapter, and why."""


def _contract(name: str) -> type[AdapterContract]:
    """Return the test class of an adapter: with its recordings where there are some."""
    folder = RECORDINGS / name
    recorded = {"level": "recorded", "recordings": str(folder)} if folder.is_dir() else {}
    said = {"adapter": name, "__module__": __name__, **recorded, **SAID_OF_ONE.get(name, {})}
    return type(f"Test_{name}", (AdapterContract,), said)


for _name in PluginHost.load().adapters:
    globals()[f"Test_{_name}"] = _contract(_name)


def test_every_recording_is_of_an_adapter() -> None:
    assert {one.name for one in RECORDINGS.iterdir()} <= set(PluginHost.load().adapters)
