"""``exec`` on devices that numbers do not name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from command_line import run_apart
from fake_drivers import amd_state

if TYPE_CHECKING:
    from pathlib import Path

    from fake_drivers import FakeDriver

SHOWN = "env | grep VISIBLE_DEVICES | sort; echo gpu %(GPU)s"


@pytest.fixture(autouse=True)
def own_leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))


@pytest.mark.slow
def test_a_mig_instance_is_shown_alone_whether_the_command_has_a_mark_or_not(
    nvidia: FakeDriver, tmp_path: Path
) -> None:
    nvidia.set("count=1", "0.mig=1", "0.migs=1:0:4864")
    uuid = "MIG-fa4e0000-0000-5000-8000-000000000000"
    for text, said in ((SHOWN, ["gpu 0"]), (SHOWN.replace("%(GPU)s", "-"), ["gpu -"])):
        ran = run_apart("exec", "--", "/bin/sh", "-c", text, cwd=tmp_path, **nvidia.variables)
        assert ran.out.splitlines() == [f"CUDA_VISIBLE_DEVICES={uuid}", *said], ran.err


@pytest.mark.slow
def test_an_amd_gpu_is_shown_alone_by_rocms_variables(amd: FakeDriver, tmp_path: Path) -> None:
    amd.write(amd_state({"uuid": "GPU-1f"}, {"uuid": "GPU-2e"}))
    argv = ("exec", "--devices", "amd", "--gpus", "2", "--", "/bin/sh", "-c", SHOWN)
    ran = run_apart(*argv, cwd=tmp_path, **amd.variables)
    assert ran.out.splitlines() == [
        "HIP_VISIBLE_DEVICES=0,1", "ROCR_VISIBLE_DEVICES=GPU-1f,GPU-2e", "gpu 0,1",
    ], ran.err  # fmt: skip
