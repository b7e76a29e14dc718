"""RECOVAR pipeline: mean, covariance and latent coordinates of a set of particles."""

from __future__ import annotations

from dataclasses import replace

from gpucore.standard import Adapter, Example, Group, Output, Param, Template

from . import facts

__all__ = ["RECOVAR_PIPELINE"]

RECOVAR_PIPELINE = Adapter(
    name="recovar_pipeline",
    family="RECOVAR",
    title="RECOVAR pipeline: covariance and latent coordinates of particles",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    # The covariance alone is computed on several.
    gpu=replace(facts.GPU, max=None),
    command=Template(
        # Its results name the smaller images that it made beside them by their place.
        in_place=True,
        argv=(
            *("%(EXE)s", "pipeline", "%(particles)s", "-o", "%(out)s"),
            Group(args=("--mask", "%(mask_file)s")),
            Group(unless="mask_file", args=("--mask", "%(mask)s")),
            Group(args=("--poses", "%(poses)s")),
            Group(args=("--ctf", "%(ctf)s")),
            Group(args=("--ind", "%(ind)s")),
            Group(args=("--halfsets", "%(halfsets)s")),
            Group(args=("--datadir", "%(datadir)s")),
            Group(args=("--strip-prefix", "%(strip_prefix)s")),
            Group(args=("--n-images", "%(first)s")),
            *("--uninvert-data", "%(uninvert)s"),
            Group(when="downsample", args=("--downsample", "%(box)s")),
            Group(unless="downsample", args=("--no-downsample",)),
            Group(args=("--focus-mask", "%(focus_mask)s")),
            Group(when="keep_mask", args=("--dont-resmooth-mask",)),
            *("--mask-dilate-iter", "%(dilation)s", "--zdim", "%(zdim)s"),
            Group(when="contrast", args=("--correct-contrast",)),
            Group(when="only_mean", args=("--only-mean",)),
            Group(args=("--tomograms", "%(tomograms)s")),
            Group(when="tilt_series", args=("--tilt-series",)),
            Group(args=("--dose-per-tilt", "%(dose)s")),
            Group(args=("--angle-per-tilt", "%(tilt_step)s")),
            Group(args=("--ntilts", "%(tilts)s")),
            *facts.MEMORY_OPTIONS,
            Group(when="gpus", at_least=2, args=("--multi-gpu", "--n-gpus", "%(GPU.count)s")),
            # Without it, it refuses to run on the CPU.
            Group(when="cpu", args=("--accept-cpu",)),
        ),
    ),
    params={
        "particles": Param(
            type="path", item=True, suffix=(".star", ".cs", ".mrcs", ".mrc", ".txt"),
            section="Images", help="stack or list of particles",
        ),
        "out": Param(
            type="path", output="%(particles.stem)s_recovar", check="directory",
            help="folder of the results",
        ),
        "mask_file": Param(
            type="path", optional=True, suffix=(".mrc",), section="Mask", help="mask of the solvent"
        ),
        "mask": Param(
            type="choice", choices=("from_halfmaps", "sphere", "none"), default="from_halfmaps",
            section="Mask", help="the mask without a `mask_file`",
        ),
        "poses": Param(
            type="path", optional=True, suffix=(".pkl",), section="Images",
            help="poses; those of a .star or .cs file when not given",
        ),
        "ctf": Param(
            type="path", optional=True, suffix=(".pkl",), section="Images",
            help="CTF; that of a .star or .cs file when not given",
        ),
        "ind": Param(
            type="path", optional=True, suffix=(".pkl",), section="Images",
            help="indices of the images to use",
        ),
        "halfsets": Param(
            type="path", optional=True, suffix=(".pkl",), section="Images", advanced=True,
            help="halves of the images; those of the .star file, or random, when not given",
        ),
        "datadir": facts.DATADIR,
        "strip_prefix": facts.STRIP_PREFIX,
        "first": Param(
            type="int", unit="images", optional=True, min=1, section="Images",
            help="use so many images only, for a quick run",
        ),
        "uninvert": Param(
            type="choice", choices=("automatic", "true", "false"), default="automatic",
            section="Images", help="whether the contrast is inverted",
        ),
        "downsample": Param(
            type="bool", default=True, section="Images", help="reduce larger images to `box`"
        ),
        "box": Param(
            type="int", unit="pixels", default=256, min=2, section="Images", help="that box"
        ),
        "focus_mask": Param(
            type="path", optional=True, suffix=(".mrc",), section="Mask",
            help="mask of the part whose heterogeneity is looked at",
        ),
        "keep_mask": Param(
            type="bool", default=False, section="Mask", help="the mask has a soft edge already"
        ),
        "dilation": Param(
            type="int", unit="pixels", default=0, min=0, section="Mask", help="grow the masks"
        ),
        "zdim": Param(
            type="int", length=0, separator=",", default=(1, 2, 4, 10, 20), min=1,
            section="Latent space", help="dimensions of the latent spaces",
        ),
        "contrast": Param(
            type="bool", default=False, section="Latent space", help="correct the images' contrast"
        ),
        "only_mean": Param(
            type="bool", default=False, section="Latent space", help="compute the mean only"
        ),
        "tomograms": Param(
            type="path", optional=True, suffix=(".star",), section="Tilt series",
            help="tomograms.star of RELION 5, of which particles are tilt series",
        ),
        "tilt_series": Param(
            type="bool", default=False, section="Tilt series", help="the particles are tilt series"
        ),
        "dose": Param(
            type="float", unit="e⁻/Å²", optional=True, above=0, section="Tilt series",
            help="exposure of each tilt; that of the .star file when not given",
        ),
        "tilt_step": Param(
            type="float", unit="degrees", optional=True, above=0, section="Tilt series",
            help="angle between tilts; from the .star file when not given",
        ),
        "tilts": Param(
            type="int", optional=True, min=1, section="Tilt series",
            help="tilts used of each particle; all when not given",
        ),
        **facts.MEMORY,
    },
    output=(
        Output(name="model", path="%(out)s/model/params.pkl", unless="only_mean"),
        Output(name="mean", path="%(out)s/output/volumes/mean.mrc", check="mrc"),
        facts.DONE,
    ),
    success_match=r"Job completed: pipeline",
    failure=facts.FAILURES,
    example=(
        Example(
            params={"particles": "p.star", "datadir": "stacks", "mask_file": "mask.mrc"},
            gpus=(3,),
            argv=(
                *("recovar", "pipeline", "p.star", "-o", "p_recovar", "--mask", "mask.mrc"),
                *("--datadir", "stacks", "--uninvert-data", "automatic", "--downsample", "256"),
                *("--mask-dilate-iter", "0", "--zdim", "1,2,4,10,20"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={"particles": "p.cs", "zdim": (4, 10), "contrast": True, "gpu_memory": 40,
                    "downsample": False},
            gpus=(0, 2),
            argv=(
                *("recovar", "pipeline", "p.cs", "-o", "p_recovar", "--mask", "from_halfmaps"),
                *("--uninvert-data", "automatic", "--no-downsample", "--mask-dilate-iter", "0"),
                *("--zdim", "4,10", "--correct-contrast", "--gpu-budget-gb", "40.0"),
                *("--multi-gpu", "--n-gpus", "2"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,2"},
        ),
        Example(
            params={"particles": "p.star", "mask": "sphere", "first": 1000},
            argv=(
                *("recovar", "pipeline", "p.star", "-o", "p_recovar", "--mask", "sphere"),
                *("--n-images", "1000", "--uninvert-data", "automatic", "--downsample", "256"),
                *("--mask-dilate-iter", "0", "--zdim", "1,2,4,10,20", "--accept-cpu"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation=facts.CITATION,
    source=f"{facts.SOURCE}pipeline.py, recovar/utils/error_hints.py, parser_args.py, "
    "multi_gpu.py, recovar/output/job.py; run on the CPU",
    unverified=facts.UNVERIFIED,
)  # fmt: skip
