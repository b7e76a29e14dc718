"""What a program made: found, given its final name, put aside, removed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gpucore.system.files import stamp_if_older
from gpucore.system.moving import discard, empty_into, find_made, make_fresh, move, put_aside


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "own"
    path.mkdir()
    return path


def tree(folder):
    """Return the text of every file below a folder."""
    return {
        str(one.relative_to(folder)): one.read_text() for one in folder.rglob("*") if one.is_file()
    }


def write(folder, **texts):
    for name, text in texts.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_what_was_made_is_moved_to_where_it_belongs(folder, tmp_path):
    write(folder, made="image")
    assert move(find_made(str(folder), "made"), str(tmp_path / "deep" / "er" / "out")) == ""
    assert tree(tmp_path) == {"deep/er/out": "image"}


def test_of_several_the_last_by_name_is_found(folder):
    write(folder, run_it001="1", run_it010="10", run_it009="9")
    assert find_made(str(folder), "run_it*") == str(folder / "run_it010")


@pytest.mark.parametrize("made", ["made.mrc", "made*.mrc"])
def test_what_was_not_made_is_not_found(folder, made):
    assert find_made(str(folder), made) == ""


def test_a_place_that_cannot_be_written_is_named(folder, tmp_path):
    write(folder, made="x")
    write(tmp_path, file="", taken__full="")
    assert "cannot be written" in move(str(folder / "made"), str(tmp_path / "file" / "out"))
    assert "cannot be written" in move(str(folder / "made"), str(tmp_path / "taken"))
    assert (folder / "made").exists()


@pytest.fixture
def other_disk(monkeypatch, folder):
    """Let the step's own directory lie on another disk than everything else."""
    real = {name: getattr(os, name) for name in ("replace", "rename")}

    def across(name):
        def renamed(source, target):
            if (folder in Path(source).parents) != (folder in Path(target).parents):
                raise OSError(errno.EXDEV, "Invalid cross-device link")
            real[name](source, target)

        return renamed

    for name in real:
        monkeypatch.setattr(os, name, across(name))


def test_what_was_made_is_moved_across_disks_at_one_stroke(folder, tmp_path, other_disk):
    write(folder, made="image", results__a="1", results__b__c="2")
    assert move(str(folder / "made"), str(tmp_path / "out")) == ""
    assert move(str(folder / "results"), str(tmp_path / "results")) == ""
    assert tree(tmp_path) == {"out": "image", "results/a": "1", "results/b/c": "2"}
    assert list(folder.iterdir()) == []


def test_a_move_across_disks_that_fails_leaves_nothing_half_done(
    folder, tmp_path, other_disk, monkeypatch
):
    def full(source, target, size):
        target.write(b"ha")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    write(folder, made="image")
    write(tmp_path, out="earlier")
    assert "No space left" in move(str(folder / "made"), str(tmp_path / "out"))
    assert tree(tmp_path) == {"out": "earlier", "own/made": "image"}


def test_a_move_across_disks_does_not_follow_what_lies_in_its_way(folder, tmp_path, other_disk):
    write(tmp_path, precious="precious")
    (tmp_path / ".out.part").symlink_to(tmp_path / "precious")
    write(folder, made="image")
    assert move(str(folder / "made"), str(tmp_path / "out")) == ""
    assert (tmp_path / "out").read_text() == "image"
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_link_in_the_place_of_an_output_is_replaced_and_not_followed(folder, tmp_path):
    write(tmp_path, precious="precious")
    (tmp_path / "out").symlink_to("precious")
    write(folder, out="image")
    assert move(str(folder / "out"), str(tmp_path / "out")) == ""
    assert tree(tmp_path) == {"out": "image", "precious": "precious"}


def test_a_directory_that_is_there_gets_the_new_entries_and_keeps_the_others(folder, tmp_path):
    write(folder, fit__a="new", fit__more__b="new")
    write(tmp_path, out__a="old", out__kept="old", out__more__kept="old")
    assert move(str(folder / "fit"), str(tmp_path / "out")) == ""
    assert tree(tmp_path) == {
        "out/a": "new", "out/kept": "old", "out/more/b": "new", "out/more/kept": "old",
    }  # fmt: skip


