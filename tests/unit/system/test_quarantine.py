"""What is remembered of devices on this machine: kept whole, trusted only where it may be."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpucore.scheduling.health import Change, Health, Level, Standing
from gpucore.system import quarantine
from gpucore.system.orphans import boot_id
from gpucore.system.quarantine import QuarantineStore, find_quarantine_store
from gpucore.system.quarantine_records import SUFFIX, own_name

A, B = "GPU-aaaa", "GPU-bbbb"
STRANGER = 12345
HARD = Standing(
    level=Level.QUARANTINED,
    reason="it has fallen off the bus (Xid 79)",
    remedy="restart the machine",
    since=1000.5,
    hard=True,
)
SOFT = Standing(
    level=Level.QUARANTINED, reason="steps failed", remedy="wait", since=10.0, until=610.0
)
TRIAL = Standing(level=Level.AVOIDED, reason="on trial", remedy="nothing", since=10.0, until=610.0)
BY_HAND = Standing(
    level=Level.QUARANTINED, reason="a fan", remedy="enable it", since=10.0, hard=True, by="alice"
)
PASSING = Standing(level=Level.QUARANTINED, reason="the driver hangs", remedy="wait", since=10.0)
GOOD = Standing(level=Level.GOOD)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give files away")


@pytest.fixture
def store(tmp_path: Path) -> QuarantineStore:
    return find_quarantine_store(tmp_path / "state")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that an administrator made for all users of a machine."""
    folder = tmp_path / "machine"
    folder.mkdir()
    folder.chmod(0o2770)
    monkeypatch.setattr(quarantine, "MACHINE", folder)
    return folder


def kept(store: QuarantineStore, uuid: str, standing: Standing) -> Path:
    """Keep one, and return its file."""
    assert store.keep(uuid, standing) == ""
    return store.folder / own_name(uuid)


def with_boot(standing: Standing) -> Standing:
    return Standing(**{**vars(standing), "boot": boot_id()})


@pytest.mark.parametrize(
    "standing", [HARD, SOFT, TRIAL, BY_HAND], ids=["hard", "soft", "trial", "by hand"]
)
def test_what_is_kept_is_read_again_by_the_next_run(
    store: QuarantineStore, tmp_path: Path, standing: Standing
) -> None:
    kept(store, A, standing)
    again = find_quarantine_store(tmp_path / "state")
    assert again.read() == {A: with_boot(standing)}
    assert again.notes == ()


def test_nothing_is_made_before_there_is_something_to_keep(
    store: QuarantineStore, tmp_path: Path
) -> None:
    assert store.read() == {}
    assert store.forget(A) == ""
    assert store.keep(A, PASSING) == store.keep(A, GOOD) == ""
    assert not list(tmp_path.iterdir())


def test_what_is_forgotten_is_gone_and_the_rest_stays(store: QuarantineStore) -> None:
    kept(store, A, HARD)
    kept(store, B, SOFT)
    assert store.forget(A) == ""
    assert set(store.read()) == {B}


def test_a_uuid_that_begins_like_another_is_another(store: QuarantineStore) -> None:
    for uuid in ("GPU-1", "GPU-1.5", "GPU-11"):
        kept(store, uuid, HARD)
    store.forget("GPU-1")
    assert set(store.read()) == {"GPU-1.5", "GPU-11"}


@pytest.mark.parametrize("uuid", ["../../etc/x", "a/b", "…", "\ud800", "\0", "x" * 500, "-rf", "."])
def test_a_uuid_is_never_a_path(store: QuarantineStore, tmp_path: Path, uuid: str) -> None:
    kept(store, uuid, HARD)
    assert set(store.read()) == {uuid}
    assert {one.parent for one in tmp_path.rglob("*") if one.is_file()} == {store.folder}
    assert store.forget(uuid) == ""
    assert not list(store.folder.iterdir())


def test_a_later_record_takes_the_place_of_the_earlier(store: QuarantineStore) -> None:
    kept(store, A, SOFT)
    kept(store, A, HARD)
    assert store.read()[A].hard
    assert len(list(store.folder.iterdir())) == 1


