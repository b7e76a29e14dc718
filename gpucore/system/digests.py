"""The hash of what a file or a folder holds, whatever its name and its times."""

from __future__ import annotations

import functools
import hashlib
import os
import stat

__all__ = ["content_digest"]

_SIZE = 32
_BLOCK = 1 << 20
_KEPT = 4096
"""How many files' hashes are remembered: a gain reference is an input of every step."""


def content_digest(path: str) -> str:
    """Return the hash (BLAKE2b, 256 bits) of a file's content, or of all that a folder holds.

    It is read in pieces of 1 MiB. A file that was read before is not read again while the kernel
    has not seen it change.

    Returns
    -------
    str
        In hexadecimal digits; empty when it cannot be read, or is neither a file nor a folder.
    """
    try:
        return _digest(path)
    except OSError:
        return ""


def _digest(path: str) -> str:
    facts = os.stat(path)  # noqa: PTH116 - names may be no Unicode
    if stat.S_ISDIR(facts.st_mode):
        return _of_folder(path)
    if not stat.S_ISREG(facts.st_mode):
        return ""  # a pipe would be waited for
    # The time of the last change of the inode cannot be set by anybody, unlike that of the content.
    times = (facts.st_mtime_ns, facts.st_ctime_ns)
    return _of_file(path, facts.st_dev, facts.st_ino, facts.st_size, times)


def _of_folder(path: str) -> str:
    """Return the hash of a folder: names and contents in order; a link counts as where it leads."""
    found = hashlib.blake2b(digest_size=_SIZE)
    for name in sorted(os.listdir(path)):  # noqa: PTH208 - as above
        below = f"{path}/{name}"
        kind = os.lstat(below).st_mode
        if stat.S_ISLNK(kind):
            content = f"link {os.readlink(below)}"  # noqa: PTH115 - as above
        else:
            content = f"{stat.S_IFMT(kind)} {_digest(below)}"
        found.update(f"{name}\0{content}\0".encode("utf-8", "surrogateescape"))
    return found.hexdigest()


@functools.lru_cache(maxsize=_KEPT)
def _of_file(path: str, device: int, inode: int, size: int, times: tuple[int, int]) -> str:  # noqa: ARG001 - what is remembered goes by them
    found = hashlib.blake2b(digest_size=_SIZE)
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - as above
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()
