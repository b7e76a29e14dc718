"""The devices the program can compute on: the CPU with scikit-image, GPUs with CuPy."""

from __future__ import annotations

import importlib
import warnings
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .alignment import correlate_arrays
from .faults import GpuMemoryError, NoUsableGpuError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

    from .alignment import Complex


class Cpu:
    """The CPU, where scikit-image correlates."""

    xp: ModuleType = np

    def active(self) -> AbstractContextManager[object]:
        """Do nothing: there is one CPU."""
        return nullcontext()

    def correlate(self, reference: Complex, moving: Complex, upsample: int) -> tuple[float, float]:
        """Return the shift (rows, columns) in pixels of `moving` onto `reference`."""
        # Only here: a run on a GPU, or one that ends at its arguments, need not wait for SciPy.
        registration = importlib.import_module("skimage.registration")
        with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
            # An empty frame has no defined error; older and newer releases complain each in its
            # own way. The error is not used, and the shift is zero.
            warnings.simplefilter("ignore", UserWarning)
            shift, _error, _phase = registration.phase_cross_correlation(
                reference, moving, upsample_factor=upsample, space="fourier", normalization=None
            )
        return float(shift[0]), float(shift[1])

    def to_host(self, array: Complex) -> Complex:
        """Return the array as it is."""
        return array


@dataclass(frozen=True)
class Gpu:
    """One GPU, by the index CUDA gives it in this process."""

    index: int
    xp: Any  # CuPy: a module, whose `cuda` no type checker can see when it is not installed

    def active(self) -> AbstractContextManager[object]:
        """Make it this thread's current device."""
        device: AbstractContextManager[object] = self.xp.cuda.Device(self.index)
        return device

    def correlate(self, reference: Complex, moving: Complex, upsample: int) -> tuple[float, float]:
        """Return the shift (rows, columns) in pixels of `moving` onto `reference`."""
        return correlate_arrays(self.xp, reference, moving, upsample)

    def to_host(self, array: Complex) -> Complex:
        """Copy to NumPy."""
        host: Complex = self.xp.asnumpy(array)
        return host


def open_gpus(indices: Sequence[int]) -> list[Gpu]:
    """Return the GPUs of these indices, each proved able to compute.

    Raises
    ------
    NoUsableGpuError
        CuPy is not installed, CUDA has no such device, or the device cannot do a small sum.
    GpuMemoryError
        The GPU is so full that not even that fits.
    """
    try:
        cupy = importlib.import_module("cupy")
    except ImportError as missing:
        what = "no usable GPU: CuPy is not installed; install cupy-cuda12x, or leave out --gpu"
        raise NoUsableGpuError(what) from missing
    with gpu_faults():
        count = cupy.cuda.runtime.getDeviceCount()
        for index in indices:
            if index >= count:
                here = f"{count} here, counted from 0"
                raise NoUsableGpuError(f"no usable GPU: there is no GPU {index} ({here})")
            # A library CuPy cannot find (NVRTC, cuFFT, cuBLAS) shows only at its first use.
            with cupy.cuda.Device(index):
                small = cupy.fft.fft2(cupy.ones((2, 2), dtype=cupy.complex64))
                cupy.asnumpy(cupy.exp(small) @ small)
    return [Gpu(index, cupy) for index in indices]


@contextmanager
def gpu_faults() -> Iterator[None]:
    """Turn whatever CuPy and CUDA raise within into this program's errors.

    Raises
    ------
    GpuMemoryError
        An allocation failed. CuPy's own pool says so with a MemoryError, the CUDA runtime, cuFFT
        and cuBLAS each with an error of their own.
    NoUsableGpuError
        Anything else that CUDA reports: a driver too old, a device that fell off the bus.
    """
    try:
        yield
    except (MemoryError, RuntimeError, ImportError, OSError) as fault:
        told = " ".join(str(fault).split()) or type(fault).__name__
        marks = ("MemoryAllocation", "ALLOC_FAILED", "out of memory")
        if isinstance(fault, MemoryError) or any(mark in told for mark in marks):
            raise GpuMemoryError(f"the GPU is out of memory: {told}") from fault
        raise NoUsableGpuError(f"no usable GPU: {told}") from fault
