"""relion_motioncorr_gpu: RELION starts MotionCor2, and is always told which GPUs."""

from __future__ import annotations

import pytest
from gpucore_adapters.relion_motioncorr import RELION_MOTIONCORR_GPU, gpucore_adapters
from rendering import HOSTILE, after, command

from gpucore.errors import TemplateError
from gpucore.standard import GpuUse
from gpucore.standard.checks import adapter_faults

GIVEN = {"movie": "m.mrc", "pixel_size": 0.885, "motioncor2": "/opt/MotionCor2"}


def test_the_adapter_does_not_contradict_itself_and_its_examples_come_out() -> None:
    assert adapter_faults(RELION_MOTIONCORR_GPU) == []
    assert len(RELION_MOTIONCORR_GPU.example) >= 3


def test_it_never_runs_without_a_list_because_every_process_would_take_gpu_0() -> None:
    assert RELION_MOTIONCORR_GPU.gpu.use is GpuUse.COMPULSORY
    assert after(command(RELION_MOTIONCORR_GPU, GIVEN, (2, 5)).argv, "--gpu") == "2,5"
    with pytest.raises(TemplateError):
        command(RELION_MOTIONCORR_GPU, GIVEN)


def test_nothing_of_a_name_reaches_the_shell_that_relion_starts_motioncor2_by() -> None:
    plain = command(RELION_MOTIONCORR_GPU, {**GIVEN, "gain": "g.mrc"}, (0,))
    given = {
        "movie": f"{HOSTILE}.mrc",
        "pixel_size": 0.885,
        "gain": f"/{HOSTILE}.mrc",
        "motioncor2": f"/{HOSTILE}/MotionCor2",
    }
    hostile = command(RELION_MOTIONCORR_GPU, given, (0,))
    assert (hostile.argv, hostile.files) == (plain.argv, plain.files)
    links = {link.name: link.target for link in hostile.links}
    assert links["MotionCor2"] == f"/{HOSTILE}/MotionCor2"


def test_the_plugin_offers_both_adapters() -> None:
    assert [adapter.name for adapter in gpucore_adapters()] == [
        "relion_motioncorr",
        "relion_motioncorr_gpu",
    ]
