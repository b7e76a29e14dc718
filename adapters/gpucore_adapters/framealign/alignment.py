"""Whole-frame alignment of a movie: shifts by upsampled cross-correlation, and the aligned average.

Pure arrays: the same lines run on NumPy and on CuPy, whichever module a device brings.

Every frame is correlated with the sum of the *other* frames as aligned so far. Its own noise must
not be in the reference, because noise correlates perfectly with itself at the shift the frame
already has, and would hold it there. The correlation is weighted by a Gaussian "B-factor" and is
not normalised to pure phase: at one electron per pixel most Fourier terms are noise, and giving
each the same weight made the error 1.5 to 3 times larger on most synthetic movies (the
documentation of scikit-image's function gives the same advice for noisy images).

References
----------
Guizar-Sicairos, Thurman & Fienup (2008), Optics Letters 33, 156-158: the upsampled correlation.
Li et al. (2013), Nature Methods 10, 584-590: drift of direct-detector movies, and the B-factor.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from types import ModuleType

# An array on a device: CuPy's arrays answer to the same calls, so they go by the same type.
Complex: TypeAlias = NDArray[np.complex64]
Frames: TypeAlias = NDArray[np.integer] | NDArray[np.floating]
Shifts: TypeAlias = NDArray[np.float64]

Result = TypeVar("Result")

CONVERGED = 0.05
"""An iteration that moves no frame by this much (pixels) is the last."""


class Device(Protocol):
    """Where the arithmetic is done.

    `xp` is the array module; `active` makes the device the current one for a thread; `correlate`
    takes two transforms of equal shape (reference, moving) and an upsampling factor, and returns
    the shift (rows, columns) in pixels that brings the moving image onto the reference.
    """

    @property
    def xp(self) -> ModuleType:
        """NumPy, or a module with the same calls."""

    def active(self) -> AbstractContextManager[object]:
        """Make this the current device."""

    def correlate(self, reference: Complex, moving: Complex, upsample: int) -> tuple[float, float]:
        """Return the shift of `moving` onto `reference`."""

    def to_host(self, array: Complex) -> Complex:
        """Copy to NumPy."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the alignment is told.

    Attributes
    ----------
    pixel_size : float
        Å.
    upsample : int
        Shifts are found to 1 / upsample of a pixel.
    bfactor : float
        Å². Each transform is weighted by exp(-B k² / 4), k in 1/Å, so their product by
        exp(-B k² / 2).
    iterations : int
        At most this many rounds.
    """

    pixel_size: float
    upsample: int = 20
    bfactor: float = 150.0
    iterations: int = 3


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """An aligned movie.

    Attributes
    ----------
    average : float32 array, (rows, columns)
        Mean of the shifted frames. Shifts are periodic: a border as wide as the largest shift
        holds pixels from the opposite edge.
    shifts : float64 array, (frames, 2)
        x (columns) and y (rows) in pixels: the shift that was *applied* to bring each frame onto
        the first, that is minus the motion of the specimen. The first row is zero.
    """

    average: NDArray[np.float32]
    shifts: Shifts

    @property
    def total_drift(self) -> float:
        """Length of the path in pixels: the sum of the distances from frame to frame."""
        return float(np.hypot(*np.diff(self.shifts, axis=0).T).sum())


def align(
    frames: Frames,
    devices: Sequence[Device],
    settings: Settings,
    report: Callable[[int, float], None] = lambda _iteration, _change: None,
) -> Alignment:
    """Return the shifts and the average of a movie.

    Parameters
    ----------
    frames : array, (frames, rows, columns)
        Counts; two frames or more.
    devices : sequence of Device
        The frames are divided among them.
    settings : Settings
        How to align.
    report : callable
        Called after each iteration with its number (from 1) and the largest change in pixels.
    """
    count = len(frames)
    parts = np.array_split(np.arange(count), min(len(devices), count))
    blocks = _together(
        [
            partial(_Block, device, frames[part[0] : part[-1] + 1], settings, int(part[0]))
            for device, part in zip(devices, parts, strict=False)
        ]
    )
    shifts: Shifts = np.zeros((count, 2))
    total = _total(blocks, shifts)
    for iteration in range(1, settings.iterations + 1):
        found = np.concatenate(
            _together([partial(block.register, total, shifts) for block in blocks])
        )
        # A frame is compared with the mean place of the others, which all move at once too: its
        # distance from the mean of all is smaller by this factor. Without it two frames would
        # change places for ever, and four would overshoot by a third.
        found = shifts + (found - shifts) * (count - 1) / count
        found -= found[0]
        change = float(np.hypot(*(found - shifts).T).max())
        shifts = found
        total = _total(blocks, shifts)
        report(iteration, change)
        if change < CONVERGED:
            break
    average = np.fft.ifft2(total).real / count
    return Alignment(average=average.astype(np.float32), shifts=shifts)


class _Block:
    """Some consecutive frames of the movie, as transforms on one device."""

    def __init__(self, device: Device, frames: Frames, settings: Settings, first: int) -> None:
        self.device = device
        self.first = first
        self.upsample = settings.upsample
        xp = device.xp
        with device.active():
            rows = xp.fft.fftfreq(frames.shape[1])[:, None]
            columns = xp.fft.fftfreq(frames.shape[2])[None, :]
            square = (rows**2 + columns**2) / settings.pixel_size**2
            self.weight = xp.exp(-settings.bfactor / 2 * square).astype(xp.float32)
            # The mean says nothing of the shift, and is by far the largest term.
            self.weight[0, 0] = 0
            self.rows, self.columns = rows, columns
            self.transforms = [self._transform(frame) for frame in frames]

    def total(self, shifts: Shifts) -> Complex:
        """Return the sum of this block's shifted transforms, on the host."""
        with self.device.active():
            summed = self._shifted(0, shifts)
            for index in range(1, len(self.transforms)):
                summed += self._shifted(index, shifts)
            return self.device.to_host(summed)

    def register(self, total: Complex, shifts: Shifts) -> Shifts:
        """Return the shifts (x, y) of this block's frames onto `total`, each without itself."""
        with self.device.active():
            everything = self.device.xp.asarray(total)
            found = []
            for index, transform in enumerate(self.transforms):
                others = (everything - self._shifted(index, shifts)) * self.weight
                found.append(self.device.correlate(others, transform, self.upsample)[::-1])
        return np.array(found, dtype=np.float64)

    def _transform(self, frame: Frames) -> Complex:
        xp = self.device.xp
        # Converted on the host: CuPy takes no arrays of foreign byte order, and MRC files may be.
        values = xp.asarray(np.asarray(frame, dtype=np.float32))
        transform: Complex = xp.fft.fft2(values).astype(xp.complex64, copy=False)
        return transform

    def _shifted(self, index: int, shifts: Shifts) -> Complex:
        x, y = (float(value) for value in shifts[self.first + index])
        xp = self.device.xp
        along_y = xp.exp(-2j * math.pi * y * self.rows).astype(xp.complex64)
        along_x = xp.exp(-2j * math.pi * x * self.columns).astype(xp.complex64)
        shifted: Complex = self.transforms[index] * along_y * along_x
        return shifted


