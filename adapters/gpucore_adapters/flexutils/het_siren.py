"""HetSIREN: a network whose neurons are sines, that reconstructs a map for each particle."""

from gpucore.standard import Adapter, Example, Gpu, GpuUse, Group, Output, Param, Program, Template
from gpucore_adapters.flexutils.arguments import (
    CTF_ARGUMENTS,
    CTF_PARAMS,
    DISENTANGLING_ARGUMENTS,
    DISENTANGLING_PARAMS,
    FAILURES,
    GPU_ARGUMENTS,
    HOMEPAGE,
    INSTALL,
    LICENCE,
    ONE_GPU,
    PARTICLES,
    PREDICTED,
    SOURCE,
    TRAINING_ARGUMENTS,
    TRAINING_PARAMS,
)

__all__ = ["DENOISE_HET_SIREN", "PREDICT_HET_SIREN", "TRAIN_HET_SIREN"]

_NETWORK_ARGUMENTS = (
    "--het_dim", "%(latent)s",
    "--trainSize", "%(train_box)s",
    "--outSize", "%(out_box)s",
    Group(when="hyper_network", args=("--use_hyper_network",)),
)  # fmt: skip
_NETWORK_PARAMS = {
    "latent": Param(type="int", default=10, min=1, help="dimensions of the landscape"),
    "train_box": Param(type="int", unit="pixels", min=8,
                       help="box that particles are compared at; that of the images, or less"),
    "out_box": Param(type="int", unit="pixels", min=8,
                     help="box of the maps; that of the images, or more"),
    "hyper_network": Param(type="bool", default=True, advanced=True,
                           help="a second network makes the weights of the decoder"),
}  # fmt: skip
_ARCHITECTURE = Param(
    type="choice", choices=("convnn", "deepconv", "mlpnn"), default="convnn", section="Training",
    advanced=True, help="encoder: convolutions (convnn, deepconv) or a perceptron (mlpnn)",
)  # fmt: skip
_POSITIVE = Param(type="bool", default=False, help="cut negative values of the maps off")
_WEIGHTS = Param(type="path", help="trained network")
_PAPER = "Herreros et al., Nat. Commun. 16 (2025) 3751, doi:10.1038/s41467-025-59135-0"
_UNVERIFIED = ("never run",)

