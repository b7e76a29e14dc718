"""Flexutils on landscapes alone: a consensus of several, and one with fewer dimensions."""

from gpucore.standard import Adapter, Example, Gpu, GpuUse, Group, Output, Param, Program, Template
from gpucore_adapters.flexutils.arguments import (
    FAILURES,
    GPU_ARGUMENTS,
    HOMEPAGE,
    INSTALL,
    LICENCE,
    ONE_GPU,
    SOURCE,
    TRAINING_PARAMS,
)

__all__ = ["PREDICT_CONSENSUS", "REDUCE_DIMENSIONS", "TRAIN_CONSENSUS"]

_DATA = Param(type="path", item=True, check="directory",
              help="folder of landscapes: text files, a row for each particle")  # fmt: skip
_LATENT = Param(type="int", default=10, min=1, help="dimensions of the consensus")
_PAPER = "Herreros et al., Nat. Methods (2025), doi:10.1038/s41592-025-02841-w"

TRAIN_CONSENSUS = Adapter(
    name="flexutils_train_flex_consensus",
    title="Flexutils: train a network on what several landscapes have in common (FlexConsensus)",
    family="Flexutils",
    homepage=HOMEPAGE,
    program=Program(executable="train_flex_consensus.py", install=INSTALL),
    gpu=ONE_GPU,
    command=Template(
        # It goes on from an unfinished training that lies there.
        in_place=True,
        argv=(
            "%(EXE)s",
            "--data_path", "%(data)s",
            "--out_path", "%(out)s",
            "--lat_dim", "%(latent)s",
            "--batch_size", "%(batch)s",
            "--lr", "%(learning_rate)s",
            Group(when="shuffle", args=("--shuffle",)),
            "--split_train", "%(training_part)s",
            Group(unless="samples", args=("--epochs", "%(epochs)s")),
            Group(args=("--max_samples_seen", "%(samples)s")),
            Group(when="tensorboard", args=("--tensorboard",)),
            *GPU_ARGUMENTS,
        ),
    ),
    params={
        "data": _DATA,
        "out": Param(type="path", output="%(data.stem)s_consensus", check="directory",
                     help="folder of the network and of its errors"),
        "latent": _LATENT,
        "batch": Param(type="int", unit="particles", default=1024, min=1, section="Training",
                       help="particles at once; fewer take less memory"),
        "epochs": Param(type="int", default=100, min=1, section="Training",
                        help="rounds over all particles"),
        "samples": Param(type="int", unit="particles", optional=True, min=1, section="Training",
                         help="instead of rounds: particles seen at most"),
        "learning_rate": Param(type="float", default=1e-5, above=0, section="Training",
                               help="learning rate"),
        "shuffle": TRAINING_PARAMS["shuffle"],
        "training_part": TRAINING_PARAMS["training_part"],
        "tensorboard": TRAINING_PARAMS["tensorboard"],
    },
    output=(
        Output(name="network", path="%(out)s/network/flex_consensus_model.h5"),
        Output(name="errors", path="%(out)s/mean_std_consensus_error.npy"),
    ),
    failure=FAILURES,
    example=(
        Example(
            params={"data": "run1/data", "out": "run1"},
            gpus=(2, 3),
            argv=(
                "train_flex_consensus.py", "--data_path", "run1/data", "--out_path", "run1",
                "--lat_dim", "10", "--batch_size", "1024", "--lr", "1e-05", "--shuffle",
                "--split_train", "1.0", "--epochs", "100", "--gpu", "2",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"data": "data", "latent": 3, "samples": 1000000, "shuffle": False},
            argv=(
                "train_flex_consensus.py", "--data_path", "data", "--out_path", "data_consensus",
                "--lat_dim", "3", "--batch_size", "1024", "--lr", "1e-05",
                "--split_train", "1.0", "--max_samples_seen", "1000000",
            ),
        ),
    ),
    licence=LICENCE,
    citation=_PAPER,
    source=f"{SOURCE}/train_flex_consensus.py; defaults of github.com/scipion-em/"
    "scipion-em-flexutils 487c90a protocol_train_flex_consensus.py",
    unverified=("never run",),
)  # fmt: skip

