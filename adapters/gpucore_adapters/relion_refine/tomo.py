"""RELION on pseudo-subtomograms: the refinements again, from an optimisation set (RELION 4 and 5).

The set names the particles, the tomograms and their motion; a new set is written with the result.
Its files name each other by their paths, and so are made in place.
"""

from __future__ import annotations

from dataclasses import replace

from gpucore.standard import Adapter, Example, Group, Output, Param, Template

from . import class3d, initialmodel, refine3d
from .parts import SIGMA_TILT, of_last_iteration, out
from .program import (
    CITATION,
    FAILURES,
    GPU,
    GPU_ALONE,
    GPU_ARGV,
    HOMEPAGE,
    LICENCE,
    MPI_ENV,
    MPI_OR_NOT,
    MPI_RANKS,
    PROGRAM,
    REFINE_FAILURES,
    SOURCE,
)
from .running import FIRST_PARAMS, RUN_ARGV, RUN_PARAMS, mpi

__all__ = ["RELION_TOMO_CLASS3D", "RELION_TOMO_INITIALMODEL", "RELION_TOMO_REFINE3D"]

_INPUT = ("--ios", "%(optimisation_set)s", "--o", "%(out)s")
_TILT = Group(args=("--sigma_tilt", "%(sigma_tilt)s"))

_OPTIMISATION_SET = Param(
    type="path",
    item=True,
    section="Input",
    help="optimisation set, STAR: names the particles, the tomograms and their trajectories",
)

_CITATION = f"Zivanov et al., eLife 11 (2022) e83724, doi:10.7554/eLife.83724; {CITATION}"
_INSTALL = "RELION 4 or 5: https://relion.readthedocs.io"
_UNVERIFIED = (
    "never run: Debian has RELION 3.1, which does not know --ios; the messages are from the source",
    "the variables for Open MPI 5 were not tried",
)


def _made(job: str) -> dict[str, Param]:
    return {"optimisation_set": _OPTIMISATION_SET, "out": out(job, "optimisation_set")}


RELION_TOMO_CLASS3D = Adapter(
    name="relion_tomo_class3d",
    title="RELION relion_refine --ios: classify pseudo-subtomograms in three dimensions",
    family="RELION",
    homepage=HOMEPAGE,
    program=replace(PROGRAM, install=_INSTALL),
    gpu=GPU,
    command=Template(
        argv=(*MPI_OR_NOT, *_INPUT, *class3d.ARGV, _TILT, *RUN_ARGV, *GPU_ARGV),
        env=MPI_ENV,
        in_place=True,
    ),
    params={
        **_made("class3d"),
        **class3d.PARAMS,
        "sigma_tilt": SIGMA_TILT,
        "mpi": mpi(halves=False),
        **RUN_PARAMS,
    },
    output=(
        *class3d.OUTPUTS,
        of_last_iteration("optimisation_set_out", "optimisation_set.star"),
    ),
    failure=FAILURES,
    example=(
        Example(
            params={
                "optimisation_set": "optimisation_set.star",
                "reference": "initial.mrc",
                "particle_diameter": 230,
                "classes": 3,
                "mpi": 3,
                "threads": 4,
            },
            gpus=(0, 1),
            argv=(
                *("mpirun", "-n", "3", "relion_refine_mpi", "--ios", "optimisation_set.star"),
                *("--o", "optimisation_set_class3d/run", "--K", "3", "--iter", "25"),
                *("--tau2_fudge", "4.0", "--sym", "C1", "--ref", "initial.mrc"),
                *("--ini_high", "60.0", "--firstiter_cc", "--trust_ref_size", "--ctf"),
                *("--particle_diameter", "230.0", "--flatten_solvent", "--zero_mask"),
                *("--oversampling", "1", "--healpix_order", "2", "--offset_range", "5.0"),
                *("--offset_step", "2.0", "--norm", "--scale", "--pool", "3", "--pad", "2"),
                *("--dont_combine_weights_via_disc", "--j", "4", "--gpu", "0:1"),
                *("--free_gpu_memory", "0"),
            ),
        ),
        Example(
            params={
                "optimisation_set": "optimisation_set.star",
                "reference": "initial.mrc",
                "particle_diameter": 230,
            },
            gpus=(3,),
            argv=(
                *("relion_refine", "--ios", "optimisation_set.star"),
                *("--o", "optimisation_set_class3d/run", "--K", "1", "--iter", "25"),
                *("--tau2_fudge", "4.0", "--sym", "C1", "--ref", "initial.mrc"),
                *("--ini_high", "60.0", "--firstiter_cc", "--trust_ref_size", "--ctf"),
                *("--particle_diameter", "230.0", "--flatten_solvent", "--zero_mask"),
                *("--oversampling", "1", "--healpix_order", "2", "--offset_range", "5.0"),
                *("--offset_step", "2.0", "--norm", "--scale", "--pool", "3", "--pad", "2"),
                *("--dont_combine_weights_via_disc", "--j", "1", "--gpu", "3"),
                *("--free_gpu_memory", "0"),
            ),
        ),
    ),
    licence=LICENCE,
    citation=_CITATION,
    source=SOURCE,
    unverified=_UNVERIFIED,
)

