"""What the commands of crYOLO have in common: where it is from, messages, and shared parameters."""

from __future__ import annotations

from gpucore.standard import Failure, FailureClass, Group, Param, Program

HOMEPAGE = "https://cryolo.readthedocs.io"
LICENCE = "proprietary (Max Planck Society), free for non-commercial use"
CITATION = (
    "Wagner et al., Commun. Biol. 2 (2019) 218, doi:10.1038/s42003-019-0437-z; filaments: "
    "Wagner et al., Acta Cryst. D76 (2020) 613-620, doi:10.1107/S2059798320007342"
)
NEVER_RUN = "never run here: all is from the source; exit codes of crashes are Python's"

# It asks for no version: --version is unknown to its parsers.
PREDICT = Program(executable="cryolo_predict.py", install="pip install cryolo (Python before 3.9)")

MEMORY = Failure(
    # Printed in a box of hashes, and then exit code 0.
    match=r"Not enough GPU memory|ResourceExhaustedError|OOM when allocating",
    class_=FailureClass.OUT_OF_MEMORY,
    effect="fail",
    hint="a smaller batch, or let nothing else onto its GPU",
)
FALLBACK = Failure(
    match=r"CUDA_ERROR_NO_DEVICE|no CUDA-capable device is detected",
    when="gpu",
    class_=FailureClass.CPU_FALLBACK,
    effect="warn",
    hint="TensorFlow saw no GPU: the CUDA libraries must be those of crYOLO's TensorFlow",
)
FAILURES = (
    MEMORY,
    FALLBACK,
    Failure(match=r"configuration file seems to be corrup", class_=FailureClass.BAD_INPUT,
            hint="it is no JSON file"),
    Failure(match=r"Architecture not supported", class_=FailureClass.BAD_INPUT,
            hint="the configuration names a network that this release does not have"),
    Failure(match=r"ModuleNotFoundError|ImportError", class_=FailureClass.NOT_STARTED,
            hint="start it in crYOLO's own environment"),
)  # fmt: skip

PICKING_FAILURES = (
    *FAILURES,
    Failure(match=r"Prediction on mixed-size images is not supported",
            class_=FailureClass.BAD_INPUT, hint="one run for each size of images"),
    Failure(match=r"Input path does not exist|No valid image in your specified input",
            class_=FailureClass.BAD_INPUT),
    Failure(match=r"^Image not valid:", class_=FailureClass.BAD_INPUT, effect="warn"),
    Failure(match=r"Please specify your (filament width|box distance)",
            class_=FailureClass.BAD_INPUT),
    Failure(match=r"There are multiple picks per frame", class_=FailureClass.PROGRAM_FAULT,
            effect="fail"),
)  # fmt: skip

# The last of what it prints when it has looked at every image.
PICKED = r"particles in total has been found"

IMAGES = (".mrc", ".mrcs", ".rec", ".tif", ".tiff", ".png", ".jpg")

# -g takes all words that follow, so an option must stand behind it.
GPU_GROUP = Group(when="gpu", args=("-g", "%(GPU)s"))

PICKING_ARGS = (
    "-t", "%(threshold)s",
    "-d", "%(distance)s",
    Group(args=("--minsize", "%(min_size)s")),
    Group(args=("--maxsize", "%(max_size)s")),
    "-pbs", "%(batch)s",
    "--gpu_fraction", "%(gpu_fraction)s",
    Group(args=("-nc", "%(cpus)s")),
    "--norm_margin", "%(norm_margin)s",
)  # fmt: skip

FILAMENT_ARGS = (
    Group(when="filament",
          args=("--filament", "-bd", "%(box_distance)s", "-sr", "%(search_range_factor)s",
                "-ad", "%(angle_delta)s", "--directional_method", "%(directional_method)s",
                "-sm", "%(straightness_method)s", "-st", "%(straightness_threshold)s")),
    Group(when=("filament", "min_boxes"), args=("-mn", "%(min_boxes)s")),
    Group(when=("filament", "filament_width"), args=("-fw", "%(filament_width)s")),
    Group(when=("filament", "no_merging"), args=("--nomerging",)),
)  # fmt: skip

_SIZE = "estimated diameter; of use with the general model"

PICKING_PARAMS = {
    "threshold": Param(type="float", default=0.3, min=0, max=1,
                       help="least confidence; higher picks fewer"),
    "distance": Param(type="int", unit="pixels", default=0, min=0,
                      help="of two particles that are nearer one is left out; 0 for filaments"),
    "min_size": Param(type="int", unit="pixels", optional=True, min=1, help=f"least {_SIZE}"),
    "max_size": Param(type="int", unit="pixels", optional=True, min=1, help=f"greatest {_SIZE}"),
    "batch": Param(type="int", default=3, min=1,
                   help="images at once; fewer need less of the GPU's memory"),
    "gpu_fraction": Param(type="float", default=1.0, above=0, max=1, advanced=True,
                          help="part of the GPU's memory that it may take"),
    "cpus": Param(type="int", optional=True, min=1,
                  help="processes that filter and trace; all of the machine when left out"),
    "norm_margin": Param(type="float", default=0.0, min=0, max=1, advanced=True,
                         help="margin left out of the normalization, as part of the image"),
}  # fmt: skip

FILAMENT_PARAMS = {
    "filament": Param(type="bool", default=False, section="Filaments", help="trace filaments"),
    "box_distance": Param(type="int", unit="pixels", default=50, min=1, section="Filaments",
                          help="distance of boxes along a filament"),
    "min_boxes": Param(type="int", optional=True, min=1, section="Filaments", needs=("filament",),
                       help="least number of boxes of a filament"),
    "search_range_factor": Param(type="float", default=1.41, above=0, section="Filaments",
                                 help="boxes are joined within the box size times this"),
    "angle_delta": Param(type="float", unit="degrees", default=10.0, min=0, max=180,
                         section="Filaments", help="bend allowed; about 20 for curved filaments"),
    "directional_method": Param(
        type="choice", default="PREDICTED", choices=("PREDICTED", "CONVOLUTION"),
        section="Filaments",
        help="how directions are found: by a network trained on filaments, or by a mask"),
    "filament_width": Param(type="int", unit="pixels", optional=True, min=1, section="Filaments",
                            needs=("filament",), help="width, for CONVOLUTION"),
    "straightness_method": Param(
        type="choice", default="LINE_STRAIGHTNESS",
        choices=("NONE", "LINE_STRAIGHTNESS", "RMSD"), section="Filaments",
        help="how it is decided where a filament is split"),
    "straightness_threshold": Param(
        type="float", default=0.95, min=0, section="Filaments",
        help="for RMSD about a fifth of the filament's width"),
    "no_merging": Param(type="bool", default=False, section="Filaments", needs=("filament",),
                        help="do not join filaments that touch"),
}  # fmt: skip

MODEL_PARAMS = {
    "config": Param(
        type="path", suffix=(".json",),
        help="configuration of the training; a relative path in it lies in the step's directory"),
    "weights": Param(type="path", suffix=(".h5",), help="trained network"),
}  # fmt: skip
