"""WarpTools for tilt series: their CTF, and their tomograms."""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Group, Output, Param, Template

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

__all__ = ["WARP_TS_CTF", "WARP_TS_RECONSTRUCT"]

_CTF = {
    **defocus_params(),
    "auto_hand": Param(
        type="int", optional=True, min=1, max=10000, section="CTF",
        help="find the handedness of the defocus from so many tilt series first",
    ),
}  # fmt: skip

WARP_TS_CTF = Adapter(
    name="warp_ts_ctf",
    title="WarpTools ts_ctf: estimate the CTF of tilt series on GPUs",
    family="Warp",
    homepage=HOMEPAGE,
    program=PROGRAM,
    gpu=GPU,
    command=Template(
        in_place=True,
        argv=(
            *opening("ts_ctf"),
            *("--window", "%(window)s"),
            *("--range_low", "%(ctf_range_low)s", "--range_high", "%(ctf_range_high)s"),
            *("--defocus_min", "%(defocus_min)s", "--defocus_max", "%(defocus_max)s"),
            *("--voltage", "%(voltage)s", "--cs", "%(cs)s"),
            *("--amplitude", "%(amplitude_contrast)s"),
            Group(when="fit_phase", args=("--fit_phase",)),
            Group(args=("--auto_hand", "%(auto_hand)s")),
            *WORKERS,
        )
    ),
    params={**PROJECT, **_CTF},
    output=OUTPUTS,
    failure=FAILURES,
    example=(
        Example(
            params={"settings": "warp_tiltseries.settings", "out": "warp_tiltseries"},
            gpus=(3,),
            argv=(
                "WarpTools", "ts_ctf", "--settings", "warp_tiltseries.settings",
                "--output_processing", "warp_tiltseries", "--window", "512",
                "--range_low", "30.0", "--range_high", "4.0", "--defocus_min", "0.5",
                "--defocus_max", "5.0", "--voltage", "300", "--cs", "2.7",
                "--amplitude", "0.07", "--device_list", "3", "--perdevice", "1",
            ),
        ),
        Example(
            params={"settings": "warp_tiltseries.settings", "out": "warp_tiltseries",
                    "ctf_range_high": 7, "defocus_max": 8, "auto_hand": 10},
            gpus=(0, 1),
            argv=(
                "WarpTools", "ts_ctf", "--settings", "warp_tiltseries.settings",
                "--output_processing", "warp_tiltseries", "--window", "512",
                "--range_low", "30.0", "--range_high", "7.0", "--defocus_min", "0.5",
                "--defocus_max", "8.0", "--voltage", "300", "--cs", "2.7",
                "--amplitude", "0.07", "--auto_hand", "10", "--device_list", "0", "1",
                "--perdevice", "1",
            ),
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source=SOURCE,
    unverified=UNVERIFIED,
)  # fmt: skip

_RECONSTRUCTION = {
    "pixel_size": Param(
        type="float", unit="Å", above=0, max=1000, help="voxel size of the tomograms"
    ),
    "halves": Param(
        type="choice", optional=True, choices=("frames", "tilts"),
        help="two half tomograms, too, for training a denoiser: of half the frames (which wants "
        "averages of halves) or of half the tilts",
    ),
    "deconvolve": Param(
        type="bool", default=False, section="Deconvolution", help="a deconvolved one, too"
    ),
    "deconvolution_strength": Param(
        type="float", default=1.0, min=0, max=100, section="Deconvolution",
        help="strength of the deconvolution",
    ),
    "deconvolution_falloff": Param(
        type="float", default=1.0, min=0, max=100, section="Deconvolution",
        help="fall-off of the deconvolution",
    ),
    "deconvolution_highpass": Param(
        type="float", unit="Å", default=300.0, min=10, max=100000, section="Deconvolution",
        help="high-pass filter of the deconvolution",
    ),
    "keep_full_voxels": Param(
        type="bool", default=False,
        help="mask what some images do not show; not for template matching",
    ),
    "invert": Param(
        type="bool", default=True,
        help="turn the contrast round: template matching wants density bright",
    ),
    "normalize": Param(type="bool", default=True, help="normalise the tilt images"),
    "mask": Param(type="bool", default=True, help="fill masked parts of images with noise"),
    "overwrite": Param(type="bool", default=True, help="make tomograms that are there again"),
    "subvolume_size": Param(
        type="int", unit="voxels", default=64, min=16, max=1024, advanced=True,
        help="side of the pieces that are reconstructed one by one",
    ),
    "subvolume_padding": Param(
        type="int", default=3, min=1, max=8, advanced=True, help="padding of these pieces"
    ),
}  # fmt: skip

WARP_TS_RECONSTRUCT = Adapter(
    name="warp_ts_reconstruct",
    title="WarpTools ts_reconstruct: reconstruct tomograms on GPUs",
    family="Warp",
    homepage=HOMEPAGE,
    program=PROGRAM,
    gpu=GPU,
    command=Template(
        in_place=True,
        argv=(
            *opening("ts_reconstruct"),
            *("--angpix", "%(pixel_size)s"),
            Group(when="halves", equals=("frames",), args=("--halfmap_frames",)),
            Group(when="halves", equals=("tilts",), args=("--halfmap_tilts",)),
            Group(
                when="deconvolve",
                args=(
                    *("--deconv", "--deconv_strength", "%(deconvolution_strength)s"),
                    *("--deconv_falloff", "%(deconvolution_falloff)s"),
                    *("--deconv_highpass", "%(deconvolution_highpass)s"),
                ),
            ),
            Group(when="keep_full_voxels", args=("--keep_full_voxels",)),
            Group(unless="invert", args=("--dont_invert",)),
            Group(unless="normalize", args=("--dont_normalize",)),
            Group(unless="mask", args=("--dont_mask",)),
            Group(unless="overwrite", args=("--dont_overwrite",)),
            *("--subvolume_size", "%(subvolume_size)s"),
            *("--subvolume_padding", "%(subvolume_padding)s"),
            *WORKERS,
        )
    ),
    params={**PROJECT, **_RECONSTRUCTION},
    output=(
        *OUTPUTS,
        Output(name="tomograms", path="%(out)s/reconstruction", check="directory"),
    ),
    failure=FAILURES,
    example=(
        Example(
            params={"settings": "warp_tiltseries.settings", "out": "warp_tiltseries",
                    "pixel_size": 10},
            gpus=(1,),
            argv=(
                "WarpTools", "ts_reconstruct", "--settings", "warp_tiltseries.settings",
                "--output_processing", "warp_tiltseries", "--angpix", "10.0",
                "--subvolume_size", "64", "--subvolume_padding", "3", "--device_list", "1",
                "--perdevice", "1",
            ),
        ),
        Example(
            params={"settings": "warp_tiltseries.settings", "out": "warp_tiltseries",
                    "pixel_size": 12.5, "halves": "frames", "deconvolve": True,
                    "invert": False},
            gpus=(0, 1, 2, 3),
            argv=(
                "WarpTools", "ts_reconstruct", "--settings", "warp_tiltseries.settings",
                "--output_processing", "warp_tiltseries", "--angpix", "12.5",
                "--halfmap_frames", "--deconv", "--deconv_strength", "1.0",
                "--deconv_falloff", "1.0", "--deconv_highpass", "300.0", "--dont_invert",
                "--subvolume_size", "64", "--subvolume_padding", "3",
                "--device_list", "0", "1", "2", "3", "--perdevice", "1",
            ),
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source=SOURCE,
    unverified=UNVERIFIED,
)  # fmt: skip