def test_a_hard_quarantine_of_an_earlier_boot_ends_with_the_first_clean_look(
    store: QuarantineStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for uuid, standing in ((A, HARD), (B, TRIAL)):
        kept(store, uuid, standing)
    monkeypatch.setattr(quarantine, "boot_id", lambda: "another boot")
    for standing in store.read().values():
        assert standing.level is Level.QUARANTINED
        assert not standing.hard
        assert not standing.until


def test_what_a_user_said_by_hand_outlasts_every_boot(
    store: QuarantineStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(store, A, BY_HAND)
    monkeypatch.setattr(quarantine, "boot_id", lambda: "another boot")
    assert store.read()[A].hard


def test_where_the_kernel_names_no_boot_none_ends_a_quarantine(
    store: QuarantineStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(store, A, HARD)
    monkeypatch.setattr(quarantine, "boot_id", lambda: "")
    assert store.read()[A].hard


def change(before: Standing, after: Standing) -> Change:
    return Change(uuid=A, before=before, after=after)


def test_the_store_follows_what_a_run_finds(store: QuarantineStore) -> None:
    steps = [
        (GOOD, SOFT, True), (SOFT, TRIAL, True), (TRIAL, SOFT, True), (SOFT, GOOD, False),
        (GOOD, PASSING, False), (PASSING, GOOD, False), (GOOD, HARD, True),
    ]  # fmt: skip
    for before, after, remembered in steps:
        assert store.follow(change(before, after)) == ""
        assert (A in store.read()) is remembered


def test_a_driver_that_hangs_meanwhile_makes_nothing_forgotten(store: QuarantineStore) -> None:
    unknown = Standing(level=Level.UNKNOWN, reason="it hangs", remedy="wait")
    store.follow(change(GOOD, TRIAL))
    store.follow(change(TRIAL, unknown))
    assert A in store.read()
    store.follow(change(unknown, GOOD))
    assert A not in store.read()


def test_what_a_user_said_is_neither_forgotten_nor_repeated_by_a_run(
    store: QuarantineStore,
) -> None:
    file = kept(store, A, BY_HAND)
    before = file.stat().st_mtime_ns
    store.read()
    for one in (change(GOOD, BY_HAND), change(BY_HAND, GOOD), change(BY_HAND, PASSING)):
        assert store.follow(one) == ""
    assert file.stat().st_mtime_ns == before


def test_a_record_of_an_earlier_boot_is_forgotten_when_the_device_is_found_clean(
    store: QuarantineStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(store, A, HARD)
    monkeypatch.setattr(quarantine, "boot_id", lambda: "another boot")
    before = store.read()[A]
    store.follow(change(before, GOOD))
    assert store.read() == {}


def test_only_this_user_may_look_into_a_state_folder_of_ones_own(store: QuarantineStore) -> None:
    kept(store, A, HARD)
    for folder in (store.folder, store.folder.parent, store.folder.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_is_said_and_nothing_is_raised(tmp_path: Path) -> None:
    (tmp_path / "gpucore").write_text("a file in its place")
    store = find_quarantine_store(tmp_path)
    assert "not remembered" in store.keep(A, HARD)
    assert store.read() == {}
    assert store.forget(A) == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_a_disk_that_is_full_leaves_the_earlier_record(
    store: QuarantineStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(store, A, SOFT)
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, text: real(fd, text[:10]))
    assert "No space left" in store.keep(A, HARD)
    monkeypatch.undo()
    assert store.read() == {A: with_boot(SOFT)}
    assert len(list(store.folder.iterdir())) == 1


def test_a_link_of_ones_own_to_a_larger_disk_is_followed(tmp_path: Path) -> None:
    (tmp_path / "large").mkdir(mode=0o700)
    (tmp_path / "gpucore").symlink_to(tmp_path / "large")
    store = find_quarantine_store(tmp_path)
    kept(store, A, HARD)
    assert (tmp_path / "large" / "devices" / own_name(A)).exists()


@pytest.mark.parametrize(
    "kind", ["link", "dangling", "fifo", "folder", "hard link", "open", "large"]
)
def test_what_lies_in_a_records_place_is_passed_over_with_a_note(
    store: QuarantineStore, tmp_path: Path, kind: str
) -> None:
    kept(store, B, HARD)
    file = kept(store, A, HARD)
    aside = tmp_path / "aside"
    file.rename(aside)
    if kind in {"link", "dangling"}:
        file.symlink_to(aside if kind == "link" else tmp_path / "nowhere")
    elif kind == "fifo":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "hard link":
        file.hardlink_to(aside)
    elif kind == "open":
        aside.rename(file)
        file.chmod(0o666)
    else:
        file.write_bytes(b" " * (1 << 17) + aside.read_bytes())
    assert set(store.read()) == {B}
    (note,) = store.notes
    assert str(file) in note


@as_root
def test_another_users_record_counts_for_nothing(store: QuarantineStore) -> None:
    file = kept(store, A, HARD)
    os.chown(file, STRANGER, STRANGER)
    assert store.read() == {}
    assert "belongs to another user" in store.notes[0]


@as_root
@pytest.mark.parametrize(
    ("mode", "counts"), [(0o2770, True), (0o1777, False), (0o755, False)],
    ids=["a group's", "everybody's", "root's alone"],
)  # fmt: skip
def test_in_a_group_of_users_each_ones_word_counts_for_all(
    machine: Path, tmp_path: Path, mode: int, counts: bool
) -> None:
    store = find_quarantine_store(tmp_path / "state")
    assert store.shared
    file = kept(store, A, HARD)
    os.chown(file, STRANGER, STRANGER)
    machine.chmod(mode)
    assert (A in store.read()) is counts
    assert bool(store.notes) is not counts


@as_root
def test_what_lies_in_the_machines_place_and_is_not_roots_is_not_used(
    machine: Path, tmp_path: Path
) -> None:
    own = tmp_path / "state" / "gpucore" / "devices"
    os.chown(machine, STRANGER, STRANGER)
    assert find_quarantine_store(tmp_path / "state").folder == own
    os.chown(machine, 0, 0)
    machine.chmod(0o777)
    assert find_quarantine_store(tmp_path / "state").folder == own
    machine.rename(tmp_path / "elsewhere")
    machine.symlink_to(tmp_path / "elsewhere")
    assert find_quarantine_store(tmp_path / "state").folder == own


@as_root
def test_who_may_not_write_to_the_machines_folder_heeds_what_root_wrote_there(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    kept(find_quarantine_store(state), A, BY_HAND)
    monkeypatch.setattr(quarantine.os, "access", lambda *_, **__: False)
    store = find_quarantine_store(state)
    assert not store.shared
    kept(store, B, SOFT)
    assert set(store.read()) == {A, B}


def test_of_two_records_of_a_device_the_graver_counts_and_both_are_forgotten(
    tmp_path: Path,
) -> None:
    own, others = QuarantineStore(tmp_path / "one" / "d"), QuarantineStore(tmp_path / "two" / "d")
    kept(own, A, SOFT)
    kept(others, A, HARD)
    both = QuarantineStore(own.folder, (others.folder,))
    assert both.read()[A].hard
    assert both.forget(A) == ""
    assert both.read() == {}


@as_root
def test_a_record_that_this_user_may_not_remove_is_named(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = find_quarantine_store(tmp_path / "state")
    file = kept(store, A, BY_HAND)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(quarantine.os, "unlink", refuse)
    assert str(file) in store.forget(A)
    assert "root" in store.forget(A)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
KEYS = ["form", "uuid", "level", "reason", "remedy", "since", "until", "hard", "boot", "by"]


@pytest.mark.slow
@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(st.sampled_from(KEYS), JSON), st.sets(st.sampled_from(KEYS)))
def test_a_record_with_any_value_is_whole_or_passed_over(
    store: QuarantineStore, values: dict[str, object], left_out: set[str]
) -> None:
    file = kept(store, A, HARD)
    record = {**json.loads(file.read_text()), **values}
    file.write_text(json.dumps({key: one for key, one in record.items() if key not in left_out}))
    read_fine(store)


@pytest.mark.slow
@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 400), st.integers(0, 400), st.binary(max_size=30))
def test_a_record_with_any_bytes_is_whole_or_passed_over(
    store: QuarantineStore, start: int, end: int, between: bytes
) -> None:
    file = kept(store, A, HARD)
    text = file.read_bytes()
    file.write_bytes(text[:start] + between + text[end:])
    read_fine(store)


@pytest.mark.parametrize(
    "text",
    ["", "[" * 60_000, "null", "[]", "{}", '{"form": 1}', "1e999", '{"form": NaN}', "9" * 5000],
)
def test_what_is_no_record_is_passed_over(store: QuarantineStore, text: str) -> None:
    kept(store, A, HARD).write_text(text)
    assert store.read() == {}
    assert len(store.notes) == 1


def read_fine(store: QuarantineStore) -> None:
    found = store.read()
    assert len(found) + len(store.notes) == 1
    for standing in found.values():
        assert standing.reason
        assert standing.remedy
    Health([A], found).tick(1e9)


def test_a_record_called_after_another_device_is_passed_over(store: QuarantineStore) -> None:
    kept(store, A, HARD).rename(store.folder / own_name(B))
    assert store.read() == {}
    assert "another device" in store.notes[0]


def test_other_files_in_the_folder_are_not_looked_at(store: QuarantineStore) -> None:
    kept(store, A, HARD)
    (store.folder / "README").write_text("notes")
    (store.folder / f".{own_name(A)}.4711.1").write_text("half")
    (store.folder / f"sub{SUFFIX}").mkdir()
    assert set(store.read()) == {A}
    assert len(store.notes) == 1
