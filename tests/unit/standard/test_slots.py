"""Slots from threads and list: the standard's tables and its counting."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucore.errors import GpuListError
from gpucore.standard.gpulist import VOID, Void, parse_gpu_list
from gpucore.standard.slots import cut, cut_slots, workers

ROWS = [
    (1, "0 1 2", "0 1 2"),
    (3, "0 1 2 3", "0 1 · 2 3"),
    (4, "0 1 2 3", "0 1 · 2 · 3"),
    (3, "0 1", "0 · 1"),
    (5, "0 1", "0 · 1 · 0 · 1"),
    (2, "0 1", "0 1"),
    (2, "3,4,5", "3 4 5"),
    (3, "0", "0 · 0"),
    (3, "0 1 2", "0 1 · 2"),
    (3, "2,4,2,4", "2 4 · 2 4"),
    (3, "0 1 2 99", "0 1 · 2"),
    (3, "99 1 2 3", "1 · 2 3"),
    (4, "0-5", "0 1 · 2 3 · 4 5"),
    (4, "0-7", "0 1 2 · 3 4 5 · 6 7"),
    (5, "0-5", "0 1 · 2 3 · 4 · 5"),
    (5, "0 99 2", "0 · 2 · 0"),
    (9, "0-15", "0 1 · 2 3 · 4 5 · 6 7 · 8 9 · 10 11 · 12 13 · 14 15"),
    (3, "0 0 1 1", "0 0 · 1 1"),
    (5, "0 0 1 1", "0 · 0 · 1 · 1"),
]


@pytest.mark.parametrize(("threads", "text", "slots"), ROWS)
def test_the_standards_tables_hold(threads: int, text: str, slots: str) -> None:
    expected = tuple(tuple(int(one) for one in slot.split()) for slot in slots.split("·"))
    assert cut_slots(parse_gpu_list(text).items, threads) == expected


@pytest.mark.parametrize(
    ("threads", "text", "slots"),
    [(5, "0 1", ((0,), (1,))), (9, "0 0 1 1", ((0,), (0,), (1,), (1,))), (5, "0 99", ((0,),))],
)
def test_a_list_that_is_not_extended_gives_a_slot_for_each_place(
    threads: int, text: str, slots: tuple[tuple[int, ...], ...]
) -> None:
    assert cut_slots(parse_gpu_list(text).items, threads, extend=False) == slots


def test_thread_0_is_the_master_and_one_thread_works_itself() -> None:
    assert [workers(threads) for threads in range(1, 6)] == [1, 1, 2, 3, 4]


@pytest.mark.parametrize("extend", [True, False])
@pytest.mark.parametrize("text", ["99", "99 99", "99 99 99 99"])
def test_a_list_of_void_places_alone_is_an_error(text: str, extend: bool) -> None:
    with pytest.raises(GpuListError, match="nothing but void places") as error:
        cut_slots(parse_gpu_list(text).items, 3, extend=extend)
    assert "leave the list empty" in error.value.hint


def test_an_empty_list_has_no_slots() -> None:
    assert cut_slots([], 5) == ()


_items = st.lists(st.one_of(st.integers(0, 7), st.just(VOID)), min_size=1, max_size=40)


@pytest.mark.slow
@given(items=_items, threads=st.integers(1, 50), extend=st.booleans())
def test_slots_use_every_item_exactly_as_often_as_the_standard_says(
    items: list[int | Void], threads: int, extend: bool
) -> None:
    # In the standard's words: with T = 1 each step gets the whole list; when the list is shorter
    # than the n = T - 1 workers it is repeated from its start until there are n places; otherwise
    # each item is used once. Void items are then left out.
    n = 1 if threads == 1 else threads - 1
    written: list[int | Void] = list(items)
    if extend:
        while len(written) < n:
            written.append(written[len(written) - len(items)])
    expected = Counter(item for item in written if item is not VOID)
    if not expected:
        with pytest.raises(GpuListError):
            cut_slots(items, threads, extend=extend)
        return
    slots = cut_slots(items, threads, extend=extend)
    assert Counter(item for slot in slots for item in slot) == expected
    assert [item for slot in slots for item in slot] == [i for i in written if i is not VOID]
    assert all(slots), "an empty slot is dropped"
    assert len(slots) <= n


@given(items=st.lists(st.integers(), min_size=1, max_size=60), threads=st.integers(1, 60))
def test_without_void_items_sizes_are_g_div_n_and_the_first_g_mod_n_one_more(
    items: list[int], threads: int
) -> None:
    g, n = len(items), workers(threads)
    sizes = [len(slot) for slot in cut_slots(items, threads)]
    if g >= n:
        assert sizes == [g // n + 1] * (g % n) + [g // n] * (n - g % n)
    else:
        assert sizes == [1] * n


@pytest.mark.slow
@given(items=st.lists(st.integers()), parts=st.integers(1, 20))
def test_a_cut_keeps_neighbours_and_loses_nothing(items: list[int], parts: int) -> None:
    pieces = cut(items, parts)
    assert len(pieces) == parts
    assert [item for piece in pieces for item in piece] == items
