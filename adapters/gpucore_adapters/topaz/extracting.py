"""Topaz: picks of a micrograph, and maps of what its network sees there."""

from __future__ import annotations

from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Group,
    Link,
    Output,
    Param,
    Template,
)

from .facts import DEVICE, FAILURES, GPU, HOMEPAGE, LICENCE, PICKING, PROGRAM, THREADS

__all__ = ["TOPAZ_EXTRACT", "TOPAZ_SEGMENT"]

_NETWORKS = ("resnet16", "resnet16_u64", "resnet16_u32", "resnet8", "resnet8_u64", "resnet8_u32")

_NETWORK = {
    "model": Param(type="choice", default="resnet16", choices=_NETWORKS,
                   help="network that comes with it"),
    "weights": Param(type="path", optional=True, suffix=(".sav",),
                     help="trained network of your own, instead of `model`"),
}  # fmt: skip

_MODEL = (
    Group(args=("-m", "%(weights)s")),
    Group(unless="weights", args=("-m", "%(model)s")),
)

TOPAZ_EXTRACT = Adapter(
    name="topaz_extract",
    title="Topaz: pick particles in a micrograph by a neural network",
    family="Topaz",
    homepage=HOMEPAGE,
    program=PROGRAM,
    gpu=GPU,
    command=Template(
        argv=(
            "%(EXE)s", "extract", *_MODEL, "-r", "%(radius)s", "-t", "%(threshold)s",
            "-s", "%(down_scale)s", "-x", "%(up_scale)s",
            Group(args=("-p", "%(patch_size)s")),
            Group(args=("--assignment-radius", "%(match_radius)s")),
            Group(args=("--targets", "%(targets)s")),
            "--num-workers", "%(workers)s",
            "-j", "%(threads)s",
            "--batch-size", "%(batch)s",
            "--dims", "%(dimensions)s",
            *DEVICE,
            "-o", "%(out)s", "%(mic)s",
        ),
    ),
    params={
        "mic": Param(type="path", item=True,
                     help="micrograph; scaled down and normalized (topaz_preprocess) is usual"),
        "out": Param(type="path", output="%(mic.stem)s_topaz.txt", suffix=(".txt",),
                     help="table of name, x, y and score"),
        **_NETWORK,
        "radius": Param(type="int", unit="pixels", min=1,
                        help="radius around a pick in which there is no other"),
        "threshold": Param(type="float", default=-6.0,
                           help="least score, a log-likelihood; -6 picks nearly all, 0 is even"),
        "down_scale": Param(type="float", default=1.0, above=0,
                            help="coordinates are divided by this"),
        "up_scale": Param(type="float", default=1.0, above=0,
                          help="coordinates are multiplied by this: the scale of topaz_preprocess"),
        "patch_size": Param(type="int", unit="pixels", optional=True, min=1,
                            help="score in patches of this size, which need less memory"),
        "targets": Param(type="path", optional=True,
                         help="table of known particles, to tell how well it does"),
        "match_radius": Param(type="int", unit="pixels", optional=True, min=1, needs=("targets",),
                              help="how near a pick must be to a known one; radius if left out"),
        "workers": Param(type="int", default=0, min=-1,
                         help="processes that extract; 0: one, -1: all cores"),
        "threads": THREADS,
        "batch": Param(type="int", default=1, min=1, advanced=True, help="images at once"),
        "dimensions": Param(type="int", default=2, min=2, max=3,
                            help="3 for tomograms, with a network of that kind"),
    },
    # Its first line is the table's head: a micrograph without particles has that alone.
    output=(Output(name="out", match=r"^image_name\s"),),
    failure=(
        *FAILURES,
        Failure(match=r"Must specify targets", class_=FailureClass.BAD_INPUT),
    ),
    success_match=r"^# Extraction complete",
    example=(
        Example(
            params={"mic": "m1.mrc", "radius": 8},
            gpus=(1,),
            argv=(
                "topaz", "extract", "-m", "resnet16", "-r", "8", "-t", "-6.0", "-s", "1.0",
                "-x", "1.0", "--num-workers", "0", "-j", "0", "--batch-size", "1",
                "--dims", "2", "-d", "1", "-o", "m1_topaz.txt", "m1.mrc",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        # A slot of two: it takes one.
        Example(
            params={"mic": "m2.mrc", "radius": 10, "weights": "mine.sav", "threshold": 0,
                    "up_scale": 4},
            gpus=(2, 3),
            argv=(
                "topaz", "extract", "-m", "mine.sav", "-r", "10", "-t", "0.0", "-s", "1.0",
                "-x", "4.0", "--num-workers", "0", "-j", "0", "--batch-size", "1",
                "--dims", "2", "-d", "2", "-o", "m2_topaz.txt", "m2.mrc",
            ),
        ),
        Example(
            params={"mic": "m3.mrc", "radius": 8, "workers": 4},
            argv=(
                "topaz", "extract", "-m", "resnet16", "-r", "8", "-t", "-6.0", "-s", "1.0",
                "-x", "1.0", "--num-workers", "4", "-j", "0", "--batch-size", "1",
                "--dims", "2", "-d", "-1", "-o", "m3_topaz.txt", "m3.mrc",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=LICENCE,
    citation=PICKING,
    source="topaz-em 0.3.20 of PyPI, run on the CPU; topaz/commands/extract.py, topaz/extract.py, "
    "topaz/cuda.py; scipion-em-topaz 3.1.2",
    unverified=("never run on a GPU",),
)  # fmt: skip

TOPAZ_SEGMENT = Adapter(
    name="topaz_segment",
    title="Topaz: score every pixel of a micrograph by a neural network",
    family="Topaz",
    homepage=HOMEPAGE,
    program=PROGRAM,
    gpu=GPU,
    # It names its output after the input.
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s", "segment", *_MODEL,
            Group(args=("-p", "%(patch_size)s")),
            "-j", "%(threads)s", *DEVICE, "-o", "scores", "mic%(mic.suffix)s",
        ),
    ),
    params={
        "mic": Param(type="path", item=True, help="micrograph"),
        "out": Param(type="path", output="%(mic.stem)s_scores.tiff", suffix=(".tiff",),
                     help="log-likelihood of a particle at each pixel"),
        **_NETWORK,
        "patch_size": Param(type="int", unit="pixels", optional=True, min=1,
                            help="score in patches of this size"),
        "threads": THREADS,
    },
    link=(Link(name="mic%(mic.suffix)s", target="%(mic)s"),),
    output=(Output(name="out", made="scores/mic.tiff"),),
    failure=FAILURES,
    example=(
        Example(
            params={"mic": "m1.mrc"},
            gpus=(0,),
            argv=("topaz", "segment", "-m", "resnet16", "-j", "0", "-d", "0", "-o", "scores",
                  "mic.mrc"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"mic": "m2.tiff", "weights": "mine.sav", "patch_size": 512},
            argv=("topaz", "segment", "-m", "mine.sav", "-p", "512", "-j", "0", "-d", "-1",
                  "-o", "scores", "mic.tiff"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=LICENCE,
    citation=PICKING,
    source="topaz-em 0.3.20 of PyPI, run on the CPU; topaz/commands/segment.py, "
    "topaz/model/utils.py",
    unverified=("never run on a GPU",),
)  # fmt: skip
