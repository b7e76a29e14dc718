"""Xmipp's networks for micrographs and particles: cleaning and scoring."""

from gpucore.standard import (
    Adapter,
    Example,
    Gpu,
    GpuUse,
    Group,
    Param,
    Program,
    Template,
)
from gpucore_adapters.shell_names import PLAIN_NAME
from gpucore_adapters.tensorflow_failures import TENSORFLOW_FAILURES
from gpucore_adapters.xmipp.about import HOMEPAGE, INSTALL, LICENCE, SOURCE

__all__ = ["CONSENSUS_SCORE", "CONSENSUS_TRAIN", "MICROGRAPH_CLEANER"]

MICROGRAPH_CLEANER = Adapter(
    name="xmipp_deep_micrograph_cleaner",
    title="Xmipp MicrographCleaner: drop picked particles that lie on carbon or contamination",
    family="Xmipp",
    homepage="https://github.com/rsanchezgarc/micrograph_cleaner_em",
    program=Program(executable="xmipp_deep_micrograph_cleaner", install=INSTALL),
    # One process for each GPU; each sets its mask to the number that it was told.
    gpu=Gpu(use=GpuUse.OPTIONAL, form="comma", overwrites_mask=True, sharing="forbidden"),
    command=Template(
        argv=(
            "%(EXE)s",
            "-i", "%(micrographs)s",
            "-b", "%(box_size)s",
            Group(args=("-c", "%(coordinates)s")),
            "-o", "%(out)s",
            "-s", "%(scale)s",
            Group(args=("--deepThr", "%(threshold)s")),
            "--sizeThr", "%(size_threshold)s",
            Group(args=("--predictedMaskDir", "%(masks)s")),
            Group(args=("-d", "%(model)s")),
            Group(when="gpu", args=("-g", "%(GPU)s")),
            # Its default is GPU 0.
            Group(when="cpu", args=("-g", "-1")),
        ),
    ),
    params={
        "micrographs": Param(type="path", item=True, blanks=False, pattern=PLAIN_NAME,
                             help="metadata (.xmd) that lists the micrographs (MRC or TIFF)"),
        "coordinates": Param(type="path", check="directory", blanks=False, pattern=PLAIN_NAME,
                             help="folder of picked coordinates, one .pos file a micrograph"),
        "out": Param(type="path", output="%(micrographs.stem)s_cleaned", check="directory",
                     blanks=False,
                     pattern=PLAIN_NAME, help="folder of the coordinates that are kept"),
        "box_size": Param(type="int", unit="pixels", min=1, help="box of a particle"),
        "scale": Param(type="float", default=1.0, above=0,
                       help="what coordinates are scaled by to fit the micrographs"),
        "threshold": Param(type="float", optional=True, above=0, below=1,
                           help="contamination above which a coordinate is dropped; less drops "
                           "more. Without it all are kept, with their scores"),
        "size_threshold": Param(type="float", default=0.8, above=0, below=1, advanced=True,
                                help="a mask that covers more of the micrograph is ignored"),
        "masks": Param(type="path", optional=True, check="any", blanks=False, pattern=PLAIN_NAME,
                       help="folder of masks; those that are there are used, not made again"),
        "model": Param(type="path", optional=True, blanks=False, pattern=PLAIN_NAME, advanced=True,
                       help="network; Xmipp's own when not given"),
    },
    failure=TENSORFLOW_FAILURES,
    example=(
        Example(
            params={"micrographs": "mics.xmd", "coordinates": "picked", "box_size": 256,
                    "threshold": 0.8},
            gpus=(0, 3),
            argv=(
                "xmipp_deep_micrograph_cleaner", "-i", "mics.xmd", "-b", "256", "-c", "picked",
                "-o", "mics_cleaned", "-s", "1.0", "--deepThr", "0.8", "--sizeThr", "0.8",
                "-g", "0,3",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"micrographs": "mics.xmd", "coordinates": "picked", "box_size": 256},
            argv=(
                "xmipp_deep_micrograph_cleaner", "-i", "mics.xmd", "-b", "256", "-c", "picked",
                "-o", "mics_cleaned", "-s", "1.0", "--sizeThr", "0.8", "-g", "-1",
            ),
        ),
    ),
    licence=f"{LICENCE}; MicrographCleaner itself: MIT",
    citation="Sanchez-Garcia et al., J. Struct. Biol. 210 (2020) 107498, "
    "doi:10.1016/j.jsb.2020.107498",
    source=f"{SOURCE} src/xmipp/applications/scripts/deep_micrograph_cleaner/"
    "deep_micrograph_cleaner.py; PyPI micrograph-cleaner-em 1.0.2 cleanMics.py, utils.py",
    unverified=("never run",),
)  # fmt: skip

# It compares the number of the GPU with 0 even when there is none (None): both of its ways
# without a GPU end in a TypeError. So: compulsory, although its help says otherwise.
_ONE = Gpu(use=GpuUse.COMPULSORY, form="space", max=1, overwrites_mask=True, sharing="forbidden")
_CONSENSUS_PAPER = "Sanchez-Garcia et al., IUCrJ 5 (2018) 854-865, doi:10.1107/S2052252518014392"
_CONSENSUS_SOURCE = (
    f"{SOURCE} src/xmipp/applications/scripts/deep_consensus/deep_consensus.py, "
    "libraries/py_xmipp/deepConsensusWorkers/deepConsensus_deepLearning1.py"
)

