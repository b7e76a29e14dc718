"""Amounts of GPU memory, to MiB and back."""

from __future__ import annotations

import pytest

from gpucore.errors import ParameterError
from gpucore.standard.memory import MOST_MIB, format_memory, parse_memory


@pytest.mark.parametrize(
    ("text", "mib"),
    [
        ("12 GiB", 12_288), ("12GiB", 12_288), (" 12 gib ", 12_288), ("0.5 GiB", 512),
        ("800 MiB", 800), ("0 MiB", 0), ("1.01 MiB", 2), ("2 TiB", 2**21), ("1 PB", None),
        ("1 MB", 1), ("12 GB", 11_445), ("1 TB", 953_675), ("1024 TiB", MOST_MIB),
    ],
)  # fmt: skip
def test_an_amount_is_read_and_a_part_of_a_mib_is_a_whole_one(text: str, mib: int | None) -> None:
    if mib is None:
        with pytest.raises(ParameterError):
            parse_memory(text)
    else:
        assert parse_memory(text) == mib


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("12", 'write "12 GiB"'), ("12G", 'write "12 GiB"'), ("800m", 'write "800 MiB"'),
        ("2 t", 'write "2 TiB"'), ("12 furlongs", 'as in "12 GiB"'), ("", 'as in "12 GiB"'),
        ("-1 GiB", 'as in "12 GiB"'), ("1e3 GiB", 'as in "12 GiB"'), ("nan GiB", 'as in "12 GiB"'),
        ("1025 TiB", "write less"), ("9" * 5_000 + " GiB", 'as in "12 GiB"'),
        ("\u0661 GiB", 'as in "12 GiB"'),
    ],
)  # fmt: skip
def test_what_is_no_amount_of_memory_is_refused_with_what_to_write(text: str, hint: str) -> None:
    with pytest.raises(ParameterError) as error:
        parse_memory(text)
    assert hint in error.value.hint
    assert len(error.value.what) < 120


@pytest.mark.parametrize("mib", [0, 1, 800, 1_023, 1_024, 12_288, 2**20])
def test_what_is_written_is_read_as_the_same(mib: int) -> None:
    assert parse_memory(format_memory(mib)) == mib