PREDICT_CONSENSUS = Adapter(
    name="flexutils_predict_flex_consensus",
    title="Flexutils: place a landscape in a trained consensus (FlexConsensus)",
    family="Flexutils",
    homepage=HOMEPAGE,
    program=Program(executable="predict_flex_consensus.py", install=INSTALL),
    gpu=ONE_GPU,
    command=Template(
        argv=(
            "%(EXE)s",
            "--data_path", "%(data)s",
            "--out_path", "%(out)s",
            "--weigths_file", "%(network)s",
            "--lat_dim", "%(latent)s",
            *GPU_ARGUMENTS,
        ),
    ),
    params={
        "data": Param(type="path", item=True, check="directory",
                      help="folder of the landscape: its first text file is taken"),
        "network": Param(type="path",
                         help="trained network, in the folder network of its training; the "
                         "training's data must lie beside that, in a folder data"),
        "out": Param(type="path", output="%(data.stem)s_in_consensus", check="directory",
                     help="folder of what was found"),
        "latent": _LATENT,
    },
    output=(
        Output(name="latents", path="%(out)s/consensus_latents.npy"),
        Output(name="consensus_error", path="%(out)s/consensus_error.npy"),
        Output(name="representation_error", path="%(out)s/representation_error.npy"),
    ),
    failure=FAILURES,
    example=(
        Example(
            params={"data": "new", "network": "run1/network/flex_consensus_model.h5"},
            gpus=(3,),
            argv=("predict_flex_consensus.py", "--data_path", "new",
                  "--out_path", "new_in_consensus",
                  "--weigths_file", "run1/network/flex_consensus_model.h5",
                  "--lat_dim", "10", "--gpu", "3"),
        ),
        Example(
            params={"data": "new", "network": "n.h5", "latent": 3},
            argv=("predict_flex_consensus.py", "--data_path", "new",
                  "--out_path", "new_in_consensus", "--weigths_file", "n.h5",
                  "--lat_dim", "3"),
        ),
    ),
    licence=LICENCE,
    citation=_PAPER,
    source=f"{SOURCE}/predict_flex_consensus.py",
    unverified=("never run",),
)  # fmt: skip

REDUCE_DIMENSIONS = Adapter(
    name="flexutils_dimensionality_reduction",
    title="Flexutils: reduce a landscape to few dimensions, by UMAP or principal components",
    family="Flexutils",
    homepage="https://github.com/I2PC/Flexutils-Scripts",
    program=Program(executable="dimensionality_reduction.py",
                    install="https://github.com/I2PC/Flexutils-Scripts"),
    # Without --gpu UMAP sets an empty mask; principal components never use a GPU.
    gpu=Gpu(use=GpuUse.OPTIONAL, form="comma", max=1, overwrites_mask=True,
            sharing="discouraged"),
    command=Template(
        argv=(
            "%(EXE)s",
            "--input", "%(landscape)s",
            Group(when="method", equals=("umap",), args=("--umap", "--n_epochs", "%(epochs)s")),
            Group(when="method", equals=("pca",), args=("--pca",)),
            "--n_components", "%(dimensions)s",
            "--output", "%(out)s",
            *GPU_ARGUMENTS,
        ),
    ),
    params={
        "landscape": Param(type="path", item=True,
                           help="text file, a row for each particle"),
        "out": Param(type="path", output="%(landscape.stem)s_reduced.txt", suffix=(".txt",),
                     help="the landscape in few dimensions"),
        "method": Param(type="choice", choices=("umap", "pca"), default="umap",
                        help="a network of UMAP's, or principal components; say "
                        "use_gpu = false with pca"),
        "dimensions": Param(type="int", default=3, min=1, help="dimensions that are left"),
        "epochs": Param(type="int", default=5, min=1, help="for umap: rounds"),
    },
    failure=FAILURES,
    example=(
        Example(
            params={"landscape": "z.txt"},
            gpus=(1, 2),
            argv=("dimensionality_reduction.py", "--input", "z.txt", "--umap",
                  "--n_epochs", "5", "--n_components", "3", "--output", "z_reduced.txt",
                  "--gpu", "1"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"landscape": "z.txt", "method": "pca", "dimensions": 2},
            argv=("dimensionality_reduction.py", "--input", "z.txt", "--pca",
                  "--n_components", "2", "--output", "z_reduced.txt"),
        ),
    ),
    licence=LICENCE,
    citation="Herreros et al., Acta Cryst. D 79 (2023) 569-584, doi:10.1107/S2059798323004497",
    source="github.com/I2PC/Flexutils-Scripts flexutils_scripts/scripts/"
    "dimensionality_reduction.py",
    unverified=("never run",),
)  # fmt: skip
