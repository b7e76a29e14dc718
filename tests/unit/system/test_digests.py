"""Hashes of what files and folders hold."""

from __future__ import annotations

import hashlib
import os

import pytest

from gpucore.system.digests import content_digest

OLD = (1_000_000_000, 1_000_000_000)


def test_a_file_is_known_by_its_content_alone(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"x" * 3_000_000)
    two.write_bytes(b"x" * 3_000_000)
    os.utime(two, OLD)
    expected = hashlib.blake2b(b"x" * 3_000_000, digest_size=32).hexdigest()
    assert content_digest(str(one)) == content_digest(str(two)) == expected


def test_a_change_that_keeps_size_and_time_is_seen(tmp_path):
    file = tmp_path / "file"
    file.write_text("one")
    os.utime(file, OLD)
    before = content_digest(str(file))
    other = tmp_path / "other"
    other.write_text("two")
    os.utime(other, OLD)
    other.replace(file)
    assert content_digest(str(file)) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a").write_text("other"),
        lambda folder: (folder / "a").rename(folder / "c"),
        lambda folder: (folder / "below" / "new").mkdir(),
        lambda folder: (folder / "below" / "b").unlink(),
        lambda folder: (folder / "link").unlink() or (folder / "link").symlink_to("below"),
    ],
)
def test_a_folder_is_known_by_all_that_it_holds(tmp_path, change):
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    (folder / "a").write_text("a")
    (folder / "below" / "b").write_text("b")
    (folder / "link").symlink_to("a")
    before = content_digest(str(folder))
    os.utime(folder / "a", OLD)
    os.utime(folder, OLD)
    assert content_digest(str(folder)) == before
    change(folder)
    assert content_digest(str(folder)) != before


def test_what_cannot_be_read_has_no_hash_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert content_digest(str(tmp_path / "pipe")) == ""
    assert content_digest(str(tmp_path / "missing")) == ""
