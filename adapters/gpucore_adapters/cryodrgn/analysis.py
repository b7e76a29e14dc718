"""cryoDRGN's analyses of a trained latent space: analyze, and the two steps of its landscape.

The results' folder of a training is given; by default they would be written into it.
"""

from __future__ import annotations

from dataclasses import replace

from gpucore.standard import Adapter, Example, Failure, FailureClass, Output, Param, Template

from . import facts

__all__ = ["ANALYZE", "ANALYZE_LANDSCAPE", "ANALYZE_LANDSCAPE_FULL"]

_WORKDIR = {
    "workdir": Param(
        type="path", item=True, check="directory", help="folder of a training's results"
    ),
    "epoch": Param(type="int", min=1, help="epoch that is looked at; its z and weights are there"),
}  # fmt: skip


def _folder(suffix: str) -> Param:
    return replace(facts.folder(suffix), output=f"%(workdir.name)s_{suffix}")


ANALYZE = Adapter(
    name="cryodrgn_analyze",
    family="cryoDRGN",
    title="cryoDRGN analyze: volumes and maps of a latent space",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.FIRST_VISIBLE,
    command=Template(
        argv=(
            *("%(EXE)s", "analyze", "%(workdir)s", "%(epoch)s", "-o", "%(out)s"),
            *("--pc", "%(components)s", "--n-per-pc", "%(points)s", "--ksample", "%(clusters)s"),
            *facts.options(("--Apix", "pixel_size"), ("-d", "box"), ("--low-pass", "low_pass")),
            *facts.options(("--crop", "crop")),
            *facts.flags(("--flip", "flip"), ("--invert", "invert")),
            *facts.absences(("--skip-vol", "volumes"), ("--skip-umap", "umap")),
            facts.FIRST,
        ),
    ),
    params={
        **_WORKDIR,
        "out": _folder("analyze"),
        "components": Param(
            type="int", default=2, min=1, section="Volumes",
            help="principal components that are walked along",
        ),
        "points": Param(
            type="int", default=10, min=1, section="Volumes", help="volumes along each component"
        ),
        "clusters": Param(
            type="int", default=20, min=1, section="Volumes", help="clusters, each with a volume"
        ),
        "pixel_size": Param(
            type="float", unit="Å", optional=True, above=0, section="Volumes",
            help="pixel size for the volumes; that of the CTF file when not given",
        ),
        "box": Param(
            type="int", unit="pixels", optional=True, min=2, section="Volumes",
            help="make volumes of this smaller, even box",
        ),
        "low_pass": Param(
            type="float", unit="Å", optional=True, above=0, section="Volumes",
            help="low-pass filter of the volumes",
        ),
        "crop": Param(
            type="int", unit="pixels", optional=True, min=2, section="Volumes",
            help="cut the volumes to this box",
        ),
        "flip": Param(
            type="bool", default=False, section="Volumes", help="flip the handedness"
        ),
        "invert": Param(
            type="bool", default=False, section="Volumes", help="invert the contrast"
        ),
        "volumes": Param(type="bool", default=True, section="Volumes", help="make volumes"),
        "umap": Param(
            type="bool", default=True, help="UMAP of the latent space; slow for many particles"
        ),
    },
    output=(
        Output(name="notebook", path="%(out)s/cryoDRGN_figures.ipynb"),
        # Not those of a latent space of one dimension.
        Output(name="clusters_of_particles", path="%(out)s/kmeans%(clusters)s/labels.pkl",
               optional=True),
        Output(name="centres", path="%(out)s/kmeans%(clusters)s/centers.txt", optional=True),
    ),
    # The last word of cryodrgn abinit's networks is another.
    success_match=r"Finished in |\) Done$",
    failure=facts.FAILURES,
    example=(
        Example(
            params={"workdir": "p_vae", "epoch": 20, "pixel_size": 1.5},
            gpus=(2, 3),
            argv=(
                *("cryodrgn", "analyze", "p_vae", "20", "-o", "p_vae_analyze", "--pc", "2"),
                *("--n-per-pc", "10", "--ksample", "20", "--Apix", "1.5", "--device", "0"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        Example(
            params={"workdir": "p_vae", "epoch": 20, "volumes": False, "umap": False},
            argv=(
                *("cryodrgn", "analyze", "p_vae", "20", "-o", "p_vae_analyze", "--pc", "2"),
                *("--n-per-pc", "10", "--ksample", "20", "--skip-vol", "--skip-umap"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation=facts.CITATION,
    source="cryodrgn 4.3.1 (PyPI) cryodrgn/commands/analyze.py, cryodrgn/analysis_drgnai.py",
    unverified=(facts.UNRUN, "the GPU memory that it needs"),
)  # fmt: skip

ANALYZE_LANDSCAPE = Adapter(
    name="cryodrgn_analyze_landscape",
    family="cryoDRGN",
    title="cryoDRGN analyze_landscape: cluster many volumes of a latent space",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    # Its --multigpu starts a process for each GPU that it sees, and all of them on the first.
    gpu=facts.FIRST_VISIBLE,
    command=Template(
        argv=(
            *("%(EXE)s", "analyze_landscape", "%(workdir)s", "%(epoch)s", "-o", "%(out)s"),
            *("-N", "%(volumes)s", "--Apix", "%(pixel_size)s", "-d", "%(box)s"),
            *facts.flags(("--flip", "flip")),
            *facts.options(("--mask", "mask"), ("--thresh", "threshold")),
            *("--dilate", "%(dilation)s", "--cosine-edge", "%(edge)s"),
            *("--linkage", "%(linkage)s", "-M", "%(clusters)s", "--pc-dim", "%(components)s"),
            facts.FIRST,
        ),
    ),
    params={
        **_WORKDIR,
        "out": _folder("landscape"),
        "volumes": Param(
            type="int", default=1000, min=1, section="Volumes", help="volumes that are made"
        ),
        "pixel_size": Param(
            type="float", unit="Å", default=1.0, above=0, section="Volumes",
            help="pixel size for the volumes",
        ),
        "box": Param(
            type="int", unit="pixels", default=128, min=2, section="Volumes",
            help="box of the volumes, even and smaller than that of the images",
        ),
        "flip": Param(
            type="bool", default=False, section="Volumes", help="flip the handedness"
        ),
        "mask": Param(
            type="path", optional=True, section="Mask", help="mask of the volumes' box"
        ),
        "threshold": Param(
            type="float", optional=True, section="Mask",
            help="density that a mask is made at; half the greatest when not given",
        ),
        "dilation": Param(
            type="int", unit="Å", default=5, min=0, section="Mask", help="grow that mask"
        ),
        "edge": Param(
            type="int", unit="Å", default=0, min=0, section="Mask", help="soft edge of that mask"
        ),
        "linkage": Param(
            type="choice", choices=("average", "ward", "complete", "single"), default="average",
            section="Clusters", help="how volumes are joined to clusters",
        ),
        "clusters": Param(
            type="int", default=10, min=1, section="Clusters", help="clusters of volumes"
        ),
        "components": Param(
            type="int", default=20, min=1, section="Clusters", advanced=True,
            help="principal components that volumes are compared by",
        ),
    },
    output=(
        Output(name="mask_used", path="%(out)s/mask.mrc", check="mrc"),
        Output(name="volume_components", path="%(out)s/vol_pca_%(volumes)s.pkl"),
        Output(name="component_model", path="%(out)s/vol_pca_obj.pkl"),
    ),
    success_match=r"Finished analyzing landscape",
    failure=(
        Failure(
            match=r"UMAP file .* not found",
            class_=FailureClass.BAD_INPUT,
            hint="it reads analyze.EPOCH/umap.pkl of the training's folder: run `cryodrgn analyze` "
            "with `out` there first",
        ),
        *facts.FAILURES,
    ),
    example=(
        Example(
            params={"workdir": "p_vae", "epoch": 20, "pixel_size": 1.5},
            gpus=(0, 1),
            argv=(
                *("cryodrgn", "analyze_landscape", "p_vae", "20", "-o", "p_vae_landscape"),
                *("-N", "1000", "--Apix", "1.5", "-d", "128", "--dilate", "5"),
                *("--cosine-edge", "0", "--linkage", "average", "-M", "10", "--pc-dim", "20"),
                *("--device", "0"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0"},
        ),
        Example(
            params={"workdir": "p_vae", "epoch": 20, "volumes": 200, "linkage": "ward"},
            argv=(
                *("cryodrgn", "analyze_landscape", "p_vae", "20", "-o", "p_vae_landscape"),
                *("-N", "200", "--Apix", "1.0", "-d", "128", "--dilate", "5"),
                *("--cosine-edge", "0", "--linkage", "ward", "-M", "10", "--pc-dim", "20"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation=facts.CITATION,
    source="cryodrgn 4.3.1 (PyPI) cryodrgn/commands/analyze_landscape.py",
    unverified=(facts.UNRUN, "the GPU memory that it needs"),
)  # fmt: skip

ANALYZE_LANDSCAPE_FULL = Adapter(
    name="cryodrgn_analyze_landscape_full",
    family="cryoDRGN",
    title="cryoDRGN analyze_landscape_full: the landscape of all particles",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.FIRST_VISIBLE,
    command=Template(
        argv=(
            *("%(EXE)s", "analyze_landscape_full", "%(workdir)s", "%(epoch)s"),
            *("--landscape-dir", "%(landscape)s", "-o", "%(out)s", "--seed", "%(seed)s"),
            *("-N", "%(volumes)s", "-d", "%(box)s"),
            *facts.flags(("--flip", "flip")),
            *("--batch-size", "%(batch)s", "--epochs", "%(epochs)s", "--lr", "%(learning_rate)s"),
            *("--dim", "%(dim)s", "--layers", "%(layers)s"),
            *("--num-neighbors", "%(neighbours)s", "--resolution", "%(resolution)s"),
        ),
    ),
    params={
        **_WORKDIR,
        "landscape": Param(
            type="path", check="directory", help="folder of results of analyze_landscape"
        ),
        "out": _folder("landscape_full"),
        "seed": Param(type="int", default=0, min=0, advanced=True, help="of random numbers"),
        "volumes": Param(
            type="int", default=10000, min=1, section="Volumes", help="volumes that are made"
        ),
        "box": Param(
            type="int", unit="pixels", default=128, min=2, section="Volumes",
            help="box of the volumes, that of analyze_landscape",
        ),
        "flip": Param(
            type="bool", default=False, section="Volumes", help="flip the handedness"
        ),
        "batch": Param(
            type="int", default=64, min=1, section="Training", advanced=True, help="volumes at once"
        ),
        "epochs": Param(
            type="int", default=200, min=1, section="Training", help="passes over the volumes"
        ),
        "learning_rate": Param(
            type="float", default=1e-4, above=0, section="Training", advanced=True,
            help="learning rate of the network",
        ),
        "dim": Param(
            type="int", default=512, min=1, section="Training", advanced=True,
            help="width of the layers",
        ),
        "layers": Param(
            type="int", default=3, min=1, section="Training", advanced=True, help="hidden layers"
        ),
        "neighbours": Param(
            type="int", default=50, min=2, section="Clusters", help="neighbours of each particle"
        ),
        "resolution": Param(
            type="float", default=1.5, above=0, section="Clusters",
            help="of the Leiden clusters: more gives more of them",
        ),
    },
    output=(
        Output(name="volume_components", path="%(out)s/vol_pca_all.pkl"),
        Output(name="umap", path="%(out)s/umap_vol_pca.pkl"),
        Output(name="clusters", path="%(out)s/full_clustering/cluster_labels.pkl"),
    ),
    success_match=r"Finished in ",
    failure=(
        Failure(
            match=r"Did you run cryodrgn analyze_landscape",
            class_=FailureClass.BAD_INPUT,
            hint="`landscape` is a folder that analyze_landscape has written",
        ),
        *facts.FAILURES,
    ),
    example=(
        Example(
            params={"workdir": "p_vae", "epoch": 20, "landscape": "p_vae_landscape"},
            gpus=(3,),
            argv=(
                *("cryodrgn", "analyze_landscape_full", "p_vae", "20"),
                *("--landscape-dir", "p_vae_landscape", "-o", "p_vae_landscape_full"),
                *("--seed", "0", "-N", "10000", "-d", "128", "--batch-size", "64"),
                *("--epochs", "200", "--lr", "0.0001", "--dim", "512", "--layers", "3"),
                *("--num-neighbors", "50", "--resolution", "1.5"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={"workdir": "p_vae", "epoch": 20, "landscape": "ls", "volumes": 500, "seed": 7},
            argv=(
                *("cryodrgn", "analyze_landscape_full", "p_vae", "20"),
                *("--landscape-dir", "ls", "-o", "p_vae_landscape_full"),
                *("--seed", "7", "-N", "500", "-d", "128", "--batch-size", "64"),
                *("--epochs", "200", "--lr", "0.0001", "--dim", "512", "--layers", "3"),
                *("--num-neighbors", "50", "--resolution", "1.5"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation=facts.CITATION,
    source="cryodrgn 4.3.1 (PyPI) cryodrgn/commands/analyze_landscape_full.py",
    unverified=(facts.UNRUN, "the GPU memory that it needs"),
)  # fmt: skip
