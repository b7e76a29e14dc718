"""RELION's own motion correction, on the CPU."""

from __future__ import annotations

from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Group,
    Output,
    Param,
    Template,
)

from .movies import (
    COMMON,
    FAILURES,
    FILES,
    INPUT,
    LINKS,
    OUTPUTS,
    PARAMS,
    PROGRAM,
)

__all__ = ["RELION_MOTIONCORR"]

RELION_MOTIONCORR = Adapter(
    name="relion_motioncorr",
    title="RELION motion correction, its own implementation (CPU): align movie frames",
    family="RELION",
    homepage="https://relion.readthedocs.io",
    program=PROGRAM,
    command=Template(
        argv=(
            "%(EXE)s",
            *INPUT,
            *("--use_own", "--j", "%(threads)s"),
            *COMMON,
            *("--max_iter", "%(iterations)s"),
            Group(args=("--ccf_downsample", "%(ccf_downsample)s")),
            Group(args=("--max_io_threads", "%(io_threads)s")),
            Group(args=("--interpolate_shifts",), when="interpolate_shifts"),
            Group(args=("--skip_defect",), when="skip_hot_pixels"),
            Group(args=("--no_early_binning",), when="late_binning"),
            Group(
                args=(
                    *("--grouping_for_ps", "%(power_spectrum_group)s"),
                    *("--ps_size", "%(power_spectrum_size)s"),
                ),
                when="power_spectrum_group",
            ),
        ),
        own_directory=True,
    ),
    params={
        **PARAMS,
        "threads": Param(type="int", default=1, min=1, help="CPU threads for one movie"),
        "io_threads": Param(
            type="int", optional=True, min=1, help="readers at once; as threads when not given"
        ),
        "interpolate_shifts": Param(
            type="bool", default=False, help="interpolate shifts between groups (experimental)"
        ),
        "iterations": Param(type="int", default=5, min=1, help="rounds of alignment at most"),
        "ccf_downsample": Param(
            type="float",
            optional=True,
            min=0,
            max=1,
            help="scale of the cross-correlation; RELION chooses when not given",
        ),
        "skip_hot_pixels": Param(type="bool", default=False, help="do not look for hot pixels"),
        "late_binning": Param(
            type="bool", default=False, help="bin after aligning; takes more memory"
        ),
        "power_spectrum_group": Param(
            type="int",
            unit="frames",
            optional=True,
            min=1,
            help="write a power spectrum too, from sums of so many frames",
        ),
        "power_spectrum_size": Param(
            type="int",
            unit="pixels",
            default=512,
            min=2,
            help="its size: even, and less than the frame's",
        ),
    },
    file=FILES,
    link=LINKS,
    output=(
        *OUTPUTS,
        Output(name="log", path="%(out.base)s_motion.log", made="out/movie.log"),
        Output(
            name="power_spectrum",
            path="%(out.base)s_PS.mrc",
            made="out/movie_PS.mrc",
            check="mrc",
            when="power_spectrum_group",
        ),
    ),
    failure=(
        *FAILURES,
        Failure(
            match=r"Invalid size given to cropInFourierSpace",
            class_=FailureClass.BAD_INPUT,
            hint="make `power_spectrum_size` smaller",
        ),
    ),
    example=(
        Example(
            params={"movie": "m1.mrc", "pixel_size": 0.885},
            argv=(
                *("relion_run_motioncorr", "--i", "movies.star", "--o", "out/", "--use_own"),
                *("--j", "1", "--bin_factor", "1.0", "--bfactor", "150.0"),
                *("--patch_x", "1", "--patch_y", "1", "--group_frames", "1"),
                *("--first_frame_sum", "1", "--preexposure", "0.0", "--max_iter", "5"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
        Example(
            params={
                "movie": "50% done.TIF",
                "pixel_size": 0.5,
                "bin": 2.0,
                "patch_x": 5,
                "patch_y": 5,
                "gain": "gain.mrc",
                "dose_per_frame": 1.25,
                "save_unweighted": True,
                "threads": 4,
            },
            argv=(
                *("relion_run_motioncorr", "--i", "movies.star", "--o", "out/", "--use_own"),
                *("--j", "4", "--bin_factor", "2.0", "--bfactor", "150.0"),
                *("--patch_x", "5", "--patch_y", "5", "--group_frames", "1"),
                *("--first_frame_sum", "1", "--gainref", "gain.mrc", "--gain_rot", "0"),
                *("--gain_flip", "0", "--preexposure", "0.0", "--dose_weighting"),
                *("--dose_per_frame", "1.25", "--save_noDW", "--max_iter", "5"),
            ),
        ),
        Example(
            params={"movie": "m1.eer", "pixel_size": 0.75, "eer_grouping": 32, "last_frame": 20},
            argv=(
                *("relion_run_motioncorr", "--i", "movies.star", "--o", "out/"),
                *("--eer_grouping", "32", "--eer_upsampling", "1", "--use_own"),
                *("--j", "1", "--bin_factor", "1.0", "--bfactor", "150.0"),
                *("--patch_x", "1", "--patch_y", "1", "--group_frames", "1"),
                *("--first_frame_sum", "1", "--last_frame_sum", "20"),
                *("--preexposure", "0.0", "--max_iter", "5"),
            ),
        ),
    ),
    licence="GPL-2.0",
    citation="Zivanov, Nakane & Scheres, IUCrJ 6 (2019) 5-17, doi:10.1107/S205225251801463X",
    source="RELION 3.1.3 of Debian 12, run; 3dem/relion tag 3.1.3, src/motioncorr_runner.cpp",
    unverified=(
        "EER movies were not run",
        "a full disk shows as `insufficient general information` in RELION 3.1.3 only, perhaps",
    ),
)
