"""DeepFinder: the first GPU that it sees, and messages that end with exit code 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.deepfinder import DEEPFINDER_SEGMENT, DEEPFINDER_TRAIN, gpucore_adapters

from gpucore.standard import FailureClass
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

SEGMENT = AdapterCase(DEEPFINDER_SEGMENT, {"tomogram": "t.mrc", "weights": "w.h5", "classes": 3})
TRAIN = AdapterCase(DEEPFINDER_TRAIN, {"settings": "p.xml", "folder": "trained"})
PREDICTED = "Segmenting patch 1 / 1 ...\nModel took 3.20 seconds to predict\n"


def test_they_are_offered_and_do_not_contradict_themselves() -> None:
    assert list(gpucore_adapters()) == [DEEPFINDER_SEGMENT, DEEPFINDER_TRAIN]
    assert [fault for one in gpucore_adapters() for fault in adapter_faults(one)] == []


@pytest.mark.parametrize("case", [SEGMENT, TRAIN], ids=["segment", "train"])
def test_it_sees_one_gpu_and_is_told_of_none(case: AdapterCase) -> None:
    command = case.command(3, 1)
    assert command.env["CUDA_VISIBLE_DEVICES"] == "3"
    assert "3" not in command.argv[:2]


def test_a_message_with_exit_code_0_is_a_failure(tmp_path: Path) -> None:
    printed = "DeepFinder message: an argument is missing. All arguments need to be addressed\n"
    assert SEGMENT.ended(tmp_path, printed).failure is FailureClass.BAD_INPUT
    wrong = "DeepFinder message: wrong params file.\n"
    made = ("trained/net_weights_FINAL.h5", "trained/net_train_history.h5")
    assert TRAIN.ended(tmp_path, wrong, *made).failure is FailureClass.BAD_INPUT


def test_labels_are_a_result_and_the_binned_ones_are_asked_for(tmp_path: Path) -> None:
    outcome = SEGMENT.ended(tmp_path, PREDICTED, "out/t_labels.mrc")
    assert outcome.done, outcome.reason
    assert SEGMENT.outputs(bin=True)["binned"] == "t_labels_binned.mrc"


def test_a_network_is_looked_for_where_the_settings_put_it(tmp_path: Path) -> None:
    made = ("trained/net_weights_FINAL.h5", "trained/net_train_history.h5")
    outcome = TRAIN.ended(tmp_path, "Model took 12.00 seconds to train\n", *made)
    assert outcome.done, outcome.reason
