"""What all commands of emClarity have in common: where it comes from, and how it fails."""

from __future__ import annotations

from gpucore.standard import Failure, FailureClass, Program

__all__ = [
    "CITATION",
    "ENDED",
    "FAILURES",
    "HOMEPAGE",
    "LICENCE",
    "PROGRAM",
    "SOURCE",
    "UNVERIFIED",
]

HOMEPAGE = "https://github.com/StochasticAnalytics/emClarity/wiki"
LICENCE = "LGPL-3.0"
CITATION = (
    "Himes and Zhang, Nature Methods 15 (2018) 955-961, doi:10.1038/s41592-018-0167-z; "
    "Ni et al., Nature Protocols 17 (2022) 421-444, doi:10.1038/s41596-021-00648-5"
)
SOURCE = (
    "github.com/StochasticAnalytics/emClarity f673fdd: testScripts/emClarity.m, "
    "metaData/BH_parseParameterFile.m, alignment/, ctf/, transformations/; "
    "github.com/scipion-em/scipion-em-emclarity emclarity/protocols"
)
UNVERIFIED = (
    "nothing was run: it is compiled with MATLAB, and wants its runtime and emClarity_ROOT",
    "its exit codes; MATLAB's words for errors of a GPU",
    "how it is asked for its version: a run prints it",
    "the memory that it needs on a GPU",
)

PROGRAM = Program(executable="emClarity", install=HOMEPAGE)

# Its last line; `autoAlign` returns before it.
ENDED = r"run ending on"

# With more GPUs visible than `nGPUs` says, it proposes a line for a script and exits at once.
FAILURES = (
    Failure(match=r"gpus requested but only \d+ are visible", class_=FailureClass.NO_DEVICE,
            effect="fail", hint="`nGPUs` of the parameter file must be what a step gets"),
    Failure(match=r"There are more gpus visible than requested", class_=FailureClass.BAD_INPUT,
            effect="fail", hint="`nGPUs` of the parameter file must be what a step gets"),
    Failure(match=r"Out of memory on device|CUDA_ERROR_OUT_OF_MEMORY|out of memory",
            class_=FailureClass.OUT_OF_MEMORY, hint="a coarser sampling rate needs less"),
    Failure(match=r"no CUDA-capable device|Unable to find a supported GPU|GPU device is not",
            class_=FailureClass.NO_DEVICE),
    Failure(match=r"CUDA_ERROR_ILLEGAL_ADDRESS|CUDA_ERROR_LAUNCH_FAILED|unexpected error occurred "
            r"during CUDA", class_=FailureClass.DEVICE_FAULT),
    Failure(match=r"Did not find your|was not found|Could not split Name=Value"
            r"|Reference to non-existent field", class_=FailureClass.BAD_INPUT),
    Failure(match=r"emClarity_ROOT is not set|error while loading shared libraries",
            class_=FailureClass.NOT_STARTED, hint="load MATLAB's runtime and set emClarity_ROOT"),
)  # fmt: skip
