"""RELION particle picking by blobs: the Laplacian of Gaussian, on the CPU.

RELION ends when it is given both ``--LoG`` and ``--gpu``.
"""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Group, Param, Template

from .micrographs import (
    CODES,
    COMMON,
    FAILURES,
    FILES,
    INPUT,
    LINKS,
    MICROGRAPH,
    OUTPUTS,
    PARAMS,
    PROGRAM,
)

__all__ = ["RELION_AUTOPICK_LOG"]

RELION_AUTOPICK_LOG = Adapter(
    name="relion_autopick_log",
    title="RELION relion_autopick --LoG: pick blobs, without references (CPU)",
    family="RELION",
    homepage="https://relion.readthedocs.io",
    program=PROGRAM,
    command=Template(
        argv=(
            "%(EXE)s",
            *INPUT,
            *("--LoG", "--LoG_diam_min", "%(min_diameter)s"),
            *("--LoG_diam_max", "%(max_diameter)s"),
            *("--LoG_adjust_threshold", "%(threshold)s"),
            Group(args=("--LoG_upper_threshold", "%(upper_threshold)s")),
            *("--LoG_neighbour", "%(neighbour)s", "--Log_max_search", "%(max_search)s"),
            # The small letters are RELION's own.
            Group(args=("--Log_invert",), when="white"),
            *COMMON,
        ),
        own_directory=True,
    ),
    params={
        **MICROGRAPH,
        "min_diameter": Param(type="float", unit="Å", min=1, help="smallest particle"),
        "max_diameter": Param(type="float", unit="Å", min=1, help="largest particle"),
        "threshold": Param(
            type="float",
            unit="standard deviations",
            default=0.0,
            help="more picks fewer particles; from -2 to 2 as a rule",
        ),
        "upper_threshold": Param(
            type="float",
            unit="standard deviations",
            optional=True,
            help="leave out blobs that are stronger than this",
        ),
        "neighbour": Param(
            type="float", unit="%", default=100.0, min=1, help="how near two may be, of a diameter"
        ),
        "max_search": Param(type="float", default=5.0, min=1, help="widest scale searched"),
        "white": Param(type="bool", default=False, help="particles are white, not black"),
        **PARAMS,
    },
    file=FILES,
    link=LINKS,
    output=OUTPUTS,
    failure=FAILURES,
    success_codes=CODES,
    example=(
        Example(
            params={
                "micrograph": "m1.mrc",
                "pixel_size": 0.885,
                "min_diameter": 150,
                "max_diameter": 180,
            },
            argv=(
                *("relion_autopick", "--i", "micrographs.star", "--odir", "out/", "--LoG"),
                *("--LoG_diam_min", "150.0", "--LoG_diam_max", "180.0"),
                *("--LoG_adjust_threshold", "0.0", "--LoG_neighbour", "100.0"),
                *("--Log_max_search", "5.0", "--skip_side", "0", "--shrink", "1.0"),
                *("--outlier_removal_zscore", "8.0"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
        Example(
            params={
                "micrograph": "phase plate.mrc",
                "pixel_size": 1.1,
                "min_diameter": 100,
                "max_diameter": 120,
                "threshold": -0.5,
                "white": True,
                "edge": 50,
            },
            argv=(
                *("relion_autopick", "--i", "micrographs.star", "--odir", "out/", "--LoG"),
                *("--LoG_diam_min", "100.0", "--LoG_diam_max", "120.0"),
                *("--LoG_adjust_threshold", "-0.5", "--LoG_neighbour", "100.0"),
                *("--Log_max_search", "5.0", "--Log_invert", "--skip_side", "50"),
                *("--shrink", "1.0", "--outlier_removal_zscore", "8.0"),
            ),
        ),
        Example(
            params={
                "micrograph": "m1.mrc",
                "pixel_size": 0.885,
                "min_diameter": 150,
                "max_diameter": 180,
                "upper_threshold": 5,
                "exact_scale": True,
            },
            argv=(
                *("relion_autopick", "--i", "micrographs.star", "--odir", "out/", "--LoG"),
                *("--LoG_diam_min", "150.0", "--LoG_diam_max", "180.0"),
                *("--LoG_adjust_threshold", "0.0", "--LoG_upper_threshold", "5.0"),
                *("--LoG_neighbour", "100.0", "--Log_max_search", "5.0", "--skip_side", "0"),
                *("--shrink", "1.0", "--outlier_removal_zscore", "8.0"),
                "--skip_optimise_scale",
            ),
        ),
    ),
    licence="GPL-2.0",
    citation="Zivanov et al., eLife 7 (2018) e42166, doi:10.7554/eLife.42166",
    source="RELION 3.1.3 of Debian 12, run; 3dem/relion tag 3.1.3, src/autopicker.cpp",
    unverified=("picking on images corrected for the CTF (--LoG_use_ctf) is left out",),
)
