"""lattice-sub: remove the signal of a crystal from a micrograph, on the first GPU that it sees."""

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

LATTICE_SUB = Adapter(
    name="lattice_sub",
    title="lattice-sub: remove the lattice of a crystal from a micrograph",
    family="lattice-sub",
    homepage="https://github.com/gsstephenson/cryoem-lattice-subtraction",
    program=Program(
        executable="lattice-sub",
        version=Version(args=("--version",), regex=r"version (\S+)"),
        install="pip install lattice-sub",
    ),
    # It has a switch for the CPU and none for a device.
    gpu=Gpu(use=GpuUse.OPTIONAL, form="none", max=1),
    command=Template(
        argv=(
            "%(EXE)s", "process", "%(mic)s", "-o", "%(out)s", "-p", "%(pixel_size)s",
            Group(args=("-t", "%(threshold)s")),
            "--inside-radius", "%(inside)s",
            Group(args=("--outside-radius", "%(outside)s")),
            Group(when="diagnostics", args=("--diagnostics",)),
            Group(when="cpu", args=("--cpu",)),
            "--quiet",
        ),
    ),
    params={
        "mic": Param(type="path", item=True, check="mrc", help="micrograph"),
        "out": Param(type="path", output="%(mic.stem)s_sub.mrc", check="mrc",
                     help="micrograph without the lattice"),
        "pixel_size": Param(type="float", unit="Å", above=0, max=100, help="pixel size"),
        "threshold": Param(type="float", optional=True, above=0,
                           help="what counts as a peak; found for each image when left out"),
        "inside": Param(type="float", unit="Å", default=90.0, above=0,
                        help="lowest resolution at which peaks are removed"),
        "outside": Param(type="float", unit="Å", optional=True, above=0,
                         help="highest one; from the pixel size when left out"),
        "diagnostics": Param(type="bool", default=False,
                             help="write the mask of the peaks and the power spectrum, too"),
    },
    output=(
        Output(name="peaks", path="%(out.base)s.mask.mrc", when="diagnostics"),
        Output(name="spectrum", path="%(out.base)s.power.mrc", when="diagnostics",
               optional=True),
    ),
    failure=(
        Failure(match=r"Running on CPU (\(run|with NumPy)", when="gpu", effect="warn",
                class_=FailureClass.CPU_FALLBACK,
                hint="lattice-sub setup-gpu installs a PyTorch for the GPU"),
        Failure(match=r"CUDA out of memory|OutOfMemoryError", class_=FailureClass.OUT_OF_MEMORY),
        Failure(match=r"^Usage: |does not exist", class_=FailureClass.BAD_INPUT),
        Failure(match=r"ModuleNotFoundError|ImportError", class_=FailureClass.NOT_STARTED,
                hint="start it in its own environment"),
    ),
    example=(
        Example(
            params={"mic": "m1.mrc", "pixel_size": 0.56},
            gpus=(1,),
            argv=("lattice-sub", "process", "m1.mrc", "-o", "m1_sub.mrc", "-p", "0.56",
                  "--inside-radius", "90.0", "--quiet"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
        Example(
            params={"mic": "m2.mrc", "pixel_size": 1.06, "threshold": 1.5,
                    "diagnostics": True},
            argv=("lattice-sub", "process", "m2.mrc", "-o", "m2_sub.mrc", "-p", "1.06", "-t",
                  "1.5", "--inside-radius", "90.0", "--diagnostics", "--cpu", "--quiet"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence="MIT",
    citation="Stephenson and Kasinath, lattice-sub, unpublished, "
    "https://github.com/gsstephenson/cryoem-lattice-subtraction",
    source="lattice-sub 1.5.6 of PyPI, run on the CPU; lattice_subtraction/cli.py, core.py",
    unverified=("never run on a GPU",),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer this program."""
    return (LATTICE_SUB,)