def correlate_arrays(
    xp: ModuleType, reference: Complex, moving: Complex, upsample: int
) -> tuple[float, float]:
    """Return the shift (rows, columns), in pixels, that brings `moving` onto `reference`.

    The peak of the cross-correlation is found to a pixel by an inverse FFT, and then to
    1 / upsample by computing the correlation on a finer grid only around that peak, as a product
    of three small matrices (Guizar-Sicairos et al. 2008). It is what
    ``skimage.registration.phase_cross_correlation`` does with ``space="fourier"`` and
    ``normalization=None``, written for any array module.

    Parameters
    ----------
    xp : module
        ``numpy`` or ``cupy``.
    reference, moving : complex64 array, (rows, columns)
        Transforms of the two images, zero frequency first.
    upsample : int
        1 for whole pixels.
    """
    product = reference * moving.conj()
    peak = _peak(xp, xp.fft.ifft2(product))
    shift = [p - n if p > n // 2 else p for p, n in zip(peak, product.shape, strict=True)]
    if upsample == 1:
        return float(shift[0]), float(shift[1])
    # 1.5 pixels wide, so that the true peak is inside even if a neighbouring pixel was taken.
    width = math.ceil(1.5 * upsample)
    starts = [pixels * upsample - width // 2 for pixels in shift]
    kernel_rows, kernel_columns = (
        xp.exp(
            -2j * math.pi * (xp.arange(width) + start)[:, None] * xp.fft.fftfreq(size, upsample)
        ).astype(product.dtype)
        for start, size in zip(starts, product.shape, strict=True)
    )
    fine = kernel_rows @ product.conj() @ kernel_columns.T
    row, column = _peak(xp, fine)
    return (row + starts[0]) / upsample, (column + starts[1]) / upsample


def _peak(xp: ModuleType, values: Complex) -> tuple[int, int]:
    row, column = divmod(int(xp.argmax(xp.abs(values))), values.shape[1])
    return row, column


def _total(blocks: Sequence[_Block], shifts: Shifts) -> Complex:
    total: Complex = np.sum(_together([partial(block.total, shifts) for block in blocks]), axis=0)
    return total


def _together(jobs: Sequence[Callable[[], Result]]) -> list[Result]:
    """Return each job's result; one job for one device, so one thread for each."""
    if len(jobs) == 1:
        return [jobs[0]()]
    with ThreadPoolExecutor(len(jobs), thread_name_prefix="framealign") as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]
