"""crYOLO on micrographs."""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Gpu, GpuUse, Group, Output, Param, Template

from .facts import (
    CITATION,
    FILAMENT_ARGS,
    FILAMENT_PARAMS,
    GPU_GROUP,
    HOMEPAGE,
    IMAGES,
    LICENCE,
    MODEL_PARAMS,
    NEVER_RUN,
    PICKED,
    PICKING_ARGS,
    PICKING_FAILURES,
    PICKING_PARAMS,
    PREDICT,
)

__all__ = ["CRYOLO_PREDICT"]

_OUTPUTS = (
    # Written for a micrograph without particles, too; not so those of filaments.
    Output(name="boxes", path="%(out)s/CBOX/%(micrographs.stem)s.cbox", unless="filament",
           where={"micrographs": IMAGES}),
    Output(name="star", path="%(out)s/STAR/%(micrographs.stem)s.star", unless="filament",
           where={"micrographs": IMAGES}),
    Output(name="eman", path="%(out)s/EMAN/%(micrographs.stem)s.box", check="any",
           unless="filament", where={"micrographs": IMAGES}),
    Output(name="filaments", path="%(out)s/CBOX_FILAMENT_SEGMENTED/%(micrographs.stem)s.cbox",
           when="filament", where={"micrographs": IMAGES}, optional=True),
)  # fmt: skip

CRYOLO_PREDICT = Adapter(
    name="cryolo_predict",
    title="crYOLO: pick particles or filaments in micrographs by a neural network",
    family="crYOLO",
    homepage=HOMEPAGE,
    program=PREDICT,
    gpu=Gpu(use=GpuUse.OPTIONAL, form="space", overwrites_mask=True,
            memory_note="more for larger batches of images"),
    # Filtered images and logs are written to where it runs.
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s", "-c", "%(config)s", "-w", "%(weights)s", "-i", "%(micrographs)s",
            "-o", "%(out)s", GPU_GROUP, *PICKING_ARGS,
            Group(when="on_the_fly", args=("--otf",)),
            Group(when="write_empty", args=("--write_empty",)),
            *FILAMENT_ARGS,
        ),
    ),
    params={
        "micrographs": Param(type="path", item=True, check="any",
                             help="a micrograph, or a folder of micrographs of one size"),
        "out": Param(type="path", output="%(micrographs.stem)s_cryolo", check="directory",
                     help="folder of coordinates: CBOX, STAR, EMAN, CRYOSPARC"),
        **MODEL_PARAMS,
        **PICKING_PARAMS,
        "on_the_fly": Param(type="bool", default=False,
                            help="filter in memory and keep no filtered images"),
        "write_empty": Param(type="bool", default=False,
                             help="write files of filaments although there are none"),
        **FILAMENT_PARAMS,
    },
    output=_OUTPUTS,
    failure=PICKING_FAILURES,
    success_match=PICKED,
    example=(
        Example(
            params={"micrographs": "m1.mrc", "config": "config.json", "weights": "model.h5"},
            gpus=(3,),
            argv=(
                "cryolo_predict.py", "-c", "config.json", "-w", "model.h5", "-i", "m1.mrc",
                "-o", "m1_cryolo", "-g", "3", "-t", "0.3", "-d", "0", "-pbs", "3",
                "--gpu_fraction", "1.0", "--norm_margin", "0.0",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"micrographs": "mics", "config": "config.json", "weights": "model.h5",
                    "cpus": 4, "filament": True, "box_distance": 20, "min_boxes": 6},
            gpus=(0, 1),
            argv=(
                "cryolo_predict.py", "-c", "config.json", "-w", "model.h5", "-i", "mics",
                "-o", "mics_cryolo", "-g", "0", "1", "-t", "0.3", "-d", "0", "-pbs", "3",
                "--gpu_fraction", "1.0", "-nc", "4", "--norm_margin", "0.0", "--filament",
                "-bd", "20", "-sr", "1.41", "-ad", "10.0", "--directional_method", "PREDICTED",
                "-sm", "LINE_STRAIGHTNESS", "-st", "0.95", "-mn", "6",
            ),
        ),
        Example(
            params={"micrographs": "m2.tif", "config": "config.json", "weights": "model.h5",
                    "threshold": 0.2, "min_size": 100, "on_the_fly": True},
            argv=(
                "cryolo_predict.py", "-c", "config.json", "-w", "model.h5", "-i", "m2.tif",
                "-o", "m2_cryolo", "-t", "0.2", "-d", "0", "--minsize", "100", "-pbs", "3",
                "--gpu_fraction", "1.0", "--norm_margin", "0.0", "--otf",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source="cryolo 1.9.9 of PyPI, cryolo/predict.py; scipion-em-sphire 3.2.6 "
    "protocol_cryolo_picking.py",
    unverified=(NEVER_RUN, "how much memory a batch takes"),
)  # fmt: skip
