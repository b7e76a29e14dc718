"""RELION auto-refinement: two halves of the particles, which only MPI ranks can keep apart."""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Group, Output, Param, Template

from .helix import HELIX_ARGV, HELIX_PARAMS
from .parts import (
    BLUSH,
    CTF_ARGV,
    CTF_PARAMS,
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
    out,
)
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

__all__ = ["ARGV", "OUTPUTS", "PARAMS", "RELION_REFINE3D"]

ARGV = (
    *("--auto_refine", "--split_random_halves", "--sym", "%(symmetry)s"),
    *REFERENCE_ARGV,
    *CTF_ARGV,
    *MASK_ARGV,
    flag("--solvent_correct_fsc", "mask_corrected_fsc"),
    flag("--blush", "blush"),
    *SHIFT_ARGV,
    *("--auto_local_healpix_order", "%(local_healpix_order)s"),
    flag("--auto_ignore_angles", "finer_angles_faster"),
    flag("--auto_resol_angles", "finer_angles_faster"),
    Group(args=("--relax_sym", "%(relax_symmetry)s")),
    *("--low_resol_join_halves", "%(join_halves)s"),
    *NORM_ARGV,
)

PARAMS = {
    "symmetry": SYMMETRY,
    **REFERENCE_PARAMS,
    **CTF_PARAMS,
    **MASK_PARAMS,
    "mask_corrected_fsc": Param(
        type="bool",
        default=False,
        needs=("mask",),
        section="Model",
        help="measure the resolution inside the mask, corrected for what the mask itself adds",
    ),
    "blush": BLUSH,
    **SHIFT_PARAMS,
    "local_healpix_order": Param(
        type="int",
        default=4,
        min=0,
        max=8,
        section="Search",
        help="from this order on it searches near the last angles alone; 4 is 3.7°, 1.8° "
        "oversampled",
    ),
    "finer_angles_faster": Param(
        type="bool",
        default=False,
        section="Search",
        help="refine the angular step as the resolution allows, before angles have settled",
    ),
    "relax_symmetry": Param(
        type="string",
        optional=True,
        blanks=False,
        section="Search",
        help="point group whose equivalent poses are searched in local searches, too",
    ),
    "join_halves": Param(
        type="float",
        unit="Å",
        default=40.0,
        above=0,
        section="Model",
        advanced=True,
        help="halves share what is coarser than this, so that they do not turn apart",
    ),
    **NORM_PARAMS,
}

# They are written when it has converged, and not before.
OUTPUTS = (
    Output(name="map", path="%(out)s_class001.mrc", check="mrc"),
    Output(name="half1", path="%(out)s_half1_class001_unfil.mrc", check="mrc"),
    Output(name="half2", path="%(out)s_half2_class001_unfil.mrc", check="mrc"),
    Output(name="particles_out", path="%(out)s_data.star"),
    Output(name="model", path="%(out)s_model.star"),
)

