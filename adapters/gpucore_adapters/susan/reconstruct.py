"""SUSAN's susan_reconstruct: the average of substacks."""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Output, Param, Program, Template, Value

from .package import (
    BOX,
    CITATION,
    FAILURES,
    GPU,
    HOMEPAGE,
    LICENCE,
    PADDING,
    PARTICLES,
    SOURCE,
    SUBSTACKS,
    THREADS,
    UNVERIFIED,
)

__all__ = ["SUSAN_RECONSTRUCT"]

_LEAST: dict[str, Value] = {"particles": "in.ptclsraw", "tomograms": "t.tomostxt", "out": "average",
          "box_size": 64, "bandpass": (0, 31)}  # fmt: skip
_SUBSTACK_ARGS = ("-pad_size", "0", "-pad_type", "zero", "-norm_type", "zero_mean_one_std",
                  "-bandpass", "0.0,31.0", "-rolloff_f", "2.0")  # fmt: skip

SUSAN_RECONSTRUCT = Adapter(
    name="susan_reconstruct",
    title="SUSAN susan_reconstruct: average aligned substacks on GPUs",
    family="SUSAN",
    homepage=HOMEPAGE,
    program=Program(executable="susan_reconstruct", install=HOMEPAGE),
    gpu=GPU,
    command=Template(
        argv=(
            "%(EXE)s",
            "-tomos_file", "%(tomograms)s", "-out_prefix", "%(out)s",
            "-ptcls_file", "%(particles)s", *THREADS, "-box_size", "%(box_size)s", *SUBSTACKS,
            "-ctf_type", "%(ctf)s", "-wgt_type", "%(weights)s",
            "-w_inv_iter", "%(inversion_rounds)s", "-w_inv_gstd", "%(inversion_sigma)s",
            "-symmetry", "%(symmetry)s", "-rec_halves", "%(halves)s",
            "-ignore_ref", "%(ignore_classes)s", "-norm_output", "%(normalize_output)s",
        )
    ),
    params={
        **PARTICLES,
        "out": Param(
            type="path", output="%(particles.stem)s_average", check="any",
            help="first part of the names of the maps: NAME_class001.mrc",
        ),
        **BOX,
        **PADDING,
        "ctf": Param(
            type="choice", default="wiener", section="Average",
            choices=("none", "phase_flip", "wiener", "wiener_ssnr"), help="correction of the CTF",
        ),
        "weights": Param(
            type="choice", default="none", section="Average",
            choices=("none", "particle", "projection", "3DCC", "2DCC"),
            help="what particles or projections are weighted by",
        ),
        "symmetry": Param(
            type="string", blanks=False, default="c1", section="Average",
            help="symmetry of the map: c1, c6, …",
        ),
        "halves": Param(
            type="bool", default=False, section="Average", help="maps of both half sets, too"
        ),
        "ignore_classes": Param(
            type="bool", default=False, section="Average", help="all particles into one map"
        ),
        "inversion_rounds": Param(
            type="int", default=0, min=0, max=1000, section="Average", advanced=True,
            help="rounds that even out how densely Fourier space is covered",
        ),
        "inversion_sigma": Param(
            type="float", default=0.75, above=0, max=100, section="Average", advanced=True,
            help="width of the filter of these rounds",
        ),
        "normalize_output": Param(
            type="bool", default=True, section="Average", help="normalise the maps"
        ),
    },
    output=(
        Output(name="map", path="%(out)s_class001.mrc", check="mrc"),
        Output(name="half1", path="%(out)s_class001_half1.mrc", check="mrc", when="halves"),
        Output(name="half2", path="%(out)s_class001_half2.mrc", check="mrc", when="halves"),
    ),
    failure=FAILURES,
    example=(
        Example(
            params=_LEAST,
            gpus=(1,),
            argv=(
                "susan_reconstruct", "-tomos_file", "t.tomostxt", "-out_prefix", "average",
                "-ptcls_file", "in.ptclsraw", "-n_threads", "1", "-gpu_list", "1",
                "-box_size", "64", *_SUBSTACK_ARGS, "-ctf_type", "wiener",
                "-wgt_type", "none", "-w_inv_iter", "0", "-w_inv_gstd", "0.75",
                "-symmetry", "c1", "-rec_halves", "0", "-ignore_ref", "0",
                "-norm_output", "1",
            ),
        ),
        Example(
            params={**_LEAST, "symmetry": "c6", "halves": True, "weights": "3DCC"},
            gpus=(0, 2),
            argv=(
                "susan_reconstruct", "-tomos_file", "t.tomostxt", "-out_prefix", "average",
                "-ptcls_file", "in.ptclsraw", "-n_threads", "2", "-gpu_list", "0,2",
                "-box_size", "64", *_SUBSTACK_ARGS, "-ctf_type", "wiener",
                "-wgt_type", "3DCC", "-w_inv_iter", "0", "-w_inv_gstd", "0.75",
                "-symmetry", "c6", "-rec_halves", "1", "-ignore_ref", "0",
                "-norm_output", "1",
            ),
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source=SOURCE,
    unverified=(*UNVERIFIED, "maps of classes after the first are written, and not looked at"),
)  # fmt: skip
