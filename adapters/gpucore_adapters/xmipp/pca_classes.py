"""Xmipp's two-dimensional classes by principal components, on PyTorch."""

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
from gpucore_adapters.pytorch_failures import PYTORCH_FAILURES, out_of_memory
from gpucore_adapters.xmipp.about import HOMEPAGE, INSTALL, LICENCE, SOURCE, XMIPP

__all__ = ["ALIGN_PCA", "CLASSIFY_PCA", "CLASSIFY_PCA_TRAIN"]

_TORCH_FAILURES = (
    out_of_memory("another program holds the GPU's memory, or the images are too large"),
    *PYTORCH_FAILURES,
)

ALIGN_PCA = Adapter(
    name="xmipp_alignpca_2d",
    title="Xmipp alignPCA-2D: classify particles in two dimensions by principal components",
    family="Xmipp",
    homepage=HOMEPAGE,
    program=Program(executable="xmipp_alignPCA_2D", install=INSTALL),
    gpu=Gpu(use=GpuUse.COMPULSORY, form="none", max=1, sharing="discouraged",
            memory_note="the batches are chosen for the memory of the GPU"),
    command=Template(
        # Its STAR files name the averages by their path.
        in_place=True,
        argv=(
            "%(EXE)s",
            "-i", "%(particles)s",
            "-s", "%(pixel_size)s",
            "-c", "%(classes)s",
            "-t", "%(training)s",
            "-hr", "%(resolution)s",
            "-p", "%(variance)s",
            "-o", "%(out)s",
            "-stExp", "%(metadata)s",
            Group(args=("--mask", "--sigma", "%(sigma)s")),
            Group(args=("-r", "%(references)s")),
        ),
    ),
    params={
        "particles": Param(type="path", item=True, check="mrc", help="stack of particles (MRC)"),
        "metadata": Param(type="path", help="metadata of the same particles"),
        "out": Param(type="path", output="%(particles.stem)s_classes", check="any",
                     help="first part of the names of all outputs"),
        "pixel_size": Param(type="float", unit="Å", above=0, max=100, help="pixel size"),
        "classes": Param(type="int", default=50, min=1, help="number of classes"),
        "training": Param(type="int", default=100000, min=1,
                          help="particles that the components are found from"),
        "resolution": Param(type="float", unit="Å", default=8.0, above=0,
                            help="finest resolution used"),
        "variance": Param(type="float", default=0.85, above=0, max=1, advanced=True,
                          help="part of the variance that the components explain"),
        "sigma": Param(type="float", unit="pixels", optional=True, above=0,
                       help="width of a Gaussian mask; no mask when not given"),
        "references": Param(type="path", optional=True, check="mrc",
                            help="class averages to go on from"),
    },
    output=(
        Output(name="averages", path="%(out)s.mrcs", check="mrc"),
        Output(name="classes_star", path="%(out)s_classes.star"),
        Output(name="images_star", path="%(out)s_images.star"),
    ),
    failure=_TORCH_FAILURES,
    example=(
        Example(
            params={"particles": "p.mrc", "metadata": "p.xmd", "pixel_size": 3.2},
            gpus=(3,),
            argv=("xmipp_alignPCA_2D", "-i", "p.mrc", "-s", "3.2", "-c", "50", "-t", "100000",
                  "-hr", "8.0", "-p", "0.85", "-o", "p_classes", "-stExp", "p.xmd"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={"particles": "p.mrc", "metadata": "p.xmd", "pixel_size": 3.2, "classes": 100,
                    "sigma": 40, "references": "c.mrcs"},
            gpus=(1, 2),
            argv=("xmipp_alignPCA_2D", "-i", "p.mrc", "-s", "3.2", "-c", "100", "-t", "100000",
                  "-hr", "8.0", "-p", "0.85", "-o", "p_classes", "-stExp", "p.xmd",
                  "--mask", "--sigma", "40.0", "-r", "c.mrcs"),
        ),
    ),
    licence=LICENCE,
    citation=XMIPP,
    source="github.com/I2PC/scipion-em-xmipp 2a0af25e xmipp3/protocols/protocol_alignPCA_2D.py; "
    "for the outputs the like program classify_pca of github.com/I2PC/xmipp 3ce80f0b5",
    unverified=(
        "never run; its own source was not found: its options are those that Scipion gives it, "
        "and it has others (its older kin takes -g for the GPU)",
        "that it heeds CUDA_VISIBLE_DEVICES, as Scipion takes for granted",
        "that it writes what its older kin writes",
    ),
)  # fmt: skip

# Without -g they would set the mask to the text None, and find no GPU.
_MASKING = Gpu(use=GpuUse.COMPULSORY, form="space", max=1, overwrites_mask=True,
               sharing="discouraged",
               memory_note="the batches are chosen for the memory of the GPU")  # fmt: skip
_STACK = Param(type="path", item=True, check="mrc", help="stack of particles (MRC)")

CLASSIFY_PCA_TRAIN = Adapter(
    name="xmipp_classify_pca_train",
    title="Xmipp: find the principal components of particles",
    family="Xmipp",
    homepage=HOMEPAGE,
    program=Program(executable="xmipp_classify_pca_train", install=INSTALL),
    gpu=_MASKING,
    command=Template(
        argv=(
            "%(EXE)s",
            "-i", "%(particles)s",
            "-s", "%(pixel_size)s",
            "-hr", "%(resolution)s",
            "-lr", "%(resolution_min)s",
            "-p", "%(variance)s",
            "-t", "%(training)s",
            "-o", "%(out)s",
            Group(when="at_once", args=("--batchPCA",)),
            "-g", "%(GPU)s",
        ),
    ),
    params={
        "particles": _STACK,
        "out": Param(type="path", output="%(particles.stem)s_pca", check="any",
                     help="first part of the names of all outputs"),
        "pixel_size": Param(type="float", unit="Å", above=0, max=100, help="pixel size"),
        "training": Param(type="int", min=1,
                          help="particles that are used, from the first; no more than there are"),
        "resolution": Param(type="float", unit="Å", default=8.0, above=0,
                            help="finest resolution used"),
        "resolution_min": Param(type="float", unit="Å", default=200.0, above=0,
                                help="coarsest resolution used"),
        "variance": Param(type="float", default=0.85, above=0, max=1,
                          help="part of the variance that the components explain"),
        "at_once": Param(type="bool", default=False, advanced=True,
                         help="find them from all particles at once, not in turn"),
    },
    output=(
        Output(name="bands", path="%(out)s_bands.pt"),
        Output(name="vectors", path="%(out)s_vecs.pt"),
    ),
    failure=_TORCH_FAILURES,
    example=(
        Example(
            params={"particles": "p.mrc", "pixel_size": 3.2, "training": 10000},
            gpus=(10,),
            argv=("xmipp_classify_pca_train", "-i", "p.mrc", "-s", "3.2", "-hr", "8.0",
                  "-lr", "200.0", "-p", "0.85", "-t", "10000", "-o", "p_pca", "-g", "10"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"particles": "p.mrc", "pixel_size": 3.2, "training": 500, "at_once": True},
            gpus=(1, 2),
            argv=("xmipp_classify_pca_train", "-i", "p.mrc", "-s", "3.2", "-hr", "8.0",
                  "-lr", "200.0", "-p", "0.85", "-t", "500", "-o", "p_pca", "--batchPCA",
                  "-g", "1"),
        ),
    ),
    licence=LICENCE,
    citation=XMIPP,
    source=f"{SOURCE} src/xmipp/applications/scripts/classify_pca_train/"
    "batch_classify_pca_train.py",
    unverified=("never run", "the defaults of the resolutions are not the program's: it has none"),
)  # fmt: skip

CLASSIFY_PCA = Adapter(
    name="xmipp_classify_pca",
    title="Xmipp: classify particles in two dimensions by components found before",
    family="Xmipp",
    homepage=HOMEPAGE,
    program=Program(executable="xmipp_classify_pca", install=INSTALL),
    gpu=_MASKING,
    command=Template(
        # Its STAR files name the averages by their path.
        in_place=True,
        argv=(
            "%(EXE)s",
            "-i", "%(particles)s",
            "-c", "%(classes)s",
            "-b", "%(bands)s",
            "-v", "%(vectors)s",
            "-o", "%(out)s",
            "-stExp", "%(metadata)s",
            Group(when="mask", args=("--mask",)),
            Group(when=("mask", "sigma"), args=("--sigma", "%(sigma)s")),
            Group(args=("-r", "%(references)s")),
            "-g", "%(GPU)s",
        ),
    ),
    params={
        "particles": _STACK,
        "metadata": Param(type="path", help="metadata of the same particles"),
        "bands": Param(type="path", suffix=(".pt",), help="bands of xmipp_classify_pca_train"),
        "vectors": Param(type="path", suffix=(".pt",),
                         help="components of xmipp_classify_pca_train"),
        "out": Param(type="path", output="%(particles.stem)s_classes", check="any",
                     help="first part of the names of all outputs"),
        "classes": Param(type="int", default=50, min=1, help="number of classes"),
        "mask": Param(type="bool", default=True, help="put a Gaussian mask on the particles"),
        "sigma": Param(type="float", unit="pixels", optional=True, above=0,
                       help="width of that mask; a third of the box when not given"),
        "references": Param(type="path", optional=True, check="mrc",
                            help="class averages to go on from"),
    },
    output=(
        Output(name="averages", path="%(out)s.mrcs", check="mrc"),
        Output(name="sharpened", path="%(out)s_contrast.mrcs", check="mrc"),
        Output(name="classes_star", path="%(out)s_classes.star"),
        Output(name="images_star", path="%(out)s_images.star"),
    ),
    failure=_TORCH_FAILURES,
    example=(
        Example(
            params={"particles": "p.mrc", "metadata": "p.xmd", "bands": "b.pt",
                    "vectors": "v.pt"},
            gpus=(3,),
            argv=("xmipp_classify_pca", "-i", "p.mrc", "-c", "50", "-b", "b.pt", "-v", "v.pt",
                  "-o", "p_classes", "-stExp", "p.xmd", "--mask", "-g", "3"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"particles": "p.mrc", "metadata": "p.xmd", "bands": "b.pt",
                    "vectors": "v.pt", "sigma": 40, "references": "c.mrcs", "classes": 100},
            gpus=(1, 2),
            argv=("xmipp_classify_pca", "-i", "p.mrc", "-c", "100", "-b", "b.pt", "-v", "v.pt",
                  "-o", "p_classes", "-stExp", "p.xmd", "--mask", "--sigma", "40.0",
                  "-r", "c.mrcs", "-g", "1"),
        ),
    ),
    licence=LICENCE,
    citation=XMIPP,
    source=f"{SOURCE} src/xmipp/applications/scripts/classify_pca/batch_classify_pca.py, "
    "libraries/py_xmipp/classifyPcaFuntion/assessment.py",
    unverified=("never run",),
)  # fmt: skip
