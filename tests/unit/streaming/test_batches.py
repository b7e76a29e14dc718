"""Batches are full, or due, or the last; their record is what another run goes on with."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from gpucore.config.watch import WatchTable
from gpucore.errors import ConfigError
from gpucore.planning import Plan
from gpucore.standard.several import Several
from gpucore.streaming.batches import Batch, Batches
from gpucore.streaming.finder import FoundFile
from gpucore.streaming.job import WatchedStage
from gpucore.streaming.settling import FileStamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def batches(root: Path, **keys: Any) -> Batches:
    """Return the batches of a folder of two files each, or as is said."""
    keys = {"batch": 2, "watch": WatchTable(dir="in"), "lists": True, **keys}
    return Batches(
        WatchedStage(
            name="s", plan=lambda _: Plan(steps=(), root=root), batches="out/batches", **keys
        ),
        root,
    )


def files(*names: str) -> list[FoundFile]:
    return [FoundFile(name, FileStamp(1, 1)) for name in names]


def names(found: Sequence[Batch]) -> list[list[str]]:
    return [[one.path for one in batch.files] for batch in found]


def test_a_batch_is_run_when_it_is_full_and_the_rest_at_the_end(tmp_path: Path) -> None:
    made = batches(tmp_path)
    assert names(made.of(files("a", "b", "c"), 0.0, all_=False)) == [["a", "b"]]
    assert (made.pending, made.next_due()) == (1, float("inf"))
    assert names(made.of([], 9e9, all_=False)) == []
    assert names(made.of(files("d", "e"), 9e9, all_=True)) == [["c", "d"], ["e"]]
    assert made.pending == 0


def test_a_batch_that_is_not_full_is_run_when_its_first_file_has_waited_so_long(
    tmp_path: Path,
) -> None:
    made = batches(tmp_path, batch=3, batch_wait=10.0)
    assert made.of(files("a"), 100.0, all_=False) == []
    assert made.of(files("b"), 109.0, all_=False) == []
    assert made.next_due() == 110.0
    assert names(made.of([], 110.0, all_=False)) == [["a", "b"]]
    assert made.next_due() == float("inf")
    assert made.of(files("c"), 200.0, all_=False) == []
    assert made.next_due() == 210.0


def test_what_is_on_record_is_taken_again_and_in_no_other_batch(tmp_path: Path) -> None:
    first = batches(tmp_path)
    for batch in first.of(files("a", "x/a", os.fsdecode(b"m\xff")), 0.0, all_=True):
        first.keep(batch)
        first.keep(batch)  # a second time does nothing
    again = batches(tmp_path)
    found = again.recorded()
    assert names(found) == [["a", "x/a"], [os.fsdecode(b"m\xff")]]
    assert again.item(found[0]) == Several("batch-0001", ("in/a", "in/x/a"))
    assert names(again.of(files("a", "x/a", "b"), 0.0, all_=True)) == [["b"]]
    assert batches(tmp_path, lists=False).item(found[0]) == "out/batches/batch-0001"


def test_a_record_that_was_not_finished_is_made_anew(tmp_path: Path) -> None:
    made = batches(tmp_path)
    (batch,) = made.of(files("a", "b"), 0.0, all_=True)
    half = tmp_path / "out/batches" / f"{batch.name}.new"
    half.mkdir(parents=True)
    (half / "a").symlink_to(tmp_path / "in/a")
    assert batches(tmp_path).recorded() == []
    made.keep(batch)
    assert names(batches(tmp_path).recorded()) == [["a", "b"]]
    assert not half.exists()


def test_a_batch_that_was_taken_apart_stays_apart(tmp_path: Path) -> None:
    made = batches(tmp_path)
    (batch,) = made.of(files("b", "a"), 0.0, all_=True)
    made.keep(batch)
    singles = made.apart(batch)
    assert [(one.name, names([one])) for one in singles] == [
        ("batch-0001-1", [["a"]]),
        ("batch-0001-2", [["b"]]),
    ]
    made.keep(singles[0])
    again = batches(tmp_path)
    assert [(one.name, one.files[0].path) for one in again.recorded()] == [
        ("batch-0001-1", "a"),
        ("batch-0001-2", "b"),
    ]
    assert [one.name for one in again.of(files("a", "b", "c"), 0.0, all_=True)] == ["batch-0002"]


def test_of_named_files_only_batches_that_hold_one_of_them_are_taken_again(tmp_path: Path) -> None:
    first = batches(tmp_path, watch=None, files=("a", "b", "c"))
    for batch in first.of(files("a", "b", "c"), 0.0, all_=True):
        first.keep(batch)
    again = batches(tmp_path, watch=None, files=("c", "d"))
    assert names(again.recorded()) == [["c"]]
    assert [one.name for one in again.of(files("c", "d"), 0.0, all_=True)] == ["batch-0003"]


def test_batches_of_named_files_are_found_again_however_their_paths_were_given(
    tmp_path: Path,
) -> None:
    given = ("in/a", str(tmp_path / "in/b"), "../elsewhere/c", "/data/d")
    first = batches(tmp_path, watch=None, files=given)
    for batch in first.of(files(*given), 0.0, all_=True):
        first.keep(batch)
    other = (str(tmp_path / "in/a"), "in/b", "../elsewhere/c", "/data/d")
    for again in (given, other):
        made = batches(tmp_path, watch=None, files=again)
        assert names(made.recorded()) == [list(again[:2]), list(again[2:])]
        assert made.of(files(*again), 0.0, all_=True) == []


@pytest.mark.parametrize("taken", [False, True])
def test_a_record_that_cannot_be_written_is_told_as_that(tmp_path: Path, taken: bool) -> None:
    made = batches(tmp_path)
    (batch,) = made.of(files("a", "b"), 0.0, all_=True)
    place = tmp_path / "out/batches"
    if taken:
        made.keep(batch)
        shutil.rmtree(place)
    else:
        place.parent.mkdir()
        place.write_text("a file in the place of the folder")
    with pytest.raises(ConfigError, match="out/batches` cannot be written") as told:
        (made.apart if taken else made.keep)(batch)
    assert told.value.code == "E261"


@pytest.mark.parametrize("batch", [None, 1])
def test_without_batches_each_file_is_run_as_it_is(tmp_path: Path, batch: int | None) -> None:
    made = batches(tmp_path, batch=batch, lists=False)
    (one,) = made.of(files("a"), 0.0, all_=False)
    assert made.item(one) == ("in/a" if batch is None else "out/batches/batch-0001")
