"""What NVML says of the devices, asked in a process of its own (`gpucore.system.device_child`).

Each call stands for itself: what a driver or a card does not tell is None, a card that is gone or
wants a reset has a fault, and nothing that NVML answers is raised.
"""

from __future__ import annotations

import ctypes
import time
from typing import Any

import pynvml

from gpucore.system.nvml_calls import (
    DeviceFaultError,
    DriverFaultError,
    Gpu,
    Instance,
    call,
    decoded,
    guarded,
)
from gpucore.system.nvml_facts import mode, name_and_memory, numa, pair_scores
from gpucore.system.nvml_readings import add_state, instance_reading

__all__ = ["Reader"]

_XID = 8
_NO_INSTANCE = 0xFFFFFFFF


class Reader:
    """NVML, initialised when it is first asked."""

    def __init__(self) -> None:
        self._ready = False
        self._events: Any = None
        self._watched: dict[str, int | None] = {}
        self._instances: dict[str, list[Instance]] = {}
        self._known: list[str] = []

    def devices(self) -> dict[str, object]:
        """Return the facts of each device: a MIG instance is one, the GPU it is cut from is not."""
        try:
            self._begin()
            gpus = self._gpus()
            rows = [row for gpu in gpus for row in self._facts(gpu)]
            links = pair_scores(
                [(gpu, row) for gpu in gpus for row in rows if row["uuid"] == gpu.uuid]
            )
        except DriverFaultError as error:
            self._end()
            return {"fault": error.args[0], "text": error.args[1]}
        for row in rows:
            row["links"] = links.get(str(row["uuid"]), [])
        return {"devices": rows}

    def snapshot(self) -> dict[str, object]:
        """Return how each device is now, and each GPU that is cut into instances."""
        now = time.time()
        xids: list[dict[str, object]] = []
        try:
            self._begin()
            gpus = self._gpus()
            xids = self._xids(now)
            readings = [row for gpu in gpus for row in self._readings(gpu)]
            self._watch(gpus)
            driver, cuda = _versions()
        except DriverFaultError as error:
            self._end()
            return {"time": now, "fault": error.args[0], "xids": xids}
        return {"time": now, "readings": readings, "xids": xids, "driver": driver, "cuda": cuda}

    def _begin(self) -> None:
        if not self._ready:
            call("nvmlInit", whole=True)
            self._ready = True

    def _end(self) -> None:
        """Begin anew when it is asked again: the driver may be back by then."""
        self._ready, self._events = False, None

    def _gpus(self) -> list[Gpu]:
        """Return the GPUs that are there; those that this user may not use are left out."""
        count = call("nvmlDeviceGetCount", whole=True)
        gpus: list[Gpu] = []
        for place in range(count):
            handle: Any = None
            try:
                handle = call("nvmlDeviceGetHandleByIndex", place, needed=True)
                uuid = decoded(call("nvmlDeviceGetUUID", handle, needed=True))
                gpus.append(Gpu(place, handle, uuid))
            except DeviceFaultError as fault:
                # NVML counts them, and in a container or batch job refuses them one by one.
                if fault.args[0] != "NoPermission":
                    gpus.append(Gpu(place, handle, "", *fault.args))
        if count and not gpus:
            raise DriverFaultError("NoPermission", "no GPU may be used")
        seen = {gpu.uuid for gpu in gpus}
        if len(self._known) == len(gpus):
            # Which one it is that does not answer any more tells its place, as long as none moved.
            before = zip(gpus, self._known, strict=True)
            gpus = [
                gpu if gpu.uuid or known in seen else gpu._replace(uuid=known)
                for gpu, known in before
            ]
        self._known = [gpu.uuid for gpu in gpus]
        return gpus

    def _facts(self, gpu: Gpu) -> list[dict[str, object]]:
        row: dict[str, object] = {"place": gpu.place, "uuid": "" if gpu.fault else gpu.uuid}
        if gpu.fault:
            return [{**row, "fault": gpu.fault, "text": gpu.words}]
        try:
            row["bus"] = decoded(getattr(call("nvmlDeviceGetPciInfo", gpu.handle), "busId", ""))
            row["numa"] = numa(gpu.handle)
            row["compute_mode"] = mode(gpu.handle) or "default"
            mig = call("nvmlDeviceGetMigMode", gpu.handle)
            if mig and mig[0]:
                return [
                    {**row, "uuid": one.uuid, "parent": gpu.uuid, **name_and_memory(one.handle)}
                    for one in self._cut(gpu)
                ]
            return [{**row, **name_and_memory(gpu.handle)}]
        except DeviceFaultError as fault:
            return [{**row, "fault": fault.args[0], "text": fault.args[1]}]

    def _cut(self, gpu: Gpu) -> list[Instance]:
        """Return the instances that a GPU is cut into."""
        found = []
        for place in range(call("nvmlDeviceGetMaxMigDeviceCount", gpu.handle) or 0):
            handle = call("nvmlDeviceGetMigDeviceHandleByIndex", gpu.handle, place)
            if handle is None:
                continue
            uuid = decoded(call("nvmlDeviceGetUUID", handle) or "")
            ids = (
                call("nvmlDeviceGetGpuInstanceId", handle),
                call("nvmlDeviceGetComputeInstanceId", handle),
            )
            if uuid:
                found.append(Instance(handle, uuid, ids))
        self._instances[gpu.uuid] = found
        return found

    def _readings(self, gpu: Gpu) -> list[dict[str, object]]:
        row: dict[str, object] = {"uuid": gpu.uuid, "fault": gpu.fault}
        cut: list[dict[str, object]] = []
        try:
            if not gpu.fault:
                add_state(row, gpu.handle)
                mig = row["mig"]
                if isinstance(mig, list) and mig[0]:
                    cut = [instance_reading(row, one) for one in self._cut(gpu)]
                else:
                    self._instances.pop(gpu.uuid, None)
        except DeviceFaultError as fault:
            row["fault"] = fault.args[0]
        if row["fault"]:
            # Its instances are as they were, and cannot be read either.
            cut = [{**row, "uuid": one.uuid} for one in self._instances.get(gpu.uuid, ())]
        return [row, *cut]

    def _watch(self, gpus: list[Gpu]) -> None:
        """Have the driver tell of Xids of all devices that are there."""
        if self._events is None:
            self._watched = {}
            self._events = guarded("nvmlEventSetCreate")
        if self._events is None:
            return
        for gpu in gpus:
            if gpu.fault or gpu.uuid in self._watched:
                continue
            guarded("nvmlDeviceRegisterEvents", gpu.handle, _XID, self._events)
            self._watched[gpu.uuid] = _address(gpu.handle)

    def _xids(self, now: float) -> list[dict[str, object]]:
        """Return what the driver told since the last time."""
        found: list[dict[str, object]] = []
        while self._events is not None:
            try:
                event = pynvml.nvmlEventSetWait_v2(self._events, 0)
            except pynvml.NVMLError as error:
                if error.value != pynvml.NVML_ERROR_TIMEOUT:
                    self._events = None  # made anew with the next snapshot
                break
            if event.eventType == _XID:
                found += [
                    {"uuid": uuid, "number": int(event.eventData), "time": now}
                    for uuid in self._concerned(event)
                ]
        return found

    def _concerned(self, event: Any) -> list[str]:
        """Return the devices that an event is about: all instances of a GPU, if it names none."""
        known = _address(event.device)
        uuid = next((uuid for uuid, one in self._watched.items() if one == known), None)
        if uuid is None:
            uuid = decoded(guarded("nvmlDeviceGetUUID", event.device) or "")
        if not self._instances.get(uuid):
            return [uuid] if uuid else []
        asked = (event.gpuInstanceId, event.computeInstanceId)
        return [
            one.uuid
            for one in self._instances[uuid]
            if all(a in (_NO_INSTANCE, b) for a, b in zip(asked, one.ids, strict=True))
        ]


def _versions() -> tuple[str, str]:
    cuda = guarded("nvmlSystemGetCudaDriverVersion_v2") or guarded("nvmlSystemGetCudaDriverVersion")
    return (
        decoded(guarded("nvmlSystemGetDriverVersion") or ""),
        f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else "",
    )


def _address(handle: Any) -> int | None:
    return ctypes.cast(handle, ctypes.c_void_p).value
