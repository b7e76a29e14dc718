"""The values that travel between the parts."""

from __future__ import annotations

import dataclasses

import pytest

from gpucore.standard.model import SLOT, Device, Need, Outcome, StepState


def test_a_device_is_made_visible_by_its_mask_or_else_by_its_index() -> None:
    assert Device(uuid="GPU-a", index=3).mask_entry == "3"
    assert Device(uuid="GPU-a", index=0, mask="GPU-a").mask_entry == "GPU-a"


@pytest.mark.parametrize("state", list(StepState))
def test_an_outcome_ended_well_only_when_done(state: StepState) -> None:
    assert Outcome(step="s", adapter="a", state=state).done is (state is StepState.DONE)


def test_values_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SLOT.gpus = 4


def test_a_need_asks_for_a_worker_and_no_gpu_by_default() -> None:
    assert Need() == Need(gpus=0, worker=True, alone=False)
