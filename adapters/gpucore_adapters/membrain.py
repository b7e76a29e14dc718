"""MemBrain-seg: segment membranes in tomograms, and thin them out, on the first GPU that it sees.

It has no option for GPUs. That of `skeletonize` for a device is read and then forgotten.
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

_HOMEPAGE = "https://teamtomo.org/membrain-seg"
_PROGRAM = Program(executable="membrain", install="pip install membrain-seg click")
_LICENCE = "BSD-3-Clause"
_CITATION = "Lamm et al., bioRxiv (2024), doi:10.1101/2024.01.05.574336"
_NOT_RUN = (
    "never run on a GPU: of 0.0.10 as installed from PyPI even the import failed (no click)",
    "that PyTorch's warning of CUDA is printed in every release of PyTorch",
)

_FAILURES = (
    # It says nothing itself when it computes on the CPU; PyTorch's own warning tells.
    Failure(match=r"but CUDA is not available", when="gpu", class_=FailureClass.CPU_FALLBACK,
            effect="warn", hint="it ran on the CPU while it held a GPU: its PyTorch must fit the "
            "driver"),
    Failure(match=r"CUDA out of memory|OutOfMemoryError", class_=FailureClass.OUT_OF_MEMORY,
            hint="a smaller window, which segments worse, or a smaller `batch`"),
    Failure(match=r"Input pixel size is 0\.0|must be multiple of 32|Unsupported skeletonization",
            class_=FailureClass.BAD_INPUT),
    Failure(match=r"FileNotFoundError", class_=FailureClass.BAD_INPUT),
    Failure(match=r"ModuleNotFoundError: No module named", class_=FailureClass.NOT_STARTED,
            hint="start it in its own environment; with typer 0.29 it lacks click"),
)  # fmt: skip

MEMBRAIN_SEGMENT = Adapter(
    name="membrain_segment",
    title="MemBrain-seg: segment the membranes of a tomogram",
    family="MemBrain",
    homepage=_HOMEPAGE,
    program=_PROGRAM,
    gpu=Gpu(use=GpuUse.OPTIONAL, form="none", max=1, memory_note="less for smaller windows"),
    # It names its output after tomogram and network.
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s", "segment", "--tomogram-path", "%(tomogram)s", "--ckpt-path", "%(model)s",
            "--out-folder", "segmented",
            Group(when="rescale",
                  args=("--rescale-patches", "--out-pixel-size", "%(out_pixel_size)s")),
            Group(when=("rescale", "pixel_size"), args=("--in-pixel-size", "%(pixel_size)s")),
            Group(when="scores", args=("--store-probabilities",)),
            Group(when="components", args=("--store-connected-components",)),
            Group(when=("components", "min_size"),
                  args=("--connected-component-thres", "%(min_size)s")),
            Group(unless="augment", args=("--no-test-time-augmentation",)),
            "--segmentation-threshold", "%(threshold)s",
            "--sliding-window-size", "%(window)s",
        ),
    ),
    params={
        "tomogram": Param(type="path", item=True, check="mrc", help="tomogram"),
        "out": Param(type="path", output="%(tomogram.stem)s_membranes.mrc", suffix=(".mrc",),
                     help="segmentation"),
        "model": Param(type="path", suffix=(".ckpt",), help="trained network"),
        "rescale": Param(type="bool", default=False,
                         help="scale patches to the pixel size of the network on the fly"),
        "pixel_size": Param(type="float", unit="Å", optional=True, above=0, needs=("rescale",),
                            help="pixel size of the tomogram; that of its header when left out"),
        "out_pixel_size": Param(type="float", unit="Å", default=10.0, above=0, advanced=True,
                                help="pixel size of the network; leave it"),
        "scores": Param(type="bool", default=False, help="write the scores, too"),
        "components": Param(type="bool", default=False, help="number the membranes"),
        "min_size": Param(type="int", unit="voxels", optional=True, min=1,
                          needs=("components",), help="smaller membranes are left out"),
        "augment": Param(type="bool", default=True,
                         help="average over eight mirrors: better, and eight times as long"),
        "threshold": Param(type="float", default=0.0, help="least score of a membrane"),
        "window": Param(type="int", unit="voxels", default=160, min=32, multiple_of=32,
                        help="window; less than 160 segments worse"),
    },
    # A tomogram without membranes is a result.
    output=(
        Output(name="out", made="segmented/*_segmented.mrc"),
        Output(name="score_map", path="%(out.base)s_scores.mrc", made="segmented/*_scores.mrc",
               check="mrc", when="scores"),
    ),
    failure=_FAILURES,
    success_match=r"MemBrain has finished segmenting",
    example=(
        Example(
            params={"tomogram": "t1.mrc", "model": "MemBrain_seg_v10.ckpt"},
            gpus=(1,),
            argv=("membrain", "segment", "--tomogram-path", "t1.mrc", "--ckpt-path",
                  "MemBrain_seg_v10.ckpt", "--out-folder", "segmented",
                  "--segmentation-threshold", "0.0", "--sliding-window-size", "160"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
        # A slot of two: it sees one.
        Example(
            params={"tomogram": "t2.mrc", "model": "m.ckpt", "rescale": True,
                    "pixel_size": 13.5, "scores": True, "augment": False},
            gpus=(3, 2),
            argv=("membrain", "segment", "--tomogram-path", "t2.mrc", "--ckpt-path", "m.ckpt",
                  "--out-folder", "segmented", "--rescale-patches", "--out-pixel-size", "10.0",
                  "--in-pixel-size", "13.5", "--store-probabilities",
                  "--no-test-time-augmentation", "--segmentation-threshold", "0.0",
                  "--sliding-window-size", "160"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={"tomogram": "t3.mrc", "model": "m.ckpt", "window": 96},
            argv=("membrain", "segment", "--tomogram-path", "t3.mrc", "--ckpt-path", "m.ckpt",
                  "--out-folder", "segmented", "--segmentation-threshold", "0.0",
                  "--sliding-window-size", "96"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source="membrain-seg 0.0.10 of PyPI, src/membrain_seg/segmentation/segment.py, "
    "cli/segment_cli.py, dataloading/data_utils.py",
    unverified=_NOT_RUN,
)  # fmt: skip

MEMBRAIN_SKELETONIZE = Adapter(
    name="membrain_skeletonize",
    title="MemBrain-seg: thin the segmentation of membranes out",
    family="MemBrain",
    homepage=_HOMEPAGE,
    program=_PROGRAM,
    gpu=Gpu(use=GpuUse.OPTIONAL, form="none", max=1,
            memory_note="by the size of the tomogram, or of `batch`"),
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s", "skeletonize", "--label-path", "%(labels)s", "--out-folder", "thinned",
            "--method", "%(method)s",
            Group(args=("--batch-size", "%(batch)s")),
        ),
    ),
    params={
        "labels": Param(type="path", item=True, check="mrc", help="segmentation"),
        "out": Param(type="path", output="%(labels.stem)s_skeleton.mrc", suffix=(".mrc",),
                     help="skeleton"),
        "method": Param(type="choice", default="3D-NMS", choices=("3D-NMS", "2D-skimage"),
                        help="3D-NMS on the GPU, 2D-skimage slice by slice on the CPU"),
        "batch": Param(type="int", unit="voxels", optional=True, min=1,
                       help="voxels at once; 1000000 for small GPUs, all when left out"),
    },
    output=(Output(name="out", made="thinned/*_skel.mrc"),),
    failure=_FAILURES,
    success_match=r"Skeleton saved to",
    example=(
        Example(
            params={"labels": "t1_membranes.mrc"},
            gpus=(2,),
            argv=("membrain", "skeletonize", "--label-path", "t1_membranes.mrc",
                  "--out-folder", "thinned", "--method", "3D-NMS"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        Example(
            params={"labels": "t2_membranes.mrc", "batch": 1000000},
            argv=("membrain", "skeletonize", "--label-path", "t2_membranes.mrc",
                  "--out-folder", "thinned", "--method", "3D-NMS", "--batch-size", "1000000"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source="membrain-seg 0.0.10 of PyPI, src/membrain_seg/segmentation/cli/ske_cli.py, "
    "skeletonize.py",
    unverified=_NOT_RUN,
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer both commands."""
    return (MEMBRAIN_SEGMENT, MEMBRAIN_SKELETONIZE)
