"""Emap2sec+: secondary structure, DNA and RNA in maps of 5 to 10 Å."""

from __future__ import annotations

from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Group,
    Link,
    Output,
    Param,
    Template,
)
from gpucore_adapters.shell_names import PLAIN_NAME

from . import facts

__all__ = ["EMAP2SECPLUS"]

EMAP2SECPLUS = Adapter(
    name="emap2secplus",
    family=facts.FAMILY,
    title="Emap2sec+: find secondary structure, DNA and RNA in a map of 5 to 10 Å",
    homepage="https://github.com/kiharalab/Emap2secPlus",
    program=facts.python("Emap2secPlus"),
    gpu=facts.GPU,
    command=Template(
        own_directory=True,
        argv=(
            *("%(EXE)s", "%(home)s/main.py", "-F", "%(map)s", "--output_folder", "%(out)s"),
            Group(unless="vote", args=("--mode", "0", "--fold", "%(network)s")),
            Group(when="vote", args=("--mode", "2")),
            *("--type", "%(kind)s", "-M", "%(networks)s", "--contour", "%(contour)s"),
            *("--batch_size", "%(batch)s", "--class", "4"),
            # It would compile a program below the working folder at each start.
            "--no_compilation",
        ),
    ),
    link=(
        Link(name="process_map/bin/map2train", target="%(home)s/process_map/bin/map2train"),
    ),
    params={
        "map": Param(
            type="path", item=True, suffix=(".mrc", ".map"), check="mrc", blanks=False,
            pattern=PLAIN_NAME, help="map"
        ),
        "home": facts.home("Emap2sec+, with main.py; `make` was called in its process_map once"),
        "networks": Param(
            type="path", check="directory", help="folder of the trained networks (Zenodo)"
        ),
        "out": Param(
            type="path", output="%(map.stem)s_emap2sec", check="directory", blanks=False,
            pattern=PLAIN_NAME,
            help="folder of the results",
        ),
        "kind": Param(
            type="choice", choices=("0", "1", "2", "3"), default="3",
            help="3: a map by experiment; simulated, 0: at 6 Å, 1: at 10 Å, 2: between",
        ),
        "vote": Param(
            type="bool", default=False,
            help="let four networks vote; for maps by experiment only",
        ),
        "network": Param(
            type="int", default=1, min=1, max=4, help="which of the four, without a vote"
        ),
        "contour": Param(type="float", default=0.0, help="density that counts at least"),
        "batch": facts.batch(256),
    },
    output=(
        Output(name="prediction", path="%(out)s/input_phase2pred.txt", unless="vote"),
        Output(name="picture", path="%(out)s/Phase2/inputPhase2_pred.pdb", unless="vote"),
        Output(name="prediction", path="%(out)s/input_final_pred.txt", when="vote"),
        Output(name="picture", path="%(out)s/Final/inputFinal_pred.pdb", when="vote"),
    ),
    failure=(
        Failure(
            match=r"map2train: (?:not found|No such file)",
            class_=FailureClass.NOT_STARTED,
            hint="call `make` in the process_map of `home` once",
        ),
        *facts.FAILURES,
    ),
    example=(
        Example(
            params={"map": "6BJS.mrc", "home": "Emap2secPlus", "networks": "nets", "network": 3,
                    "contour": 0.006},
            gpus=(2,),
            argv=(
                *("python3", "Emap2secPlus/main.py", "-F", "6BJS.mrc"),
                *("--output_folder", "6BJS_emap2sec", "--mode", "0", "--fold", "3"),
                *("--type", "3", "-M", "nets", "--contour", "0.006", "--batch_size", "256"),
                *("--class", "4", "--no_compilation"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        Example(
            params={"map": "5WCB.mrc", "home": "Emap2secPlus", "networks": "nets", "vote": True,
                    "contour": 0.0332},
            gpus=(0, 1),
            argv=(
                *("python3", "Emap2secPlus/main.py", "-F", "5WCB.mrc"),
                *("--output_folder", "5WCB_emap2sec", "--mode", "2", "--type", "3"),
                *("-M", "nets", "--contour", "0.0332", "--batch_size", "256"),
                *("--class", "4", "--no_compilation"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0"},
        ),
    ),
    licence="GPL-3.0 for academic use; another for commercial use",
    citation="Wang et al., Nat. Commun. 12 (2021) 2302, doi:10.1038/s41467-021-22577-3",
    source="github.com/kiharalab/Emap2secPlus f29a105 main.py, ops/argparser.py, "
    f"process_map/Build_Map.py, evaluate/{facts.PLUGIN}protocol_emap2sec.py",
    unverified=(facts.UNRUN, facts.NO_VERSION, "the GPU memory that it needs"),
)  # fmt: skip
