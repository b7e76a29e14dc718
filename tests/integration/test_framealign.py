"""Our own program through its adapter: known drift, and failures told as what they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from gpucore_adapters.framealign import FRAMEALIGN
from gpucore_adapters.framealign.movie import read_shifts
from gpucore_adapters.framealign.synthetic import make_movie, rms_error
from real_programs import opener

from gpucore.errors import StepError
from gpucore.standard import FailureClass

if TYPE_CHECKING:
    from real_programs import Open


@pytest.fixture
def open_executor(tmp_path: Path) -> Open:
    """Open an executor; the program lies beside this Python."""
    return opener(tmp_path, {})


@pytest.mark.slow
def test_the_known_drift_of_a_movie_is_recovered(open_executor: Open, tmp_path: Path) -> None:
    drift = make_movie(tmp_path / "50% %(GPU)s.mrc", seed=1)
    with open_executor() as executor:
        outcome = executor.submit(FRAMEALIGN, movie="50% %(GPU)s.mrc").result()
    assert outcome.done
    assert Path(outcome.outputs["out"]).name == "50% %(GPU)s_aligned.mrc"
    assert rms_error(read_shifts(Path(outcome.outputs["shifts"])), drift) <= 0.3


def test_a_truncated_movie_never_reaches_the_program(open_executor: Open, tmp_path: Path) -> None:
    make_movie(tmp_path / "m.mrc", seed=1, size=64, frames=4)
    whole = (tmp_path / "m.mrc").read_bytes()
    (tmp_path / "m.mrc").write_bytes(whole[:-1])
    with open_executor() as executor, pytest.raises(StepError, match="it is cut off") as error:
        executor.submit(FRAMEALIGN, movie="m.mrc").result()
    assert error.value.outcome.failure is FailureClass.BAD_INPUT


@pytest.mark.slow
def test_a_simulated_gpu_is_placed_and_marked_and_the_cpu_computes(
    open_executor: Open, tmp_path: Path
) -> None:
    make_movie(tmp_path / "m.mrc", seed=1, size=64, frames=4)
    with open_executor(gpus="1") as executor:
        outcome = executor.submit(FRAMEALIGN, movie="m.mrc").result()
    assert [(device.index, device.simulated) for device in outcome.devices] == [(1, True)]
    assert outcome.command is not None
    assert outcome.command.argv[-2:] == ("--gpu", "0")
    assert outcome.command.env["CUDA_VISIBLE_DEVICES"] == "1"
    assert "simulated; the CPU computed" in Path(outcome.log).read_text(encoding="utf-8")
