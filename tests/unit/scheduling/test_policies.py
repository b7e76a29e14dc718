"""How a list is cut into units: the standard's slots, and the pool."""

from __future__ import annotations

import pytest

from gpucore.errors import GpuListError
from gpucore.scheduling.policies import POOL, SLOTS, cut_pool, cut_units
from gpucore.standard.devices import assume
from gpucore.standard.gpulist import parse_gpu_list


def units(text: str, threads: int, *, extend: bool = True) -> list[tuple[str, int | None]]:
    return [
        (" ".join(str(device.index) for device in unit.devices), unit.copy_of)
        for unit in cut_units(assume(parse_gpu_list(text)), threads, extend)
    ]


@pytest.mark.parametrize(
    ("threads", "text", "expected"),
    [
        (1, "0 1 2", [("0 1 2", None)]),
        (3, "0 1 2 3", [("0 1", None), ("2 3", None)]),
        (4, "0 1 2 3", [("0 1", None), ("2", None), ("3", None)]),
        (3, "0 1", [("0", None), ("1", None)]),
        (5, "0 1", [("0", None), ("1", None), ("0", 0), ("1", 1)]),
        (3, "0", [("0", None), ("0", 0)]),
        (6, "0 1", [("0", None), ("1", None), ("0", 0), ("1", 1), ("0", 0)]),
        (3, "99 1 2 3", [("1", None), ("2 3", None)]),
        (5, "0 99 2", [("0", None), ("2", None), ("0", 0)]),
        (6, "0 99", [("0", None), ("0", 0), ("0", 0)]),
        (5, "0 0 1 1", [("0", None), ("0", None), ("1", None), ("1", None)]),
        (5, "0 0", [("0", None), ("0", None), ("0", 0), ("0", 1)]),
        (3, "0 0 1 1", [("0 0", None), ("1 1", None)]),
        (5, "", []),
    ],
)
def test_slots_are_units_and_those_a_list_was_extended_by_are_copies(
    threads: int, text: str, expected: list[tuple[str, int | None]]
) -> None:
    assert units(text, threads) == expected
    found = cut_units(assume(parse_gpu_list(text)), threads, True)
    assert [unit.number for unit in found] == list(range(len(found)))


def test_a_copy_holds_what_it_is_a_copy_of() -> None:
    for text in ("0", "0 1", "0 99 2", "99 3 3", "0 1 2 3 4"):
        for threads in range(1, 20):
            found = cut_units(assume(parse_gpu_list(text)), threads, True)
            for unit in found:
                if unit.copy_of is not None:
                    assert found[unit.copy_of].devices == unit.devices
                    assert found[unit.copy_of].copy_of is None


def test_a_list_that_is_not_extended_has_no_copies() -> None:
    assert units("0 1", 5, extend=False) == [("0", None), ("1", None)]


def test_each_place_of_a_pool_is_a_unit() -> None:
    found = cut_pool(assume(parse_gpu_list("0 99 1 1")), 3, True)
    assert [unit.devices[0].index for unit in found] == [0, 1, 1]
    assert [unit.number for unit in found] == [0, 1, 2]
    assert cut_pool([], 3, True) == ()


@pytest.mark.parametrize("policy", [SLOTS, POOL])
def test_a_list_of_void_places_alone_is_an_error(policy: object) -> None:
    with pytest.raises(GpuListError, match="nothing but void places"):
        policy.cut(assume(parse_gpu_list("99 99")), 3, True)
