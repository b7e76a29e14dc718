"""EMReady: improve a map. It writes CUDA_VISIBLE_DEVICES itself.

Its start script splits names at blanks and wildcards, so it sees none but those of links.
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
    Version,
)

_HOMEPAGE = "https://github.com/huang-laboratory/EMReady"

EMREADY = Adapter(
    name="emready",
    title="EMReady: improve a map by a neural network",
    family="EMReady",
    homepage=_HOMEPAGE,
    program=Program(
        executable="EMReady.sh",
        version=Version(args=("--version",), regex=r"EMReady version (\S+)"),
        install=_HOMEPAGE,
    ),
    gpu=Gpu(use=GpuUse.OPTIONAL, form="comma", overwrites_mask=True, memory=10240,
            memory_note="a GPU of 40 GB bears a `batch` of 200"),
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s", "map.mrc", "improved.mrc",
            Group(when="gpu", args=("-g", "%(GPU)s")),
            Group(when="cpu", args=("--use_cpu",)),
            "-s", "%(stride)s", "-b", "%(batch)s",
            Group(when="mask", args=("-m", "mask.mrc", "-c", "%(mask_threshold)s")),
            Group(when="structure",
                  args=("-p", "structure%(structure.suffix)s", "-r", "%(radius)s")),
            Group(when="inverse", args=("--inverse",)),
        ),
    ),
    params={
        "map": Param(type="path", item=True, check="mrc", help="map"),
        "out": Param(type="path", output="%(map.stem)s_emready.mrc", check="mrc",
                     help="improved map, on the grid of `map`"),
        "stride": Param(type="int", unit="voxels", default=12, min=6, max=48,
                        help="step between boxes of 48 voxels; smaller is slower and smoother"),
        "batch": Param(type="int", default=10, min=1,
                       help="boxes at once; fewer need less of the GPU's memory"),
        "mask": Param(type="path", optional=True, check="mrc", help="mask; not with `structure`"),
        "mask_threshold": Param(type="float", default=0.0,
                                help="threshold that makes the mask one of ones and zeros"),
        "structure": Param(type="path", optional=True, suffix=(".pdb", ".cif"),
                           help="model that the mask is made around; not with `mask`"),
        "radius": Param(type="float", unit="Å", default=4.0, above=0,
                        help="radius around the model's atoms"),
        "inverse": Param(type="bool", default=False, help="turn the mask round"),
    },
    link=(
        Link(name="map.mrc", target="%(map)s"),
        Link(name="mask.mrc", target="%(mask)s"),
        Link(name="structure%(structure.suffix)s", target="%(structure)s"),
    ),
    output=(Output(name="out", made="improved.mrc", check="mrc"),),
    failure=(
        Failure(match=r"CUDA out of memory|OutOfMemoryError", class_=FailureClass.OUT_OF_MEMORY,
                hint="a smaller `batch`"),
        Failure(match=r"RuntimeError: CUDA not available|invalid device ordinal",
                class_=FailureClass.NO_DEVICE),
        Failure(match=r"cannot be provided at the same time|Unknown type for structure file",
                class_=FailureClass.BAD_INPUT),
        Failure(match=r"^ERROR: (Please set|Cannot activate)|ModuleNotFoundError|ImportError",
                class_=FailureClass.NOT_STARTED,
                hint="set EMReady_home, activate and EMReady_env in EMReady.sh"),
    ),
    success_match=r"^# Saving the processed map",
    example=(
        Example(
            params={"map": "map.mrc"},
            gpus=(3,),
            argv=("EMReady.sh", "map.mrc", "improved.mrc", "-g", "3", "-s", "12", "-b", "10"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"map": "map.mrc", "mask": "m.mrc", "mask_threshold": 0.5, "batch": 50},
            gpus=(0, 1),
            argv=("EMReady.sh", "map.mrc", "improved.mrc", "-g", "0,1", "-s", "12", "-b", "50",
                  "-m", "mask.mrc", "-c", "0.5"),
        ),
        Example(
            params={"map": "map.mrc", "structure": "model.cif", "stride": 24},
            argv=("EMReady.sh", "map.mrc", "improved.mrc", "--use_cpu", "-s", "24", "-b", "10",
                  "-p", "structure.cif", "-r", "4.0"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence="GPL-3.0",
    citation="He et al., Nat. Commun. 14 (2023) 3217, doi:10.1038/s41467-023-39031-1",
    source="github.com/huang-laboratory/EMReady bd4d62d (1.3) EMReady.sh, pred.py, README.md; "
    "scipion-em-emready dd411bc",
    unverified=("never run here", "EMReady 2, whose tar file is not on GitHub"),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer this program."""
    return (EMREADY,)
