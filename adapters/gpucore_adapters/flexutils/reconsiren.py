"""ReconSIREN: a network that finds the angles of particles, and a map, from nothing."""

from gpucore.standard import Adapter, Example, Group, Output, Param, Program, Template
from gpucore_adapters.flexutils.arguments import (
    CTF_PARAMS,
    FAILURES,
    GPU_ARGUMENTS,
    HOMEPAGE,
    INSTALL,
    LICENCE,
    ONE_GPU,
    PARTICLES,
    PREDICTED,
    SOURCE,
    TRAINING_ARGUMENTS,
    TRAINING_PARAMS,
)

__all__ = ["PREDICT_RECONSIREN", "TRAIN_RECONSIREN"]

_ARGUMENTS = (
    "--sr", "%(pixel_size)s",
    "--pad", "%(padding)s",
    "--n_candidates", "%(candidates)s",
    Group(when="only_angles", args=("--only_pose",)),
    Group(when="only_positive", args=("--only_pos",)),
    Group(when="heterogeneous", args=("--heterogeneous",)),
)  # fmt: skip
_PARAMS = {
    "pixel_size": CTF_PARAMS["pixel_size"],
    "padding": CTF_PARAMS["padding"],
    "candidates": Param(type="int", default=6, min=1, advanced=True,
                        help="angles that are tried for each particle"),
    "only_angles": Param(type="bool", default=False,
                         help="leave the map that lies beside the particles as it is"),
    "only_positive": Param(type="bool", default=False,
                           help="no negative values; for class averages"),
    "heterogeneous": Param(type="bool", default=False, help="find several states, too"),
}  # fmt: skip
_PAPER = (
    "Herreros et al., Acta Cryst. D 79 (2023) 569-584, doi:10.1107/S2059798323004497 "
    "(the toolkit's framework)"
)

TRAIN_RECONSIREN = Adapter(
    name="flexutils_train_reconsiren",
    title="Flexutils: train a network that finds the angles of particles, and a map (ReconSIREN)",
    family="Flexutils",
    homepage=HOMEPAGE,
    program=Program(executable="train_reconsiren.py", install=INSTALL),
    gpu=ONE_GPU,
    command=Template(
        # It goes on from an unfinished training that lies there.
        in_place=True,
        argv=(
            "%(EXE)s",
            *TRAINING_ARGUMENTS,
            *_ARGUMENTS,
            "--l1_reg", "%(l1_weight)s",
            "--tv_reg", "%(tv_weight)s",
            "--mse_reg", "%(mse_weight)s",
            "--ud_lambda", "%(uniform_weight)s",
            "--un_lambda", "%(norm_weight)s",
            *GPU_ARGUMENTS,
        ),
    ),
    params={
        "particles": PARTICLES,
        "out": Param(type="path", output="%(particles.stem)s_reconsiren", check="directory",
                     help="folder of the network, its map and the angles"),
        **_PARAMS,
        **TRAINING_PARAMS,
        "batch": Param(type="int", unit="particles", default=64, min=1, section="Training",
                       help="particles at once; fewer take less memory"),
        "epochs": Param(type="int", default=500, min=1, section="Training",
                        help="rounds over all particles; done in fives"),
        "l1_weight": Param(type="float", default=0.1, min=0, section="Cost", advanced=True,
                           help="weight of the L1 norm: less noise"),
        "tv_weight": Param(type="float", default=0.1, min=0, section="Cost", advanced=True,
                           help="weight of the total variation: smooth, with edges"),
        "mse_weight": Param(type="float", default=0.1, min=0, section="Cost", advanced=True,
                            help="weight of squared variation: smooth"),
        "uniform_weight": Param(type="float", default=1e-6, min=0, section="Cost", advanced=True,
                                help="weight of directions that are uniform"),
        "norm_weight": Param(type="float", default=1e-4, min=0, section="Cost", advanced=True,
                             help="weight of rotations that are written with unit norm"),
    },
    output=(
        Output(name="angles", path="%(out)s/metadata_pred_angles.xmd"),
        Output(name="map", path="%(out)s/decoded_map_no_het.mrc", check="mrc",
               unless="only_angles"),
        # Its name depends on the release of TensorFlow.
        Output(name="network", path="%(out)s/reconsiren_model.h5", optional=True),
        Output(name="network_keras3", path="%(out)s/reconsiren_model.weights.h5", optional=True),
    ),
    failure=FAILURES,
    example=(
        Example(
            params={"particles": "p.xmd", "pixel_size": 4.0},
            gpus=(3, 4),
            argv=(
                "train_reconsiren.py", "--md_file", "p.xmd", "--out_path", "p_reconsiren",
                "--batch_size", "64", "--shuffle", "--split_train", "1.0", "--epochs", "500",
                "--architecture", "convnn", "--jit_compile", "--sr", "4.0", "--pad", "2",
                "--n_candidates", "6", "--l1_reg", "0.1", "--tv_reg", "0.1", "--mse_reg", "0.1",
                "--ud_lambda", "1e-06", "--un_lambda", "0.0001", "--gpu", "3",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"particles": "p.xmd", "pixel_size": 4.0, "only_angles": True,
                    "heterogeneous": True, "architecture": "mlpnn"},
            argv=(
                "train_reconsiren.py", "--md_file", "p.xmd", "--out_path", "p_reconsiren",
                "--batch_size", "64", "--shuffle", "--split_train", "1.0", "--epochs", "500",
                "--architecture", "mlpnn", "--jit_compile", "--sr", "4.0", "--pad", "2",
                "--n_candidates", "6", "--only_pose", "--heterogeneous", "--l1_reg", "0.1",
                "--tv_reg", "0.1", "--mse_reg", "0.1", "--ud_lambda", "1e-06",
                "--un_lambda", "0.0001",
            ),
        ),
    ),
    licence=LICENCE,
    citation=_PAPER,
    source=f"{SOURCE}/train_reconsiren.py; defaults of github.com/scipion-em/"
    "scipion-em-flexutils 487c90a protocol_angular_align_reconsiren.py",
    unverified=(
        "never run; a paper of its own was not found",
        "by its source --max_samples_seen ends in an UnboundLocalError: it is left out",
    ),
)  # fmt: skip

