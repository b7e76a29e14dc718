"""relion_autopick_log: blobs are picked on the CPU, and never with --gpu."""

from __future__ import annotations

from gpucore_adapters.relion_autopick import RELION_AUTOPICK_LOG, gpucore_adapters
from rendering import HOSTILE, after, command

from gpucore.standard import GpuUse
from gpucore.standard.checks import adapter_faults

GIVEN = {"micrograph": "m.mrc", "pixel_size": 0.885, "min_diameter": 150, "max_diameter": 180}


def test_the_adapter_does_not_contradict_itself_and_its_examples_come_out() -> None:
    assert adapter_faults(RELION_AUTOPICK_LOG) == []
    assert len(RELION_AUTOPICK_LOG.example) >= 3


def test_it_has_no_gpu_because_relion_ends_when_it_is_given_one() -> None:
    assert RELION_AUTOPICK_LOG.gpu.use is GpuUse.NONE
    argv = command(RELION_AUTOPICK_LOG, GIVEN).argv
    assert "--LoG" in argv
    assert "--gpu" not in argv


def test_a_negative_threshold_follows_its_option() -> None:
    argv = command(RELION_AUTOPICK_LOG, {**GIVEN, "threshold": -0.5}).argv
    assert after(argv, "--LoG_adjust_threshold") == "-0.5"


def test_nothing_of_a_micrographs_name_reaches_the_command_or_the_star_file() -> None:
    plain = command(RELION_AUTOPICK_LOG, GIVEN)
    hostile = command(RELION_AUTOPICK_LOG, {**GIVEN, "micrograph": f"{HOSTILE}.mrc"})
    assert (hostile.argv, hostile.files) == (plain.argv, plain.files)


def test_the_plugin_offers_both_adapters() -> None:
    assert [adapter.name for adapter in gpucore_adapters()] == [
        "relion_autopick",
        "relion_autopick_log",
    ]
