"""The devices of one run, leased from the machine for as long as a step of it uses them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpucore.system.inotify import Wakeup
from gpucore.system.leases import Held, LeaseStopped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpucore.system.leases import Leases

__all__ = ["RunLeases"]


@dataclass(eq=False)
class _Use:
    """A kernel lease of this run, and how many of its steps use it."""

    held: Held
    uuids: tuple[str, ...]
    steps: int = 0


class RunLeases:
    """Gives the steps of a run their kernel leases; steps that share a device share one.

    Between runs a device is exclusive (or the site's ``shares`` divide it); inside a run the GPU
    list says how many steps share it. When the last of them ends the lease goes to the run's next
    step for just these devices; it is given back when there is none, and when another run waits
    for one of them: that one has its turn first.

    Parameters
    ----------
    leases : Leases
        Those of this machine.
    """

    def __init__(self, leases: Leases) -> None:
        self._leases = leases
        self._changed = threading.Condition()
        self._uses: dict[str, _Use] = {}
        self._asking: set[str] = set()
        self._waiting: dict[object, Wakeup] = {}
        self._stopped = False

    def take(
        self,
        uuids: Sequence[str],
        step: str,
        timeout: float | None = None,
        *,
        waiter: object = None,
        cancelled: Callable[[], bool] = bool,
        waits: Callable[[Sequence[str], str], None] | None = None,
    ) -> tuple[int, ...]:
        """Wait for the leases of some devices; return the descriptors that carry them.

        Parameters
        ----------
        uuids : sequence of str
            The devices.
        step : str
            Who asks, for people.
        timeout : float or None
            Seconds to wait for other runs; None: for ever.
        waiter : object
            By what `cancel` knows it; itself by default.
        cancelled : callable
            Whether it was cancelled before it came to wait.
        waits : callable, optional
            Told, before it comes to wait, for which devices that is, and who holds them, in words.

        Raises
        ------
        TimeoutError
            When the time is over.
        LeaseStopped
            When the run is stopped meanwhile, or this waiter cancelled.
        DeviceError
            When the lease directory cannot be used.
        """
        waiter = waiter if waiter is not None else object()
        while True:
            missing, fds = self._look(uuids, cancelled)
            if fds is not None:
                return fds
            try:
                held = self._leases.try_take(missing, step=step)
                if held is None:
                    if waits is not None:
                        waits(missing, self._holders(missing))
                    held = self._wait(missing, step, timeout, waiter, cancelled)
            except BaseException:
                self._asked(missing)
                raise
            fds = self._enter(held, missing, uuids)
            if fds is not None:
                return fds
            # A device that this run had was given back meanwhile. Nobody holds while it waits.
            held.release()

    def cancel(self, waiter: object) -> None:
        """Let one waiter wait no more; nothing happens when it does not wait."""
        with self._changed:
            if waiter in self._waiting:
                self._waiting[waiter].set()
            self._changed.notify_all()

    def wanted(self, uuids: Sequence[str]) -> bool:
        """Say whether another run waits for one of these devices, which this run holds."""
        with self._changed:
            uses = {self._uses[uuid] for uuid in uuids}
        return any(use.held.wanted() for use in uses)

    def claim(self, uuids: Sequence[str]) -> bool:
        """Take over the leases of some devices if this run holds just these; do not wait.

        What was claimed is used by `use`, and given back by `give`.
        """
        with self._changed:
            uses = {use for uuid in uuids if (use := self._uses.get(uuid)) is not None}
            if {uuid for use in uses for uuid in use.uuids} != set(uuids):
                return False
            for use in uses:
                use.steps += 1
            return True

    def use(self, uuids: Sequence[str], step: str) -> tuple[int, ...]:
        """Return the descriptors of what was claimed, and note for people what it is used for."""
        with self._changed:
            uses = {self._uses[uuid] for uuid in uuids}
        for use in uses:
            use.held.note(step)
        return tuple(fd for use in uses for fd in use.held.fds)

    def give(self, uuids: Sequence[str]) -> None:
        """Give back what `take` or `claim` gave to one step."""
        with self._changed:
            for use in {self._uses[uuid] for uuid in uuids}:
                use.steps -= 1
                if not use.steps:
                    for uuid in use.uuids:
                        del self._uses[uuid]
                    use.held.release()
            self._changed.notify_all()

    def stop(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._stopped = True
            for wakeup in self._waiting.values():
                wakeup.set()
            self._changed.notify_all()

    def close(self) -> None:
        """Give the directory of leases back; what a host still holds stays."""
        self._leases.close()

    def _holders(self, uuids: Sequence[str]) -> str:
        """Return who holds devices, as far as their records say."""
        found = [one for one in self._leases.holders() if one.uuid in uuids and one.pid]
        words = [
            f"process {one.pid} of {one.user}" + (f" ({one.step})" if one.step else "")
            for one in found
        ]
        return " and ".join(dict.fromkeys(words)) or "another run"

    def _wait(
        self,
        missing: Sequence[str],
        step: str,
        timeout: float | None,
        waiter: object,
        cancelled: Callable[[], bool],
    ) -> Held:
        wakeup = Wakeup()
        with self._changed:
            self._waiting[waiter] = wakeup
            if self._stopped or cancelled():
                wakeup.set()
        try:
            return self._leases.take(missing, timeout=timeout, stop=wakeup, step=step)
        finally:
            with self._changed:
                del self._waiting[waiter]
            wakeup.close()

    def _look(
        self, uuids: Sequence[str], cancelled: Callable[[], bool]
    ) -> tuple[tuple[str, ...], tuple[int, ...] | None]:
        """Return what this step alone is to ask for; or, when nothing is missing, descriptors."""
        with self._changed:
            while not self._asking.isdisjoint(uuids):
                if self._stopped or cancelled():
                    raise LeaseStopped("it was stopped while it waited for its GPU")
                self._changed.wait()
            missing = tuple(uuid for uuid in dict.fromkeys(uuids) if uuid not in self._uses)
            if not missing:
                return (), self._count(uuids)
            self._asking.update(missing)
            return missing, None

    def _enter(
        self, held: Held, missing: tuple[str, ...], uuids: Sequence[str]
    ) -> tuple[int, ...] | None:
        with self._changed:
            self._asking.difference_update(missing)
            self._changed.notify_all()
            if any(uuid not in missing and uuid not in self._uses for uuid in uuids):
                return None
            use = _Use(held, missing)
            self._uses.update(dict.fromkeys(missing, use))
            return self._count(uuids)

    def _asked(self, missing: Sequence[str]) -> None:
        with self._changed:
            self._asking.difference_update(missing)
            self._changed.notify_all()

    def _count(self, uuids: Sequence[str]) -> tuple[int, ...]:
        uses = {self._uses[uuid] for uuid in uuids}
        for use in uses:
            use.steps += 1
        return tuple(fd for use in uses for fd in use.held.fds)
