"""IsoNet2: missing wedge, CTF and noise of tomograms by one network.

It reads `--gpuID` as places in CUDA_VISIBLE_DEVICES while they fit, else as the machine's numbers:
with `1,0` that is no longer clear. So it gets a mask of its GPUs and the places 0, 1, … in it. It
writes the names of its outputs into the STAR file, so it makes them where they belong. Run it
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
)

_HOMEPAGE = "https://github.com/IsoNet-cryoET/IsoNet2"
# `isonet.py check` says its version, and then computes on every GPU.
_PROGRAM = Program(executable="isonet.py", install=_HOMEPAGE)
_LICENCE = "GPL-3.0"
_CITATION = (
    "Liu et al., IsoNet2 determines cellular structures at submolecular resolution without "
    "averaging, bioRxiv (2025) 693325, PMC12869683"
)
_SOURCE = (
    "github.com/IsoNet-cryoET/IsoNet2 6c5c7bb (2.0.1b) IsoNet/bin/isonet.py, "
    "IsoNet/utils/utils.py, IsoNet/models/network.py; its pull request 30"
)
_NOT_RUN = (
    "never run here",
    "the DOI of its preprint",
)

_TRAINING_GPU = Gpu(
    use=GpuUse.COMPULSORY,
    form="comma",
    ids="visible",
    sharing="discouraged",
    memory_note="24 GB recommended; smaller networks and cubes need less",
    changes_result="without `batch` a batch is twice the number of GPUs (4 on one)",
)

_FAILURES = (
    Failure(match=r"CUDA out of memory|OutOfMemoryError", class_=FailureClass.OUT_OF_MEMORY,
            hint="a smaller `cube_size`, `batch` or network"),
    Failure(match=r"No CUDA GPUs|Requested GPU (index out of range|selection is incompatible)"
                  r"|CUDA_VISIBLE_DEVICES is set but empty", class_=FailureClass.NO_DEVICE),
    Failure(match=r"illegal memory access|uncorrectable ECC", class_=FailureClass.DEVICE_FAULT),
    Failure(match=r"Both full and half tomograms are present", class_=FailureClass.BAD_INPUT,
            hint="say which `method`"),
    Failure(match=r"not recognized!$", class_=FailureClass.BAD_INPUT, effect="fail"),
    Failure(match=r"^FileNotFoundError|^KeyError", class_=FailureClass.BAD_INPUT,
            hint="start it in the folder that the STAR file's names begin in"),
    Failure(match=r"^ModuleNotFoundError|^ImportError", class_=FailureClass.NOT_STARTED,
            hint="start it in IsoNet2's own environment"),
)  # fmt: skip

_ARCHITECTURES = ("unet-small", "unet-medium", "unet-large", "scunet-fast")

_TRAINING_ARGS = (
    "--ncpus", "%(cpus)s",
    "--arch", "%(architecture)s",
    Group(args=("--pretrained_model", "%(pretrained)s")),
    "--cube_size", "%(cube_size)s",
    "--epochs", "%(epochs)s",
    "--save_interval", "%(save_interval)s",
    Group(args=("--batch_size", "%(batch)s")),
    "--loss_func", "%(loss)s",
    "--learning_rate", "%(learning_rate)s",
    "--mixed_precision", "%(mixed_precision)s",
    Group(args=("--CTF_mode", "%(ctf_mode)s", "--isCTFflipped", "%(phase_flipped)s",
                "--bfactor", "%(bfactor)s", "--clip_first_peak_mode", "%(first_peak)s")),
    "--with_preview", "%(preview)s",
    "--prev_tomo_idx", "%(preview_index)s",
)  # fmt: skip

_STAR = Param(
    type="path", item=True, suffix=(".star",),
    help="STAR file of the tomograms (isonet.py prepare_star); results are written into it",
)  # fmt: skip

_TRAINING_PARAMS = {
    "cpus": Param(type="int", default=16, min=1, help="processes that prepare data"),
    "architecture": Param(type="choice", default="unet-medium", choices=_ARCHITECTURES,
                          section="Network", help="network"),
    "pretrained": Param(type="path", optional=True, suffix=(".pt",), section="Network",
                        help="network to go on with; its own settings hold then"),
    "cube_size": Param(type="int", unit="voxels", default=96, min=16, multiple_of=16,
                       section="Network", help="cubes to train on"),
    # A shorter run would train nothing and say nothing.
    "save_interval": Param(type="int", default=10, min=1, no_more_than="epochs",
                           section="Training", help="epochs between networks that are saved"),
    "epochs": Param(type="int", default=50, min=1, section="Training",
                    help="epochs; those behind the last save_interval are left out"),
    "batch": Param(type="int", optional=True, min=1, section="Training",
                   help="cubes of a step, over all GPUs"),
    "loss": Param(type="choice", default="L2", choices=("L2", "Huber", "L1"),
                  section="Training", help="loss"),
    "learning_rate": Param(type="float", default=0.0003, above=0, section="Training",
                           help="learning rate"),
    "mixed_precision": Param(type="bool", default=True, yes="True", no="False",
                             section="Training", advanced=True,
                             help="half precision, faster and with less memory"),
    "ctf_mode": Param(type="choice", optional=True, section="CTF",
                      choices=("phase_only", "network", "wiener"),
                      help="correct the CTF: phases alone, in the network's input, or its target"),
    "phase_flipped": Param(type="bool", default=False, yes="True", no="False", section="CTF",
                           help="the tomograms' phases are flipped already"),
    "bfactor": Param(type="float", unit="Å²", default=0.0, min=0, section="CTF",
                     help="boosts high resolution; 200 to 300 for isolated particles"),
    "first_peak": Param(type="int", default=1, min=0, max=3, section="CTF", advanced=True,
                        help="lowest peak of the CTF: 0 as it is, 1 clipped, 2 sine, 3 cosine"),
    "preview": Param(type="bool", default=True, yes="True", no="False",
                     help="predict a tomogram at each save"),
    "preview_index": Param(type="int", default=1, min=1, help="which tomogram"),
}  # fmt: skip

_TRAINING_TAIL = (
    "--cube_size", "96", "--epochs", "50", "--save_interval", "10", "--loss_func", "L2",
    "--learning_rate", "0.0003", "--mixed_precision", "True", "--with_preview", "True",
    "--prev_tomo_idx", "1",
)  # fmt: skip

ISONET2_DENOISE = Adapter(
    name="isonet2_denoise",
    title="IsoNet2: train a denoising network on even and odd tomograms",
    family="IsoNet",
    homepage=_HOMEPAGE,
    program=_PROGRAM,
    gpu=_TRAINING_GPU,
    command=Template(
        in_place=True,
        argv=("%(EXE)s", "denoise", "%(tomograms)s", "--output_dir", "%(out)s",
              "--gpuID", "%(GPU)s", *_TRAINING_ARGS),
    ),
    params={
        "tomograms": _STAR,
        "out": Param(type="path", output="%(tomograms.stem)s_denoise", check="directory",
                     help="folder of networks and previews"),
        **_TRAINING_PARAMS,
    },
    output=(
        Output(name="model", unless="pretrained",
               path="%(out)s/network_n2n_%(architecture)s_%(cube_size)s_full.pt"),
    ),
    failure=_FAILURES,
    example=(
        Example(
            params={"tomograms": "tomograms.star"},
            gpus=(2,),
            argv=("isonet.py", "denoise", "tomograms.star", "--output_dir", "tomograms_denoise",
                  "--gpuID", "0", "--ncpus", "16", "--arch", "unet-medium", *_TRAINING_TAIL),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        Example(
            params={"tomograms": "tomograms.star", "architecture": "unet-large"},
            gpus=(1, 3),
            argv=("isonet.py", "denoise", "tomograms.star", "--output_dir", "tomograms_denoise",
                  "--gpuID", "0,1", "--ncpus", "16", "--arch", "unet-large", *_TRAINING_TAIL),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1,3"},
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source=_SOURCE,
    unverified=_NOT_RUN,
)  # fmt: skip

ISONET2_REFINE = Adapter(
    name="isonet2_refine",
    title="IsoNet2: train the network that fills the missing wedge",
    family="IsoNet",
    homepage=_HOMEPAGE,
    program=_PROGRAM,
    gpu=_TRAINING_GPU,
    command=Template(
        in_place=True,
        argv=("%(EXE)s", "refine", "%(tomograms)s", "--output_dir", "%(out)s",
              "--gpuID", "%(GPU)s", "--method", "%(method)s", "--input_column", "%(column)s",
              *_TRAINING_ARGS,
              "--mw_weight", "%(wedge_weight)s",
              "--apply_mw_x1", "%(apply_wedge)s",
              "--noise_level", "%(noise_level)s",
              Group(when="noise_level", at_least=1e-9, args=("--noise_mode", "%(noise_mode)s")),
              "--random_rot_weight", "%(random_rotations)s"),
    ),
    params={
        "tomograms": _STAR,
        "out": Param(type="path", output="%(tomograms.stem)s_isonet2", check="directory",
                     help="folder of networks and previews"),
        "method": Param(type="choice", default="isonet2", choices=("isonet2", "isonet2-n2n"),
                        help="isonet2: from whole tomograms; n2n: from even and odd halves"),
        "column": Param(type="string", default="rlnDeconvTomoName", blanks=False,
                        help="column of the tomograms: rlnTomoName or rlnDeconvTomoName"),
        **_TRAINING_PARAMS,
        "wedge_weight": Param(type="float", default=-1.0, min=-1, section="Training",
                              help="weight of the missing wedge in the loss; -1: none"),
        "apply_wedge": Param(type="bool", default=True, yes="True", no="False",
                             section="Training", advanced=True,
                             help="put the missing wedge into the cubes first"),
        "noise_level": Param(type="float", default=0.0, min=0, section="Training",
                             help="noise that is added"),
        "noise_mode": Param(type="choice", default="nofilter",
                            choices=("nofilter", "ramp", "hamming"), section="Training",
                            help="filter of that noise"),
        "random_rotations": Param(type="float", default=0.2, min=0, max=1, section="Training",
                                  help="part of the cubes that are turned at random"),
    },
    output=(
        Output(name="model", unless="pretrained",
               path="%(out)s/network_%(method)s_%(architecture)s_%(cube_size)s_full.pt"),
    ),
    failure=_FAILURES,
    example=(
        Example(
            params={"tomograms": "tomograms.star"},
            gpus=(2,),
            argv=("isonet.py", "refine", "tomograms.star", "--output_dir", "tomograms_isonet2",
                  "--gpuID", "0", "--method", "isonet2", "--input_column", "rlnDeconvTomoName",
                  "--ncpus", "16", "--arch", "unet-medium", *_TRAINING_TAIL,
                  "--mw_weight", "-1.0", "--apply_mw_x1", "True", "--noise_level", "0.0",
                  "--random_rot_weight", "0.2"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        Example(
            params={"tomograms": "t.star", "method": "isonet2-n2n", "out": "maps"},
            gpus=(3, 0),
            argv=("isonet.py", "refine", "t.star", "--output_dir", "maps", "--gpuID", "0,1",
                  "--method", "isonet2-n2n", "--input_column", "rlnDeconvTomoName",
                  "--ncpus", "16", "--arch", "unet-medium", *_TRAINING_TAIL,
                  "--mw_weight", "-1.0", "--apply_mw_x1", "True", "--noise_level", "0.0",
                  "--random_rot_weight", "0.2"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3,0"},
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source=_SOURCE,
    unverified=_NOT_RUN,
)  # fmt: skip

ISONET2_PREDICT = Adapter(
    name="isonet2_predict",
    title="IsoNet2: denoise tomograms or fill their missing wedge by a trained network",
    family="IsoNet",
    homepage=_HOMEPAGE,
    program=_PROGRAM,
    gpu=Gpu(use=GpuUse.COMPULSORY, form="comma", ids="visible",
            memory_note="24 GB recommended; by the cubes of the training"),
    command=Template(
        in_place=True,
        argv=(
            "%(EXE)s", "predict", "%(tomograms)s", "%(model)s", "--output_dir", "%(out)s",
            "--gpuID", "%(GPU)s",
            "--input_column", "%(column)s",
            "--apply_mw_x1", "%(apply_wedge)s",
            "--isCTFflipped", "%(phase_flipped)s",
            "--padding_factor", "%(padding)s",
            Group(args=("--tomo_idx", "%(indexes)s")),
        ),
    ),
    params={
        "tomograms": _STAR,
        "model": Param(type="path", suffix=(".pt",), help="trained network"),
        "out": Param(type="path", output="%(tomograms.stem)s_corrected", check="directory",
                     help="folder of tomograms"),
        "column": Param(type="string", default="rlnDeconvTomoName", blanks=False,
                        help="column of the tomograms, for a network of whole ones"),
        "apply_wedge": Param(type="bool", default=True, yes="True", no="False",
                             help="put the missing wedge into the cubes first"),
        "phase_flipped": Param(type="bool", default=False, yes="True", no="False",
                               help="the tomograms' phases are flipped already"),
        "padding": Param(type="float", default=1.5, min=1,
                         help="overlap of cubes; more gives fewer seams and takes longer"),
        "indexes": Param(type="string", optional=True, pattern=r"\d+(-\d+)?(,\d+(-\d+)?)*",
                         help="tomograms of the file by index, as 1,2,4 or 5-10; all when left "
                         "out"),
    },
    failure=_FAILURES,
    success_match=r"Predicted \[",
    example=(
        Example(
            params={"tomograms": "tomograms.star", "model": "network.pt"},
            gpus=(2,),
            argv=("isonet.py", "predict", "tomograms.star", "network.pt", "--output_dir",
                  "tomograms_corrected", "--gpuID", "0", "--input_column", "rlnDeconvTomoName",
                  "--apply_mw_x1", "True", "--isCTFflipped", "False", "--padding_factor", "1.5"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        Example(
            params={"tomograms": "tomograms.star", "model": "network.pt", "indexes": "1,2"},
            gpus=(1, 0),
            argv=("isonet.py", "predict", "tomograms.star", "network.pt", "--output_dir",
                  "tomograms_corrected", "--gpuID", "0,1", "--input_column",
                  "rlnDeconvTomoName", "--apply_mw_x1", "True", "--isCTFflipped", "False",
                  "--padding_factor", "1.5", "--tomo_idx", "1,2"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1,0"},
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source=_SOURCE,
    unverified=(*_NOT_RUN, "its files are named after the tomograms of the STAR file: the folder "
                "alone is looked at"),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer the three commands."""
    return (ISONET2_DENOISE, ISONET2_REFINE, ISONET2_PREDICT)
