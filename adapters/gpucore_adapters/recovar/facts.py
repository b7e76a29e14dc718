"""What the commands of RECOVAR have in common: its memory planning, its failures."""

from __future__ import annotations

from gpucore.standard import Failure, FailureClass, Gpu, GpuUse, Group, Output, Param, Program
from gpucore_adapters.jax_failures import JAX_FAILURES, out_of_memory

HOMEPAGE = "https://ma-gilles.github.io/recovar"
LICENCE = "Princeton University, academic and non-commercial"
CITATION = "Gilles and Singer, PNAS 122 (2025) e2419140122, doi:10.1073/pnas.2419140122"
SOURCE = "recovar 1.0.5 (PyPI) recovar/commands/"
UNVERIFIED = (
    "never run on a GPU",
    "the GPU memory that it needs: it plans by what is there",
    "how it is asked for its version",
)

PROGRAM = Program(executable="recovar", install='pip install "recovar[gpu]", Python 3.11')

# It takes no ids. JAX holds nine tenths of a GPU's memory from the start.
GPU = Gpu(
    use=GpuUse.OPTIONAL,
    max=1,
    sharing="discouraged",
    memory_note="it plans its batches by the memory of the GPU, or by `gpu_memory`",
)

FAILURES = (
    Failure(
        match=r"No GPU found\. Set --accept-cpu",
        class_=FailureClass.NO_DEVICE,
        hint="install JAX with CUDA, or say use_gpu = false",
    ),
    out_of_memory("less in `gpu_memory`, or `low_memory`; JAX holds the whole GPU for itself"),
    Failure(
        match=r"recovar build_custom_cuda|libcuda_backproject\.so",
        class_=FailureClass.NOT_STARTED,
        hint="run `recovar build_custom_cuda` once, or set RECOVAR_DISABLE_CUDA=1 for it",
    ),
    Failure(
        match=r"No valid config found",
        class_=FailureClass.PROGRAM_FAULT,
        hint="a gap in XLA's tuning: set XLA_FLAGS=--xla_gpu_autotune_level=0 for it",
    ),
    *JAX_FAILURES,
    Failure(match=r"\bValueError\b", class_=FailureClass.BAD_INPUT),
)

MEMORY = {
    "gpu_memory": Param(
        type="float", unit="GB", optional=True, above=0, section="Memory",
        help="memory that batches are planned for; all of the GPU when not given",
    ),
    "low_memory": Param(
        type="choice", choices=("no", "low", "very_low"), default="no", section="Memory",
        help="halve the batches, or quarter them",
    ),
    "adapt_components": Param(
        type="bool", default=True, section="Memory", advanced=True,
        help="take fewer principal components when memory is short",
    ),
    "lazy": Param(
        type="bool", default=False, section="Memory",
        help="read images when they are needed: for sets larger than the machine's memory",
    ),
}  # fmt: skip

MEMORY_OPTIONS = (
    Group(args=("--gpu-budget-gb", "%(gpu_memory)s")),
    Group(when="low_memory", equals=("low",), args=("--low-memory-option",)),
    Group(when="low_memory", equals=("very_low",), args=("--very-low-memory-option",)),
    Group(unless="adapt_components", args=("--no-adaptive-n-pcs",)),
    Group(when="lazy", args=("--lazy",)),
)

DATADIR = Param(
    type="path", optional=True, check="directory", section="Images",
    help="folder that the paths in a .star or .cs file start from",
)  # fmt: skip

STRIP_PREFIX = Param(
    type="string", optional=True, section="Images", advanced=True,
    help="beginning of those paths that is cut off",
)  # fmt: skip

DONE = Output(name="job", path="%(out)s/job.json", match=r'"status": "completed"')
