"""SUSAN's susan_estimate_ctf: the CTF of tilt series."""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Param, Program, Template

from .package import (
    BOX,
    CITATION,
    FAILURES,
    GPU,
    HOMEPAGE,
    LICENCE,
    PARTICLES,
    SOURCE,
    THREADS,
    UNVERIFIED,
    pair,
)

__all__ = ["SUSAN_ESTIMATE_CTF"]

SUSAN_ESTIMATE_CTF = Adapter(
    name="susan_estimate_ctf",
    title="SUSAN susan_estimate_ctf: estimate the CTF of tilt series on GPUs",
    family="SUSAN",
    homepage=HOMEPAGE,
    program=Program(executable="susan_estimate_ctf", install=HOMEPAGE),
    gpu=GPU,
    command=Template(
        argv=(
            "%(EXE)s",
            "-tomos_in", "%(tomograms)s", "-data_out", "%(out)s", "-ptcls_file", "%(particles)s",
            *THREADS, "-box_size", "%(box_size)s",
            "-res_range", "%(resolution)s", "-res_thres", "%(resolution_threshold)s",
            "-def_range", "%(defocus)s", "-tilt_search", "%(tilt_search)s",
            "-refine_def", "%(refine)s", "-binning", "%(binning)s",
            "-bfactor_max", "%(bfactor_max)s",
        )
    ),
    params={
        "particles": Param(
            type="path", item=True, suffix=(".ptclsraw",), help="grid of patches, as particles"
        ),
        "out": Param(
            type="path", output="%(particles.stem)s_ctf", check="directory",
            help="folder with a folder for each tomogram: TomoNNN/defocus.txt",
        ),
        "tomograms": PARTICLES["tomograms"],
        **BOX,
        "resolution": pair("worst and best resolution used", "Å", default=(40.0, 7.0),
                            section="Search"),
        "resolution_threshold": Param(
            type="float", default=0.75, min=0, max=1, section="Search",
            help="fit that still counts for the resolution",
        ),
        "defocus": pair("least and greatest defocus", "Å", default=(10000.0, 90000.0),
                         section="Search"),
        "tilt_search": Param(
            type="float", unit="Å", default=3000.0, min=0, max=1e6, section="Search",
            help="range of the defocus within a tilt series",
        ),
        "refine": pair("range and step of the refinement of the defocus", "Å",
                        default=(2000.0, 100.0), section="Search"),
        "binning": Param(
            type="int", default=0, min=0, max=6, section="Search",
            help="level of binning: 1 halves, 2 quarters the images",
        ),
        "bfactor_max": Param(
            type="float", unit="Å²", default=600.0, min=0, max=1e6, section="Search",
            help="greatest B-factor",
        ),
    },
    failure=FAILURES,
    example=(
        Example(
            params={"particles": "grid.ptclsraw", "tomograms": "tomo1.tomostxt",
                    "out": "ctf_grid", "box_size": 512},
            gpus=(1,),
            argv=(
                "susan_estimate_ctf", "-tomos_in", "tomo1.tomostxt", "-data_out", "ctf_grid",
                "-ptcls_file", "grid.ptclsraw", "-n_threads", "1", "-gpu_list", "1",
                "-box_size", "512", "-res_range", "40.0,7.0", "-res_thres", "0.75",
                "-def_range", "10000.0,90000.0", "-tilt_search", "3000.0",
                "-refine_def", "2000.0,100.0", "-binning", "0", "-bfactor_max", "600.0",
            ),
        ),
        Example(
            params={"particles": "grid.ptclsraw", "tomograms": "tomo1.tomostxt",
                    "out": "ctf_grid", "box_size": 512, "binning": 1},
            gpus=(0, 3),
            argv=(
                "susan_estimate_ctf", "-tomos_in", "tomo1.tomostxt", "-data_out", "ctf_grid",
                "-ptcls_file", "grid.ptclsraw", "-n_threads", "2", "-gpu_list", "0,3",
                "-box_size", "512", "-res_range", "40.0,7.0", "-res_thres", "0.75",
                "-def_range", "10000.0,90000.0", "-tilt_search", "3000.0",
                "-refine_def", "2000.0,100.0", "-binning", "1", "-bfactor_max", "600.0",
            ),
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source=SOURCE,
    unverified=UNVERIFIED,
)  # fmt: skip
