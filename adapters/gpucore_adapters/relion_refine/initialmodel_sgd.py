"""RELION initial model of RELION 3.1: stochastic gradient descent, in three phases."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from gpucore.standard import Adapter, Example, Output, Param, Template

from .parts import (
    PARTICLES,
    SHIFT_ARGV,
    SHIFT_PARAMS,
    SPHERE_ARGV,
    SPHERE_PARAMS,
    SYMMETRY,
    out,
)
from .program import (
    CITATION,
    FAILURES,
    GPU,
    GPU_ARGV,
    HOMEPAGE,
    LICENCE,
    MPI_ENV,
    MPI_OR_NOT,
    PROGRAM,
    SOURCE,
    UNVERIFIED,
)
from .running import FIRST_PARAMS, RUN_ARGV, mpi

__all__ = ["RELION_INITIALMODEL_SGD"]

# The last iteration names the outputs, in the three digits that RELION has for it.
_LAST = "%(first_iterations + between_iterations + last_iterations)03d"


def _iterations(default: int, most: int, phase: str) -> Param:
    return Param(
        type="int",
        unit="iterations",
        default=default,
        min=1,
        max=most,
        section="Model",
        help=f"mini-batches of {phase}",
    )


def _output(name: str, ending: str) -> Output:
    check: Literal["mrc", "file"] = "mrc" if ending.endswith(".mrc") else "file"
    return Output(name=name, path=f"%(out)s_it{_LAST}_{ending}", check=check)


RELION_INITIALMODEL_SGD = Adapter(
    name="relion_initialmodel_sgd",
    title="RELION relion_refine --sgd: a first map without a reference (RELION 3.1)",
    family="RELION",
    homepage=HOMEPAGE,
    program=PROGRAM,
    gpu=GPU,
    command=Template(
        argv=(
            *MPI_OR_NOT,
            *("--i", "%(particles)s", "--o", "%(out)s", "--sgd", "--denovo_3dref"),
            *("--K", "%(classes)s", "--sym", "%(symmetry)s"),
            *("--sgd_ini_iter", "%(first_iterations)s"),
            *("--sgd_inbetween_iter", "%(between_iterations)s"),
            *("--sgd_fin_iter", "%(last_iterations)s"),
            *("--sgd_ini_resol", "%(first_resolution)s"),
            *("--sgd_fin_resol", "%(last_resolution)s"),
            *("--sgd_ini_subset", "%(first_subset)s", "--sgd_fin_subset", "%(last_subset)s"),
            *("--sgd_write_iter", "%(write_every)s"),
            *SPHERE_ARGV,
            *SHIFT_ARGV,
            *RUN_ARGV,
            *GPU_ARGV,
        ),
        env=MPI_ENV,
        # Its files name each other by their paths.
        in_place=True,
    ),
    params={
        "particles": PARTICLES,
        "out": out("initialmodel"),
        "classes": Param(type="int", default=1, min=1, section="Model", help="number of maps"),
        "symmetry": SYMMETRY,
        "first_iterations": _iterations(50, 100, "the first phase"),
        "between_iterations": _iterations(200, 799, "the phase between"),
        "last_iterations": _iterations(50, 100, "the last phase"),
        "first_resolution": Param(
            type="float",
            unit="Å",
            default=35.0,
            above=0,
            section="Model",
            help="finest detail used in the first phase",
        ),
        "last_resolution": Param(
            type="float",
            unit="Å",
            default=15.0,
            above=0,
            no_more_than="first_resolution",
            section="Model",
            help="finest detail used in the last phase",
        ),
        "first_subset": Param(
            type="int",
            unit="particles",
            default=100,
            min=1,
            section="Model",
            help="in a mini-batch of the first phase",
        ),
        "last_subset": Param(
            type="int",
            unit="particles",
            default=500,
            min=1,
            section="Model",
            help="in a mini-batch of the last phase",
        ),
        "write_every": Param(
            type="int",
            unit="iterations",
            default=10,
            min=1,
            section="Running",
            advanced=True,
            help="write the maps so often, and after the last one",
        ),
        **SPHERE_PARAMS,
        **SHIFT_PARAMS,
        "healpix_order": replace(SHIFT_PARAMS["healpix_order"], default=1),
        "offset_range": replace(SHIFT_PARAMS["offset_range"], default=6.0),
        "mpi": mpi(halves=False),
        **FIRST_PARAMS,
    },
    output=(
        _output("map", "class001.mrc"),
        _output("particles_out", "data.star"),
        _output("model", "model.star"),
        _output("optimiser", "optimiser.star"),
    ),
    failure=FAILURES,
    example=(
        Example(
            params={
                "particles": "particles.star",
                "particle_diameter": 180,
                "threads": 4,
            },
            gpus=(3,),
            argv=(
                *("relion_refine", "--i", "particles.star"),
                *("--o", "particles_initialmodel/run", "--sgd", "--denovo_3dref", "--K", "1"),
                *("--sym", "C1", "--sgd_ini_iter", "50", "--sgd_inbetween_iter", "200"),
                *("--sgd_fin_iter", "50", "--sgd_ini_resol", "35.0", "--sgd_fin_resol", "15.0"),
                *("--sgd_ini_subset", "100", "--sgd_fin_subset", "500"),
                *("--sgd_write_iter", "10", "--particle_diameter", "180.0"),
                *("--flatten_solvent", "--zero_mask", "--oversampling", "1"),
                *("--healpix_order", "1", "--offset_range", "6.0", "--offset_step", "2.0"),
                *("--pool", "3", "--pad", "1", "--dont_combine_weights_via_disc", "--j", "4"),
                *("--gpu", "3", "--free_gpu_memory", "0"),
            ),
        ),
        Example(
            params={
                "particles": "particles.star",
                "particle_diameter": 180,
                "classes": 3,
                "mpi": 3,
                "threads": 4,
            },
            gpus=(0, 1),
            argv=(
                *("mpirun", "-n", "3", "relion_refine_mpi", "--i", "particles.star"),
                *("--o", "particles_initialmodel/run", "--sgd", "--denovo_3dref", "--K", "3"),
                *("--sym", "C1", "--sgd_ini_iter", "50", "--sgd_inbetween_iter", "200"),
                *("--sgd_fin_iter", "50", "--sgd_ini_resol", "35.0", "--sgd_fin_resol", "15.0"),
                *("--sgd_ini_subset", "100", "--sgd_fin_subset", "500"),
                *("--sgd_write_iter", "10", "--particle_diameter", "180.0"),
                *("--flatten_solvent", "--zero_mask", "--oversampling", "1"),
                *("--healpix_order", "1", "--offset_range", "6.0", "--offset_step", "2.0"),
                *("--pool", "3", "--pad", "1", "--dont_combine_weights_via_disc", "--j", "4"),
                *("--gpu", "0:1", "--free_gpu_memory", "0"),
            ),
        ),
        Example(
            params={
                "particles": "particles.star",
                "particle_diameter": 180,
                "first_iterations": 25,
                "between_iterations": 100,
                "last_iterations": 25,
            },
            argv=(
                *("relion_refine", "--i", "particles.star"),
                *("--o", "particles_initialmodel/run", "--sgd", "--denovo_3dref", "--K", "1"),
                *("--sym", "C1", "--sgd_ini_iter", "25", "--sgd_inbetween_iter", "100"),
                *("--sgd_fin_iter", "25", "--sgd_ini_resol", "35.0", "--sgd_fin_resol", "15.0"),
                *("--sgd_ini_subset", "100", "--sgd_fin_subset", "500"),
                *("--sgd_write_iter", "10", "--particle_diameter", "180.0"),
                *("--flatten_solvent", "--zero_mask", "--oversampling", "1"),
                *("--healpix_order", "1", "--offset_range", "6.0", "--offset_step", "2.0"),
                *("--pool", "3", "--pad", "1", "--dont_combine_weights_via_disc", "--j", "1"),
            ),
        ),
    ),
    licence=LICENCE,
    citation="Punjani et al., Nat. Methods 14 (2017) 290-296, doi:10.1038/nmeth.4169; "
    "Zivanov et al., eLife 7 (2018) e42166, doi:10.7554/eLife.42166; "
    f"{CITATION}",
    source=f"RELION 3.1.3 of Debian 12, run on the CPU; {SOURCE}",
    unverified=(
        *UNVERIFIED,
        "the CTF is left out, as in the window of RELION 3.1",
    ),
)
