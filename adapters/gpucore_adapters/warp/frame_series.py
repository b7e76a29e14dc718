"""WarpTools for frame series: motion, CTF, and both in one go."""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Group, Param, Template

from .project import (
    CITATION,
    FAILURES,
    GPU,
    HOMEPAGE,
    LICENCE,
    OUTPUTS,
    PROGRAM,
    PROJECT,
    SOURCE,
    UNVERIFIED,
    WORKERS,
    defocus_params,
    opening,
)

__all__ = ["WARP_FS_CTF", "WARP_FS_MOTION", "WARP_FS_MOTION_AND_CTF"]

_MOTION = {
    "motion_range_low": Param(
        type="float", unit="Å", default=500.0, min=1, section="Motion",
        help="worst resolution used",
    ),
    "motion_range_high": Param(
        type="float", unit="Å", default=10.0, min=1, less_than="motion_range_low",
        section="Motion", help="best resolution used",
    ),
    "motion_bfactor": Param(
        type="float", unit="Å²", default=-500.0, min=-100000, max=0, section="Motion",
        help="damps high resolution",
    ),
    "motion_grid": Param(
        type="string", pattern=r"\d+x\d+x\d+", optional=True, section="Motion",
        help="resolution of the motion in x, y and frames: 1x1x3; chosen when left out",
    ),
}  # fmt: skip

_AVERAGES = {
    "averages": Param(
        type="bool", default=True, section="Averages", help="write aligned averages"
    ),
    "average_halves": Param(
        type="bool", default=False, section="Averages",
        help="write averages of odd and of even frames, for training a denoiser",
    ),
    "skip_first": Param(
        type="int", default=0, min=0, max=10000, section="Averages",
        help="frames at the start that averages leave out",
    ),
    "skip_last": Param(
        type="int", default=0, min=0, max=10000, section="Averages",
        help="frames at the end that averages leave out",
    ),
}  # fmt: skip

_CTF = {
    **defocus_params(),
    "use_sum": Param(
        type="bool",
        default=False,
        section="CTF",
        help="spectrum of the average instead of those of the frames: for weak signal",
    ),
    "ctf_grid": Param(
        type="string",
        pattern=r"\d+x\d+x\d+",
        optional=True,
        section="CTF",
        help="resolution of the defocus in x, y and frames: 2x2x1; chosen when left out",
    ),
}


def _ctf_args(start: str) -> tuple[str | Group, ...]:
    """Return the options of a CTF, each name behind this start."""
    return (
        f"--{start}window", "%(window)s",
        f"--{start}range_min", "%(ctf_range_low)s", f"--{start}range_max", "%(ctf_range_high)s",
        f"--{start}defocus_min", "%(defocus_min)s", f"--{start}defocus_max", "%(defocus_max)s",
        f"--{start}voltage", "%(voltage)s", f"--{start}cs", "%(cs)s",
        f"--{start}amplitude", "%(amplitude_contrast)s",
        Group(when="fit_phase", args=(f"--{start}fit_phase",)),
        Group(when="use_sum", args=(f"--{start}use_sum",)),
        Group(args=(f"--{start}grid", "%(ctf_grid)s")),
    )  # fmt: skip


def _motion_args(start: str) -> tuple[str | Group, ...]:
    """Return the options of motion, each name behind this start."""
    return (
        f"--{start}range_min", "%(motion_range_low)s",
        f"--{start}range_max", "%(motion_range_high)s",
        f"--{start}bfac", "%(motion_bfactor)s",
        Group(args=(f"--{start}grid", "%(motion_grid)s")),
    )  # fmt: skip


def _average_args(start: str) -> tuple[str | Group, ...]:
    """Return the options of averages, each name behind this start."""
    return (
        Group(when="averages", args=(f"--{start}averages",)),
        Group(when="average_halves", args=(f"--{start}average_halves",)),
        f"--{start}skip_first", "%(skip_first)s", f"--{start}skip_last", "%(skip_last)s",
    )  # fmt: skip


_OPTICS = ("voltage", "300", "cs", "2.7", "amplitude", "0.07")


def _optics(start: str) -> tuple[str, ...]:
    """Return what examples show of the microscope."""
    return tuple(f"--{start}{one}" if place % 2 == 0 else one for place, one in enumerate(_OPTICS))


