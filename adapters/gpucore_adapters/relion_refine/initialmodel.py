"""RELION initial model of RELION 4 and 5: stochastic gradients (VDAM), in one process."""

from __future__ import annotations

from dataclasses import replace

from gpucore.standard import Adapter, Example, Param, Template

from .parts import (
    CTF_ARGV,
    CTF_PARAMS,
    LAST,
    PARTICLES,
    SHIFT_ARGV,
    SHIFT_PARAMS,
    SPHERE_ARGV,
    SPHERE_PARAMS,
    SYMMETRY,
    flag,
    of_last_iteration,
    out,
)
from .program import (
    CITATION,
    FAILURES,
    GPU_ALONE,
    GPU_ARGV,
    HOMEPAGE,
    LICENCE,
    PROGRAM,
    SOURCE,
)
from .running import FIRST_PARAMS, RUN_ARGV

__all__ = ["ARGV", "OUTPUTS", "PARAMS", "RELION_INITIALMODEL"]

ARGV = (
    *("--grad", "--denovo_3dref", "--K", "%(classes)s", "--iter", "%(iterations)s"),
    *("--tau2_fudge", "%(regularisation)s", "--sym", "%(symmetry)s"),
    *CTF_ARGV,
    *SPHERE_ARGV,
    *SHIFT_ARGV,
    flag("--auto_sampling", "auto_sampling"),
    *("--grad_write_iter", "%(write_every)s"),
)

PARAMS = {
    "classes": Param(type="int", default=1, min=1, section="Model", help="number of maps"),
    "iterations": Param(
        type="int", default=200, min=10, max=LAST, section="Model", help="mini-batches"
    ),
    "regularisation": Param(
        type="float",
        default=4.0,
        min=0.01,
        section="Model",
        help="T: more shows finer detail, and more noise",
    ),
    "symmetry": replace(
        SYMMETRY, help="point group; it is safer to run in C1 and to impose it afterwards"
    ),
    **CTF_PARAMS,
    **SPHERE_PARAMS,
    **SHIFT_PARAMS,
    "healpix_order": replace(SHIFT_PARAMS["healpix_order"], default=1),
    "offset_range": replace(SHIFT_PARAMS["offset_range"], default=6.0),
    "auto_sampling": Param(
        type="bool",
        default=True,
        section="Search",
        help="finer steps as the resolution asks for them",
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
}

OUTPUTS = (
    # There is a map for each class; the first is always there.
    of_last_iteration("map", "class001.mrc", check="mrc"),
    of_last_iteration("particles_out", "data.star"),
    of_last_iteration("model", "model.star"),
    of_last_iteration("optimiser", "optimiser.star"),
)

RELION_INITIALMODEL = Adapter(
    name="relion_initialmodel",
    title="RELION relion_refine --grad: a first map without a reference (RELION 4 and 5)",
    family="RELION",
    homepage=HOMEPAGE,
    program=replace(PROGRAM, install="RELION 4 or 5: https://relion.readthedocs.io"),
    gpu=GPU_ALONE,
    command=Template(
        argv=("%(EXE)s", "--i", "%(particles)s", "--o", "%(out)s", *ARGV, *RUN_ARGV, *GPU_ARGV),
        # Its files name each other by their paths.
        in_place=True,
    ),
    params={"particles": PARTICLES, "out": out("initialmodel"), **PARAMS, **FIRST_PARAMS},
    output=OUTPUTS,
    failure=FAILURES,
    example=(
        Example(
            params={
                "particles": "particles.star",
                "particle_diameter": 180,
                "threads": 8,
            },
            gpus=(3,),
            argv=(
                *("relion_refine", "--i", "particles.star"),
                *("--o", "particles_initialmodel/run", "--grad", "--denovo_3dref", "--K", "1"),
                *("--iter", "200", "--tau2_fudge", "4.0", "--sym", "C1", "--ctf"),
                *("--particle_diameter", "180.0", "--flatten_solvent", "--zero_mask"),
                *("--oversampling", "1", "--healpix_order", "1", "--offset_range", "6.0"),
                *("--offset_step", "2.0", "--auto_sampling", "--grad_write_iter", "10"),
                *("--pool", "3", "--pad", "1", "--dont_combine_weights_via_disc", "--j", "8"),
                *("--gpu", "3", "--free_gpu_memory", "0"),
            ),
        ),
        Example(
            params={
                "particles": "particles.star",
                "particle_diameter": 180,
                "classes": 3,
                "threads": 8,
                "preread": True,
            },
            gpus=(0, 1),
            argv=(
                *("relion_refine", "--i", "particles.star"),
                *("--o", "particles_initialmodel/run", "--grad", "--denovo_3dref", "--K", "3"),
                *("--iter", "200", "--tau2_fudge", "4.0", "--sym", "C1", "--ctf"),
                *("--particle_diameter", "180.0", "--flatten_solvent", "--zero_mask"),
                *("--oversampling", "1", "--healpix_order", "1", "--offset_range", "6.0"),
                *("--offset_step", "2.0", "--auto_sampling", "--grad_write_iter", "10"),
                *("--pool", "3", "--pad", "1", "--preread_images"),
                *("--dont_combine_weights_via_disc", "--j", "8", "--gpu", "0,1"),
                *("--free_gpu_memory", "0"),
            ),
        ),
        Example(
            params={
                "particles": "particles.star",
                "particle_diameter": 180,
                "iterations": 100,
                "seed": 1,
            },
            argv=(
                *("relion_refine", "--i", "particles.star"),
                *("--o", "particles_initialmodel/run", "--grad", "--denovo_3dref", "--K", "1"),
                *("--iter", "100", "--tau2_fudge", "4.0", "--sym", "C1", "--ctf"),
                *("--particle_diameter", "180.0", "--flatten_solvent", "--zero_mask"),
                *("--oversampling", "1", "--healpix_order", "1", "--offset_range", "6.0"),
                *("--offset_step", "2.0", "--auto_sampling", "--grad_write_iter", "10"),
                *("--pool", "3", "--pad", "1", "--dont_combine_weights_via_disc"),
                *("--random_seed", "1", "--j", "1"),
            ),
        ),
    ),
    licence=LICENCE,
    citation="Kimanius et al., Biochem. J. 478 (2021) 4169-4185, doi:10.1042/BCJ20210708; "
    f"{CITATION}",
    source=SOURCE,
    unverified=(
        "never run: Debian has RELION 3.1, which does not know --grad; the messages are from the "
        "source",
    ),
)
