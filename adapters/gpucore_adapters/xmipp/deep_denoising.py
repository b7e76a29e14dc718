"""Xmipp's networks that denoise particles, told of all but their images by a JSON file."""

from gpucore.standard import (
    Adapter,
    Example,
    Gpu,
    GpuUse,
    Group,
    InputFile,
    Param,
    Program,
    Template,
)
from gpucore_adapters.tensorflow_failures import TENSORFLOW_FAILURES
from gpucore_adapters.xmipp.about import HOMEPAGE, INSTALL, LICENCE, SOURCE, XMIPP

__all__ = ["DENOISE", "DENOISE_TRAIN"]

_DENOISE_PARAMS = {
    "particles": Param(type="path", item=True, suffix=(".xmd",),
                       help="metadata of noisy particles, whose images have absolute paths"),
    "box_size": Param(type="int", unit="pixels", min=8, help="box of the particles"),
    "network_type": Param(type="choice", choices=("U-Net", "GAN"), default="U-Net",
                          help="kind of network"),
    "loss": Param(type="choice", choices=("MSE", "PerceptualLoss", "Both"), default="Both",
                  advanced=True, help="what the training makes small"),
}  # fmt: skip
_DENOISE_SOURCE = (
    f"{SOURCE} src/xmipp/legacy/applications/scripts/deep_denoising/batch_deep_denoising.py, "
    "libraries/py_xmipp/deepDenoising; github.com/I2PC/scipion-em-xmipp 2a0af25e "
    "xmipp3/legacy/protocols/protocol_deep_denoising.py"
)
_DENOISE_UNVERIFIED = (
    "never run; it is among Xmipp's old programs, which are no longer installed by default",
    "it runs in a folder of its own, so that relative paths of images fail",
)
# They want the list as text, and set the mask to it; an empty one means the processor.
_DENOISE_GPU = Gpu(use=GpuUse.OPTIONAL, form="comma", overwrites_mask=True, sharing="forbidden")

_TRAINING = (
    '{"builder": {"modelType": %(network_type)s, "boxSize": %(box_size)s, '
    '"saveModelFname": %(out)s, "modelDepth": %(depth)s, "gpuList": "GPU_LIST", '
    '"generatorLoss": %(loss)s, "trainingDataMode": "%(synthetic_noise)s", '
    '"regularizationStrength": %(regularisation)s}, '
    '"running": {"lr": %(learning_rate)s, "nEpochs": %(epochs)s}}\n'
)
_PREDICTION = (
    '{"builder": {"modelType": %(network_type)s, "boxSize": %(box_size)s, '
    '"saveModelFname": %(network)s, "modelDepth": -1, "gpuList": "GPU_LIST", '
    '"generatorLoss": %(loss)s, "batchSize": %(batch)s}}\n'
)

