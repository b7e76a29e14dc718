"""Devices that are withheld, avoided, or short of memory: who gets what, and who waits for what."""

from __future__ import annotations

import pytest

from gpucore.errors import NeedError
from gpucore.scheduling.ledger import Ledger
from gpucore.scheduling.machine import (
    HEALTH,
    STRANGERS,
    Action,
    DeviceAvoided,
    DeviceLost,
    DeviceReturned,
    DeviceWithheld,
    Ended,
    Fate,
    Launch,
    Machine,
    MemorySeen,
    Refuse,
    Submitted,
)
from gpucore.scheduling.policies import cut_pool, cut_units
from gpucore.standard.model import SLOT, Device, Need

GPUS = tuple(
    Device(uuid=f"GPU-{index}", index=index, memory_mib=memory)
    for index, memory in enumerate((8_192, 24_576, 24_576, 0))
)
ONE = Need(gpus=1)
LARGE = Need(gpus=1, memory_mib=12_288)


def pool(*places: int, workers: int = 8) -> Machine:
    return Machine(Ledger(cut_pool([GPUS[place] for place in places], 1, False)), workers)


def slots(threads: int, *places: int) -> Machine:
    items = [GPUS[place] for place in places]
    return Machine(Ledger(cut_units(items, threads, True)), 8)


def brief(actions: list[Action]) -> list[str]:
    """Write each action in a word: which step, on which GPUs."""
    return [
        f"{action.step}@{','.join(str(device.index) for device in action.grant.devices)}"
        if isinstance(action, Launch)
        else f"{type(action).__name__} {action.step}"
        for action in actions
    ]


def submit(machine: Machine, *needs: Need) -> list[str]:
    found: list[str] = []
    for need in needs:
        found += brief(machine.handle(Submitted(machine.submitted, need)))
    return found


def tell(machine: Machine, event: object) -> list[str]:
    return brief(machine.handle(event))


def end(machine: Machine, step: int) -> list[str]:
    return tell(machine, Ended(step, done=True))


def test_a_withheld_device_is_not_given_and_who_has_it_runs_on() -> None:
    machine = pool(1, 2)
    assert submit(machine, ONE) == ["0@1"]
    assert tell(machine, DeviceWithheld("GPU-1")) == []
    assert machine.fate(0) is Fate.RUNNING
    assert submit(machine, ONE, ONE) == ["1@2"]
    assert end(machine, 0) == [], "it is withheld still"
    assert tell(machine, DeviceReturned("GPU-1")) == ["2@1"]


def test_steps_that_need_a_withheld_device_wait_and_are_not_refused() -> None:
    machine = pool(1, 2)
    tell(machine, DeviceWithheld("GPU-1", "it hangs"))
    assert submit(machine, Need(gpus=2)) == []
    assert machine.fate(0) is Fate.READY
    assert machine.waits_for(0) == "needs 2 GPUs; GPU 1 is withheld (it hangs); GPU 2 is free"
    assert tell(machine, DeviceReturned("GPU-1")) == ["0@2,1"]


def test_who_waits_for_a_device_to_come_back_keeps_nothing_from_the_others() -> None:
    machine = pool(1, 2)
    tell(machine, DeviceWithheld("GPU-1"))
    assert submit(machine, Need(gpus=2), ONE, ONE) == ["1@2"]
    assert end(machine, 1) == ["2@2"]
    assert tell(machine, DeviceReturned("GPU-1")) == []
    assert submit(machine, ONE) == [], "from now on it has its reservation"
    assert end(machine, 2) == ["0@1,2"]


def test_a_device_is_given_again_when_all_who_withhold_it_have_returned_it() -> None:
    machine = pool(1)
    tell(machine, DeviceWithheld("GPU-1", "row remap failed"))
    tell(machine, DeviceWithheld("GPU-1", "ann computes there", STRANGERS))
    assert submit(machine, ONE) == []
    assert machine.waits_for(0) == (
        "needs a GPU; GPU 1 is withheld (row remap failed; ann computes there)"
    )
    assert tell(machine, DeviceReturned("GPU-1", HEALTH)) == []
    assert tell(machine, DeviceReturned("GPU-1", STRANGERS)) == ["0@1"]


def test_all_are_withheld_only_when_none_is_fit() -> None:
    machine = pool(1, 2)
    assert not machine.all_withheld
    tell(machine, DeviceWithheld("GPU-1"))
    tell(machine, DeviceWithheld("GPU-2", by=STRANGERS))
    assert not machine.all_withheld, "the stranger will be gone some day"
    tell(machine, DeviceWithheld("GPU-2"))
    assert machine.all_withheld
    tell(machine, DeviceReturned("GPU-1"))
    assert not machine.all_withheld
    tell(machine, DeviceLost("GPU-1"))
    assert machine.all_withheld
    assert not pool().all_withheld, "there was none to begin with"


