"""A CUDA program that needs nothing but the driver: says what it sees, takes memory, and waits.

``cuda_program.py MIB`` prints one JSON line, ``{"uuids": […], "pid": …}``, takes so much memory of
its first device, prints a second line, and ends when its standard input does. It ends with 2 when
there is no device, and with 3 when there is not so much memory.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import uuid

_OUT_OF_MEMORY = 2


def main() -> int:
    """Run it; return the exit status."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    count = ctypes.c_int()
    if cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        sys.stderr.write("no CUDA-capable device is detected\n")
        return 2
    _say({"uuids": [_uuid(cuda, place) for place in range(count.value)], "pid": os.getpid()})
    context = ctypes.c_void_p()
    address = ctypes.c_void_p()
    wanted = ctypes.c_size_t(int(sys.argv[1]) << 20)
    if (
        cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0)
        or cuda.cuCtxSetCurrent(context)
        or cuda.cuMemAlloc_v2(ctypes.byref(address), wanted) == _OUT_OF_MEMORY
    ):
        sys.stderr.write("CUDA error: out of memory\n")
        return 3
    _say({"taken": int(sys.argv[1])})
    sys.stdin.read()
    return 0


def _uuid(cuda: ctypes.CDLL, place: int) -> str:
    raw = (ctypes.c_ubyte * 16)()
    ask = getattr(cuda, "cuDeviceGetUuid_v2", cuda.cuDeviceGetUuid)  # tells a MIG instance's own
    if ask(ctypes.byref(raw), place):
        return ""
    return str(uuid.UUID(bytes=bytes(raw)))


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
