"""DeepFinder: find macromolecules in tomograms, on the first GPU that it sees.

It has no option for GPUs. Of a missing argument or a wrong file it prints a message, and ends with
exit code 0.
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
    Output,
    Param,
    Program,
    Template,
)

_HOMEPAGE = "https://deepfinder.readthedocs.io"
_INSTALL = "https://github.com/deep-finder/cryoet-deepfinder (the folder bin)"
_LICENCE = "GPL-3.0"
_CITATION = "Moebel et al., Nat. Methods 18 (2021) 1386-1394, doi:10.1038/s41592-021-01275-4"
_NOT_RUN = ("never run here",)

_GPU = Gpu(
    use=GpuUse.OPTIONAL,
    form="none",
    max=1,
    sharing="discouraged",
    memory_note="TensorFlow takes all of it; less suffices for smaller patches",
)

_FAILURES = (
    Failure(match=r"DeepFinder message: |can only write arrays in",
            class_=FailureClass.BAD_INPUT, effect="fail"),
    Failure(match=r"ResourceExhaustedError|OOM when allocating|CUDA_ERROR_OUT_OF_MEMORY",
            class_=FailureClass.OUT_OF_MEMORY, hint="smaller patches or batches"),
    Failure(match=r"CUDA_ERROR_NO_DEVICE|CUDA_ERROR_INVALID_DEVICE"
                  r"|Skipping registering GPU devices", when="gpu", effect="warn",
            class_=FailureClass.CPU_FALLBACK,
            hint="TensorFlow saw no GPU: its CUDA libraries must fit"),
    Failure(match=r"^(FileNotFoundError|OSError: Unable to open file)",
            class_=FailureClass.BAD_INPUT),
    Failure(match=r"ModuleNotFoundError|ImportError", class_=FailureClass.NOT_STARTED,
            hint="start it in DeepFinder's own environment"),
)  # fmt: skip

DEEPFINDER_SEGMENT = Adapter(
    name="deepfinder_segment",
    title="DeepFinder: label the macromolecules of a tomogram by a neural network",
    family="DeepFinder",
    homepage=_HOMEPAGE,
    program=Program(executable="segment", install=_INSTALL),
    gpu=_GPU,
    command=Template(
        argv=(
            "%(EXE)s", "-t", "%(tomogram)s", "-w", "%(weights)s", "-c", "%(classes)s",
            "-p", "%(patch_size)s", "-o", "%(out)s",
            Group(when="bin", args=("-bin",)),
        ),
    ),
    params={
        "tomogram": Param(type="path", item=True, suffix=(".mrc", ".map", ".rec", ".h5"),
                          help="tomogram"),
        "out": Param(type="path", output="%(tomogram.stem)s_labels.mrc", suffix=(".mrc", ".h5"),
                     help="label of each voxel"),
        "weights": Param(type="path", suffix=(".h5",), help="trained network"),
        "classes": Param(type="int", min=2, help="classes of the network, the background among "
                         "them"),
        "patch_size": Param(type="int", unit="voxels", default=100, min=56, multiple_of=4,
                            help="patches that it is put together from, smaller than the "
                            "tomogram"),
        "bin": Param(type="bool", default=False, help="write labels of half the size, too"),
    },
    output=(
        Output(name="binned", path="%(out.base)s_binned%(out.suffix)s", when="bin"),
    ),
    failure=_FAILURES,
    success_match=r"Model took .* seconds to predict",
    example=(
        Example(
            params={"tomogram": "t1.mrc", "weights": "net_weights_FINAL.h5", "classes": 3},
            gpus=(2,),
            argv=("segment", "-t", "t1.mrc", "-w", "net_weights_FINAL.h5", "-c", "3", "-p",
                  "100", "-o", "t1_labels.mrc"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        # A slot of two: it sees one.
        Example(
            params={"tomogram": "t2.mrc", "weights": "w.h5", "classes": 4, "patch_size": 160,
                    "bin": True},
            gpus=(0, 1),
            argv=("segment", "-t", "t2.mrc", "-w", "w.h5", "-c", "4", "-p", "160", "-o",
                  "t2_labels.mrc", "-bin"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0"},
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source="github.com/deep-finder/cryoet-deepfinder 100d8b4 bin/segment, "
    "deepfinder/inference.py, deepfinder/utils/common.py",
    unverified=(*_NOT_RUN, "which suffixes beside .mrc and .h5 it reads"),
)  # fmt: skip

DEEPFINDER_TRAIN = Adapter(
    name="deepfinder_train",
    title="DeepFinder: train its neural network",
    family="DeepFinder",
    homepage=_HOMEPAGE,
    program=Program(executable="train", install=_INSTALL),
    gpu=_GPU,
    command=Template(argv=("%(EXE)s", "-p", "%(settings)s")),
    params={
        "settings": Param(type="path", suffix=(".xml",),
                          help="all of its settings, as DeepFinder's window saves them"),
        "folder": Param(type="path", check="directory",
                        help="path_out of the settings, where it leaves its networks"),
    },
    output=(
        Output(name="weights", path="%(folder)s/net_weights_FINAL.h5"),
        Output(name="history", path="%(folder)s/net_train_history.h5"),
    ),
    failure=_FAILURES,
    success_match=r"Model took .* seconds to train",
    example=(
        Example(
            params={"settings": "train.xml", "folder": "trained"},
            gpus=(1,),
            argv=("train", "-p", "train.xml"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
        Example(
            params={"settings": "train.xml", "folder": "trained"},
            argv=("train", "-p", "train.xml"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source="github.com/deep-finder/cryoet-deepfinder 100d8b4 bin/train, deepfinder/training.py, "
    "deepfinder/utils/params.py",
    unverified=(*_NOT_RUN, "its settings are XML with a list of tomograms, which an adapter "
                "cannot write: they are the user's"),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer both programs."""
    return (DEEPFINDER_SEGMENT, DEEPFINDER_TRAIN)
