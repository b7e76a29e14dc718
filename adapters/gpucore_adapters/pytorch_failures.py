"""What a program that computes with PyTorch prints when it fails, and what that means.

The texts are those of PyTorch and of Python; a program's own come before them in its adapter.
"""

from __future__ import annotations

from gpucore.standard import Failure, FailureClass

__all__ = ["PYTORCH_FAILURES", "out_of_memory"]


def out_of_memory(hint: str) -> Failure:
    """Return the mark of a full GPU, with what helps in this program."""
    return Failure(
        match=r"CUDA out of memory|CUDA error: out of memory"
        r"|CU(?:BLAS|DNN)_STATUS_ALLOC_FAILED",
        class_=FailureClass.OUT_OF_MEMORY,
        hint=hint,
    )


PYTORCH_FAILURES = (
    Failure(
        match=r"No CUDA GPUs are available|Found no NVIDIA driver|invalid device ordinal"
        r"|Torch not compiled with CUDA enabled|CUDA driver initialization failed"
        r"|torch\.cuda\.is_available\(\) is False",
        class_=FailureClass.NO_DEVICE,
    ),
    Failure(
        match=r"no kernel image is available",
        class_=FailureClass.NO_DEVICE,
        hint="this PyTorch has no code for this GPU: install one that was built for it",
    ),
    Failure(
        match=r"illegal memory access|unspecified launch failure|uncorrectable ECC",
        class_=FailureClass.DEVICE_FAULT,
    ),
    Failure(
        match=r"DataLoader worker .* is killed by signal|DefaultCPUAllocator: .*memory"
        r"|\bMemoryError\b|Cannot allocate memory",
        class_=FailureClass.HOST_MEMORY,
    ),
    Failure(match=r"No space left on device|Disk quota exceeded", class_=FailureClass.DISK_FULL),
    Failure(match=r"FileNotFoundError|No such file or directory", class_=FailureClass.BAD_INPUT),
    Failure(
        match=r"error: unrecognized arguments",
        class_=FailureClass.BAD_INPUT,
        hint="this release of the program does not know the option",
    ),
)
"""In the order in which they are tried."""