DENOISE_TRAIN = Adapter(
    name="xmipp_deep_denoising_train",
    title="Xmipp: train a network that denoises particles",
    family="Xmipp",
    homepage=HOMEPAGE,
    program=Program(executable="xmipp_deep_denoising", install=INSTALL),
    gpu=_DENOISE_GPU,
    command=Template(
        own_directory=True,
        # It goes on from the network that lies there.
        in_place=True,
        argv=(
            "%(EXE)s",
            "--mode", "training",
            "-i", "%(particles)s",
            "-p", "%(projections)s",
            Group(args=("--empty_particles", "%(empty)s")),
            "-c", "training.json",
        ),
    ),
    params={
        **_DENOISE_PARAMS,
        "projections": Param(type="path", suffix=(".xmd",),
                             help="metadata of a map's projections, one for each particle"),
        "empty": Param(type="path", optional=True, suffix=(".xmd",),
                       help="metadata of boxes without a particle"),
        "out": Param(type="path", output="%(particles.stem)s_denoiser.h5", suffix=(".h5",),
                     help="trained network; one that is there is trained on"),
        "epochs": Param(type="float", default=25.0, above=0, help="rounds over all particles"),
        "learning_rate": Param(type="float", default=1e-4, above=0, help="learning rate"),
        "depth": Param(type="int", default=4, min=1, advanced=True,
                       help="depth of the network; 4 for boxes of 64 to 128"),
        "regularisation": Param(type="float", default=1e-5, min=0, advanced=True,
                                help="weight of the regularisation"),
        "synthetic_noise": Param(type="bool", default=True, yes="ParticlesAndSyntheticNoise",
                                 no="OnlyParticles", advanced=True,
                                 help="train on particles with added noise, too"),
    },
    file=(
        InputFile(name="training.json", format="json", when="gpu",
                  text=_TRAINING.replace("GPU_LIST", "%(GPU)s")),
        InputFile(name="training.json", format="json", when="cpu",
                  text=_TRAINING.replace("GPU_LIST", "")),
    ),
    failure=TENSORFLOW_FAILURES,
    example=(
        Example(
            params={"particles": "p.xmd", "box_size": 64, "projections": "proj.xmd"},
            gpus=(0, 3),
            argv=("xmipp_deep_denoising", "--mode", "training", "-i", "p.xmd", "-p", "proj.xmd",
                  "-c", "training.json"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
            files={
                "training.json": '{"builder": {"modelType": "U-Net", "boxSize": 64, '
                '"saveModelFname": "p_denoiser.h5", "modelDepth": 4, "gpuList": "0,3", '
                '"generatorLoss": "Both", "trainingDataMode": "ParticlesAndSyntheticNoise", '
                '"regularizationStrength": 1e-05}, "running": {"lr": 0.0001, "nEpochs": 25.0}}\n',
            },
        ),
        Example(
            params={"particles": "p.xmd", "box_size": 64, "projections": "proj.xmd",
                    "empty": "empty.xmd", "network_type": "GAN", "loss": "MSE"},
            gpus=(2,),
            argv=("xmipp_deep_denoising", "--mode", "training", "-i", "p.xmd", "-p", "proj.xmd",
                  "--empty_particles", "empty.xmd", "-c", "training.json"),
        ),
    ),
    licence=LICENCE,
    citation=XMIPP,
    source=_DENOISE_SOURCE,
    unverified=_DENOISE_UNVERIFIED,
)  # fmt: skip

DENOISE = Adapter(
    name="xmipp_deep_denoising",
    title="Xmipp: denoise particles with a trained network",
    family="Xmipp",
    homepage=HOMEPAGE,
    program=Program(executable="xmipp_deep_denoising", install=INSTALL),
    gpu=_DENOISE_GPU,
    command=Template(
        own_directory=True,
        # Its metadata name the stack by its path.
        in_place=True,
        argv=(
            "%(EXE)s",
            "--mode", "denoising",
            "-i", "%(particles)s",
            "-o", "%(out)s",
            Group(args=("-p", "%(projections)s")),
            "-c", "predict.json",
        ),
    ),
    params={
        **_DENOISE_PARAMS,
        "network": Param(type="path", suffix=(".h5",), help="trained network"),
        "projections": Param(type="path", optional=True, suffix=(".xmd",),
                             help="metadata of a map's projections, to compare with"),
        "out": Param(type="path", output="%(particles.stem)s_denoised.xmd", suffix=(".xmd",),
                     help="metadata of the denoised particles; their stack lies beside it"),
        "batch": Param(type="int", unit="particles", default=2000, min=1,
                       help="particles at once; fewer take less memory"),
    },
    file=(
        InputFile(name="predict.json", format="json", when="gpu",
                  text=_PREDICTION.replace("GPU_LIST", "%(GPU)s")),
        InputFile(name="predict.json", format="json", when="cpu",
                  text=_PREDICTION.replace("GPU_LIST", "")),
    ),
    failure=TENSORFLOW_FAILURES,
    example=(
        Example(
            params={"particles": "p.xmd", "box_size": 64, "network": "n.h5"},
            gpus=(2,),
            argv=("xmipp_deep_denoising", "--mode", "denoising", "-i", "p.xmd",
                  "-o", "p_denoised.xmd", "-c", "predict.json"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
            files={
                "predict.json": '{"builder": {"modelType": "U-Net", "boxSize": 64, '
                '"saveModelFname": "n.h5", "modelDepth": -1, "gpuList": "2", '
                '"generatorLoss": "Both", "batchSize": 2000}}\n',
            },
        ),
        Example(
            params={"particles": "p.xmd", "box_size": 64, "network": "n.h5",
                    "projections": "proj.xmd", "batch": 100},
            argv=("xmipp_deep_denoising", "--mode", "denoising", "-i", "p.xmd",
                  "-o", "p_denoised.xmd", "-p", "proj.xmd", "-c", "predict.json"),
            files={
                "predict.json": '{"builder": {"modelType": "U-Net", "boxSize": 64, '
                '"saveModelFname": "n.h5", "modelDepth": -1, "gpuList": "", '
                '"generatorLoss": "Both", "batchSize": 100}}\n',
            },
        ),
    ),
    licence=LICENCE,
    citation=XMIPP,
    source=_DENOISE_SOURCE,
    unverified=_DENOISE_UNVERIFIED,
)  # fmt: skip
