"""RELION initial model of RELION 3.1: stochastic gradient descent, in three phases."""

from __future__ import annotations

from dataclasses import replace

from gpucore.standard import Adapter, Example, Group, Output, Param, Template

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

# The last iteration, which names the outputs, is the sum of the three.
_SCHEDULES = tuple(
    (f"{first}+{between}+{last}", (first, between, last))
    for first, between, last in (
        (5, 10, 5),
        (10, 50, 10),
        (25, 100, 25),
        (50, 200, 50),
        (100, 400, 100),
    )
)


def _outputs() -> tuple[Output, ...]:
    return tuple(
        Output(
            name=name,
            path=f"%(out)s_it{sum(phases):03d}_{ending}",
            check="mrc" if ending.endswith(".mrc") else "file",
            when="schedule",
            equals=(schedule,),
        )
        for name, ending in (
            ("map", "class001.mrc"),
            ("particles_out", "data.star"),
            ("model", "model.star"),
            ("optimiser", "optimiser.star"),
        )
        for schedule, phases in _SCHEDULES
    )


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
            *(
                Group(
                    args=(
                        *("--sgd_ini_iter", str(first), "--sgd_inbetween_iter", str(between)),
                        *("--sgd_fin_iter", str(last)),
                    ),
                    when="schedule",
                    equals=(schedule,),
                )
                for schedule, (first, between, last) in _SCHEDULES
            ),
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
        "schedule": Param(
            type="choice",
            default="50+200+50",
            choices=tuple(schedule for schedule, _ in _SCHEDULES),
            unit="iterations",
            section="Model",
            help="first phase, those between, and last phase",
        ),
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
    output=_outputs(),
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
                "schedule": "25+100+25",
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
        "other schedules than those listed: their outputs could not be named, since the form does "
        "not add numbers",
        "the CTF is left out, as in the window of RELION 3.1",
    ),
)
