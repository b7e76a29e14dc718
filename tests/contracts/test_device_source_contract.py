"""One contract for every device source: what `gpucore.plugins.offers.DeviceSource` promises.

The real driver is put to it, too, where there is one.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from fake_drivers import amd_state

from gpucore.errors import DeviceError
from gpucore.plugins import DeviceSource
from gpucore.standard import Device
from gpucore.standard.devices import unmasked
from gpucore.system.amd import AMD
from gpucore.system.nvml import NVML
from gpucore.system.simulated import SIMULATED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.plugins import DeviceWatch

ENOUGH = 30.0
"""Seconds in which any child process has answered."""


@dataclass(frozen=True)
class Machine:
    """A source, and where it finds devices; ``still``: nobody uses them, and they have numbers."""

    source: DeviceSource
    argument: str
    environment: dict[str, str]
    mask: str
    still: bool = True

    def read(self, **more: str) -> tuple[Device, ...]:
        return tuple(self.source.read(self.argument, {**self.environment, **more}))

    def masked(self, text: str) -> tuple[Device, ...]:
        return self.read(**{self.mask: text})

    def watch(self, **more: str) -> DeviceWatch:
        assert self.source.watch is not None
        return self.source.watch(self.argument, {**self.environment, **more})


def real() -> Machine:
    """Return this machine, where it has NVIDIA GPUs."""
    environment = unmasked(os.environ)
    try:
        found = NVML.read("", environment)
    except DeviceError as error:
        pytest.skip(f"there is no NVIDIA GPU: {error.what}")
    if not found:
        pytest.skip("there is no NVIDIA GPU")
    return Machine(NVML, "", environment, "CUDA_VISIBLE_DEVICES", still=False)


@pytest.fixture(params=["simulated", "nvml", "amd", pytest.param("real", marks=pytest.mark.gpu)])
def machine(request: pytest.FixtureRequest) -> Machine:
    if request.param == "real":
        return real()
    if request.param == "simulated":
        return Machine(SIMULATED, "4", {"PATH": os.defpath}, "CUDA_VISIBLE_DEVICES")
    if request.param == "nvml":
        driver = request.getfixturevalue("nvidia")
        return Machine(NVML, "", driver.environment("count=4"), "CUDA_VISIBLE_DEVICES")
    driver = request.getfixturevalue("amd")
    driver.write(amd_state({}, {}, {}, {}))
    return Machine(AMD, "", driver.environment(), "ROCR_VISIBLE_DEVICES")


@pytest.fixture
def watch(machine: Machine) -> Iterator[DeviceWatch]:
    watch = machine.watch()
    yield watch
    watch.close()


def test_devices_are_numbered_from_zero_and_have_an_identity_each(machine: Machine) -> None:
    devices = machine.read()
    assert all(isinstance(one, Device) for one in devices)
    count = 4 if machine.still else len(devices)
    assert [one.index for one in devices] == list(range(count))
    assert len({one.uuid for one in devices}) == count
    assert all(one.uuid.startswith(("GPU-", "MIG-")) and one.name for one in devices)
    assert all(one.memory_mib for one in devices)
    assert len({one.mask_entry for one in devices}) == count
    assert {one.compute_mode for one in devices} <= {"default", "exclusive_process", "prohibited"}


def test_devices_are_the_same_when_they_are_read_again(machine: Machine) -> None:
    assert machine.read() == machine.read()


def test_an_outer_mask_narrows_and_numbers_the_devices_anew(machine: Machine) -> None:
    every = machine.read()
    wanted = [every[-2], every[0]] if len(every) > 2 else [every[-1]]
    if not machine.still and any(one.parent for one in every):
        pytest.skip("MIG instances have no numbers")
    some = machine.masked(",".join(str(one.index) for one in wanted))
    assert [(one.index, one.uuid) for one in some] == [
        (index, one.uuid) for index, one in enumerate(wanted)
    ]
    assert len({one.mask_entry for one in some}) == len(wanted)


def test_what_stands_for_a_device_in_a_mask_shows_it_alone(machine: Machine) -> None:
    for device in machine.read():
        (shown,) = machine.masked(device.mask_entry)
        assert shown.uuid == device.uuid


def test_an_outer_mask_may_name_identities(machine: Machine) -> None:
    wanted = machine.read()[-1].uuid
    (one,) = machine.masked(wanted)
    assert (one.index, one.uuid, one.mask_entry) == (0, wanted, wanted)


@pytest.mark.parametrize("mask", ["", "-1", "NoDevFiles", "17"])
def test_an_outer_mask_that_names_nothing_leaves_nothing(machine: Machine, mask: str) -> None:
    assert machine.masked(mask) == ()


def test_made_up_devices_are_marked_and_others_are_not(machine: Machine) -> None:
    made_up = machine.source is SIMULATED
    assert {one.simulated for one in machine.read()} == {made_up}


def test_a_wrong_argument_is_refused_with_what_to_write(machine: Machine) -> None:
    for act in (machine.source.read, machine.source.watch):
        assert act is not None
        with pytest.raises(DeviceError, match=r"`.*:nonsense`") as caught:
            act("nonsense", machine.environment)
        assert "--devices" in caught.value.hint


def test_a_look_tells_of_every_device_how_it_is_now(machine: Machine, watch: DeviceWatch) -> None:
    before = time.time()
    snapshot = watch.read(ENOUGH)
    assert before - 1 <= snapshot.time <= time.time() + 1
    assert not snapshot.fault
    assert {one.uuid for one in machine.read()} <= {one.uuid for one in snapshot.readings}
    for device in machine.read():
        reading = snapshot.of[device.uuid]
        assert not reading.fault
        assert reading.memory_free_mib is not None
        if machine.still:
            assert (reading.utilisation, reading.processes) == (0, ())


def test_the_memory_that_is_told_once_is_what_a_look_tells(
    machine: Machine, watch: DeviceWatch
) -> None:
    readings = watch.read(ENOUGH).of
    assert all(one.memory_mib == readings[one.uuid].memory_total_mib for one in machine.read())


def test_a_look_can_be_repeated_and_says_nothing_twice(
    machine: Machine, watch: DeviceWatch
) -> None:
    first, second = watch.read(ENOUGH), watch.read(ENOUGH)
    assert first.of.keys() == second.of.keys()
    assert first.readings == second.readings or not machine.still
    assert first.xids == second.xids == ()
    assert second.time >= first.time


def test_a_mask_hides_nothing_from_a_look(machine: Machine) -> None:
    hidden = machine.watch(**{machine.mask: "0"})
    try:
        assert hidden.read(ENOUGH).of.keys() >= {one.uuid for one in machine.read()}
    finally:
        hidden.close()


def test_a_look_that_was_not_used_can_be_closed_and_closed_again(machine: Machine) -> None:
    watch = machine.watch()
    watch.close()
    watch.close()


@pytest.mark.parametrize(
    "argument", ["", "x", "-1", "1.5", " 2", "٣", "99999", "0000099999", "9" * 5000]
)
def test_what_is_no_number_of_simulated_devices_is_refused(argument: str) -> None:
    with pytest.raises(DeviceError, match="simulated") as caught:
        SIMULATED.read(argument, {})
    assert caught.value.hint
