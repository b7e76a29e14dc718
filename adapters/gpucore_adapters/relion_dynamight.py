"""DynaMight, RELION 5's tool for flexible molecules: three commands, each on one GPU.

`relion_dynamight` learns the motion, `relion_dynamight_inverse` turns it round, and
`relion_dynamight_backproject` reconstructs a map with the motion taken out. The second and third
work in the folder of the first. Run them from the RELION project's folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl
from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Gpu,
    GpuUse,
    Group,
    Output,
    Param,
    Program,
    Template,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "RELION_DYNAMIGHT",
    "RELION_DYNAMIGHT_BACKPROJECT",
    "RELION_DYNAMIGHT_INVERSE",
    "gpucore_adapters",
]

_PROGRAM = Program(
    executable="relion_python_dynamight",
    install="RELION 5 with its Python programs, or `dynamight` of github.com/3dem/DynaMight",
)
_HOMEPAGE = "https://github.com/3dem/DynaMight"
# It can be told one number; without it takes GPU 0.
_GPU = Gpu(
    use=GpuUse.COMPULSORY,
    form="comma",
    max=1,
    sharing="discouraged",
    memory_note="30 000 Gaussians or more may be too many for 24 GB",
)
_GPU_ARGV = ("--gpu-id", "%(GPU)s")

_FAILURES = (
    Failure(
        match=r"CUDA out of memory|CUDA error: out of memory|CU(?:BLAS|DNN)_STATUS_ALLOC_FAILED",
        class_=FailureClass.OUT_OF_MEMORY,
        hint="fewer Gaussians, smaller batches or a smaller box, or a GPU with more memory",
    ),
    Failure(
        match=r"No CUDA GPUs are available|Found no NVIDIA driver|invalid device ordinal"
        r"|Torch not compiled with CUDA enabled|CUDA driver initialization failed"
        r"|torch\.cuda\.is_available\(\) is False|no kernel image is available",
        class_=FailureClass.NO_DEVICE,
    ),
    Failure(
        match=r"illegal memory access|unspecified launch failure|uncorrectable ECC",
        class_=FailureClass.DEVICE_FAULT,
    ),
    Failure(
        match=r"does not exist\. Please run dynamight optimize-deformations"
        r"|No such file or directory",
        class_=FailureClass.BAD_INPUT,
        hint="start in the project's folder; the three commands follow each other in one folder",
    ),
    Failure(match=r"Aborting now\.\.\.", class_=FailureClass.INTERRUPTED),
    Failure(
        match=r"PYTHON ERROR|No module named",
        class_=FailureClass.NOT_STARTED,
        hint="RELION was not given the Python environment of its tools",
    ),
)

_LICENCE = "BSD-3-Clause"
_CITATION = "Schwab et al., Nat. Methods 21 (2024) 1855-1862, doi:10.1038/s41592-024-02377-5"
_SOURCE = (
    "3dem/DynaMight 358db04; 3dem/relion tag 5.0.1, scripts/python_dynamight.in, "
    "src/pipeline_jobs.cpp"
)
_UNVERIFIED = ("never run; PyTorch's messages are from PyTorch",)

_FOLDER = Param(
    type="path",
    check="directory",
    help="output folder of relion_dynamight; the results lie in it, too",
)
_CHECKPOINT = Param(
    type="path", optional=True, suffix=(".pth",), help="checkpoint to use; else the final one"
)
_PRELOAD = Param(type="bool", default=False, help="read all images into memory first")

RELION_DYNAMIGHT = Adapter(
    name="relion_dynamight",
    title="DynaMight optimize-deformations: learn how a molecule moves (RELION 5)",
    family="RELION",
    homepage=_HOMEPAGE,
    program=_PROGRAM,
    gpu=_GPU,
    command=Template(
        argv=(
            *("%(EXE)s", "optimize-deformations"),
            *("--refinement-star-file", "%(particles)s", "--output-directory", "%(out)s"),
            *("--initial-model", "%(map)s", "--n-gaussians", "%(gaussians)s"),
            Group(args=("--initial-threshold", "%(threshold)s")),
            *("--regularization-factor", "%(regularisation)s"),
            *("--n-latent-dimensions", "%(latent_dimensions)s", "--n-epochs", "%(epochs)s"),
            *("--batch-size", "%(batch)s"),
            Group(args=("--particle-diameter", "%(particle_diameter)s")),
            Group(args=("--mask-file", "%(mask)s")),
            Group(args=("--checkpoint-file", "%(checkpoint)s")),
            *("--n-threads", "%(threads)s"),
            Group(args=("--preload-images",), when="preload"),
            *_GPU_ARGV,
        ),
    ),
    params={
        "particles": Param(
            type="path",
            item=True,
            help="run_data.star of an auto-refinement; its images lie below the working folder",
        ),
        "map": Param(
            type="path", check="mrc", suffix=(".mrc",), help="consensus map in the particles' box"
        ),
        "out": Param(
            type="path",
            output="%(particles.stem)s_dynamight",
            check="directory",
            help="folder of all outputs",
        ),
        "gaussians": Param(
            type="int",
            default=10000,
            min=1,
            help="Gaussians that stand for the map; one or two for each residue",
        ),
        "threshold": Param(
            type="float",
            optional=True,
            help="density above which Gaussians are put; found from the map when not given",
        ),
        "regularisation": Param(
            type="float", default=1.0, above=0, help="weight of the data over the restraints"
        ),
        "latent_dimensions": Param(
            type="int", default=6, min=1, advanced=True, help="dimensions of the latent space"
        ),
        "epochs": Param(type="int", default=150, min=1, help="passes over the particles at most"),
        "batch": Param(
            type="int",
            unit="particles",
            default=128,
            min=1,
            advanced=True,
            help="at once; it is made smaller when the GPU is full",
        ),
        "particle_diameter": Param(
            type="float",
            unit="Å",
            optional=True,
            above=0,
            help="mask of the images; as in the refinement when not given",
        ),
        "mask": Param(
            type="path", optional=True, check="mrc", help="where the map may move; else anywhere"
        ),
        "checkpoint": Param(
            type="path", optional=True, suffix=(".pth",), help="go on from this checkpoint"
        ),
        "threads": Param(type="int", default=4, min=1, help="CPU threads"),
        "preload": _PRELOAD,
    },
    output=(
        Output(
            name="checkpoint_final",
            path="%(out)s/forward_deformations/checkpoints/checkpoint_final.pth",
        ),
    ),
    failure=_FAILURES,
    example=(
        Example(
            params={
                "particles": "Refine3D/job020/run_data.star",
                "out": "DynaMight/job040",
                "map": "Refine3D/job020/run_class001.mrc",
            },
            gpus=(3,),
            argv=(
                *("relion_python_dynamight", "optimize-deformations"),
                *("--refinement-star-file", "Refine3D/job020/run_data.star"),
                *("--output-directory", "DynaMight/job040"),
                *("--initial-model", "Refine3D/job020/run_class001.mrc"),
                *("--n-gaussians", "10000", "--regularization-factor", "1.0"),
                *("--n-latent-dimensions", "6", "--n-epochs", "150", "--batch-size", "128"),
                *("--n-threads", "4", "--gpu-id", "3"),
            ),
        ),
        Example(
            params={
                "particles": "Refine3D/job020/run_data.star",
                "out": "DynaMight/job041",
                "map": "Refine3D/job020/run_class001.mrc",
                "gaussians": 20000,
                "preload": True,
            },
            gpus=(0, 1),
            argv=(
                *("relion_python_dynamight", "optimize-deformations"),
                *("--refinement-star-file", "Refine3D/job020/run_data.star"),
                *("--output-directory", "DynaMight/job041"),
                *("--initial-model", "Refine3D/job020/run_class001.mrc"),
                *("--n-gaussians", "20000", "--regularization-factor", "1.0"),
                *("--n-latent-dimensions", "6", "--n-epochs", "150", "--batch-size", "128"),
                *("--n-threads", "4", "--preload-images", "--gpu-id", "0"),
            ),
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source=_SOURCE,
    unverified=_UNVERIFIED,
)

RELION_DYNAMIGHT_INVERSE = Adapter(
    name="relion_dynamight_inverse",
    title="DynaMight optimize-inverse-deformations: turn the learnt motion round (RELION 5)",
    family="RELION",
    homepage=_HOMEPAGE,
    program=_PROGRAM,
    gpu=_GPU,
    command=Template(
        argv=(
            *("%(EXE)s", "optimize-inverse-deformations", "%(folder)s"),
            *("--n-epochs", "%(epochs)s"),
            Group(args=("--batch-size", "%(batch)s")),
            Group(args=("--checkpoint-file", "%(checkpoint)s")),
            Group(args=("--save-deformations",), when="keep_in_memory"),
            Group(args=("--preload-images",), when="preload"),
            *_GPU_ARGV,
        ),
    ),
    params={
        "folder": _FOLDER,
        "epochs": Param(type="int", default=200, min=1, help="passes over the particles"),
        "batch": Param(
            type="int",
            unit="particles",
            optional=True,
            min=1,
            advanced=True,
            help="at once; as the motion was learnt when not given",
        ),
        "checkpoint": _CHECKPOINT,
        "keep_in_memory": Param(
            type="bool", default=False, help="keep all deformations in memory; faster"
        ),
        "preload": _PRELOAD,
    },
    output=(Output(name="inverse", path="%(folder)s/inverse_deformations/inv_chkpt.pth"),),
    failure=_FAILURES,
    example=(
        Example(
            params={
                "folder": "DynaMight/job040",
            },
            gpus=(3,),
            argv=(
                *("relion_python_dynamight", "optimize-inverse-deformations", "DynaMight/job040"),
                *("--n-epochs", "200", "--gpu-id", "3"),
            ),
        ),
        Example(
            params={
                "folder": "DynaMight/job040",
                "epochs": 100,
                "keep_in_memory": True,
            },
            gpus=(0, 1),
            argv=(
                *("relion_python_dynamight", "optimize-inverse-deformations", "DynaMight/job040"),
                *("--n-epochs", "100", "--save-deformations", "--gpu-id", "0"),
            ),
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source=_SOURCE,
    unverified=_UNVERIFIED,
)

RELION_DYNAMIGHT_BACKPROJECT = Adapter(
    name="relion_dynamight_backproject",
    title="DynaMight deformable-backprojection: half maps with the motion taken out (RELION 5)",
    family="RELION",
    homepage=_HOMEPAGE,
    program=_PROGRAM,
    gpu=_GPU,
    command=Template(
        argv=(
            *("%(EXE)s", "deformable-backprojection", "%(folder)s"),
            *("--batch-size", "%(batch)s"),
            Group(args=("--mask-file", "%(mask)s")),
            Group(args=("--preload-images",), when="preload"),
            *_GPU_ARGV,
        ),
    ),
    params={
        "folder": _FOLDER,
        "batch": Param(
            type="int",
            unit="particles",
            default=10,
            min=1,
            help="at once: more is faster and takes more of the GPU's memory",
        ),
        "mask": Param(type="path", optional=True, check="mrc", help="where the map moves"),
        "preload": _PRELOAD,
    },
    output=(
        Output(name="half1", path="%(folder)s/backprojection/map_half1.mrc", check="mrc"),
        Output(name="half2", path="%(folder)s/backprojection/map_half2.mrc", check="mrc"),
    ),
    failure=_FAILURES,
    example=(
        Example(
            params={
                "folder": "DynaMight/job040",
            },
            gpus=(3,),
            argv=(
                *("relion_python_dynamight", "deformable-backprojection", "DynaMight/job040"),
                *("--batch-size", "10", "--gpu-id", "3"),
            ),
        ),
        Example(
            params={
                "folder": "DynaMight/job040",
                "batch": 4,
                "preload": True,
            },
            gpus=(0, 1),
            argv=(
                *("relion_python_dynamight", "deformable-backprojection", "DynaMight/job040"),
                *("--batch-size", "4", "--preload-images", "--gpu-id", "0"),
            ),
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source=_SOURCE,
    unverified=_UNVERIFIED,
)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer the three."""
    return (RELION_DYNAMIGHT, RELION_DYNAMIGHT_INVERSE, RELION_DYNAMIGHT_BACKPROJECT)
