"""DeepEMhancer: post-process a map. It writes CUDA_VISIBLE_DEVICES itself."""

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

# `out of memory` in its log is no failure: TensorFlow tries less, and the map is made all the same
# (deepEMhancer issue 4). So nothing of it counts unless the program failed anyhow.
_FAILURES = (
    Failure(match=r"ResourceExhaustedError|OOM when allocating|CUDA_ERROR_OUT_OF_MEMORY",
            class_=FailureClass.OUT_OF_MEMORY, hint="a smaller `batch`"),
    Failure(match=r"no CUDA-capable device|CUDA_ERROR_NO_DEVICE|CUDA_ERROR_INVALID_DEVICE",
            when="gpu", class_=FailureClass.CPU_FALLBACK, effect="warn",
            hint="TensorFlow saw no GPU: its CUDA libraries must fit"),
    Failure(match=r"Deep learning models not found", class_=FailureClass.BAD_INPUT,
            hint="deepemhancer --download, or say where they are (`models`)"),
    Failure(match=r"Error, output fnameIn already exists", class_=FailureClass.BAD_INPUT),
    Failure(match=r"AssertionError: Error", class_=FailureClass.BAD_INPUT),
    Failure(match=r"ModuleNotFoundError|ImportError", class_=FailureClass.NOT_STARTED,
            hint="start it in its own environment"),
)  # fmt: skip

DEEPEMHANCER = Adapter(
    name="deepemhancer",
    title="DeepEMhancer: sharpen and mask a map by a neural network",
    family="DeepEMhancer",
    homepage="https://github.com/rsanchezgarc/deepEMhancer",
    program=Program(
        executable="deepemhancer",
        version=Version(args=("--version",), regex=r"(\d+\.\d+(?:\.\d+)?)"),
        install="https://github.com/rsanchezgarc/deepEMhancer",
    ),
    gpu=Gpu(use=GpuUse.OPTIONAL, form="comma", overwrites_mask=True,
            sharing="discouraged", memory_note="8 GB bear a `batch` of 6"),
    # It refuses to write over a map: what it makes in its own directory is moved.
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s", "-i", "%(map)s", "-o", "sharpened.mrc",
            Group(unless=("mask", "network"), args=("-p", "%(model)s")),
            Group(args=("-i2", "%(half_map)s")),
            Group(args=("-s", "%(pixel_size)s")),
            Group(args=("--noiseStats", "%(noise)s")),
            Group(args=("-m", "%(mask)s")),
            Group(args=("--deepLearningModelPath", "%(models)s")),
            Group(args=("--deepLearningModelPath", "%(network)s")),
            Group(args=("--cleaningStrengh", "%(cleaning)s")),
            Group(when="gpu", args=("-g", "%(GPU)s")),
            Group(when="cpu", args=("-g", "-1")),
            "-b", "%(batch)s",
        ),
    ),
    params={
        "map": Param(type="path", item=True, check="mrc",
                     help="map from a refinement, or half map 1; neither masked nor sharpened"),
        "out": Param(type="path", output="%(map.stem)s_deepemhancer.mrc", check="mrc",
                     suffix=(".mrc", ".map"), help="post-processed map"),
        "half_map": Param(type="path", optional=True, check="mrc", help="half map 2"),
        "model": Param(type="choice", default="tightTarget",
                       choices=("wideTarget", "tightTarget", "highRes"),
                       help="network: highRes for maps better than 4 Å alone"),
        "pixel_size": Param(type="float", unit="Å", optional=True, above=0, max=100,
                            help="pixel size; that of the map's header when left out"),
        "noise": Param(type="float", length=2, optional=True, section="Normalization",
                       help="mean and deviation of the noise; found by itself when left out"),
        "mask": Param(type="path", optional=True, check="mrc", section="Normalization",
                      help="mask of ones and zeros; chooses a network of its own"),
        "models": Param(type="path", optional=True, check="directory", advanced=True,
                        help="folder of the networks, when it is not the usual one"),
        "network": Param(type="path", optional=True, suffix=(".hd5", ".h5", ".hdf5"),
                         advanced=True, help="a network of your own; instead of `models`"),
        "cleaning": Param(type="float", optional=True, above=0, below=1,
                          help="hide dust: parts smaller than this, relative to the largest"),
        "batch": Param(type="int", default=8, min=1,
                       help="cubes at once on each GPU; fewer need less memory"),
    },
    output=(Output(name="out", made="sharpened.mrc", check="mrc"),),
    failure=_FAILURES,
    example=(
        Example(
            params={"map": "map.mrc"},
            gpus=(2,),
            argv=("deepemhancer", "-i", "map.mrc", "-o", "sharpened.mrc", "-p", "tightTarget",
                  "-g", "2", "-b", "8"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"map": "half1.mrc", "half_map": "half2.mrc", "mask": "mask.mrc",
                    "pixel_size": 1.06, "batch": 6},
            gpus=(1, 3),
            argv=("deepemhancer", "-i", "half1.mrc", "-o", "sharpened.mrc", "-i2", "half2.mrc",
                  "-s", "1.06", "-m", "mask.mrc", "-g", "1,3", "-b", "6"),
        ),
        Example(
            params={"map": "map.mrc", "model": "highRes", "noise": (0.12, 0.03)},
            argv=("deepemhancer", "-i", "map.mrc", "-o", "sharpened.mrc", "-p", "highRes",
                  "--noiseStats", "0.12", "0.03", "-g", "-1", "-b", "8"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence="Apache-2.0",
    citation="Sanchez-Garcia et al., Commun. Biol. 4 (2021) 874, doi:10.1038/s42003-021-02399-1",
    source="github.com/rsanchezgarc/deepEMhancer 961f028 deepEMhancer/exeDeepEMhancer.py, "
    "cmdParser.py, applyProcessVol, utils/gpuSelector.py; its issues 3, 4 and 7",
    unverified=("never run here", "for some maps more than one GPU crashes it, says its help"),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer this program."""
    return (DEEPEMHANCER,)
