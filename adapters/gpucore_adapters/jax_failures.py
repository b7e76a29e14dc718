"""What a program that computes with JAX prints when it fails, and what that means.

The texts are those of JAX, XLA and Python; a program's own come before them in its adapter.
"""

from __future__ import annotations

from gpucore.standard import Failure, FailureClass

__all__ = ["FELL_BACK", "JAX_FAILURES", "out_of_memory"]


def out_of_memory(hint: str) -> Failure:
    """Return the mark of a full GPU, with what helps in this program."""
    return Failure(
        match=r"RESOURCE_EXHAUSTED|CUDA_ERROR_OUT_OF_MEMORY|CUBLAS_STATUS_ALLOC_FAILED"
        r"|[Ff]ailed to allocate.*on device",
        class_=FailureClass.OUT_OF_MEMORY,
        hint=hint,
    )


FELL_BACK = Failure(
    match=r"[Ff]alling back to (?:cpu|CPU)",
    when="gpu",
    class_=FailureClass.CPU_FALLBACK,
    hint="this JAX cannot use the GPU: install it with CUDA, or say use_gpu = false",
    effect="fail",
)

JAX_FAILURES = (
    FELL_BACK,
    Failure(
        match=r"CUDA_ERROR_NO_DEVICE|CUDA_ERROR_INVALID_DEVICE|Unable to initialize backend 'cuda'",
        class_=FailureClass.NO_DEVICE,
    ),
    Failure(
        match=r"CUDA_ERROR_ILLEGAL_ADDRESS|CUDA_ERROR_LAUNCH_FAILED|CUDA_ERROR_ECC_UNCORRECTABLE",
        class_=FailureClass.DEVICE_FAULT,
    ),
    Failure(
        match=r"\bMemoryError\b|Cannot allocate memory",
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