def test_a_directory_does_not_take_the_place_of_a_file(folder, tmp_path):
    write(folder, fit__a="new")
    write(tmp_path, out="a file")
    assert "cannot be written" in move(str(folder / "fit"), str(tmp_path / "out"))
    assert tree(tmp_path) == {"out": "a file", "own/fit/a": "new"}


def test_a_directory_is_emptied_into_another_what_is_declared_last(folder, tmp_path, monkeypatch):
    write(folder, a="declared", b="more", c="declared", d="more")
    order, real = [], os.replace
    monkeypatch.setattr(os, "replace", lambda *names: (order.append(names[1]), real(*names)))
    last = {f"{folder}/a", f"{folder}/c"}
    assert empty_into(str(folder), str(tmp_path), last) == {}
    assert {Path(one).name for one in order[:2]} == {"b", "d"}
    assert not folder.exists()
    assert empty_into(str(folder), str(tmp_path), ()) == {}


def test_what_could_not_be_moved_stays_and_is_told(folder, tmp_path):
    write(folder, a="new", b="new")
    write(tmp_path, a__full="")
    faults = empty_into(str(folder), str(tmp_path), ())
    assert list(faults) == [f"{folder}/a"]
    assert "a cannot be written (Is a directory)" in faults[f"{folder}/a"]
    assert tree(folder) == {"a": "new"}


def test_what_a_failed_attempt_made_is_put_aside_under_names_of_its_own(tmp_path):
    write(tmp_path, one__half="1", two__half="2", elsewhere="3")
    (tmp_path / "empty").mkdir()
    folders = [str(tmp_path / name) for name in ("one", "two", "empty", "never")]
    place = tmp_path / "steps" / "s.1"
    told = put_aside(folders, [str(tmp_path / "elsewhere")], str(place))
    assert told == [f"{place}/partial", f"{place}/partial.2"]
    assert tree(tmp_path) == {
        "steps/s.1/partial/half": "1", "steps/s.1/partial.2/half": "2",
        "steps/s.1/partial/elsewhere": "3",
    }  # fmt: skip
    assert not (tmp_path / "empty").exists()
    discard(place=str(place))
    assert list(place.iterdir()) == []


def test_what_cannot_be_put_aside_stays_under_a_name_that_says_so(folder, tmp_path, other_disk):
    write(folder, attempt__half="1", out="half")
    place = str(tmp_path / "steps")
    told = put_aside([f"{folder}/attempt"], [f"{folder}/out"], place)
    assert told == [f"{folder}/attempt", f"{folder}/out.partial"]
    assert tree(folder) == {"attempt/half": "1", "out.partial": "half"}


def test_only_what_bears_the_name_of_an_attempt_is_discarded(tmp_path):
    write(tmp_path, precious__a="1", **{".gpucore-s-0.1__a": "2"})
    (tmp_path / ".gpucore-link").symlink_to("precious")
    names = ("precious", ".gpucore-s-0.1", ".gpucore-link", ".gpucore-none")
    discard(folders=[str(tmp_path / name) for name in names])
    assert tree(tmp_path) == {"precious/a": "1"}


def test_a_directory_is_fresh_or_refused(tmp_path):
    place = tmp_path / "deep" / "er"
    make_fresh(str(place), ours=False)
    write(place, left="x")
    with pytest.raises(FileExistsError):
        make_fresh(str(place), ours=False)
    make_fresh(str(place), ours=True)
    assert list(place.iterdir()) == []


def test_a_file_with_an_old_time_that_was_moved_is_known_to_have_come_since(tmp_path):
    write(tmp_path, out="copied with its time")
    os.utime(tmp_path / "out", (1e9, 1e9))
    path = str(tmp_path / "out")
    assert stamp_if_older(path, 1.5e18, moved=False) is not None
    assert stamp_if_older(path, 1.5e18, moved=True) is None
    assert stamp_if_older(str(tmp_path / "none"), 1.5e18, moved=True) is None
