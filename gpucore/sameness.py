"""What says that a step is still the one on record: its command, and the state of its files."""

from __future__ import annotations

import hashlib
import os
from itertools import compress, count
from operator import is_not
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from gpucore.system.digests import content_digest
from gpucore.system.journal_records import Fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gpucore.standard.adapter import Adapter
    from gpucore.standard.params import Values
    from gpucore.standard.step import Step

__all__ = ["Sameness"]

_State: TypeAlias = tuple[int, int, str]
"""Size, modification time and hash of a file."""


class _Told(NamedTuple):
    """What `repr(sorted(values.items()))` gives for a step, item by item."""

    names: tuple[str, ...]
    values: tuple[object, ...]
    items: list[str]


class Sameness:
    """Compares steps and files with what is on record of them.

    Parameters
    ----------
    checksum : bool
        Whether files are known by the hash of their content, where one is on record.
    """

    def __init__(self, *, checksum: bool) -> None:
        self._checksum = checksum
        self._digests: dict[str, str] = {}
        self._inputs: dict[str, tuple[str, ...]] = {}
        self._told: dict[str, _Told] = {}

    def key(self, step: Step, values: Values) -> str:
        """Return the hash of what decides a step's command, but for the devices it is given."""
        told = _retold(self._told.get(step.adapter.name), values)
        self._told[step.adapter.name] = told
        text = f"{self._digest(step.adapter)} [{', '.join(told.items)}] {step.use_gpu}"
        return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()

    def inputs(self, step: Step, values: Values) -> list[str]:
        """Return the files that a step reads."""
        names = self._inputs.get(step.adapter.name)
        if names is None:
            names = self._inputs[step.adapter.name] = tuple(
                name
                for name, param in step.adapter.params.items()
                if param.type == "path" and not param.output
            )
        paths: list[str] = []
        for value in map(values.get, names):
            if isinstance(value, tuple):
                paths += map(str, value)
            elif value is not None:
                paths.append(str(value))
        return paths

    def fingerprints(self, paths: Iterable[str]) -> dict[str, Fingerprint | None]:
        """Return the state of files by path; None for those that are not there."""
        states = {path: self._state(path) for path in paths}
        return {
            path: Fingerprint(size=state[0], changed_ns=state[1], digest=state[2])
            if state
            else None
            for path, state in states.items()
        }

    @staticmethod
    def with_inputs(key: str, inputs: Mapping[str, Fingerprint | None]) -> str:
        """Return the hash of a key and of the state of inputs."""
        return _hash_of(
            key,
            {
                path: (one.size, one.changed_ns, one.digest) if one else None
                for path, one in inputs.items()
            },
        )

    def is_key(self, recorded: str, step: Step, values: Values) -> bool:
        """Say whether a key with inputs is that of a step and of its inputs as they are now."""
        states = {path: self._state(path) for path in self.inputs(step, values)}
        return recorded == _hash_of(self.key(step, values), states)

    def unchanged(self, recorded: Mapping[str, Fingerprint | None], paths: Iterable[str]) -> bool:
        """Say whether files are those on record: by hash where one is, or by size and time."""
        left = dict(recorded)
        for path in set(paths):
            if path not in left or not self._is_same(path, left.pop(path)):
                return False
        return not left

    def _state(self, path: str) -> _State | None:
        try:
            facts = os.stat(path)  # noqa: PTH116 - on the way of every step
        except OSError:
            return None
        digest = content_digest(path) if self._checksum else ""
        return facts.st_size, facts.st_mtime_ns, digest

    def _is_same(self, path: str, before: Fingerprint | None) -> bool:
        try:
            now = os.stat(path)  # noqa: PTH116 - twice for every step of a resumed run
        except OSError:
            return before is None
        if before is None:
            return False
        if self._checksum and before.digest:
            return before.digest == content_digest(path)
        return now.st_size == before.size and now.st_mtime_ns == before.changed_ns

    def _digest(self, adapter: Adapter) -> str:
        if adapter.name not in self._digests:
            text = repr((adapter.command, adapter.gpu, adapter.file, adapter.link, adapter.output))
            self._digests[adapter.name] = hashlib.blake2b(
                text.encode("utf-8", "surrogateescape"), digest_size=16
            ).hexdigest()
        return self._digests[adapter.name]


def _hash_of(key: str, inputs: Mapping[str, _State | None]) -> str:
    return hashlib.blake2b(f"{key} {inputs!r}".encode(), digest_size=16).hexdigest()


def _retold(before: _Told | None, values: Values) -> _Told:
    """Return the text of values, made of that of a step before: most have all but few alike."""
    if before is None or len(before.names) != len(values):
        return _told_anew(values)
    names, items = before.names, before.items.copy()
    try:
        now = tuple(map(values.__getitem__, names))
    except KeyError:
        return _told_anew(values)
    for place in compress(count(), map(is_not, now, before.values)):
        items[place] = _item(names[place], now[place])
    return _Told(names, now, items)


def _told_anew(values: Values) -> _Told:
    names = tuple(sorted(values))
    now = tuple(map(values.__getitem__, names))
    return _Told(names, now, list(map(_item, names, now)))


def _item(name: str, value: object) -> str:
    return f"({name!r}, {value!r})"
