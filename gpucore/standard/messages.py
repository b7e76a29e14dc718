"""What the libraries below every program say when they fail: CUDA, HIP, OpenCL, the C library.

They are looked for when an adapter's own marks say nothing. CUDA's texts are those that
``cudaGetErrorString`` and ``cudaGetErrorName`` of CUDA 12 return, and the driver's names of the
same errors (``cuda.h``). Each is a plain text, no expression, so that a log that holds none of
them is known at the speed at which memory is read.
"""

from __future__ import annotations

import re

from gpucore.standard.adapter import Failure
from gpucore.standard.model import FailureClass

__all__ = ["CERTAIN", "LIKELY", "TEXTS"]

_MEMORY = (
    "CUDA error: out of memory",
    "CUDA Error: out of memory",
    "CUDA out of memory",
    "GPUassert: out of memory",
    "cudaErrorMemoryAllocation",
    "CUDA_ERROR_OUT_OF_MEMORY",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUSOLVER_STATUS_ALLOC_FAILED",
    "CUSPARSE_STATUS_ALLOC_FAILED",
    "CUFFT_ALLOC_FAILED",
    "OutOfMemoryError: Out of memory allocating",  # CuPy
    "hipErrorOutOfMemory",
    "hipErrorMemoryAllocation",
    "HIP out of memory",
    "CL_MEM_OBJECT_ALLOCATION_FAILURE",
)
_NO_DEVICE = (
    "no CUDA-capable device is detected",
    "CUDA_ERROR_NO_DEVICE",
    "cudaErrorNoDevice",
    "No CUDA GPUs are available",
    "Found no NVIDIA driver on your system",
    "no ROCm-capable device is detected",
    "hipErrorNoDevice",
    "CL_DEVICE_NOT_FOUND",
)
# Not cudaErrorInvalidDevice: longer names of other errors begin with it.
_NO_SUCH_DEVICE = ("invalid device ordinal", "CUDA_ERROR_INVALID_DEVICE")
_DRIVER = (
    "CUDA driver version is insufficient for CUDA runtime version",
    "cudaErrorInsufficientDriver",
    "system has unsupported display driver / cuda driver combination",
    "cudaErrorSystemDriverMismatch",
    "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
    "Driver/library version mismatch",
    "forward compatibility was attempted on non supported HW",
    "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE",
)
_BUSY = (
    "all CUDA-capable devices are busy or unavailable",  # CUDA 11 and before
    "CUDA-capable device(s) is/are busy or unavailable",
    "cudaErrorDevicesUnavailable",
    "CUDA_ERROR_DEVICE_UNAVAILABLE",
    "exclusive-thread device already in use by a different thread",
)
_NO_CODE = (
    "no kernel image is available for execution on the device",
    "cudaErrorNoKernelImageForDevice",
    "CUDA_ERROR_NO_BINARY_FOR_GPU",
    "hipErrorNoBinaryForGpu",
)
_BROKEN = (
    "uncorrectable ECC error encountered",
    "cudaErrorECCUncorrectable",
    "CUDA_ERROR_ECC_UNCORRECTABLE",
    "uncorrectable NVLink error detected",
    "GPU is lost",
    "fallen off the bus",
)
_CRASHED = (
    "an illegal memory access was encountered",
    "cudaErrorIllegalAddress",
    "CUDA_ERROR_ILLEGAL_ADDRESS",
    "hipErrorIllegalAddress",
    "unspecified launch failure",
    "cudaErrorLaunchFailure",
    "CUDA_ERROR_LAUNCH_FAILED",
    "hipErrorLaunchFailure",
    "the launch timed out and was terminated",
    "cudaErrorLaunchTimeout",
    "CUDA_ERROR_LAUNCH_TIMEOUT",
    "an illegal instruction was encountered",
    "cudaErrorIllegalInstruction",
    "CUDA_ERROR_ILLEGAL_INSTRUCTION",
    "cudaErrorMisalignedAddress",
    "CUDA_ERROR_MISALIGNED_ADDRESS",
    "Memory access fault by GPU node",  # ROCm
)
_FELL_BACK = (
    "Falling back to CPU",
    "falling back to CPU",
    "Falling back to cpu",
    "falling back to cpu",
    "Could not find cuda drivers on your machine, GPU will not be used",
)
_NO_ROOM = ("No space left on device", "Disk quota exceeded", "ENOSPC", "EDQUOT")
_MORE_HOST_MEMORY = "fewer steps at once (`--threads`), or a machine with more memory"
_MORE_ROOM = "make room on the disk, then `gpucore resume`"


