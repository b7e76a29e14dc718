"""GPU_LIST text: every row of the standard's table, every refusal, and no other error."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpucore.errors import GpuListError
from gpucore.standard.gpulist import (
    MAX_INDEX,
    VOID,
    GpuList,
    format_gpu_list,
    parse_gpu_list,
)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("0", (0,)),
        ("1", (1,)),
        ("0 1", (0, 1)),
        ("0,1", (0, 1)),
        ("0, 1", (0, 1)),
        (" ,0,,\t1\n, ", (0, 1)),
        ("1 0", (1, 0)),
        ("0-3", (0, 1, 2, 3)),
        ("2-2", (2,)),
        ("0-1,5 7-8", (0, 1, 5, 7, 8)),
        ("0 0 1 1", (0, 0, 1, 1)),
        ("007", (7,)),
        ("GPU-8f3a90bc-0001-2222-3333-444455556666", ("GPU-8f3a90bc-0001-2222-3333-444455556666",)),
        ("GPU-8f3a", ("GPU-8f3a",)),
        ("MIG-1c2d 0", ("MIG-1c2d", 0)),
        ("MIG-GPU-8f3a/1/0", ("MIG-GPU-8f3a/1/0",)),
        ("99", (VOID,)),
        ("0 99 2", (0, VOID, 2)),
        ("98-100", (98, VOID, 100)),
        ("", ()),
        (" , \n", ()),
    ],
)
def test_a_list_says_its_items_in_the_users_order(text: str, items: tuple[object, ...]) -> None:
    assert parse_gpu_list(text) == GpuList(items=items)


def test_auto_stands_alone() -> None:
    assert parse_gpu_list(" auto ") == GpuList(auto=True)
    assert str(parse_gpu_list("auto")) == "auto"


def test_a_list_is_true_when_it_names_a_gpu() -> None:
    assert parse_gpu_list("auto")
    assert parse_gpu_list("0")
    assert not parse_gpu_list("")


@pytest.mark.parametrize(
    ("text", "quoted", "character", "reason", "instead"),
    [
        ("3-0", "3-0", 1, "a range goes upwards", "write `0-3`"),
        ("1-2-3", "1-2-3", 1, "a range has two ends", "write `1-3` or `1 2 3`"),
        ("0 -1", "-1", 3, "negative", "USE_GPU"),
        ("0:1", "0:1", 1, "separated by blanks or commas", "write `0 1`"),
        ("0;1", "0;1", 1, "separated by blanks or commas", "write `0 1`"),
        ("0|1/2+3", "0|1/2+3", 1, "separated by blanks or commas", "write `0 1 2 3`"),
        ("a", "a", 1, "no item of a GPU list", "write indexes (`0 1`)"),
        ("1,b", "b", 3, "no item of a GPU list", "write indexes (`0 1`)"),
        ("0.5", "0.5", 1, "no fraction", "`0 0`"),
        ("1.2.3", "1.2.3", 1, "separated", "write `1 2 3`"),
        ("٣", "٣", 1, "plain ASCII", "the digits 0-9"),
        ("²", "²", 1, "plain ASCII", "the digits 0-9"),
        ("cuda:1", "cuda:1", 1, "its number alone", "write `1`"),
        ("gpu2", "gpu2", 1, "its number alone", "write `2`"),
        ("gpu-8f3a", "gpu-8f3a", 1, "no identity", "nvidia-smi -L"),
        ("GPU-", "GPU-", 1, "no identity", "nvidia-smi -L"),
        ("MIG-_", "MIG-_", 1, "no identity", "nvidia-smi -L"),
        ("0 auto", "auto", 3, "does not go with other items", "write `auto` alone"),
        ("auto auto", "auto", 1, "does not go with other items", "write `auto` alone"),
        ("all", "all", 1, "no item of a GPU list", "write `auto` alone"),
        ("AUTO", "AUTO", 1, "no item of a GPU list", "write `auto` alone"),
        ("10000", "10000", 1, "no machine has so many GPUs", "indexes end at 9999"),
        ("0-99999999999", "0-99999999999", 1, "no machine has so many", "indexes end at 9999"),
        ("0\x1b[31m", "0\\x1b[31m", 1, "no item of a GPU list", "write indexes"),
    ],
)
def test_everything_else_is_refused_with_the_item_its_place_and_what_to_write(
    text: str, quoted: str, character: int, reason: str, instead: str
) -> None:
    with pytest.raises(GpuListError) as refusal:
        parse_gpu_list(text)
    assert refusal.value.what.startswith(f"`{quoted}` at character {character}: ")
    assert reason in refusal.value.what
    assert instead in refusal.value.hint
    assert refusal.value.exit_code == 2


def test_all_wrong_items_are_told_together_and_a_hint_once() -> None:
    with pytest.raises(GpuListError) as refusal:
        parse_gpu_list("3-0 1 a b")
    assert [part.split(":")[0] for part in refusal.value.what.split("; ")] == [
        "`3-0` at character 1",
        "`a` at character 7",
        "`b` at character 9",
    ]
    assert refusal.value.hint.count("write indexes") == 1


def test_a_long_wrong_item_is_shown_no_longer_than_a_line() -> None:
    with pytest.raises(GpuListError) as refusal:
        parse_gpu_list("x" * 5000)
    assert len(refusal.value.what) < 130
    assert "…" in refusal.value.what


def test_a_number_of_thousands_of_digits_is_refused_as_any_other() -> None:
    with pytest.raises(GpuListError, match="no machine has so many GPUs"):
        parse_gpu_list("9" * 10_000)
    assert parse_gpu_list("0" * 10_000 + "7").items == (7,)


def test_a_list_of_more_places_than_indexes_is_refused() -> None:
    assert len(parse_gpu_list(f"0-{MAX_INDEX}").items) == MAX_INDEX + 1
    with pytest.raises(GpuListError, match="the list grows beyond 10000 places"):
        parse_gpu_list(f"0-{MAX_INDEX} 0")


_near_misses = st.lists(
    st.sampled_from(
        [*"0123456789", *" ,-:;.|/+\t\n", "99", "auto", "GPU-", "MIG-", "cuda:", "٣", "²", "१",
         "\udc80", "\x00", "9" * 5000, "0-9999", "é", "$", "%(GPU)s"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@pytest.mark.slow
@given(text=st.one_of(st.text(), _near_misses))
@example(text="\udc80")
@example(text="1-²")
@example(text="0-")
def test_no_text_raises_anything_but_its_own_error(text: str) -> None:
    try:
        found = parse_gpu_list(text)
    except GpuListError as error:
        refusal = error
    else:
        assert parse_gpu_list(format_gpu_list(found)) == found
        return
    assert refusal.what
    assert refusal.hint
    assert refusal.what.isprintable()


_identities = st.from_regex(r"(GPU|MIG)-[0-9A-Za-z][0-9A-Za-z/-]{0,40}", fullmatch=True)
_indexes = st.integers(0, MAX_INDEX).filter(lambda index: index != VOID.value)
_lists = st.one_of(
    st.just(GpuList(auto=True)),
    st.lists(st.one_of(_indexes, _identities, st.just(VOID)), max_size=40).map(
        lambda items: GpuList(items=tuple(items))
    ),
)


@pytest.mark.slow
@given(gpu_list=_lists)
def test_a_list_that_is_written_is_read_as_itself(gpu_list: GpuList) -> None:
    assert parse_gpu_list(format_gpu_list(gpu_list)) == gpu_list
    assert parse_gpu_list(str(gpu_list).replace(" ", ",")) == gpu_list


@given(first=st.integers(0, 98), length=st.integers(0, 300))
def test_a_range_is_its_numbers_one_by_one(first: int, length: int) -> None:
    spelled = " ".join(str(number) for number in range(first, first + length + 1))
    assert parse_gpu_list(f"{first}-{first + length}") == parse_gpu_list(spelled)


def test_the_void_item_shows_its_name() -> None:
    assert repr(parse_gpu_list("99").items) == "(VOID,)"
