"""CryoTEN: enhance a map. Whatever goes wrong, it ends with exit code 0.

It starts a second program, `main.py` of its own folder, and looks for that where it runs.
"""

from collections.abc import Iterable

from gpucore.plugins import hookimpl
from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Gpu,
    GpuUse,
    Group,
    Link,
    Output,
    Param,
    Program,
    Template,
)

_HOMEPAGE = "https://github.com/jianlin-cheng/cryoten"

CRYOTEN = Adapter(
    name="cryoten",
    title="CryoTEN: enhance a map by a neural network",
    family="CryoTEN",
    homepage=_HOMEPAGE,
    program=Program(executable="python", install=_HOMEPAGE),
    # Its configuration takes every GPU that is seen: the mask says which.
    gpu=Gpu(use=GpuUse.COMPULSORY, form="none", memory_note="more for larger batches"),
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s", "%(home)s/eval.py", "map.mrc", "enhanced.mrc",
            "--batch_size", "%(batch)s", "--config", "%(home)s/configs/cryoten.yaml",
            Group(args=("--ckpt_path", "%(model)s")),
            Group(unless="model", args=("--ckpt_path", "%(home)s/cryoten.ckpt")),
        ),
    ),
    params={
        "map": Param(type="path", item=True, check="mrc", help="map"),
        "out": Param(type="path", output="%(map.stem)s_cryoten.mrc", check="mrc",
                     help="enhanced map"),
        "home": Param(type="path", check="directory", help="folder of CryoTEN, a git checkout"),
        "model": Param(type="path", optional=True, suffix=(".ckpt",),
                       help="trained network; cryoten.ckpt of `home` when left out"),
        "batch": Param(type="int", default=90, min=1,
                       help="blocks at once; fewer need less of the GPU's memory"),
    },
    link=(
        Link(name="map.mrc", target="%(map)s"),
        Link(name="main.py", target="%(home)s/main.py"),
    ),
    output=(Output(name="out", made="enhanced.mrc", check="mrc"),),
    failure=(
        Failure(match=r"CUDA out of memory|OutOfMemoryError", class_=FailureClass.OUT_OF_MEMORY,
                effect="fail", hint="a smaller `batch`"),
        Failure(match=r"No supported gpu backend found|No CUDA GPUs are available"
                      r"|GPU available: False",
                class_=FailureClass.NO_DEVICE, effect="fail",
                hint="its PyTorch sees no GPU: it must fit the driver"),
        Failure(match=r"^Error: Given map path does not exist", class_=FailureClass.BAD_INPUT,
                effect="fail"),
        Failure(match=r"^(Output|number of predictions) .*match|^==> Failed to generated map"
                      r"|^Error: ", class_=FailureClass.PROGRAM_FAULT, effect="fail"),
        Failure(match=r"ModuleNotFoundError|ImportError", class_=FailureClass.NOT_STARTED,
                hint="its executable must be the Python of CryoTEN's own environment"),
    ),
    success_match=r"^==> Successfully generated map",
    example=(
        Example(
            params={"map": "map.mrc", "home": "cryoten"},
            gpus=(2,),
            argv=("python", "cryoten/eval.py", "map.mrc", "enhanced.mrc", "--batch_size", "90",
                  "--config", "cryoten/configs/cryoten.yaml", "--ckpt_path",
                  "cryoten/cryoten.ckpt"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        Example(
            params={"map": "map.mrc", "home": "cryoten", "model": "mine.ckpt", "batch": 40},
            gpus=(0, 3),
            argv=("python", "cryoten/eval.py", "map.mrc", "enhanced.mrc", "--batch_size", "40",
                  "--config", "cryoten/configs/cryoten.yaml", "--ckpt_path", "mine.ckpt"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,3"},
        ),
    ),
    licence="none is named in its repository",
    citation="Selvaraj et al., bioRxiv (2024), doi:10.1101/2024.09.06.611715",
    source="github.com/jianlin-cheng/cryoten b9089be eval.py, main.py, configs/cryoten.yaml, "
    "src/callbacks/predictionwriter.py",
    unverified=(
        "never run here; messages of Lightning are from its own source",
        "its licence",
        "it opens the map for writing: of a map that may only be read the last step fails",
    ),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer this program."""
    return (CRYOTEN,)
