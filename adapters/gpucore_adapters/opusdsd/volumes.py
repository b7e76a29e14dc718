"""OPUS-DSD's results: its analysis of a latent space, and the volumes at points of it."""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Gpu, GpuUse, Group, Output, Param, Template

from . import facts

__all__ = ["OPUSDSD_ANALYZE", "OPUSDSD_EVAL_VOL"]

OPUSDSD_ANALYZE = Adapter(
    name="opusdsd_analyze",
    family="OPUS-DSD",
    title="OPUS-DSD analyze: components, clusters and UMAP of a latent space",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    # The volumes, which would want a GPU, are never made: --skip-vol is always on.
    gpu=Gpu(use=GpuUse.NONE),
    command=Template(
        argv=(
            *("%(EXE)s", "analyze", "%(workdir)s", "%(epoch)s", "--pose", "%(poses)s"),
            *("-o", "%(out)s", "--D", "%(box)s", "--pc", "%(components)s"),
            *("--ksample", "%(clusters)s", "--psample", "%(points)s"),
            Group(when="reuse_umap", args=("--skip-umap",)),
        ),
    ),
    params={
        "workdir": Param(
            type="path", item=True, check="directory", help="folder of a training's results"
        ),
        "epoch": Param(type="int", min=0, help="epoch that is looked at, counted from 0"),
        "poses": Param(type="path", suffix=(".pkl",), help="pose.N.pkl of that epoch"),
        "out": Param(
            type="path", output="%(workdir.name)s_analyze", check="directory",
            help="folder of the results",
        ),
        "box": Param(
            type="int", unit="pixels", default=192, min=2, help="box of the images"
        ),
        "components": Param(
            type="int", default=2, min=1, help="principal components that are walked along"
        ),
        "clusters": Param(type="int", default=20, min=1, help="clusters of particles"),
        "points": Param(type="int", default=10, min=1, help="points along each component"),
        "reuse_umap": Param(
            type="bool", default=False, help="take the UMAP that is in the folder already"
        ),
    },
    output=(
        Output(name="clusters_of_particles", path="%(out)s/kmeans%(clusters)s/labels.pkl"),
        Output(name="centres", path="%(out)s/kmeans%(clusters)s/centers.txt"),
        Output(name="first_component", path="%(out)s/pc1/z_pc.txt"),
    ),
    success_match=r"Finished in ",
    failure=facts.FAILURES[-1:],
    example=(
        Example(
            params={"workdir": "sp", "epoch": 16, "poses": "sp/pose.16.pkl", "components": 4,
                    "clusters": 16},
            argv=(
                *("dsd", "analyze", "sp", "16", "--pose", "sp/pose.16.pkl", "-o", "sp_analyze"),
                *("--D", "192", "--pc", "4", "--ksample", "16", "--psample", "10"),
            ),
        ),
        Example(
            params={"workdir": "sp", "epoch": 19, "poses": "sp/pose.19.pkl", "out": "a19",
                    "reuse_umap": True},
            argv=(
                *("dsd", "analyze", "sp", "19", "--pose", "sp/pose.19.pkl", "-o", "a19"),
                *("--D", "192", "--pc", "2", "--ksample", "20", "--psample", "10"),
                "--skip-umap",
            ),
        ),
    ),
    licence=facts.LICENCE,
    citation=facts.CITATION,
    source=f"{facts.SOURCE}analyze.py, cryodrgn/pose.py",
    unverified=("never run", "the same of latent spaces of one dimension, which have no clusters"),
)  # fmt: skip

OPUSDSD_EVAL_VOL = Adapter(
    name="opusdsd_eval_vol",
    family="OPUS-DSD",
    title="OPUS-DSD eval_vol: volumes at points of a latent space",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    # It loads the weights to the first GPU that it sees, whether there is one or not.
    gpu=Gpu(use=GpuUse.COMPULSORY, max=1),
    command=Template(
        argv=(
            *("%(EXE)s", "eval_vol", "--load", "%(weights)s", "--config", "%(config)s"),
            *("--zfile", "%(points)s", "-o", "%(out)s", "--Apix", "%(pixel_size)s"),
            *("--num-bodies", "%(bodies)s", "--prefix", "reference"),
            Group(when="flip", args=("--flip",)),
            Group(
                args=("--deform", "--masks", "%(masks)s", "--template-z", "%(templates)s",
                      "--template-z-ind", "%(template)s"),
            ),
        ),
    ),
    params={
        "points": Param(
            type="path", item=True, help="text file with a point of the latent space in each line"
        ),
        "weights": Param(type="path", suffix=(".pkl",), help="weights.N.pkl of a training"),
        "config": Param(type="path", suffix=(".pkl",), help="config.pkl of that training"),
        "out": Param(
            type="path", output="%(points.stem)s_volumes", check="directory",
            help="folder of the volumes",
        ),
        "pixel_size": Param(type="float", unit="Å", above=0, help="pixel size of the volumes"),
        "bodies": Param(type="int", default=0, min=0, help="number of rigid bodies"),
        "flip": Param(type="bool", default=False, help="flip the handedness"),
        "masks": Param(
            type="path", optional=True, suffix=(".pkl",), section="Motions",
            needs=("templates", "template"),
            help="masks of the bodies: the points are motions of one composition",
        ),
        "templates": Param(
            type="path", optional=True, section="Motions", help="text file with compositions"
        ),
        "template": Param(
            type="int", optional=True, min=0, section="Motions",
            help="which of them moves, counted from 0",
        ),
    },
    output=(Output(name="volume", path="%(out)s/reference0.mrc", check="mrc"),),
    success_match=r"Fin(?:ished|sihed) in ",
    failure=facts.FAILURES,
    example=(
        # A slot of two: it uses one GPU.
        Example(
            params={"points": "centers.txt", "weights": "sp/weights.16.pkl",
                    "config": "sp/config.pkl", "pixel_size": 2.2},
            gpus=(1, 2),
            argv=(
                *("dsd", "eval_vol", "--load", "sp/weights.16.pkl", "--config", "sp/config.pkl"),
                *("--zfile", "centers.txt", "-o", "centers_volumes", "--Apix", "2.2"),
                *("--num-bodies", "0", "--prefix", "reference"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
        Example(
            params={"points": "z_pc.txt", "weights": "sp/weights.19.pkl", "config": "sp/config.pkl",
                    "pixel_size": 2.2, "bodies": 2, "masks": "mask.pkl",
                    "templates": "centers.txt", "template": 4},
            gpus=(0,),
            argv=(
                *("dsd", "eval_vol", "--load", "sp/weights.19.pkl", "--config", "sp/config.pkl"),
                *("--zfile", "z_pc.txt", "-o", "z_pc_volumes", "--Apix", "2.2"),
                *("--num-bodies", "2", "--prefix", "reference", "--deform"),
                *("--masks", "mask.pkl", "--template-z", "centers.txt", "--template-z-ind", "4"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0"},
        ),
    ),
    licence=facts.LICENCE,
    citation=facts.CITATION,
    source=f"{facts.SOURCE}eval_vol.py, cryodrgn/models.py; analysis_scripts/eval_vol.sh",
    unverified=("never run", "the GPU memory that it needs"),
)  # fmt: skip
