"""Topaz: denoise micrographs and tomograms by networks that it has, or by one's own."""

from __future__ import annotations

from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Gpu,
    GpuUse,
    Group,
    Link,
    Output,
    Param,
    Template,
)

from .facts import DENOISING, DEVICE, FAILURES, GPU, HOMEPAGE, LICENCE, PROGRAM, THREADS

__all__ = ["TOPAZ_DENOISE", "TOPAZ_DENOISE3D"]

_MODEL = (
    Group(args=("-m", "%(weights)s")),
    Group(unless="weights", args=("-m", "%(model)s")),
)

TOPAZ_DENOISE = Adapter(
    name="topaz_denoise",
    title="Topaz: denoise a micrograph by a neural network",
    family="Topaz",
    homepage=HOMEPAGE,
    program=PROGRAM,
    gpu=GPU,
    # It names its output after the input; -m takes all words that follow.
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s", "denoise", *DEVICE, *_MODEL,
            # 0.3.20 prints the network of -m, and takes that of --arch.
            Group(where={"model": ("unet", "unet-small", "affine")}, unless="weights",
                  args=("--arch", "%(model)s")),
            "-s", "%(patch_size)s", "-p", "%(padding)s",
            "--lowpass", "%(lowpass)s",
            "--gaussian", "%(gaussian)s",
            "--inv-gaussian", "%(inverse_gaussian)s",
            "--pixel-cutoff", "%(pixel_cutoff)s",
            Group(when="deconvolve",
                  args=("--deconvolve", "--deconv-patch", "%(deconvolve_patches)s")),
            Group(when="normalize", args=("--normalize",)),
            "-j", "%(threads)s", "-o", "denoised", "mic%(mic.suffix)s",
        ),
    ),
    params={
        "mic": Param(type="path", item=True, suffix=(".mrc", ".tif", ".tiff", ".png", ".jpg"),
                     help="micrograph"),
        "out": Param(type="path", output="%(mic.stem)s_denoised.mrc", suffix=(".mrc",),
                     check="mrc", help="denoised micrograph"),
        "model": Param(type="choice", default="unet",
                       choices=("unet", "unet-small", "fcnn", "affine", "unet-v0.2.1"),
                       help="network that comes with it; 0.3.20 takes unet for fcnn and "
                       "unet-v0.2.1"),
        "weights": Param(
            type="path", optional=True, suffix=(".sav",),
            help="trained network of your own; 0.3.20 ignores it in silence and takes unet",
        ),
        "patch_size": Param(type="int", unit="pixels", default=1024, min=0,
                            help="denoise in patches of this size; 0: the whole image at once"),
        "padding": Param(type="int", unit="pixels", default=500, min=0,
                         help="overlap of patches, against seams"),
        "lowpass": Param(type="float", unit="pixels", default=1.0, min=1,
                         help="low-pass filter first, by this many pixels; 1: none"),
        "gaussian": Param(type="float", unit="pixels", default=0.0, min=0,
                          help="deviation of a Gaussian filter before; 0: none"),
        "inverse_gaussian": Param(type="float", unit="pixels", default=0.0, min=0, advanced=True,
                                  help="deviation of an inverse Gaussian filter; 0: none"),
        "pixel_cutoff": Param(type="float", default=0.0, min=0,
                              help="pixels that many deviations off become the mean; 0: none"),
        "deconvolve": Param(type="bool", default=False, advanced=True,
                            help="best Gaussian deconvolution first"),
        "deconvolve_patches": Param(type="int", default=1, min=1, advanced=True,
                                    help="patches of that correction"),
        "normalize": Param(type="bool", default=False, help="normalize the micrograph first"),
        "threads": THREADS,
    },
    link=(Link(name="mic%(mic.suffix)s", target="%(mic)s"),),
    output=(Output(name="out", made="denoised/mic.mrc", check="mrc"),),
    failure=FAILURES,
    success_match=r"^# 1 of 1 completed",
    example=(
        Example(
            params={"mic": "m1.mrc"},
            gpus=(0,),
            argv=(
                "topaz", "denoise", "-d", "0", "-m", "unet", "--arch", "unet", "-s", "1024",
                "-p", "500", "--lowpass", "1.0", "--gaussian", "0.0", "--inv-gaussian", "0.0",
                "--pixel-cutoff", "0.0", "-j", "0", "-o", "denoised", "mic.mrc",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"mic": "m2.tif", "weights": "mine.sav", "normalize": True,
                    "patch_size": 512, "padding": 128},
            argv=(
                "topaz", "denoise", "-d", "-1", "-m", "mine.sav", "-s", "512", "-p", "128",
                "--lowpass", "1.0", "--gaussian", "0.0", "--inv-gaussian", "0.0",
                "--pixel-cutoff", "0.0", "--normalize", "-j", "0", "-o", "denoised", "mic.tif",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=LICENCE,
    citation=DENOISING,
    source="topaz-em 0.3.20 of PyPI, run on the CPU; topaz/commands/denoise.py, topaz/denoise.py",
    unverified=("never run on a GPU", "in which releases but 0.3.20 -m does nothing"),
)  # fmt: skip

TOPAZ_DENOISE3D = Adapter(
    name="topaz_denoise3d",
    title="Topaz: denoise a tomogram by a neural network",
    family="Topaz",
    homepage=HOMEPAGE,
    program=PROGRAM,
    # It can be told of one GPU, or of all that it sees: a mask makes those the step's own.
    gpu=Gpu(use=GpuUse.OPTIONAL, form="none", memory_note="more for larger patches"),
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s", "denoise3d",
            Group(when="gpu", args=("-d", "-2")),
            Group(when="cpu", args=("-d", "-1")),
            *_MODEL,
            "-s", "%(patch_size)s", "-p", "%(padding)s",
            "-g", "%(gaussian)s",
            "--num-workers", "%(workers)s",
            "-j", "%(threads)s", "-o", "denoised", "tomogram.mrc",
        ),
    ),
    params={
        "tomogram": Param(type="path", item=True, suffix=(".mrc", ".rec", ".map"), check="mrc",
                          help="tomogram"),
        "out": Param(type="path", output="%(tomogram.stem)s_denoised.mrc", suffix=(".mrc",),
                     check="mrc", help="denoised tomogram"),
        "model": Param(type="choice", default="unet-3d",
                       choices=("unet-3d", "unet-3d-10a", "unet-3d-20a"),
                       help="network that comes with it; 10a, 20a: for pixels of that many Å"),
        "weights": Param(type="path", optional=True, suffix=(".sav",),
                         help="trained network of your own, instead of `model`"),
        "patch_size": Param(type="int", unit="voxels", default=96, min=0,
                            help="denoise in patches of this size; 0: the whole volume at once"),
        "padding": Param(type="int", unit="voxels", default=48, min=0,
                         help="overlap of patches, against seams"),
        "gaussian": Param(type="float", unit="voxels", default=0.0, min=0,
                          help="deviation of a Gaussian filter afterwards; 0: none"),
        "workers": Param(type="int", default=1, min=0, advanced=True,
                         help="processes that read"),
        "threads": THREADS,
    },
    link=(Link(name="tomogram.mrc", target="%(tomogram)s"),),
    output=(Output(name="out", made="denoised/tomogram.mrc", check="mrc"),),
    failure=(
        Failure(match=r"^# using device=-2 with cuda=False", when="gpu",
                class_=FailureClass.CPU_FALLBACK, effect="warn",
                hint="it ran on the CPU while it held a GPU: its PyTorch must fit the driver"),
        Failure(match=r"ERROR: (Invalid device id|Something went wrong with setting the compute)",
                class_=FailureClass.NO_DEVICE),
        *FAILURES,
    ),
    success_match=r"^# 1 of 1 tomograms denoised",
    example=(
        Example(
            params={"tomogram": "t1.mrc"},
            gpus=(3,),
            argv=(
                "topaz", "denoise3d", "-d", "-2", "-m", "unet-3d", "-s", "96", "-p", "48",
                "-g", "0.0", "--num-workers", "1", "-j", "0", "-o", "denoised", "tomogram.mrc",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={"tomogram": "t2.rec", "model": "unet-3d-10a"},
            gpus=(0, 2),
            argv=(
                "topaz", "denoise3d", "-d", "-2", "-m", "unet-3d-10a", "-s", "96", "-p", "48",
                "-g", "0.0", "--num-workers", "1", "-j", "0", "-o", "denoised", "tomogram.mrc",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,2"},
        ),
        Example(
            params={"tomogram": "t3.mrc"},
            argv=(
                "topaz", "denoise3d", "-d", "-1", "-m", "unet-3d", "-s", "96", "-p", "48",
                "-g", "0.0", "--num-workers", "1", "-j", "0", "-o", "denoised", "tomogram.mrc",
            ),
        ),
    ),
    licence=LICENCE,
    citation=DENOISING,
    source="topaz-em 0.3.20 of PyPI, run on the CPU; topaz/commands/denoise3d.py, "
    "topaz/denoise.py",
    unverified=(
        "never run on a GPU",
        "in 0.3.20 the result of the Gaussian filter is not what is written, by its source",
    ),
)  # fmt: skip
