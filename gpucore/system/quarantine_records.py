"""The record of one device: a small JSON file, read as what a stranger may have written."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import stat
import threading

from gpucore.errors import InternalError
from gpucore.scheduling.standing import Level, Standing
from gpucore.system.files import safe_name
from gpucore.system.lease_files import user_name

__all__ = ["MOST_TEXT", "SUFFIX", "own_name", "read_record", "record_of", "write_record"]

SUFFIX = ".device"
MOST_TEXT = 1000

_FORM = 1
_MOST_BYTES = 1 << 16
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_DAMAGED = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    InternalError,
)


def own_name(uuid: str) -> str:
    """Return what this user's record of a device is called."""
    return f"{safe_name(uuid)}.{os.geteuid()}{SUFFIX}"


def record_of(name: str, uuid: str) -> bool:
    """Say whether a file is called like a record of a device, this user's or another's."""
    return name.endswith(SUFFIX) and name.startswith(f"{safe_name(uuid)}.")


def read_record(folder: int, around: os.stat_result, name: str) -> tuple[str, Standing]:
    """Return the device of one record, and how it stands.

    Parameters
    ----------
    folder : int
        Descriptor of the folder.
    around : os.stat_result
        Whose that is, and who may write to it.
    name : str
        The file.

    Raises
    ------
    OSError, ValueError
        When it is none, or does not count.
    """
    descriptor = os.open(name, _READ, dir_fd=folder)
    try:
        facts = os.fstat(descriptor)
        if fault := _file_fault(facts, around):
            raise ValueError(fault)
        raw = os.read(descriptor, _MOST_BYTES)
    finally:
        os.close(descriptor)
    try:
        uuid, standing = _parsed(json.loads(raw))
    except _DAMAGED as error:
        raise ValueError("it is damaged") from error
    if not record_of(name, uuid):
        raise ValueError("it is about another device than it is called after")
    return uuid, standing


def write_record(folder: int, name: str, uuid: str, standing: Standing) -> None:
    """Put a record in its place whole: who reads meanwhile sees the old one or the new one.

    Raises
    ------
    OSError
        When the disk is full, for example.
    """
    aside = f".{name}.{os.getpid()}.{threading.get_ident()}"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(aside, dir_fd=folder)
    text = _text(uuid, standing)
    descriptor = os.open(aside, _NEW, 0o644, dir_fd=folder)
    try:
        try:
            os.fchmod(descriptor, 0o644)  # whatever the umask: others are to heed it
            if os.write(descriptor, text) != len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(aside, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(aside, dir_fd=folder)
        raise


def _file_fault(facts: os.stat_result, around: os.stat_result) -> str:
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
        return "it is no plain file of one name"
    if facts.st_size > _MOST_BYTES:
        return "it is too large"
    trusted = {0, os.geteuid()}
    members = around.st_uid == 0 and around.st_mode & _OTHERS == stat.S_IWGRP
    if facts.st_uid not in trusted and not members:
        return f"it belongs to another user ({user_name(facts.st_uid)})"
    if facts.st_mode & stat.S_IWOTH:
        return "everybody may write to it"
    return ""


def _parsed(data: object) -> tuple[str, Standing]:
    if not isinstance(data, dict) or data["form"] != _FORM:
        raise ValueError
    texts = {key: data[key] for key in ("uuid", "reason", "remedy", "boot", "by")}
    times = {key: data[key] for key in ("since", "until")}
    level, hard = Level[data["level"].upper()], data["hard"]
    if not all(isinstance(one, str) and len(one) <= MOST_TEXT for one in texts.values()):
        raise TypeError
    if not isinstance(hard, bool) or not texts["uuid"] or level is Level.GOOD:
        raise TypeError
    for one in times.values():
        if isinstance(one, bool) or not isinstance(one, (int, float)) or not math.isfinite(one):
            raise TypeError
        if one < 0:
            raise ValueError
    standing = Standing(
        level=level,
        reason=texts["reason"],
        remedy=texts["remedy"],
        since=float(times["since"]),
        until=float(times["until"]),
        hard=hard,
        boot=texts["boot"],
        by=texts["by"],
    )
    if not standing.lasting or (standing.until and standing.until < standing.since):
        raise ValueError
    return texts["uuid"], standing


def _text(uuid: str, standing: Standing) -> bytes:
    record = {
        "form": _FORM,
        "uuid": uuid,
        "level": standing.level.name.lower(),
        "reason": standing.reason,
        "remedy": standing.remedy,
        "since": standing.since,
        "until": standing.until,
        "hard": standing.hard,
        "boot": standing.boot,
        "by": standing.by,
    }
    return json.dumps(record, indent=2).encode("ascii") + b"\n"
