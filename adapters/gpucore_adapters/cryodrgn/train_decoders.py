"""cryoDRGN's decoders without an encoder: train_nn for one volume, train_dec for many."""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Output, Param, Template

from . import facts

__all__ = ["TRAIN_DEC", "TRAIN_NN"]

_NETWORK = {
    "layers": Param(
        type="int", default=3, min=1, section="Network", advanced=True, help="hidden layers"
    ),
    "dim": Param(type="int", default=1024, min=1, section="Network", help="width of the layers"),
}

_NETWORK_OPTIONS = ("--layers", "%(layers)s", "--dim", "%(dim)s")

TRAIN_NN = Adapter(
    name="cryodrgn_train_nn",
    family="cryoDRGN",
    title="cryoDRGN train_nn: fit one neural volume to particles with known poses",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.ALL_VISIBLE,
    command=Template(
        in_place=True,  # `load = "latest"` goes on from what lies there
        argv=(
            *("%(EXE)s", "train_nn", "%(particles)s", "--poses", "%(poses)s", "-o", "%(out)s"),
            *facts.IMAGE_OPTIONS,
            *facts.TRAINING_OPTIONS,
            *_NETWORK_OPTIONS,
            *facts.POSE_OPTIONS,
            facts.SEVERAL,
        ),
    ),
    params={
        **facts.chosen(facts.IMAGES, ("particles", "poses")),
        "out": facts.folder("nn"),
        **facts.IMAGES,
        **facts.TRAINING,
        **_NETWORK,
        **facts.POSES,
    },
    output=(
        Output(name="volume", path="%(out)s/reconstruct.mrc", check="mrc"),
        Output(name="weights", path="%(out)s/weights.pkl"),
        Output(name="config", path="%(out)s/config.yaml"),
    ),
    success_match=facts.TRAINED,
    failure=facts.FAILURES,
    example=(
        Example(
            params={"particles": "p.mrcs", "poses": "poses.pkl", "ctf": "ctf.pkl", "epochs": 10},
            gpus=(1,),
            argv=(
                *("cryodrgn", "train_nn", "p.mrcs", "--poses", "poses.pkl", "-o", "p_nn"),
                *("--ctf", "ctf.pkl", "--window-r", "0.85", "--shuffler-size", "0"),
                *("-n", "10", "-b", "16", "--lr", "0.0001", "--wd", "0.0", "--checkpoint", "1"),
                *("--layers", "3", "--dim", "1024"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
        Example(
            params={"particles": "p.mrcs", "poses": "poses.pkl", "load": "latest", "batch": 8},
            gpus=(1, 3),
            argv=(
                *("cryodrgn", "train_nn", "p.mrcs", "--poses", "poses.pkl", "-o", "p_nn"),
                *("--window-r", "0.85", "--shuffler-size", "0"),
                *("-n", "20", "-b", "8", "--lr", "0.0001", "--wd", "0.0", "--checkpoint", "1"),
                *("--load", "latest", "--layers", "3", "--dim", "1024", "--multigpu"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1,3"},
        ),
        # Without a GPU.
        Example(
            params={"particles": "p.mrcs", "poses": "poses.pkl", "epochs": 2, "dim": 256},
            argv=(
                *("cryodrgn", "train_nn", "p.mrcs", "--poses", "poses.pkl", "-o", "p_nn"),
                *("--window-r", "0.85", "--shuffler-size", "0"),
                *("-n", "2", "-b", "16", "--lr", "0.0001", "--wd", "0.0", "--checkpoint", "1"),
                *("--layers", "3", "--dim", "256"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation=facts.CITATION,
    source="cryodrgn 4.3.1 (PyPI) cryodrgn/commands/train_nn.py; run on the CPU",
    unverified=(facts.NEVER_ON_A_GPU, "the GPU memory that it needs"),
)  # fmt: skip

TRAIN_DEC = Adapter(
    name="cryodrgn_train_dec",
    family="cryoDRGN",
    title="cryoDRGN train_dec: train a heterogeneous reconstruction without an encoder",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.ALL_VISIBLE,
    command=Template(
        in_place=True,  # `load = "latest"` goes on from what lies there
        argv=(
            *("%(EXE)s", "train_dec", "%(particles)s", "--poses", "%(poses)s"),
            *("--zdim", "%(zdim)s", "-o", "%(out)s"),
            *facts.IMAGE_OPTIONS,
            *facts.TRAINING_OPTIONS,
            *facts.options(("--load-z", "latents_start")),
            *("--z-lr", "%(latents_learning_rate)s", "--pretrain-z", "%(latents_first)s"),
            *_NETWORK_OPTIONS,
            *facts.POSE_OPTIONS,
            *facts.absences(("--no-analysis", "analyse")),
            facts.SEVERAL,
        ),
    ),
    params={
        **facts.chosen(facts.IMAGES, ("particles", "poses")),
        "zdim": facts.ZDIM,
        "out": facts.folder("dec"),
        **facts.IMAGES,
        **facts.TRAINING,
        "batch": Param(
            type="int", unit="images", default=8, min=1, section="Training",
            help="images at once; each further GPU takes as many again",
        ),
        "latents_start": Param(
            type="path", optional=True, suffix=(".pkl",), section="Training",
            help="latent coordinates to start from",
        ),
        "latents_learning_rate": Param(
            type="float", default=1e-4, above=0, section="Training", advanced=True,
            help="learning rate of the latent coordinates",
        ),
        "latents_first": Param(
            type="int", unit="epochs", default=0, min=0, section="Training", advanced=True,
            help="epochs that train the latent coordinates first",
        ),
        "analyse": facts.ANALYSE,
        **_NETWORK,
        **facts.POSES,
    },
    output=(
        Output(name="volume", path="%(out)s/reconstruct.mrc", check="mrc"),
        Output(name="weights", path="%(out)s/weights.pkl"),
        Output(name="latents", path="%(out)s/z.pkl"),
        Output(name="config", path="%(out)s/config.yaml"),
        Output(name="analysis", path="%(out)s/analyze.%(epochs)s", check="directory",
               when="analyse"),
    ),
    success_match=facts.TRAINED,
    failure=facts.FAILURES,
    example=(
        Example(
            params={"particles": "p.mrcs", "poses": "poses.pkl", "ctf": "ctf.pkl", "zdim": 8},
            gpus=(2,),
            argv=(
                *("cryodrgn", "train_dec", "p.mrcs", "--poses", "poses.pkl", "--zdim", "8"),
                *("-o", "p_dec", "--ctf", "ctf.pkl", "--window-r", "0.85", "--shuffler-size", "0"),
                *("-n", "20", "-b", "8", "--lr", "0.0001", "--wd", "0.0", "--checkpoint", "1"),
                *("--z-lr", "0.0001", "--pretrain-z", "0", "--layers", "3", "--dim", "1024"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        Example(
            params={"particles": "p.mrcs", "poses": "poses.pkl", "zdim": 4, "refine_poses": True,
                    "pose_learning_rate": 0.001, "analyse": False},
            gpus=(0, 1),
            argv=(
                *("cryodrgn", "train_dec", "p.mrcs", "--poses", "poses.pkl", "--zdim", "4"),
                *("-o", "p_dec", "--window-r", "0.85", "--shuffler-size", "0"),
                *("-n", "20", "-b", "8", "--lr", "0.0001", "--wd", "0.0", "--checkpoint", "1"),
                *("--z-lr", "0.0001", "--pretrain-z", "0", "--layers", "3", "--dim", "1024"),
                *("--do-pose-sgd", "--pose-lr", "0.001", "--no-analysis", "--multigpu"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,1"},
        ),
    ),
    licence=facts.LICENCE,
    citation=facts.CITATION,
    source="cryodrgn 4.3.1 (PyPI) cryodrgn/commands/train_dec.py",
    unverified=(facts.UNRUN, "the GPU memory that it needs"),
)  # fmt: skip
