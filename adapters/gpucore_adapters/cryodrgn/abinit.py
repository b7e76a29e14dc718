"""cryoDRGN abinit: reconstructions of particles without poses."""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Gpu, GpuUse, Output, Param, Template

from . import facts
from .pose_search import POSE_SEARCH, POSE_SEARCH_OPTIONS

__all__ = ["ABINIT"]

_ZDIM = Param(
    type="int", min=0, section="Training",
    help="dimensions of the latent space; 0: one volume for all",
)  # fmt: skip

ABINIT = Adapter(
    name="cryodrgn_abinit",
    family="cryoDRGN",
    title="cryoDRGN abinit: reconstruct volumes of particles without poses (cryoDRGN-AI)",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=Gpu(
        use=GpuUse.OPTIONAL,
        changes_result="the batches of its three phases are multiplied by the number of GPUs",
    ),
    command=Template(
        in_place=True,  # `load = "latest"` goes on from what lies there
        argv=(
            *("%(EXE)s", "abinit", "%(particles)s", "--zdim", "%(zdim)s", "-o", "%(out)s"),
            *facts.options(("--ctf", "ctf"), ("--datadir", "datadir"), ("--ind", "ind")),
            *facts.absences(("--uninvert-data", "invert")),
            *facts.flags(("--lazy", "lazy")),
            *("--max-threads", "%(threads)s", "--num-workers", "%(workers)s"),
            *("-n", "%(epochs)s"),
            *facts.options(("--epochs-pose-search", "epochs_search")),
            *("--batch-size-hps", "%(batch_search)s"),
            *("--batch-size-known-poses", "%(batch_known)s", "--batch-size-sgd", "%(batch)s"),
            *("--lr", "%(learning_rate)s", "--wd", "%(weight_decay)s"),
            *("--checkpoint", "%(checkpoint)s"),
            *facts.absences(("--no-amp", "mixed_precision")),
            *facts.options(("--load", "load"), ("--load-poses", "load_poses"), ("--seed", "seed")),
            *("--layers", "%(layers)s", "--dim", "%(dim)s"),
            *POSE_SEARCH_OPTIONS,
            *facts.flags(("--no-trans", "centred"), ("--use-conf-encoder", "encoder")),
            *facts.absences(("--no-analysis", "analyse")),
            facts.SEVERAL,
        ),
    ),
    params={
        "particles": facts.IMAGES["particles"],
        "zdim": _ZDIM,
        "out": facts.folder("abinit"),
        **facts.chosen(facts.IMAGES, ("ctf", "datadir", "ind", "invert", "lazy")),
        "threads": Param(
            type="int", default=16, min=1, section="Images", help="CPU threads that read images"
        ),
        "workers": Param(
            type="int", default=2, min=0, section="Images", advanced=True,
            help="processes that read images",
        ),
        **facts.TRAINING,
        "epochs": Param(
            type="int", default=30, min=1, section="Training", help="passes over all images"
        ),
        "epochs_search": Param(
            type="int", optional=True, min=1, no_more_than="epochs", section="Training",
            help="passes that search poses; 3 when not given",
        ),
        "batch": Param(
            type="int", unit="images", default=128, min=1, section="Training",
            help="images at once in the last phase; each further GPU takes as many again",
        ),
        "batch_search": Param(
            type="int", unit="images", default=16, min=1, section="Training",
            help="images at once while poses are searched",
        ),
        "batch_known": Param(
            type="int", unit="images", default=64, min=1, section="Training", advanced=True,
            help="images at once while poses are held",
        ),
        "checkpoint": Param(
            type="int", unit="epochs", default=5, min=1, section="Training", advanced=True,
            help="write the network every so many epochs, and after the last",
        ),
        "load_poses": Param(
            type="path", optional=True, suffix=(".pkl",), section="Training", needs=("load",),
            help="poses to go on from",
        ),
        "analyse": facts.ANALYSE,
        "layers": Param(
            type="int", default=3, min=1, section="Network", advanced=True, help="hidden layers"
        ),
        "dim": Param(type="int", default=256, min=1, section="Network", help="width of the layers"),
        "encoder": Param(
            type="bool", default=False, section="Network", advanced=True,
            help="predict the latent coordinates by an encoder",
        ),
        **POSE_SEARCH,
        "centred": Param(
            type="bool", default=False, section="Pose search", help="the particles have no shifts"
        ),
    },
    output=(
        Output(name="volume", path="%(out)s/reconstruct.%(epochs)s.mrc", check="mrc"),
        Output(name="weights", path="%(out)s/weights.%(epochs)s.pkl"),
        Output(name="poses", path="%(out)s/pose.%(epochs)s.pkl"),
        Output(name="latents", path="%(out)s/z.%(epochs)s.pkl", when="zdim", at_least=1),
        Output(name="config", path="%(out)s/config.yaml"),
    ),
    success_match=facts.TRAINED,
    failure=facts.FAILURES,
    example=(
        Example(
            params={"particles": "p.mrcs", "ctf": "ctf.pkl", "zdim": 8, "epochs": 50},
            gpus=(3,),
            argv=(
                *("cryodrgn", "abinit", "p.mrcs", "--zdim", "8", "-o", "p_abinit"),
                *("--ctf", "ctf.pkl", "--max-threads", "16", "--num-workers", "2", "-n", "50"),
                *("--batch-size-hps", "16", "--batch-size-known-poses", "64"),
                *("--batch-size-sgd", "128", "--lr", "0.0001", "--wd", "0.0", "--checkpoint", "5"),
                *("--layers", "3", "--dim", "256", "--l-start", "12", "--l-end", "32"),
                *("--niter", "4", "--t-extent", "20.0", "--t-ngrid", "7"),
                *("--nkeptposes", "8", "--base-healpy", "2"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={"particles": "p.mrcs", "zdim": 0, "centred": True, "analyse": False},
            gpus=(0, 1),
            argv=(
                *("cryodrgn", "abinit", "p.mrcs", "--zdim", "0", "-o", "p_abinit"),
                *("--max-threads", "16", "--num-workers", "2", "-n", "30"),
                *("--batch-size-hps", "16", "--batch-size-known-poses", "64"),
                *("--batch-size-sgd", "128", "--lr", "0.0001", "--wd", "0.0", "--checkpoint", "5"),
                *("--layers", "3", "--dim", "256", "--l-start", "12", "--l-end", "32"),
                *("--niter", "4", "--t-extent", "20.0", "--t-ngrid", "7"),
                *("--nkeptposes", "8", "--base-healpy", "2"),
                *("--no-trans", "--no-analysis", "--multigpu"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,1"},
        ),
    ),
    licence=facts.LICENCE,
    citation=facts.CITATION_ABINIT,
    source="cryodrgn 4.3.1 (PyPI) cryodrgn/commands/abinit.py, cryodrgn/analysis_drgnai.py",
    unverified=(facts.UNRUN, "the GPU memory that it needs"),
)  # fmt: skip
