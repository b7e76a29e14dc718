"""RELION 5: tomograms denoised by cryoCARE, and its network trained, on one GPU."""

from __future__ import annotations

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
from gpucore_adapters.shell_names import PLAIN_NAME

__all__ = ["RELION_TOMO_DENOISE", "RELION_TOMO_DENOISE_TRAIN"]

_HOMEPAGE = "https://relion.readthedocs.io"
_PROGRAM = Program(
    executable="relion_python_tomo_denoise",
    install="RELION 5 with its Python programs: https://relion.readthedocs.io",
)
# cryoCARE takes lists; RELION's window refuses more than one GPU, and none.
_GPU = Gpu(use=GpuUse.COMPULSORY, form="comma", max=1, sharing="discouraged")

_TOMOGRAMS = Param(
    type="path",
    item=True,
    blanks=False,  # it names the folder
    pattern=PLAIN_NAME,
    help="tomograms.star with reconstructed half tomograms; they lie below the working folder",
)
_CRYOCARE = Param(
    type="path",
    optional=True,
    check="directory",
    blanks=False,
    pattern=PLAIN_NAME,
    help="folder of cryoCARE's programs; else they are found as any program",
)

_FAILURES = (
    Failure(
        match=r"ResourceExhaustedError|OOM when allocating tensor|CUDA_ERROR_OUT_OF_MEMORY",
        class_=FailureClass.OUT_OF_MEMORY,
        hint="more tiles (`tiles`), or smaller subvolumes (`box`)",
    ),
    Failure(
        match=r"WARNING: GPU \S+ not found",
        class_=FailureClass.CPU_FALLBACK,
        hint="TensorFlow does not see the GPU: look at its CUDA libraries",
        effect="warn",
    ),
    Failure(
        match=r"Could not find rlnTomoReconstructedTomogramHalf1",
        class_=FailureClass.BAD_INPUT,
        hint="reconstruct the tomograms with half maps first",
    ),
    Failure(
        match=r"Could not find (?:tomogram star file|denoise model(?! \()|cryoCARE_)"
        r"|Could not user specified",
        class_=FailureClass.BAD_INPUT,
        hint="look at the file's name and the tomograms' names (rlnTomoName)",
    ),
    Failure(
        match=r"PYTHON ERROR|No module named|cryoCARE_\w+\.py: (?:command )?not found",
        class_=FailureClass.NOT_STARTED,
        hint="RELION's Python programs or cryoCARE are not installed where they are looked for",
    ),
)

_CITATION = (
    "Burt et al., FEBS Open Bio 14 (2024) 1788-1804, doi:10.1002/2211-5463.13873; "
    "Buchholz et al., ISBI 2019, 502-506, doi:10.1109/ISBI.2019.8759519"
)
_SOURCE = (
    "3dem/relion tag 5.0.1, src/tomography_python_programs/denoise/cryoCARE, "
    "src/pipeline_jobs.cpp, scripts/python_tomo_denoise.in"
)
_UNVERIFIED = ("never run; TensorFlow's messages are from TensorFlow",)


def _folder(job: str) -> Param:
    return Param(
        type="path",
        output=f"%(tomograms.stem)s_{job}",
        check="directory",
        blanks=False,
        pattern=PLAIN_NAME,
        help="folder of all outputs, without blanks",
    )


