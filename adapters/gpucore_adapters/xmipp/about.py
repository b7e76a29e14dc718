"""What the programs of Xmipp have in common: where they come from, and how CUDA fails them."""

from gpucore.standard import Failure, FailureClass

__all__ = ["CUDA_FAILURES", "HOMEPAGE", "INSTALL", "LICENCE", "SOURCE", "XMIPP"]

LICENCE = "GPL-3.0"
HOMEPAGE = "https://i2pc.github.io"
INSTALL = "https://github.com/I2PC/xmipp"
XMIPP = "Strelak et al., Molecules 26 (2021) 6224, doi:10.3390/molecules26206224"
SOURCE = "github.com/I2PC/xmipp 3ce80f0b5 (after v3.25.06.0)"

# CUDA's own words stand behind these; nobody catches the exceptions, which end the program.
_CUDA = r"(?:GPUassert: |Cuda error: |what\(\): +)"

CUDA_FAILURES = (
    Failure(match=_CUDA + r"out of memory|GPUassertFFT: CUFFT_ALLOC_FAILED"
                          r"|GPU memory related issues",
            class_=FailureClass.OUT_OF_MEMORY,
            hint="something else holds the GPU's memory, or the images are too large for it"),
    Failure(match=_CUDA + r"(?:invalid device ordinal|no CUDA-capable device|CUDA driver version)"
                          r"|Invalid GPU device",
            class_=FailureClass.NO_DEVICE),
    Failure(match=r"no kernel image is available", class_=FailureClass.NO_DEVICE,
            hint="this Xmipp was compiled for other GPUs: compile it for this one"),
    Failure(match=_CUDA + r"(?:an illegal memory access|unspecified launch|uncorrectable ECC)",
            class_=FailureClass.DEVICE_FAULT),
    Failure(match=r"error while loading shared libraries", class_=FailureClass.NOT_STARTED,
            hint="the libraries of Xmipp and CUDA are not found: activate Xmipp's environment"),
    Failure(match=r"std::bad_alloc", class_=FailureClass.HOST_MEMORY),
    Failure(match=r"File or directory does not exist|Empty input Metadata"
                  r"|Image label '.*' is missing",
            class_=FailureClass.BAD_INPUT,
            hint="Xmipp looks for the images that a metadata file names from the working folder"),
)  # fmt: skip
