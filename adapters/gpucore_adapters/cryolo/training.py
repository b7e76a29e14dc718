"""crYOLO's training. Its configuration is written here, and is an output for picking."""

from __future__ import annotations

from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Gpu,
    GpuUse,
    Group,
    InputFile,
    Output,
    Param,
    Program,
    Template,
)

from .facts import CITATION, FAILURES, HOMEPAGE, LICENCE, NEVER_RUN

__all__ = ["CRYOLO_TRAIN"]

_TEXT = """{
  "model": {
    "architecture": %(architecture)s,
    "input_size": %(input_size)s,
    "anchors": [%(box_size)s, %(box_size)s],
    "max_box_per_image": %(max_boxes)s,
    "norm": "STANDARD",
    "filter": FILTER
  },
  "train": {
    "train_image_folder": %(images)s,
    "train_annot_folder": %(annotations)s,
    "train_times": %(repetitions)s,
    "pretrained_weights": PRETRAINED,
    "batch_size": %(batch)s,
    "learning_rate": %(learning_rate)s,
    "nb_epoch": %(epochs)s,
    "object_scale": 5.0,
    "no_object_scale": 1.0,
    "coord_scale": 1.0,
    "class_scale": 1.0,
    "saved_weights_name": "model.h5",
    "debug": true
  },
  "valid": {
    "valid_image_folder": "",
    "valid_annot_folder": "",
    "valid_times": 1
  },
  "other": {"log_path": "logs"}
}
"""


def _config(*, denoised: bool, pretrained: bool) -> InputFile:
    """Return the configuration for one of the ways to filter, with or without weights to start."""
    text = _TEXT.replace(
        "FILTER", '[%(denoiser)s, 24, 3, "filtered"]' if denoised else '[%(lowpass)s, "filtered"]'
    ).replace("PRETRAINED", "%(pretrained)s" if pretrained else '""')
    asked = (("denoiser", denoised), ("pretrained", pretrained))
    return InputFile(
        name="config.json",
        format="json",
        when=tuple(name for name, given in asked if given),
        unless=tuple(name for name, given in asked if not given),
        text=text,
    )


