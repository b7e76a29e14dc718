"""RELION multi-body refinement: goes on from an auto-refinement, with a mask for each body."""

from __future__ import annotations

from dataclasses import replace

from gpucore.standard import Adapter, Example, Failure, FailureClass, Output, Param, Template

from .parts import BLUSH, SHIFT_ARGV, SHIFT_PARAMS, flag, out
from .program import (
    CITATION,
    GPU,
    GPU_ARGV,
    HOMEPAGE,
    LICENCE,
    MPI_ENV,
    MPI_RANKS,
    PROGRAM,
    REFINE_FAILURES,
    SOURCE,
    UNVERIFIED,
)
from .running import RUN_ARGV, RUN_PARAMS, mpi

__all__ = ["RELION_MULTIBODY"]

# A continued run takes the seed from its optimiser.
_RUN_ARGV = tuple(one for one in RUN_ARGV if "--random_seed" not in getattr(one, "args", ()))
_RUN_PARAMS = {name: one for name, one in RUN_PARAMS.items() if name != "seed"}

_OUTPUTS = tuple(
    Output(name=name, path=f"%(out)s_{ending}", check="mrc")
    for name, ending in (
        # There are two bodies at least.
        ("body1", "body001.mrc"),
        ("body2", "body002.mrc"),
        ("body1_half1", "half1_body001_unfil.mrc"),
        ("body1_half2", "half2_body001_unfil.mrc"),
        ("body2_half1", "half1_body002_unfil.mrc"),
        ("body2_half2", "half2_body002_unfil.mrc"),
    )
)

RELION_MULTIBODY = Adapter(
    name="relion_multibody",
    title="RELION relion_refine_mpi --multibody_masks: refine bodies that move against each other",
    family="RELION",
    homepage=HOMEPAGE,
    program=PROGRAM,
    gpu=GPU,
    command=Template(
        argv=(
            *MPI_RANKS,
            *("--continue", "%(optimiser)s", "--o", "%(out)s"),
            *("--multibody_masks", "%(bodies)s", "--solvent_correct_fsc"),
            *SHIFT_ARGV,
            *("--auto_local_healpix_order", "%(healpix_order)s"),
            flag("--reconstruct_subtracted_bodies", "subtracted_bodies"),
            flag("--blush", "blush"),
            *_RUN_ARGV,
            *GPU_ARGV,
        ),
        env=MPI_ENV,
        # Its files name each other by their paths.
        in_place=True,
    ),
    params={
        "optimiser": Param(
            type="path",
            item=True,
            suffix=("_optimiser.star",),
            section="Input",
            help="run_itNNN_optimiser.star of an auto-refinement, that of its last iteration",
        ),
        "out": out("multibody", "optimiser"),
        "bodies": Param(
            type="path",
            section="Input",
            help="STAR file of the bodies: their masks, what each turns against, and how far",
        ),
        **SHIFT_PARAMS,
        "healpix_order": replace(
            SHIFT_PARAMS["healpix_order"],
            default=4,
            help="angular step before oversampling of the local searches: 3 is 7.5°, 4 3.7°, "
            "5 1.8°",
        ),
        "offset_range": replace(SHIFT_PARAMS["offset_range"], default=3.0),
        "offset_step": replace(SHIFT_PARAMS["offset_step"], default=1.5),
        "subtracted_bodies": Param(
            type="bool",
            default=True,
            section="Model",
            help="reconstruct each body with the others taken out of the images",
        ),
        "blush": BLUSH,
        "mpi": mpi(halves=True),
        **_RUN_PARAMS,
    },
    output=(
        *_OUTPUTS,
        Output(name="particles_out", path="%(out)s_data.star"),
        Output(name="model", path="%(out)s_model.star"),
    ),
    failure=(
        Failure(
            match=r"cannot change padding factor in a continuation of a multi-body",
            class_=FailureClass.BAD_INPUT,
            hint="give the first optimiser, or the same `padding`",
        ),
        Failure(
            match=r"One has to use split random halves|One cannot use (multiple classes|SGD|"
            r"helical symmetry) with multi-body|cannot do multi-body refinement for helices",
            class_=FailureClass.BAD_INPUT,
            hint="it goes on from an auto-refinement of one map without helical symmetry",
        ),
        *REFINE_FAILURES,
    ),
    example=(
        Example(
            params={
                "optimiser": "Refine3D/job020/run_it018_optimiser.star",
                "out": "MultiBody/job030/run",
                "bodies": "bodies.star",
                "threads": 4,
            },
            gpus=(0, 1),
            argv=(
                *("mpirun", "-n", "3", "relion_refine_mpi"),
                *("--continue", "Refine3D/job020/run_it018_optimiser.star"),
                *("--o", "MultiBody/job030/run", "--multibody_masks", "bodies.star"),
                *("--solvent_correct_fsc", "--oversampling", "1", "--healpix_order", "4"),
                *("--offset_range", "3.0", "--offset_step", "1.5"),
                *("--auto_local_healpix_order", "4", "--reconstruct_subtracted_bodies"),
                *("--pool", "3", "--pad", "2", "--dont_combine_weights_via_disc", "--j", "4"),
                *("--gpu", "0:1", "--free_gpu_memory", "0"),
            ),
        ),
        Example(
            params={
                "optimiser": "Refine3D/job020/run_it018_optimiser.star",
                "out": "MultiBody/job030/run",
                "bodies": "bodies.star",
                "mpi": 5,
            },
            gpus=(0, 1, 2, 3),
            argv=(
                *("mpirun", "-n", "5", "relion_refine_mpi"),
                *("--continue", "Refine3D/job020/run_it018_optimiser.star"),
                *("--o", "MultiBody/job030/run", "--multibody_masks", "bodies.star"),
                *("--solvent_correct_fsc", "--oversampling", "1", "--healpix_order", "4"),
                *("--offset_range", "3.0", "--offset_step", "1.5"),
                *("--auto_local_healpix_order", "4", "--reconstruct_subtracted_bodies"),
                *("--pool", "3", "--pad", "2", "--dont_combine_weights_via_disc", "--j", "1"),
                *("--gpu", "0:1:2:3", "--free_gpu_memory", "0"),
            ),
        ),
        Example(
            params={
                "optimiser": "Refine3D/job020/run_it018_optimiser.star",
                "out": "MultiBody/job030/run",
                "bodies": "bodies.star",
                "subtracted_bodies": False,
            },
            argv=(
                *("mpirun", "-n", "3", "relion_refine_mpi"),
                *("--continue", "Refine3D/job020/run_it018_optimiser.star"),
                *("--o", "MultiBody/job030/run", "--multibody_masks", "bodies.star"),
                *("--solvent_correct_fsc", "--oversampling", "1", "--healpix_order", "4"),
                *("--offset_range", "3.0", "--offset_step", "1.5"),
                *("--auto_local_healpix_order", "4", "--pool", "3", "--pad", "2"),
                *("--dont_combine_weights_via_disc", "--j", "1"),
            ),
        ),
    ),
    licence=LICENCE,
    citation=f"Nakane et al., eLife 7 (2018) e36861, doi:10.7554/eLife.36861; {CITATION}",
    source=f"RELION 3.1.3 of Debian 12, run on the CPU; {SOURCE}",
    unverified=(
        *UNVERIFIED,
        "Blush was not run",
        "the flexibility analysis that follows in RELION's window is another program, without GPU",
    ),
)
