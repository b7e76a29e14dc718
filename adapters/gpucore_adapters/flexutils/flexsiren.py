"""FlexSIREN: a network whose neurons are sines, that deforms one reference for each particle."""

from gpucore.standard import Adapter, Example, Gpu, GpuUse, Output, Param, Program, Template
from gpucore_adapters.flexutils.arguments import (
    CTF_ARGUMENTS,
    CTF_PARAMS,
    DISENTANGLING_ARGUMENTS,
    DISENTANGLING_PARAMS,
    FAILURES,
    GPU_ARGUMENTS,
    HOMEPAGE,
    INSTALL,
    LICENCE,
    ONE_GPU,
    PARTICLES,
    PREDICTED,
    SOURCE,
    STRUCTURE_ARGUMENTS,
    STRUCTURE_PARAMS,
    TRAINING_ARGUMENTS,
    TRAINING_PARAMS,
)

__all__ = ["PREDICT_FLEXSIREN", "TRAIN_FLEXSIREN"]

_LATENT = Param(type="int", default=8, min=1, help="dimensions of the landscape")
_PAPER = (
    "Herreros et al., Acta Cryst. D 79 (2023) 569-584, doi:10.1107/S2059798323004497 "
    "(the toolkit's framework)"
)

TRAIN_FLEXSIREN = Adapter(
    name="flexutils_train_flexsiren",
    title="Flexutils: train a network on the deformations of particles (FlexSIREN)",
    family="Flexutils",
    homepage=HOMEPAGE,
    program=Program(executable="train_flexsiren.py", install=INSTALL),
    # With more than one it splits each batch over them.
    gpu=Gpu(use=GpuUse.OPTIONAL, form="comma", overwrites_mask=True, sharing="discouraged"),
    command=Template(
        # It goes on from an unfinished training that lies there.
        in_place=True,
        argv=(
            "%(EXE)s",
            *TRAINING_ARGUMENTS,
            "--lat_dim", "%(latent)s",
            *CTF_ARGUMENTS,
            *STRUCTURE_ARGUMENTS,
            *DISENTANGLING_ARGUMENTS,
            *GPU_ARGUMENTS,
        ),
    ),
    params={
        "particles": PARTICLES,
        "out": Param(type="path", output="%(particles.stem)s_flexsiren", check="directory",
                     help="folder of the network; an unfinished training there goes on"),
        "latent": _LATENT,
        **CTF_PARAMS,
        **TRAINING_PARAMS,
        **STRUCTURE_PARAMS,
        **DISENTANGLING_PARAMS,
    },
    output=(Output(name="network", path="%(out)s/flexsiren_model.h5"),),
    failure=FAILURES,
    example=(
        Example(
            params={"particles": "p.xmd", "pixel_size": 4.0, "batch": 16},
            gpus=(1, 3),
            argv=(
                "train_flexsiren.py", "--md_file", "p.xmd", "--out_path", "p_flexsiren",
                "--batch_size", "16", "--shuffle", "--split_train", "1.0", "--epochs", "20",
                "--architecture", "convnn", "--jit_compile", "--lat_dim", "8",
                "--sr", "4.0", "--pad", "2", "--apply_ctf", "1", "--ctf_type", "apply",
                "--step", "1", "--lr", "1e-05", "--cost", "corr", "--regNorm", "0.0001",
                "--regBond", "0.01", "--regAngle", "0.01", "--refine_pose",
                "--pose_reg", "0.001", "--ctf_reg", "0.001", "--gpu", "1,3",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"particles": "p.xmd", "pixel_size": 4.0, "cost": "mse"},
            argv=(
                "train_flexsiren.py", "--md_file", "p.xmd", "--out_path", "p_flexsiren",
                "--batch_size", "8", "--shuffle", "--split_train", "1.0", "--epochs", "20",
                "--architecture", "convnn", "--jit_compile", "--lat_dim", "8",
                "--sr", "4.0", "--pad", "2", "--apply_ctf", "1", "--ctf_type", "apply",
                "--step", "1", "--lr", "1e-05", "--cost", "mse", "--regNorm", "0.0001",
                "--regBond", "0.01", "--regAngle", "0.01", "--refine_pose",
                "--pose_reg", "0.001", "--ctf_reg", "0.001",
            ),
        ),
    ),
    licence=LICENCE,
    citation=_PAPER,
    source=f"{SOURCE}/train_flexsiren.py",
    unverified=(
        "never run; a paper of its own was not found",
        "by its source --max_samples_seen ends in an UnboundLocalError: it is left out",
        "whether the number of GPUs changes its result",
    ),
)  # fmt: skip

PREDICT_FLEXSIREN = Adapter(
    name="flexutils_predict_flexsiren",
    title="Flexutils: find the deformation of each particle by a trained network (FlexSIREN)",
    family="Flexutils",
    homepage=HOMEPAGE,
    program=Program(executable="predict_flexsiren.py", install=INSTALL),
    gpu=ONE_GPU,
    command=Template(
        argv=(
            "%(EXE)s",
            "--md_file", "%(particles)s",
            "--weigths_file", "%(network)s",
            "--lat_dim", "%(latent)s",
            "--architecture", "%(architecture)s",
            *CTF_ARGUMENTS,
            *DISENTANGLING_ARGUMENTS,
            *GPU_ARGUMENTS,
        ),
    ),
    params={
        "particles": PREDICTED,
        "network": Param(type="path", help="trained network"),
        "latent": _LATENT,
        "architecture": TRAINING_PARAMS["architecture"],
        **CTF_PARAMS,
        **DISENTANGLING_PARAMS,
    },
    failure=FAILURES,
    example=(
        Example(
            params={"particles": "p.xmd", "network": "n.h5", "pixel_size": 4.0},
            gpus=(3,),
            argv=(
                "predict_flexsiren.py", "--md_file", "p.xmd", "--weigths_file", "n.h5",
                "--lat_dim", "8", "--architecture", "convnn", "--sr", "4.0", "--pad", "2",
                "--apply_ctf", "1", "--ctf_type", "apply", "--refine_pose",
                "--pose_reg", "0.001", "--ctf_reg", "0.001", "--gpu", "3",
            ),
        ),
        Example(
            params={"particles": "p.xmd", "network": "n.h5", "pixel_size": 4.0, "latent": 3},
            argv=(
                "predict_flexsiren.py", "--md_file", "p.xmd", "--weigths_file", "n.h5",
                "--lat_dim", "3", "--architecture", "convnn", "--sr", "4.0", "--pad", "2",
                "--apply_ctf", "1", "--ctf_type", "apply", "--refine_pose",
                "--pose_reg", "0.001", "--ctf_reg", "0.001",
            ),
        ),
    ),
    licence=LICENCE,
    citation=_PAPER,
    source=f"{SOURCE}/predict_flexsiren.py",
    unverified=("never run; a paper of its own was not found",),
)  # fmt: skip
