"""ContinuousFlex's optical flow: its last argument is its GPU, and exit code 0 says nothing."""

from __future__ import annotations

from pathlib import Path

from adapter_cases import AdapterCase
from gpucore_adapters.continuousflex import OPTICAL_FLOW, gpucore_adapters

from gpucore.standard import FailureClass
from gpucore.standard.checks import adapter_faults

CASE = AdapterCase(
    OPTICAL_FLOW, {"volume": "s1.spi", "reference": "r.spi", "script": "optflow_run.py"}
)
MADE = ("out/s1_flow.spi", "out/s1_flow_y.spi", "out/s1_flow_z.spi")


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [OPTICAL_FLOW]
    assert adapter_faults(OPTICAL_FLOW) == []
    assert len(OPTICAL_FLOW.example) >= 2


def test_it_has_as_many_arguments_as_the_script_reads() -> None:
    assert len(CASE.command(0).argv) == 2 + 14


def test_its_last_argument_becomes_the_mask_so_that_it_never_gets_one() -> None:
    command = CASE.command(2, 3, isolate=True)
    assert command.argv[-1] == "2"
    assert "CUDA_VISIBLE_DEVICES" not in command.env


def test_wrong_arguments_end_with_exit_code_0_and_are_a_failure(tmp_path: Path) -> None:
    printed = "optical flow will not be calculated due to wrong arguments\n"
    assert CASE.ended(tmp_path, printed, *MADE).failure is FailureClass.BAD_INPUT


def test_all_three_directions_are_outputs(tmp_path: Path) -> None:
    assert sorted(CASE.outputs().values()) == [Path(one).name for one in sorted(MADE)]
    missing = CASE.ended(tmp_path, "spent on calculating 3D optical flow\n", *MADE[:2])
    assert missing.failure is FailureClass.MISSING_OUTPUT
