"""EMAN2's e2tomo_mwfill.py: a network that fills what the missing wedge of a tomogram lacks.

It names its output after the tomogram, and splits that at commas, so it runs in the step's own
directory, on links of fixed names.
"""

from gpucore.standard import Adapter, Example, Link, Output, Param, Program, Template
from gpucore_adapters.eman2.about import (
    EMAN2,
    FAILURES,
    HOMEPAGE,
    INSTALL,
    LICENCE,
    ONE_GPU,
    SOURCE,
)

__all__ = ["FILL_WEDGE", "FILL_WEDGE_TRAIN"]

# It takes the last four letters of the tomogram's name for its suffix.
_TOMOGRAM = Param(
    type="path", item=True, suffix=(".hdf", ".mrc", ".rec"), help="tomogram, normalised"
)
_BOX = Param(
    type="int", unit="pixels", default=128, min=16, multiple_of=16,
    help="side of the tiles, in training and afterwards the same",
)  # fmt: skip
_UNVERIFIED = (
    "never run; a paper of this program was not found",
    "its option --learnrate is left out: the source does not use it",
)

FILL_WEDGE_TRAIN = Adapter(
    name="e2tomo_mwfill_train",
    title="EMAN2 e2tomo_mwfill.py: train a network on a tomogram to fill its missing wedge",
    family="EMAN2",
    homepage=HOMEPAGE,
    program=Program(executable="e2tomo_mwfill.py", install=INSTALL),
    gpu=ONE_GPU,
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s",
            "--train", "tomo%(tomogram.suffix)s",
            "--boxsz", "%(box_size)s",
            "--nsample", "%(samples)s",
        ),
    ),
    link=(Link(name="tomo%(tomogram.suffix)s", target="%(tomogram)s"),),
    params={
        "tomogram": _TOMOGRAM,
        "out": Param(type="path", output="%(tomogram.stem)s_mwfill.h5", suffix=(".h5",),
                     help="trained network"),
        "box_size": _BOX,
        "samples": Param(type="int", default=2000, min=100, help="places of the tomogram that it "
                         "is trained on"),
    },
    output=(
        Output(name="out", made="neuralnets/mwfill2d_modelsave.h5"),
        Output(name="examples", path="%(out.base)s_examples.hdf",
               made="neuralnets/trainout_mwfill2d.hdf"),
    ),
    failure=FAILURES,
    success_match=r"^model saved to",
    example=(
        Example(
            params={"tomogram": "t1.hdf"},
            gpus=(3, 4),
            argv=("e2tomo_mwfill.py", "--train", "tomo.hdf", "--boxsz", "128",
                  "--nsample", "2000"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={"tomogram": "t1.rec", "box_size": 64, "samples": 500},
            argv=("e2tomo_mwfill.py", "--train", "tomo.rec", "--boxsz", "64",
                  "--nsample", "500"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=LICENCE,
    citation=EMAN2,
    source=f"{SOURCE}/e2tomo_mwfill.py",
    unverified=_UNVERIFIED,
)  # fmt: skip

FILL_WEDGE = Adapter(
    name="e2tomo_mwfill",
    title="EMAN2 e2tomo_mwfill.py: fill the missing wedge of a tomogram by a trained network",
    family="EMAN2",
    homepage=HOMEPAGE,
    program=Program(executable="e2tomo_mwfill.py", install=INSTALL),
    gpu=ONE_GPU,
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s",
            "--load", "network.h5",
            "--applyto", "tomo%(tomogram.suffix)s",
            "--boxsz", "%(box_size)s",
        ),
    ),
    link=(
        Link(name="tomo%(tomogram.suffix)s", target="%(tomogram)s"),
        Link(name="network.h5", target="%(network)s"),
    ),
    params={
        "tomogram": _TOMOGRAM,
        "network": Param(type="path", suffix=(".h5",), help="trained network"),
        "out": Param(type="path", output="%(tomogram.stem)s_mw.hdf", suffix=(".hdf",),
                     help="filled tomogram"),
        "box_size": _BOX,
    },
    output=(Output(name="out", made="tomo_mw.hdf"),),
    failure=FAILURES,
    success_match=r"^Output written to",
    example=(
        Example(
            params={"tomogram": "t1.hdf", "network": "t1_mwfill.h5"},
            gpus=(2,),
            argv=("e2tomo_mwfill.py", "--load", "network.h5", "--applyto", "tomo.hdf",
                  "--boxsz", "128"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        Example(
            params={"tomogram": "t2.mrc", "network": "t1_mwfill.h5", "box_size": 64},
            argv=("e2tomo_mwfill.py", "--load", "network.h5", "--applyto", "tomo.mrc",
                  "--boxsz", "64"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=LICENCE,
    citation=EMAN2,
    source=f"{SOURCE}/e2tomo_mwfill.py",
    unverified=_UNVERIFIED,
)  # fmt: skip
