"""What RELION's programs print when an input is not what they can use, and what that means.

The texts are those of RELION 3.1.3 and 5.0.1, the same in both where nothing else is said.
"""

from __future__ import annotations

from gpucore.standard import Failure, FailureClass

__all__ = [
    "GPU_IS_FULL",
    "IMAGE_FAILURE",
    "MEMORY_FAILURE",
    "NO_GPU",
    "PARTICLE_FAILURES",
    "REFERENCE_FAILURES",
]

# CUDA's own words stand before RELION's, which are the same for every fault of a GPU.
GPU_IS_FULL = (
    r"ran out of memory on the GPU|CudaCustomAllocator out of memory|ERROR: out of memory in "
    r"|^GPU memory was insufficient"
)
NO_GPU = (
    r"There was an issue with the GPU-ids|You have no GPUs compatible with RELION"
    r"|ERROR: (?:no CUDA-capable device|invalid device ordinal|no kernel image is available"
    r"|CUDA driver version is insufficient)"
)

IMAGE_FAILURE = Failure(
    match=r"only real-space images (?:may|can) be read into RELION|readMRC: unsupported MRC mode"
    r"|exceeds stack size|error in reading header of image|Image::openFile cannot open"
    r"|Invalid Spider file|readTIFF: ",
    class_=FailureClass.BAD_INPUT,
    hint="an image is cut off, has a complex or unknown MRC mode, or is none: look at its file",
)

MEMORY_FAILURE = Failure(
    match=r"Error in askMemory|std::bad_alloc|llocate: No space left|mmap failed",
    class_=FailureClass.HOST_MEMORY,
)

PARTICLE_FAILURES = (
    IMAGE_FAILURE,
    Failure(
        match=r"not all necessary variables defined in _optics|Star file is already at version"
        r"|RELION does not support CR\+LF|does not contain any particles"
        r"|MlModel::readStar: incorrect|[Nn]o particles filename was found",
        class_=FailureClass.BAD_INPUT,
        hint="the STAR file is not of this RELION's particles: convert an older one "
        "(relion_convert_star), and one from Windows (dos2unix)",
    ),
    Failure(
        match=r"equal sizes in all dimensions|Particle .* is not square",
        class_=FailureClass.BAD_INPUT,
        hint="particles must be square, and of one size in each optics group",
    ),
    Failure(
        match=r"No pixels in background are found|2\*bg_radius is larger than image size",
        class_=FailureClass.BAD_INPUT,
        hint="make `particle_diameter` smaller than the box",
    ),
    Failure(
        match=r"zero sum of weights|No orientation was found as better than any other"
        r"|number of contributing orientations for an image|sum of weights for all orientations"
        r"|Very small or very big \(avg\) normcorr|rlnMicrographScaleCorrection is very high"
        r"|Empty MultidimArray!",
        class_=FailureClass.BAD_INPUT,
        hint="an image fits nothing: a stack that is cut off or not normalised, or a reference of "
        "another grey scale",
    ),
    Failure(
        # mpirun and shells say 139.
        codes=(-11, 139),
        class_=FailureClass.PROGRAM_FAULT,
        hint="RELION crashes so on a STAR file without particles or without rlnImageName",
    ),
)
"""Of the programs that read particles."""

REFERENCE_FAILURES = (
    Failure(
        match=r"re-run the program with the --trust_ref_size option"
        r"|different models have different pixel sizes",
        class_=FailureClass.BAD_INPUT,
        hint="say resize_reference = true, or give a reference of the particles' box and pixel "
        "size",
    ),
    Failure(
        match=r"Zero orientations fall within the local angular search",
        class_=FailureClass.BAD_INPUT,
        hint="search wider near the known angles, or start from a finer `healpix_order`",
    ),
    Failure(
        match=r"symmetry relaxation is currently available only for cyclic",
        class_=FailureClass.BAD_INPUT,
        hint="RELION 5 relaxes Cn alone: another point group in `relax_symmetry`",
    ),
)
"""Of the programs that compare particles with a map."""