RELION_TOMO_DENOISE_TRAIN = Adapter(
    name="relion_tomo_denoise_train",
    title="RELION relion_python_tomo_denoise cryoCARE:train: train a network that denoises",
    family="RELION",
    homepage=_HOMEPAGE,
    program=_PROGRAM,
    gpu=_GPU,
    command=Template(
        argv=(
            *("%(EXE)s", "cryoCARE:train", "--tomogram-star-file", "%(tomograms)s"),
            *("--output-directory", "%(out)s", "--training-tomograms", "%(train_on)s"),
            *("--number-training-subvolumes", "%(subvolumes)s"),
            *("--subvolume-sidelength", "%(box)s"),
            Group(args=("--cryocare-path", "%(cryocare)s")),
            *("--gpu", "%(GPU)s"),
        ),
        # Its files name each other by their paths.
        in_place=True,
    ),
    params={
        "tomograms": _TOMOGRAMS,
        "out": _folder("denoise_model"),
        "train_on": Param(
            type="string",
            length=0,
            separator=":",
            help="names (rlnTomoName) of the tomograms to train on",
        ),
        "subvolumes": Param(
            type="int", default=1200, min=10, help="taken from each of these tomograms"
        ),
        "box": Param(type="int", unit="voxels", default=72, min=64, help="edge of the subvolumes"),
        "cryocare": _CRYOCARE,
    },
    output=(
        Output(name="model", path="%(out)s/denoising_model.tar.gz"),
        Output(name="tomograms_out", path="%(out)s/tomograms.star"),
    ),
    failure=_FAILURES,
    example=(
        Example(
            params={
                "tomograms": "Tomograms/job006/tomograms.star",
                "out": "Denoise/job007",
                "train_on": ("TS_01", "TS_03"),
            },
            gpus=(3,),
            argv=(
                *("relion_python_tomo_denoise", "cryoCARE:train"),
                *("--tomogram-star-file", "Tomograms/job006/tomograms.star"),
                *("--output-directory", "Denoise/job007"),
                *("--training-tomograms", "TS_01:TS_03"),
                *("--number-training-subvolumes", "1200", "--subvolume-sidelength", "72"),
                *("--gpu", "3"),
            ),
        ),
        Example(
            params={
                "tomograms": "Tomograms/job006/tomograms.star",
                "out": "Denoise/job008",
                "train_on": ("TS_01",),
                "box": 96,
                "cryocare": "/opt/cryoCARE/bin",
            },
            gpus=(0, 1),
            argv=(
                *("relion_python_tomo_denoise", "cryoCARE:train"),
                *("--tomogram-star-file", "Tomograms/job006/tomograms.star"),
                *("--output-directory", "Denoise/job008", "--training-tomograms", "TS_01"),
                *("--number-training-subvolumes", "1200", "--subvolume-sidelength", "96"),
                *("--cryocare-path", "/opt/cryoCARE/bin", "--gpu", "0"),
            ),
        ),
    ),
    licence="GPL-2.0",
    citation=_CITATION,
    source=_SOURCE,
    unverified=_UNVERIFIED,
)

RELION_TOMO_DENOISE = Adapter(
    name="relion_tomo_denoise",
    title="RELION relion_python_tomo_denoise cryoCARE:predict: denoise tomograms",
    family="RELION",
    homepage=_HOMEPAGE,
    program=_PROGRAM,
    gpu=_GPU,
    command=Template(
        argv=(
            *("%(EXE)s", "cryoCARE:predict", "--tomogram-star-file", "%(tomograms)s"),
            *("--output-directory", "%(out)s", "--model-file", "%(model)s"),
            *("--n-tiles", "%(tiles)s"),
            Group(args=("--tomogram-name", "%(only)s")),
            Group(args=("--cryocare-path", "%(cryocare)s")),
            *("--gpu", "%(GPU)s"),
        ),
        # Its files name each other by their paths.
        in_place=True,
    ),
    params={
        "tomograms": _TOMOGRAMS,
        "model": Param(
            type="path", suffix=(".tar.gz",), help="denoising_model.tar.gz of the training"
        ),
        "out": _folder("denoised"),
        "tiles": Param(
            type="int",
            length=3,
            default=(2, 2, 2),
            min=1,
            help="parts along x, y and z: more take less of the GPU's memory",
        ),
        "only": Param(
            type="string", optional=True, help="denoise this tomogram alone (rlnTomoName)"
        ),
        "cryocare": _CRYOCARE,
    },
    output=(Output(name="tomograms_out", path="%(out)s/tomograms.star"),),
    failure=(
        Failure(
            match=r"not found and it should have been generated",
            class_=FailureClass.PROGRAM_FAULT,
            hint="most often the GPU's memory was full: more `tiles`, as 8 8 8",
        ),
        *_FAILURES,
    ),
    example=(
        Example(
            params={
                "tomograms": "Tomograms/job006/tomograms.star",
                "out": "Denoise/job009",
                "model": "Denoise/job007/denoising_model.tar.gz",
            },
            gpus=(3,),
            argv=(
                *("relion_python_tomo_denoise", "cryoCARE:predict"),
                *("--tomogram-star-file", "Tomograms/job006/tomograms.star"),
                *("--output-directory", "Denoise/job009"),
                *("--model-file", "Denoise/job007/denoising_model.tar.gz"),
                *("--n-tiles", "2", "2", "2", "--gpu", "3"),
            ),
        ),
        Example(
            params={
                "tomograms": "Tomograms/job006/tomograms.star",
                "out": "Denoise/job010",
                "model": "Denoise/job007/denoising_model.tar.gz",
                "tiles": (8, 8, 8),
                "only": "TS_01",
            },
            gpus=(0, 1),
            argv=(
                *("relion_python_tomo_denoise", "cryoCARE:predict"),
                *("--tomogram-star-file", "Tomograms/job006/tomograms.star"),
                *("--output-directory", "Denoise/job010"),
                *("--model-file", "Denoise/job007/denoising_model.tar.gz"),
                *("--n-tiles", "8", "8", "8", "--tomogram-name", "TS_01", "--gpu", "0"),
            ),
        ),
    ),
    licence="GPL-2.0",
    citation=_CITATION,
    source=_SOURCE,
    unverified=_UNVERIFIED,
)
