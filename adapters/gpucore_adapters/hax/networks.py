"""Hax's networks of images: HetSIREN, Zernike3Deep and ReconSIREN."""

from __future__ import annotations

from dataclasses import replace

from gpucore.standard import Adapter, Example, Group, Output, Param, Template

from . import facts

__all__ = ["HAX_HETSIREN", "HAX_RECONSIREN", "HAX_ZERNIKE3DEEP"]

_GAUSSIANS = Param(
    type="int", optional=True, min=1, section="Volume", advanced=True,
    help="Gaussians that the reference is made of; found by itself when not given",
)  # fmt: skip

_TRAINING = facts.training(epochs=50, batch=8, learning_rate=1e-4, dimensions=8)

HAX_HETSIREN = Adapter(
    name="hax_hetsiren",
    family="Hax",
    title="Hax HetSIREN: heterogeneous reconstruction in real space",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.GPU,
    command=Template(
        in_place=True,  # it goes on from the checkpoint and the copy of images there
        argv=(
            *("%(EXE)s", "hetsiren", "--md", "%(metadata)s", "--output_path", "%(out)s"),
            Group(args=("--vol", "%(volume)s")),
            *facts.IMAGE_OPTIONS,
            *facts.TRAINING_OPTIONS,
            Group(args=("--num_gaussians", "%(gaussians)s")),
            *("--denoising_strength", "%(denoising)s"),
            Group(when="transport", args=("--transport_mass",)),
            Group(when="local", args=("--local_reconstruction",)),
            Group(when="implicit", args=("--implicit_network",)),
        ),
    ),
    params={
        "metadata": facts.METADATA,
        "out": facts.folder("metadata", "hetsiren"),
        "volume": replace(facts.VOLUME, optional=True, help="volume that is refined to states"),
        **facts.IMAGES,
        **_TRAINING,
        "gaussians": _GAUSSIANS,
        "denoising": Param(
            type="float", default=1e-4, min=0, section="Training",
            help="strength of the denoising, 0.0001 to 0.1",
        ),
        "transport": Param(
            type="bool", default=False, section="Volume", help="let mass move inside the mask"
        ),
        "local": Param(
            type="bool", default=False, section="Volume", needs=("volume", "mask"),
            help="reconstruct within the mask only",
        ),
        "implicit": Param(
            type="bool", default=False, section="Training", advanced=True,
            help="an implicit network: finer, and more memory",
        ),
    },
    output=(
        Output(name="network", path="%(out)s/HetSIREN", check="directory",
               when="mode", equals=("train",)),
        Output(name="latents", path="%(out)s/predicted_latents%(metadata.suffix)s",
               when="mode", equals=("predict",)),
    ),
    failure=facts.FAILURES,
    example=(
        Example(
            params={"metadata": "p.xmd", "pixel_size": 1.5, "volume": "v.mrc", "mask": "m.mrc"},
            gpus=(2, 3),
            argv=(
                *("hax_project_manager", "hetsiren", "--md", "p.xmd"),
                *("--output_path", "p_hetsiren", "--vol", "v.mrc", "--sr", "1.5"),
                *("--ctf_type", "apply", "--mask", "m.mrc", "--mode", "train"),
                *("--lat_dim", "8", "--epochs", "50", "--batch_size", "8"),
                *("--learning_rate", "0.0001", "--denoising_strength", "0.0001"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        Example(
            params={"metadata": "p.xmd", "pixel_size": 1.5, "mode": "predict", "reload": "hs",
                    "out": "hs", "in_memory": True},
            argv=(
                *("hax_project_manager", "hetsiren", "--md", "p.xmd", "--output_path", "hs"),
                *("--sr", "1.5", "--ctf_type", "apply", "--load_images_to_ram"),
                *("--mode", "predict", "--lat_dim", "8", "--epochs", "50", "--batch_size", "8"),
                *("--learning_rate", "0.0001", "--reload", "hs"),
                *("--denoising_strength", "0.0001"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation="Herreros et al., Nat. Commun. 16 (2025) 3751, doi:10.1038/s41467-025-59135-0",
    source=f"{facts.SOURCE}hax/networks/hetsiren.py{facts.PLUGIN}protocol_hetsiren.py",
    unverified=facts.UNVERIFIED,
)  # fmt: skip

HAX_ZERNIKE3DEEP = Adapter(
    name="hax_zernike3deep",
    family="Hax",
    title="Hax Zernike3Deep: motions of a volume in images",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.GPU,
    command=Template(
        in_place=True,  # it goes on from the checkpoint and the copy of images there
        argv=(
            *("%(EXE)s", "zernike3deep", "--md", "%(metadata)s", "--output_path", "%(out)s"),
            *("--vol", "%(volume)s"),
            *facts.IMAGE_OPTIONS,
            *facts.TRAINING_OPTIONS,
            *("--L1", "%(radial_degree)s", "--L2", "%(angular_degree)s"),
            Group(args=("--num_gaussians", "%(gaussians)s")),
        ),
    ),
    params={
        "metadata": facts.METADATA,
        "volume": facts.VOLUME,
        "out": facts.folder("metadata", "zernike3deep"),
        **facts.IMAGES,
        **_TRAINING,
        "radial_degree": Param(
            type="int", default=7, min=1, section="Volume", advanced=True,
            help="radial degree of the motions: more is finer, and takes more memory",
        ),
        "angular_degree": Param(
            type="int", default=7, min=1, section="Volume", advanced=True,
            help="angular degree of the motions: more is finer, and takes more memory",
        ),
        "gaussians": _GAUSSIANS,
    },
    output=(
        Output(name="network", path="%(out)s/Zernike3Deep", check="directory",
               when="mode", equals=("train",)),
        Output(name="latents", path="%(out)s/predicted_latents%(metadata.suffix)s",
               when="mode", equals=("predict",)),
    ),
    failure=facts.FAILURES,
    example=(
        Example(
            params={"metadata": "p.star", "pixel_size": 1.5, "volume": "v.mrc"},
            gpus=(1,),
            argv=(
                *("hax_project_manager", "zernike3deep", "--md", "p.star"),
                *("--output_path", "p_zernike3deep", "--vol", "v.mrc", "--sr", "1.5"),
                *("--ctf_type", "apply", "--mode", "train", "--lat_dim", "8", "--epochs", "50"),
                *("--batch_size", "8", "--learning_rate", "0.0001", "--L1", "7", "--L2", "7"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
        Example(
            params={"metadata": "p.star", "pixel_size": 1.5, "volume": "v.mrc", "out": "z",
                    "mode": "predict", "reload": "z"},
            argv=(
                *("hax_project_manager", "zernike3deep", "--md", "p.star", "--output_path", "z"),
                *("--vol", "v.mrc", "--sr", "1.5", "--ctf_type", "apply", "--mode", "predict"),
                *("--lat_dim", "8", "--epochs", "50", "--batch_size", "8"),
                *("--learning_rate", "0.0001", "--reload", "z", "--L1", "7", "--L2", "7"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation="Herreros et al., Nat. Commun. 14 (2023) 154, doi:10.1038/s41467-023-35791-y",
    source=f"{facts.SOURCE}hax/networks/zernike3deep.py{facts.PLUGIN}protocol_zernike3deep.py",
    unverified=facts.UNVERIFIED,
)  # fmt: skip

HAX_RECONSIREN = Adapter(
    name="hax_reconsiren",
    family="Hax",
    title="Hax ReconSIREN: poses and a first volume of images",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.GPU,
    command=Template(
        in_place=True,  # it goes on from the checkpoint and the copy of images there
        argv=(
            *("%(EXE)s", "reconsiren", "--md", "%(metadata)s", "--output_path", "%(out)s"),
            Group(args=("--vol", "%(volume)s")),
            *facts.IMAGE_OPTIONS,
            *("--mode", "%(mode)s", "--epochs", "%(epochs)s", "--batch_size", "%(batch)s"),
            *("--learning_rate", "%(learning_rate)s", "--symmetry_group", "%(symmetry)s"),
            Group(args=("--reload", "%(reload)s")),
            Group(when="poses_only", args=("--do_not_learn_volume",)),
            Group(when="refine_poses", args=("--refine_current_assignment",)),
        ),
    ),
    params={
        "metadata": facts.METADATA,
        "out": facts.folder("metadata", "reconsiren"),
        "volume": replace(facts.VOLUME, optional=True, help="volume to start from"),
        **facts.IMAGES,
        **{name: one for name, one in _TRAINING.items() if name != "dimensions"},
        "symmetry": Param(
            type="string", default="c1", section="Volume", help="point group: c1, d7, …"
        ),
        "poses_only": Param(
            type="bool", default=False, section="Volume", needs=("volume",),
            help="find poses only, and leave the volume as it is",
        ),
        "refine_poses": Param(
            type="bool", default=False, section="Images", help="refine the poses of the images"
        ),
    },
    output=(
        Output(name="network", path="%(out)s/ReconSIREN", check="directory",
               when="mode", equals=("train",)),
        Output(name="poses", path="%(out)s/predicted_pose_shifts%(metadata.suffix)s",
               when="mode", equals=("predict",)),
        Output(name="map", path="%(out)s/reconsiren_map.mrc", check="mrc",
               when="mode", equals=("predict",)),
    ),
    failure=facts.FAILURES,
    example=(
        Example(
            params={"metadata": "p.xmd", "pixel_size": 3, "symmetry": "d2"},
            gpus=(0,),
            argv=(
                *("hax_project_manager", "reconsiren", "--md", "p.xmd"),
                *("--output_path", "p_reconsiren", "--sr", "3.0", "--ctf_type", "apply"),
                *("--mode", "train", "--epochs", "50", "--batch_size", "8"),
                *("--learning_rate", "0.0001", "--symmetry_group", "d2"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0"},
        ),
        Example(
            params={"metadata": "p.xmd", "pixel_size": 3, "mode": "predict", "reload": "r",
                    "out": "r", "volume": "v.mrc", "poses_only": True},
            argv=(
                *("hax_project_manager", "reconsiren", "--md", "p.xmd", "--output_path", "r"),
                *("--vol", "v.mrc", "--sr", "3.0", "--ctf_type", "apply", "--mode", "predict"),
                *("--epochs", "50", "--batch_size", "8", "--learning_rate", "0.0001"),
                *("--symmetry_group", "c1", "--reload", "r", "--do_not_learn_volume"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation="Herreros et al., Acta Cryst. D 79 (2023) 569-584, doi:10.1107/S2059798323004497",
    source=f"{facts.SOURCE}hax/networks/reconsiren.py{facts.PLUGIN}protocol_reconsiren.py",
    unverified=(*facts.UNVERIFIED, "a paper of ReconSIREN itself"),
)  # fmt: skip