RELION_REFINE3D = Adapter(
    name="relion_refine3d",
    title="RELION relion_refine_mpi --auto_refine: refine a map to its highest resolution",
    family="RELION",
    homepage=HOMEPAGE,
    program=PROGRAM,
    gpu=GPU,
    command=Template(
        argv=(
            *MPI_RANKS,
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
        "out": out("refine3d"),
        **PARAMS,
        **HELIX_PARAMS,
        "mpi": mpi(halves=True),
        **RUN_PARAMS,
    },
    output=OUTPUTS,
    failure=REFINE_FAILURES,
    example=(
        Example(
            params={
                "particles": "particles.star",
                "reference": "class1.mrc",
                "particle_diameter": 180,
                "symmetry": "D2",
                "seed": 1,
            },
            gpus=(0, 1),
            argv=(
                *("mpirun", "-n", "3", "relion_refine_mpi", "--i", "particles.star"),
                *("--o", "particles_refine3d/run", "--auto_refine", "--split_random_halves"),
                *("--sym", "D2", "--ref", "class1.mrc", "--ini_high", "60.0", "--firstiter_cc"),
                *("--trust_ref_size", "--ctf", "--particle_diameter", "180.0"),
                *("--flatten_solvent", "--zero_mask", "--oversampling", "1"),
                *("--healpix_order", "2", "--offset_range", "5.0", "--offset_step", "2.0"),
                *("--auto_local_healpix_order", "4", "--low_resol_join_halves", "40.0"),
                *("--norm", "--scale", "--pool", "3", "--pad", "2"),
                *("--dont_combine_weights_via_disc", "--random_seed", "1", "--j", "1"),
                *("--gpu", "0:1", "--free_gpu_memory", "0"),
            ),
        ),
        Example(
            params={
                "particles": "particles.star",
                "out": "Refine3D/job020/run",
                "reference": "class1.mrc",
                "particle_diameter": 180,
                "mask": "mask.mrc",
                "mask_corrected_fsc": True,
                "mpi": 5,
                "threads": 6,
            },
            gpus=(3,),
            argv=(
                *("mpirun", "-n", "5", "relion_refine_mpi", "--i", "particles.star"),
                *("--o", "Refine3D/job020/run", "--auto_refine", "--split_random_halves"),
                *("--sym", "C1", "--ref", "class1.mrc", "--ini_high", "60.0", "--firstiter_cc"),
                *("--trust_ref_size", "--ctf", "--particle_diameter", "180.0"),
                *("--flatten_solvent", "--zero_mask", "--solvent_mask", "mask.mrc"),
                *("--solvent_correct_fsc", "--oversampling", "1", "--healpix_order", "2"),
                *("--offset_range", "5.0", "--offset_step", "2.0"),
                *("--auto_local_healpix_order", "4", "--low_resol_join_halves", "40.0"),
                *("--norm", "--scale", "--pool", "3", "--pad", "2"),
                *("--dont_combine_weights_via_disc", "--j", "6", "--gpu", "3:3:3:3"),
                *("--free_gpu_memory", "0"),
            ),
        ),
        Example(
            params={
                "particles": "particles.star",
                "reference": "class1.mrc",
                "particle_diameter": 180,
                "finer_angles_faster": True,
                "helical_outer_diameter": 120,
                "helical_twist": -1.2,
                "helical_rise": 4.75,
                "helical_twist_min": -1.5,
                "helical_twist_max": -1.0,
                "helical_rise_min": 4.6,
                "helical_rise_max": 4.9,
            },
            argv=(
                *("mpirun", "-n", "3", "relion_refine_mpi", "--i", "particles.star"),
                *("--o", "particles_refine3d/run", "--auto_refine", "--split_random_halves"),
                *("--sym", "C1", "--ref", "class1.mrc", "--ini_high", "60.0", "--firstiter_cc"),
                *("--trust_ref_size", "--ctf", "--particle_diameter", "180.0"),
                *("--flatten_solvent", "--zero_mask", "--oversampling", "1"),
                *("--healpix_order", "2", "--offset_range", "5.0", "--offset_step", "2.0"),
                *("--auto_local_healpix_order", "4", "--auto_ignore_angles"),
                *("--auto_resol_angles", "--low_resol_join_halves", "40.0", "--norm"),
                *("--scale", "--helix", "--helical_outer_diameter", "120.0"),
                *("--helical_nr_asu", "1", "--helical_twist_initial", "-1.2"),
                *("--helical_rise_initial", "4.75", "--helical_z_percentage", "0.3"),
                *("--helical_symmetry_search", "--helical_twist_min", "-1.5"),
                *("--helical_twist_max", "-1.0", "--helical_rise_min", "4.6"),
                *("--helical_rise_max", "4.9", "--pool", "3", "--pad", "2"),
                *("--dont_combine_weights_via_disc", "--j", "1"),
            ),
        ),
    ),
    licence=LICENCE,
    citation="Scheres, J. Struct. Biol. 180 (2012) 519-530, doi:10.1016/j.jsb.2012.09.006; "
    f"{CITATION}",
    source=f"RELION 3.1.3 of Debian 12, run on the CPU; {SOURCE}",
    unverified=(
        *UNVERIFIED,
        "Blush was not run: which GPU it takes under MPI is not known",
    ),
)
