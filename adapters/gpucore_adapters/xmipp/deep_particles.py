"""Xmipp's networks for particles: centring, and alignment by cones."""

from gpucore.standard import (
    Adapter,
    Example,
    Gpu,
    GpuUse,
    Group,
    Output,
    Param,
    Program,
    Template,
)
from gpucore_adapters.tensorflow_failures import TENSORFLOW_FAILURES
from gpucore_adapters.xmipp.about import HOMEPAGE, INSTALL, LICENCE, SOURCE, XMIPP

__all__ = ["CENTER", "CENTER_PREDICT", "CONE_ALIGN", "CONE_ALIGN_PREDICT"]

# All four put the text that they are told into CUDA_VISIBLE_DEVICES; -1 leaves the mask alone.
_GPU = Gpu(use=GpuUse.OPTIONAL, form="space", max=1, overwrites_mask=True, sharing="forbidden")
_PARTICLES = Param(type="path", item=True, help="metadata (.xmd) of the particles")

CENTER = Adapter(
    name="xmipp_deep_center",
    title="Xmipp: train a network that finds the centre of particles",
    family="Xmipp",
    homepage=HOMEPAGE,
    program=Program(executable="xmipp_deep_center", install=INSTALL),
    gpu=_GPU,
    command=Template(
        argv=(
            "%(EXE)s",
            "-i", "%(particles)s",
            "--omodel", "%(out)s",
            "--sigma", "%(sigma)s",
            "--maxEpochs", "%(epochs)s",
            "--batchSize", "%(batch)s",
            "--learningRate", "%(learning_rate)s",
            "--precision", "%(precision)s",
            # Its default is GPU 0.
            Group(when="gpu", args=("--gpu", "%(GPU)s")),
            Group(when="cpu", args=("--gpu", "-1")),
        ),
    ),
    params={
        "particles": _PARTICLES,
        "out": Param(type="path", output="%(particles.stem)s_center.h5", suffix=(".h5",),
                     help="trained network"),
        "sigma": Param(type="float", unit="pixels", default=5.0, min=0,
                       help="how far particles are off on average"),
        "epochs": Param(type="int", default=500, min=1, help="rounds over all particles at most"),
        "batch": Param(type="int", unit="particles", default=8, min=1,
                       help="particles at once; fewer take less memory"),
        "learning_rate": Param(type="float", default=1e-4, above=0, help="learning rate"),
        "precision": Param(type="float", unit="pixels", default=0.5, above=0,
                           help="stop when the shifts are found this well"),
    },
    failure=TENSORFLOW_FAILURES,
    example=(
        Example(
            params={"particles": "p.xmd", "batch": 32},
            gpus=(10, 11),
            argv=("xmipp_deep_center", "-i", "p.xmd", "--omodel", "p_center.h5",
                  "--sigma", "5.0", "--maxEpochs", "500", "--batchSize", "32",
                  "--learningRate", "0.0001", "--precision", "0.5", "--gpu", "10"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"particles": "p.xmd"},
            argv=("xmipp_deep_center", "-i", "p.xmd", "--omodel", "p_center.h5",
                  "--sigma", "5.0", "--maxEpochs", "500", "--batchSize", "8",
                  "--learningRate", "0.0001", "--precision", "0.5", "--gpu", "-1"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=LICENCE,
    citation=XMIPP,
    source=f"{SOURCE} src/xmipp/applications/scripts/deep_center/batch_deep_center.py",
    unverified=("never run",),
)  # fmt: skip

CENTER_PREDICT = Adapter(
    name="xmipp_deep_center_predict",
    title="Xmipp: find the centre of particles by a trained network",
    family="Xmipp",
    homepage=HOMEPAGE,
    program=Program(executable="xmipp_deep_center_predict", install=INSTALL),
    gpu=_GPU,
    command=Template(
        argv=(
            "%(EXE)s",
            "-i", "%(particles)s",
            "--model", "%(model)s",
            "-o", "%(out)s",
            "--scale", "%(scale)s",
            Group(when="gpu", args=("--gpu", "%(GPU)s")),
            Group(when="cpu", args=("--gpu", "-1")),
        ),
    ),
    params={
        "particles": _PARTICLES,
        "model": Param(type="path", help="network of xmipp_deep_center"),
        "out": Param(type="path", output="%(particles.stem)s_centered.xmd", suffix=(".xmd",),
                     help="the same metadata with shifts; angles are set to 0"),
        "scale": Param(type="float", default=1.0, above=0,
                       help="what the shifts are multiplied by, for scaled images"),
    },
    failure=TENSORFLOW_FAILURES,
    example=(
        Example(
            params={"particles": "p.xmd", "model": "center.h5"},
            gpus=(2, 3),
            argv=("xmipp_deep_center_predict", "-i", "p.xmd", "--model", "center.h5",
                  "-o", "p_centered.xmd", "--scale", "1.0", "--gpu", "2"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"particles": "p.xmd", "model": "center.h5", "scale": 2},
            argv=("xmipp_deep_center_predict", "-i", "p.xmd", "--model", "center.h5",
                  "-o", "p_centered.xmd", "--scale", "2.0", "--gpu", "-1"),
        ),
    ),
    licence=LICENCE,
    citation=XMIPP,
    source=f"{SOURCE} src/xmipp/applications/scripts/deep_center_predict/"
    "batch_deep_center_predict.py",
    unverified=("never run",),
)  # fmt: skip

_CONE_PAPER = f"Jiménez-Moreno et al., J. Struct. Biol. (2021); Xmipp: {XMIPP}"
_CONE_UNVERIFIED = (
    "never run; it is among Xmipp's old programs",
    "the first of its citations: no text with its DOI was found",
)

CONE_ALIGN = Adapter(
    name="xmipp_cone_deepalign",
    title="Xmipp DeepAlign: train a network that knows the particles of one cone of directions",
    family="Xmipp",
    homepage=HOMEPAGE,
    program=Program(executable="xmipp_cone_deepalign", install=INSTALL),
    gpu=_GPU,
    command=Template(
        argv=(
            "%(EXE)s",
            "%(particles)s",
            "%(labels)s",
            "%(out.dir)s",
            "%(out.stem)s",
            "%(epochs)s",
            "%(box_size)s",
            # Two classes: in the cone, or not.
            "2",
            "%(batch)s",
            Group(when="gpu", args=("%(GPU)s",)),
            Group(when="cpu", args=("-1",)),
        ),
    ),
    params={
        "particles": _PARTICLES,
        "labels": Param(type="path", help="text file: 1 for each particle of the cone, else 0"),
        "out": Param(type="path", output="%(particles.stem)s.h5", suffix=(".h5",),
                     help="trained network"),
        "box_size": Param(type="int", unit="pixels", min=20, help="box of the particles"),
        "epochs": Param(type="int", default=10, min=1, help="rounds over all particles"),
        "batch": Param(type="int", unit="particles", default=128, min=2,
                       help="particles at once; fewer take less memory"),
    },
    output=(Output(name="errors", path="%(out.base)s.txt"),),
    failure=TENSORFLOW_FAILURES,
    example=(
        Example(
            params={"particles": "cone1.xmd", "labels": "cone1.txt", "box_size": 40},
            gpus=(3, 4),
            argv=("xmipp_cone_deepalign", "cone1.xmd", "cone1.txt", ".", "cone1", "10", "40", "2",
                  "128", "3"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"particles": "cone2.xmd", "labels": "cone2.txt", "box_size": 40,
                    "out": "nets/modelCone2.h5"},
            argv=("xmipp_cone_deepalign", "cone2.xmd", "cone2.txt", "nets", "modelCone2", "10",
                  "40", "2", "128", "-1"),
        ),
    ),
    licence=LICENCE,
    citation=_CONE_PAPER,
    source=f"{SOURCE} src/xmipp/legacy/applications/scripts/cone_deepalign/"
    "batch_cone_deepalign.py",
    unverified=_CONE_UNVERIFIED,
)  # fmt: skip

CONE_ALIGN_PREDICT = Adapter(
    name="xmipp_cone_deepalign_predict",
    title="Xmipp DeepAlign: tell the cones of directions that particles belong to",
    family="Xmipp",
    homepage=HOMEPAGE,
    program=Program(executable="xmipp_cone_deepalign_predict", install=INSTALL),
    gpu=_GPU,
    command=Template(
        argv=(
            "%(EXE)s",
            "%(particles)s",
            "%(folder)s",
            "%(box_size)s",
            "%(cones)s",
            "%(keep)s",
            Group(when="gpu", args=("%(GPU)s",)),
            Group(when="cpu", args=("-1",)),
        ),
    ),
    params={
        "particles": Param(type="path", help="metadata (.xmd) of the particles"),
        "folder": Param(type="path", check="directory",
                        help="folder of the networks modelCone1.h5, modelCone2.h5, …; what was "
                        "found is written there, too"),
        "box_size": Param(type="int", unit="pixels", min=20, help="box of the particles"),
        "cones": Param(type="int", min=1, help="number of cones"),
        "keep": Param(type="int", default=3, min=1, help="cones kept for each particle"),
    },
    output=(Output(name="cones_found", path="%(folder)s/conePrediction.txt"),),
    failure=TENSORFLOW_FAILURES,
    example=(
        Example(
            params={"particles": "p.xmd", "folder": "nets", "box_size": 40, "cones": 12},
            gpus=(1, 2),
            argv=("xmipp_cone_deepalign_predict", "p.xmd", "nets", "40", "12", "3", "1"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"particles": "p.xmd", "folder": "nets", "box_size": 40, "cones": 12},
            argv=("xmipp_cone_deepalign_predict", "p.xmd", "nets", "40", "12", "3", "-1"),
        ),
    ),
    licence=LICENCE,
    citation=_CONE_PAPER,
    source=f"{SOURCE} src/xmipp/legacy/applications/scripts/cone_deepalign_predict/"
    "batch_cone_deepalign_predict.py",
    unverified=_CONE_UNVERIFIED,
)  # fmt: skip