def _said(texts: tuple[str, ...], class_: FailureClass, hint: str, *, gpu: bool = True) -> Failure:
    return Failure(
        match="|".join(map(re.escape, texts)),
        class_=class_,
        hint=hint,
        when="gpu" if gpu else (),
        effect="warn",
    )


CERTAIN = (
    _said(_MEMORY, FailureClass.OUT_OF_MEMORY,
          "smaller batches or images, or a GPU with more memory"),
    _said(_DRIVER, FailureClass.NO_DEVICE,
          "the NVIDIA driver does not fit the program's CUDA: install one that does; after an "
          "update of the driver restart the machine"),
    _said(_BUSY, FailureClass.NO_DEVICE,
          "another program has the GPU for itself: `gpucore gpus` shows it"),
    _said(_NO_CODE, FailureClass.NO_DEVICE,
          "this build of the program has no code for this GPU: install one that was built for it"),
    _said(_NO_SUCH_DEVICE, FailureClass.NO_DEVICE,
          "it was told a GPU that it cannot see: look at `isolate`, and at `ids` in its adapter"),
    _said(_NO_DEVICE, FailureClass.NO_DEVICE,
          "`gpucore gpus` shows the GPUs; a program in a container must be given the driver, too"),
    _said(_BROKEN, FailureClass.DEVICE_FAULT, "`gpucore gpus` shows how the GPU is"),
    _said(_CRASHED, FailureClass.DEVICE_FAULT,
          "when it fails on another GPU, too, its input or the program is wrong"),
    _said(_FELL_BACK, FailureClass.CPU_FALLBACK,
          "it holds a GPU and computes without: install a build with CUDA, or say use_gpu = false"),
    _said(_NO_ROOM, FailureClass.DISK_FULL, _MORE_ROOM, gpu=False),
)  # fmt: skip
"""Texts that nothing but a failure writes, in the order in which they are tried.

A step that ended well all the same is told to have printed them.
"""

LIKELY = (
    Failure(
        match=r"std::bad_alloc|Cannot allocate memory|\bMemoryError\b"
        r"|DefaultCPUAllocator: .*memory|CL_OUT_OF_HOST_MEMORY|\boom[-_]kill",
        class_=FailureClass.HOST_MEMORY,
        hint=_MORE_HOST_MEMORY,
    ),
    Failure(
        match=r"(?i)\bout of (?:gpu |device |video |graphics )?memory\b",
        class_=FailureClass.OUT_OF_MEMORY,
        when="gpu",
        hint="smaller batches or images, or a GPU with more memory",
    ),
    Failure(
        match=r"(?i)\bout of memory\b",
        class_=FailureClass.HOST_MEMORY,
        when="cpu",
        hint=_MORE_HOST_MEMORY,
    ),
    Failure(
        match=r"(?i)\b(?:disk|file ?system|volume|partition) (?:is |was )?full\b",
        class_=FailureClass.DISK_FULL,
        hint=_MORE_ROOM,
    ),
)
"""Words that explain a step which failed, and say nothing of one which did not."""

TEXTS = tuple(
    text.encode()
    for texts in (
        _MEMORY,
        _NO_DEVICE,
        _NO_SUCH_DEVICE,
        _DRIVER,
        _BUSY,
        _NO_CODE,
        _BROKEN,
        _CRASHED,
        _FELL_BACK,
        _NO_ROOM,
    )
    for text in texts
)
"""What a log must hold for anything in `CERTAIN` to warn of a step that ended well."""
