"""Fidder: finding sees one GPU, erasing has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter_cases import AdapterCase
from gpucore_adapters.fidder import FIDDER_ERASE, FIDDER_PREDICT, gpucore_adapters
from rendering import after

from gpucore.standard import GpuUse
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

PREDICT = AdapterCase(FIDDER_PREDICT, {"image": "tilts.mrc"})
ERASE = AdapterCase(FIDDER_ERASE, {"image": "tilts.mrc", "mask": "beads.mrc"}, gpus=())


def test_they_are_offered_and_do_not_contradict_themselves() -> None:
    assert list(gpucore_adapters()) == [FIDDER_PREDICT, FIDDER_ERASE]
    assert [fault for one in gpucore_adapters() for fault in adapter_faults(one)] == []


def test_finding_sees_one_gpu_for_with_two_it_would_start_itself_twice() -> None:
    assert PREDICT.command(2, 3).env["CUDA_VISIBLE_DEVICES"] == "2"


def test_erasing_takes_no_gpu_for_it_uses_none() -> None:
    assert FIDDER_ERASE.gpu.use is GpuUse.NONE
    assert ERASE.command().env["CUDA_VISIBLE_DEVICES"] == ""


def test_probabilities_are_written_only_where_they_are_asked_for(tmp_path: Path) -> None:
    assert "--output-probabilities" not in PREDICT.command(0).argv
    assert after(PREDICT.command(0, probabilities="p.mrc").argv, "--output-probabilities") == (
        "p.mrc"
    )
    assert PREDICT.outputs() == {"out": "tilts_beads.mrc"}


def test_the_cpu_with_a_gpu_is_said(tmp_path: Path) -> None:
    outcome = PREDICT.ended(tmp_path, "GPU available: False, used: False\n", "out/tilts_beads.mrc")
    assert outcome.done, outcome.reason
    assert any("GPU available" in warning for warning in outcome.warnings)
