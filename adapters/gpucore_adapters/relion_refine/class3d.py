"""RELION 3D classification: one process, or MPI ranks of which the first only leads."""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Group, Param, Template

from .helix import HELIX_ARGV, HELIX_PARAMS
from .parts import (
    BLUSH,
    CTF_ARGV,
    CTF_PARAMS,
    LAST,
    MASK_ARGV,
    MASK_PARAMS,
    NORM_ARGV,
    NORM_PARAMS,
    PARTICLES,
    REFERENCE_ARGV,
    REFERENCE_PARAMS,
    SHIFT_ARGV,
    SHIFT_PARAMS,
    SYMMETRY,
    flag,
    of_last_iteration,
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
from .running import RUN_ARGV, RUN_PARAMS, mpi

__all__ = ["ARGV", "OUTPUTS", "PARAMS", "RELION_CLASS3D"]

ARGV = (
    *("--K", "%(classes)s", "--iter", "%(iterations)s"),
    *("--tau2_fudge", "%(regularisation)s", "--sym", "%(symmetry)s"),
    *REFERENCE_ARGV,
    *CTF_ARGV,
    *MASK_ARGV,
    Group(args=("--strict_highres_exp", "%(resolution_limit)s")),
    flag("--fast_subsets", "fast_subsets"),
    flag("--blush", "blush"),
    *SHIFT_ARGV,
    flag("--skip_align", "skip_align"),
    flag("--allow_coarser_sampling", "allow_coarser"),
    Group(args=("--sigma_ang", "%(local_sigma)s")),
    Group(args=("--relax_sym", "%(relax_symmetry)s")),
    *NORM_ARGV,
)

PARAMS = {
    "classes": Param(type="int", default=1, min=1, section="Model", help="number of maps"),
    "iterations": Param(
        type="int", default=25, min=1, max=LAST, section="Model", help="rounds of refinement"
    ),
    "regularisation": Param(
        type="float",
        default=4.0,
        min=0.01,
        section="Model",
        help="T: more shows finer detail, and more noise",
    ),
    "symmetry": SYMMETRY,
    **REFERENCE_PARAMS,
    **CTF_PARAMS,
    **MASK_PARAMS,
    "resolution_limit": Param(
        type="float",
        unit="Å",
        optional=True,
        min=0.1,
        section="Model",
        help="use no finer frequency than this for the alignment",
    ),
    "fast_subsets": Param(
        type="bool",
        default=False,
        section="Model",
        help="the first rounds take subsets alone; for large sets, 20 iterations at least",
    ),
    "blush": BLUSH,
    **SHIFT_PARAMS,
    "skip_align": Param(
        type="bool",
        default=False,
        section="Search",
        help="only classify; works on the CPU: use_gpu = false",
    ),
    "allow_coarser": Param(
        type="bool",
        default=False,
        section="Search",
        help="coarser steps while the resolution does not ask for finer ones",
    ),
    "local_sigma": Param(
        type="float",
        unit="degrees",
        optional=True,
        above=0,
        section="Search",
        help="search near the angles of the STAR file: a third of how far",
    ),
    "relax_symmetry": Param(
        type="string",
        optional=True,
        blanks=False,
        needs=("local_sigma",),
        section="Search",
        help="point group whose equivalent poses are searched, too",
    ),
    **NORM_PARAMS,
}

OUTPUTS = (
    # There is a map for each class; the first is always there.
    of_last_iteration("map", "class001.mrc", check="mrc"),
    of_last_iteration("particles_out", "data.star"),
    of_last_iteration("model", "model.star"),
    of_last_iteration("optimiser", "optimiser.star"),
)

RELION_CLASS3D = Adapter(
    name="relion_class3d",
    title="RELION relion_refine: classify particles in three dimensions",
    family="RELION",
    homepage=HOMEPAGE,
    program=PROGRAM,
    gpu=GPU,
    command=Template(
        argv=(
            *MPI_OR_NOT,
            *("--i", "%(particles)s", "--o", "%(out)s"),
            *ARGV,
            *HELIX_ARGV,
            *RUN_ARGV,
            *GPU_ARGV,
        ),
        env=MPI_ENV,
        # Its files name each other by their paths.
        in_place=True,
    ),
    params={
        "particles": PARTICLES,
        "out": out("class3d"),
        **PARAMS,
        **HELIX_PARAMS,
        "mpi": mpi(halves=False),
        **RUN_PARAMS,
    },
    output=OUTPUTS,
    failure=FAILURES,
    example=(
        Example(
            params={
                "particles": "particles.star",
                "reference": "initial.mrc",
                "particle_diameter": 180,
                "classes": 4,
                "threads": 4,
            },
            gpus=(3,),
            argv=(
                *("relion_refine", "--i", "particles.star", "--o", "particles_class3d/run"),
                *("--K", "4", "--iter", "25", "--tau2_fudge", "4.0", "--sym", "C1"),
                *("--ref", "initial.mrc", "--ini_high", "60.0", "--firstiter_cc"),
                *("--trust_ref_size", "--ctf", "--particle_diameter", "180.0"),
                *("--flatten_solvent", "--zero_mask", "--oversampling", "1"),
                *("--healpix_order", "2", "--offset_range", "5.0", "--offset_step", "2.0"),
                *("--norm", "--scale", "--pool", "3", "--pad", "2"),
                *("--dont_combine_weights_via_disc", "--j", "4", "--gpu", "3"),
                *("--free_gpu_memory", "0"),
            ),
        ),
        Example(
            params={
                "particles": "particles.star",
                "reference": "initial.mrc",
                "particle_diameter": 180,
                "classes": 4,
                "mpi": 5,
                "threads": 6,
                "scratch": "/scratch",
            },
            gpus=(0, 1),
            argv=(
                *("mpirun", "-n", "5", "relion_refine_mpi", "--i", "particles.star"),
                *("--o", "particles_class3d/run", "--K", "4", "--iter", "25"),
                *("--tau2_fudge", "4.0", "--sym", "C1", "--ref", "initial.mrc"),
                *("--ini_high", "60.0", "--firstiter_cc", "--trust_ref_size", "--ctf"),
                *("--particle_diameter", "180.0", "--flatten_solvent", "--zero_mask"),
                *("--oversampling", "1", "--healpix_order", "2", "--offset_range", "5.0"),
                *("--offset_step", "2.0", "--norm", "--scale", "--pool", "3", "--pad", "2"),
                *("--dont_combine_weights_via_disc", "--scratch_dir", "/scratch"),
                *("--keep_free_scratch", "10", "--j", "6", "--gpu", "0:1:0:1"),
                *("--free_gpu_memory", "0"),
            ),
        ),
        Example(
            params={
                "particles": "filaments.star",
                "out": "Class3D/job012/run",
                "reference": "tube.mrc",
                "particle_diameter": 250,
                "skip_align": True,
                "helical_outer_diameter": 120,
                "helical_twist": -1.2,
                "helical_rise": 4.75,
                "helical_units": 6,
                "helical_twist_min": -1.5,
                "helical_twist_max": -1.0,
                "helical_rise_min": 4.6,
                "helical_rise_max": 4.9,
                "iterations": 40,
            },
            argv=(
                *("relion_refine", "--i", "filaments.star", "--o", "Class3D/job012/run"),
                *("--K", "1", "--iter", "40", "--tau2_fudge", "4.0", "--sym", "C1"),
                *("--ref", "tube.mrc", "--ini_high", "60.0", "--firstiter_cc"),
                *("--trust_ref_size", "--ctf", "--particle_diameter", "250.0"),
                *("--flatten_solvent", "--zero_mask", "--oversampling", "1"),
                *("--healpix_order", "2", "--offset_range", "5.0", "--offset_step", "2.0"),
                *("--skip_align", "--norm", "--scale", "--helix"),
                *("--helical_outer_diameter", "120.0", "--helical_nr_asu", "6"),
                *("--helical_twist_initial", "-1.2", "--helical_rise_initial", "4.75"),
                *("--helical_z_percentage", "0.3", "--helical_symmetry_search"),
                *("--helical_twist_min", "-1.5", "--helical_twist_max", "-1.0"),
                *("--helical_rise_min", "4.6", "--helical_rise_max", "4.9", "--pool", "3"),
                *("--pad", "2", "--dont_combine_weights_via_disc", "--j", "1"),
            ),
        ),
    ),
    licence=LICENCE,
    citation=f"Scheres, J. Struct. Biol. 180 (2012) 519-530, doi:10.1016/j.jsb.2012.09.006; "
    f"{CITATION}",
    source=f"RELION 3.1.3 of Debian 12, run on the CPU; {SOURCE}",
    unverified=(*UNVERIFIED, "Blush was not run: which GPU it takes under MPI is not known"),
)
