"""What the programs of the Kihara lab have in common: a checkout that is run as it lies there.

Their own `--gpu` sets CUDA_VISIBLE_DEVICES, and would undo the mask of a batch job. So it is never
given: they use the first GPU that they see.
"""

from __future__ import annotations

from gpucore.standard import Failure, FailureClass, Gpu, GpuUse, Param, Program
from gpucore_adapters.pytorch_failures import PYTORCH_FAILURES, out_of_memory
from gpucore_adapters.shell_names import PLAIN_NAME

FAMILY = "Kihara lab"
LICENCE = "GPL-3.0; another for commercial use"
PLUGIN = "; github.com/scipion-em/scipion-em-kiharalab f0daa95 kiharalab/protocols/"
UNRUN = "never run"
NO_VERSION = "how it is asked for its version"

GPU = Gpu(use=GpuUse.COMPULSORY, max=1)

FAILURES = (
    out_of_memory("a smaller `batch`"),
    *PYTORCH_FAILURES,
    Failure(match=r"\b(?:Assertion|Value|Key|Index)Error\b", class_=FailureClass.BAD_INPUT),
)


def python(repository: str) -> Program:
    """Return Python as the program: that of the environment made for this repository."""
    return Program(
        executable="python3", install=f"git clone https://github.com/kiharalab/{repository}"
    )


def home(program: str) -> Param:
    """Return the parameter of the program's own folder."""
    return Param(
        type="path",
        check="directory",
        blanks=False,
        pattern=PLAIN_NAME,
        help=f"folder of {program}",
    )


def batch(default: int) -> Param:
    """Return the parameter of the batch."""
    return Param(type="int", default=default, min=1, help="boxes on the GPU at once")
