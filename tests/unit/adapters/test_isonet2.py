"""IsoNet2: places in a mask, never the machine's numbers under one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.isonet2 import (
    ISONET2_DENOISE,
    ISONET2_PREDICT,
    ISONET2_REFINE,
    gpucore_adapters,
)
from rendering import after

from gpucore.errors import GpucoreError
from gpucore.standard import FailureClass
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

DENOISE = AdapterCase(ISONET2_DENOISE, {"tomograms": "tomo.star"})
REFINE = AdapterCase(ISONET2_REFINE, {"tomograms": "tomo.star"})
PREDICT = AdapterCase(ISONET2_PREDICT, {"tomograms": "tomo.star", "model": "net.pt"})
ALL = pytest.mark.parametrize(
    "case", [DENOISE, REFINE, PREDICT], ids=["denoise", "refine", "predict"]
)


def test_they_are_offered_and_do_not_contradict_themselves() -> None:
    assert list(gpucore_adapters()) == [ISONET2_DENOISE, ISONET2_REFINE, ISONET2_PREDICT]
    assert [fault for one in gpucore_adapters() for fault in adapter_faults(one)] == []


@ALL
@pytest.mark.parametrize("isolate", [False, True])
def test_it_gets_places_in_its_mask_for_numbers_would_be_read_twice(
    case: AdapterCase, isolate: bool
) -> None:
    command = case.command(1, 0, isolate=isolate)
    assert command.env["CUDA_VISIBLE_DEVICES"] == "1,0"
    assert after(command.argv, "--gpuID") == "0,1"
    assert after(case.command(2).argv, "--gpuID") == "0"


def test_the_number_of_gpus_changes_the_batch_of_trainings_and_that_is_said() -> None:
    for adapter in (ISONET2_DENOISE, ISONET2_REFINE):
        assert "number of GPUs" in adapter.gpu.changes_result
    assert ISONET2_PREDICT.gpu.changes_result == ""


def test_a_training_shorter_than_one_save_is_refused_for_it_would_train_nothing() -> None:
    with pytest.raises(GpucoreError, match="save_interval"):
        DENOISE.command(0, epochs=5)
    assert after(DENOISE.command(0, epochs=5, save_interval=5).argv, "--epochs") == "5"


def test_the_network_is_named_by_method_architecture_and_cube() -> None:
    assert DENOISE.outputs()["model"] == "network_n2n_unet-medium_96_full.pt"
    given = {"method": "isonet2-n2n", "architecture": "unet-large", "cube_size": 64}
    assert REFINE.outputs(**given)["model"] == "network_isonet2-n2n_unet-large_64_full.pt"


def test_a_network_to_go_on_with_has_settings_of_its_own() -> None:
    assert "model" not in REFINE.outputs(pretrained="net.pt")


def test_the_ctf_is_spoken_of_only_when_it_is_corrected() -> None:
    assert "--CTF_mode" not in REFINE.command(0).argv
    argv = REFINE.command(0, ctf_mode="network", phase_flipped=True).argv
    assert after(argv, "--CTF_mode") == "network"
    assert after(argv, "--isCTFflipped") == "True"


def test_no_gpu_is_told_and_a_prediction_must_have_predicted(tmp_path: Path) -> None:
    printed = "ValueError: No CUDA GPUs detected on this system.\n"
    assert PREDICT.ended(tmp_path, printed, code=1).failure is FailureClass.NO_DEVICE
    assert not PREDICT.ended(tmp_path, "", "out/tomo_corrected/x.mrc").done
    predicted = "INFO     Predicted ['a.mrc'] -> out\n"
    assert PREDICT.ended(tmp_path, predicted, "out/tomo_corrected/x.mrc").done