TRAIN_HET_SIREN = Adapter(
    name="flexutils_train_het_siren",
    title="Flexutils: train a network that reconstructs each particle's map (HetSIREN)",
    family="Flexutils",
    homepage=HOMEPAGE,
    program=Program(executable="train_het_siren.py", install=INSTALL),
    # With more than one it splits each batch over them.
    gpu=Gpu(use=GpuUse.OPTIONAL, form="comma", overwrites_mask=True, sharing="discouraged"),
    command=Template(
        # It goes on from an unfinished training that lies there.
        in_place=True,
        argv=(
            "%(EXE)s",
            *TRAINING_ARGUMENTS,
            *_NETWORK_ARGUMENTS,
            *CTF_ARGUMENTS,
            "--step", "%(step)s",
            "--lr", "%(learning_rate)s",
            "--cost", "%(cost)s",
            Group(when="cost", equals=("corr-fpc",), args=("--radius_mask", "%(mask_radius)s")),
            Group(when="smooth_mask", args=("--smooth_mask",), where={"cost": ("corr-fpc",)}),
            "--l1_reg", "%(l1_weight)s",
            "--tv_reg", "%(tv_weight)s",
            "--mse_reg", "%(mse_weight)s",
            Group(args=("--multires", "%(resolution_levels)s")),
            Group(when="only_positive", args=("--only_pos",)),
            *DISENTANGLING_ARGUMENTS,
            *GPU_ARGUMENTS,
        ),
    ),
    params={
        "particles": PARTICLES,
        "out": Param(type="path", output="%(particles.stem)s_het_siren", check="directory",
                     help="folder of the network; an unfinished training there goes on"),
        **_NETWORK_PARAMS,
        **CTF_PARAMS,
        **TRAINING_PARAMS,
        "architecture": _ARCHITECTURE,
        "step": Param(type="int", unit="voxels", default=1, min=1, section="Training",
                      help="takes each step-th voxel; more is faster"),
        "learning_rate": Param(type="float", default=1e-5, above=0, section="Training",
                               help="learning rate"),
        "cost": Param(type="choice", choices=("mse", "corr", "corr-fpc"), default="mse",
                      section="Cost", help="compare by squared differences, correlation, or "
                      "correlation and Fourier phases; mse unless a map is given"),
        "mask_radius": Param(type="float", default=0.85, above=0, max=2, section="Cost",
                             help="for corr-fpc: radius of the mask in Fourier space, in half "
                             "boxes"),
        "smooth_mask": Param(type="bool", default=True, section="Cost",
                             help="for corr-fpc: let that mask end smoothly"),
        "l1_weight": Param(type="float", default=0.1, min=0, section="Cost", advanced=True,
                           help="weight of the L1 norm: less noise"),
        "tv_weight": Param(type="float", default=0.1, min=0, section="Cost", advanced=True,
                           help="weight of the total variation: smooth, with edges"),
        "mse_weight": Param(type="float", default=0.1, min=0, section="Cost", advanced=True,
                            help="weight of squared variation: smooth"),
        "resolution_levels": Param(type="int", optional=True, min=1, section="Cost",
                                   advanced=True, help="compare at this many resolutions"),
        "only_positive": _POSITIVE,
        **DISENTANGLING_PARAMS,
    },
    output=(Output(name="network", path="%(out)s/het_siren_model.h5"),),
    failure=FAILURES,
    example=(
        Example(
            params={"particles": "p.xmd", "pixel_size": 4.0, "train_box": 128, "out_box": 128},
            gpus=(0, 2),
            argv=(
                "train_het_siren.py", "--md_file", "p.xmd", "--out_path", "p_het_siren",
                "--batch_size", "8", "--shuffle", "--split_train", "1.0", "--epochs", "20",
                "--architecture", "convnn", "--jit_compile", "--het_dim", "10",
                "--trainSize", "128", "--outSize", "128", "--use_hyper_network",
                "--sr", "4.0", "--pad", "2", "--apply_ctf", "1", "--ctf_type", "apply",
                "--step", "1", "--lr", "1e-05", "--cost", "mse", "--l1_reg", "0.1",
                "--tv_reg", "0.1", "--mse_reg", "0.1", "--refine_pose", "--pose_reg", "0.001",
                "--ctf_reg", "0.001", "--gpu", "0,2",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"particles": "p.xmd", "pixel_size": 4.0, "train_box": 64, "out_box": 128,
                    "cost": "corr-fpc", "hyper_network": False, "resolution_levels": 2,
                    "only_positive": True},
            argv=(
                "train_het_siren.py", "--md_file", "p.xmd", "--out_path", "p_het_siren",
                "--batch_size", "8", "--shuffle", "--split_train", "1.0", "--epochs", "20",
                "--architecture", "convnn", "--jit_compile", "--het_dim", "10",
                "--trainSize", "64", "--outSize", "128",
                "--sr", "4.0", "--pad", "2", "--apply_ctf", "1", "--ctf_type", "apply",
                "--step", "1", "--lr", "1e-05", "--cost", "corr-fpc", "--radius_mask", "0.85",
                "--smooth_mask", "--l1_reg", "0.1", "--tv_reg", "0.1", "--mse_reg", "0.1",
                "--multires", "2", "--only_pos", "--refine_pose", "--pose_reg", "0.001",
                "--ctf_reg", "0.001",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=LICENCE,
    citation=_PAPER,
    source=f"{SOURCE}/train_het_siren.py; defaults of github.com/scipion-em/"
    "scipion-em-flexutils 487c90a protocol_angular_align_het_siren.py",
    unverified=(
        *_UNVERIFIED,
        "by its source --max_samples_seen ends in an UnboundLocalError: it is left out",
        "whether the number of GPUs changes its result",
    ),
)  # fmt: skip

_PREDICT_ARGUMENTS = (
    "--md_file", "%(particles)s",
    "--weigths_file", "%(network)s",
    "--architecture", "%(architecture)s",
    *_NETWORK_ARGUMENTS,
    *CTF_ARGUMENTS,
    *DISENTANGLING_ARGUMENTS,
)  # fmt: skip
_PREDICT_PARAMS = {
    "particles": PREDICTED,
    "network": _WEIGHTS,
    **_NETWORK_PARAMS,
    "architecture": _ARCHITECTURE,
    **CTF_PARAMS,
    **DISENTANGLING_PARAMS,
}

PREDICT_HET_SIREN = Adapter(
    name="flexutils_predict_het_siren",
    title="Flexutils: place particles in a landscape of maps by a trained network (HetSIREN)",
    family="Flexutils",
    homepage=HOMEPAGE,
    program=Program(executable="predict_het_siren.py", install=INSTALL),
    gpu=ONE_GPU,
    command=Template(
        argv=(
            "%(EXE)s",
            *_PREDICT_ARGUMENTS,
            "--num_vol", "%(maps)s",
            Group(when="filter", args=("--apply_filter",)),
            Group(when="only_positive", args=("--only_pos",)),
            *GPU_ARGUMENTS,
        ),
    ),
    params={
        **_PREDICT_PARAMS,
        "maps": Param(type="int", default=20, min=1, max=99,
                      help="maps that are written, one for each part of the landscape"),
        "filter": Param(type="bool", default=True, help="smooth the maps; for `step` above 1"),
        "only_positive": _POSITIVE,
    },
    output=(
        Output(name="map", path="%(particles.dir)s/decoded_map_class_01.mrc", check="mrc"),
    ),
    failure=FAILURES,
    example=(
        Example(
            params={"particles": "h/p.xmd", "network": "n.h5", "pixel_size": 4.0,
                    "train_box": 128, "out_box": 128},
            gpus=(2, 3),
            argv=(
                "predict_het_siren.py", "--md_file", "h/p.xmd", "--weigths_file", "n.h5",
                "--architecture", "convnn", "--het_dim", "10", "--trainSize", "128",
                "--outSize", "128", "--use_hyper_network", "--sr", "4.0", "--pad", "2",
                "--apply_ctf", "1", "--ctf_type", "apply", "--refine_pose",
                "--pose_reg", "0.001", "--ctf_reg", "0.001", "--num_vol", "20",
                "--apply_filter", "--gpu", "2",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"particles": "h/p.xmd", "network": "n.h5", "pixel_size": 4.0,
                    "train_box": 128, "out_box": 128, "maps": 5, "filter": False,
                    "only_positive": True},
            argv=(
                "predict_het_siren.py", "--md_file", "h/p.xmd", "--weigths_file", "n.h5",
                "--architecture", "convnn", "--het_dim", "10", "--trainSize", "128",
                "--outSize", "128", "--use_hyper_network", "--sr", "4.0", "--pad", "2",
                "--apply_ctf", "1", "--ctf_type", "apply", "--refine_pose",
                "--pose_reg", "0.001", "--ctf_reg", "0.001", "--num_vol", "5", "--only_pos",
            ),
        ),
    ),
    licence=LICENCE,
    citation=_PAPER,
    source=f"{SOURCE}/predict_het_siren.py",
    unverified=_UNVERIFIED,
)  # fmt: skip

DENOISE_HET_SIREN = Adapter(
    name="flexutils_predict_particles_het_siren",
    title="Flexutils: denoise particles by projecting the map of each (HetSIREN)",
    family="Flexutils",
    homepage=HOMEPAGE,
    program=Program(executable="predict_particles_het_siren.py", install=INSTALL),
    gpu=ONE_GPU,
    command=Template(
        argv=(
            "%(EXE)s",
            *_PREDICT_ARGUMENTS,
            Group(when="add_ctf", args=("--addCTF",)),
            *GPU_ARGUMENTS,
        ),
    ),
    params={
        **_PREDICT_PARAMS,
        "add_ctf": Param(type="bool", default=False,
                         help="apply each particle's CTF to its projection"),
    },
    output=(
        Output(name="denoised", path="%(particles.dir)s/decoded_particles.mrcs", check="mrc"),
    ),
    failure=FAILURES,
    example=(
        Example(
            params={"particles": "h/p.xmd", "network": "n.h5", "pixel_size": 4.0,
                    "train_box": 128, "out_box": 128},
            gpus=(1, 2),
            argv=(
                "predict_particles_het_siren.py", "--md_file", "h/p.xmd",
                "--weigths_file", "n.h5", "--architecture", "convnn", "--het_dim", "10",
                "--trainSize", "128", "--outSize", "128", "--use_hyper_network", "--sr", "4.0",
                "--pad", "2", "--apply_ctf", "1", "--ctf_type", "apply", "--refine_pose",
                "--pose_reg", "0.001", "--ctf_reg", "0.001", "--gpu", "1",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"particles": "h/p.xmd", "network": "n.h5", "pixel_size": 4.0,
                    "train_box": 128, "out_box": 128, "add_ctf": True},
            argv=(
                "predict_particles_het_siren.py", "--md_file", "h/p.xmd",
                "--weigths_file", "n.h5", "--architecture", "convnn", "--het_dim", "10",
                "--trainSize", "128", "--outSize", "128", "--use_hyper_network", "--sr", "4.0",
                "--pad", "2", "--apply_ctf", "1", "--ctf_type", "apply", "--refine_pose",
                "--pose_reg", "0.001", "--ctf_reg", "0.001", "--addCTF",
            ),
        ),
    ),
    licence=LICENCE,
    citation=_PAPER,
    source=f"{SOURCE}/predict_particles_het_siren.py",
    unverified=_UNVERIFIED,
)  # fmt: skip
