"""lattice-sub: a switch for the CPU, and no word for a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter_cases import AdapterCase
from gpucore_adapters.lattice_sub import LATTICE_SUB, gpucore_adapters

from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

CASE = AdapterCase(LATTICE_SUB, {"mic": "m1.mrc", "pixel_size": 0.56})
command, outputs, ended = CASE.command, CASE.outputs, CASE.ended


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [LATTICE_SUB]
    assert adapter_faults(LATTICE_SUB) == []


def test_it_sees_one_gpu_and_is_told_of_none() -> None:
    assert command(3, 1).env["CUDA_VISIBLE_DEVICES"] == "3"
    assert "--cpu" not in command(3).argv


def test_on_the_cpu_it_is_told_so() -> None:
    assert "--cpu" in command().argv


def test_the_cpu_with_a_gpu_is_said(tmp_path: Path) -> None:
    printed = "Running on CPU (run 'lattice-sub setup-gpu' to enable GPU)\n"
    outcome = ended(tmp_path, printed, "out/m1_sub.mrc")
    assert outcome.done, outcome.reason
    assert any("setup-gpu" in warning for warning in outcome.warnings)


def test_diagnostics_lie_beside_the_micrograph() -> None:
    assert outputs(diagnostics=True)["peaks"] == "m1_sub.mask.mrc"
    assert outputs() == {"out": "m1_sub.mrc"}
