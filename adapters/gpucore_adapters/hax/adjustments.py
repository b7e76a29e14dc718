"""Hax's grey levels: of projections and of volumes, made like those of images."""

from __future__ import annotations

from dataclasses import replace

from gpucore.standard import Adapter, Example, Group, Output, Param, Template

from . import facts

__all__ = ["HAX_IMAGE_ADJUSTMENT", "HAX_VOLUME_ADJUSTMENT"]

_CITATION = "Herreros et al., Acta Cryst. D 79 (2023) 569-584, doi:10.1107/S2059798323004497"
_TRAINING = facts.training(epochs=50, batch=64, learning_rate=1e-5, dimensions=3)

HAX_IMAGE_ADJUSTMENT = Adapter(
    name="hax_image_gray_scale_adjustment",
    family="Hax",
    title="Hax: make grey levels of a volume's projections like those of images",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.GPU,
    command=Template(
        in_place=True,  # it goes on from the checkpoint and the copy of images there
        argv=(
            *("%(EXE)s", "image_gray_scale_adjustment", "--md", "%(metadata)s"),
            *("--output_path", "%(out)s", "--vol", "%(volume)s"),
            *facts.IMAGE_OPTIONS,
            *facts.TRAINING_OPTIONS,
            Group(when="whole", args=("--predict_value",)),
        ),
    ),
    params={
        "metadata": facts.METADATA,
        "volume": facts.VOLUME,
        "out": facts.folder("metadata", "adjusted"),
        **facts.IMAGES,
        **_TRAINING,
        "whole": Param(
            type="bool", default=False, section="Training",
            help="one value for a projection; else one for each pixel",
        ),
    },
    output=(
        Output(name="network", path="%(out)s/imageAdjustment", check="directory",
               when="mode", equals=("train",)),
        Output(name="images", path="%(out)s/adjusted_images.mrcs",
               when="mode", equals=("predict",)),
        Output(name="images_metadata", path="%(out)s/adjusted_images%(metadata.suffix)s",
               when="mode", equals=("predict",)),
    ),
    failure=facts.FAILURES,
    example=(
        Example(
            params={"metadata": "p.xmd", "pixel_size": 1.5, "volume": "v.mrc"},
            gpus=(3,),
            argv=(
                *("hax_project_manager", "image_gray_scale_adjustment", "--md", "p.xmd"),
                *("--output_path", "p_adjusted", "--vol", "v.mrc", "--sr", "1.5"),
                *("--ctf_type", "apply", "--mode", "train", "--lat_dim", "3"),
                *("--epochs", "50", "--batch_size", "64", "--learning_rate", "1e-05"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={"metadata": "p.xmd", "pixel_size": 1.5, "volume": "v.mrc", "whole": True,
                    "mode": "predict", "reload": "a", "out": "a"},
            argv=(
                *("hax_project_manager", "image_gray_scale_adjustment", "--md", "p.xmd"),
                *("--output_path", "a", "--vol", "v.mrc", "--sr", "1.5", "--ctf_type", "apply"),
                *("--mode", "predict", "--lat_dim", "3", "--epochs", "50"),
                *("--batch_size", "64", "--learning_rate", "1e-05", "--reload", "a"),
                "--predict_value",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation=_CITATION,
    source=f"{facts.SOURCE}hax/networks/image_gray_scale_adjustment.py{facts.PLUGIN}"
    "protocol_image_gray_scale_adjustment.py",
    unverified=(*facts.UNVERIFIED, "a paper of this program itself"),
)  # fmt: skip

HAX_VOLUME_ADJUSTMENT = Adapter(
    name="hax_volume_gray_scale_adjustment",
    family="Hax",
    title="Hax: make grey levels of a volume like those of images",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.GPU,
    command=Template(
        in_place=True,  # it goes on from the checkpoint and the copy of images there
        argv=(
            *("%(EXE)s", "volume_gray_scale_adjustment", "--vol", "%(volume)s"),
            *("--output_path", "%(out)s"),
            Group(args=("--md", "%(metadata)s")),
            *facts.IMAGE_OPTIONS,
            *facts.TRAINING_OPTIONS,
            Group(when="whole", args=("--predicts_value",)),
        ),
    ),
    params={
        "volume": replace(facts.VOLUME, item=True, help="volume that is adjusted"),
        "metadata": replace(
            facts.METADATA, item=False, optional=True,
            help="images with poses and CTF; for training",
        ),
        "out": facts.folder("volume", "adjusted"),
        **facts.IMAGES,
        **_TRAINING,
        "whole": Param(
            type="bool", default=False, section="Training",
            help="one value for the volume; else one for each voxel",
        ),
    },
    output=(
        Output(name="network", path="%(out)s/volumeAdjustment", check="directory",
               when="mode", equals=("train",)),
        Output(name="adjusted", path="%(out)s/adjusted_volume.mrc", check="mrc",
               when="mode", equals=("predict",)),
    ),
    failure=facts.FAILURES,
    example=(
        Example(
            params={"volume": "v.mrc", "metadata": "p.xmd", "pixel_size": 1.5},
            gpus=(0, 1),
            argv=(
                *("hax_project_manager", "volume_gray_scale_adjustment", "--vol", "v.mrc"),
                *("--output_path", "v_adjusted", "--md", "p.xmd", "--sr", "1.5"),
                *("--ctf_type", "apply", "--mode", "train", "--lat_dim", "3"),
                *("--epochs", "50", "--batch_size", "64", "--learning_rate", "1e-05"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0"},
        ),
        Example(
            params={"volume": "v.mrc", "pixel_size": 1.5, "mode": "predict", "reload": "a",
                    "out": "a", "whole": True},
            argv=(
                *("hax_project_manager", "volume_gray_scale_adjustment", "--vol", "v.mrc"),
                *("--output_path", "a", "--sr", "1.5", "--ctf_type", "apply"),
                *("--mode", "predict", "--lat_dim", "3", "--epochs", "50"),
                *("--batch_size", "64", "--learning_rate", "1e-05", "--reload", "a"),
                "--predicts_value",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation=_CITATION,
    source=f"{facts.SOURCE}hax/networks/volume_gray_scale_adjustment.py{facts.PLUGIN}"
    "protocol_volume_gray_scale_adjustment.py",
    unverified=(*facts.UNVERIFIED, "a paper of this program itself"),
)  # fmt: skip
