"""cryoCARE: train a network on even and odd tomograms, and denoise with it.

It is told everything in a JSON file, its GPUs among it.
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
    InputFile,
    Link,
    Output,
    Param,
    Program,
    Template,
)

_HOMEPAGE = "https://github.com/juglab/cryoCARE_pip"
_INSTALL = "pip install cryoCARE"
_LICENCE = "BSD-3-Clause"
_CITATION = (
    "Buchholz et al., IEEE ISBI 2019, 502-506, doi:10.1109/ISBI.2019.8759519; Buchholz et al., "
    "Methods Cell Biol. 152 (2019) 277-289, doi:10.1016/bs.mcb.2019.05.001"
)
_NEVER_RUN = "never run here; messages of TensorFlow are from its own source"

# It goes on without a GPU that it was promised, and then TensorFlow takes every GPU that it sees.
_NOT_FOUND = Failure(
    match=r"^WARNING: (GPU \S+ not found|No GPUs found)",
    class_=FailureClass.NO_DEVICE,
    effect="fail",
    hint="its TensorFlow sees no such GPU: the CUDA libraries must be those that it wants",
)
_FAILURES = (
    _NOT_FOUND,
    Failure(match=r"ResourceExhaustedError|OOM when allocating|CUDA_ERROR_OUT_OF_MEMORY",
            class_=FailureClass.OUT_OF_MEMORY,
            hint="smaller batches or patches to train, more `tiles` to denoise"),
    Failure(match=r"gpu_id in json is neither|List of GPU IDs is empty",
            class_=FailureClass.NO_DEVICE),
    Failure(match=r"^FileNotFoundError|Invalid config format|KeyError:",
            class_=FailureClass.BAD_INPUT),
    Failure(match=r"ModuleNotFoundError|ImportError", class_=FailureClass.NOT_STARTED,
            hint="start it in cryoCARE's own environment"),
)  # fmt: skip

# Texts, not entries: one without a GPU would be left out, and TensorFlow take all that it sees.
_TRAIN = """{
  "train_data": %(data)s,
  "epochs": %(epochs)s,
  "steps_per_epoch": %(steps)s,
  "batch_size": %(batch)s,
  "unet_kern_size": %(kernel)s,
  "unet_n_depth": %(depth)s,
  "unet_n_first": %(channels)s,
  "learning_rate": %(learning_rate)s,
  "model_name": "model",
  "path": ".",
  "gpu_id": %(GPU)s
}
"""
_PREDICT = """{
  "path": %(model)s,
  "even": "even.mrc",
  "odd": "odd.mrc",
  "n_tiles": %(tiles)s,
  "output": "denoised",
  "overwrite": true,
  "gpu_id": %(GPU)s
}
"""

CRYOCARE_TRAIN = Adapter(
    name="cryocare_train",
    title="cryoCARE: train a denoising network on even and odd tomograms",
    family="cryoCARE",
    homepage=_HOMEPAGE,
    program=Program(executable="cryoCARE_train.py", install=_INSTALL),
    # A batch is cut for several GPUs, not multiplied.
    gpu=Gpu(use=GpuUse.COMPULSORY, form="json", memory_note="more for larger patches and batches"),
    command=Template(
        own_directory=True, argv=("%(EXE)s", "--conf", "train.json")
    ),
    params={
        "data": Param(type="path", item=True, check="directory",
                      help="folder that cryoCARE_extract_train_data.py has made"),
        "out": Param(type="path", output="%(data.stem)s_cryocare.tar.gz", suffix=(".tar.gz",),
                     help="trained network"),
        "epochs": Param(type="int", default=100, min=1, help="epochs"),
        "steps": Param(type="int", default=200, min=1, help="steps of an epoch"),
        "batch": Param(type="int", default=16, min=1,
                       help="sub-volumes of a step, over all GPUs"),
        "kernel": Param(type="int", unit="voxels", default=3, min=1, odd=True,
                        help="kernel of the network"),
        "depth": Param(type="int", default=3, min=1, help="depth of the network"),
        "channels": Param(type="int", default=16, min=1, help="channels of its first layer"),
        "learning_rate": Param(type="float", default=0.0004, above=0, help="learning rate"),
    },
    file=(InputFile(name="train.json", format="json", when="data", text=_TRAIN),),
    output=(Output(name="out", made="model.tar.gz"),),
    failure=_FAILURES,
    example=(
        Example(
            params={"data": "train_data"},
            gpus=(2,),
            argv=("cryoCARE_train.py", "--conf", "train.json"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
            files={"train.json": '{\n  "train_data": "train_data",\n  "epochs": 100,\n'
                   '  "steps_per_epoch": 200,\n  "batch_size": 16,\n  "unet_kern_size": 3,\n'
                   '  "unet_n_depth": 3,\n  "unet_n_first": 16,\n  "learning_rate": 0.0004,\n'
                   '  "model_name": "model",\n  "path": ".",\n  "gpu_id": [2]\n}\n'},
        ),
        Example(
            params={"data": "train_data", "epochs": 50, "batch": 32},
            gpus=(0, 3),
            argv=("cryoCARE_train.py", "--conf", "train.json"),
            files={"train.json": '{\n  "train_data": "train_data",\n  "epochs": 50,\n'
                   '  "steps_per_epoch": 200,\n  "batch_size": 32,\n  "unet_kern_size": 3,\n'
                   '  "unet_n_depth": 3,\n  "unet_n_first": 16,\n  "learning_rate": 0.0004,\n'
                   '  "model_name": "model",\n  "path": ".",\n  "gpu_id": [0, 3]\n}\n'},
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source="cryoCARE 0.3.0 of PyPI, cryocare/scripts/cryoCARE_train.py, cryoCARE_predict.py, "
    "README.md",
    unverified=(_NEVER_RUN, "whether it can train without a GPU: with the key it would, by its "
                "source, on whatever TensorFlow sees"),
)  # fmt: skip

CRYOCARE_PREDICT = Adapter(
    name="cryocare_predict",
    title="cryoCARE: denoise a tomogram of which there are an even and an odd half",
    family="cryoCARE",
    homepage=_HOMEPAGE,
    program=Program(executable="cryoCARE_predict.py", install=_INSTALL),
    gpu=Gpu(use=GpuUse.COMPULSORY, form="json", max=1,
            memory_note="the tiles are made smaller until they fit"),
    # It names its output after the even half.
    command=Template(
        own_directory=True, argv=("%(EXE)s", "--conf", "predict.json")
    ),
    params={
        "even": Param(type="path", item=True, check="mrc", help="tomogram of the even frames"),
        "odd": Param(type="path", check="mrc", help="tomogram of the odd frames"),
        "model": Param(type="path", suffix=(".tar.gz",), help="trained network"),
        "out": Param(type="path", output="%(even.stem)s_cryocare.mrc", check="mrc",
                     help="denoised tomogram"),
        "tiles": Param(type="int", length=3, default=(1, 1, 1), min=1,
                       help="tiles along each axis to begin with; 8 8 8 fits small GPUs"),
    },
    file=(InputFile(name="predict.json", format="json", when="even", text=_PREDICT),),
    link=(
        Link(name="even.mrc", target="%(even)s"),
        Link(name="odd.mrc", target="%(odd)s"),
    ),
    output=(Output(name="out", made="denoised/even.mrc", check="mrc"),),
    failure=(
        *_FAILURES,
        Failure(match=r"Your config is not in the format", class_=FailureClass.BAD_INPUT,
                effect="fail", hint="`model` must be the .tar.gz of cryoCARE 0.2 or later"),
    ),
    example=(
        Example(
            params={"even": "t1_even.rec", "odd": "t1_odd.rec", "model": "model.tar.gz"},
            gpus=(1,),
            argv=("cryoCARE_predict.py", "--conf", "predict.json"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
            files={"predict.json": '{\n  "path": "model.tar.gz",\n  "even": "even.mrc",\n'
                   '  "odd": "odd.mrc",\n  "n_tiles": [1, 1, 1],\n  "output": "denoised",\n'
                   '  "overwrite": true,\n  "gpu_id": [1]\n}\n'},
        ),
        # A slot of two: it takes one.
        Example(
            params={"even": "t2_even.rec", "odd": "t2_odd.rec", "model": "model.tar.gz",
                    "tiles": (2, 4, 4)},
            gpus=(3, 0),
            argv=("cryoCARE_predict.py", "--conf", "predict.json"),
            files={"predict.json": '{\n  "path": "model.tar.gz",\n  "even": "even.mrc",\n'
                   '  "odd": "odd.mrc",\n  "n_tiles": [2, 4, 4],\n  "output": "denoised",\n'
                   '  "overwrite": true,\n  "gpu_id": [3]\n}\n'},
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source="cryoCARE 0.3.0 of PyPI, cryocare/scripts/cryoCARE_predict.py, README.md; "
    "scipion-em-cryocare 566360d protocol_predict.py; on tiles: RELION 5.0.1 pipeline_jobs.cpp",
    unverified=(_NEVER_RUN,),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer both commands."""
    return (CRYOCARE_TRAIN, CRYOCARE_PREDICT)
