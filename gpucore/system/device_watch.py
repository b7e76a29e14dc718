"""Devices looked at again and again, through a child process that is replaced when that helps."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gpucore.errors import DeviceError
from gpucore.standard.model import Device
from gpucore.standard.readings import DeviceProcess, Reading, Snapshot, Xid
from gpucore.system.device_reader import DeviceReader, ReaderEndedError

__all__ = ["PATIENCE", "RENEWAL", "Maker", "ReaderWatch", "read_devices", "snapshot_of"]

PATIENCE = 60.0
"""Seconds after which a child that does not answer is ended, if the driver lets it."""

RENEWAL = 30.0
"""Seconds after which another child is asked about devices in trouble.

A library learns once, when it is initialised, which devices there are, and stays what it was when
the driver is replaced: that a GPU is back, only a new process sees.
"""


@dataclass(frozen=True, kw_only=True)
class Maker:
    """Whose devices are read, and how.

    Parameters
    ----------
    driver : str
        What messages call it: ``the NVIDIA driver``.
    child : str
        The module that the child process reads with.
    listed : callable
        ``listed(answer, environment)`` returns the devices of an answer that a process with this
        environment may use, or raises the `DeviceError` that the answer is.
    """

    driver: str
    child: str
    listed: Callable[[Mapping[str, Any], Mapping[str, str]], tuple[Device, ...]]


def read_devices(
    maker: Maker, environment: Mapping[str, str], deadline: float
) -> tuple[Device, ...]:
    """Return the devices that a process with this environment may use.

    Raises
    ------
    DeviceError
        When they cannot be read, or not within so many seconds.
    """
    reader = DeviceReader(maker.child, environment)
    try:
        return _devices(maker, reader, environment, deadline)
    finally:
        reader.close()


class ReaderWatch:
    """A `gpucore.plugins.offers.DeviceWatch` on a child process.

    Parameters
    ----------
    maker : Maker
        Whose devices.
    environment : Mapping
        What it runs in.
    patience, renewal : float
        See `PATIENCE`, `RENEWAL`.

    Raises
    ------
    DeviceError
        When the child cannot be started.
    """

    def __init__(
        self,
        maker: Maker,
        environment: Mapping[str, str],
        *,
        patience: float = PATIENCE,
        renewal: float = RENEWAL,
    ) -> None:
        self._maker = maker
        self._environment = dict(environment)
        self._patience = patience
        self._renewal = renewal
        self._most = 0
        self._closed = False
        self._reader: DeviceReader | None = None
        self._open()

    def read(self, timeout: float) -> Snapshot:
        """Return how the devices are now; see `gpucore.plugins.offers.DeviceWatch`."""
        if self._closed:
            raise DeviceError("this watch is closed", hint="begin another", code="E607")
        deadline = time.monotonic() + timeout
        answer = self._ask(deadline)
        if answer is None:  # one that has ended may be an old one: another is tried at once
            answer = self._ask(deadline)
        if answer is None:
            return Snapshot(time=time.time(), fault="ReaderEnded")
        snapshot = snapshot_of(answer)
        gpus = sum(one.uuid.startswith("GPU-") for one in snapshot.readings)
        self._most = max(self._most, gpus)
        trouble = snapshot.fault or gpus < self._most or any(r.fault for r in snapshot.readings)
        if trouble and time.monotonic() - self._since >= self._renewal:
            self._drop()
        return snapshot

    def devices(self, environment: Mapping[str, str], deadline: float) -> tuple[Device, ...]:
        """Return the devices that a process with this environment may use, as `read_devices`."""
        reader = self._reader or self._open()
        try:
            return _devices(self._maker, reader, environment, deadline)
        except DeviceError:
            self._drop()
            raise

    def close(self) -> None:
        """Let go of the child; not even a driver that hangs is waited for longer than a second."""
        self._closed = True
        self._drop()

    def _ask(self, deadline: float) -> dict[str, Any] | None:
        """Return the child's answer; None when it ended, or there is no child."""
        try:
            reader = self._reader or self._open()
        except DeviceError:
            return None
        if reader.waits > self._patience:
            reader.kill()
        try:
            return reader.ask("snapshot", max(deadline - time.monotonic(), 0.0))
        except ReaderEndedError:
            self._drop()
            return None

    def _open(self) -> DeviceReader:
        self._since = time.monotonic()
        self._reader = DeviceReader(self._maker.child, self._environment)
        return self._reader

    def _drop(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()


def _devices(
    maker: Maker, reader: DeviceReader, environment: Mapping[str, str], deadline: float
) -> tuple[Device, ...]:
    try:
        answer = reader.ask("devices", deadline)
    except TimeoutError:
        raise DeviceError(
            f"{maker.driver} did not answer within {deadline:g} seconds",
            hint="look at `dmesg` for messages of the driver (NVIDIA's: Xid); a restart of the "
            "machine is likely needed",
            code="E603",
        ) from None
    except ReaderEndedError as ended:
        raise DeviceError(f"{maker.driver} could not be asked: {ended}", code="E607") from None
    return maker.listed(answer, environment)


def snapshot_of(answer: Mapping[str, Any]) -> Snapshot:
    """Return a child's answer as the value that it is."""
    return Snapshot(
        time=answer["time"],
        readings=tuple(_reading(row) for row in answer.get("readings", ())),
        xids=tuple(Xid(**row) for row in answer.get("xids", ())),
        driver=answer.get("driver", ""),
        cuda=answer.get("cuda", ""),
        fault=answer.get("fault", ""),
    )


def _reading(row: Mapping[str, Any]) -> Reading:
    processes, mig = row.get("processes"), row.get("mig")
    return Reading(
        **{
            **row,
            "mig": None if mig is None else (mig[0], mig[1]),
            "processes": None
            if processes is None
            else tuple(DeviceProcess(**one) for one in processes),
        }
    )
