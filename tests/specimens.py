"""Small synthetic data whose right answer is known: particles, a micrograph, a map and its model.

Movies come from `gpucore_adapters.framealign.synthetic`. Equal calls give equal bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import mrcfile
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Image = NDArray[np.float64]

__all__ = [
    "MICROGRAPH_PIXEL_SIZE",
    "PARTICLE_DIAMETER",
    "write_fit",
    "write_micrograph",
    "write_mrc",
    "write_particles",
    "write_reference",
]

MICROGRAPH_PIXEL_SIZE = 4.0
PARTICLE_DIAMETER = 120.0
"""Of the discs in the micrograph, in Å."""

_PARTICLES = """
# version 30001

data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnMicrographOriginalPixelSize #3
_rlnVoltage #4
_rlnSphericalAberration #5
_rlnAmplitudeContrast #6
_rlnImagePixelSize #7
_rlnImageSize #8
_rlnImageDimensionality #9
opticsGroup1 1 4.0 300.0 2.7 0.1 4.0 {box} 2


# version 30001

data_particles

loop_
_rlnImageName #1
_rlnMicrographName #2
_rlnOpticsGroup #3
{rows}

"""


def write_mrc(path: Path, data: Image, pixel_size: float) -> None:
    """Write an image or a stack of images."""
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(data.astype(np.float32))
        if data.ndim > 2:
            file.set_image_stack()
        file.voxel_size = pixel_size
        # mrcfile's own label holds the time.
        file.header.label[:] = b""
        file.header.nlabl = 0


def write_particles(folder: Path, *, count: int = 60, box: int = 32) -> Path:
    """Write a stack of as many bars as rings, turned and moved; return its STAR file.

    The STAR file names the stack by its absolute path, since RELION looks for it from wherever it
    runs.
    """
    random = np.random.default_rng(3)
    images = [_normalised(2 * _view(index % 2, box, random), random) for index in range(count)]
    stack = folder / "particles.mrcs"
    write_mrc(stack, np.stack(images), 4.0)
    rows = "\n".join(f"{number:06d}@{stack} mic.mrc 1" for number in range(1, count + 1))
    star = folder / "particles.star"
    star.write_text(_PARTICLES.format(box=box, rows=rows), encoding="utf-8")
    return star


def write_micrograph(path: Path, *, particles: bool = True, size: int = 512) -> Image:
    """Write dark discs on noise, on a jittered grid; return their centres, (36, 2) x, y.

    Its background is mean 0 and standard deviation 1.
    """
    random = np.random.default_rng(5)
    step = size / 7
    grid = (np.arange(6) + 1.0) * step
    places = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    centres = places + random.uniform(-0.1, 0.1, places.shape) * step
    image = random.normal(0.0, 1.0, (size, size))
    if particles:
        for x, y in centres:
            image -= 2 * _disc(size, x, y)
    write_mrc(path, image, MICROGRAPH_PIXEL_SIZE)
    return np.asarray(centres)


def write_reference(path: Path, *, box: int = 48) -> None:
    """Write one class average: a bright disc as large as the micrograph's dark ones."""
    write_mrc(path, _disc(box, box / 2, box / 2)[None], MICROGRAPH_PIXEL_SIZE)


def write_fit(folder: Path, *, size: int = 32, voxel: float = 3.0) -> tuple[Path, Path]:
    """Write a map at 10 Å and the model of a bent helix that lies beside its place in it.

    The centre of the right answer is the middle of the map, ``size * voxel / 2`` Å.
    """
    points = _helix() + size * voxel / 2
    axis = np.arange(size) * voxel
    volume = np.zeros((size, size, size))
    for point in points:
        x, y, z = (np.exp(-((axis - place) ** 2) / (2 * 2.25**2)) for place in point)
        volume += z[:, None, None] * y[None, :, None] * x[None, None, :]
    with mrcfile.new(folder / "map.mrc", volume.astype(np.float32), overwrite=True) as file:
        file.voxel_size = voxel
    lines = [
        f"ATOM  {number:5d}  CA  ALA A{number:4d}    {x:8.3f}{y:8.3f}{z:8.3f}"
        "  1.00  0.00           C  "
        for number, (x, y, z) in enumerate(points - (9.0, -6.0, 3.0), start=1)
    ]
    (folder / "model.pdb").write_text("\n".join([*lines, "TER", "END", ""]), encoding="ascii")
    return folder / "map.mrc", folder / "model.pdb"


def _helix(residues: int = 40) -> Image:
    """Return C-alpha positions of a helix that is bent, so that only one fit is right."""
    index = np.arange(residues, dtype=np.float64)
    angle = np.deg2rad(100.0) * index
    bend = np.linspace(0.0, 1.2, residues)
    points = np.stack(
        [
            2.3 * np.cos(angle) + 14.0 * np.sin(bend),
            2.3 * np.sin(angle),
            1.5 * index * np.cos(bend),
        ],
        axis=1,
    )
    return np.asarray(points - points.mean(axis=0))


def _disc(size: int, x: float, y: float) -> Image:
    rows, columns = np.mgrid[:size, :size].astype(np.float64)
    radius = PARTICLE_DIAMETER / MICROGRAPH_PIXEL_SIZE / 2
    return np.asarray(1.0 / (1.0 + np.exp(np.hypot(columns - x, rows - y) - radius)))


def _view(kind: int, box: int, random: np.random.Generator) -> Image:
    angle = random.uniform(0.0, 2.0 * np.pi)
    moved = random.uniform(-1.5, 1.5, size=2)
    y, x = np.mgrid[:box, :box].astype(np.float64) - box / 2.0
    x, y = x - moved[0], y - moved[1]
    along = np.cos(angle) * x + np.sin(angle) * y
    across = -np.sin(angle) * x + np.cos(angle) * y
    if kind == 0:
        return np.asarray(np.exp(-((along / 8.0) ** 2) - (across / 2.5) ** 2))
    return np.asarray(np.exp(-(((np.hypot(x, y) - 6.0) / 2.0) ** 2)))


def _normalised(image: Image, random: np.random.Generator) -> Image:
    """Return it with noise; RELION wants mean 0 and standard deviation 1 around the particle."""
    noisy = image + random.normal(0.0, 1.0, image.shape)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] - image.shape[0] // 2
    background = noisy[np.hypot(x, y) > 0.375 * image.shape[0]]
    return np.asarray((noisy - background.mean()) / background.std())
