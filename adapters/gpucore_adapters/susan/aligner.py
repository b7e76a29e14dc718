"""SUSAN's susan_aligner: substacks against references."""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Param, Program, Template

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
    pair,
)

__all__ = ["SUSAN_ALIGNER"]

SUSAN_ALIGNER = Adapter(
    name="susan_aligner",
    title="SUSAN susan_aligner: align substacks to references on GPUs",
    family="SUSAN",
    homepage=HOMEPAGE,
    program=Program(executable="susan_aligner", install=HOMEPAGE),
    gpu=GPU,
    command=Template(
        argv=(
            "%(EXE)s",
            "-tomos_file", "%(tomograms)s", "-ptcls_in", "%(particles)s",
            "-ptcls_out", "%(out)s", "-refs_file", "%(references)s",
            *THREADS, "-box_size", "%(box_size)s",
            *SUBSTACKS,
            "-cc_type", "%(score)s", "-ctf_type", "%(ctf)s", "-p_symmetry", "%(symmetry)s",
            "-ali_halves", "%(halves)s", "-ignore_ref", "%(ignore_classes)s",
            "-allow_drift", "%(allow_drift)s", "-cone", "%(cone)s", "-inplane", "%(inplane)s",
            "-refine", "%(refine)s", "-off_type", "%(offset_type)s",
            "-off_params", "%(offset)s", "-type", "%(dimensions)s",
        )
    ),
    params={
        **PARTICLES,
        "out": Param(
            type="path", output="%(particles.stem)s_aligned.ptclsraw", help="aligned particles"
        ),
        "references": Param(
            type="path", suffix=(".refstxt",), help="references of SUSAN: maps and masks"
        ),
        **BOX,
        **PADDING,
        "score": Param(
            type="choice", default="basic", choices=("basic", "cfsc"), section="Search",
            help="cross-correlation, plain or weighted by the FSC",
        ),
        "ctf": Param(
            type="choice", default="on_reference", section="Search",
            choices=("none", "on_reference", "on_substack", "wiener_ssnr"),
            help="where the CTF is put in or taken out",
        ),
        "symmetry": Param(
            type="string", blanks=False, default="c1", section="Search",
            help="symmetry that makes the search shorter",
        ),
        "cone": pair("range and step of the axis", "degrees", default=(0.0, 1.0),
                      section="Search"),
        "inplane": pair("range and step around the axis", "degrees", default=(0.0, 1.0),
                         section="Search"),
        "refine": Param(
            type="int", length=2, separator=",", default=(1, 0), min=0, max=100,
            section="Search", help="refinement of angles: factor, and levels",
        ),
        "offset_type": Param(
            type="choice", default="ellipsoid", choices=("ellipsoid", "cylinder", "cuboid"),
            section="Search", help="shape of the range of shifts",
        ),
        "offset": Param(
            type="float", unit="pixels", length=4, separator=",", default=(4.0, 4.0, 4.0, 1.0),
            min=0, max=4096, section="Search", help="range of shifts in x, y and z, and their step",
        ),
        "allow_drift": Param(
            type="bool", default=True, section="Search",
            help="shifts may add up over iterations",
        ),
        "halves": Param(
            type="bool", default=False, section="Search", help="align half sets one by one"
        ),
        "ignore_classes": Param(
            type="bool", default=False, section="Search", help="all particles to all references"
        ),
        "dimensions": Param(
            type="int", default=3, min=2, max=3, section="Search",
            help="3: align particles, 2: align each projection",
        ),
    },
    failure=FAILURES,
    example=(
        Example(
            params={"particles": "in.ptclsraw", "tomograms": "t.tomostxt",
                    "references": "r.refstxt", "out": "out.ptclsraw", "box_size": 64,
                    "bandpass": (0, 20), "cone": (360, 15), "inplane": (360, 15)},
            gpus=(2,),
            argv=(
                "susan_aligner", "-tomos_file", "t.tomostxt", "-ptcls_in", "in.ptclsraw",
                "-ptcls_out", "out.ptclsraw", "-refs_file", "r.refstxt", "-n_threads", "1",
                "-gpu_list", "2", "-box_size", "64", "-pad_size", "0", "-pad_type", "zero",
                "-norm_type", "zero_mean_one_std", "-bandpass", "0.0,20.0",
                "-rolloff_f", "2.0", "-cc_type", "basic", "-ctf_type", "on_reference",
                "-p_symmetry", "c1", "-ali_halves", "0", "-ignore_ref", "0",
                "-allow_drift", "1", "-cone", "360.0,15.0", "-inplane", "360.0,15.0",
                "-refine", "1,0", "-off_type", "ellipsoid", "-off_params", "4.0,4.0,4.0,1.0",
                "-type", "3",
            ),
        ),
        Example(
            params={"particles": "in.ptclsraw", "tomograms": "t.tomostxt",
                    "references": "r.refstxt", "out": "out.ptclsraw", "box_size": 64,
                    "bandpass": (0, 20), "score": "cfsc", "halves": True},
            gpus=(0, 1, 3),
            argv=(
                "susan_aligner", "-tomos_file", "t.tomostxt", "-ptcls_in", "in.ptclsraw",
                "-ptcls_out", "out.ptclsraw", "-refs_file", "r.refstxt", "-n_threads", "3",
                "-gpu_list", "0,1,3", "-box_size", "64", "-pad_size", "0", "-pad_type", "zero",
                "-norm_type", "zero_mean_one_std", "-bandpass", "0.0,20.0",
                "-rolloff_f", "2.0", "-cc_type", "cfsc", "-ctf_type", "on_reference",
                "-p_symmetry", "c1", "-ali_halves", "1", "-ignore_ref", "0",
                "-allow_drift", "1", "-cone", "0.0,1.0", "-inplane", "0.0,1.0",
                "-refine", "1,0", "-off_type", "ellipsoid", "-off_params", "4.0,4.0,4.0,1.0",
                "-type", "3",
            ),
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source=SOURCE,
    unverified=UNVERIFIED,
)  # fmt: skip
