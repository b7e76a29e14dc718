"""TIGRE's tigre_reconstruction.py: tomograms by many algorithms, iterative ones among them.

It is the command line of Scipion's plugin on the library TIGRE. Some of its algorithms (asd-pocs
and its kin, ba-gmres) pass --gpu over and use every GPU that they see, so it always sees one.
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
    Param,
    Program,
    Template,
    Value,
)
from gpucore_adapters.pytorch_failures import PYTORCH_FAILURES, out_of_memory

__all__ = ["TIGRE_RECONSTRUCTION", "gpucore_adapters"]

_EXACT = ("wbp", "fdk")
_STEPPING = ("sirt", "sart", "ossart")
_DESCENT = ("asd-pocs", "os-asd-pocs", "awasd-pocs")
_PROJECTED = ("pcsd", "awpcsd")
_KRYLOV = ("cgls", "lsqr", "lsmr", "hybrid-lsqr", "ab-gmres", "ba-gmres", "irn-tv-cgls")
_OTHERS = ("mlem", "fista", "sart-tv")

_LEAST: dict[str, Value] = {
    "series": "TS_01.mrc",
    "angles": "TS_01.tlt",
    "transforms": "TS_01.xf",
    "thickness": 300,
    "script": "tigre_reconstruction.py",
}
_GIVEN = ("python3", "tigre_reconstruction.py", "--tiltseries", "TS_01.mrc",
          "--angles", "TS_01.tlt", "--xf", "TS_01.xf", "--thickness", "300",
          "-o", "TS_01_tigre.mrc")  # fmt: skip

TIGRE_RECONSTRUCTION = Adapter(
    name="tigre_reconstruction",
    title="TIGRE tigre_reconstruction.py: reconstruct a tomogram on a GPU",
    family="TIGRE",
    homepage="https://github.com/CERN/TIGRE",
    program=Program(
        # The script cannot be started by itself.
        executable="python3",
        install="https://github.com/scipion-em/scipion-em-tigre",
    ),
    # It stops where another program has most of the GPU's memory.
    gpu=Gpu(use=GpuUse.COMPULSORY, form="space", ids="visible", max=1, sharing="forbidden"),
    command=Template(
        argv=(
            "%(EXE)s",
            "%(script)s",
            "--tiltseries", "%(series)s",
            "--angles", "%(angles)s",
            "--xf", "%(transforms)s",
            "--thickness", "%(thickness)s",
            "-o", "%(out)s",
            "--method", "%(method)s",
            Group(when="method", equals=_EXACT, args=("--filter", "%(filter)s")),
            Group(where={"method": (*_STEPPING, *_DESCENT, *_PROJECTED, *_KRYLOV, *_OTHERS)},
                  when="iterations", args=("--iter", "%(iterations)s")),
            Group(where={"method": (*_STEPPING, *_DESCENT, "lsmr", "irn-tv-cgls")},
                  when="step", args=("--lambda", "%(step)s")),
            Group(where={"method": (*_STEPPING, *_DESCENT)},
                  when="step_reduction", args=("--lambdared", "%(step_reduction)s")),
            Group(where={"method": ("ossart", "os-asd-pocs", "awasd-pocs")},
                  when="block_size", args=("--blocksize", "%(block_size)s")),
            Group(when="method", equals=("ossart",), args=("--order", "%(order)s")),
            Group(where={"method": _DESCENT}, when="tv_weight", args=("--alpha", "%(tv_weight)s")),
            Group(where={"method": (*_DESCENT, "fista", "sart-tv")},
                  when="tv_iterations", args=("--tviter", "%(tv_iterations)s")),
            Group(where={"method": ("fista", "sart-tv")},
                  when="tv_strength", args=("--tvlambda", "%(tv_strength)s")),
            Group(unless="normalize", args=("--notNormalize",)),
            "--gpu", "%(GPU)s",
        ),
    ),
    params={
        "series": Param(type="path", item=True, check="mrc",
                        suffix=(".mrc", ".mrcs", ".st", ".ali"), help="tilt series"),
        "out": Param(type="path", output="%(series.stem)s_tigre.mrc", check="mrc",
                     help="tomogram"),
        # Of another suffix it would read no angles at all.
        "angles": Param(type="path", suffix=(".tlt",), help="tilt angles, one a line"),
        "transforms": Param(type="path", suffix=(".xf",),
                            help="transforms that align the images, one a line, as IMOD's"),
        "thickness": Param(type="int", unit="pixels", min=1, max=100000,
                           help="thickness of the tomogram"),
        "script": Param(type="path", suffix=(".py",),
                        help="tigre_reconstruction.py of the plugin's wrapper"),
        "method": Param(type="choice", default="wbp",
                        choices=(*_EXACT, *_STEPPING, *_DESCENT, *_PROJECTED, *_KRYLOV, *_OTHERS),
                        help="algorithm; wbp and fdk take one step, the others iterate"),
        "filter": Param(type="choice", default="ram_lak",
                        choices=("ram_lak", "shepp_logan", "cosine", "hamming", "hann"),
                        help="filter of wbp and fdk"),
        "normalize": Param(type="bool", default=True,
                           help="bring each image to mean 0 and standard deviation 1 first"),
        "iterations": Param(type="int", optional=True, min=1, max=100000, section="Iterations",
                            help="rounds; by the method when left out: 10 to 30, fista 100, mlem "
                            "500"),
        "step": Param(type="float", optional=True, above=0, max=1000, section="Iterations",
                      help="length of a step; 1, and 5 of irn-tv-cgls, when left out"),
        "step_reduction": Param(type="float", optional=True, above=0, max=1,
                                section="Iterations",
                                help="what a step is multiplied by after each round"),
        "block_size": Param(type="int", unit="images", optional=True, min=1, max=10000,
                            section="Iterations", help="images of a step; 10 or 20"),
        "order": Param(type="choice", default="random", section="Iterations",
                       choices=("ordered", "random", "angularDistance"),
                       help="order of the images of ossart"),
        "tv_weight": Param(type="float", optional=True, above=0, max=1000, advanced=True,
                           section="Total variation", help="for asd-pocs and its kin; 0.002"),
        "tv_iterations": Param(type="int", optional=True, min=1, max=100000, advanced=True,
                               section="Total variation", help="its rounds inside each round"),
        "tv_strength": Param(type="float", optional=True, above=0, max=100000, advanced=True,
                             section="Total variation", help="for fista (20) and sart-tv (50)"),
    },
    failure=(
        # Of CUDA's words behind TIGRE's tag.
        Failure(match=r"CUDA:\w+ +out of memory|is being heavily used by another program",
                class_=FailureClass.OUT_OF_MEMORY,
                hint="a smaller `thickness`, binned images, or a GPU that nobody else uses"),
        out_of_memory("a smaller `thickness`, or binned images"),
        Failure(match=r"There are no available device\(s\) that support CUDA",
                class_=FailureClass.NO_DEVICE),
        Failure(match=r"Cuda error with exit code 1|CBCT:CUDA:",
                class_=FailureClass.DEVICE_FAULT),
        Failure(match=r"Number of transformations \(\d+\) does not match",
                class_=FailureClass.BAD_INPUT,
                hint="`transforms` must have a line for each image of the series"),
        Failure(match=r"unrecognized arguments|No module named", class_=FailureClass.NOT_STARTED,
                hint="another release of the wrapper, or of the environment it is in"),
        *PYTORCH_FAILURES,
    ),
    example=(
        Example(
            params=_LEAST,
            gpus=(3,),
            argv=(*_GIVEN, "--method", "wbp", "--filter", "ram_lak", "--gpu", "0"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={**_LEAST, "method": "sirt", "iterations": 20, "normalize": False},
            gpus=(2, 0),
            argv=(*_GIVEN, "--method", "sirt", "--iter", "20", "--notNormalize", "--gpu", "0"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        Example(
            params={**_LEAST, "method": "ossart", "block_size": 10, "order": "angularDistance"},
            gpus=(0,),
            argv=(*_GIVEN, "--method", "ossart", "--blocksize", "10",
                  "--order", "angularDistance", "--gpu", "0"),
        ),
        Example(
            params={**_LEAST, "method": "awasd-pocs", "tv_weight": 0.2, "tv_iterations": 30},
            gpus=(0,),
            argv=(*_GIVEN, "--method", "awasd-pocs", "--alpha", "0.2", "--tviter", "30",
                  "--gpu", "0"),
        ),
        Example(
            params={**_LEAST, "method": "sart-tv", "tv_strength": 20},
            gpus=(0,),
            argv=(*_GIVEN, "--method", "sart-tv", "--tvlambda", "20.0", "--gpu", "0"),
        ),
    ),
    licence="GPL-3.0 (the wrapper), BSD-3-Clause (TIGRE)",
    citation="Biguri et al., Biomed. Phys. Eng. Express 2 (2016) 055010, "
    "doi:10.1088/2057-1976/2/5/055010",
    source="tigre_reconstruction.py of Scipion's wrapper of TIGRE (a public copy of 2026, with "
    "--xf); github.com/scipion-em/scipion-em-tigre 472f9ea protocol_tigre_reconstruction.py; "
    "github.com/CERN/TIGRE e702473 Common/CUDA, Python/tigre/utilities",
    unverified=(
        "never run",
        "which releases of the wrapper take --xf and --notNormalize; older ones took --normalize",
        "its option --tigreInterpolation is left out: in the source read the images are then not "
        "aligned at all",
    ),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer this program."""
    return (TIGRE_RECONSTRUCTION,)