PREDICT_RECONSIREN = Adapter(
    name="flexutils_predict_reconsiren",
    title="Flexutils: find the angles of particles by a trained network (ReconSIREN)",
    family="Flexutils",
    homepage=HOMEPAGE,
    program=Program(executable="predict_reconsiren.py", install=INSTALL),
    gpu=ONE_GPU,
    command=Template(
        argv=(
            "%(EXE)s",
            "--md_file", "%(particles)s",
            "--weigths_file", "%(network)s",
            "--architecture", "%(architecture)s",
            *_ARGUMENTS,
            Group(when="filter", args=("--apply_filter",)),
            *GPU_ARGUMENTS,
        ),
    ),
    params={
        "particles": PREDICTED,
        "network": Param(type="path", help="trained network"),
        "architecture": TRAINING_PARAMS["architecture"],
        **_PARAMS,
        "filter": Param(type="bool", default=False, help="smooth the map"),
    },
    output=(
        Output(name="map", path="%(particles.dir)s/decoded_map.mrc", check="mrc"),
    ),
    failure=FAILURES,
    example=(
        Example(
            params={"particles": "r/p.xmd", "network": "n.h5", "pixel_size": 4.0},
            gpus=(1,),
            argv=(
                "predict_reconsiren.py", "--md_file", "r/p.xmd", "--weigths_file", "n.h5",
                "--architecture", "convnn", "--sr", "4.0", "--pad", "2", "--n_candidates", "6",
                "--gpu", "1",
            ),
        ),
        Example(
            params={"particles": "r/p.xmd", "network": "n.h5", "pixel_size": 4.0,
                    "filter": True, "only_positive": True},
            argv=(
                "predict_reconsiren.py", "--md_file", "r/p.xmd", "--weigths_file", "n.h5",
                "--architecture", "convnn", "--sr", "4.0", "--pad", "2", "--n_candidates", "6",
                "--only_pos", "--apply_filter",
            ),
        ),
    ),
    licence=LICENCE,
    citation=_PAPER,
    source=f"{SOURCE}/predict_reconsiren.py",
    unverified=("never run; a paper of its own was not found",),
)  # fmt: skip