def test_a_slot_with_a_withheld_device_is_not_given() -> None:
    machine = slots(3, 0, 1, 2, 3)
    tell(machine, DeviceWithheld("GPU-1"))
    assert submit(machine, SLOT, SLOT) == ["0@2,3"]


def test_what_is_said_of_a_device_that_is_not_the_runs_is_nothing() -> None:
    machine = pool(1)
    for event in (
        DeviceWithheld("GPU-77"), DeviceAvoided("GPU-77"), DeviceReturned("GPU-77"),
        MemorySeen({"GPU-77": 5}),
    ):  # fmt: skip
        assert tell(machine, event) == []
    assert submit(machine, ONE) == ["0@1"]


def test_an_avoided_device_is_given_only_to_who_could_not_run_on_the_others() -> None:
    machine = pool(1, 2)
    tell(machine, DeviceAvoided("GPU-1", "ann computes there", STRANGERS))
    assert submit(machine, ONE, ONE) == ["0@2"]
    assert machine.waits_for(1) == (
        "needs a GPU; GPU 1 is avoided (ann computes there); GPU 2 is in use"
    )
    assert end(machine, 0) == ["1@2"]
    assert end(machine, 1) == []
    assert submit(machine, Need(gpus=2)) == ["2@2,1"]


def test_all_devices_avoided_are_all_given() -> None:
    machine = pool(1, 2)
    for uuid in ("GPU-1", "GPU-2"):
        tell(machine, DeviceAvoided(uuid))
    assert submit(machine, ONE, ONE) == ["0@1", "1@2"]


def test_a_device_that_is_given_last_is_given_when_the_others_are_in_use() -> None:
    machine = pool(1, 2, 3)
    tell(machine, DeviceAvoided("GPU-1", "hot", last=True))
    assert submit(machine, ONE, ONE, ONE) == ["0@2", "1@3", "2@1"]
    end(machine, 2)
    tell(machine, DeviceReturned("GPU-1"))
    assert submit(machine, ONE) == ["3@1"]


def test_what_is_said_again_keeps_a_free_device_in_its_place() -> None:
    machine = pool(1, 2)
    tell(machine, DeviceWithheld("GPU-1", "a"))
    tell(machine, DeviceWithheld("GPU-1", "b"))
    tell(machine, DeviceReturned("GPU-2"))
    assert machine.ledger.free == (1,)
    assert submit(machine, Need(gpus=2)) == []
    assert "withheld (b)" in machine.waits_for(0)


def test_a_new_try_keeps_off_the_device_where_it_failed() -> None:
    machine = pool(1, 2)
    submit(machine, ONE, ONE)
    away = Need(gpus=1, avoid=frozenset({"GPU-1"}))
    assert tell(machine, Ended(0, done=False, again=True, need=away)) == []
    assert machine.waits_for(0) == (
        "needs a GPU; GPU 1 is avoided (an attempt failed there); GPU 2 is in use"
    )
    assert end(machine, 1) == ["0@2"]


def test_to_keep_off_a_device_is_a_wish_that_keeps_no_step_from_running() -> None:
    machine = pool(0, 1)
    both = Need(gpus=1, avoid=frozenset({"GPU-0", "GPU-1"}))
    small_left = Need(gpus=1, avoid=frozenset({"GPU-1"}), memory_mib=12_288)
    assert submit(machine, both, small_left) == ["0@0", "1@1"]
    tell(machine, DeviceWithheld("GPU-0"))
    end(machine, 0)
    end(machine, 1)
    assert submit(machine, Need(gpus=1, avoid=frozenset({"GPU-1"}))) == ["2@1"]


def test_devices_with_too_little_memory_are_passed_over() -> None:
    machine = pool(0, 1, 2)
    assert submit(machine, LARGE, LARGE, LARGE, ONE) == ["0@1", "1@2", "3@0"]
    assert machine.waits_for(2) == "needs 12 GiB free; GPU 0, 1 and 2 are in use"


def test_a_step_waits_until_a_stranger_gives_memory_back() -> None:
    machine = pool(0, 1)
    tell(machine, MemorySeen({"GPU-1": 3_994}))
    assert submit(machine, LARGE) == []
    assert machine.waits_for(0) == "needs 12 GiB free; GPU 0 has 8 GiB; GPU 1 has 3.9 GiB"
    assert submit(machine, ONE, ONE) == ["1@0", "2@1"], "others pass"
    end(machine, 2)
    assert tell(machine, MemorySeen({"GPU-1": 12_287})) == []
    assert machine.waits_for(0).endswith("GPU 1 has 12287 MiB of 12288 MiB")
    assert tell(machine, MemorySeen({"GPU-1": 12_288})) == ["0@1"]


