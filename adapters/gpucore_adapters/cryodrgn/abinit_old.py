"""The commands that cryoDRGN abinit replaced: one volume, or a latent space of volumes."""

from __future__ import annotations

from dataclasses import replace

from gpucore.standard import Adapter, Example, Output, Param, Template

from . import facts
from .pose_search import POSE_SEARCH, POSE_SEARCH_OPTIONS

__all__ = ["ABINIT_HET_OLD", "ABINIT_HOMO_OLD"]

_IMAGES = {name: one for name, one in facts.IMAGES.items() if name != "poses"}

_POSE_SEARCH = {
    **POSE_SEARCH,
    "shift_range": replace(POSE_SEARCH["shift_range"], default=10.0),
    "search_every": Param(
        type="int", unit="epochs", default=5, min=1, section="Pose search",
        help="search poses every so many epochs",
    ),
    "pretrain": Param(
        type="int", unit="images", default=10000, min=0, section="Pose search", advanced=True,
        help="images with random poses at the beginning",
    ),
    "ramp": Param(
        type="int", unit="epochs", default=0, min=0, section="Pose search",
        help="epochs in which the radius grows to its end",
    ),
}  # fmt: skip

_POSE_SEARCH_OPTIONS = (
    *POSE_SEARCH_OPTIONS,
    *("--ps-freq", "%(search_every)s", "--pretrain", "%(pretrain)s"),
    *("--l-ramp-epochs", "%(ramp)s"),
)

_TRAINING = {**facts.TRAINING, "epochs": replace(facts.TRAINING["epochs"], default=30)}

_SOURCE = "cryodrgn 4.3.1 (PyPI) cryodrgn/commands/"

