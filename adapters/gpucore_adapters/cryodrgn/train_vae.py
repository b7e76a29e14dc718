"""cryoDRGN train_vae: heterogeneity of particles with known poses, by a variational autoencoder."""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Output, Param, Template

from . import facts

__all__ = ["TRAIN_VAE"]

_TILTS = {
    "tilts": Param(
        type="int", default=10, min=1, section="Tilt series",
        help="tilts of each particle that are encoded, when `encoder` is tilt",
    ),
    "dose": Param(
        type="float", unit="e⁻/Å²", optional=True, above=0, section="Tilt series",
        help="exposure of each tilt",
    ),
    "tilt_step": Param(
        type="float", unit="degrees", default=3.0, above=0, section="Tilt series",
        help="angle between tilts",
    ),
}  # fmt: skip

_NETWORK = {
    "encoder": Param(
        type="choice", choices=("resid", "conv", "mlp", "tilt"), default="resid",
        section="Network", help="kind of encoder; tilt for tilt series, conv for boxes of 64",
    ),
    "encoder_layers": Param(
        type="int", default=3, min=1, section="Network", advanced=True,
        help="hidden layers of the encoder",
    ),
    "encoder_dim": Param(
        type="int", default=1024, min=1, section="Network", help="width of the encoder's layers"
    ),
    "encoder_mask": Param(
        type="int", unit="pixels", optional=True, min=-1, section="Network", advanced=True,
        help="radius of the encoder's mask; half the box when not given, -1: none",
    ),
    "decoder_layers": Param(
        type="int", default=3, min=1, section="Network", advanced=True,
        help="hidden layers of the decoder",
    ),
    "decoder_dim": Param(
        type="int", default=1024, min=1, section="Network", help="width of the decoder's layers"
    ),
}  # fmt: skip

TRAIN_VAE = Adapter(
    name="cryodrgn_train_vae",
    family="cryoDRGN",
    title="cryoDRGN train_vae: train a heterogeneous reconstruction with known poses",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.ALL_VISIBLE,
    command=Template(
        in_place=True,  # `load = "latest"` goes on from what lies there
        argv=(
            *("%(EXE)s", "train_vae", "%(particles)s", "--poses", "%(poses)s"),
            *("--zdim", "%(zdim)s", "-o", "%(out)s"),
            *facts.IMAGE_OPTIONS,
            *("--max-threads", "%(threads)s"),
            *facts.options(("--num-workers", "workers")),
            *facts.TRAINING_OPTIONS,
            *facts.options(("--beta", "beta"), ("--beta-control", "beta_control")),
            *("--encode-mode", "%(encoder)s", "--enc-layers", "%(encoder_layers)s"),
            *("--enc-dim", "%(encoder_dim)s"),
            *facts.options(("--enc-mask", "encoder_mask")),
            *("--dec-layers", "%(decoder_layers)s", "--dec-dim", "%(decoder_dim)s"),
            *("--ntilts", "%(tilts)s"),
            *facts.options(("--dose-per-tilt", "dose")),
            *("--angle-per-tilt", "%(tilt_step)s"),
            *facts.POSE_OPTIONS,
            *facts.absences(("--no-analysis", "analyse")),
            facts.SEVERAL,
        ),
    ),
    params={
        **facts.chosen(facts.IMAGES, ("particles", "poses", "ctf")),
        "zdim": facts.ZDIM,
        "out": facts.folder("vae"),
        **{name: one for name, one in facts.IMAGES.items()
           if name not in {"particles", "poses", "ctf"}},
        "threads": Param(
            type="int", default=16, min=1, section="Images", help="CPU threads that read images"
        ),
        "workers": Param(
            type="int", optional=True, min=0, section="Images", advanced=True,
            help="processes that read images; none, and two when lazy, when not given",
        ),
        **facts.TRAINING,
        "beta": Param(
            type="float", optional=True, min=0, section="Training", advanced=True,
            help="weight of the latent space's prior; 1/zdim when not given",
        ),
        "beta_control": Param(
            type="float", optional=True, min=0, section="Training", advanced=True,
            help="strength with which the divergence is held at `beta`",
        ),
        "analyse": facts.ANALYSE,
        **_NETWORK,
        **_TILTS,
        **facts.POSES,
    },
    output=(
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
            params={"particles": "p.star", "poses": "poses.pkl", "ctf": "ctf.pkl", "zdim": 8,
                    "datadir": "stacks", "seed": 1},
            gpus=(3,),
            argv=(
                *("cryodrgn", "train_vae", "p.star", "--poses", "poses.pkl", "--zdim", "8"),
                *("-o", "p_vae", "--ctf", "ctf.pkl", "--datadir", "stacks"),
                *("--window-r", "0.85", "--shuffler-size", "0", "--max-threads", "16"),
                *("-n", "20", "-b", "16", "--lr", "0.0001", "--wd", "0.0", "--checkpoint", "1"),
                *("--seed", "1", "--encode-mode", "resid", "--enc-layers", "3"),
                *("--enc-dim", "1024", "--dec-layers", "3", "--dec-dim", "1024"),
                *("--ntilts", "10", "--angle-per-tilt", "3.0"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={"particles": "tilts.star", "poses": "pose.pkl", "ctf": "ctf.pkl", "zdim": 12,
                    "epochs": 50, "beta": 0.025, "encoder": "tilt", "dose": 2.93, "lazy": True,
                    "invert": False, "analyse": False},
            gpus=(0, 2),
            argv=(
                *("cryodrgn", "train_vae", "tilts.star", "--poses", "pose.pkl", "--zdim", "12"),
                *("-o", "tilts_vae", "--ctf", "ctf.pkl", "--uninvert-data"),
                *("--window-r", "0.85", "--lazy", "--shuffler-size", "0", "--max-threads", "16"),
                *("-n", "50", "-b", "16", "--lr", "0.0001", "--wd", "0.0", "--checkpoint", "1"),
                *("--beta", "0.025", "--encode-mode", "tilt", "--enc-layers", "3"),
                *("--enc-dim", "1024", "--dec-layers", "3", "--dec-dim", "1024"),
                *("--ntilts", "10", "--dose-per-tilt", "2.93", "--angle-per-tilt", "3.0"),
                *("--no-analysis", "--multigpu"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,2"},
        ),
    ),
    licence=facts.LICENCE,
    citation=facts.CITATION,
    source="cryodrgn 4.3.1 (PyPI) cryodrgn/commands/train_vae.py, analyze.py, utils.py; run on the "
    "CPU; scipion-em-cryodrgn 3.13.1 cryodrgn/protocols/protocol_train.py",
    unverified=(facts.NEVER_ON_A_GPU, "the GPU memory that it needs"),
)  # fmt: skip
