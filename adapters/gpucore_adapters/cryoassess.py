"""cryoassess: MicAssess sorts micrographs, 2DAssess sorts class averages.

MicAssess deletes a folder MicAssess where it runs and leaves its tables there, so it runs in the
step's own directory.
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

_HOMEPAGE = "https://github.com/cianfrocco-lab/Automatic-cryoEM-preprocessing"
_CITATION = "Li et al., Structure 28 (2020) 858-869, doi:10.1016/j.str.2020.03.008"
_FAILURES = (
    Failure(match=r"ResourceExhaustedError|OOM when allocating|CUDA_ERROR_OUT_OF_MEMORY",
            class_=FailureClass.OUT_OF_MEMORY, hint="a smaller `batch`"),
    Failure(match=r"CUDA_ERROR_NO_DEVICE|CUDA_ERROR_INVALID_DEVICE|Number of devices: 0",
            when="gpu", class_=FailureClass.CPU_FALLBACK, effect="warn",
            hint="TensorFlow saw no GPU: its CUDA libraries must fit"),
    Failure(match=r"^An error occured when trying to save", class_=FailureClass.BAD_INPUT,
            effect="warn", hint="a micrograph that cannot be read shifts all labels behind it"),
    Failure(match=r"^IndexError: list index out of range", class_=FailureClass.BAD_INPUT,
            hint="the folder of networks must hold base_*, fine_binary_*, fine_good_*, fine_bad_*"),
    Failure(match=r"^FileNotFoundError|^OSError: (SavedModel|Unable to open) file",
            class_=FailureClass.BAD_INPUT),
    Failure(match=r"ModuleNotFoundError|ImportError", class_=FailureClass.NOT_STARTED,
            hint="start it in its own environment"),
)  # fmt: skip

MICASSESS = Adapter(
    name="micassess",
    title="MicAssess: sort good micrographs from bad ones by neural networks",
    family="cryoassess",
    homepage=_HOMEPAGE,
    program=Program(executable="micassess", install=_HOMEPAGE),
    # Scipion passes `--gpus 0 1`, which its parser refuses: it takes one word, with commas.
    gpu=Gpu(use=GpuUse.COMPULSORY, form="comma", overwrites_mask=True, sharing="discouraged",
            memory_note="more for larger batches"),
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s",
            Group(when="micrographs", suffix=(".star",), args=("-i", "input.star")),
            Group(unless="micrographs", suffix=(".star",), args=("-i", "%(micrographs)s")),
            "-m", "%(models)s", "-d", "%(detector)s", "-b", "%(batch)s",
            "--t1", "%(good)s", "--t2", "%(great)s",
            Group(args=("--threads", "%(threads)s")),
            "--gpus", "%(GPU)s",
        ),
    ),
    params={
        "micrographs": Param(type="path", item=True, check="any",
                             help="STAR file with full paths, or a pattern: mics/*.mrc"),
        "models": Param(type="path", check="directory", help="folder of its four networks"),
        "out": Param(type="path", output="%(micrographs.stem)s_micassess.tsv",
                     help="how probably each micrograph is good"),
        "detector": Param(type="choice", default="K2", choices=("K2", "K3"),
                          help="shape of the detector"),
        "good": Param(type="float", default=0.1, min=0, max=1,
                      help="a higher threshold takes more micrographs for bad"),
        "great": Param(type="float", default=0.1, min=0, max=1,
                       help="a higher threshold takes more good ones for merely decent"),
        "batch": Param(type="int", default=32, min=1,
                       help="micrographs at once; fewer need less memory"),
        "threads": Param(type="int", optional=True, min=1,
                         help="processes that shrink micrographs; all cores when left out"),
    },
    link=(Link(name="input.star", target="%(micrographs)s", when="micrographs",
               suffix=(".star",)),),
    output=(
        Output(name="out", made="probs_good.tsv"),
        Output(name="great_probabilities", path="%(out.base)s_great.tsv",
               made="probs_great.tsv"),
        # There are none of these when no micrograph is good.
        Output(name="good_micrographs", path="%(out.base)s_good.star", made="*_good.star",
               optional=True),
        Output(name="great_micrographs", path="%(out.base)s_great.star", made="*_great.star",
               optional=True),
    ),
    failure=_FAILURES,
    success_match=r"^Details can be found in the output directory",
    example=(
        Example(
            params={"micrographs": "mics.star", "models": "models"},
            gpus=(3,),
            argv=("micassess", "-i", "input.star", "-m", "models", "-d", "K2", "-b", "32",
                  "--t1", "0.1", "--t2", "0.1", "--gpus", "3"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"micrographs": "mics/*.mrc", "out": "mics.tsv", "models": "models",
                    "detector": "K3", "threads": 8},
            gpus=(0, 1),
            argv=("micassess", "-i", "mics/*.mrc", "-m", "models", "-d", "K3", "-b", "32",
                  "--t1", "0.1", "--t2", "0.1", "--threads", "8", "--gpus", "0,1"),
        ),
    ),
    licence="MIT; networks free for academic use",
    citation=_CITATION,
    source="github.com/cianfrocco-lab/Automatic-cryoEM-preprocessing 075304d (1.0.0) "
    "cryoassess/micassess.py, cryoassess/lib/mrc2png.py",
    unverified=("never run here", "it has no option for the CPU; without a GPU it would go on"),
)  # fmt: skip

ASSESS_2D = Adapter(
    name="assess2d",
    title="2DAssess: sort good class averages from bad ones by a neural network",
    family="cryoassess",
    homepage=_HOMEPAGE,
    program=Program(executable="2dassess", install=_HOMEPAGE),
    # It has no option for GPUs: TensorFlow takes what it sees.
    gpu=Gpu(use=GpuUse.OPTIONAL, form="none", max=1, sharing="discouraged",
            memory_note="more for larger batches"),
    # It goes to the folder of its input and clears its output.
    command=Template(
        own_directory=True,
        argv=("%(EXE)s", "-i", "classes.mrcs", "-m", "%(model)s", "-b", "%(batch)s",
              "-n", "class", "-o", "%(out)s"),
    ),
    params={
        "classes": Param(type="path", item=True, check="mrc", help="stack of class averages"),
        "model": Param(type="path", suffix=(".h5",), help="network (2dassess_062119.h5)"),
        "out": Param(type="path", output="%(classes.stem)s_2dassess", check="directory",
                     help="folder with pictures in Good, Clip, Edge and Noise; emptied first"),
        "batch": Param(type="int", default=32, min=1, help="images at once"),
    },
    link=(Link(name="classes.mrcs", target="%(classes)s"),),
    output=(Output(name="good", path="%(out)s/Good", check="directory"),),
    failure=_FAILURES,
    success_match=r"^Good class averages indices are",
    example=(
        Example(
            params={"classes": "run_classes.mrcs", "model": "2dassess_062119.h5"},
            gpus=(1,),
            argv=("2dassess", "-i", "classes.mrcs", "-m", "2dassess_062119.h5", "-b", "32",
                  "-n", "class", "-o", "run_classes_2dassess"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
        Example(
            params={"classes": "run_classes.mrcs", "model": "2dassess_062119.h5", "batch": 16},
            argv=("2dassess", "-i", "classes.mrcs", "-m", "2dassess_062119.h5", "-b", "16",
                  "-n", "class", "-o", "run_classes_2dassess"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence="MIT; networks free for academic use",
    citation=_CITATION,
    source="github.com/cianfrocco-lab/Automatic-cryoEM-preprocessing 075304d (1.0.0) "
    "cryoassess/assess2d.py, cryoassess/lib/mrcs2jpg.py",
    unverified=("never run here",),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer both programs."""
    return (MICASSESS, ASSESS_2D)
