"""Topaz: scale micrographs down and normalize them; `preprocess` and `normalize` are one code."""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Group, Link, Output, Param, Template

from .facts import DEVICE, FAILURES, GPU, HOMEPAGE, LICENCE, PICKING, PROGRAM, THREADS

__all__ = ["TOPAZ_NORMALIZE", "TOPAZ_PREPROCESS"]


def _adapter(command: str, title: str, *, done: str, scale: int) -> Adapter:
    """Return the adapter of one of the two, whose options are the same.

    Parameters
    ----------
    done : str
        What its outputs are named by.
    scale : int
        By how much it is meant to scale down, unless it is told otherwise.
    """
    head = ("topaz", command, "-s")
    tail = ("--sample", "10", "--niters", "100", "-a", "900.0", "-b", "1.0")
    return Adapter(
        name=f"topaz_{command}",
        title=title,
        family="Topaz",
        homepage=HOMEPAGE,
        program=PROGRAM,
        gpu=GPU,
        command=Template(
            own_directory=True,
            argv=(
                "%(EXE)s", command, "-s", "%(scale)s",
                Group(when="affine", args=("--affine",)),
                "--sample", "%(sample)s", "--niters", "%(iterations)s",
                "-a", "%(alpha)s", "-b", "%(beta)s",
                # With a GPU it uses one process whatever it is told.
                Group(when="cpu", args=("-t", "%(workers)s")),
                "-j", "%(threads)s", *DEVICE, "-o", "prepared", "mic%(mic.suffix)s",
            ),
        ),
        params={
            "mic": Param(type="path", item=True, help="micrograph"),
            "out": Param(type="path", output=f"%(mic.stem)s_{done}.mrc", check="mrc",
                         suffix=(".mrc",), help="micrograph, scaled and normalized"),
            "scale": Param(type="int", default=scale, min=1,
                           help="scale down by this; a particle's diameter should be below 70 "
                           "pixels afterwards"),
            "affine": Param(type="bool", default=False,
                            help="by mean and deviation of the whole image, without a mixture"),
            "sample": Param(type="int", default=10, min=1, advanced=True,
                            help="fit the mixture to every so many pixels"),
            "iterations": Param(type="int", default=100, min=1, advanced=True,
                                help="most iterations of the fit"),
            "alpha": Param(type="float", default=900.0, above=0, advanced=True,
                           help="prior of the mixture, alpha"),
            "beta": Param(type="float", default=1.0, above=0, advanced=True,
                          help="prior of the mixture, beta"),
            "workers": Param(type="int", default=0, min=0, help="processes, on the CPU"),
            "threads": THREADS,
        },
        link=(Link(name="mic%(mic.suffix)s", target="%(mic)s"),),
        output=(Output(name="out", made="prepared/mic.mrc", check="mrc"),),
        failure=FAILURES,
        example=(
            Example(
                params={"mic": "m1.mrc"},
                gpus=(1,),
                argv=(*head, str(scale), *tail, "-j", "0", "-d", "1", "-o", "prepared",
                      "mic.mrc"),
                env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
            ),
            Example(
                params={"mic": "m2.tiff", "scale": 8, "workers": 4, "affine": True},
                argv=(*head, "8", "--affine", *tail, "-t", "4", "-j", "0", "-d", "-1",
                      "-o", "prepared", "mic.tiff"),
                env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
            ),
        ),
        licence=LICENCE,
        citation=PICKING,
        source="topaz-em 0.3.20 of PyPI, run on the CPU; topaz/commands/normalize.py, "
        "topaz/commands/preprocess.py",
        unverified=("never run on a GPU",),
    )  # fmt: skip


TOPAZ_PREPROCESS = _adapter(
    "preprocess",
    "Topaz: scale a micrograph down and normalize it, for picking",
    done="preprocessed",
    scale=4,
)
TOPAZ_NORMALIZE = _adapter("normalize", "Topaz: normalize a micrograph", done="normalized", scale=1)
