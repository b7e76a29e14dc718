"""OPUS-DSD's training: of composition alone, or of the motions of bodies as well."""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Gpu, GpuUse, Group, Output, Param, Template

from . import facts

__all__ = ["OPUSDSD_TRAIN_CV", "OPUSDSD_TRAIN_MULTI"]

# It takes no ids: of what it sees, the first so many. Its own default is 4, and a batch that does
# not divide by that is passed over.
_GPU = Gpu(
    use=GpuUse.COMPULSORY,
    form="count",
    changes_result="the batch is multiplied by the number of GPUs",
    memory_note="its authors train on V100 GPUs or better",
)

_TRAIN = (
    *("--poses", "%(poses)s", "--ctf", "%(ctf)s", "--zdim", "%(zdim)s", "-o", "%(out)s"),
    Group(args=("-r", "%(mask)s")),
    *("--split", "%(split)s", "--valfrac", "%(validation)s"),
    Group(args=("--datadir", "%(datadir)s")),
    Group(args=("--ind", "%(ind)s")),
    Group(when="relion31", args=("--relion31",)),
    Group(unless="invert", args=("--uninvert-data",)),
    Group(when="in_memory", args=("--inmem",)),
    *("-n", "%(epochs)s", "-b", "%(batch)s", "--lr", "%(learning_rate)s"),
    *("--accum-step", "%(accumulate)s", "--checkpoint", "1"),
    *("--lamb", "%(lambda)s", "--beta", "cos", "--beta-control", "%(beta_control)s"),
    *("--downfrac", "%(downsampling)s", "--templateres", "%(template_size)s"),
    *("--bfactor", "%(bfactor)s"),
    Group(args=("--load", "%(load)s")),
    Group(args=("--latents", "%(latents)s")),
    Group(args=("--seed", "%(seed)s")),
    *("--lazy-single", "--pe-type", "vanilla", "--encode-mode", "grad", "--template-type", "conv"),
    *("--multigpu", "--num-gpus", "%(GPU)s"),
)

_TRAIN_PARAMS = {
    "particles": Param(
        type="path", item=True, suffix=(".mrcs", ".star", ".txt", ".cs"), section="Images",
        help="stack or list of particles",
    ),
    "poses": Param(
        type="path", suffix=(".pkl",), section="Images",
        help="poses, as Euler angles (dsd parse_pose_star)",
    ),
    "ctf": Param(type="path", suffix=(".pkl",), section="Images", help="CTF of the images"),
    "zdim": Param(
        type="int", min=1, section="Training", help="dimensions of the latent space, 12 or so"
    ),
    "out": Param(
        type="path", output="%(particles.stem)s_dsd", check="directory",
        help="folder of the results",
    ),
    "mask": Param(
        type="path", optional=True, section="Images", help="mask of the consensus volume"
    ),
    "split": Param(
        type="path", check="any", section="Images",
        help="which images are for validation; made when it is not there",
    ),
    "validation": Param(
        type="float", default=0.2, above=0, below=1, section="Images",
        help="part of the images that is for validation",
    ),
    "datadir": Param(
        type="path", optional=True, check="directory", section="Images",
        help="folder that the paths in a .star or .cs file start from",
    ),
    "ind": Param(
        type="path", optional=True, suffix=(".pkl",), section="Images",
        help="indices of the images to use",
    ),
    "relion31": Param(
        type="bool", default=False, section="Images",
        help="the .star file is of RELION 3.1 or later",
    ),
    "invert": Param(
        type="bool", default=True, section="Images",
        help="invert the contrast; false for particles that are white already",
    ),
    "in_memory": Param(
        type="bool", default=False, section="Images", help="read all images into memory first"
    ),
    "epochs": Param(
        type="int", default=20, min=1, section="Training", help="passes over all images"
    ),
    "batch": Param(
        type="int", unit="images", default=20, min=1, section="Training",
        help="images at once on each GPU",
    ),
    "learning_rate": Param(
        type="float", default=1e-4, above=0, section="Training", help="learning rate"
    ),
    "accumulate": Param(
        type="int", default=2, min=1, section="Training", advanced=True,
        help="batches that make one step of the training",
    ),
    "lambda": Param(
        type="float", default=0.5, min=0, section="Training",
        help="strength of the structural prior, 0.1 to 3: more for a better signal",
    ),
    "beta_control": Param(
        type="float", default=0.5, above=0, section="Training",
        help="strength of the latent space's prior, 0.5 to 4: more for a better signal",
    ),
    "downsampling": Param(
        type="float", default=0.5, above=0, max=1, section="Training",
        help="part of the images' box that they are reduced to; 128 pixels must remain",
    ),
    "template_size": Param(
        type="int", unit="pixels", default=192, min=128, max=256, multiple_of=16,
        section="Training", help="box of the network's volume",
    ),
    "bfactor": Param(
        type="float", unit="Å²", default=4.0, min=0, section="Training", help="damping, 3 to 6"
    ),
    "load": Param(
        type="path", optional=True, suffix=(".pkl",), section="Training",
        help="weights to go on from",
    ),
    "latents": Param(
        type="path", optional=True, suffix=(".pkl",), section="Training",
        help="latent coordinates to go on from, of the same epoch",
    ),
    "seed": Param(
        type="int", optional=True, min=0, section="Training", advanced=True,
        help="of random numbers; a new one each time when not given",
    ),
}  # fmt: skip

