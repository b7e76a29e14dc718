"""Stand-in programs for executors, and how their steps ended."""

from __future__ import annotations

from programs import shell

from gpucore.standard import GpuUse

__all__ = ["CPU", "GPU", "LONG", "MAYBE", "WITNESS", "outcome_of"]

LONG = 60
"""Seconds until a test gives up waiting; nothing is measured by it."""

CPU = shell("cpu")
GPU = shell("gpu", use=GpuUse.COMPULSORY)
MAYBE = shell("maybe", use=GpuUse.OPTIONAL)

WITNESS = """
import fcntl, os, sys
log = os.open("witness.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
held = []
for gpu in sys.argv[1:]:
    lock = open(f"gpu{gpu}.lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.write(log, f"shared {gpu}\\n".encode())
    held.append(lock)
os.write(log, ("held " + " ".join(sys.argv[1:]) + "\\n").encode())
"""


def outcome_of(future):
    error = future.exception(timeout=LONG)
    return error.outcome if error else future.result()
