"""From a GPU list to devices: of a machine, of a batch job, and of a plan without either."""

from __future__ import annotations

import pytest

from gpucore.errors import Faults, GpuListError
from gpucore.standard.devices import assume, narrow, resolve
from gpucore.standard.gpulist import VOID, GpuList, parse_gpu_list
from gpucore.standard.model import Device

MACHINE = tuple(
    Device(uuid=uuid, index=index)
    for index, uuid in enumerate(["GPU-aa11", "GPU-aa22", "GPU-bb33", "MIG-cc44"])
)


def indexes(text: str, machine: tuple[Device, ...] = MACHINE) -> list[object]:
    places = resolve(parse_gpu_list(text), machine)
    return [one.index if isinstance(one, Device) else one for one in places]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0 2", [0, 2]),
        ("2 0 0", [2, 0, 0]),
        ("1 99 0", [1, VOID, 0]),
        ("GPU-aa11", [0]),
        ("GPU-b GPU-aa2", [2, 1]),
        ("MIG-cc44 MIG-c", [3, 3]),
        ("auto", [0, 1, 2, 3]),
        ("", []),
    ],
)
def test_each_place_of_a_list_is_a_device_or_void(text: str, found: list[object]) -> None:
    assert indexes(text) == found


def test_a_whole_uuid_is_itself_even_when_another_begins_so() -> None:
    machine = (Device(uuid="GPU-a", index=0), Device(uuid="GPU-ab", index=1))
    assert indexes("GPU-a", machine) == [0]


def test_a_prefix_that_fits_two_devices_is_refused() -> None:
    with pytest.raises(GpuListError, match="`GPU-aa` fits 2 devices") as error:
        indexes("GPU-aa")
    assert "more characters" in error.value.hint


@pytest.mark.parametrize(
    ("text", "machine", "what", "hint"),
    [
        ("4", MACHINE, "GPU `4` is not there", "there is GPU 0 to 3"),
        ("GPU-ff", MACHINE, "GPU `GPU-ff` is not there", "there is GPU 0 to 3"),
        ("1", MACHINE[:1], "GPU `1` is not there", "there is GPU 0 alone"),
        ("0", (), "GPU `0` is not there: no GPU was found", ""),
    ],
)
def test_what_the_machine_does_not_have_is_refused(
    text: str, machine: tuple[Device, ...], what: str, hint: str
) -> None:
    with pytest.raises(GpuListError) as error:
        indexes(text, machine)
    assert (error.value.what, error.value.hint) == (what, hint)


def test_all_unknown_items_are_told_together() -> None:
    with pytest.raises(Faults) as faults:
        indexes("0 7 GPU-aa 9")
    assert [fault.what for fault in faults.value.errors] == [
        "GPU `7` is not there",
        "`GPU-aa` fits 2 devices",
        "GPU `9` is not there",
    ]


def test_a_plan_assumes_the_devices_that_a_list_names() -> None:
    first, void, again = assume(parse_gpu_list("3 99 3"))
    assert isinstance(first, Device)
    assert first.index == 3
    assert first == again
    assert void is VOID


@pytest.mark.parametrize("gpu_list", [GpuList(auto=True), parse_gpu_list("0 GPU-aa")])
def test_a_plan_cannot_number_what_only_a_machine_knows(gpu_list: GpuList) -> None:
    with pytest.raises(GpuListError, match="no meaning without a machine") as error:
        assume(gpu_list)
    assert "simulated:4" in error.value.hint


@pytest.mark.parametrize(
    ("mask", "uuids"),
    [
        (None, ["GPU-aa11", "GPU-aa22", "GPU-bb33", "MIG-cc44"]),
        ("", []),
        (" ", []),
        ("0,1", ["GPU-aa11", "GPU-aa22"]),
        ("2,0", ["GPU-bb33", "GPU-aa11"]),
        ("3,0,1,2", ["MIG-cc44", "GPU-aa11", "GPU-aa22", "GPU-bb33"]),
        (" 1 , 0 ", ["GPU-aa22", "GPU-aa11"]),
        ("01", ["GPU-aa22"]),
        ("GPU-bb33,GPU-aa11", ["GPU-bb33", "GPU-aa11"]),
        ("GPU-b,0", ["GPU-bb33", "GPU-aa11"]),
        ("MIG-cc44", ["MIG-cc44"]),
        ("0,7,1", ["GPU-aa11"]),
        ("0,,1", ["GPU-aa11"]),
        ("0,-1,1", ["GPU-aa11"]),
        ("0,GPU-aa,1", ["GPU-aa11"]),
        ("0,GPU-ff,1", ["GPU-aa11"]),
        ("NoDevFiles", []),
        ("1,1,0", ["GPU-aa22"]),
        ("٣", []),
        ("9" * 5000, []),
    ],
)
def test_a_mask_leaves_its_entries_up_to_the_first_that_names_nothing(
    mask: str | None, uuids: list[str]
) -> None:
    seen = narrow(MACHINE, mask)
    assert [one.uuid for one in seen] == uuids
    assert [one.index for one in seen] == list(range(len(seen)))


def test_inside_a_mask_indexes_count_from_0_and_children_get_the_masks_own_entries() -> None:
    inside = narrow(MACHINE, "GPU-bb33,0")
    assert [one.mask_entry for one in inside] == ["GPU-bb33", "0"]
    chosen = resolve(parse_gpu_list("1 0"), inside)
    assert [one.uuid for one in chosen if isinstance(one, Device)] == ["GPU-aa11", "GPU-bb33"]


def test_a_device_outside_the_mask_is_not_there() -> None:
    with pytest.raises(GpuListError, match="GPU `2` is not there"):
        resolve(parse_gpu_list("2"), narrow(MACHINE, "2,3"))


def test_auto_is_what_the_mask_leaves() -> None:
    assert resolve(GpuList(auto=True), narrow(MACHINE, "2")) == narrow(MACHINE, "2")
