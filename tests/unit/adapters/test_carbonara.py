"""CARBonAra: told of the kind of device only; the mask says which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.carbonara import CARBONARA, gpucore_adapters
from rendering import after

from gpucore.standard import FailureClass
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

CASE = AdapterCase(CARBONARA, {"structure": "2oob.pdb"})
command, outputs, ended = CASE.command, CASE.outputs, CASE.ended
MADE = tuple(f"out/2oob_carbonara/2oob_{one}" for one in ("scaffold.pdb", "pssm.csv", "0.fasta"))


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [CARBONARA]
    assert adapter_faults(CARBONARA) == []


def test_it_is_told_cuda_and_never_an_id() -> None:
    given = command(5, 6)
    assert after(given.argv, "--device") == "cuda"
    assert given.env["CUDA_VISIBLE_DEVICES"] == "5"
    assert after(command().argv, "--device") == "cpu"


def test_lists_are_one_word_with_commas() -> None:
    argv = command(0, known_chains=("A", "B"), known_positions=(1, 2)).argv
    assert after(argv, "--known_chains") == "A,B"
    assert after(argv, "--known_positions") == "1,2"


@pytest.mark.parametrize(("count", "there"), [(1, True), (10, True), (11, False)])
def test_the_first_sequence_has_no_zeros_in_its_name_up_to_ten(count: int, there: bool) -> None:
    assert ("first_sequence" in outputs(sequences=count)) == there


def test_sequences_and_scores_are_a_result(tmp_path: Path) -> None:
    outcome = ended(tmp_path, "", *MADE)
    assert outcome.done, outcome.reason


def test_exit_code_0_without_a_sequence_is_a_failure(tmp_path: Path) -> None:
    assert ended(tmp_path, "", *MADE[:2]).failure is FailureClass.MISSING_OUTPUT


def test_a_full_gpu_is_known_by_its_message(tmp_path: Path) -> None:
    outcome = ended(tmp_path, "torch.OutOfMemoryError: CUDA out of memory.\n", code=1)
    assert outcome.failure is FailureClass.OUT_OF_MEMORY
