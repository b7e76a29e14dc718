"""What IMOD's programs have in common: where they come from, and how they take a GPU."""

from __future__ import annotations

from gpucore.standard import Failure, FailureClass, Gpu, GpuUse

__all__ = [
    "CITATION",
    "ENV",
    "GPU",
    "GPU_FAILURES",
    "HOMEPAGE",
    "INPUT_FAILURES",
    "INSTALL",
    "LICENCE",
    "PREFERRED_ELSEWHERE",
]

HOMEPAGE = "https://bio3d.colorado.edu/imod/"
INSTALL = "https://bio3d.colorado.edu/imod/download.html"
LICENCE = "GPL-2.0"
CITATION = (
    "Kremer et al., J. Struct. Biol. 116 (1996) 71-76, doi:10.1006/jsbi.1996.0013; "
    "Mastronarde and Held, J. Struct. Biol. 197 (2017) 102-113, doi:10.1016/j.jsb.2016.07.011"
)

GPU = Gpu(
    use=GpuUse.OPTIONAL,
    form="space",
    base=1,
    max=1,
    memory_note="it asks for what fits, and says when that is too little",
)

# A variable of the user's session would otherwise bring a GPU into a step that has none; what the
# command says goes before it.
ENV = {"IMOD_USE_GPU": "-1"}

PREFERRED_ELSEWHERE = (
    "IMOD_USE_GPU2, where a site sets it, goes before the command: it must not be set"
)

# Of the two, the first tells why the second was printed.
GPU_FAILURES = (
    Failure(
        match=r"GPU is available but it has insufficient memory|Failed to allocate or load arrays",
        when="gpu",
        class_=FailureClass.OUT_OF_MEMORY,
        effect="fail",
        hint="use a smaller part or binned images, a GPU with more memory, or none",
    ),
    Failure(
        match=r"but a GPU cannot be used|Use of a GPU was requested but none is available",
        when="gpu",
        class_=FailureClass.NO_DEVICE,
        effect="fail",
        hint="`gpucore gpus` shows the GPUs; this build of IMOD must fit their driver",
    ),
    Failure(
        match=r"but a GPU will not be used|using the CPU|using CPU for",
        when="gpu",
        class_=FailureClass.CPU_FALLBACK,
        effect="fail",
    ),
    Failure(
        match=r"Error executing threads|Failure in (forward|inverse) FFT on GPU"
        r"|illegal memory access|uncorrectable ECC",
        when="gpu",
        class_=FailureClass.DEVICE_FAULT,
        effect="fail",
    ),
)

INPUT_FAILURES = (
    Failure(match=r"^\s*ERROR: ", class_=FailureClass.BAD_INPUT),
    Failure(
        match=r"error while loading shared libraries|Cannot find an autodoc",
        class_=FailureClass.NOT_STARTED,
        hint="load IMOD's environment: IMOD_DIR, and its lib folder in LD_LIBRARY_PATH",
    ),
)