_TRAIN_OUTPUTS = (
    Output(name="config", path="%(out)s/config.pkl"),
    Output(name="log", path="%(out)s/run.log", match=r"Average validation gen_loss"),
    # It counts epochs from 0, and saves each of them.
    Output(name="weights", path="%(out)s/weights.%(epochs - 1)s.pkl"),
    Output(name="latent", path="%(out)s/z.%(epochs - 1)s.pkl"),
)

# train_multi ends with `Finsihed in`.
_TRAINED = r"Fin(?:ished|sihed) in .+ per epoch\)"

_UNVERIFIED = (
    "never run",
    "the GPU memory that it needs, and whether it trains on the CPU",
    "with `load` it goes on behind the epoch of those weights: `epochs` must be more than that",
)

OPUSDSD_TRAIN_CV = Adapter(
    name="opusdsd_train_cv",
    family="OPUS-DSD",
    title="OPUS-DSD train_cv: train the latent space of a heterogeneous set of particles",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=_GPU,
    command=Template(argv=("%(EXE)s", "train_cv", "%(particles)s", *_TRAIN)),
    params=_TRAIN_PARAMS,
    output=_TRAIN_OUTPUTS,
    success_match=_TRAINED,
    failure=facts.FAILURES,
    example=(
        Example(
            params={"particles": "all.mrcs", "poses": "pose.pkl", "ctf": "ctf.pkl", "zdim": 12,
                    "split": "split.pkl", "mask": "mask.mrc", "batch": 12},
            gpus=(2,),
            argv=(
                *("dsd", "train_cv", "all.mrcs", "--poses", "pose.pkl", "--ctf", "ctf.pkl"),
                *("--zdim", "12", "-o", "all_dsd", "-r", "mask.mrc", "--split", "split.pkl"),
                *("--valfrac", "0.2", "-n", "20", "-b", "12", "--lr", "0.0001"),
                *("--accum-step", "2", "--checkpoint", "1", "--lamb", "0.5", "--beta", "cos"),
                *("--beta-control", "0.5", "--downfrac", "0.5", "--templateres", "192"),
                *("--bfactor", "4.0", "--lazy-single", "--pe-type", "vanilla"),
                *("--encode-mode", "grad", "--template-type", "conv", "--multigpu"),
                *("--num-gpus", "1"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        Example(
            params={"particles": "all.mrcs", "poses": "pose.pkl", "ctf": "ctf.pkl", "zdim": 12,
                    "split": "split.pkl", "load": "sp/weights.0.pkl", "latents": "sp/z.0.pkl"},
            gpus=(0, 3),
            argv=(
                *("dsd", "train_cv", "all.mrcs", "--poses", "pose.pkl", "--ctf", "ctf.pkl"),
                *("--zdim", "12", "-o", "all_dsd", "--split", "split.pkl", "--valfrac", "0.2"),
                *("-n", "20", "-b", "20", "--lr", "0.0001", "--accum-step", "2"),
                *("--checkpoint", "1", "--lamb", "0.5", "--beta", "cos", "--beta-control", "0.5"),
                *("--downfrac", "0.5", "--templateres", "192", "--bfactor", "4.0"),
                *("--load", "sp/weights.0.pkl", "--latents", "sp/z.0.pkl"),
                *("--lazy-single", "--pe-type", "vanilla", "--encode-mode", "grad"),
                *("--template-type", "conv", "--multigpu", "--num-gpus", "2"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,3"},
        ),
    ),
    licence=facts.LICENCE,
    citation=facts.CITATION,
    source=f"{facts.SOURCE}train_cv.py; README.md",
    unverified=_UNVERIFIED,
)  # fmt: skip

OPUSDSD_TRAIN_MULTI = Adapter(
    name="opusdsd_train_multi",
    family="OPUS-DSD",
    title="OPUS-DSD2 train_multi: train composition and motions of several bodies",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=_GPU,
    command=Template(
        argv=(
            *("%(EXE)s", "train_multi", "%(particles)s"),
            Group(args=("--masks", "%(bodies)s")),
            *("--zaffdim", "%(motion_dim)s"),
            Group(when="second_order", args=("--second-order",)),
            *_TRAIN,
        )
    ),
    params={
        **_TRAIN_PARAMS,
        "bodies": Param(
            type="path", optional=True, suffix=(".pkl",), section="Bodies",
            help="masks and centres of the bodies (dsdsh prepare_multi)",
        ),
        "motion_dim": Param(
            type="int", default=4, min=1, section="Bodies",
            help="dimensions of the latent space of motions",
        ),
        "second_order": Param(
            type="bool", default=False, section="Bodies", advanced=True,
            help="correct motions to the second order",
        ),
    },
    output=_TRAIN_OUTPUTS,
    success_match=_TRAINED,
    failure=facts.FAILURES,
    example=(
        Example(
            params={"particles": "all.star", "poses": "pose.pkl", "ctf": "ctf.pkl", "zdim": 12,
                    "split": "split.pkl", "bodies": "mask_params.pkl", "motion_dim": 6},
            gpus=(0, 1, 2, 3),
            argv=(
                *("dsd", "train_multi", "all.star", "--masks", "mask_params.pkl"),
                *("--zaffdim", "6", "--poses", "pose.pkl", "--ctf", "ctf.pkl"),
                *("--zdim", "12", "-o", "all_dsd", "--split", "split.pkl", "--valfrac", "0.2"),
                *("-n", "20", "-b", "20", "--lr", "0.0001", "--accum-step", "2"),
                *("--checkpoint", "1", "--lamb", "0.5", "--beta", "cos", "--beta-control", "0.5"),
                *("--downfrac", "0.5", "--templateres", "192", "--bfactor", "4.0"),
                *("--lazy-single", "--pe-type", "vanilla", "--encode-mode", "grad"),
                *("--template-type", "conv", "--multigpu", "--num-gpus", "4"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,1,2,3"},
        ),
        Example(
            params={"particles": "all.star", "poses": "pose.pkl", "ctf": "ctf.pkl", "zdim": 8,
                    "split": "split.pkl", "relion31": True, "in_memory": True,
                    "second_order": True},
            gpus=(1,),
            argv=(
                *("dsd", "train_multi", "all.star", "--zaffdim", "4", "--second-order"),
                *("--poses", "pose.pkl", "--ctf", "ctf.pkl", "--zdim", "8", "-o", "all_dsd"),
                *("--split", "split.pkl", "--valfrac", "0.2", "--relion31", "--inmem"),
                *("-n", "20", "-b", "20", "--lr", "0.0001", "--accum-step", "2"),
                *("--checkpoint", "1", "--lamb", "0.5", "--beta", "cos", "--beta-control", "0.5"),
                *("--downfrac", "0.5", "--templateres", "192", "--bfactor", "4.0"),
                *("--lazy-single", "--pe-type", "vanilla", "--encode-mode", "grad"),
                *("--template-type", "conv", "--multigpu", "--num-gpus", "1"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
    ),
    licence=facts.LICENCE,
    citation=facts.CITATION,
    source=f"{facts.SOURCE}train_multi.py; README.md",
    unverified=_UNVERIFIED,
)  # fmt: skip
