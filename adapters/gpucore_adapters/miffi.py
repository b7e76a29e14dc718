"""Miffi: sort micrographs by what their power spectra show, on one GPU."""

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
    Output,
    Param,
    Program,
    Template,
    Version,
)

_LISTS = (".star", ".csg", ".txt", ".pkl")

MIFFI_INFERENCE = Adapter(
    name="miffi_inference",
    title="Miffi: label micrographs by a neural network (film, cracks, ice, contamination)",
    family="Miffi",
    homepage="https://github.com/ando-lab/miffi",
    program=Program(
        executable="miffi",
        version=Version(args=("--version",), regex=r"version: (\S+)"),
        install="pip install miffi",
    ),
    # Scipion may pass two numbers, which its parser refuses.
    gpu=Gpu(use=GpuUse.OPTIONAL, form="space", max=1, memory_note="more for larger batches"),
    # The name of its result holds the time.
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s", "inference",
            Group(where={"micrographs": _LISTS}, args=("-f", "%(micrographs)s")),
            Group(where={"micrographs": _LISTS}, when="root", args=("-d", "%(root)s")),
            Group(where={"micrographs": _LISTS}, unless="root",
                  args=("-d", "%(micrographs.dir)s")),
            Group(unless="micrographs", suffix=_LISTS,
                  args=("--micdir", "%(micrographs)s", "-w", "%(pattern)s")),
            "-o", ".",
            Group(args=("-p", "%(pixel_size)s")),
            "--downsample-pixel-size", "%(scaled_pixel_size)s",
            Group(args=("-s", "%(splits)s")),
            "-m", "%(models)s", "--model-name", "%(model)s",
            "-b", "%(batch)s", "-n", "%(workers)s",
            Group(when="gpu", args=("-g", "%(GPU)s")),
            Group(when="cpu", args=("--use-cpu",)),
        ),
    ),
    params={
        "micrographs": Param(type="path", item=True, check="any",
                             help="folder of micrographs, or a list of them: .star, .csg, .txt, "
                             ".pkl"),
        "root": Param(type="path", optional=True, check="directory",
                      help="folder that the names of the list begin in; that of the list when "
                      "left out"),
        "pattern": Param(type="string", default="*.mrc", help="names of micrographs in a folder"),
        "out": Param(type="path", output="%(micrographs.stem)s_miffi.pkl", suffix=(".pkl",),
                     help="labels and their confidence, for `miffi categorize`"),
        "models": Param(type="path", check="directory",
                        help="folder of its networks (miffi download)"),
        "model": Param(type="choice", default="miffi_v1",
                       choices=("miffi_v1", "miffi_no_ps_v1", "miffi_no_pretrain_no_ps_v1"),
                       help="network"),
        "pixel_size": Param(type="float", unit="Å", optional=True, above=0, max=100,
                            help="pixel size; that of the files' headers when left out"),
        "scaled_pixel_size": Param(type="float", unit="Å", default=1.5, above=0,
                                   help="micrographs are scaled to this"),
        "splits": Param(type="int", optional=True, min=1,
                        help="most squares that a micrograph is cut into"),
        "batch": Param(type="int", default=8, min=1,
                       help="micrographs at once; fewer need less memory"),
        "workers": Param(type="int", default=8, min=0, help="processes that read"),
    },
    output=(Output(name="out", made="inference_result_*.pkl"),),
    failure=(
        Failure(match=r"CUDA not available for torch! Using CPU", when="gpu", effect="warn",
                class_=FailureClass.CPU_FALLBACK,
                hint="it ran on the CPU while it held a GPU: its PyTorch must fit the driver"),
        Failure(match=r"CUDA out of memory|OutOfMemoryError", class_=FailureClass.OUT_OF_MEMORY,
                hint="a smaller `batch`"),
        Failure(match=r"invalid device ordinal|No CUDA GPUs are available",
                class_=FailureClass.NO_DEVICE),
        Failure(match=r"No micrograph (found|input)|Invalid original micrograph pixel size",
                class_=FailureClass.BAD_INPUT),
        Failure(match=r"Model file \S+ cannot be found", class_=FailureClass.BAD_INPUT,
                hint="miffi download -d FOLDER"),
        Failure(match=r"^ModuleNotFoundError|^ImportError", class_=FailureClass.NOT_STARTED,
                hint="start it in Miffi's own environment"),
    ),
    success_match=r"All done$",
    example=(
        Example(
            params={"micrographs": "mics", "models": "models"},
            gpus=(1,),
            argv=(
                "miffi", "inference", "--micdir", "mics", "-w", "*.mrc", "-o", ".",
                "--downsample-pixel-size", "1.5", "-m", "models", "--model-name", "miffi_v1",
                "-b", "8", "-n", "8", "-g", "1",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"micrographs": "job/mics.star", "root": "project", "models": "models",
                    "pixel_size": 0.885},
            argv=(
                "miffi", "inference", "-f", "job/mics.star", "-d", "project", "-o", ".",
                "-p", "0.885", "--downsample-pixel-size", "1.5", "-m", "models",
                "--model-name", "miffi_v1", "-b", "8", "-n", "8", "--use-cpu",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence="GPL-3.0",
    citation="Xu and Ando, J. Struct. Biol. 216 (2024) 108072, doi:10.1016/j.jsb.2024.108072",
    source="miffi 1.0.1 of PyPI, miffi/inference.py, miffi/utils.py; scipion-em-miffi 71727ae "
    "protocol_miffi.py",
    unverified=("never run here",),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer this program."""
    return (MIFFI_INFERENCE,)