CONSENSUS_TRAIN = Adapter(
    name="xmipp_deep_consensus_train",
    title="Xmipp Deep Consensus: train networks to tell good particles from bad ones",
    family="Xmipp",
    homepage=HOMEPAGE,
    program=Program(executable="xmipp_deep_consensus", install=INSTALL),
    gpu=_ONE,
    command=Template(
        # It goes on from the networks that lie there.
        in_place=True,
        argv=(
            "%(EXE)s",
            "-n", "%(out)s",
            "--mode", "training",
            "-p", "%(positive)s",
            "-f", "%(negative)s",
            Group(args=("--trueW", "%(positive_weight)s")),
            Group(args=("--falseW", "%(negative_weights)s")),
            "-e", "%(epochs)s",
            "-l", "%(learning_rate)s",
            "-r", "%(regularisation)s",
            "-m", "%(models)s",
            Group(args=("--effective_data_size", "%(data_size)s")),
            "-g", "%(GPU)s",
        ),
    ),
    params={
        # Of several it would drop those beyond the number of negative sets, silently.
        "positive": Param(type="path", item=True, help="metadata (.xmd) of good particles"),
        "negative": Param(type="path", length=0, separator=":",
                          help="metadata of bad particles; several sets"),
        "out": Param(type="path", output="%(positive.stem)s_networks", check="directory",
                     help="folder of the networks; those that are there are trained on"),
        "positive_weight": Param(type="int", optional=True, min=-1, advanced=True,
                                 help="weight of the good ones; -1: by their number"),
        "negative_weights": Param(type="int", length=0, separator=":", optional=True, min=-1,
                                  advanced=True, help="weight of each bad set; -1: by its number"),
        "epochs": Param(type="float", default=5.0, min=0, help="rounds over all particles"),
        "learning_rate": Param(type="float", default=1e-4, above=0, help="learning rate"),
        "regularisation": Param(type="float", default=1e-5, min=0, help="weight of the L2 term"),
        "models": Param(type="int", default=2, min=1, help="networks that vote"),
        "data_size": Param(type="int", optional=True, min=1, advanced=True,
                           help="particles that the network's size is chosen for; the number of "
                           "good ones when not given"),
    },
    failure=TENSORFLOW_FAILURES,
    example=(
        Example(
            params={"positive": "good.xmd", "negative": ("bad1.xmd", "bad2.xmd")},
            gpus=(2,),
            argv=(
                "xmipp_deep_consensus", "-n", "good_networks", "--mode", "training",
                "-p", "good.xmd", "-f", "bad1.xmd:bad2.xmd", "-e", "5.0", "-l", "0.0001",
                "-r", "1e-05", "-m", "2", "-g", "2",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        # A slot of two: it uses one.
        Example(
            params={"positive": "good.xmd", "negative": ("bad.xmd",), "models": 3,
                    "positive_weight": 1, "negative_weights": (2,)},
            gpus=(10, 11),
            argv=(
                "xmipp_deep_consensus", "-n", "good_networks", "--mode", "training",
                "-p", "good.xmd", "-f", "bad.xmd", "--trueW", "1", "--falseW", "2", "-e", "5.0",
                "-l", "0.0001", "-r", "1e-05", "-m", "3", "-g", "10",
            ),
        ),
    ),
    unverified=("never run; what it prints when training ended is not known",
                "its option -s (train to the end) is left out: its help gives it a value, "
                "Scipion gives it none"),
    licence=LICENCE,
    citation=_CONSENSUS_PAPER,
    source=_CONSENSUS_SOURCE,
)  # fmt: skip

CONSENSUS_SCORE = Adapter(
    name="xmipp_deep_consensus",
    title="Xmipp Deep Consensus: score particles with trained networks",
    family="Xmipp",
    homepage=HOMEPAGE,
    program=Program(executable="xmipp_deep_consensus", install=INSTALL),
    gpu=_ONE,
    command=Template(
        argv=(
            "%(EXE)s",
            "-n", "%(networks)s",
            "--mode", "scoring",
            "-i", "%(particles)s",
            "-o", "%(out)s",
            Group(args=("--testingTrue", "%(good)s", "--testingFalse", "%(bad)s")),
            "-g", "%(GPU)s",
        ),
    ),
    params={
        "particles": Param(type="path", item=True, help="metadata (.xmd) of particles"),
        "networks": Param(type="path", check="directory", help="folder of trained networks"),
        "out": Param(type="path", output="%(particles.stem)s_scored.xmd", suffix=(".xmd",),
                     help="the same metadata with a score for each particle"),
        "good": Param(type="path", optional=True, needs=("bad",), section="Test",
                      help="particles known as good, to test the networks with"),
        "bad": Param(type="path", optional=True, needs=("good",), section="Test",
                     help="particles known as bad, to test the networks with"),
    },
    failure=TENSORFLOW_FAILURES,
    example=(
        Example(
            params={"particles": "p.xmd", "networks": "net"},
            gpus=(10,),
            argv=("xmipp_deep_consensus", "-n", "net", "--mode", "scoring", "-i", "p.xmd",
                  "-o", "p_scored.xmd", "-g", "10"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"particles": "p.xmd", "networks": "net", "good": "g.xmd", "bad": "b.xmd"},
            gpus=(1, 2),
            argv=("xmipp_deep_consensus", "-n", "net", "--mode", "scoring", "-i", "p.xmd",
                  "-o", "p_scored.xmd", "--testingTrue", "g.xmd", "--testingFalse", "b.xmd",
                  "-g", "1"),
        ),
    ),
    unverified=("never run",),
    licence=LICENCE,
    citation=_CONSENSUS_PAPER,
    source=_CONSENSUS_SOURCE,
)  # fmt: skip
