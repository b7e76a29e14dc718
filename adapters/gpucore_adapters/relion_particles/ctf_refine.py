"""RELION's CTF refinement: defocus, aberrations and magnification, on the CPU."""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Group, Output, Param, Program, Template
from gpucore_adapters.shell_names import PLAIN_NAME

from .program import (
    FAILURES,
    HOMEPAGE,
    INSTALL,
    LICENCE,
    MPI,
    MPI_ENV,
    MPI_OR_NOT,
    VERSION,
    folder,
)

__all__ = ["RELION_CTF_REFINE"]

_FINEST = Param(
    type="float",
    unit="Å",
    default=30.0,
    above=0,
    section="Fit",
    help="use only what is finer than this",
)

RELION_CTF_REFINE = Adapter(
    name="relion_ctf_refine",
    title="RELION relion_ctf_refine: defocus, aberrations and magnification of particles (CPU)",
    family="RELION",
    homepage=HOMEPAGE,
    program=Program(executable="relion_ctf_refine", version=VERSION, install=INSTALL),
    command=Template(
        argv=(
            *MPI_OR_NOT,
            *("--i", "%(particles)s", "--f", "%(postprocess)s"),
            # The slash keeps it from a `mkdir` by a shell.
            *("--o", "%(out)s/"),
            Group(args=("--m1", "%(half1)s", "--m2", "%(half2)s")),
            Group(args=("--mask", "%(mask)s")),
            Group(args=("--angpix_ref", "%(reference_pixel_size)s")),
            Group(
                args=(
                    *("--fit_defocus", "--fit_mode", "%(defocus_mode)s"),
                    *("--kmin_defocus", "%(resolution_min)s"),
                ),
                when="defocus",
            ),
            Group(args=("--fit_beamtilt", "--kmin_tilt", "%(resolution_min)s"), when="beam_tilt"),
            Group(args=("--odd_aberr_max_n", "3"), when=("beam_tilt", "trefoil")),
            Group(args=("--fit_aberr", "--kmin_aberr", "%(resolution_min)s"), when="aberrations"),
            Group(args=("--fit_aniso", "--kmin_mag", "%(resolution_min)s"), when="magnification"),
            *("--j", "%(threads)s"),
        ),
        env=MPI_ENV,
    ),
    params={
        "particles": Param(
            type="path",
            item=True,
            blanks=False,  # it names the folder
            pattern=PLAIN_NAME,
            section="Input",
            help="STAR file of refined particles; its images lie below the working folder",
        ),
        "postprocess": Param(
            type="path", section="Input", help="postprocess.star: half maps, mask and FSC"
        ),
        "out": folder("ctfrefine"),
        "half1": Param(
            type="path",
            optional=True,
            check="mrc",
            needs=("half2",),
            section="Input",
            help="first unfiltered half map, when the postprocess file does not say it",
        ),
        "half2": Param(
            type="path",
            optional=True,
            check="mrc",
            needs=("half1",),
            section="Input",
            help="second unfiltered half map",
        ),
        "mask": Param(
            type="path",
            optional=True,
            check="mrc",
            section="Input",
            help="mask of the map, when the postprocess file does not say it",
        ),
        "reference_pixel_size": Param(
            type="float",
            unit="Å",
            optional=True,
            above=0,
            section="Input",
            advanced=True,
            help="of the half maps; as their header says when not given",
        ),
        "resolution_min": _FINEST,
        "defocus": Param(
            type="bool", default=True, section="Fit", help="fit what `defocus_mode` says"
        ),
        "defocus_mode": Param(
            type="string",
            default="fpmff",
            pattern="[fpm]{5}",
            section="Fit",
            help="5 letters for phase shift, defocus, astigmatism, Cs and B-factor: f fixed, m for "
            "each micrograph, p for each particle",
        ),
        "beam_tilt": Param(type="bool", default=False, section="Fit", help="fit the beam tilt"),
        "trefoil": Param(
            type="bool", default=False, section="Fit", help="with the beam tilt fit trefoil, too"
        ),
        "aberrations": Param(
            type="bool",
            default=False,
            section="Fit",
            help="fit symmetric aberrations up to the fourth order",
        ),
        "magnification": Param(
            type="bool",
            default=False,
            section="Fit",
            help="fit anisotropic magnification; alone, RELION's window says",
        ),
        "mpi": MPI,
        "threads": Param(
            type="int", default=1, min=1, section="Running", help="CPU threads of each process"
        ),
    },
    output=(
        Output(name="particles_out", path="%(out)s/particles_ctf_refine.star"),
        # Ghostscript makes it.
        Output(name="plots", path="%(out)s/logfile.pdf", optional=True),
    ),
    failure=FAILURES,
    example=(
        Example(
            params={
                "particles": "Refine3D/job020/run_data.star",
                "postprocess": "PostProcess/job022/postprocess.star",
                "out": "CtfRefine/job023",
                "defocus_mode": "fpfff",
                "threads": 8,
            },
            argv=(
                *("relion_ctf_refine", "--i", "Refine3D/job020/run_data.star"),
                *("--f", "PostProcess/job022/postprocess.star", "--o", "CtfRefine/job023/"),
                *("--fit_defocus", "--fit_mode", "fpfff", "--kmin_defocus", "30.0", "--j", "8"),
            ),
        ),
        Example(
            params={
                "particles": "Refine3D/job020/run_data.star",
                "postprocess": "PostProcess/job022/postprocess.star",
                "out": "CtfRefine/job024",
                "defocus": False,
                "beam_tilt": True,
                "trefoil": True,
                "aberrations": True,
                "mpi": 4,
                "threads": 4,
            },
            argv=(
                *("mpirun", "-n", "4", "relion_ctf_refine_mpi"),
                *("--i", "Refine3D/job020/run_data.star"),
                *("--f", "PostProcess/job022/postprocess.star", "--o", "CtfRefine/job024/"),
                *("--fit_beamtilt", "--kmin_tilt", "30.0", "--odd_aberr_max_n", "3"),
                *("--fit_aberr", "--kmin_aberr", "30.0", "--j", "4"),
            ),
        ),
        Example(
            params={
                "particles": "Refine3D/job020/run_data.star",
                "postprocess": "PostProcess/job022/postprocess.star",
                "out": "CtfRefine/job025",
                "defocus": False,
                "magnification": True,
                "half1": "run_half1_class001_unfil.mrc",
                "half2": "run_half2_class001_unfil.mrc",
                "mask": "mask.mrc",
            },
            argv=(
                *("relion_ctf_refine", "--i", "Refine3D/job020/run_data.star"),
                *("--f", "PostProcess/job022/postprocess.star", "--o", "CtfRefine/job025/"),
                *("--m1", "run_half1_class001_unfil.mrc"),
                *("--m2", "run_half2_class001_unfil.mrc", "--mask", "mask.mrc", "--fit_aniso"),
                *("--kmin_mag", "30.0", "--j", "1"),
            ),
        ),
    ),
    licence=LICENCE,
    citation="Zivanov et al., IUCrJ 7 (2020) 253-267, doi:10.1107/S2052252520000081",
    source="3dem/relion tags 3.1.3 and 5.0.1, src/jaz/ctf/ctf_refiner.cpp and its estimators, "
    "src/jaz/reference_map.cpp, src/pipeline_jobs.cpp; the options as RELION 3.1.3 of Debian 12 "
    "prints them",
    unverified=("not run on data",),
)
