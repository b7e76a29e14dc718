"""TARDIS: segment membranes, microtubules and actin in tomograms, on one GPU.

It writes into a folder Predictions beside its input, so it gets a folder of the step's own that
holds a link. Its errors end with exit code 0.
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

_SUFFIXES = (".mrc", ".rec", ".map", ".tif", ".tiff", ".am")

_ARGS = (
    "%(EXE)s", "-dir", "in",
    Group(when="is_mask", args=("-ms", "True")),
    Group(args=("-px", "%(pixel_size)s")),
    Group(args=("-norm_px", "%(scaled_pixel_size)s")),
    Group(args=("-cch", "%(cnn_weights)s")),
    Group(args=("-dch", "%(dist_weights)s")),
    Group(when="local_only", args=("-local", "True")),
    Group(args=("-mv", "%(model_version)s")),
    "-out", "%(semantic)s_%(instances)s",
    "-ps", "%(patch_size)s",
    "-rt", "%(rotate)s",
    "-ct", "%(cnn_threshold)s",
    "-dt", "%(dist_threshold)s",
    "-pv", "%(points)s",
)  # fmt: skip

_DEVICE = (
    Group(when="gpu", args=("-dv", "%(GPU)s")),
    Group(when="cpu", args=("-dv", "cpu")),
)

_FAILURES = (
    Failure(match=r"CUDA not available, falling back to CPU", when="gpu", effect="warn",
            class_=FailureClass.CPU_FALLBACK,
            hint="it ran on the CPU while it held a GPU: its PyTorch must fit the driver"),
    Failure(match=r"CUDA out of memory|OutOfMemoryError", class_=FailureClass.OUT_OF_MEMORY,
            hint="smaller patches, or fewer `points`"),
    Failure(match=r"invalid device ordinal|No CUDA GPUs are available",
            class_=FailureClass.NO_DEVICE),
    Failure(match=r"TARDIS (ERROR|WARNING) CODE: 1[123]", class_=FailureClass.BAD_INPUT,
            effect="fail"),
    Failure(match=r"TARDIS (ERROR|WARNING) CODE", class_=FailureClass.PROGRAM_FAULT,
            effect="fail"),
    Failure(match=r"ModuleNotFoundError|ImportError", class_=FailureClass.NOT_STARTED,
            hint="start it in its own environment"),
)  # fmt: skip

_MADE = "in/Predictions/tomogram"
_OUTPUTS = (
    Output(name="out", made="in/Predictions/prediction_log.txt"),
    *(
        Output(name="mask", path=f"%(out.base)s_semantic.{kind}",
               made=f"{_MADE}_semantic.{kind}", where={"semantic": (kind,)})
        for kind in ("mrc", "tif", "am", "npy")
    ),
    # There are none of these where nothing was found.
    Output(name="objects", path="%(out.base)s_instances.csv", made=f"{_MADE}_instances.csv",
           where={"instances": ("csv",)}, optional=True),
    Output(name="objects", path="%(out.base)s_SpatialGraph.am",
           made=f"{_MADE}_SpatialGraph.am", where={"instances": ("amSG",)}, optional=True),
    *(
        Output(name="objects", path=f"%(out.base)s_instance.{kind}",
               made=f"{_MADE}_instance.{kind}", where={"instances": (kind,)}, optional=True)
        for kind in ("mrc", "tif", "am", "npy")
    ),
    Output(name="objects", path="%(out.base)s.stl", made=f"{_MADE}.stl",
           where={"instances": ("stl",)}, optional=True),
)  # fmt: skip


def _params(instances: str) -> dict[str, Param]:
    """Return the parameters that all three have, with the usual form of their objects."""
    return {
        "tomogram": Param(type="path", item=True, suffix=_SUFFIXES,
                          help="tomogram, or a mask of it (is_mask)"),
        "out": Param(type="path", output="%(tomogram.stem)s_tardis.txt", suffix=(".txt",),
                     help="log, with the numbers of what was found; results are named after it"),
        "is_mask": Param(type="bool", default=False,
                         help="the input is a mask: only tell its objects apart"),
        "pixel_size": Param(type="float", unit="Å", optional=True, above=0,
                            help="pixel size; that of the header when left out"),
        "scaled_pixel_size": Param(type="float", unit="Å", optional=True, above=0,
                                   advanced=True, help="scale to this; by itself when left out"),
        "semantic": Param(type="choice", default="mrc",
                          choices=("None", "mrc", "am", "tif", "npy"),
                          help="form of the mask"),
        "instances": Param(type="choice", default=instances,
                           choices=("None", "csv", "mrc", "am", "amSG", "tif", "npy", "stl"),
                           help="form of the single objects; amSG: Amira's spatial graph"),
        "patch_size": Param(type="int", unit="voxels", default=128, min=16,
                            help="patches; fewer voxels need less of the GPU's memory"),
        "rotate": Param(type="bool", default=True, yes="True", no="False",
                        help="average over four turns: cleaner, and four times as long"),
        "cnn_threshold": Param(type="float", default=0.25, min=0, max=1,
                               help="threshold of the mask"),
        "dist_threshold": Param(type="float", default=0.5, min=0, max=1,
                                help="threshold of what belongs together"),
        "points": Param(type="int", default=900, min=1, advanced=True,
                        help="points that are told apart at once; fewer need less memory"),
        "cnn_weights": Param(type="path", optional=True, section="Networks",
                             help="network for the mask, instead of the one it fetches"),
        "dist_weights": Param(type="path", optional=True, section="Networks",
                              help="network for the objects, instead of the one it fetches"),
        "local_only": Param(type="bool", default=False, section="Networks",
                            help="fetch nothing from the net"),
        "model_version": Param(type="int", optional=True, min=1, section="Networks",
                               help="version of its networks; the latest when left out"),
    }  # fmt: skip


def _filaments(what: str) -> dict[str, Param]:
    """Return the parameters of filaments."""
    return {
        "min_length": Param(type="int", unit="Å", default=1000, min=0, section="Filaments",
                            help=f"shorter {what} are left out"),
        "connect_distance": Param(type="int", unit="Å", default=2500, min=0,
                                  section="Filaments",
                                  help="ends that face each other are joined within this"),
        "connect_radius": Param(type="int", unit="Å", default=250, min=0, section="Filaments",
                                help="radius of the cylinder in which the other end must lie"),
    }  # fmt: skip


_FILAMENT_ARGS = (
    "-fl", "%(min_length)s", "-cs", "%(connect_distance)s", "-cc", "%(connect_radius)s",
)  # fmt: skip


def _adapter(program: str, title: str, *, what: str, instances: str) -> Adapter:
    """Return the adapter of one of the three.

    Parameters
    ----------
    what : str
        The filaments that it looks for; empty for membranes.
    instances : str
        The usual form of its objects.
    """
    tail = ("-fl", "1000", "-cs", "2500", "-cc", "250") if what else ()
    usual = ("-ps", "128", "-rt", "True", "-ct", "0.25", "-dt", "0.5", "-pv", "900", *tail)
    return Adapter(
        name=program,
        title=title,
        family="TARDIS",
        homepage="https://smlc-nysbc.github.io/TARDIS",
        program=Program(
            executable=program,
            version=Version(args=("--version",), regex=r"version (\S+)"),
            install="pip install tardis-em",
        ),
        gpu=Gpu(use=GpuUse.OPTIONAL, form="space", max=1,
                memory_note="more for larger patches and more `points`"),
        command=Template(
            own_directory=True,
            argv=(*_ARGS, *(_FILAMENT_ARGS if what else ()), *_DEVICE),
        ),
        params={**_params(instances), **(_filaments(what) if what else {})},
        link=(Link(name="in/tomogram%(tomogram.suffix)s", target="%(tomogram)s"),),
        output=_OUTPUTS,
        failure=_FAILURES,
        example=(
            Example(
                params={"tomogram": "t1.mrc"},
                gpus=(2,),
                argv=(program, "-dir", "in", "-out", f"mrc_{instances}", *usual, "-dv", "2"),
                env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
            ),
            # A slot of two: it takes one.
            Example(
                params={"tomogram": "t2.rec", "instances": "mrc", "pixel_size": 13.4},
                gpus=(3, 1),
                argv=(program, "-dir", "in", "-px", "13.4", "-out", "mrc_mrc", *usual, "-dv",
                      "3"),
            ),
            Example(
                params={"tomogram": "t3.mrc", "semantic": "None", "local_only": True},
                argv=(program, "-dir", "in", "-local", "True", "-out", f"None_{instances}",
                      *usual, "-dv", "cpu"),
                env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
            ),
        ),
        licence="MIT",
        citation="Kiewisz et al., bioRxiv (2024), doi:10.1101/2024.12.19.629196",
        source=f"tardis-em 0.3.36 of PyPI, tardis_em/scripts/predict_{program[7:]}.py, "
        "tardis_em/utils/predictor.py, device.py, errors.py",
        unverified=(
            "never run here",
            "whether it writes the log when there is nothing but a mask",
            "whether its logging reaches standard output or error when no terminal is there",
        ),
    )  # fmt: skip


TARDIS_MEM = _adapter(
    "tardis_mem", "TARDIS: segment the membranes of a tomogram", what="", instances="csv"
)
TARDIS_MT = _adapter(
    "tardis_mt",
    "TARDIS: segment and trace the microtubules of a tomogram",
    what="microtubules",
    instances="amSG",
)
TARDIS_ACTIN = _adapter(
    "tardis_actin",
    "TARDIS: segment and trace the actin filaments of a tomogram",
    what="filaments",
    instances="amSG",
)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer the three programs."""
    return (TARDIS_MEM, TARDIS_MT, TARDIS_ACTIN)
