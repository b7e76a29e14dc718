"""What SUSAN's programs have in common: their files, how they take GPUs, and how they fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.standard import Failure, FailureClass, Gpu, GpuUse, Param

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BOX",
    "CITATION",
    "FAILURES",
    "GPU",
    "HOMEPAGE",
    "LICENCE",
    "PADDING",
    "PARTICLES",
    "SOURCE",
    "SUBSTACKS",
    "THREADS",
    "UNVERIFIED",
    "pair",
]

HOMEPAGE = "https://github.com/rkms86/SUSAN"
LICENCE = "AGPL-3.0"
CITATION = (
    "Sánchez et al., EUSIPCO (2019), doi:10.23919/EUSIPCO.2019.8903041; "
    "Sánchez et al., Image Analysis (2019) 415-426, doi:10.1007/978-3-030-20205-7_34"
)
SOURCE = (
    "github.com/rkms86/SUSAN 7025a3c: src/estimate_ctf_args.h, src/aligner_args.h, "
    "src/reconstruct_args.h, src/arg_parser.h, src/gpu.h, susan/modules.py; "
    "github.com/scipion-em/scipion-em-susantomo a7fc6b2: susantomo/scripts"
)
UNVERIFIED = (
    "nothing was run",
    "it has no option that tells its version",
    "paths of more than 1023 bytes are not refused, and it does not look at their length",
    "the memory that it needs on a GPU",
)

GPU = Gpu(use=GpuUse.COMPULSORY, form="comma")

# It divides its threads by its GPUs: fewer are none at all, and what is left over goes to GPU 0,
# whoever has that. So there is one for each.
THREADS = ("-n_threads", "%(GPU.count)s", "-gpu_list", "%(GPU)s")

# A choice that it does not know is printed, and it goes on with another one.
FAILURES = (
    Failure(match=r"Requesting unavailable GPU ID|Not available GPUs|Error counting CUDA devices"
            r"|At least 1 GPU must be requested", class_=FailureClass.NO_DEVICE),
    Failure(match=r"out of memory", class_=FailureClass.OUT_OF_MEMORY, effect="fail",
            hint="a smaller box, or a GPU with more memory"),
    Failure(match=r"GPU error: ", class_=FailureClass.DEVICE_FAULT, effect="fail"),
    Failure(match=r"Defaulting to ", class_=FailureClass.BAD_INPUT, effect="fail",
            hint="this release does not know the value, and took another one"),
    Failure(match=r"Unknown parameter|unrecognized option", class_=FailureClass.PROGRAM_FAULT,
            hint="this release does not know an option"),
    Failure(match=r"file .* does not exist|Invalid .* range|Invalid symmetry|cannot be created"
            r"|Error parsing", class_=FailureClass.BAD_INPUT),
)  # fmt: skip

PARTICLES = {
    "particles": Param(
        type="path", item=True, suffix=(".ptclsraw",), help="particles of SUSAN: substacks"
    ),
    "tomograms": Param(
        type="path", suffix=(".tomostxt",), help="tomograms of SUSAN: stacks, angles, defocus"
    ),
}  # fmt: skip

BOX = {
    "box_size": Param(
        type="int", unit="pixels", min=4, max=4096, multiple_of=2, help="side of a substack"
    ),
}  # fmt: skip


def pair(text: str, unit: str, *, default: tuple[float, float], section: str) -> Param:
    """Return two numbers that the program takes as one word."""
    return Param(
        type="float", unit=unit, length=2, separator=",", default=default, min=0, max=1e6,
        section=section, help=text,
    )  # fmt: skip


PADDING: Mapping[str, Param] = {
    "padding": Param(
        type="int", unit="pixels", default=0, min=0, max=4096, section="Substacks",
        help="padding of a substack",
    ),
    "padding_type": Param(
        type="choice", default="zero", choices=("zero", "noise"), section="Substacks",
        help="what it is padded with",
    ),
    "normalize": Param(
        type="choice", default="zero_mean_one_std", section="Substacks",
        choices=("none", "zero_mean", "zero_mean_one_std", "zero_mean_proj_weight"),
        help="how projections are normalised",
    ),
    "bandpass": Param(
        type="float", unit="Fourier pixels", length=2, separator=",", min=0, max=4096,
        section="Substacks", help="from where to where frequencies are used",
    ),
    "rolloff": Param(
        type="float", unit="Fourier pixels", default=2.0, min=0, max=1000, section="Substacks",
        help="how soft these bounds are",
    ),
}  # fmt: skip

SUBSTACKS = (
    "-pad_size", "%(padding)s", "-pad_type", "%(padding_type)s", "-norm_type", "%(normalize)s",
    "-bandpass", "%(bandpass)s", "-rolloff_f", "%(rolloff)s",
)  # fmt: skip
