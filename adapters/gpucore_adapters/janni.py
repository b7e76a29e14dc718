"""JANNI: denoise a micrograph, or the average of a movie, on one GPU.

It looks for images below a folder: told a file, it does nothing and ends with exit code 0. So it
is told a folder of the step's own that holds a link.
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

_SUFFIXES = (".mrc", ".mrcs", ".tif", ".tiff")

JANNI_DENOISE = Adapter(
    name="janni_denoise",
    title="JANNI: denoise a micrograph by a neural network",
    family="JANNI",
    homepage="https://github.com/MPI-Dortmund/sphire-janni",
    program=Program(
        executable="janni_denoise.py", install="pip install janni (Python before 3.9)"
    ),
    # It writes the number into CUDA_VISIBLE_DEVICES.
    gpu=Gpu(use=GpuUse.OPTIONAL, form="space", max=1, overwrites_mask=True,
            sharing="discouraged", memory_note="8 GB or more for a batch of 4"),
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s", "denoise", "-ol", "%(overlap)s", "-bs", "%(batch)s",
            Group(when="gpu", args=("-g", "%(GPU)s")),
            "in", "out", "%(model)s",
        ),
    ),
    params={
        "mic": Param(type="path", item=True, suffix=_SUFFIXES,
                     help="aligned micrograph, or a movie, whose even and odd frames are "
                     "denoised and added"),
        "out": Param(type="path", output="%(mic.stem)s_janni.mrc", suffix=_SUFFIXES,
                     help="denoised micrograph, in the format of `mic`"),
        "model": Param(type="path", suffix=(".h5",), help="trained network"),
        "overlap": Param(type="int", unit="pixels", default=24, min=0,
                         help="overlap of patches; more when a grid is seen"),
        "batch": Param(type="int", default=4, min=1,
                       help="patches at once; fewer need less of the GPU's memory"),
    },
    link=(Link(name="in/mic%(mic.suffix)s", target="%(mic)s"),),
    # It puts the folder of the input below its output, too.
    output=(
        Output(name="out", made="out/in/mic%(mic.suffix)s", check="mrc",
               where={"mic": (".mrc", ".mrcs")}),
        Output(name="out", made="out/in/mic%(mic.suffix)s", where={"mic": (".tif", ".tiff")}),
    ),
    failure=(
        Failure(match=r"^Error on loading model|^Not supported model", effect="fail",
                class_=FailureClass.BAD_INPUT, hint="`model` is no network of JANNI"),
        Failure(match=r"ResourceExhaustedError|OOM when allocating",
                class_=FailureClass.OUT_OF_MEMORY, hint="a smaller `batch`"),
        Failure(match=r"CUDA_ERROR_NO_DEVICE|no CUDA-capable device is detected", when="gpu",
                class_=FailureClass.CPU_FALLBACK, effect="warn",
                hint="TensorFlow saw no GPU: its CUDA libraries must fit"),
        Failure(match=r"ModuleNotFoundError|ImportError", class_=FailureClass.NOT_STARTED,
                hint="start it in JANNI's own environment"),
    ),
    success_match=r"^Write denoised image in",
    example=(
        Example(
            params={"mic": "m1.mrc", "model": "janni.h5"},
            gpus=(2,),
            argv=("janni_denoise.py", "denoise", "-ol", "24", "-bs", "4", "-g", "2", "in", "out",
                  "janni.h5"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"mic": "m2.tif", "out": "m2.tif.tif", "model": "janni.h5", "batch": 2},
            argv=("janni_denoise.py", "denoise", "-ol", "24", "-bs", "2", "in", "out",
                  "janni.h5"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence="MIT",
    citation="Wagner and Raunser, Commun. Biol. 3 (2020) 61, doi:10.1038/s42003-020-0790-y",
    source="janni 0.3.1 of PyPI, janni/jmain.py, janni/predict.py",
    unverified=("never run here",),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer this program."""
    return (JANNI_DENOISE,)
