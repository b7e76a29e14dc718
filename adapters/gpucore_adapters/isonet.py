"""IsoNet: fill the missing wedge of tomograms. It writes CUDA_VISIBLE_DEVICES itself.

Whatever goes wrong it logs the traceback and ends with exit code 0, so the traceback counts. Run it
from the project's folder: what a STAR file names is looked for from the working directory.
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
    Version,
)
from gpucore_adapters.shell_names import PLAIN_NAME

_HOMEPAGE = "https://github.com/IsoNet-cryoET/IsoNet"
_PROGRAM = Program(
    executable="isonet.py",
    version=Version(args=("check",), regex=r"IsoNet --version (\d[\w.]*)"),
    install=_HOMEPAGE,
)
_LICENCE = "MIT"
_CITATION = "Liu et al., Nat. Commun. 13 (2022) 6482, doi:10.1038/s41467-022-33957-8"

_FAILURES = (
    Failure(match=r"ResourceExhaustedError|OOM when allocating", effect="fail",
            class_=FailureClass.OUT_OF_MEMORY, hint="a smaller batch, or smaller cubes"),
    Failure(match=r"No GPU detected|Re-enter correct gpuID|Available number of GPUs don't match",
            class_=FailureClass.NO_DEVICE, effect="fail",
            hint="its TensorFlow does not see the GPUs that it was told of"),
    Failure(match=r"Subtomo list is empty|not recognized!$", class_=FailureClass.BAD_INPUT,
            effect="fail"),
    Failure(match=r"(FileNotFoundError|No such file or directory|KeyError)", effect="fail",
            class_=FailureClass.BAD_INPUT, hint="start it in the folder that the STAR file's "
            "names begin in"),
    Failure(match=r"ModuleNotFoundError|ImportError", class_=FailureClass.NOT_STARTED,
            effect="fail", hint="set PATH and PYTHONPATH as its source-env.sh does"),
    Failure(match=r"Traceback \(most recent call last\)", class_=FailureClass.PROGRAM_FAULT,
            effect="fail"),
)  # fmt: skip
_NOT_RUN = (
    "never run here",
    "names of files that look like Python (1e5, [a]) are read as such by the library that it "
    "reads its options with",
)

ISONET_REFINE = Adapter(
    name="isonet_refine",
    title="IsoNet: train the network that fills the missing wedge",
    family="IsoNet",
    homepage=_HOMEPAGE,
    program=_PROGRAM,
    gpu=Gpu(
        use=GpuUse.COMPULSORY,
        form="comma",
        overwrites_mask=True,
        sharing="discouraged",
        memory_note="more for larger cubes and batches",
        changes_result="without `batch` a batch is twice the number of GPUs, and 4 at least",
    ),
    command=Template(
        in_place=True,  # its JSON files, from which it goes on, name this folder
        argv=(
            "%(EXE)s", "refine", "%(subtomograms)s", "--gpuID", "%(GPU)s",
            "--iterations", "%(iterations)s",
            "--result_dir", "%(out)s",
            Group(args=("--pretrained_model", "%(pretrained)s")),
            Group(args=("--continue_from", "%(continue_from)s")),
            "--epochs", "%(epochs)s",
            Group(args=("--batch_size", "%(batch)s")),
            Group(args=("--steps_per_epoch", "%(steps)s")),
            Group(args=("--select_subtomo_number", "%(subset)s")),
            "--preprocessing_ncpus", "%(cpus)s",
            "--noise_level", "%(noise_levels)s",
            "--noise_start_iter", "%(noise_iterations)s",
            "--noise_mode", "%(noise_mode)s",
            "--learning_rate", "%(learning_rate)s",
            "--drop_out", "%(dropout)s",
            "--unet_depth", "%(depth)s",
            "--filter_base", "%(channels)s",
            "--normalize_percentile", "%(normalize_percentile)s",
            Group(when="remove_intermediate", args=("--remove_intermediate", "True")),
        ),
    ),
    params={
        "subtomograms": Param(type="path", item=True, suffix=(".star",), blanks=False,
                              pattern=PLAIN_NAME,
                              help="STAR file of the subtomograms (isonet.py extract)"),
        # It moves an old folder of this name away by a shell.
        "out": Param(type="path", output="%(subtomograms.stem)s_isonet", check="directory",
                     blanks=False,
                     pattern=PLAIN_NAME,
                     help="folder of networks and subtomograms; one that is there "
                     "becomes NAME~"),
        "iterations": Param(type="int", default=30, min=1, max=99, help="iterations"),
        "pretrained": Param(type="path", optional=True, suffix=(".h5",),
                            help="network to start from"),
        "continue_from": Param(type="path", optional=True, suffix=(".json",),
                               help="refine_iterNN.json of a run to go on with"),
        "epochs": Param(type="int", default=10, min=1, help="epochs of an iteration"),
        "batch": Param(type="int", optional=True, min=1,
                       help="cubes of a step, over all GPUs; a multiple of their number"),
        "steps": Param(type="int", optional=True, min=1,
                       help="steps of an epoch; from the number of subtomograms when left out"),
        "subset": Param(type="int", optional=True, min=1,
                        help="subtomograms drawn for each iteration; all when left out"),
        "cpus": Param(type="int", default=16, min=1, help="processes that prepare data"),
        "noise_levels": Param(type="float", length=0, separator=",", min=0, section="Denoising",
                              default=(0.05, 0.1, 0.15, 0.2),
                              help="noise that is added, relative to the data's deviation"),
        "noise_iterations": Param(type="int", length=0, separator=",", min=1,
                                  section="Denoising", default=(11, 16, 21, 26),
                                  help="iterations from which each of those is added"),
        "noise_mode": Param(type="choice", default="noFilter", section="Denoising",
                            choices=("noFilter", "ramp", "hamming"), help="filter of the noise"),
        "learning_rate": Param(type="float", default=0.0004, above=0, section="Network",
                               help="learning rate"),
        "dropout": Param(type="float", default=0.3, min=0, below=1, section="Network",
                         help="dropout"),
        "depth": Param(type="int", default=3, min=1, section="Network", advanced=True,
                       help="depth of the network"),
        "channels": Param(type="int", default=64, min=1, section="Network", advanced=True,
                          help="channels of its first layer"),
        "normalize_percentile": Param(type="bool", default=True, yes="True", no="False",
                                      section="Network", advanced=True,
                                      help="normalize by percentiles; false: by the deviation"),
        "remove_intermediate": Param(type="bool", default=False,
                                     help="keep no subtomograms of earlier iterations"),
    },
    output=(
        Output(name="model", path="%(out)s/model_iter%(iterations)02d.h5"),
    ),
    failure=_FAILURES,
    example=(
        Example(
            params={"subtomograms": "subtomo.star"},
            gpus=(1,),
            argv=(
                "isonet.py", "refine", "subtomo.star", "--gpuID", "1", "--iterations", "30",
                "--result_dir", "subtomo_isonet", "--epochs", "10",
                "--preprocessing_ncpus", "16", "--noise_level", "0.05,0.1,0.15,0.2",
                "--noise_start_iter", "11,16,21,26", "--noise_mode", "noFilter",
                "--learning_rate", "0.0004", "--drop_out", "0.3", "--unet_depth", "3",
                "--filter_base", "64", "--normalize_percentile", "True",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"subtomograms": "subtomo.star", "out": "results", "iterations": 5,
                    "batch": 8, "noise_levels": (0.1,), "noise_iterations": (3,)},
            gpus=(0, 3),
            argv=(
                "isonet.py", "refine", "subtomo.star", "--gpuID", "0,3", "--iterations", "5",
                "--result_dir", "results", "--epochs", "10", "--batch_size", "8",
                "--preprocessing_ncpus", "16", "--noise_level", "0.1",
                "--noise_start_iter", "3", "--noise_mode", "noFilter",
                "--learning_rate", "0.0004", "--drop_out", "0.3", "--unet_depth", "3",
                "--filter_base", "64", "--normalize_percentile", "True",
            ),
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source="github.com/IsoNet-cryoET/IsoNet 7cfa65c (0.2) bin/isonet.py, bin/refine.py, "
    "util/dict2attr.py, util/utils.py",
    unverified=_NOT_RUN,
)  # fmt: skip

ISONET_PREDICT = Adapter(
    name="isonet_predict",
    title="IsoNet: fill the missing wedge of tomograms by a trained network",
    family="IsoNet",
    homepage=_HOMEPAGE,
    program=_PROGRAM,
    gpu=Gpu(use=GpuUse.COMPULSORY, form="comma", overwrites_mask=True,
            memory_note="more for larger cubes and batches"),
    command=Template(
        in_place=True,  # it writes the names of its outputs into the STAR file
        argv=(
            "%(EXE)s", "predict", "%(tomograms)s", "%(model)s", "--gpuID", "%(GPU)s",
            "--output_dir", "%(out)s",
            "--cube_size", "%(cube_size)s",
            "--crop_size", "%(crop_size)s",
            Group(args=("--batch_size", "%(batch)s")),
            "--use_deconv_tomo", "%(deconvolved)s",
            "--normalize_percentile", "%(normalize_percentile)s",
            Group(args=("--tomo_idx", "%(indexes)s")),
        ),
    ),
    params={
        "tomograms": Param(type="path", item=True, suffix=(".star",),
                           help="STAR file of the tomograms; their new names are written into it"),
        "model": Param(type="path", suffix=(".h5",), help="trained network"),
        "out": Param(type="path", output="%(tomograms.stem)s_corrected", check="directory",
                     help="folder of NAME_corrected.mrc"),
        "cube_size": Param(type="int", unit="voxels", default=64, min=8, less_than="crop_size",
                           multiple_of=8, help="cubes that the tomogram is put together from"),
        "crop_size": Param(type="int", unit="voxels", default=96, min=16,
                           help="cubes that are cut out, with overlap; larger when seams are "
                           "seen"),
        "batch": Param(type="int", optional=True, min=1,
                       help="cubes at once; four for each GPU when left out"),
        "deconvolved": Param(type="bool", default=True, yes="True", no="False",
                             help="take the deconvolved tomograms where there are some"),
        "normalize_percentile": Param(type="bool", default=True, yes="True", no="False",
                                      advanced=True, help="as in the training"),
        "indexes": Param(type="string", optional=True, pattern=r"\d+(-\d+)?(,\d+(-\d+)?)*",
                         help="tomograms of the file by index, as 1,2,4 or 5-10; all when left "
                         "out"),
    },
    failure=_FAILURES,
    success_match=r"total batches:",
    example=(
        Example(
            params={"tomograms": "tomograms.star", "model": "results/model_iter30.h5"},
            gpus=(2,),
            argv=(
                "isonet.py", "predict", "tomograms.star", "results/model_iter30.h5",
                "--gpuID", "2", "--output_dir", "tomograms_corrected", "--cube_size", "64",
                "--crop_size", "96", "--use_deconv_tomo", "True",
                "--normalize_percentile", "True",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"tomograms": "tomograms.star", "model": "m.h5", "out": "corrected",
                    "indexes": "1,3-5", "batch": 8, "deconvolved": False},
            gpus=(1, 0),
            argv=(
                "isonet.py", "predict", "tomograms.star", "m.h5", "--gpuID", "1,0",
                "--output_dir", "corrected", "--cube_size", "64", "--crop_size", "96",
                "--batch_size", "8", "--use_deconv_tomo", "False",
                "--normalize_percentile", "True", "--tomo_idx", "1,3-5",
            ),
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source="github.com/IsoNet-cryoET/IsoNet 7cfa65c (0.2) bin/isonet.py, bin/predict.py, "
    "models/unet/predict.py",
    unverified=(*_NOT_RUN, "its files are named after the tomograms of the STAR file: the folder "
                "alone is looked at"),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer both commands."""
    return (ISONET_REFINE, ISONET_PREDICT)
