"""Zernike3Deep: a network that finds the deformation of each particle in Zernike polynomials."""

from gpucore.standard import Adapter, Example, Output, Param, Program, Template
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

__all__ = ["PREDICT_ZERNIKE", "TRAIN_ZERNIKE"]

_DEGREES = {
    "degree": Param(type="int", default=3, min=1, max=15,
                    help="degree of the Zernike polynomials (L1)"),
    "depth": Param(type="int", default=2, min=1, max=15,
                   help="degree of the spherical harmonics (L2)"),
}  # fmt: skip
_PAPER = "Herreros et al., Nat. Commun. 14 (2023) 154, doi:10.1038/s41467-023-35791-y"

TRAIN_ZERNIKE = Adapter(
    name="flexutils_train_zernike3deep",
    title="Flexutils: train a network on the deformations of particles (Zernike3Deep)",
    family="Flexutils",
    homepage=HOMEPAGE,
    program=Program(executable="train_zernike3deep.py", install=INSTALL),
    gpu=ONE_GPU,
    command=Template(
        # It goes on from an unfinished training that lies there.
        in_place=True,
        argv=(
            "%(EXE)s",
            *TRAINING_ARGUMENTS,
            "--L1", "%(degree)s",
            "--L2", "%(depth)s",
            *CTF_ARGUMENTS,
            *STRUCTURE_ARGUMENTS,
            *DISENTANGLING_ARGUMENTS,
            *GPU_ARGUMENTS,
        ),
    ),
    params={
        "particles": PARTICLES,
        "out": Param(type="path", output="%(particles.stem)s_zernike3deep", check="directory",
                     help="folder of the network; an unfinished training there goes on"),
        **_DEGREES,
        **CTF_PARAMS,
        **TRAINING_PARAMS,
        **STRUCTURE_PARAMS,
        **DISENTANGLING_PARAMS,
    },
    output=(Output(name="network", path="%(out)s/zernike3deep_model.h5"),),
    failure=FAILURES,
    example=(
        # A slot of two: it computes on the first.
        Example(
            params={"particles": "p.xmd", "pixel_size": 4.0},
            gpus=(2, 3),
            argv=(
                "train_zernike3deep.py", "--md_file", "p.xmd", "--out_path", "p_zernike3deep",
                "--batch_size", "8", "--shuffle", "--split_train", "1.0", "--epochs", "20",
                "--architecture", "convnn", "--jit_compile", "--L1", "3", "--L2", "2",
                "--sr", "4.0", "--pad", "2", "--apply_ctf", "1", "--ctf_type", "apply",
                "--step", "1", "--lr", "1e-05", "--cost", "corr", "--regNorm", "0.0001",
                "--regBond", "0.01", "--regAngle", "0.01", "--refine_pose",
                "--pose_reg", "0.001", "--ctf_reg", "0.001", "--gpu", "2",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"particles": "p.xmd", "pixel_size": 4.0, "cost": "fpc", "start": "n.h5",
                    "ctf": False, "refine_pose": False, "compile": False},
            argv=(
                "train_zernike3deep.py", "--md_file", "p.xmd", "--out_path", "p_zernike3deep",
                "--batch_size", "8", "--shuffle", "--split_train", "1.0", "--epochs", "20",
                "--architecture", "convnn", "--weigths_file", "n.h5", "--L1", "3", "--L2", "2",
                "--sr", "4.0", "--pad", "2", "--apply_ctf", "0", "--ctf_type", "apply",
                "--step", "1", "--lr", "1e-05", "--cost", "fpc", "--radius_mask", "0.85",
                "--smooth_mask", "--regNorm", "0.0001", "--regBond", "0.01",
                "--regAngle", "0.01", "--pose_reg", "0.001", "--ctf_reg", "0.001",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=LICENCE,
    citation=_PAPER,
    source=f"{SOURCE}/train_zernike3deep.py",
    unverified=(
        "never run",
        "by its source --max_samples_seen ends in an UnboundLocalError: it is left out",
    ),
)  # fmt: skip

PREDICT_ZERNIKE = Adapter(
    name="flexutils_predict_zernike3deep",
    title="Flexutils: find the deformation of each particle by a trained network (Zernike3Deep)",
    family="Flexutils",
    homepage=HOMEPAGE,
    program=Program(executable="predict_zernike3deep.py", install=INSTALL),
    gpu=ONE_GPU,
    command=Template(
        argv=(
            "%(EXE)s",
            "--md_file", "%(particles)s",
            "--weigths_file", "%(network)s",
            "--L1", "%(degree)s",
            "--L2", "%(depth)s",
            "--architecture", "%(architecture)s",
            *CTF_ARGUMENTS,
            *DISENTANGLING_ARGUMENTS,
            *GPU_ARGUMENTS,
        ),
    ),
    params={
        "particles": PREDICTED,
        "network": Param(type="path", help="trained network"),
        **_DEGREES,
        "architecture": TRAINING_PARAMS["architecture"],
        **CTF_PARAMS,
        **DISENTANGLING_PARAMS,
    },
    failure=FAILURES,
    example=(
        Example(
            params={"particles": "p.xmd", "network": "z/zernike3deep_model.h5",
                    "pixel_size": 4.0},
            gpus=(1, 2),
            argv=(
                "predict_zernike3deep.py", "--md_file", "p.xmd",
                "--weigths_file", "z/zernike3deep_model.h5", "--L1", "3", "--L2", "2",
                "--architecture", "convnn", "--sr", "4.0", "--pad", "2", "--apply_ctf", "1",
                "--ctf_type", "apply", "--refine_pose", "--pose_reg", "0.001",
                "--ctf_reg", "0.001", "--gpu", "1",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"particles": "p.xmd", "network": "n.h5", "pixel_size": 4.0},
            argv=(
                "predict_zernike3deep.py", "--md_file", "p.xmd", "--weigths_file", "n.h5",
                "--L1", "3", "--L2", "2", "--architecture", "convnn", "--sr", "4.0",
                "--pad", "2", "--apply_ctf", "1", "--ctf_type", "apply", "--refine_pose",
                "--pose_reg", "0.001", "--ctf_reg", "0.001",
            ),
        ),
    ),
    licence=LICENCE,
    citation=_PAPER,
    source=f"{SOURCE}/predict_zernike3deep.py",
    unverified=("never run",),
)  # fmt: skip
