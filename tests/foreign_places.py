"""The places of ours in which another user may have put something: what is called, what is said."""

from __future__ import annotations

from dataclasses import dataclass

from gpucore.system.simulated import read_simulated

__all__ = ["ALL", "BAIT", "EXEC", "Place"]

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
