"""Fidder: find gold beads in images, and erase them.

Finding uses a GPU when it sees one; erasing uses none, although Scipion gives it one.
"""

from collections.abc import Iterable

from gpucore.plugins import hookimpl
from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Gpu,
    GpuUse,
    Group,
    Param,
    Program,
    Template,
)

_HOMEPAGE = "https://teamtomo.org/fidder"
_PROGRAM = Program(executable="fidder", install="pip install fidder")
_LICENCE = "BSD-3-Clause"
_CITATION = "Burt, A., Fidder, unpublished, https://github.com/teamtomo/fidder"

_FAILURES = (
    Failure(match=r"CUDA out of memory|OutOfMemoryError", class_=FailureClass.OUT_OF_MEMORY),
    Failure(match=r"GPU available: False", when="gpu", class_=FailureClass.CPU_FALLBACK,
            effect="warn", hint="it ran on the CPU while it held a GPU: its PyTorch must fit the "
            "driver"),
    Failure(match=r"Shape mismatch between data|^FileNotFoundError|No such file",
            class_=FailureClass.BAD_INPUT),
    Failure(match=r"URLError|ConnectionError|HTTPError|Max retries exceeded",
            class_=FailureClass.NOT_STARTED,
            hint="its network is fetched at the first run: give `model` where there is no net"),
    Failure(match=r"ModuleNotFoundError|ImportError", class_=FailureClass.NOT_STARTED,
            hint="start it in Fidder's own environment"),
)  # fmt: skip

FIDDER_PREDICT = Adapter(
    name="fidder_predict",
    title="Fidder: find gold beads in images by a neural network",
    family="Fidder",
    homepage=_HOMEPAGE,
    program=_PROGRAM,
    # Lightning would start a process for each GPU that it sees.
    gpu=Gpu(use=GpuUse.OPTIONAL, form="none", max=1),
    # Lightning leaves its logs where it runs.
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s", "predict", "--input-image", "%(image)s", "--output-mask", "%(out)s",
            Group(args=("--pixel-spacing", "%(pixel_size)s")),
            "--probability-threshold", "%(threshold)s",
            Group(args=("--output-probabilities", "%(probabilities)s")),
            Group(args=("--model-checkpoint-file", "%(model)s")),
        ),
    ),
    params={
        "image": Param(type="path", item=True, check="mrc", help="image, or a stack of images"),
        "out": Param(type="path", output="%(image.stem)s_beads.mrc", suffix=(".mrc", ".mrcs"),
                     help="mask of the beads; all 0 where there are none"),
        "pixel_size": Param(type="float", unit="Å", optional=True, above=0,
                            help="pixel size; that of the header when left out"),
        "threshold": Param(type="float", default=0.5, min=0, max=1,
                           help="least probability of a bead"),
        "probabilities": Param(type="path", optional=True, output="%(image.stem)s_beads_p.mrc",
                               suffix=(".mrc", ".mrcs"), help="write the probabilities here"),
        "model": Param(type="path", optional=True, suffix=(".ckpt",),
                       help="trained network; one is fetched when left out"),
    },
    failure=_FAILURES,
    example=(
        Example(
            params={"image": "tilts.mrc"},
            gpus=(3,),
            argv=("fidder", "predict", "--input-image", "tilts.mrc", "--output-mask",
                  "tilts_beads.mrc", "--probability-threshold", "0.5"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        # A slot of two: it sees one.
        Example(
            params={"image": "tilts.mrc", "pixel_size": 1.35, "threshold": 0.7,
                    "model": "fidder.ckpt"},
            gpus=(1, 2),
            argv=("fidder", "predict", "--input-image", "tilts.mrc", "--output-mask",
                  "tilts_beads.mrc", "--pixel-spacing", "1.35", "--probability-threshold", "0.7",
                  "--model-checkpoint-file", "fidder.ckpt"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
        Example(
            params={"image": "tilts.mrc", "probabilities": "p.mrc"},
            argv=("fidder", "predict", "--input-image", "tilts.mrc", "--output-mask",
                  "tilts_beads.mrc", "--probability-threshold", "0.5",
                  "--output-probabilities", "p.mrc"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source="fidder 0.0.8 of PyPI, src/fidder/predict/cli.py, predict.py",
    unverified=("never run here but for its help", "that Lightning says `GPU available`"),
)  # fmt: skip

FIDDER_ERASE = Adapter(
    name="fidder_erase",
    title="Fidder: erase gold beads from images",
    family="Fidder",
    homepage=_HOMEPAGE,
    program=_PROGRAM,
    command=Template(
        argv=("%(EXE)s", "erase", "--input-image", "%(image)s", "--input-mask", "%(mask)s",
              "--output-image", "%(out)s"),
    ),
    params={
        "image": Param(type="path", item=True, check="mrc", help="image, or a stack of images"),
        "mask": Param(type="path", check="mrc", help="mask of the beads (fidder_predict)"),
        "out": Param(type="path", output="%(image.stem)s_erased.mrc", check="mrc",
                     suffix=(".mrc", ".mrcs"), help="image without beads"),
    },
    failure=_FAILURES,
    example=(
        Example(
            params={"image": "tilts.mrc", "mask": "tilts_beads.mrc"},
            argv=("fidder", "erase", "--input-image", "tilts.mrc", "--input-mask",
                  "tilts_beads.mrc", "--output-image", "tilts_erased.mrc"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
        Example(
            params={"image": "a.mrc", "mask": "b.mrc", "out": "c.mrcs"},
            argv=("fidder", "erase", "--input-image", "a.mrc", "--input-mask", "b.mrc",
                  "--output-image", "c.mrcs"),
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source="fidder 0.0.8 of PyPI, src/fidder/erase/cli.py, erase.py: no word of a device",
    unverified=("never run here but for its help",),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer both commands."""
    return (FIDDER_PREDICT, FIDDER_ERASE)
