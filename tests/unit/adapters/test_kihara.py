"""Kihara lab: one GPU by the mask alone, folders of their own, and shells that split names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.kihara import (
    ADAPTERS,
    CRYOREAD,
    DAQ,
    DEEPMAINMAST,
    EMAP2SECPLUS,
    gpucore_adapters,
)
from rendering import after

from gpucore.errors import GpucoreError
from gpucore.standard import FailureClass, GpuUse, StepState
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

MAP = {"map": "m.mrc", "home": "home"}
CASES = {
    "cryoread": AdapterCase(CRYOREAD, MAP),
    "daq": AdapterCase(DAQ, {**MAP, "model": "m.pdb"}),
    "deepmainmast": AdapterCase(DEEPMAINMAST, {**MAP, "sequence": "m.fasta", "contour": 0.1}),
    "emap2secplus": AdapterCase(EMAP2SECPLUS, {**MAP, "networks": "nets"}),
}
each = pytest.mark.parametrize("name", CASES)
DMM = CASES["deepmainmast"]
DMM_MADE = {"out/m_deepmainmast/DeepMainmast.pdb": "ATOM\n", "out/m_deepmainmast/done.out": "DONE"}


def test_they_are_offered_and_do_not_contradict_themselves() -> None:
    assert list(gpucore_adapters()) == list(ADAPTERS)
    assert sorted(CASES) == sorted(adapter.name for adapter in ADAPTERS)
    assert [fault for adapter in ADAPTERS for fault in adapter_faults(adapter)] == []


@each
def test_its_gpu_option_is_never_given_since_it_overwrites_the_mask(name: str) -> None:
    command = CASES[name].command(10, 7)
    assert not any(word.startswith("--gpu") for word in command.argv)
    assert command.env["CUDA_VISIBLE_DEVICES"] == "10"


@each
def test_it_needs_a_gpu(name: str) -> None:
    assert CASES[name].adapter.gpu.use is GpuUse.COMPULSORY


@each
def test_it_runs_in_a_folder_of_its_own_with_absolute_paths(name: str) -> None:
    assert CASES[name].command(0).own_directory


@each
def test_names_that_its_shell_would_take_apart_are_refused(name: str) -> None:
    with pytest.raises(GpucoreError, match="map"):
        CASES[name].command(0, map="a map.mrc")


def test_daq_compiles_its_sources_where_no_other_step_deletes_them() -> None:
    links = {link.name: link.target for link in CASES["daq"].command(0).links}
    assert links["assign_score/Makefile"].endswith("home/assign_score/Makefile")
    assert links["process_map/gen_trimmap/main.c"].endswith("home/process_map/gen_trimmap/main.c")
    assert not any(name.endswith((".o", "TrimMapAtom", "DAQscore_colab")) for name in links)


def test_daq_without_scores_is_a_failure_whatever_its_exit_code(tmp_path: Path) -> None:
    outcome = CASES["daq"].ended(tmp_path, "sh: 1: TrimMapAtom: not found\n")
    assert outcome.state is StepState.FAILED


def test_emap2sec_does_not_compile_at_each_start() -> None:
    command = CASES["emap2secplus"].command(0)
    assert "--no_compilation" in command.argv
    assert [link.name for link in command.links] == ["process_map/bin/map2train"]


def test_emap2sec_has_one_network_or_the_vote_of_four() -> None:
    command, outputs = CASES["emap2secplus"].command, CASES["emap2secplus"].outputs
    assert after(command(0, network=3).argv, "--fold") == "3"
    assert after(command(0, vote=True).argv, "--mode") == "2"
    assert "--fold" not in command(0, vote=True).argv
    assert outputs()["prediction"] == "input_phase2pred.txt"
    assert outputs(vote=True)["prediction"] == "input_final_pred.txt"


def test_cryoread_names_its_model_by_what_was_asked_for() -> None:
    outputs = CASES["cryoread"].outputs
    assert outputs()["model"] == "CryoREAD_norefine.pdb"
    assert outputs(refine=True)["model"] == "CryoREAD.pdb"
    assert "model" not in outputs(predict_only=True)


def test_cryoread_is_told_when_there_is_no_sequence() -> None:
    command = CASES["cryoread"].command
    assert "--no_seqinfo" in command(0).argv
    assert "--no_seqinfo" not in command(0, sequence="m.fasta").argv


def test_cryoread_without_the_sequence_that_it_was_given_says_so(tmp_path: Path) -> None:
    made = {f"out/m_cryoread/{name}": "x" for name in ("mask_protein.mrc", "CryoREAD_norefine.pdb")}
    printed = "!!!parsing fasta input failed, we can not output structures\n"
    outcome = CASES["cryoread"].ended(tmp_path, printed, files=made, sequence="m.fasta")
    assert outcome.done
    assert any("without the sequence" in one for one in outcome.warnings)


def test_deepmainmasts_exit_code_0_after_its_network_failed_is_a_failure(tmp_path: Path) -> None:
    printed = "ERROR : Emap2sf failed\nINFO : DeepMainmast Computation Done: CA models\n"
    outcome = DMM.ended(tmp_path, printed, files=DMM_MADE)
    assert (outcome.state, outcome.failure) == (StepState.FAILED, FailureClass.PROGRAM_FAULT)


def test_deepmainmast_done_is_done(tmp_path: Path) -> None:
    printed = "INFO : DeepMainmast Computation Done: CA models\n"
    outcome = DMM.ended(tmp_path, printed, files=DMM_MADE)
    assert outcome.done, outcome.reason


def test_deepmainmasts_tasks_have_no_more_cores_than_it() -> None:
    with pytest.raises(GpucoreError, match="threads_task"):
        DMM.command(0, threads=2, threads_task=4)


@each
def test_a_full_gpu_is_known_by_its_message(tmp_path: Path, name: str) -> None:
    outcome = CASES[name].ended(tmp_path, "RuntimeError: CUDA out of memory.\n", code=1)
    assert outcome.failure is FailureClass.OUT_OF_MEMORY
