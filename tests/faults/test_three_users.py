"""What others put in every place of ours: refused with the reason, not followed, not written to."""

from __future__ import annotations

import os
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command_line import COPY
from fault_hosts import report
from foreign_places import ALL, BAIT, EXEC, Place
from users import HUNG, Ended, Machine, User, machine_of_users

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stage:
    """What one case is played on: alice's own folders, and one where everybody may write."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.folder = Path(tempfile.mkdtemp(dir=machine.base))
        self.folder.chmod(0o755)
        alice = machine.alice
        for one in ("home", "run", "state", "config"):
            self._made(one, alice, 0o700)
        self.precious = self.folder / "home" / "precious"
        self.precious.write_text(BAIT)
        alice.own(self.precious, 0o600)
        self._made("home/keep", alice, 0o755)
        self.mounts = {
            self.folder / "lock": "/run/lock",
            self.folder / "tmp": "/var/tmp",  # noqa: S108 - mounted over
        }
        for path in (self.folder / "shared", *self.mounts):
            path.mkdir()
            path.chmod(0o1777)
        self.work = self._made("shared/site", alice, 0o755)
        for file, text in (("copy.toml", COPY), ("item", "an item\n")):
            (self.work / file).write_text(text)
        self.out = self.folder / "shared" / "out"

    def _made(self, name: str, user: User, mode: int) -> Path:
        path = self.folder / name
        path.mkdir()
        return user.own(path, mode)

    def fill(self, text: str, place: Place) -> str:
        """Return a text with what it names."""
        path = place.path if "{path}" in text or "{seen}" in text else ""
        for key, value in (
            ("told", place.told),
            ("seen", place.seen),
            ("path", path),
            ("out", str(self.out)),
            ("job", str(self.folder / "job.toml")),
            ("stage", str(self.folder)),
            ("uid", str(self.machine.alice.uid)),
        ):
            text = text.replace(f"{{{key}}}", value)
        return text

    def prepare(self, place: Place) -> Path:
        """Make what stands around a place; return its path."""
        path = Path(self.fill(place.path, place))
        machine = self.machine
        missing = [one for one in (path, *path.parents) if not one.exists()][:0:-1]
        for one in missing:
            one.mkdir()
            (machine.mallory if place.around == "mallory" else machine.alice).own(one, 0o755)
        if place.around == "shared" and path.parent != self.work:
            os.chown(path.parent, machine.alice.uid, machine.alice.gid)
            path.parent.chmod(0o1777)
        elif place.around == "shared":
            path.parent.chmod(0o1777)
        elif place.around.startswith("root"):
            os.chown(path.parent, 0, machine.bob.gid)
            path.parent.chmod(int(place.around.split()[1], 8))
        elif place.settings:
            path.parent.chmod(0o700)
        if place.settings:
            settings = self._made("config/gpucore", machine.alice, 0o700) / "gpucore.toml"
            settings.write_text(self.fill(place.settings, place))
        return path

    def plant(self, kind: str, path: Path, place: Place) -> None:
        """Put something in a place."""
        user: User = getattr(self.machine, place.owner, User("root", 0, 0))
        if kind in {"link", "dangling"}:
            kept = self.precious.with_name("keep") if place.folder else self.precious
            path.symlink_to(self.precious.with_name("new") if kind == "dangling" else kept)
            user.own(path)
        elif kind == "hardlink":
            path.hardlink_to(self.precious)
        elif kind == "fifo":
            os.mkfifo(path)
            user.own(path, 0o666)
        elif kind == "folder" or (place.folder and kind in {"foreign", "open"}):
            path.mkdir()
            (path / "bait").write_text(BAIT)
            (self.machine.alice if kind == "open" else user).own(path, 0o777)
        else:
            path.write_text(BAIT)
            mode = 0o600 if kind == "locked" else 0o666
            (self.machine.alice if kind == "open" else user).own(path, mode)

    def call(self, place: Place) -> Ended:
        """Let alice run what meets the place."""
        alice = self.machine.alice
        return self.machine.run(
            alice,
            *(self.fill(one, place) for one in place.call),
            cwd=self.work,
            groups=(self.machine.bob.gid,),
            mounts=self.mounts,
            environment={
                "HOME": str(self.folder / "home"),
                "XDG_RUNTIME_DIR": str(self.folder / "run"),
                "XDG_STATE_HOME": str(self.folder / "state"),
                "XDG_CONFIG_HOME": str(self.folder / "config"),
                "GPUCORE_GPUS": "0" if place.call == EXEC else "",
                **{name: self.fill(text, place) for name, text in place.environment},
            },
        )


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with machine_of_users() as made:
        yield made


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("which", ALL)
def test_what_another_user_put_in_our_place_is_refused_with_the_reason_and_left_alone(
    machine: Machine, which: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [(name, place, kind) for name, place in ALL[which].items() for kind in place.kinds]
    with ThreadPoolExecutor(4) as pool:
        faults = [one for one in pool.map(partial(fault_of, machine), cases) if one]
    report(
        capsys,
        f"{len(cases)} things of others in place of {which}: {len(cases) - len(faults)} refused, "
        f"{len(faults)} not",
    )
    assert not faults, "\n".join(faults)


def test_every_place_is_met_sixty_times_and_more() -> None:
    assert sum(len(place.kinds) for places in ALL.values() for place in places.values()) >= 60


def fault_of(machine: Machine, case: tuple[str, Place, str]) -> str:
    """Play one case; return what was wrong with it."""
    name, place, kind = case
    stage = Stage(machine)
    path = stage.prepare(place)
    stage.plant(kind, path, place)
    before = {**tree(path), **tree(stage.folder / "home")}
    ended = stage.call(place)
    after = {**tree(path), **tree(stage.folder / "home")}
    wrong = verdict(ended, place, stage.fill(place.told, place))
    if after != before:
        wrong.append(f"touched {sorted(set(before.items()) ^ set(after.items()))}")
    return f"{name}, {kind}: {'; '.join(wrong)}: {ended.said[-1000:]}" if wrong else ""


def verdict(ended: Ended, place: Place, told: str) -> list[str]:
    """Return what is wrong with how a command ended."""
    wrong = []
    if ended.code == HUNG:
        wrong.append("hung")
    if "Traceback" in ended.said or "internal fault" in ended.said:
        wrong.append("a fault of ours")
    if not place.passed_over and ended.code not in {1, 2, 3}:
        wrong.append(f"exit code {ended.code}")
    if told not in ended.said:
        wrong.append(f"does not say {told}")
    return wrong


def tree(top: Path) -> dict[str, object]:
    """Return all that lies below a path, itself included, and links not followed."""
    found: dict[str, object] = {}
    left = [top]
    while left:
        path = left.pop()
        try:
            facts = path.lstat()
        except FileNotFoundError:
            continue
        content = path.read_bytes() if stat.S_ISREG(facts.st_mode) else b""
        if stat.S_ISLNK(facts.st_mode):
            content = bytes(path.readlink())
        if stat.S_ISDIR(facts.st_mode):
            left += path.iterdir()
        found[str(path)] = (facts.st_mode, facts.st_uid, facts.st_mtime_ns, facts.st_nlink, content)
    return found