ABINIT_HOMO_OLD = Adapter(
    name="cryodrgn_abinit_homo_old",
    family="cryoDRGN",
    title="cryoDRGN abinit_homo_old: reconstruct one volume of particles without poses",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.FIRST_VISIBLE,
    command=Template(
        in_place=True,  # `load = "latest"` goes on from what lies there
        argv=(
            *("%(EXE)s", "abinit_homo_old", "%(particles)s", "-o", "%(out)s"),
            *facts.IMAGE_OPTIONS,
            *facts.TRAINING_OPTIONS,
            *("--layers", "%(layers)s", "--dim", "%(dim)s"),
            *_POSE_SEARCH_OPTIONS,
            *facts.flags(("--no-trans", "centred")),
        ),
    ),
    params={
        "particles": _IMAGES["particles"],
        "out": facts.folder("abinit_homo"),
        **_IMAGES,
        **_TRAINING,
        "batch": replace(_TRAINING["batch"], help="images at once"),
        "layers": Param(
            type="int", default=3, min=1, section="Network", advanced=True, help="hidden layers"
        ),
        "dim": Param(type="int", default=256, min=1, section="Network", help="width of the layers"),
        **_POSE_SEARCH,
        "ramp": replace(_POSE_SEARCH["ramp"], default=25),
        "centred": Param(
            type="bool", default=False, section="Pose search", help="the particles have no shifts"
        ),
    },
    output=(
        Output(name="volume", path="%(out)s/reconstruct.mrc", check="mrc"),
        Output(name="weights", path="%(out)s/weights.pkl"),
        Output(name="poses", path="%(out)s/pose.pkl"),
        Output(name="config", path="%(out)s/config.yaml"),
    ),
    success_match=facts.TRAINED,
    failure=facts.FAILURES,
    example=(
        # A slot of two: this command knows one GPU.
        Example(
            params={"particles": "p.mrcs", "ctf": "ctf.pkl"},
            gpus=(2, 3),
            argv=(
                *("cryodrgn", "abinit_homo_old", "p.mrcs", "-o", "p_abinit_homo"),
                *("--ctf", "ctf.pkl", "--window-r", "0.85", "--shuffler-size", "0"),
                *("-n", "30", "-b", "16", "--lr", "0.0001", "--wd", "0.0", "--checkpoint", "1"),
                *("--layers", "3", "--dim", "256", "--l-start", "12", "--l-end", "32"),
                *("--niter", "4", "--t-extent", "10.0", "--t-ngrid", "7"),
                *("--nkeptposes", "8", "--base-healpy", "2", "--ps-freq", "5"),
                *("--pretrain", "10000", "--l-ramp-epochs", "25"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        Example(
            params={"particles": "p.mrcs", "out": "homo", "epochs": 5, "centred": True},
            argv=(
                *("cryodrgn", "abinit_homo_old", "p.mrcs", "-o", "homo"),
                *("--window-r", "0.85", "--shuffler-size", "0"),
                *("-n", "5", "-b", "16", "--lr", "0.0001", "--wd", "0.0", "--checkpoint", "1"),
                *("--layers", "3", "--dim", "256", "--l-start", "12", "--l-end", "32"),
                *("--niter", "4", "--t-extent", "10.0", "--t-ngrid", "7"),
                *("--nkeptposes", "8", "--base-healpy", "2", "--ps-freq", "5"),
                *("--pretrain", "10000", "--l-ramp-epochs", "25", "--no-trans"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation=facts.CITATION,
    source=f"{_SOURCE}abinit_homo_old.py; in 3.1 the command was abinit_homo",
    unverified=(facts.UNRUN, "the GPU memory that it needs"),
)  # fmt: skip

ABINIT_HET_OLD = Adapter(
    name="cryodrgn_abinit_het_old",
    family="cryoDRGN",
    title="cryoDRGN abinit_het_old: reconstruct many volumes of particles without poses",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.ALL_VISIBLE,
    command=Template(
        in_place=True,  # `load = "latest"` goes on from what lies there
        argv=(
            *("%(EXE)s", "abinit_het_old", "%(particles)s", "--zdim", "%(zdim)s"),
            *("-o", "%(out)s"),
            *facts.IMAGE_OPTIONS,
            *("--max-threads", "%(threads)s"),
            *facts.TRAINING_OPTIONS,
            *("--enc-dim", "%(encoder_dim)s", "--dec-dim", "%(decoder_dim)s"),
            *_POSE_SEARCH_OPTIONS,
            *facts.absences(("--no-analysis", "analyse")),
            facts.SEVERAL,
        ),
    ),
    params={
        "particles": _IMAGES["particles"],
        "zdim": facts.ZDIM,
        "out": facts.folder("abinit_het"),
        **_IMAGES,
        "threads": Param(
            type="int", default=16, min=1, section="Images", help="CPU threads that read images"
        ),
        **_TRAINING,
        "analyse": facts.ANALYSE,
        "encoder_dim": Param(
            type="int", default=256, min=1, section="Network", help="width of the encoder's layers"
        ),
        "decoder_dim": Param(
            type="int", default=256, min=1, section="Network", help="width of the decoder's layers"
        ),
        **_POSE_SEARCH,
    },
    output=(
        Output(name="weights", path="%(out)s/weights.pkl"),
        Output(name="poses", path="%(out)s/pose.pkl"),
        Output(name="latents", path="%(out)s/z.pkl"),
        Output(name="config", path="%(out)s/config.yaml"),
        Output(name="analysis", path="%(out)s/analyze.%(epochs)s", check="directory",
               when="analyse"),
    ),
    success_match=facts.TRAINED,
    failure=facts.FAILURES,
    example=(
        Example(
            params={"particles": "p.mrcs", "ctf": "ctf.pkl", "zdim": 4},
            gpus=(1,),
            argv=(
                *("cryodrgn", "abinit_het_old", "p.mrcs", "--zdim", "4", "-o", "p_abinit_het"),
                *("--ctf", "ctf.pkl", "--window-r", "0.85", "--shuffler-size", "0"),
                *("--max-threads", "16"),
                *("-n", "30", "-b", "16", "--lr", "0.0001", "--wd", "0.0", "--checkpoint", "1"),
                *("--enc-dim", "256", "--dec-dim", "256", "--l-start", "12", "--l-end", "32"),
                *("--niter", "4", "--t-extent", "10.0", "--t-ngrid", "7"),
                *("--nkeptposes", "8", "--base-healpy", "2", "--ps-freq", "5"),
                *("--pretrain", "10000", "--l-ramp-epochs", "0"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
        Example(
            params={"particles": "p.mrcs", "zdim": 4, "threads": 8, "analyse": False},
            gpus=(0, 1),
            argv=(
                *("cryodrgn", "abinit_het_old", "p.mrcs", "--zdim", "4", "-o", "p_abinit_het"),
                *("--window-r", "0.85", "--shuffler-size", "0", "--max-threads", "8"),
                *("-n", "30", "-b", "16", "--lr", "0.0001", "--wd", "0.0", "--checkpoint", "1"),
                *("--enc-dim", "256", "--dec-dim", "256", "--l-start", "12", "--l-end", "32"),
                *("--niter", "4", "--t-extent", "10.0", "--t-ngrid", "7"),
                *("--nkeptposes", "8", "--base-healpy", "2", "--ps-freq", "5"),
                *("--pretrain", "10000", "--l-ramp-epochs", "0", "--no-analysis", "--multigpu"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,1"},
        ),
    ),
    licence=facts.LICENCE,
    citation=facts.CITATION,
    source=f"{_SOURCE}abinit_het_old.py; in 3.1 the command was abinit_het",
    unverified=(facts.UNRUN, "the GPU memory that it needs"),
)  # fmt: skip
