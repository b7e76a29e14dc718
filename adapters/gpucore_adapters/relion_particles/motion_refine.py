"""RELION's Bayesian polishing: motion of each particle, on the CPU."""

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

__all__ = ["RELION_MOTION_REFINE"]

RELION_MOTION_REFINE = Adapter(
    name="relion_motion_refine",
    title="RELION relion_motion_refine: polish particles, or train how they move (CPU)",
    family="RELION",
    homepage=HOMEPAGE,
    program=Program(executable="relion_motion_refine", version=VERSION, install=INSTALL),
    command=Template(
        argv=(
            *MPI_OR_NOT,
            *("--i", "%(particles)s", "--f", "%(postprocess)s"),
            *("--corr_mic", "%(micrographs)s", "--o", "%(out)s/"),
            *("--first_frame", "%(first_frame)s"),
            Group(args=("--last_frame", "%(last_frame)s")),
            Group(
                args=(
                    *("--params3", "--min_p", "%(train_particles)s"),
                    *("--align_frac", "0.5", "--eval_frac", "0.5"),
                ),
                when="train",
            ),
            Group(
                args=(
                    "--combine_frames",
                    *("--bfac_minfreq", "%(resolution_min)s"),
                    *("--bfac_maxfreq", "%(resolution_max)s"),
                ),
                unless="train",
                when="resolution_max",
            ),
            Group(
                args=("--combine_frames", "--bfac_minfreq", "%(resolution_min)s"),
                unless=("train", "resolution_max"),
            ),
            Group(args=("--params_file", "%(motion_file)s"), when="motion_file", unless="train"),
            Group(
                args=(
                    *("--s_vel", "%(sigma_velocity)s", "--s_div", "%(sigma_divergence)s"),
                    *("--s_acc", "%(sigma_acceleration)s"),
                ),
                unless=("train", "motion_file"),
            ),
            Group(
                args=("--window", "%(box)s", "--scale", "%(scaled_box)s"),
                when=("box", "scaled_box"),
                unless="train",
            ),
            Group(args=("--float16",), when="float16"),
            *("--j", "%(threads)s"),
        ),
        env=MPI_ENV,
        # The STAR file names the polished stacks by their paths.
        in_place=True,
    ),
    params={
        "particles": Param(
            type="path",
            item=True,
            blanks=False,  # it names the folder
            pattern=PLAIN_NAME,
            section="Input",
            help="STAR file of refined particles, from micrographs of relion_run_motioncorr",
        ),
        "micrographs": Param(
            type="path",
            section="Input",
            help="corrected_micrographs.star; the movies lie below the working folder",
        ),
        "postprocess": Param(
            type="path", section="Input", help="postprocess.star: half maps, mask and FSC"
        ),
        "out": folder("polish"),
        "first_frame": Param(
            type="int", default=1, min=1, section="Input", help="first frame used"
        ),
        "last_frame": Param(
            type="int", optional=True, min=1, section="Input", help="last frame used; else all"
        ),
        "train": Param(
            type="bool",
            default=False,
            section="Training",
            help="find the three sigmas on a subset, and polish nothing; without MPI",
        ),
        "train_particles": Param(
            type="int",
            unit="particles",
            default=10000,
            min=1,
            section="Training",
            help="to train on",
        ),
        "motion_file": Param(
            type="path",
            optional=True,
            section="Polishing",
            help="opt_params_all_groups.txt of a training; without it the sigmas below",
        ),
        "sigma_velocity": Param(
            type="float",
            unit="Å per dose",
            default=0.2,
            above=0,
            section="Polishing",
            help="how fast particles move",
        ),
        "sigma_divergence": Param(
            type="float",
            unit="Å",
            default=5000.0,
            above=0,
            section="Polishing",
            help="how far apart particles still move alike",
        ),
        "sigma_acceleration": Param(
            type="float",
            unit="Å per dose",
            default=2.0,
            section="Polishing",
            help="how fast their speed changes; below 0: not held",
        ),
        "resolution_min": Param(
            type="float",
            unit="Å",
            default=20.0,
            above=0,
            section="Polishing",
            help="coarsest detail of the B-factor fit",
        ),
        "resolution_max": Param(
            type="float",
            unit="Å",
            optional=True,
            above=0,
            less_than="resolution_min",
            section="Polishing",
            help="finest detail of the B-factor fit; from the FSC when not given",
        ),
        "box": Param(
            type="int",
            unit="pixels",
            optional=True,
            min=2,
            needs=("scaled_box",),
            section="Polishing",
            help="box of the particles in the movie, even; as they were when not given",
        ),
        "scaled_box": Param(
            type="int",
            unit="pixels",
            optional=True,
            min=2,
            needs=("box",),
            no_more_than="box",
            section="Polishing",
            help="the box is scaled to this, even",
        ),
        "float16": Param(
            type="bool",
            default=False,
            section="Polishing",
            help="write half-precision MRC (RELION 4 and 5)",
        ),
        "mpi": MPI,
        "threads": Param(
            type="int", default=1, min=1, section="Running", help="CPU threads of each process"
        ),
    },
    output=(
        Output(name="particles_out", path="%(out)s/shiny.star", unless="train"),
        Output(name="plots", path="%(out)s/logfile.pdf", unless="train", optional=True),
        Output(name="motion", path="%(out)s/opt_params_all_groups.txt", when="train"),
    ),
    failure=FAILURES,
    example=(
        Example(
            params={
                "particles": "Refine3D/job020/run_data.star",
                "postprocess": "PostProcess/job022/postprocess.star",
                "micrographs": "MotionCorr/job002/corrected_micrographs.star",
                "out": "Polish/job027",
                "train": True,
                "threads": 16,
            },
            argv=(
                *("relion_motion_refine", "--i", "Refine3D/job020/run_data.star"),
                *("--f", "PostProcess/job022/postprocess.star"),
                *("--corr_mic", "MotionCorr/job002/corrected_micrographs.star"),
                *("--o", "Polish/job027/", "--first_frame", "1", "--params3"),
                *("--min_p", "10000", "--align_frac", "0.5", "--eval_frac", "0.5", "--j", "16"),
            ),
        ),
        Example(
            params={
                "particles": "Refine3D/job020/run_data.star",
                "postprocess": "PostProcess/job022/postprocess.star",
                "micrographs": "MotionCorr/job002/corrected_micrographs.star",
                "out": "Polish/job028",
                "motion_file": "Polish/job027/opt_params_all_groups.txt",
                "mpi": 4,
                "threads": 4,
            },
            argv=(
                *("mpirun", "-n", "4", "relion_motion_refine_mpi"),
                *("--i", "Refine3D/job020/run_data.star"),
                *("--f", "PostProcess/job022/postprocess.star"),
                *("--corr_mic", "MotionCorr/job002/corrected_micrographs.star"),
                *("--o", "Polish/job028/", "--first_frame", "1", "--combine_frames"),
                *("--bfac_minfreq", "20.0"),
                *("--params_file", "Polish/job027/opt_params_all_groups.txt", "--j", "4"),
            ),
        ),
        Example(
            params={
                "particles": "Refine3D/job020/run_data.star",
                "postprocess": "PostProcess/job022/postprocess.star",
                "micrographs": "MotionCorr/job002/corrected_micrographs.star",
                "out": "Polish/job029",
                "box": 512,
                "scaled_box": 256,
                "resolution_max": 4,
            },
            argv=(
                *("relion_motion_refine", "--i", "Refine3D/job020/run_data.star"),
                *("--f", "PostProcess/job022/postprocess.star"),
                *("--corr_mic", "MotionCorr/job002/corrected_micrographs.star"),
                *("--o", "Polish/job029/", "--first_frame", "1", "--combine_frames"),
                *("--bfac_minfreq", "20.0", "--bfac_maxfreq", "4.0", "--s_vel", "0.2"),
                *("--s_div", "5000.0", "--s_acc", "2.0", "--window", "512", "--scale", "256"),
                *("--j", "1"),
            ),
        ),
    ),
    licence=LICENCE,
    citation="Zivanov et al., IUCrJ 6 (2019) 5-17, doi:10.1107/S205225251801463X",
    source="3dem/relion tags 3.1.3 and 5.0.1, src/jaz/motion/motion_refiner.cpp, "
    "motion_estimator.cpp, frame_recombiner.cpp, motion_param_estimator.cpp, src/pipeline_jobs.cpp",
    unverified=("not run on data",),
)
