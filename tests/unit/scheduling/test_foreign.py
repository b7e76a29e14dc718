"""Programs of others on a run's devices: avoided, waited for, or told."""

from __future__ import annotations

import pytest

from gpucore.scheduling.foreign import foreign_choice, strangers
from gpucore.standard.model import Device
from gpucore.standard.readings import DeviceProcess, Reading, Snapshot

GPUS = [Device(uuid=f"GPU-{name}", index=index) for index, name in enumerate("abc")]
ANN = DeviceProcess(pid=10, user="ann", program="relion_refine", memory_mib=3_994)
BOB = DeviceProcess(pid=11, user="bob", program="python")
NOBODY = DeviceProcess(pid=12)


def snapshot(**processes: tuple[DeviceProcess, ...] | None) -> Snapshot:
    readings = [Reading(uuid=f"GPU-{name}", processes=found) for name, found in processes.items()]
    return Snapshot(time=0.0, readings=tuple(readings))


@pytest.mark.parametrize(
    ("said", "by_hand", "choice"),
    [
        ("", False, "avoid"), ("", True, "ignore"), ("wait", True, "wait"),
        ("ignore", False, "ignore"), ("avoid", True, "avoid"),
    ],
)  # fmt: skip
def test_a_list_that_somebody_wrote_is_obeyed_unless_the_settings_say_otherwise(
    said: str, by_hand: bool, choice: str
) -> None:
    assert foreign_choice(said, by_hand=by_hand) == choice


@pytest.mark.parametrize("foreign", ["", "wait"])
def test_devices_where_others_compute_are_kept_off_with_the_reason(foreign: str) -> None:
    seen = snapshot(a=(ANN,), b=(BOB, ANN), c=(), d=(ANN,))
    assert strangers(seen, {}, GPUS, foreign, by_hand=False) == (
        {
            "GPU-a": "relion_refine of ann (process 10, 3.9 GiB) computes there",
            "GPU-b": "relion_refine of ann (process 10, 3.9 GiB) and 1 more compute there",
        },
        (),
    )


def test_our_own_programs_are_no_strangers() -> None:
    assert strangers(snapshot(a=(ANN,)), {10: "a step"}, GPUS, "wait", by_hand=True) == ({}, ())


def test_a_list_that_names_their_device_is_obeyed_with_a_warning_for_each_program() -> None:
    again = DeviceProcess(pid=13, user="bob", program="python")
    busy, notes = strangers(snapshot(b=(BOB, again)), {}, GPUS, "", by_hand=True)
    assert busy == {}
    assert notes == (
        "GPU 1: python of bob computes there, too; the GPU list names it, so it is used all the "
        'same (foreign = "avoid" keeps off)',
    )


@pytest.mark.parametrize("by_hand", [False, True])
def test_who_says_that_they_are_to_be_ignored_is_not_warned(by_hand: bool) -> None:
    assert strangers(snapshot(a=(ANN,)), {}, GPUS, "ignore", by_hand=by_hand) == ({}, ())


def test_a_device_that_does_not_tell_its_processes_has_no_strangers() -> None:
    assert strangers(snapshot(a=None), {}, GPUS, "wait", by_hand=False) == ({}, ())


def test_the_server_of_cudas_multi_process_service_is_no_stranger() -> None:
    server = DeviceProcess(pid=14, user="root", program="nvidia-cuda-mps-server", memory_mib=30)
    assert strangers(snapshot(a=(server,)), {}, GPUS, "wait", by_hand=False) == ({}, ())


def test_a_process_of_which_nothing_can_be_read_is_a_stranger_but_where_our_steps_run() -> None:
    seen = snapshot(a=(NOBODY,), b=(NOBODY,))
    busy, _ = strangers(seen, {}, GPUS, "wait", by_hand=False, used={"GPU-a"})
    assert busy == {"GPU-b": "a program (process 12) computes there"}
