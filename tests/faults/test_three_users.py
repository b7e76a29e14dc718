"""What others put in every place of ours: refused with the reason, not followed, not written to."""

from __future__ import annotations

import os
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command_line import COPY
from fault_hosts import report
from users import HUNG, Ended, Machine, User, machine_of_users

from gpucore.system.simulated import read_simulated

if TYPE_CHECKING:
    from collections.abc import Iterator

BAIT = 'gpus = ""\n'
"""A file of settings that nobody would notice."""

LEASE = f"{read_simulated('1', {})[0].uuid}.lease"
EXEC = ("exec", "--devices", "simulated:1", "--", "true")
MAP = ("map", "copy", "--adapter", "copy.toml", "item", "-o", "{out}")
RUN = ("run", "{job}")
STATUS = ("status", "{out}")
FILE = ("link", "dangling", "fifo", "folder", "foreign", "open")
FOLDER = ("link", "fifo", "file", "foreign", "open")
NOT_A_FILE = ("fifo", "folder", "open")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A path that gpucore opens or makes.

    Parameters
    ----------
    path : str
        Where it is, below the stage's own folder.
    kinds : tuple of str
        What is put there.
    call : tuple of str
        What meets it.
    folder : bool
        Whether it should be a folder.
    seen : str
        Where users see it.
    told : str
        What is said of it; by default its path.
    around : str
        Whose the folder around it is: ``alice``, ``shared`` (all may write), ``mallory``.
    environment, settings : tuple of pairs, str
        What makes it the place.
    passed_over : bool
        Whether another place is taken instead, and that is said.
    owner : str
        Whose the thing is.
    """

    path: str
    kinds: tuple[str, ...]
    call: tuple[str, ...] = MAP
    folder: bool = False
    seen: str = "{path}"
    told: str = "{seen}"
    around: str = "alice"
    environment: tuple[tuple[str, str], ...] = ()
    settings: str = ""
    passed_over: bool = False
    owner: str = "mallory"


LEASE_DIRECTORIES = {
    "configured": Place(
        path="{stage}/shared/leases",
        kinds=FOLDER,
        folder=True,
        call=EXEC,
        around="shared",
        settings='lease_directory = "{path}"',
    ),
    "system": Place(
        path="{stage}/lock/gpucore",
        seen="/run/lock/gpucore",
        kinds=("link", "fifo", "file", "foreign"),
        folder=True,
        call=("leases",),
        told="{seen} is no directory of root's",
        passed_over=True,
    ),
    "system, everybody's": Place(
        path="{stage}/lock/gpucore",
        seen="/run/lock/gpucore",
        kinds=("foreign",),
        folder=True,
        call=EXEC,
        owner="root",
    ),
    "runtime": Place(path="{stage}/run/gpucore", kinds=FOLDER, folder=True, call=EXEC),
    "user": Place(
        path="{stage}/tmp/gpucore-{uid}",
        seen="/var/tmp/gpucore-{uid}",  # noqa: S108 - one of the test's own in its place
        kinds=FOLDER,
        folder=True,
        call=EXEC,
        environment=(("XDG_RUNTIME_DIR", ""),),
    ),
}
_LEASES = 'lease_directory = "{stage}/leases"'
LEASE_FILES = {
    "everybody's": Place(
        path=f"{{stage}}/leases/{LEASE}",
        kinds=("link", "dangling", "fifo", "folder", "hardlink", "locked"),
        call=EXEC,
        around="root 1777",
        settings=_LEASES,
    ),
    "a group's": Place(
        path=f"{{stage}}/leases/{LEASE}",
        kinds=("link", "fifo", "folder", "hardlink", "locked"),
        call=EXEC,
        around="root 2770",
        settings=_LEASES,
        owner="bob",
    ),
    "one user's": Place(
        path=f"{{stage}}/leases/{LEASE}",
        kinds=("link", "fifo", "folder", "foreign"),
        call=EXEC,
        settings=_LEASES,
    ),
}
RUN_FOLDERS = {
    "output": Place(path="{out}", kinds=("link", "fifo", "file"), folder=True, around="shared"),
    ".gpucore": Place(path="{out}/.gpucore", kinds=FOLDER, folder=True),
    "runs": Place(path="{out}/.gpucore/runs", kinds=FOLDER, folder=True),
}
JOURNAL = {
    name: Place(path=f"{{out}}/.gpucore/{name}", kinds=kinds)
    for name, kinds in {
        "journal.sqlite": (*FILE, "hardlink"),
        "journal.sqlite-wal": ("link", "fifo", "foreign"),
        "journal.sqlite-shm": ("link", "fifo", "foreign"),
        "journal.sqlite-journal": ("link", "fifo", "foreign"),
        "journal.sqlite.mended": ("link", "fifo", "foreign"),
        "journal.sqlite.building": ("link", "fifo", "foreign"),
        "journal.head": ("link", "dangling", "fifo", "foreign", "hardlink"),
        "journal.summary": ("link", "dangling", "fifo", "foreign", "hardlink"),
        "journal.summary.new": ("link", "fifo", "foreign"),
        "journal.lock": ("link", "dangling", "fifo", "folder", "foreign", "hardlink"),
        "journal.where": ("link", "fifo", "folder", "foreign"),
    }.items()
}
OTHERS_JOURNAL = {
    ".gpucore": Place(path="{out}/.gpucore", call=STATUS, around="mallory", kinds=("link", "fifo")),
    **{
        name: Place(
            path=f"{{out}}/.gpucore/{name}",
            call=STATUS,
            around="mallory",
            kinds=("link", "fifo", "folder"),
        )
        for name in (
            "journal.sqlite",
            "journal.sqlite-wal",
            "journal.head",
            "journal.summary",
            "journal.where",
        )
    },
}
_NETWORK = (("TEST_NETWORK", "{out}"),)
STATE = {
    "gpucore": Place(path="{stage}/state/gpucore", kinds=FOLDER, folder=True, environment=_NETWORK),
    "journals": Place(
        path="{stage}/state/gpucore/journals", kinds=FOLDER, folder=True, environment=_NETWORK
    ),
}
SETTINGS = {
    "of the folder": Place(
        path="{stage}/shared/site/gpucore.toml",
        kinds=("link", "fifo", "folder", "foreign", "open"),
        around="shared",
    ),
    "of a folder above": Place(
        path="{stage}/shared/gpucore.toml", kinds=("link", "foreign"), around="shared"
    ),
    "of the user": Place(path="{stage}/config/gpucore/gpucore.toml", kinds=NOT_A_FILE),
    "given": Place(path="{stage}/given.toml", kinds=NOT_A_FILE, call=(*MAP, "--config", "{path}")),
    "a job": Place(path="{job}", kinds=NOT_A_FILE, call=RUN),
    "an adapter": Place(
        path="{stage}/one.toml", kinds=("fifo", "open"), call=(*MAP, "--adapter", "{path}")
    ),
}
OUTPUTS = {
    "an output": Place(
        path="{out}/item.out",
        kinds=("link", "dangling", "fifo", "folder", "foreign"),
        around="shared",
    ),
    "an output's folder": Place(
        path="{stage}/shared/sub",
        kinds=("link", "fifo", "file"),
        folder=True,
        around="shared",
        call=(*MAP, "--set", "dst={path}/item.out"),
    ),
}
ALL = {
    "lease directories": LEASE_DIRECTORIES,
    "lease files": LEASE_FILES,
    "run folders": RUN_FOLDERS,
    "journals": JOURNAL,
    "others' journals": OTHERS_JOURNAL,
    "state directories": STATE,
    "settings, jobs, adapters": SETTINGS,
    "outputs": OUTPUTS,
}


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
