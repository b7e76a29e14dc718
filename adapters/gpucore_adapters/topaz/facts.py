"""What the commands of Topaz have in common."""

from __future__ import annotations

from gpucore.standard import Failure, FailureClass, Gpu, GpuUse, Group, Param, Program, Version

HOMEPAGE = "https://topaz-em.readthedocs.io"
LICENCE = "GPL-3.0"
PICKING = "Bepler et al., Nat. Methods 16 (2019) 1153-1160, doi:10.1038/s41592-019-0575-8"
DENOISING = "Bepler et al., Nat. Commun. 11 (2020) 5208, doi:10.1038/s41467-020-18952-1"

PROGRAM = Program(
    executable="topaz",
    version=Version(args=("--version",), regex=r"(\d+\.\d+\.\d+)"),
    install="pip install topaz-em",
)

# Torch counts the GPUs that it sees; others on the GPU do it no harm.
GPU = Gpu(use=GpuUse.OPTIONAL, form="space", max=1, memory_note="more for larger images or patches")

# Scipion passes its whole list, and `-d 0 1` is an error: it takes one number.
DEVICE = (
    Group(when="gpu", args=("-d", "%(GPU)s")),
    Group(when="cpu", args=("-d", "-1")),
)

FALLBACK = Failure(
    match=r"Falling back to CPU",
    when="gpu",
    class_=FailureClass.CPU_FALLBACK,
    effect="warn",
    hint="it ran on the CPU while it held a GPU: its PyTorch must fit the driver",
)
FAILURES = (
    FALLBACK,
    Failure(match=r"CUDA out of memory|OutOfMemoryError", class_=FailureClass.OUT_OF_MEMORY,
            hint="smaller patches, or let nothing else onto its GPU"),
    Failure(match=r"invalid device ordinal|No CUDA GPUs are available",
            class_=FailureClass.NO_DEVICE),
    Failure(match=r"illegal memory access|uncorrectable ECC|unspecified launch failure",
            class_=FailureClass.DEVICE_FAULT),
    # 0.3.20 without pkg_resources ends with `Unable to load model`: this says why.
    Failure(match=r"^ModuleNotFoundError: No module named 'pkg_resources'",
            class_=FailureClass.NOT_STARTED,
            hint="install a setuptools before 81 into its environment"),
    Failure(match=r"^ModuleNotFoundError|^ImportError|operator torchvision::\w+ does not exist",
            class_=FailureClass.NOT_STARTED, hint="start it in Topaz's own environment"),
    Failure(match=r"^FileNotFoundError|^PIL\.UnidentifiedImageError|Unable to load model"
                  r"|^_?pickle\.UnpicklingError|^struct\.error",
            class_=FailureClass.BAD_INPUT),
)  # fmt: skip

THREADS = Param(type="int", default=0, min=-1, advanced=True,
                help="PyTorch's CPU threads; 0: its own choice, -1: all cores")  # fmt: skip
