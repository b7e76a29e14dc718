"""cryoDRGN's volumes: backproject_voxel from images, eval_vol from a trained network."""

from __future__ import annotations

from dataclasses import replace

from gpucore.standard import Adapter, Example, Failure, FailureClass, Group, Output, Param, Template

from . import facts

__all__ = ["BACKPROJECT_VOXEL", "EVAL_VOL"]

BACKPROJECT_VOXEL = Adapter(
    name="cryodrgn_backproject_voxel",
    family="cryoDRGN",
    title="cryoDRGN backproject_voxel: back-project particles with known poses",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.FIRST_VISIBLE,
    command=Template(
        argv=(
            *("%(EXE)s", "backproject_voxel", "%(particles)s", "--poses", "%(poses)s"),
            *("-o", "%(out)s"),
            *facts.options(("--ctf", "ctf"), ("--datadir", "datadir"), ("--ind", "ind")),
            *facts.options(("--first", "first")),
            *facts.absences(("--uninvert-data", "invert")),
            *facts.flags(("--lazy", "lazy")),
            *("-b", "%(batch)s", "--ctf-alg", "%(ctf_correction)s"),
            *("--reg-weight", "%(regularisation)s"),
            *facts.absences(("--no-half-maps", "half_maps")),
            *facts.flags(("--output-sumcount", "keep_sums")),
            Group(
                when="tilt_series",
                args=("--tilt", "--ntilts", "%(tilts)s", "--dose-per-tilt", "%(dose)s",
                      "--angle-per-tilt", "%(tilt_step)s"),
            ),
        ),
    ),
    params={
        **facts.chosen(facts.IMAGES, ("particles", "poses")),
        "out": facts.folder("backproject"),
        **facts.chosen(facts.IMAGES, ("ctf", "datadir", "ind", "invert", "lazy")),
        "first": Param(
            type="int", unit="images", optional=True, min=1, section="Images",
            help="use the first so many images only",
        ),
        "batch": Param(
            type="int", unit="images", default=1000, min=1, section="Reconstruction",
            help="images at once",
        ),
        "ctf_correction": Param(
            type="choice", choices=("mul", "flip"), default="mul", section="Reconstruction",
            help="multiply by the CTF, or flip its phases only",
        ),
        "regularisation": Param(
            type="float", default=1.0, min=0, section="Reconstruction", advanced=True,
            help="what is added to the weights, as a part of their mean: more gives less noise",
        ),
        "half_maps": Param(
            type="bool", default=True, section="Reconstruction",
            help="reconstruct halves, too, and compare them by FSC",
        ),
        "keep_sums": Param(
            type="bool", default=False, section="Reconstruction", advanced=True,
            help="write sums and counts, for other regularisations afterwards",
        ),
        "tilt_series": Param(
            type="bool", default=False, section="Tilt series", needs=("dose",),
            help="the particles are tilt series",
        ),
        "tilts": Param(
            type="int", default=10, min=1, section="Tilt series", help="tilts used of each particle"
        ),
        "dose": Param(
            type="float", unit="e⁻/Å²", optional=True, above=0, section="Tilt series",
            help="exposure of each tilt",
        ),
        "tilt_step": Param(
            type="float", unit="degrees", default=3.0, above=0, section="Tilt series",
            help="angle between tilts",
        ),
    },
    output=(
        Output(name="volume", path="%(out)s/backproject.mrc", check="mrc"),
        Output(name="half1", path="%(out)s/half_map_a.mrc", check="mrc", when="half_maps"),
        Output(name="half2", path="%(out)s/half_map_b.mrc", check="mrc", when="half_maps"),
        Output(name="fsc", path="%(out)s/fsc-vals.txt", when="half_maps"),
        Output(name="sums", path="%(out)s/backproject.sums", when="keep_sums"),
        Output(name="counts", path="%(out)s/backproject.counts", when="keep_sums"),
    ),
    success_match=r"Backprojected [\d,]+ (?:images|tilts)",
    failure=facts.FAILURES,
    example=(
        # A slot of two: it uses one GPU.
        Example(
            params={"particles": "p.mrcs", "poses": "poses.pkl", "ctf": "ctf.pkl"},
            gpus=(3, 4),
            argv=(
                *("cryodrgn", "backproject_voxel", "p.mrcs", "--poses", "poses.pkl"),
                *("-o", "p_backproject", "--ctf", "ctf.pkl", "-b", "1000", "--ctf-alg", "mul"),
                *("--reg-weight", "1.0"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={"particles": "p.star", "poses": "poses.pkl", "first": 10000,
                    "tilt_series": True, "dose": 2.9, "half_maps": False},
            argv=(
                *("cryodrgn", "backproject_voxel", "p.star", "--poses", "poses.pkl"),
                *("-o", "p_backproject", "--first", "10000", "-b", "1000", "--ctf-alg", "mul"),
                *("--reg-weight", "1.0", "--no-half-maps", "--tilt", "--ntilts", "10"),
                *("--dose-per-tilt", "2.9", "--angle-per-tilt", "3.0"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation=facts.CITATION,
    source="cryodrgn 4.3.1 (PyPI) cryodrgn/commands/backproject_voxel.py; run on the CPU",
    unverified=(facts.NEVER_ON_A_GPU, "the GPU memory that it needs"),
)  # fmt: skip

EVAL_VOL = Adapter(
    name="cryodrgn_eval_vol",
    family="cryoDRGN",
    title="cryoDRGN eval_vol: volumes of a trained network at points of its latent space",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.FIRST_VISIBLE,
    command=Template(
        argv=(
            *("%(EXE)s", "eval_vol", "%(weights)s", "--config", "%(config)s", "-o", "%(out)s"),
            *("--zfile", "%(points)s"),
            *("--prefix", "vol_", "--vol-start-index", "1", "--Apix", "%(pixel_size)s"),
            *facts.options(("-d", "box"), ("--low-pass", "low_pass"), ("--crop", "crop")),
            *facts.flags(("--flip", "flip"), ("--invert", "invert")),
            facts.FIRST,
        ),
    ),
    params={
        "points": Param(
            type="path", item=True, help="text file with a point of the latent space in each line"
        ),
        "weights": Param(type="path", suffix=(".pkl",), help="the trained network"),
        "config": Param(
            type="path", suffix=(".yaml", ".yml"), help="config.yaml of its training"
        ),
        "out": replace(
            facts.folder("volumes"),
            output="%(points.stem)s_volumes",
            help="folder of the volumes",
        ),
        "pixel_size": Param(
            type="float", unit="Å", default=1.0, above=0, help="pixel size for the volumes' headers"
        ),
        "box": Param(
            type="int", unit="pixels", optional=True, min=2,
            help="make volumes of this smaller, even box",
        ),
        "low_pass": Param(
            type="float", unit="Å", optional=True, above=0, help="low-pass filter; wants pixel_size"
        ),
        "crop": Param(
            type="int", unit="pixels", optional=True, min=2, help="cut the volumes to this box"
        ),
        "flip": Param(type="bool", default=False, help="flip the handedness"),
        "invert": Param(type="bool", default=False, help="invert the contrast"),
    },
    output=(Output(name="volume", path="%(out)s/vol_001.mrc", check="mrc"),),
    success_match=r"Finished in ",
    failure=(
        Failure(
            match=r"Boxsize \d+ is not even|New boxsize .* must be|does not support --downsample",
            class_=FailureClass.BAD_INPUT,
            hint="`box` is even and smaller than that of the images, and not for cryodrgn abinit",
        ),
        *facts.FAILURES,
    ),
    example=(
        Example(
            params={"points": "centers.txt", "weights": "vae/weights.20.pkl",
                    "config": "vae/config.yaml", "pixel_size": 1.5, "box": 128},
            gpus=(3,),
            argv=(
                *("cryodrgn", "eval_vol", "vae/weights.20.pkl", "--config", "vae/config.yaml"),
                *("-o", "centers_volumes", "--zfile", "centers.txt", "--prefix", "vol_"),
                *("--vol-start-index", "1", "--Apix", "1.5", "-d", "128", "--device", "0"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={"points": "centers.txt", "weights": "vae/weights.20.pkl",
                    "config": "vae/config.yaml", "flip": True},
            argv=(
                *("cryodrgn", "eval_vol", "vae/weights.20.pkl", "--config", "vae/config.yaml"),
                *("-o", "centers_volumes", "--zfile", "centers.txt", "--prefix", "vol_"),
                *("--vol-start-index", "1", "--Apix", "1.0", "--flip"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation=facts.CITATION,
    source="cryodrgn 4.3.1 (PyPI) cryodrgn/commands/eval_vol.py",
    unverified=(facts.UNRUN, "the GPU memory that it needs"),
)  # fmt: skip
