"""Where the journal of an output folder lies, who may use it, and that only one writes it.

What lies at a path of ours is looked at before SQLite opens it: nothing but a plain file of our
own is used. SQLite opens by name, so whoever may write in the folder could still put a link there
between the look and the opening; a folder that others may write to is theirs to spoil.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
import stat
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError
from gpucore.system import filesystems
from gpucore.system.ownership import FILE_MODE, make_own_folder, refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Place",
    "find_place",
    "local_place",
    "lock_place",
    "make_folder",
    "read_head",
    "state_home",
]

_FLOCK = struct.Struct("hhqqi0q")  # struct flock of 64-bit Linux
_HEAD = 41


@dataclass(frozen=True, kw_only=True)
class Place:
    """The files of one journal.

    Parameters
    ----------
    folder : Path
        They lie in it.
    note : str
        What its user should know of the place; empty when it is the usual one.
    """

    folder: Path
    note: str = ""

    @property
    def journal(self) -> Path:
        """The database."""
        return self.folder / "journal.sqlite"

    @property
    def wal(self) -> Path:
        """What SQLite has not folded into the database yet."""
        return self.folder / "journal.sqlite-wal"

    @property
    def shm(self) -> Path:
        """SQLite's index of the WAL."""
        return self.folder / "journal.sqlite-shm"

    @property
    def mended(self) -> Path:
        """A journal made of a damaged one's prefix, whole, that is to take its place."""
        return self.folder / "journal.sqlite.mended"

    @property
    def building(self) -> Path:
        """The same while it is made."""
        return self.folder / "journal.sqlite.building"

    @property
    def head(self) -> Path:
        """How many events there were at least, by which a clean cut is noticed."""
        return self.folder / "journal.head"

    @property
    def lock(self) -> Path:
        """Locked by the process that writes."""
        return self.folder / "journal.lock"

    @property
    def summary(self) -> Path:
        """What a long journal says of its steps, in short."""
        return self.folder / "journal.summary"

    @property
    def summarising(self) -> Path:
        """The same while it is written."""
        return self.folder / "journal.summary.new"

    def check(self, *, own: bool) -> None:
        """Refuse what is no plain file, or, to write, not ours.

        Raises
        ------
        GpucoreError
            Names the file.
        """
        usual = (self.journal, self.wal, self.shm, self.mended, self.head, self.lock, self.summary)
        for path in usual:
            refuse(path, own=own)
        if own:
            refuse(self.building, own=True)
            refuse(self.summarising, own=True)
            # SQLite would roll the database back by what lies in these.
            for path in (self.journal, self.building):
                refuse(path.with_name(f"{path.name}-journal"), own=True)

    @property
    def foreign(self) -> bool:
        """Whether the journal is another user's, or lies where we cannot write."""
        try:
            owner = os.lstat(self.journal).st_uid
        except OSError:
            return False
        return owner != os.geteuid() or not os.access(self.folder, os.W_OK)


def state_home(environment: Mapping[str, str]) -> Path:
    """Return the user's directory for state on this machine (XDG Base Directory Specification)."""
    told = environment.get("XDG_STATE_HOME", "")
    return Path(told) if told.startswith("/") else Path.home() / ".local" / "state"


def find_place(output: Path, state_home: Path, *, own: bool) -> Place:
    """Return where the journal of an output folder lies.

    Parameters
    ----------
    output : Path
        The output folder.
    state_home : Path
        The machine's local state directory.
    own : bool
        Whether it is to be written.

    Raises
    ------
    GpucoreError
        When it lies on another machine, or something that is not ours lies in its place.
    """
    folder = output / ".gpucore"
    refuse(folder, own=own, directory=True)
    refuse(_pointer(output), own=own)
    told = _read_pointer(output)
    if told is not None:
        path, host = told
        if host != socket.gethostname():
            raise GpucoreError(
                f"the journal of `{output}` lies on the machine `{host}`, in {path}",
                hint=f"go on there, or remove {_pointer(output)} when that machine is gone",
                code="E714",
            )
        return Place(folder=path, note=_note(output, path))
    usual = Place(folder=folder)
    if filesystems.wal_works(folder):
        return usual
    if not own and usual.journal.exists():
        return usual
    return local_place(output, state_home)


def local_place(output: Path, state_home: Path) -> Place:
    """Return the place in the machine's local state directory."""
    real = os.fsencode(os.path.realpath(output))
    name = hashlib.blake2b(real, digest_size=12).hexdigest()
    path = state_home / "gpucore" / "journals" / name
    return Place(folder=path, note=_note(output, path))


