"""DeepMainMast: build a protein's main chain into a map; a script of many programs."""

from __future__ import annotations

from dataclasses import replace

from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Group,
    Output,
    Param,
    Program,
    Template,
)
from gpucore_adapters.shell_names import PLAIN_NAME

from . import facts

__all__ = ["DEEPMAINMAST"]

DEEPMAINMAST = Adapter(
    name="deepmainmast",
    family=facts.FAMILY,
    title="DeepMainMast: build a protein of known sequence into a map",
    homepage="https://github.com/kiharalab/DeepMainMast",
    program=Program(
        executable="dmm_full_multithreads.sh",
        install="git clone https://github.com/kiharalab/DeepMainMast",
    ),
    # Its script has no option for a GPU: its network takes the first that it sees.
    gpu=replace(
        facts.GPU,
        memory=12288,
        memory_note="and 50 GB of the machine's memory, 200 GB above 3000 residues",
    ),
    command=Template(
        own_directory=True,
        argv=(
            *("%(EXE)s", "-p", "%(home)s", "-m", "%(map)s", "-f", "%(sequence)s"),
            *("-c", "%(contour)s", "-o", "%(out)s", "-t", "%(trace_time)s"),
            *("-T", "%(assembly_time)s", "-C", "%(threads)s", "-M", "%(threads_task)s"),
            Group(args=("-A", "%(alphafold)s")),
            Group(args=("-x", "%(rosetta)s")),
            Group(when="homo_oligomer", args=("-H",)),
            Group(when="fast", args=("-F",)),
        ),
    ),
    params={
        "map": Param(
            type="path", item=True, suffix=(".mrc",), check="mrc", blanks=False,
            pattern=PLAIN_NAME, help="map"
        ),
        "sequence": Param(type="path", blanks=False,
                          pattern=PLAIN_NAME, help="FASTA file of all chains"),
        "home": facts.home("DeepMainMast, with server_bin"),
        "contour": Param(type="float", min=0, help="density that counts at least"),
        "out": Param(
            type="path", output="%(map.stem)s_deepmainmast", check="directory", blanks=False,
            pattern=PLAIN_NAME,
            help="folder of the results",
        ),
        "trace_time": Param(
            type="int", unit="s", default=600, min=1, help="time for each search of a main chain"
        ),
        "assembly_time": Param(
            type="int", unit="s", default=600, min=1, help="time for each assembly of fragments"
        ),
        "threads": Param(type="int", default=8, min=1, help="CPU cores"),
        "threads_task": Param(
            type="int", default=4, min=1, no_more_than="threads", help="CPU cores of each task"
        ),
        "alphafold": Param(
            type="path", optional=True, suffix=(".pdb",), blanks=False, pattern=PLAIN_NAME,
            help="model by AlphaFold that is used, too",
        ),
        "rosetta": Param(
            type="path", optional=True, check="directory", blanks=False, pattern=PLAIN_NAME,
            help="folder of Rosetta: build all atoms; else the main chain alone",
        ),
        "homo_oligomer": Param(
            type="bool", default=False, help="chains of one sequence: refine which is which"
        ),
        "fast": Param(type="bool", default=False, help="try fewer parameters"),
    },
    output=(
        Output(name="model", path="%(out)s/DeepMainmast.pdb"),
        Output(name="done", path="%(out)s/done.out", match=r"DONE"),
    ),
    success_match=r"DeepMainmast Computation Done",
    failure=(
        # Its script ends with exit code 0 all the same.
        Failure(
            match=r"ERROR : Emap2sf failed",
            class_=FailureClass.PROGRAM_FAULT,
            hint="the network did not run: the log above says why",
            effect="fail",
        ),
        Failure(match=r"^Can not find |Missing Value for", class_=FailureClass.BAD_INPUT),
        *facts.FAILURES,
    ),
    example=(
        Example(
            params={"map": "3j9sA.mrc", "sequence": "3j9sA.fasta", "home": "DeepMainMast",
                    "contour": 0.01, "threads_task": 8},
            gpus=(3,),
            argv=(
                *("dmm_full_multithreads.sh", "-p", "DeepMainMast", "-m", "3j9sA.mrc"),
                *("-f", "3j9sA.fasta", "-c", "0.01", "-o", "3j9sA_deepmainmast", "-t", "600"),
                *("-T", "600", "-C", "8", "-M", "8"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={"map": "emd_1461.mrc", "sequence": "emd_1461.fasta", "home": "DeepMainMast",
                    "contour": 0.3, "trace_time": 1200, "homo_oligomer": True,
                    "alphafold": "af2.pdb", "rosetta": "rosetta"},
            gpus=(0, 1),
            argv=(
                *("dmm_full_multithreads.sh", "-p", "DeepMainMast", "-m", "emd_1461.mrc"),
                *("-f", "emd_1461.fasta", "-c", "0.3", "-o", "emd_1461_deepmainmast"),
                *("-t", "1200", "-T", "600", "-C", "8", "-M", "4", "-A", "af2.pdb"),
                *("-x", "rosetta", "-H"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0"},
        ),
    ),
    licence=facts.LICENCE,
    citation="Terashi et al., Nat. Methods 21 (2024) 122-131, doi:10.1038/s41592-023-02099-0",
    source="github.com/kiharalab/DeepMainMast 206b31c dmm_full_multithreads.sh, README.md"
    f"{facts.PLUGIN}protocol_dmm.py",
    unverified=(facts.UNRUN, facts.NO_VERSION, "volume and pages of its citation"),
)  # fmt: skip
