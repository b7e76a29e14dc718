"""What the commands of OPUS-DSD have in common."""

from __future__ import annotations

from gpucore.standard import Failure, FailureClass, Program, Version
from gpucore_adapters.pytorch_failures import PYTORCH_FAILURES, out_of_memory

HOMEPAGE = "https://github.com/alncat/opusDSD"
LICENCE = "GPL-3.0"
CITATION = "Luo et al., Nat. Methods 20 (2023) 1729-1738, doi:10.1038/s41592-023-02031-6"
SOURCE = "github.com/alncat/opusDSD 595c28d (1.1.0) cryodrgn/commands/"

# Its `--version` says cryoDRGN, whose code it grew from.
PROGRAM = Program(
    executable="dsd",
    version=Version(args=("--version",), regex=r"cryoDRGN (\d+\.\d+\.\d+)"),
    install="https://github.com/alncat/opusDSD#set-up-environment",
)

FAILURES = (
    Failure(
        match=r"No GPUs detected|Use cuda False",
        class_=FailureClass.CPU_FALLBACK,
        hint="this PyTorch cannot use the GPU: install one with CUDA",
        effect="fail",
    ),
    out_of_memory("a smaller batch, or smaller `template_size` and `downsampling`"),
    Failure(
        match=r"\bAssertionError\b|\bValueError\b",
        class_=FailureClass.BAD_INPUT,
        hint="the images' box times `downsampling` must be 128 pixels or more",
    ),
    *PYTORCH_FAILURES,
)