def make_folder(place: Place, output: Path) -> None:
    """Make the journal's folder, and the pointer to it when it lies elsewhere.

    Raises
    ------
    GpucoreError
        When it cannot be written.
    """
    beside = output / ".gpucore"
    try:
        make_own_folder(beside)
        if place.folder == beside:
            _sync_folder(output)
            return
        _make_private(place.folder)
        if _read_pointer(output) is None:
            _write_pointer(output, place.folder)
    except OSError as error:
        raise GpucoreError(
            f"the journal's folder `{place.folder}` cannot be made ({error.strerror})",
            hint="write to another output folder",
            code="E721",
        ) from error


def lock_place(place: Place, who: str) -> int:
    """Take the writer's lock; return the descriptor that holds it until it is closed.

    Parameters
    ----------
    place : Place
        The journal's.
    who : str
        One line about the writer, for whoever is refused.

    Raises
    ------
    GpucoreError
        When another process, or another part of this one, writes the journal.
    """
    descriptor = open_own(place.lock)
    try:
        want = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, want)
    except OSError as error:
        holder = os.pread(descriptor, 500, 0).decode("utf-8", "replace").strip()
        os.close(descriptor)
        raise GpucoreError(
            f"another run still writes the journal in `{place.folder}`: {holder or 'a process'}",
            hint="wait until it has ended, or end it",
            code="E713",
        ) from error
    with suppress(OSError):  # a full disk; the lock holds, it only bears no name
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{who}\n".encode("utf-8", "surrogateescape"), 0)
    return descriptor


def open_own(path: Path) -> int:
    """Open a small file of ours to read and write, made if need be; follow no link.

    Raises
    ------
    GpucoreError
        When it cannot be opened, or is none of ours.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, FILE_MODE)
    except OSError as error:
        raise GpucoreError(f"`{path}` cannot be opened ({error.strerror})", code="E721") from error
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid():
        os.close(descriptor)
        raise GpucoreError(f"`{path}` is no plain file of this user", hint="remove it", code="E720")
    return descriptor


def head_line(count: int) -> bytes:
    """Return the content of the head file: a count that proves itself."""
    digits = b"%020d" % count
    return digits + b" " + hashlib.blake2b(digits, digest_size=10).hexdigest().encode()


def read_head(place: Place) -> int | None:
    """Return how many events there were at least; None when nothing says so."""
    try:
        descriptor = os.open(place.head, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        line = os.read(descriptor, _HEAD)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    count = line[:20]
    return int(count) if count.isdigit() and head_line(int(count)) == line else None


def _note(output: Path, path: Path) -> str:
    kind = filesystems.file_system_of(output) or "a file system"
    return (
        f"`{output}` lies on {kind}, where the journal cannot be kept safely: it lies in {path} "
        f"on {socket.gethostname()}"
    )


def _pointer(output: Path) -> Path:
    return output / ".gpucore" / "journal.where"


def _read_pointer(output: Path) -> tuple[Path, str] | None:
    pointer = _pointer(output)
    try:
        descriptor = os.open(pointer, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise GpucoreError(f"`{pointer}` cannot be read ({error.strerror})", code="E711") from error
    try:
        text = os.read(descriptor, 10_000)
    except OSError as error:
        raise GpucoreError(f"`{pointer}` cannot be read ({error.strerror})", code="E711") from error
    finally:
        os.close(descriptor)
    facts = dict(line.partition(b"=")[::2] for line in text.split(b"\n"))
    path, host = os.fsdecode(facts.get(b"path", b"")), os.fsdecode(facts.get(b"host", b""))
    if not path.startswith("/") or "\0" in path or not host:
        raise GpucoreError(
            f"`{pointer}` does not say where the journal lies",
            hint=f"remove it to look for the journal in {pointer.parent}",
            code="E711",
        )
    return Path(path), host


def _write_pointer(output: Path, path: Path) -> None:
    pointer = _pointer(output)
    aside = pointer.with_name(f"journal.where.{os.getpid()}")
    aside.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(aside, flags, FILE_MODE)
    try:
        whole = os.fsencode(os.path.abspath(path))  # noqa: PTH100 - links are kept
        os.write(descriptor, b"path=" + whole + b"\nhost=" + socket.gethostname().encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    aside.replace(pointer)
    _sync_folder(pointer.parent)


def _make_private(folder: Path) -> None:
    """Make a folder in the state directory, and the two above it that are gpucore's own."""
    folder.parent.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for one in (folder.parent.parent, folder.parent, folder):
        # A link of this user's own may lead to a larger disk.
        own = Path(os.path.realpath(one)) if _is_own_link(one) else one
        refuse(own, own=True, directory=True)
        own.mkdir(mode=0o700, exist_ok=True)
        refuse(own, own=True, directory=True)


def _is_own_link(path: Path) -> bool:
    try:
        facts = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISLNK(facts.st_mode) and facts.st_uid == os.geteuid()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
