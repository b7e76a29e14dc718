"""RELION's motion correction through MotionCor2, on GPUs."""

from __future__ import annotations

from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Gpu,
    GpuUse,
    Link,
    Output,
    Param,
    Template,
)

from .movies import COMMON, FAILURES, FILES, INPUT, LINKS, OUTPUTS, PARAMS, PROGRAM

__all__ = ["RELION_MOTIONCORR_GPU"]

RELION_MOTIONCORR_GPU = Adapter(
    name="relion_motioncorr_gpu",
    title="RELION motion correction through MotionCor2 (GPU): align movie frames",
    family="RELION",
    homepage="https://relion.readthedocs.io",
    program=PROGRAM,
    gpu=Gpu(use=GpuUse.COMPULSORY, form="comma", sharing="discouraged"),
    command=Template(
        argv=(
            "%(EXE)s",
            *INPUT,
            # A neutral name here too: RELION writes names into a shell's line without quotes.
            *("--use_motioncor2", "--motioncor2_exe", "./MotionCor2"),
            *COMMON,
            # Without it every process takes GPU 0.
            *("--gpu", "%(GPU)s"),
        ),
        own_directory=True,
    ),
    params={
        **PARAMS,
        "motioncor2": Param(type="path", help="the MotionCor2 program that RELION shall start"),
    },
    file=FILES,
    link=(*LINKS, Link(name="MotionCor2", target="%(motioncor2)s")),
    output=(*OUTPUTS, Output(name="log", path="%(out.base)s_motion.log", made="out/movie.out")),
    failure=(
        *FAILURES,
        Failure(
            match=r"WARNING: there was an error executing",
            class_=FailureClass.PROGRAM_FAULT,
            hint="MotionCor2 failed: its own words are in out/movie.out and out/movie.err",
            effect="fail",
        ),
        Failure(
            match=r"compiled without CUDA",
            class_=FailureClass.NO_DEVICE,
            hint="this RELION cannot start MotionCor2: it was built without CUDA",
            effect="fail",
        ),
    ),
    example=(
        Example(
            params={"movie": "m1.tif", "pixel_size": 0.885, "motioncor2": "/opt/MotionCor2"},
            gpus=(0, 3),
            argv=(
                *("relion_run_motioncorr", "--i", "movies.star", "--o", "out/"),
                *("--use_motioncor2", "--motioncor2_exe", "./MotionCor2"),
                *("--bin_factor", "1.0", "--bfactor", "150.0"),
                *("--patch_x", "1", "--patch_y", "1", "--group_frames", "1"),
                *("--first_frame_sum", "1", "--preexposure", "0.0", "--gpu", "0,3"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={
                "movie": "m1.mrcs",
                "pixel_size": 0.5,
                "bin": 2.0,
                "patch_x": 5,
                "patch_y": 5,
                "dose_per_frame": 1.0,
                "motioncor2": "/opt/MotionCor2",
            },
            gpus=(2,),
            argv=(
                *("relion_run_motioncorr", "--i", "movies.star", "--o", "out/"),
                *("--use_motioncor2", "--motioncor2_exe", "./MotionCor2"),
                *("--bin_factor", "2.0", "--bfactor", "150.0"),
                *("--patch_x", "5", "--patch_y", "5", "--group_frames", "1"),
                *("--first_frame_sum", "1", "--preexposure", "0.0", "--dose_weighting"),
                *("--dose_per_frame", "1.0", "--gpu", "2"),
            ),
        ),
        Example(
            params={
                "movie": "m1.mrc",
                "pixel_size": 1.0,
                "gain": "gain.mrc",
                "gain_rotation": 1,
                "motioncor2": "/opt/MotionCor2",
            },
            gpus=(1,),
            argv=(
                *("relion_run_motioncorr", "--i", "movies.star", "--o", "out/"),
                *("--use_motioncor2", "--motioncor2_exe", "./MotionCor2"),
                *("--bin_factor", "1.0", "--bfactor", "150.0"),
                *("--patch_x", "1", "--patch_y", "1", "--group_frames", "1"),
                *("--first_frame_sum", "1", "--gainref", "gain.mrc", "--gain_rot", "1"),
                *("--gain_flip", "0", "--preexposure", "0.0", "--gpu", "1"),
            ),
        ),
    ),
    licence="GPL-2.0; MotionCor2 itself is free for academic use only",
    citation="Zheng et al., Nat. Methods 14 (2017) 331-332, doi:10.1038/nmeth.4193; "
    "Zivanov et al., eLife 7 (2018) e42166, doi:10.7554/eLife.42166",
    source="3dem/relion tag 3.1.3, src/motioncorr_runner.cpp",
    unverified=(
        "never run with MotionCor2: Debian's RELION, built without CUDA, ends by SIGFPE first",
        "that MotionCor2 bears CUDA_VISIBLE_DEVICES",
        "the messages of MotionCor2 itself, which RELION keeps in files of its own",
    ),
)
