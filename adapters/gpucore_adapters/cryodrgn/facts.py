"""What the commands of cryoDRGN have in common: the program, its GPUs, its images, its failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.standard import Failure, FailureClass, Gpu, GpuUse, Group, Param, Program, Version
from gpucore_adapters.pytorch_failures import PYTORCH_FAILURES, out_of_memory

if TYPE_CHECKING:
    from collections.abc import Iterable

HOMEPAGE = "https://github.com/ml-struct-bio/cryodrgn"
LICENCE = "GPL-3.0"
CITATION = "Zhong et al., Nat. Methods 18 (2021) 176-185, doi:10.1038/s41592-020-01049-4"
CITATION_ABINIT = (
    "Levy et al., Nat. Methods 22 (2025) 1486-1494, doi:10.1038/s41592-025-02720-4; "
    "Zhong et al., Nat. Methods 18 (2021) 176-185, doi:10.1038/s41592-020-01049-4"
)
NEVER_ON_A_GPU = "never run on a GPU; run on the CPU as cryoDRGN 4.3.1"
UNRUN = "never run; read in the source of cryoDRGN 4.3.1"

PROGRAM = Program(
    executable="cryodrgn",
    version=Version(args=("--version",), regex=r"cryoDRGN (\d+\.\d+\.\d+\S*)"),
    install="pip install cryodrgn",
)

BATCH_GROWS = "the batch is multiplied by the number of GPUs"

ALL_VISIBLE = Gpu(use=GpuUse.OPTIONAL, changes_result=BATCH_GROWS)
"""It has no option for an id: it uses what it sees, and with ``--multigpu`` all of that."""

FIRST_VISIBLE = Gpu(use=GpuUse.OPTIONAL, max=1)

SEVERAL = Group(when="gpus", at_least=2, args=("--multigpu",))

FIRST = Group(when="gpu", args=("--device", "0"))
"""Its ids count within what it sees. Named, a GPU that cannot be used ends the program; not named,
it goes on with the CPU."""

TRAINED = r"Finished in .+ per epoch\)"

SUFFIXES = (".mrcs", ".mrc", ".star", ".cs", ".txt")

FAILURES = (
    Failure(
        match=r"No GPUs detected|Use cuda False",
        when="gpu",
        class_=FailureClass.CPU_FALLBACK,
        hint="it ran on the CPU while it held a GPU: install a PyTorch with CUDA, or say "
        "use_gpu = false",
        effect="fail",
    ),
    out_of_memory("a smaller batch, or images of a smaller box (cryodrgn downsample)"),
    Failure(
        match=r"the number of epochs to train must be greater than",
        class_=FailureClass.BAD_INPUT,
        hint="the checkpoint in `load` has as many epochs as `epochs`, or more",
    ),
    Failure(match=r"KLD is nan", class_=FailureClass.PROGRAM_FAULT, hint="a smaller learning rate"),
    Failure(match=r"^(?:AssertionError|ValueError)\b", class_=FailureClass.BAD_INPUT),
    *PYTORCH_FAILURES,
)


def options(*pairs: tuple[str, str]) -> tuple[Group, ...]:
    """Return one group for each flag and the parameter whose value follows it, where it has one."""
    return tuple(Group(args=(flag, f"%({name})s")) for flag, name in pairs)


def flags(*pairs: tuple[str, str]) -> tuple[Group, ...]:
    """Return one group for each flag and the parameter that turns it on."""
    return tuple(Group(when=name, args=(flag,)) for flag, name in pairs)


def absences(*pairs: tuple[str, str]) -> tuple[Group, ...]:
    """Return one group for each flag that turns off what a parameter is on for."""
    return tuple(Group(unless=name, args=(flag,)) for flag, name in pairs)


def chosen(params: dict[str, Param], names: Iterable[str]) -> dict[str, Param]:
    """Return these parameters, in this order."""
    return {name: params[name] for name in names}


IMAGES = {
    "particles": Param(
        type="path", item=True, suffix=SUFFIXES, section="Images", help="stack or list of particles"
    ),
    "poses": Param(
        type="path", suffix=(".pkl",), section="Images", help="poses: orientations and shifts"
    ),
    "ctf": Param(
        type="path", optional=True, suffix=(".pkl",), section="Images",
        help="CTF of the images; without: they are taken as they are",
    ),
    "datadir": Param(
        type="path", optional=True, check="directory", section="Images",
        help="folder that the paths in a .star or .cs file start from",
    ),
    "ind": Param(
        type="path", optional=True, suffix=(".pkl",), section="Images",
        help="indices of the images to use",
    ),
    "invert": Param(
        type="bool", default=True, section="Images",
        help="invert the contrast; false for particles that are white already",
    ),
    "window": Param(
        type="bool", default=True, section="Images", help="mask the images with a soft circle"
    ),
    "window_radius": Param(
        type="float", default=0.85, above=0, section="Images", advanced=True,
        help="radius of that circle, as a part of half the box",
    ),
    "lazy": Param(
        type="bool", default=False, section="Images",
        help="read images when they are needed: for sets larger than the machine's memory",
    ),
    "shuffler": Param(
        type="int", unit="images", default=0, min=0, section="Images", advanced=True,
        help="buffer that makes lazy reading faster; 0: none",
    ),
}  # fmt: skip

IMAGE_OPTIONS: tuple[str | Group, ...] = (
    *options(("--ctf", "ctf"), ("--datadir", "datadir"), ("--ind", "ind")),
    *absences(("--uninvert-data", "invert"), ("--no-window", "window")),
    "--window-r",
    "%(window_radius)s",
    *flags(("--lazy", "lazy")),
    "--shuffler-size",
    "%(shuffler)s",
)

TRAINING = {
    "epochs": Param(
        type="int", default=20, min=1, section="Training", help="passes over all images"
    ),
    "batch": Param(
        type="int", unit="images", default=16, min=1, section="Training",
        help="images at once; each further GPU takes as many again",
    ),
    "learning_rate": Param(
        type="float", default=1e-4, above=0, section="Training", advanced=True,
        help="learning rate of the network",
    ),
    "weight_decay": Param(
        type="float", default=0.0, min=0, section="Training", advanced=True,
        help="weight decay of the optimiser",
    ),
    "mixed_precision": Param(
        type="bool", default=True, section="Training", advanced=True,
        help="compute in half precision where that does no harm",
    ),
    "checkpoint": Param(
        type="int", unit="epochs", default=1, min=1, section="Training", advanced=True,
        help="write the network every so many epochs; it should divide their number",
    ),
    "load": Param(
        type="string", optional=True, section="Training",
        help="weights file to go on from, or `latest` for that of the output folder",
    ),
    "seed": Param(
        type="int", optional=True, min=0, section="Training", advanced=True,
        help="of random numbers; a new one each time when not given",
    ),
}  # fmt: skip

TRAINING_OPTIONS: tuple[str | Group, ...] = (
    *("-n", "%(epochs)s", "-b", "%(batch)s"),
    *("--lr", "%(learning_rate)s", "--wd", "%(weight_decay)s"),
    *absences(("--no-amp", "mixed_precision")),
    *("--checkpoint", "%(checkpoint)s"),
    *options(("--load", "load"), ("--seed", "seed")),
)

POSES = {
    "refine_poses": Param(
        type="bool", default=False, section="Poses", advanced=True,
        help="refine the poses by gradient descent",
    ),
    "pose_learning_rate": Param(
        type="float", optional=True, above=0, section="Poses", advanced=True,
        needs=("refine_poses",), help="learning rate of the poses",
    ),
}  # fmt: skip

POSE_OPTIONS: tuple[str | Group, ...] = (
    *flags(("--do-pose-sgd", "refine_poses")),
    *options(("--pose-lr", "pose_learning_rate")),
)

ZDIM = Param(type="int", min=1, section="Training", help="dimensions of the latent space, 8 or so")

ANALYSE = Param(
    type="bool", default=True, section="Training", help="analyse the last epoch afterwards"
)


def folder(suffix: str) -> Param:
    """Return the parameter of a folder of results, named after the particles."""
    return Param(
        type="path",
        output=f"%(particles.stem)s_{suffix}",
        check="directory",
        help="folder of the results",
    )