RELION_TOMO_REFINE3D = Adapter(
    name="relion_tomo_refine3d",
    title="RELION relion_refine_mpi --ios --auto_refine: refine a map from pseudo-subtomograms",
    family="RELION",
    homepage=HOMEPAGE,
    program=replace(PROGRAM, install=_INSTALL),
    gpu=GPU,
    command=Template(
        argv=(*MPI_RANKS, *_INPUT, *refine3d.ARGV, _TILT, *RUN_ARGV, *GPU_ARGV),
        env=MPI_ENV,
        in_place=True,
    ),
    params={
        **_made("refine3d"),
        **refine3d.PARAMS,
        "sigma_tilt": SIGMA_TILT,
        "mpi": mpi(halves=True),
        **RUN_PARAMS,
    },
    output=(
        *refine3d.OUTPUTS,
        Output(name="optimisation_set_out", path="%(out)s_optimisation_set.star"),
    ),
    failure=REFINE_FAILURES,
    example=(
        Example(
            params={
                "optimisation_set": "optimisation_set.star",
                "reference": "initial.mrc",
                "particle_diameter": 230,
                "symmetry": "C6",
                "sigma_tilt": 10,
            },
            gpus=(0, 1),
            argv=(
                *("mpirun", "-n", "3", "relion_refine_mpi", "--ios", "optimisation_set.star"),
                *("--o", "optimisation_set_refine3d/run", "--auto_refine"),
                *("--split_random_halves", "--sym", "C6", "--ref", "initial.mrc"),
                *("--ini_high", "60.0", "--firstiter_cc", "--trust_ref_size", "--ctf"),
                *("--particle_diameter", "230.0", "--flatten_solvent", "--zero_mask"),
                *("--oversampling", "1", "--healpix_order", "2", "--offset_range", "5.0"),
                *("--offset_step", "2.0", "--auto_local_healpix_order", "4"),
                *("--low_resol_join_halves", "40.0", "--norm", "--scale"),
                *("--sigma_tilt", "10.0", "--pool", "3", "--pad", "2"),
                *("--dont_combine_weights_via_disc", "--j", "1", "--gpu", "0:1"),
                *("--free_gpu_memory", "0"),
            ),
        ),
        Example(
            params={
                "optimisation_set": "optimisation_set.star",
                "reference": "initial.mrc",
                "particle_diameter": 230,
                "mpi": 5,
            },
            argv=(
                *("mpirun", "-n", "5", "relion_refine_mpi", "--ios", "optimisation_set.star"),
                *("--o", "optimisation_set_refine3d/run", "--auto_refine"),
                *("--split_random_halves", "--sym", "C1", "--ref", "initial.mrc"),
                *("--ini_high", "60.0", "--firstiter_cc", "--trust_ref_size", "--ctf"),
                *("--particle_diameter", "230.0", "--flatten_solvent", "--zero_mask"),
                *("--oversampling", "1", "--healpix_order", "2", "--offset_range", "5.0"),
                *("--offset_step", "2.0", "--auto_local_healpix_order", "4"),
                *("--low_resol_join_halves", "40.0", "--norm", "--scale", "--pool", "3"),
                *("--pad", "2", "--dont_combine_weights_via_disc", "--j", "1"),
            ),
        ),
    ),
    licence=LICENCE,
    citation=_CITATION,
    source=SOURCE,
    unverified=(*_UNVERIFIED,),
)

RELION_TOMO_INITIALMODEL = Adapter(
    name="relion_tomo_initialmodel",
    title="RELION relion_refine --ios --grad: a first map from pseudo-subtomograms",
    family="RELION",
    homepage=HOMEPAGE,
    program=replace(PROGRAM, install=_INSTALL),
    gpu=GPU_ALONE,
    command=Template(
        argv=("%(EXE)s", *_INPUT, *initialmodel.ARGV, _TILT, *RUN_ARGV, *GPU_ARGV),
        in_place=True,
    ),
    params={
        **_made("initialmodel"),
        **initialmodel.PARAMS,
        "sigma_tilt": SIGMA_TILT,
        **FIRST_PARAMS,
    },
    output=(
        *initialmodel.OUTPUTS,
        of_last_iteration("optimisation_set_out", "optimisation_set.star"),
    ),
    failure=FAILURES,
    example=(
        Example(
            params={
                "optimisation_set": "optimisation_set.star",
                "particle_diameter": 230,
                "threads": 8,
            },
            gpus=(3,),
            argv=(
                *("relion_refine", "--ios", "optimisation_set.star"),
                *("--o", "optimisation_set_initialmodel/run", "--grad", "--denovo_3dref"),
                *("--K", "1", "--iter", "200", "--tau2_fudge", "4.0", "--sym", "C1", "--ctf"),
                *("--particle_diameter", "230.0", "--flatten_solvent", "--zero_mask"),
                *("--oversampling", "1", "--healpix_order", "1", "--offset_range", "6.0"),
                *("--offset_step", "2.0", "--auto_sampling", "--grad_write_iter", "10"),
                *("--pool", "3", "--pad", "1", "--dont_combine_weights_via_disc", "--j", "8"),
                *("--gpu", "3", "--free_gpu_memory", "0"),
            ),
        ),
        Example(
            params={
                "optimisation_set": "optimisation_set.star",
                "particle_diameter": 230,
                "threads": 8,
                "iterations": 100,
            },
            gpus=(0, 1),
            argv=(
                *("relion_refine", "--ios", "optimisation_set.star"),
                *("--o", "optimisation_set_initialmodel/run", "--grad", "--denovo_3dref"),
                *("--K", "1", "--iter", "100", "--tau2_fudge", "4.0", "--sym", "C1", "--ctf"),
                *("--particle_diameter", "230.0", "--flatten_solvent", "--zero_mask"),
                *("--oversampling", "1", "--healpix_order", "1", "--offset_range", "6.0"),
                *("--offset_step", "2.0", "--auto_sampling", "--grad_write_iter", "10"),
                *("--pool", "3", "--pad", "1", "--dont_combine_weights_via_disc", "--j", "8"),
                *("--gpu", "0,1", "--free_gpu_memory", "0"),
            ),
        ),
    ),
    licence=LICENCE,
    citation=_CITATION,
    source=SOURCE,
    unverified=_UNVERIFIED,
)