CRYOLO_TRAIN = Adapter(
    name="cryolo_train",
    title="crYOLO: train a network on particles that were picked by hand",
    family="crYOLO",
    homepage=HOMEPAGE,
    program=Program(
        executable="cryolo_train.py", install="pip install cryolo (Python before 3.9)"
    ),
    gpu=Gpu(
        use=GpuUse.COMPULSORY,
        form="space",
        overwrites_mask=True,
        sharing="discouraged",
        memory_note="more for larger batches and input sizes",
        changes_result="the batch is multiplied by the number of GPUs",
    ),
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s", "-c", "config.json", "-w", "%(warmup)s", "-g", "%(GPU)s",
            "-e", "%(patience)s",
            Group(args=("-nc", "%(cpus)s")),
            "--gpu_fraction", "%(gpu_fraction)s",
            "--seed", "%(seed)s",
            Group(when="fine_tune",
                  args=("--fine_tune", "-lft", "%(fine_tuned_layers)s")),
            Group(when="ignore_directions", args=("--ignore_directions",)),
            Group(when="skip_augmentation", args=("--skip_augmentation",)),
        ),
    ),
    params={
        "images": Param(type="path", item=True, check="directory",
                        help="folder of micrographs or tomograms"),
        "annotations": Param(type="path", check="directory",
                             help="folder of coordinates, named after the images: .box, .star, "
                             ".cbox"),
        "out": Param(type="path", output="%(images.stem)s_cryolo.h5", suffix=(".h5",),
                     help="trained network"),
        "box_size": Param(type="int", unit="pixels", min=8, help="box around a particle"),
        "lowpass": Param(type="float", default=0.1, above=0, max=0.5,
                         help="cut-off of the low-pass filter, as a frequency; without denoiser"),
        "denoiser": Param(type="path", optional=True, suffix=(".h5",),
                          help="JANNI's network: denoise instead of the low-pass filter"),
        "pretrained": Param(type="path", optional=True, suffix=(".h5",),
                            help="network to start from; the general one to refine it"),
        "fine_tune": Param(type="bool", default=False, needs=("pretrained",),
                           help="train the last layers only"),
        "fine_tuned_layers": Param(type="int", default=2, min=1,
                                   help="how many layers that are"),
        "warmup": Param(type="int", default=5, min=0,
                        help="epochs before the training proper; 0 with fine_tune"),
        "epochs": Param(type="int", default=200, min=1, help="most epochs"),
        "patience": Param(type="int", default=10, min=1,
                          help="epochs without progress after which it stops"),
        "batch": Param(type="int", default=4, min=1,
                       help="images of a step, on each GPU; fewer need less memory"),
        "repetitions": Param(type="int", default=10, min=1, advanced=True,
                             help="how often each image is shown in an epoch"),
        "learning_rate": Param(type="float", default=0.0001, above=0, advanced=True,
                               help="learning rate"),
        "architecture": Param(type="choice", default="PhosaurusNet", advanced=True,
                              choices=("PhosaurusNet", "YOLO", "crYOLO"), help="network"),
        "input_size": Param(type="int", unit="pixels", default=1024, min=32, multiple_of=32,
                            help="images are scaled to this"),
        "max_boxes": Param(type="int", default=700, min=1, advanced=True,
                           help="most particles of an image"),
        "cpus": Param(type="int", optional=True, min=1,
                      help="processes; half of the machine's when left out"),
        "gpu_fraction": Param(type="float", default=1.0, above=0, max=1, advanced=True,
                              help="part of each GPU's memory that it may take"),
        "seed": Param(type="int", default=10, min=0, advanced=True,
                      help="chooses the images for validation: keep it between trainings"),
        "ignore_directions": Param(type="bool", default=False,
                                   help="do not learn the directions of filaments"),
        "skip_augmentation": Param(type="bool", default=False, advanced=True,
                                   help="show the images only as they are"),
    },
    file=tuple(
        _config(denoised=denoised, pretrained=pretrained)
        for denoised in (False, True)
        for pretrained in (False, True)
    ),
    output=(
        Output(name="out", made="model.h5"),
        Output(name="config", path="%(out.base)s.json", made="config.json"),
    ),
    # Both lines come with exit code 0.
    failure=(
        Failure(match=r"Training data size is too small|^No image files were found",
                class_=FailureClass.BAD_INPUT, effect="fail",
                hint="it needs two annotated images at least"),
        Failure(match=r"Can't find any micrograph - annotation pairs",
                class_=FailureClass.BAD_INPUT,
                hint="coordinates must be named after their images"),
        *FAILURES,
    ),
    success_match=r"Time elapsed for training",
    example=(
        Example(
            params={"images": "train", "annotations": "boxes", "box_size": 220},
            gpus=(0,),
            argv=(
                "cryolo_train.py", "-c", "config.json", "-w", "5", "-g", "0", "-e", "10",
                "--gpu_fraction", "1.0", "--seed", "10",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"images": "train", "annotations": "boxes", "box_size": 160,
                    "pretrained": "general.h5", "fine_tune": True, "warmup": 0,
                    "denoiser": "janni.h5", "cpus": 8},
            gpus=(1, 3),
            argv=(
                "cryolo_train.py", "-c", "config.json", "-w", "0", "-g", "1", "3", "-e", "10",
                "-nc", "8", "--gpu_fraction", "1.0", "--seed", "10", "--fine_tune", "-lft", "2",
            ),
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source="cryolo 1.9.9 of PyPI, cryolo/train.py, cryolo_main.py, config_tools.py; "
    "scipion-em-sphire 3.2.6 protocol_cryolo_training.py",
    unverified=(
        NEVER_RUN,
        "whether it trains on the CPU in a time that anybody would wait for",
    ),
)  # fmt: skip
