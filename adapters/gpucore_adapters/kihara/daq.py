"""DAQ: judge a protein model in its map, residue by residue."""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Link, Output, Param, Template
from gpucore_adapters.shell_names import PLAIN_NAME

from . import facts

__all__ = ["DAQ"]

# It compiles two programs of its own at each start, below the working folder, and deletes what was
# there. So each step has their sources in a folder of its own, and none takes another's program.
_SOURCES = {
    "process_map/gen_trimmap": (
        *("Makefile", "main.c", "chkcmdline.c", "mrc.c", "readpdb.c"),
        *("struct.h", "func.h", "mrc.h", "mrcfft.h"),
    ),
    "assign_score": (
        *("Makefile", "main.c", "chkcmdline.c", "mrc.c", "readpdb.c", "thread.c", "dp.c"),
        *("deep.c", "pulchra_func.c", "struct.h", "func.h", "mrc.h", "thread.h", "dp.h"),
        *("deep.h", "pulchra_func.h"),
    ),
}

DAQ = Adapter(
    name="daq",
    family=facts.FAMILY,
    title="DAQ: score a protein model in its map, residue by residue",
    homepage="https://github.com/kiharalab/DAQ",
    program=facts.python("DAQ"),
    gpu=facts.GPU,
    command=Template(
        own_directory=True,
        argv=(
            *("%(EXE)s", "%(home)s/main.py", "--mode", "0", "-F", "%(map)s", "-P", "%(model)s"),
            *("-M", "%(home)s/best_model/qa_model/Multimodel.pth", "--output", "%(out)s"),
            *("--stride", "%(stride)s", "--voxel_size", "%(box)s", "--batch_size", "%(batch)s"),
            *("--cardinality", "%(cardinality)s", "--window", "%(window)s"),
        ),
    ),
    link=tuple(
        Link(name=f"{folder}/{name}", target=f"%(home)s/{folder}/{name}")
        for folder, names in _SOURCES.items()
        for name in names
    ),
    params={
        "model": Param(
            type="path", item=True, suffix=(".pdb",), blanks=False,
            pattern=PLAIN_NAME, help="protein model"
        ),
        "map": Param(
            type="path", suffix=(".mrc",), check="mrc", blanks=False, pattern=PLAIN_NAME,
            help="its map; of a pixel of 1 Å it need not be resampled",
        ),
        "home": facts.home("DAQ, with main.py; a C compiler and make must be there, too"),
        "out": Param(
            type="path", output="%(model.stem)s_daq", check="directory", blanks=False,
            pattern=PLAIN_NAME,
            help="folder of the results",
        ),
        "window": Param(
            type="int", unit="residues", default=9, min=0, help="smooth over so many on each side"
        ),
        "stride": Param(type="int", unit="Å", default=1, min=1, help="step through the map"),
        "box": Param(
            type="int", unit="Å", default=11, min=3, advanced=True, help="box around each point"
        ),
        "batch": facts.batch(256),
        "cardinality": Param(
            type="int", default=32, min=1, advanced=True, help="cardinality of the network"
        ),
    },
    output=(
        Output(name="scores", path="%(out)s/daq_score_w%(window)s.pdb"),
        Output(name="raw_scores", path="%(out)s/daq_raw_score.pdb"),
    ),
    failure=facts.FAILURES,
    example=(
        Example(
            params={"model": "3J6B_9.pdb", "map": "2566_3J6B_9.mrc", "home": "DAQ", "stride": 2},
            gpus=(1,),
            argv=(
                *("python3", "DAQ/main.py", "--mode", "0", "-F", "2566_3J6B_9.mrc"),
                *("-P", "3J6B_9.pdb", "-M", "DAQ/best_model/qa_model/Multimodel.pth"),
                *("--output", "3J6B_9_daq", "--stride", "2", "--voxel_size", "11"),
                *("--batch_size", "256", "--cardinality", "32", "--window", "9"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
        Example(
            params={"model": "m.pdb", "map": "m.mrc", "home": "DAQ", "batch": 64, "window": 0},
            gpus=(0, 1),
            argv=(
                *("python3", "DAQ/main.py", "--mode", "0", "-F", "m.mrc"),
                *("-P", "m.pdb", "-M", "DAQ/best_model/qa_model/Multimodel.pth"),
                *("--output", "m_daq", "--stride", "1", "--voxel_size", "11"),
                *("--batch_size", "64", "--cardinality", "32", "--window", "0"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0"},
        ),
    ),
    licence=facts.LICENCE,
    citation="Terashi et al., Nat. Methods 19 (2022) 1116-1125, doi:10.1038/s41592-022-01574-4",
    source="github.com/kiharalab/DAQ 3609ed6 main.py, ops/argparser.py, "
    f"data_processing/generate_trimmap.py, README.md{facts.PLUGIN}protocol_daq.py",
    unverified=(facts.UNRUN, facts.NO_VERSION, "the GPU memory that it needs"),
)  # fmt: skip
