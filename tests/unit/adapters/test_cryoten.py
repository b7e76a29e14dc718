"""CryoTEN: every GPU that it sees, and exit code 0 whatever happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.cryoten import CRYOTEN, gpucore_adapters
from rendering import HOSTILE, after

from gpucore.standard import FailureClass
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

CASE = AdapterCase(CRYOTEN, {"map": "map.mrc", "home": "cryoten"})
command, ended = CASE.command, CASE.ended
DONE = "==> Successfully generated map: enhanced.mrc\n==> Deleting temporary files: /tmp/x\n"


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [CRYOTEN]
    assert adapter_faults(CRYOTEN) == []


def test_it_sees_its_slot_alone_for_its_configuration_takes_all_that_it_sees() -> None:
    assert command(2, 0).env["CUDA_VISIBLE_DEVICES"] == "2,0"


def test_it_finds_its_second_program_where_it_runs() -> None:
    links = {link.name: link.target for link in command(0).links}
    assert links == {"map.mrc": "map.mrc", "main.py": "cryoten/main.py"}
    assert after(command(0).argv, "--config") == "cryoten/configs/cryoten.yaml"
    assert f"{HOSTILE}.mrc" not in command(0, map=f"{HOSTILE}.mrc").argv


@pytest.mark.parametrize(
    ("printed", "failure"),
    [
        ("Error: Given map path does not exist: /x\n", FailureClass.BAD_INPUT),
        ("==> Failed to generated map\n", FailureClass.PROGRAM_FAULT),
        ("Error: Command '['python3', 'main.py']' returned 1.\n", FailureClass.PROGRAM_FAULT),
        ("torch.OutOfMemoryError: CUDA out of memory.\n", FailureClass.OUT_OF_MEMORY),
        ("GPU available: False, used: False\n", FailureClass.NO_DEVICE),
        ("==> Spliting map into blocks\n", FailureClass.MISSING_OUTPUT),
    ],
)
def test_exit_code_0_after_a_failure_is_a_failure(
    tmp_path: Path, printed: str, failure: FailureClass
) -> None:
    assert ended(tmp_path, printed).failure is failure


def test_a_map_that_was_made_is_a_result(tmp_path: Path) -> None:
    outcome = ended(tmp_path, f"GPU available: True (cuda), used: True\n{DONE}", "enhanced.mrc")
    assert outcome.done, outcome.reason
