"""CryoREAD: build DNA and RNA into maps."""

from __future__ import annotations

from dataclasses import replace

from gpucore.standard import Adapter, Example, Failure, FailureClass, Group, Output, Param, Template
from gpucore_adapters.shell_names import PLAIN_NAME

from . import facts

__all__ = ["CRYOREAD"]

CRYOREAD = Adapter(
    name="cryoread",
    family=facts.FAMILY,
    title="CryoREAD: build DNA and RNA into a map",
    homepage="https://github.com/kiharalab/CryoREAD",
    program=facts.python("CryoREAD"),
    gpu=replace(
        facts.GPU,
        memory=12288,
        memory_note="a batch of 8 on 24 GB; and 50 GB of the machine's memory, or more",
    ),
    command=Template(
        # It changes into its own folder before it writes: what it is told must be absolute.
        own_directory=True,
        argv=(
            *("%(EXE)s", "%(home)s/main.py", "--mode", "0", "-F", "%(map)s"),
            *("-M", "%(home)s/best_model", "--output", "%(out)s", "--contour", "%(contour)s"),
            *("--resolution", "%(resolution)s", "--batch_size", "%(batch)s"),
            *("--stride", "%(stride)s", "--num_workers", "%(workers)s"),
            *("--rule_soft", "%(soft)s", "--thread", "%(threads)s"),
            Group(args=("-P", "%(sequence)s")),
            Group(unless="sequence", args=("--no_seqinfo",)),
            Group(when="predict_only", args=("--prediction_only",)),
            Group(when="refine", args=("--refine",)),
        ),
    ),
    params={
        "map": Param(
            type="path", item=True, suffix=(".mrc", ".map"), check="mrc", blanks=False,
            pattern=PLAIN_NAME, help="map"
        ),
        "home": facts.home("CryoREAD, with main.py and best_model"),
        "out": Param(
            type="path", output="%(map.stem)s_cryoread", check="directory", blanks=False,
            pattern=PLAIN_NAME,
            help="folder of the results",
        ),
        "sequence": Param(
            type="path", optional=True, help="FASTA file; built without a sequence when not given"
        ),
        "contour": Param(
            type="float", default=0.0,
            help="density that counts at least: half of what the authors recommend for the map",
        ),
        "resolution": Param(
            type="float", unit="Å", default=2.5, above=0, max=10,
            help="resolution of the map; it chooses the network",
        ),
        "batch": facts.batch(8),
        "stride": Param(
            type="int", unit="Å", default=32, min=1, help="step of the box that is moved"
        ),
        "workers": Param(
            type="int", default=4, min=0, advanced=True, help="processes that fetch boxes"
        ),
        "threads": Param(
            type="int", default=1, min=1, help="CPU threads that assign the sequence"
        ),
        "soft": Param(
            type="bool", default=False, advanced=True, help="assemble fragments by soft rules"
        ),
        "predict_only": Param(
            type="bool", default=False, help="find atoms and bases only, and build nothing"
        ),
        "refine": Param(
            type="bool", default=False, help="refine the model by Phenix and Coot, which it wants"
        ),
    },
    output=(
        Output(name="protein_mask", path="%(out)s/mask_protein.mrc", check="file"),
        Output(name="model", path="%(out)s/CryoREAD_norefine.pdb",
               unless=("predict_only", "refine")),
        Output(name="model", path="%(out)s/CryoREAD.pdb", when="refine", unless="predict_only"),
    ),
    failure=(
        Failure(
            match=r"parsing fasta input failed",
            class_=FailureClass.BAD_INPUT,
            hint="the model was built without the sequence",
            effect="warn",
        ),
        Failure(
            match=r"reset contour level",
            class_=FailureClass.BAD_INPUT,
            hint="`contour` was above the map's greatest density: it chose another",
            effect="warn",
        ),
        Failure(
            match=r"refinement failed!",
            class_=FailureClass.PROGRAM_FAULT,
            hint="phenix.real_space_refine and coot must be found",
        ),
        *facts.FAILURES,
    ),
    example=(
        # A slot of two: it uses one GPU.
        Example(
            params={"map": "21051.mrc", "home": "CryoREAD", "contour": 0.3, "resolution": 3.7},
            gpus=(3, 4),
            argv=(
                *("python3", "CryoREAD/main.py", "--mode", "0", "-F", "21051.mrc"),
                *("-M", "CryoREAD/best_model", "--output", "21051_cryoread", "--contour", "0.3"),
                *("--resolution", "3.7", "--batch_size", "8", "--stride", "32"),
                *("--num_workers", "4", "--rule_soft", "0", "--thread", "1", "--no_seqinfo"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={"map": "21051.mrc", "home": "CryoREAD", "sequence": "21051.fasta",
                    "batch": 4, "threads": 4, "refine": True},
            gpus=(0,),
            argv=(
                *("python3", "CryoREAD/main.py", "--mode", "0", "-F", "21051.mrc"),
                *("-M", "CryoREAD/best_model", "--output", "21051_cryoread", "--contour", "0.0"),
                *("--resolution", "2.5", "--batch_size", "4", "--stride", "32"),
                *("--num_workers", "4", "--rule_soft", "0", "--thread", "4"),
                *("-P", "21051.fasta", "--refine"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0"},
        ),
    ),
    licence=facts.LICENCE,
    citation="Wang et al., Nat. Methods (2023), doi:10.1038/s41592-023-02032-5",
    source="github.com/kiharalab/CryoREAD 5c49c2f main.py, ops/argparser.py, "
    f"graph/Build_Unet_Graph.py, README.md{facts.PLUGIN}protocol_cryoread.py",
    unverified=(facts.UNRUN, facts.NO_VERSION),
)  # fmt: skip
