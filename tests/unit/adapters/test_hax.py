"""Hax: one GPU, by the mask alone: its own option would undo it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.hax import ADAPTERS, gpucore_adapters
from rendering import after

from gpucore.errors import GpucoreError
from gpucore.standard import FailureClass, StepState
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

BY_NAME = {adapter.name.removeprefix("hax_"): adapter for adapter in ADAPTERS}
IMAGES = {"metadata": "p.xmd", "pixel_size": 1.5}
LEAST = {
    "hetsiren": IMAGES,
    "zernike3deep": {**IMAGES, "volume": "v.mrc"},
    "reconsiren": IMAGES,
    "modart": IMAGES,
    "flexconsensus": {"spaces": ("a.npy", "b.npy")},
    "filter_latents": {"latents": "z.npy"},
    "decode_states_from_latents": {"points": "z.txt", "network": "net"},
    "image_gray_scale_adjustment": {**IMAGES, "volume": "v.mrc"},
    "volume_gray_scale_adjustment": {"volume": "v.mrc", "pixel_size": 1.5},
}
CASES = {name: AdapterCase(BY_NAME[name], LEAST[name]) for name in BY_NAME}
TRAINED = {
    "hetsiren": "HetSIREN",
    "zernike3deep": "Zernike3Deep",
    "reconsiren": "ReconSIREN",
    "flexconsensus": "FlexConsensus",
    "image_gray_scale_adjustment": "imageAdjustment",
    "volume_gray_scale_adjustment": "volumeAdjustment",
}


def test_they_are_offered_and_do_not_contradict_themselves() -> None:
    assert list(gpucore_adapters()) == list(ADAPTERS)
    assert [fault for adapter in ADAPTERS for fault in adapter_faults(adapter)] == []
    assert set(LEAST) == set(BY_NAME)


@pytest.mark.parametrize("name", BY_NAME)
def test_its_gpu_option_is_never_given_since_it_overwrites_the_mask(name: str) -> None:
    command = CASES[name].command(6, 7)
    assert "--gpu" not in command.argv
    assert command.env["CUDA_VISIBLE_DEVICES"] == "6"


@pytest.mark.parametrize("name", BY_NAME)
def test_the_name_of_the_program_comes_first(name: str) -> None:
    assert CASES[name].command(0).argv[:2] == ("hax_project_manager", name)


@pytest.mark.parametrize("name", BY_NAME)
def test_without_a_gpu_it_sees_none(name: str) -> None:
    assert CASES[name].command().env["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.parametrize("name", TRAINED)
def test_a_training_makes_a_network_and_its_use_makes_none(name: str) -> None:
    assert CASES[name].outputs()["network"] == TRAINED[name]
    assert "network" not in CASES[name].outputs(mode="predict", reload="net")


@pytest.mark.parametrize(("metadata", "latents"), [("p.xmd", ".xmd"), ("p.star", ".star")])
def test_latents_are_written_in_the_format_of_the_images(metadata: str, latents: str) -> None:
    outputs = CASES["hetsiren"].outputs(metadata=metadata, mode="predict", reload="net")
    assert outputs["latents"] == f"predicted_latents{latents}"


def test_latent_spaces_stay_separate_words() -> None:
    argv = CASES["flexconsensus"].command(0, spaces=("a b.npy", "c.npy")).argv
    assert argv[argv.index("--input_space") + 1 :][:2] == ("a b.npy", "c.npy")


def test_the_two_adjustments_spell_their_option_differently() -> None:
    assert "--predict_value" in CASES["image_gray_scale_adjustment"].command(whole=True).argv
    assert "--predicts_value" in CASES["volume_gray_scale_adjustment"].command(whole=True).argv


def test_ctf_none_is_a_word_of_its_own() -> None:
    assert after(CASES["modart"].command(0, ctf="None").argv, "--ctf_type") == "None"


def test_a_local_reconstruction_needs_a_volume_and_a_mask() -> None:
    with pytest.raises(GpucoreError, match="local"):
        CASES["hetsiren"].command(0, local=True)


def test_jax_on_the_cpu_while_it_has_a_gpu_is_a_failure(tmp_path: Path) -> None:
    printed = "An NVIDIA GPU may be present on this machine. Falling back to cpu.\n"
    outcome = CASES["filter_latents"].ended(
        tmp_path, printed, "out/z_filtered/filtered_latents.npy"
    )
    assert (outcome.state, outcome.failure) == (StepState.FAILED, FailureClass.CPU_FALLBACK)


def test_a_full_gpu_is_known_by_xlas_message(tmp_path: Path) -> None:
    printed = "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory\n"
    outcome = CASES["hetsiren"].ended(tmp_path, printed, code=1)
    assert outcome.failure is FailureClass.OUT_OF_MEMORY
