"""LocScale 2: enhance a map by EMmerNet. It writes CUDA_VISIBLE_DEVICES itself.

It works in a folder beside its input and names its files there, so it runs on links.
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

LOCSCALE_FEATURE_ENHANCE = Adapter(
    name="locscale_feature_enhance",
    title="LocScale: enhance the features of a map by a neural network (EMmerNet)",
    family="LocScale",
    homepage="https://github.com/cryoTUD/locscale",
    program=Program(
        executable="locscale",
        version=Version(args=("version",), regex=r"Version:\s+(\S+)"),
        install="pip install locscale (Python 3.12)",
    ),
    # Told of none it hides all.
    gpu=Gpu(use=GpuUse.OPTIONAL, form="space", overwrites_mask=True,
            memory_note="more for larger batches"),
    # -gpus takes all words that follow.
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s", "feature_enhance",
            Group(when="half_map", args=("-hm", "map.mrc", "half2.mrc")),
            Group(unless="half_map", args=("-em", "map.mrc")),
            "-o", "enhanced.mrc",
            Group(when="mask", args=("-ma", "mask.mrc")),
            Group(when="gpu", args=("-gpus", "%(GPU)s")),
            "-bs", "%(batch)s", "-s", "%(stride)s", "-sym", "%(symmetry)s",
            "-fdr", "%(fdr)s",
            Group(args=("-twist", "%(twist)s", "-rise", "%(rise)s")),
            Group(when="low_context", args=("--use_low_context_model",)),
            Group(args=("-model_path", "%(model)s")),
            Group(when="monte_carlo", args=("-mc_it", "%(samples)s")),
            Group(unless="monte_carlo", args=("-no_mc",)),
            "-np", "%(processes)s", "-v",
        ),
    ),
    params={
        "map": Param(type="path", item=True, check="mrc",
                     help="map that was not sharpened, or half map 1"),
        "out": Param(type="path", output="%(map.stem)s_locscale.mrc", check="mrc",
                     help="enhanced map"),
        "half_map": Param(type="path", optional=True, check="mrc", help="half map 2"),
        "mask": Param(type="path", optional=True, check="mrc",
                      help="mask; made from the map's noise when left out"),
        "fdr": Param(type="float", default=0.01, above=0, below=1,
                     help="false discovery rate of that mask"),
        "symmetry": Param(type="string", default="C1", blanks=False,
                          help="point group that is averaged over: C1, D7, T, O, I"),
        "twist": Param(type="float", unit="degrees", optional=True, needs=("rise",),
                       section="Helix", help="helical twist of an asymmetric unit"),
        "rise": Param(type="float", unit="Å", optional=True, needs=("twist",),
                      section="Helix", help="helical rise of an asymmetric unit"),
        "low_context": Param(type="bool", default=False, advanced=True,
                             help="the network that was trained on maps of atomic models"),
        "model": Param(type="path", optional=True, advanced=True,
                       help="a trained network of your own"),
        "monte_carlo": Param(type="bool", default=True,
                             help="draw several predictions, for their confidence (pVDDT)"),
        "samples": Param(type="int", default=15, min=2, help="how many"),
        "batch": Param(type="int", default=8, min=1,
                       help="cubes at once; fewer need less of the GPU's memory"),
        "stride": Param(type="int", unit="voxels", default=16, min=1,
                        help="step between cubes of 32 voxels"),
        "processes": Param(type="int", default=1, min=1, help="processes that scale"),
    },
    link=(
        Link(name="map.mrc", target="%(map)s"),
        Link(name="half2.mrc", target="%(half_map)s"),
        Link(name="mask.mrc", target="%(mask)s"),
    ),
    output=(
        Output(name="out", made="enhanced.mrc", check="mrc"),
        Output(name="baseline", path="%(out.base)s_baseline.mrc", made="enhanced_baseline.mrc",
               check="mrc", optional=True),
        Output(name="confidence", path="%(out.base)s_pVDDT.mrc", made="enhanced_pVDDT.mrc",
               when="monte_carlo", optional=True),
    ),
    failure=(
        Failure(match=r"^Using CPU$", when="gpu", class_=FailureClass.CPU_FALLBACK,
                effect="warn", hint="it ran on the CPU while it held a GPU: its PyTorch must fit "
                "the driver"),
        Failure(match=r"CUDA out of memory|OutOfMemoryError", class_=FailureClass.OUT_OF_MEMORY,
                hint="a smaller `batch`"),
        Failure(match=r"Invalid device id|invalid device ordinal|No CUDA GPUs are available",
                class_=FailureClass.NO_DEVICE),
        Failure(match=r"path does not exist|^FileNotFoundError", class_=FailureClass.BAD_INPUT),
        Failure(match=r"ModuleNotFoundError|ImportError", class_=FailureClass.NOT_STARTED,
                hint="start it in LocScale's own environment"),
    ),
    success_match=r"EMmerNet finished successfully",
    example=(
        Example(
            params={"map": "map.mrc"},
            gpus=(1,),
            argv=("locscale", "feature_enhance", "-em", "map.mrc", "-o", "enhanced.mrc",
                  "-gpus", "1", "-bs", "8", "-s", "16", "-sym", "C1", "-fdr", "0.01",
                  "-mc_it", "15", "-np", "1", "-v"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"map": "half1.mrc", "half_map": "half2.mrc", "symmetry": "D2",
                    "mask": "mask.mrc"},
            gpus=(0, 2),
            argv=("locscale", "feature_enhance", "-hm", "map.mrc", "half2.mrc",
                  "-o", "enhanced.mrc", "-ma", "mask.mrc", "-gpus", "0", "2", "-bs", "8",
                  "-s", "16", "-sym", "D2", "-fdr", "0.01", "-mc_it", "15", "-np", "1", "-v"),
        ),
        Example(
            params={"map": "map.mrc", "monte_carlo": False, "processes": 4},
            argv=("locscale", "feature_enhance", "-em", "map.mrc", "-o", "enhanced.mrc",
                  "-bs", "8", "-s", "16", "-sym", "C1", "-fdr", "0.01", "-no_mc", "-np", "4",
                  "-v"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence="BSD-3-Clause",
    citation="Bharadwaj et al., bioRxiv (2025), doi:10.1101/2025.09.11.674726; Jakobi et al., "
    "eLife 6 (2017) e27131, doi:10.7554/eLife.27131",
    source="locscale 2.4.1 of PyPI, locscale/utils/parse_utils.py, file_tools.py, "
    "startup_utils.py, locscale/emmernet",
    unverified=(
        "never run here",
        "in which folder it leaves the baseline and pVDDT maps: they are taken when they are "
        "beside the enhanced map",
    ),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer this program."""
    return (LOCSCALE_FEATURE_ENHANCE,)
