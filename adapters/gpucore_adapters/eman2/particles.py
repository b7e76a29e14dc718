"""EMAN2's reconstruction on a GPU, and its alignment of subtomograms by Gaussians."""

from gpucore.standard import Adapter, Example, Group, Param, Program, Template
from gpucore_adapters.eman2.about import (
    EMAN2,
    FAILURES,
    GMM,
    HOMEPAGE,
    INSTALL,
    LICENCE,
    ONE_GPU,
    SOURCE,
)

__all__ = ["MAKE3D", "SPT_ALIGN"]

MAKE3D = Adapter(
    name="e2spa_make3d_gpu",
    title="EMAN2 e2spa_make3d_gpu.py: reconstruct a map from particles with known angles",
    family="EMAN2",
    homepage=HOMEPAGE,
    program=Program(executable="e2spa_make3d_gpu.py", install=INSTALL),
    gpu=ONE_GPU,
    command=Template(
        argv=(
            "%(EXE)s",
            "--input", "%(particles)s",
            "--output", "%(out)s",
            "--sym", "%(symmetry)s",
            "--batch", "%(batch)s",
        ),
    ),
    params={
        "particles": Param(type="path", item=True,
                           help="particles with their angles in the headers (HDF)"),
        "out": Param(type="path", output="%(particles.stem)s_map.hdf", suffix=(".hdf", ".mrc"),
                     help="reconstructed map"),
        "symmetry": Param(type="string", default="c1", blanks=False, help="point group"),
        "batch": Param(type="int", unit="particles", default=2000, min=1,
                       help="particles at once; fewer take less memory"),
    },
    failure=FAILURES,
    example=(
        # Without a mask it would take GPU 1.
        Example(
            params={"particles": "p.hdf"},
            gpus=(0, 2),
            argv=("e2spa_make3d_gpu.py", "--input", "p.hdf", "--output", "p_map.hdf",
                  "--sym", "c1", "--batch", "2000"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0"},
        ),
        Example(
            params={"particles": "p.hdf", "symmetry": "d7", "batch": 500, "out": "d7.mrc"},
            argv=("e2spa_make3d_gpu.py", "--input", "p.hdf", "--output", "d7.mrc",
                  "--sym", "d7", "--batch", "500"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=LICENCE,
    citation=EMAN2,
    source=f"{SOURCE}/e2spa_make3d_gpu.py",
    unverified=("never run",),
)  # fmt: skip

SPT_ALIGN = Adapter(
    name="e2gmm_spt_align",
    title="EMAN2 e2gmm_spt_align.py: align the tilts of subtomograms by Gaussians",
    family="EMAN2",
    homepage=HOMEPAGE,
    program=Program(executable="e2gmm_spt_align.py", install=INSTALL),
    gpu=ONE_GPU,
    command=Template(
        argv=(
            "%(EXE)s",
            "--ptclsin", "%(particles)s",
            "--ptclsout", "%(out)s",
            "--model", "%(model)s",
            "--maxres", "%(resolution)s",
            "--minres", "%(resolution_min)s",
            Group(args=("--mask", "%(mask)s", "--masklevel", "%(mask_level)s")),
            Group(args=("--clip", "%(clip)s")),
            "--niter", "%(iterations)s",
        ),
    ),
    params={
        "particles": Param(type="path", item=True,
                           help="list of the tilts of subtomograms (.lst); start in the "
                           "project's folder"),
        "out": Param(type="path", output="%(particles.stem)s_aligned.lst", suffix=(".lst",),
                     help="the list with new angles"),
        "model": Param(type="path", help="Gaussians (.txt)"),
        "resolution": Param(type="float", unit="Å", above=0,
                            help="finest resolution that is compared"),
        "resolution_min": Param(type="float", unit="Å", default=100.0, above=0,
                                help="coarsest resolution that is compared"),
        "mask": Param(type="path", optional=True, help="mask of the Gaussians that count"),
        "mask_level": Param(type="float", default=0.2, min=0, max=1, advanced=True,
                            help="what Gaussians outside the mask count"),
        "clip": Param(type="int", unit="pixels", optional=True, min=8,
                      help="box of the subtomograms"),
        "iterations": Param(type="int", default=40, min=1, help="rounds"),
    },
    failure=FAILURES,
    example=(
        Example(
            params={"particles": "p.lst", "model": "gmm.txt", "resolution": 8},
            gpus=(3, 4),
            argv=("e2gmm_spt_align.py", "--ptclsin", "p.lst", "--ptclsout", "p_aligned.lst",
                  "--model", "gmm.txt", "--maxres", "8.0", "--minres", "100.0",
                  "--niter", "40"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={"particles": "p.lst", "model": "gmm.txt", "resolution": 8, "mask": "m.hdf",
                    "clip": 160},
            argv=("e2gmm_spt_align.py", "--ptclsin", "p.lst", "--ptclsout", "p_aligned.lst",
                  "--model", "gmm.txt", "--maxres", "8.0", "--minres", "100.0",
                  "--mask", "m.hdf", "--masklevel", "0.2", "--clip", "160", "--niter", "40"),
        ),
    ),
    licence=LICENCE,
    citation=GMM,
    source=f"{SOURCE}/e2gmm_spt_align.py",
    unverified=("never run",),
)  # fmt: skip
