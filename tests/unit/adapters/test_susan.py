"""SUSAN: commas for the GPUs, and one thread for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.susan import (
    SUSAN_ALIGNER,
    SUSAN_ESTIMATE_CTF,
    SUSAN_RECONSTRUCT,
    gpucore_adapters,
)
from rendering import after

from gpucore.standard import Adapter, FailureClass, StepState
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

GIVEN = {"particles": "in.ptclsraw", "tomograms": "t.tomostxt", "box_size": 64}
CTF = AdapterCase(SUSAN_ESTIMATE_CTF, GIVEN)
ALIGN = AdapterCase(SUSAN_ALIGNER, {**GIVEN, "references": "r.refstxt", "bandpass": (0, 20)})
AVERAGE = AdapterCase(SUSAN_RECONSTRUCT, {**GIVEN, "bandpass": (0, 31)})
ALL = (CTF, ALIGN, AVERAGE)


@pytest.mark.parametrize("adapter", gpucore_adapters(), ids=lambda one: one.name)
def test_none_contradicts_itself(adapter: Adapter) -> None:
    assert adapter_faults(adapter) == []


@pytest.mark.parametrize("case", ALL, ids=lambda one: one.adapter.name)
def test_its_gpus_are_one_word_and_its_threads_as_many(case: AdapterCase) -> None:
    for gpus in ((3,), (0, 2), (0, 1, 2, 5)):
        argv = case.command(*gpus).argv
        assert after(argv, "-gpu_list") == ",".join(map(str, gpus))
        assert after(argv, "-n_threads") == str(len(gpus))


@pytest.mark.parametrize("case", ALL, ids=lambda one: one.adapter.name)
@pytest.mark.parametrize(
    ("printed", "failure"),
    [("Requesting unavailable GPU ID 4.", FailureClass.NO_DEVICE),
     ("Tomos file t.tomostxt does not exist.", FailureClass.BAD_INPUT)],
)  # fmt: skip
def test_what_it_says_is_understood(
    tmp_path: Path, case: AdapterCase, printed: str, failure: FailureClass
) -> None:
    assert case.ended(tmp_path, f"{printed}\n", code=1).failure is failure


def test_a_value_that_it_swaps_for_another_is_a_failure(tmp_path: Path) -> None:
    printed = "Invalid padding type x. Options are: zero or noise. Defaulting to zero.\n"
    outcome = AVERAGE.ended(tmp_path, printed, "out/in_average_class001.mrc")
    assert (outcome.state, outcome.failure) == (StepState.FAILED, FailureClass.BAD_INPUT)


def test_half_maps_are_looked_for_when_they_were_asked_for(tmp_path: Path) -> None:
    names = {"in_average_class001.mrc", "in_average_class001_half1.mrc",
             "in_average_class001_half2.mrc"}  # fmt: skip
    assert names <= set(AVERAGE.outputs(halves=True).values())
    assert AVERAGE.ended(tmp_path, "", "out/in_average_class001.mrc").done
