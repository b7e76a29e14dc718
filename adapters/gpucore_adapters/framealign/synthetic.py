"""Synthetic movies whose drift is known.

A movie is a field of identical particles in random orientations in ice, seen in phase contrast
through a microscope's contrast transfer function, moved as a whole from frame to frame, and counted
with Poisson noise. The specimen is larger than the frame, so that, as in an experiment, what leaves
at one edge does not come back at the other. What is left out: motion within a frame, local motion,
dose damage, and the detector's own blur and gain.

Signs and order: a *drift* is where the specimen is in each frame, in pixels, relative to the first
frame: x (columns), y (rows), positive towards larger indices. An alignment program reports
*shifts*, what it applied to undo the drift: shifts = -drift. So does gpucore-framealign, and so
does RELION's own motion correction.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import mrcfile
import numpy as np
from numpy.typing import NDArray

from .movie import read_shifts as read_drift
from .movie import write_shifts as write_drift

__all__ = ["Drift", "make_movie", "random_drift", "read_drift", "rms_error", "write_drift"]

Drift: TypeAlias = NDArray[np.float64]

# A microscope of 300 kV: wavelength, spherical aberration and defocus in Å.
WAVELENGTH, ABERRATION, DEFOCUS, AMPLITUDE_CONTRAST = 0.0197, 2.7e7, 15000.0, 0.1
PARTICLE_RADIUS, PARTICLE_SPACING, PARTICLE_ATOMS, ATOM_SIGMA = 60.0, 180.0, 60, 2.0
ICE_BFACTOR, ICE_SHARE = 60.0, 0.5


def make_movie(
    path: str | Path,
    *,
    seed: int,
    frames: int = 12,
    size: int | tuple[int, int] = 512,
    pixel_size: float = 0.885,
    dose: float = 1.25,
    contrast: float = 0.2,
    drift: Drift | None = None,
) -> Drift:
    """Write a movie and return its drift.

    Parameters
    ----------
    path : str or Path
        ``.tif`` or ``.tiff`` writes TIFF (uint16); any other name MRC (mode 1, int16, an image
        stack), which RELION 3.1 reads too. The TIFF is written upside down: by custom its first row
        is the top of the picture and the last row an MRC's, so RELION, MotionCor3 and IMOD turn
        it back, and find the same drift in both. Who reads its rows as they come finds -y.
    seed : int
        Equal seeds give equal files.
    frames : int
        Number of frames; with `drift`, its length counts instead.
    size : int or (rows, columns)
        Pixels.
    pixel_size : float
        Å.
    dose : float
        Electrons per Å² and frame. 1.25 at 0.885 Å is about one electron per pixel.
    contrast : float
        Standard deviation of the noise-free image over its mean. The accuracy any program can
        reach is in proportion to 1 / contrast: 0.2 stands for a strong specimen, since so small a
        picture must hold as much signal as a whole micrograph.
    drift : array, (frames, 2), optional
        x, y in pixels; by default `random_drift` of the seed.

    Returns
    -------
    float64 array, (frames, 2)
        The drift x, y in pixels: how far the specimen has moved.
    """
    random = np.random.default_rng(seed)
    moved = random_drift(seed, frames) if drift is None else np.asarray(drift, dtype=np.float64)
    rows, columns = (size, size) if isinstance(size, int) else size
    margin = int(np.ceil(np.abs(moved).max())) + 16
    field = (rows + 2 * margin, columns + 2 * margin)
    transform = np.fft.rfft2(_specimen(random, field, pixel_size))
    along_y, along_x = np.fft.fftfreq(field[0])[:, None], np.fft.rfftfreq(field[1])[None, :]
    counts = np.empty((len(moved), rows, columns), dtype=np.int16)
    for frame, (x, y) in enumerate(moved):
        ramp = np.exp(-2j * np.pi * (along_y * y + along_x * x))
        image = np.fft.irfft2(transform * ramp, s=field)[margin:-margin, margin:-margin]
        expected = dose * pixel_size**2 * (1 + contrast * image)
        counts[frame] = random.poisson(np.maximum(expected, 0))
    _write(Path(path), counts, pixel_size)
    return moved


def random_drift(seed: int, frames: int = 12) -> Drift:
    """Return a smooth random walk, (frames, 2) x, y in pixels, that starts fast and calms down.

    Beam-induced motion is largest in the first frames of an exposure. The path is about four
    pixels long in 12 frames.
    """
    random = np.random.default_rng([seed, frames])
    speed = 1.3 * np.exp(-np.arange(frames - 1) / 3) + 0.05
    heading = random.uniform(0, 2 * np.pi) + np.cumsum(random.normal(0, 0.3, frames - 1))
    steps = speed[:, None] * np.column_stack([np.cos(heading), np.sin(heading)])
    return np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])


def rms_error(shifts: Drift, drift: Drift) -> float:
    """Return how far recovered shifts are from undoing a drift, in pixels.

    Each is an array (frames, 2) of x, y; a perfect answer is ``shifts == -drift + constant``. Each
    is referred to its own mean first, because where the whole picture lies is arbitrary; the
    result is the root mean square over the frames of the distance between the two.
    """
    error = (shifts - shifts.mean(axis=0)) + (drift - drift.mean(axis=0))
    return float(np.sqrt((error**2).sum(axis=1).mean()))


def _specimen(
    random: np.random.Generator, shape: tuple[int, int], pixel_size: float
) -> NDArray[np.float64]:
    """Return a periodic picture of particles in ice, with mean 0 and standard deviation 1."""
    frequency_y = np.fft.fftfreq(shape[0], pixel_size)[:, None]
    square = frequency_y**2 + np.fft.rfftfreq(shape[1], pixel_size)[None, :] ** 2
    blur = np.exp(-2 * (np.pi * ATOM_SIGMA) ** 2 * square)
    ice_blur = np.exp(-ICE_BFACTOR / 4 * square)
    transfer = _contrast_transfer(square)
    particles = np.fft.rfft2(_particles(random, shape, pixel_size)) * blur * transfer
    ice = np.fft.rfft2(random.normal(size=shape)) * ice_blur * transfer
    # Dark particles on bright ice, as in a micrograph taken under focus.
    picture = -_scaled(np.fft.irfft2(particles, s=shape))
    return _scaled(picture + ICE_SHARE * _scaled(np.fft.irfft2(ice, s=shape)))


def _particles(
    random: np.random.Generator, shape: tuple[int, int], pixel_size: float
) -> NDArray[np.float64]:
    """Return point atoms: one random cluster, projected in random orientations and places."""
    atoms = random.normal(size=(PARTICLE_ATOMS, 3))
    radius = PARTICLE_RADIUS * random.random((PARTICLE_ATOMS, 1)) ** (1 / 3)
    atoms *= radius / np.linalg.norm(atoms, axis=1, keepdims=True)
    picture = np.zeros(shape)
    for _ in range(max(1, round(shape[0] * shape[1] * (pixel_size / PARTICLE_SPACING) ** 2))):
        turn, _triangle = np.linalg.qr(random.normal(size=(3, 3)))
        place = (atoms @ turn)[:, :2] / pixel_size + random.random(2) * shape
        row, column = (np.floor(place).astype(int) % shape).T
        np.add.at(picture, (row, column), 1.0)
    return picture


def _contrast_transfer(square: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sin(chi) for squared frequencies in 1/Å² (Rohou & Grigorieff 2015, eq. 4 and 5)."""
    defocus = np.pi * WAVELENGTH * DEFOCUS * square
    aberration = np.pi / 2 * ABERRATION * WAVELENGTH**3 * square**2
    phase: NDArray[np.float64] = np.sin(defocus - aberration + np.arcsin(AMPLITUDE_CONTRAST))
    return phase


def _scaled(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled: NDArray[np.float64] = (picture - picture.mean()) / picture.std()
    return scaled


def _write(path: Path, counts: NDArray[np.int16], pixel_size: float) -> None:
    if path.suffix.lower() in {".tif", ".tiff"}:
        # Here, because the movies of most tests are MRC and tifffile is slow to load.
        import tifffile  # noqa: PLC0415 - see above

        tifffile.imwrite(
            path,
            counts[:, ::-1].astype(np.uint16),
            photometric="minisblack",
            metadata=None,
            resolution=(1e8 / pixel_size, 1e8 / pixel_size),
            resolutionunit="CENTIMETER",
        )
        return
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(counts)
        mrc.set_image_stack()
        mrc.voxel_size = pixel_size
        # mrcfile's own label holds the time; without it, equal seeds give equal bytes.
        mrc.header.label[:] = b""
        mrc.header.label[0] = b"gpucore: synthetic movie"
        mrc.header.nlabl = 1