def test_a_device_that_does_not_tell_its_memory_is_given() -> None:
    assert submit(pool(3), LARGE) == ["0@3"]


def test_memory_that_was_given_to_one_share_is_not_given_to_the_other() -> None:
    machine = pool(1, 1)
    assert submit(machine, LARGE, LARGE, Need(gpus=1, memory_mib=13_000)) == ["0@1", "1@1"]
    assert machine.waits_for(2) == "needs 12.7 GiB free; GPU 1 is in use"
    assert end(machine, 1) == [], "there are 12 GiB left"
    assert machine.waits_for(2) == "needs 12.7 GiB free; GPU 1 has 12 GiB"
    assert submit(machine, Need(gpus=1, memory_mib=100)) == [], "what is left is kept"
    assert end(machine, 0) == ["2@1", "3@1"]


def test_a_slot_is_given_when_each_of_its_devices_has_the_memory() -> None:
    machine = slots(3, 0, 1, 2, 1)
    assert submit(machine, Need(gpus=None, memory_mib=9_000)) == ["0@2,1"]
    assert submit(machine, Need(gpus=None, memory_mib=9_000)) == []


@pytest.mark.parametrize(
    ("places", "need", "what"),
    [
        ((0,), LARGE, "12 GiB of GPU memory are needed, and the run has GPUs with 8 GiB"),
        (
            (0, 1),
            Need(gpus=2, memory_mib=12_288),
            "2 GPUs with 12 GiB of GPU memory each are needed, and the run has 1",
        ),
    ],
)
def test_memory_that_no_device_has_is_refused(
    places: tuple[int, ...], need: Need, what: str
) -> None:
    machine = pool(*places)
    with pytest.raises(NeedError) as error:
        machine.ledger.check(need)
    assert error.value.what == what
    assert "gpu_memory" in error.value.hint


def test_a_step_is_refused_when_the_only_device_with_its_memory_is_lost() -> None:
    machine = pool(0, 1)
    submit(machine, LARGE, LARGE, ONE)
    (stop, refusal) = machine.handle(DeviceLost("GPU-1"))
    assert stop.step == 0
    assert isinstance(refusal, Refuse)
    assert "12 GiB" in refusal.error.what


def test_a_step_that_wants_a_device_whole_gets_it_without_those_that_the_list_repeats() -> None:
    machine = pool(1, 1, 2)
    whole = Need(gpus=1, whole=True)
    assert submit(machine, whole, ONE, ONE) == ["0@1", "1@2"]
    assert machine.grants[0].units == (0, 1)
    assert end(machine, 0) == ["2@1"]
    assert submit(machine, whole, ONE) == [], "the other share is kept for it"
    assert machine.waits_for(3) == "needs a GPU to itself; GPU 1 and 2 are in use"
    assert end(machine, 2) == ["3@1"]


def test_what_a_step_waits_for_is_said_in_a_line() -> None:
    machine = pool(1, workers=1)
    submit(machine, ONE, ONE, Need(gpus=0))
    machine.handle(Submitted(3, ONE, after=(0, 1)))
    machine.handle(Submitted(4, ONE, after=(0,)))
    assert [machine.waits_for(step) for step in range(5)] == [
        "",
        "waits for a worker; the only one is busy",
        "waits for a worker; the only one is busy",
        "waits for 2 steps that it comes after",
        "waits for 1 step that it comes after",
    ]


def test_a_step_that_only_waits_for_its_turn_says_so() -> None:
    machine = pool(1, 2)
    submit(machine, ONE, Need(gpus=2), ONE)
    assert machine.waits_for(2) == "waits for its turn; older steps come first"


def test_many_devices_are_told_by_their_number() -> None:
    gpus = [Device(uuid=f"GPU-{index}", index=index) for index in range(40)]
    machine = Machine(Ledger(cut_pool(gpus, 1, False)), 99)
    submit(machine, *[ONE] * 20, Need(gpus=40))
    for index in range(20, 32):
        tell(machine, DeviceWithheld(f"GPU-{index}", f"reason {index}"))
    told = machine.waits_for(20)
    assert told.startswith("needs 40 GPUs; 20 GPUs are in use; GPU 20 is withheld (reason 20); ")
    assert told.endswith("; 6 more obstacles")
