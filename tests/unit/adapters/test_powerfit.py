"""powerfit: one OpenCL or CUDA device, and -g never takes the map's name for it."""

from __future__ import annotations

import pytest
from gpucore_adapters.powerfit import POWERFIT, gpucore_adapters
from rendering import HOSTILE, after, command

from gpucore.errors import ParameterError
from gpucore.standard import FailureClass, render
from gpucore.standard.checks import adapter_faults, example_devices, named_outputs
from gpucore.standard.params import read_values

GIVEN = {"map": "t.mrc", "resolution": 10, "model": "m.pdb"}


def test_the_adapter_does_not_contradict_itself_and_its_examples_come_out() -> None:
    assert [adapter_faults(adapter) for adapter in gpucore_adapters()] == [[]]
    assert len(POWERFIT.example) >= 3


@pytest.mark.parametrize(
    ("given", "gpus", "text"),
    [
        ({}, (1,), "0:1"),
        ({}, (3, 1), "0:3"),
        ({"platform": 2}, (0,), "2:0"),
        ({"backend": "cuda"}, (5,), "cuda:5"),
    ],
)
def test_the_first_device_of_the_slot_is_named_with_its_platform(
    given: dict[str, object], gpus: tuple[int, ...], text: str
) -> None:
    argv = command(POWERFIT, {**GIVEN, **given}, gpus).argv
    assert argv[-2:] == ("-g", text)
    assert argv.count("-g") == 1


@pytest.mark.parametrize("gpus", [(), (1,)])
def test_the_gpu_option_never_swallows_the_map(gpus: tuple[int, ...]) -> None:
    argv = command(POWERFIT, GIVEN, gpus).argv
    assert argv[1:4] == ("t.mrc", "10.0", "m.pdb")


def test_what_only_the_cpu_form_knows_is_not_in_the_gpu_form_and_the_other_way_round() -> None:
    cpu = command(POWERFIT, {**GIVEN, "threads": 4, "batch": 20}).argv
    assert after(cpu, "-p") == "4"
    assert "-g" not in cpu
    assert "--batch-size" not in cpu
    gpu = command(POWERFIT, {**GIVEN, "threads": 4, "batch": 20}, (0,)).argv
    assert after(gpu, "--batch-size") == "20"
    assert not {"-p", "--cpu-backend"} & set(gpu)


def test_indexes_stay_the_machines_own_under_isolation_because_opencl_may_not_see_the_mask() -> (
    None
):
    values = named_outputs(POWERFIT, read_values(POWERFIT, GIVEN), "")
    ready = render(POWERFIT, values, example_devices((3,)), isolate=True)
    assert ready.argv[-1] == "0:3"
    assert "CUDA_VISIBLE_DEVICES" not in ready.env


def test_a_hostile_name_arrives_as_one_argument() -> None:
    given = {**GIVEN, "map": f"-{HOSTILE}.mrc", "model": f"{HOSTILE}.pdb"}
    argv = command(POWERFIT, given, (0,)).argv
    assert argv[1] == f"./-{HOSTILE}.mrc"
    assert argv[3] == f"{HOSTILE}.pdb"
    assert after(argv, "-d") == f"{HOSTILE}_fit"


def test_a_platform_below_zero_is_refused_because_powerfit_would_take_the_last_one() -> None:
    with pytest.raises(ParameterError, match="too small"):
        command(POWERFIT, {**GIVEN, "platform": -1}, (0,))


def test_a_device_that_is_not_there_is_no_device() -> None:
    matches = [one.match for one in POWERFIT.failure if one.class_ is FailureClass.NO_DEVICE]
    assert any("Requested OpenCL device" in match for match in matches)
