"""Gctf on several micrographs in one run: the program is loaded, and its GPU begun, once for all.

As `gctf` it runs in the step's own directory, on links. What it makes of each micrograph is looked
at; where something of one is missing the batch has failed, and its micrographs are run one by one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl
from gpucore.standard import Example, Link, Output, Param
from gpucore_adapters.gctf import GCTF

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = ["GCTF_BATCH", "gpucore_adapters"]

_MICS = Param(
    type="path", item=True, many=True, length=0, check="mrc", suffix=(".mrc",),
    # They are arguments under their own names: what it does with a blank is not known, and what it
    # makes is found by a pattern.
    pattern=r"(?s:.*/)?[^\s'\"/*?\[-][^\s'\"/*?\[]*",
    help="micrographs (MRC) of one pixel size",
)  # fmt: skip
_OUT = Param(
    type="path", output="%(mics.stem)s_gctf.log", length=0,
    help="logs that end in the CTF's final values, one for each micrograph",
)  # fmt: skip


def _of_many(output: Output) -> Output:
    """Return an output of one micrograph as one of each."""
    return replace(
        output,
        path=output.path.replace("%(mic.", "%(mics."),
        made=output.made.replace("mic", "%(mics.stem)s", 1),
    )


GCTF_BATCH = replace(
    GCTF,
    name="gctf_batch",
    title="Gctf: estimate the CTF of several micrographs in one run",
    command=replace(GCTF.command, argv=(*GCTF.command.argv[:-1], "%(mics.name)s")),
    params={"mics": _MICS, "out": _OUT}
    | {name: one for name, one in GCTF.params.items() if name not in {"mic", "out"}},
    link=(Link(name="%(mics.name)s", target="%(mics)s"),),
    output=tuple(map(_of_many, GCTF.output)),
    example=(
        Example(
            params={"mics": ("m1.mrc", "m2.mrc"), "pixel_size": 0.885},
            gpus=(0,),
            argv=(
                "Gctf", "--apix", "0.885", "--kV", "300.0", "--cs", "2.7", "--ac", "0.1",
                "--defL", "5000.0", "--defH", "90000.0", "--defS", "500.0", "--astm", "1000.0",
                "--bfac", "150", "--resL", "50.0", "--resH", "4.0", "--boxsize", "1024",
                "--overlap", "0.5", "--convsize", "85", "--do_EPA", "0", "--do_validation", "0",
                "--ctfstar", "NONE", "--gid", "0", "m1.mrc", "m2.mrc",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        # A slot of two: one process can use one.
        Example(
            params={"mics": ("grid1/m3.mrc",), "pixel_size": 1.06, "voltage": 200, "epa": True},
            gpus=(3, 4),
            argv=(
                "Gctf", "--apix", "1.06", "--kV", "200.0", "--cs", "2.7", "--ac", "0.1",
                "--defL", "5000.0", "--defH", "90000.0", "--defS", "500.0", "--astm", "1000.0",
                "--bfac", "150", "--resL", "50.0", "--resH", "4.0", "--boxsize", "1024",
                "--overlap", "0.5", "--convsize", "85", "--do_EPA", "1", "--EPA_oversmp", "4",
                "--do_validation", "0", "--ctfstar", "NONE", "--gid", "3", "m3.mrc",
            ),
        ),
    ),
    unverified=(
        *GCTF.unverified,
        "whether it goes on after a micrograph that it cannot read",
    ),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer this program."""
    return (GCTF_BATCH,)