WARP_FS_MOTION = Adapter(
    name="warp_fs_motion",
    title="WarpTools fs_motion: align the frames of frame series on GPUs",
    family="Warp",
    homepage=HOMEPAGE,
    program=PROGRAM,
    gpu=GPU,
    command=Template(
        in_place=True,
        argv=(*opening("fs_motion"), *_motion_args(""), *_average_args(""), *WORKERS),
    ),
    params={**PROJECT, **_MOTION, **_AVERAGES},
    output=OUTPUTS,
    failure=FAILURES,
    example=(
        Example(
            params={"settings": "warp_frameseries.settings", "out": "warp_frameseries"},
            gpus=(2,),
            argv=(
                "WarpTools", "fs_motion", "--settings", "warp_frameseries.settings",
                "--output_processing", "warp_frameseries", "--range_min", "500.0",
                "--range_max", "10.0", "--bfac", "-500.0", "--averages", "--skip_first", "0",
                "--skip_last", "0", "--device_list", "2", "--perdevice", "1",
            ),
        ),
        Example(
            params={"settings": "warp_frameseries.settings", "out": "warp_frameseries",
                    "input_data": ("a.tif", "b.tif"), "motion_grid": "1x1x3", "workers": 4},
            gpus=(0, 1),
            argv=(
                "WarpTools", "fs_motion", "--settings", "warp_frameseries.settings",
                "--output_processing", "warp_frameseries", "--input_data", "a.tif", "b.tif",
                "--range_min", "500.0", "--range_max", "10.0", "--bfac", "-500.0",
                "--grid", "1x1x3", "--averages", "--skip_first", "0", "--skip_last", "0",
                "--device_list", "0", "1", "--perdevice", "4",
            ),
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source=SOURCE,
    unverified=UNVERIFIED,
)  # fmt: skip

WARP_FS_CTF = Adapter(
    name="warp_fs_ctf",
    title="WarpTools fs_ctf: estimate the CTF of frame series on GPUs",
    family="Warp",
    homepage=HOMEPAGE,
    program=PROGRAM,
    gpu=GPU,
    command=Template(
        in_place=True, argv=(*opening("fs_ctf"), *_ctf_args(""), *WORKERS)
    ),
    params={**PROJECT, **_CTF},
    output=OUTPUTS,
    failure=FAILURES,
    example=(
        Example(
            params={"settings": "warp_frameseries.settings", "out": "warp_frameseries"},
            gpus=(1,),
            argv=(
                "WarpTools", "fs_ctf", "--settings", "warp_frameseries.settings",
                "--output_processing", "warp_frameseries", "--window", "512",
                "--range_min", "30.0", "--range_max", "4.0", "--defocus_min", "0.5",
                "--defocus_max", "5.0", *_optics(""), "--device_list", "1", "--perdevice", "1",
            ),
        ),
        Example(
            params={"settings": "warp_frameseries.settings", "out": "warp_frameseries",
                    "ctf_range_high": 7, "defocus_max": 8, "use_sum": True,
                    "ctf_grid": "2x2x1"},
            gpus=(0, 1, 3),
            argv=(
                "WarpTools", "fs_ctf", "--settings", "warp_frameseries.settings",
                "--output_processing", "warp_frameseries", "--window", "512",
                "--range_min", "30.0", "--range_max", "7.0", "--defocus_min", "0.5",
                "--defocus_max", "8.0", *_optics(""), "--use_sum", "--grid", "2x2x1",
                "--device_list", "0", "1", "3", "--perdevice", "1",
            ),
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source=SOURCE,
    unverified=UNVERIFIED,
)  # fmt: skip

WARP_FS_MOTION_AND_CTF = Adapter(
    name="warp_fs_motion_and_ctf",
    title="WarpTools fs_motion_and_ctf: align frame series and estimate their CTF on GPUs",
    family="Warp",
    homepage=HOMEPAGE,
    program=PROGRAM,
    gpu=GPU,
    command=Template(
        in_place=True,
        argv=(
            *opening("fs_motion_and_ctf"),
            *_motion_args("m_"),
            *_ctf_args("c_"),
            *_average_args("out_"),
            *WORKERS,
        )
    ),
    params={**PROJECT, **_MOTION, **_CTF, **_AVERAGES},
    output=OUTPUTS,
    failure=FAILURES,
    example=(
        Example(
            params={"settings": "warp_frameseries.settings", "out": "warp_frameseries"},
            gpus=(0,),
            argv=(
                "WarpTools", "fs_motion_and_ctf", "--settings", "warp_frameseries.settings",
                "--output_processing", "warp_frameseries", "--m_range_min", "500.0",
                "--m_range_max", "10.0", "--m_bfac", "-500.0", "--c_window", "512",
                "--c_range_min", "30.0", "--c_range_max", "4.0", "--c_defocus_min", "0.5",
                "--c_defocus_max", "5.0", *_optics("c_"), "--out_averages",
                "--out_skip_first", "0", "--out_skip_last", "0", "--device_list", "0",
                "--perdevice", "1",
            ),
        ),
        Example(
            params={"settings": "warp_frameseries.settings", "out": "warp_frameseries",
                    "motion_grid": "1x1x3", "ctf_grid": "2x2x1", "ctf_range_high": 7,
                    "defocus_max": 8, "use_sum": True, "average_halves": True},
            gpus=(0, 2),
            argv=(
                "WarpTools", "fs_motion_and_ctf", "--settings", "warp_frameseries.settings",
                "--output_processing", "warp_frameseries", "--m_range_min", "500.0",
                "--m_range_max", "10.0", "--m_bfac", "-500.0", "--m_grid", "1x1x3",
                "--c_window", "512", "--c_range_min", "30.0", "--c_range_max", "7.0",
                "--c_defocus_min", "0.5", "--c_defocus_max", "8.0", *_optics("c_"),
                "--c_use_sum", "--c_grid", "2x2x1", "--out_averages", "--out_average_halves",
                "--out_skip_first", "0", "--out_skip_last", "0", "--device_list", "0", "2",
                "--perdevice", "1",
            ),
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source=SOURCE,
    unverified=UNVERIFIED,
)  # fmt: skip
