"""What the programs of Hax have in common: one GPU, images, a network that is trained or used."""

from __future__ import annotations

from gpucore.standard import Failure, FailureClass, Gpu, GpuUse, Group, Param, Program
from gpucore_adapters.jax_failures import JAX_FAILURES, out_of_memory

HOMEPAGE = "https://github.com/DavidHerreros/Hax"
LICENCE = "not stated in its repository"
SOURCE = "github.com/DavidHerreros/Hax d35fd81 (1.0.4) hax/cli/cli.py, "
PLUGIN = "; github.com/scipion-em/scipion-em-hax b38e935 hax/protocols/"
UNVERIFIED = (
    "never run",
    "the GPU memory that it needs",
    "whether it runs without a GPU: it imports cuML at its start",
    "how it is asked for its version, and its licence",
)

PROGRAM = Program(executable="hax_project_manager", install='pip install "hax-em[cuda12]"')

# Its own `--gpu` sets CUDA_VISIBLE_DEVICES, and would undo the mask of a batch job. So it is never
# given: the program uses the first GPU that it sees.
GPU = Gpu(use=GpuUse.OPTIONAL, max=1, memory_note="more for larger batches and images")

# Options that it does not know it passes over without a word.
FAILURES = (
    out_of_memory("a smaller `batch`, or smaller images"),
    *JAX_FAILURES,
    Failure(match=r"\b(?:Value|Key|UnboundLocal)Error\b", class_=FailureClass.BAD_INPUT),
)

METADATA = Param(
    type="path", item=True, suffix=(".xmd", ".star"), section="Images",
    help="images with poses and CTF, of Xmipp or RELION",
)  # fmt: skip

VOLUME = Param(type="path", section="Volume", help="reference volume")

IMAGES = {
    "pixel_size": Param(
        type="float", unit="Å", above=0, section="Images", help="pixel size of images and volume"
    ),
    "ctf": Param(
        type="choice", choices=("None", "apply", "wiener", "precorrect"), default="apply",
        section="Images",
        help="apply the CTF to projections, correct the images by it, or leave it out",
    ),
    "mask": Param(
        type="path", optional=True, section="Volume", help="mask of zeros and ones of the volume"
    ),
    "in_memory": Param(
        type="bool", default=False, section="Images",
        help="read all images into memory first; else a copy of them is made on disk",
    ),
    "scratch": Param(
        type="path", optional=True, check="directory", section="Images",
        help="folder on a fast disk for that copy; the output folder when not given",
    ),
}  # fmt: skip

IMAGE_OPTIONS = (
    *("--sr", "%(pixel_size)s", "--ctf_type", "%(ctf)s"),
    Group(args=("--mask", "%(mask)s")),
    Group(when="in_memory", args=("--load_images_to_ram",)),
    Group(args=("--ssd_scratch_folder", "%(scratch)s")),
)

MODE = Param(
    type="choice", choices=("train", "predict"), default="train", section="Training",
    help="train a network, or use a trained one (`reload`)",
)  # fmt: skip

RELOAD = Param(
    type="path", optional=True, check="directory", section="Training",
    help="output folder of a training, to use or to go on from",
)  # fmt: skip


def training(*, epochs: int, batch: int, learning_rate: float, dimensions: int) -> dict[str, Param]:
    """Return the parameters of a training, with the program's own defaults."""
    return {
        "mode": MODE,
        "reload": RELOAD,
        "dimensions": Param(
            type="int", default=dimensions, min=1, section="Training",
            help="dimensions of the latent space",
        ),
        "epochs": Param(
            type="int", default=epochs, min=1, section="Training",
            help="passes over all images",
        ),
        "batch": Param(
            type="int", default=batch, min=1, section="Training",
            help="images on the GPU at once: fewer take less memory",
        ),
        "learning_rate": Param(
            type="float", default=learning_rate, above=0, section="Training", advanced=True,
            help="learning rate",
        ),
    }  # fmt: skip


TRAINING_OPTIONS = (
    *("--mode", "%(mode)s", "--lat_dim", "%(dimensions)s", "--epochs", "%(epochs)s"),
    *("--batch_size", "%(batch)s", "--learning_rate", "%(learning_rate)s"),
    Group(args=("--reload", "%(reload)s")),
)


def folder(stem: str, suffix: str) -> Param:
    """Return the parameter of the output folder."""
    return Param(
        type="path",
        output=f"%({stem}.stem)s_{suffix}",
        check="directory",
        help="folder of the results",
    )
