"""What the GPU programs of EMAN2 have in common: sources, failures, and a mask that stays."""

from gpucore.standard import Failure, FailureClass, Gpu, GpuUse
from gpucore_adapters.tensorflow_failures import TENSORFLOW_FAILURES

__all__ = ["EMAN2", "FAILURES", "GMM", "HOMEPAGE", "INSTALL", "KEEP_MASK", "LICENCE", "ONE_GPU",
           "SOURCE"]  # fmt: skip

HOMEPAGE = "https://eman2.org"
INSTALL = "https://github.com/cryoem/eman2"
LICENCE = "BSD-3-Clause or GPL-2.0-or-later"
SOURCE = "github.com/cryoem/eman2 f9e8fc628 programs"
EMAN2 = "Tang et al., J. Struct. Biol. 157 (2007) 38-46, doi:10.1016/j.jsb.2006.05.009"
GMM = "Chen and Ludtke, Nat. Methods 18 (2021) 930-936, doi:10.1038/s41592-021-01220-5"

# By the environment alone. Where it is set, --device of those that have it counts for nothing; and
# where it is not, they set it themselves: to 0, e2spa_make3d_gpu.py to 1.
ONE_GPU = Gpu(use=GpuUse.OPTIONAL, form="none", max=1, sharing="discouraged")

FAILURES = (
    *TENSORFLOW_FAILURES,
    Failure(match=r"cannot access file",
            class_=FailureClass.BAD_INPUT,
            hint="EMAN2 looks for the images that a list names from the project's folder"),
)  # fmt: skip

KEEP_MASK = """\
import os


class KeptMask(type(os.environ)):
    def __setitem__(self, name, value):
        if name != "CUDA_VISIBLE_DEVICES":
            super().__setitem__(name, value)


os.environ.__class__ = KeptMask
os.environ["PYTHONPATH"] = os.path.dirname(os.path.abspath(__file__))
"""
"""Python imports it, as sitecustomize.py, before a program that would set the mask to 0."""
