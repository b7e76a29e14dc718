"""crYOLO on tomograms: picked slice by slice, then traced through the slices."""

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

__all__ = ["CRYOLO_PREDICT_TOMO"]

_TRACING = {
    "search_range": Param(type="int", unit="pixels", optional=True, min=1, section="Tracing",
                          help="how far a particle may move from slice to slice; from the box "
                          "size when left out"),
    "gap": Param(type="int", default=0, min=0, section="Tracing",
                 help="slices in which a particle may be missing"),
    "min_length": Param(type="int", default=5, min=1, section="Tracing",
                        help="least number of slices of a particle"),
    "min_boxes_3d": Param(type="int", default=2, min=1, section="Tracing",
                          help="least number of boxes of a filament"),
    "window": Param(type="int", optional=True, min=1, section="Tracing", needs=("filament",),
                    help="positions of a filament that are averaged; from the box distance when "
                    "left out"),
    "min_edge_weight": Param(type="float", default=0.4, min=0, max=1, section="Tracing",
                             help="overlap from which filaments of two slices are one"),
    "merge_threshold": Param(type="float", default=0.8, min=0, max=1, section="Tracing",
                             help="overlap from which filaments are merged"),
}  # fmt: skip

CRYOLO_PREDICT_TOMO = Adapter(
    name="cryolo_predict_tomo",
    title="crYOLO: pick particles or filaments in tomograms by a neural network",
    family="crYOLO",
    homepage=HOMEPAGE,
    program=PREDICT,
    gpu=Gpu(use=GpuUse.OPTIONAL, form="space", overwrites_mask=True,
            memory_note="more for larger batches of slices"),
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s", "--tomogram", "-c", "%(config)s", "-w", "%(weights)s",
            "-i", "%(tomogram)s", "-o", "%(out)s", GPU_GROUP, *PICKING_ARGS,
            Group(args=("-tsr", "%(search_range)s")),
            "-tmem", "%(gap)s",
            "-tmin", "%(min_length)s",
            *FILAMENT_ARGS,
            Group(when="filament",
                  args=("-mn3d", "%(min_boxes_3d)s", "-tedge", "%(min_edge_weight)s",
                        "-tmerge", "%(merge_threshold)s")),
            Group(when=("filament", "window"), args=("-twin", "%(window)s")),
        ),
    ),
    params={
        "tomogram": Param(type="path", item=True, suffix=IMAGES,
                          help="tomogram; its slices are images"),
        "out": Param(type="path", output="%(tomogram.stem)s_cryolo", check="directory",
                     help="folder of coordinates: CBOX_3D, COORDS, EMAN_3D, CBOX_UNTRACED"),
        **MODEL_PARAMS,
        **PICKING_PARAMS,
        **_TRACING,
        **FILAMENT_PARAMS,
    },
    output=(
        # A tomogram in which nothing was traced has none of these, nor has it the folder.
        Output(name="boxes", path="%(out)s/CBOX_3D/%(tomogram.stem)s.cbox", unless="filament"),
        Output(name="coordinates", path="%(out)s/COORDS/%(tomogram.stem)s.coords",
               unless="filament"),
    ),
    failure=PICKING_FAILURES,
    success_match=PICKED,
    example=(
        Example(
            params={"tomogram": "t1.mrc", "config": "config.json", "weights": "model.h5",
                    "gap": 1},
            gpus=(1,),
            argv=(
                "cryolo_predict.py", "--tomogram", "-c", "config.json", "-w", "model.h5",
                "-i", "t1.mrc", "-o", "t1_cryolo", "-g", "1", "-t", "0.3", "-d", "0",
                "-pbs", "3", "--gpu_fraction", "1.0", "--norm_margin", "0.0", "-tmem", "1",
                "-tmin", "5",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"tomogram": "t2.rec", "config": "config.json", "weights": "model.h5",
                    "filament": True, "box_distance": 15, "window": 150, "search_range": 20},
            gpus=(2, 3),
            argv=(
                "cryolo_predict.py", "--tomogram", "-c", "config.json", "-w", "model.h5",
                "-i", "t2.rec", "-o", "t2_cryolo", "-g", "2", "3", "-t", "0.3", "-d", "0",
                "-pbs", "3", "--gpu_fraction", "1.0", "--norm_margin", "0.0", "-tsr", "20",
                "-tmem", "0", "-tmin", "5", "--filament", "-bd", "15", "-sr", "1.41",
                "-ad", "10.0", "--directional_method", "PREDICTED",
                "-sm", "LINE_STRAIGHTNESS", "-st", "0.95", "-mn3d", "2", "-tedge", "0.4",
                "-tmerge", "0.8", "-twin", "150",
            ),
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source="cryolo 1.9.9 of PyPI, cryolo/predict.py; scipion-em-sphire 3.2.6 "
    "protocol_cryolo_tomo_picking.py",
    unverified=(NEVER_RUN, "the names of files of traced filaments"),
)  # fmt: skip
