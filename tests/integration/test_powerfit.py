"""PowerFit on two real OpenCL devices, made of the CPU by POCL."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from gpucore_adapters.powerfit import POWERFIT
from programs import script
from real_programs import opener
from specimens import write_fit

from gpucore.config import ProgramConfig
from gpucore.errors import StepError
from gpucore.standard import FailureClass, Outcome

if TYPE_CHECKING:
    from real_programs import Open


@pytest.fixture(scope="session")
def caches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where compiled kernels are kept, so that each is compiled once for all tests."""
    folder = tmp_path_factory.mktemp("caches")
    return {"POCL_CACHE_DIR": str(folder / "pocl"), "XDG_CACHE_HOME": str(folder / "xdg")}


@pytest.fixture
def fit(tmp_path: Path, powerfit: str, caches: dict[str, str]) -> Open:
    """Open an executor whose PowerFit sees two devices, and traces what runs on them.

    PowerFit itself does not say which device it uses; POCL's trace does. A wrapper gives each
    step's trace a file of its own.
    """
    write_fit(tmp_path)
    traced = f'POCL_TRACING_OPT="{tmp_path}/$GPUCORE_STEP.trace" exec "{powerfit}" "$@"'
    wrapper = script(tmp_path / "powerfit", traced)
    devices = {"POCL_DEVICES": "pthread pthread", "POCL_TRACING": "text"}
    return opener(
        tmp_path, {"powerfit": ProgramConfig(executable=wrapper, env={**caches, **devices})}
    )


def device_of(outcome: Outcome, folder: Path) -> int:
    """Return the index of the OpenCL device that a step's kernels ran on."""
    trace = (folder / f"{outcome.step}.trace").read_text(encoding="utf-8")
    # POCL counts from 1 in its trace.
    (number,) = set(re.findall(r"\| DEV (\d+) \|", trace))
    return int(number) - 1


def best_centre(outcome: Outcome) -> tuple[float, ...]:
    first = Path(outcome.outputs["solutions"]).read_text(encoding="utf-8").splitlines()[1]
    return tuple(float(word) for word in first.split()[4:7])


GIVEN = {"map": "map.mrc", "resolution": 10, "model": "model.pdb", "angle": 60, "fits": 2}


@pytest.mark.slow
def test_steps_compute_on_the_devices_of_their_slots(fit: Open, tmp_path: Path) -> None:
    with fit(gpus="0 1", threads=3) as executor:
        futures = [
            executor.submit(POWERFIT, name=f"fit{number}", out=f"fit{number}", **GIVEN)
            for number in range(4)
        ]
        outcomes = [future.result() for future in futures]
    for outcome in outcomes:
        (device,) = outcome.devices
        assert device_of(outcome, tmp_path) == device.index
        assert best_centre(outcome) == (48.0, 48.0, 48.0)
    assert {device.index for outcome in outcomes for device in outcome.devices} == {0, 1}


@pytest.mark.slow
def test_the_second_device_alone_is_used_when_the_list_names_it_alone(
    fit: Open, tmp_path: Path
) -> None:
    with fit(gpus="1") as executor:
        outcome = executor.submit(POWERFIT, name="fit", out="fit", **GIVEN).result()
    assert outcome.command is not None
    assert outcome.command.argv[-2:] == ("-g", "0:1")
    assert device_of(outcome, tmp_path) == 1


@pytest.mark.slow
def test_an_index_that_does_not_exist_fails_in_powerfits_own_words(fit: Open) -> None:
    with fit(gpus="7", devices="simulated:8") as executor, pytest.raises(StepError) as error:
        executor.submit(POWERFIT, name="fit", out="fit", **GIVEN).result()
    outcome = error.value.outcome
    assert "Requested OpenCL device 7 not found on platform 0." in outcome.reason
    assert (outcome.exit_code, outcome.failure) == (1, FailureClass.NO_DEVICE)


@pytest.mark.slow
def test_without_a_gpu_the_cpu_finds_the_same_fit(fit: Open, tmp_path: Path) -> None:
    with fit(gpus="0 1", threads=3) as executor:
        outcome = executor.submit(POWERFIT, name="fit", use_gpu=False, **GIVEN).result()
    assert outcome.outputs["out"] == str(tmp_path / "out" / "model_fit")
    assert best_centre(outcome) == (48.0, 48.0, 48.0)
    log = Path(outcome.log).read_text(encoding="utf-8")
    assert "Requested number of processors: 1" in log
    assert not (tmp_path / "fit.trace").exists()
