"""Hax's latent spaces: their consensus, their filter, their volumes; and MoDART's motions."""

from __future__ import annotations

from dataclasses import replace

from gpucore.standard import Adapter, Example, Group, Output, Param, Template

from . import facts

__all__ = ["HAX_DECODE_STATES", "HAX_FILTER_LATENTS", "HAX_FLEXCONSENSUS", "HAX_MODART"]

_FLEX_HUB = "Herreros et al., Acta Cryst. D 79 (2023) 569-584, doi:10.1107/S2059798323004497"

HAX_FLEXCONSENSUS = Adapter(
    name="hax_flexconsensus",
    family="Hax",
    title="Hax FlexConsensus: one latent space of several",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.GPU,
    command=Template(
        in_place=True,  # a network is used in the folder that it was trained in
        argv=(
            *("%(EXE)s", "flexconsensus", "--output_path", "%(out)s", "--mode", "%(mode)s"),
            *("--input_space", "%(spaces)s", "--epochs", "%(epochs)s"),
            *("--batch_size", "%(batch)s", "--learning_rate", "%(learning_rate)s"),
            Group(args=("--lat_dim", "%(dimensions)s")),
            Group(args=("--reload", "%(reload)s")),
        ),
    ),
    params={
        "spaces": Param(
            type="path", length=0, suffix=(".npy",),
            help="latent spaces of the same particles, one file each",
        ),
        "out": Param(
            type="path", output="consensus", check="directory", help="folder of the results"
        ),
        **{name: one for name, one in facts.training(
            epochs=100, batch=1024, learning_rate=1e-5, dimensions=1).items()
           if name != "dimensions"},
        "dimensions": Param(
            type="int", optional=True, min=1, section="Training",
            help="dimensions of the consensus; the fewest of all spaces when not given",
        ),
    },
    output=(
        Output(name="network", path="%(out)s/FlexConsensus", check="directory",
               when="mode", equals=("train",)),
    ),
    failure=facts.FAILURES,
    example=(
        Example(
            params={"spaces": ("a.npy", "b.npy")},
            gpus=(3,),
            argv=(
                *("hax_project_manager", "flexconsensus", "--output_path", "consensus"),
                *("--mode", "train", "--input_space", "a.npy", "b.npy", "--epochs", "100"),
                *("--batch_size", "1024", "--learning_rate", "1e-05"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={"spaces": ("a.npy", "b.npy"), "mode": "predict", "reload": "consensus",
                    "dimensions": 3},
            argv=(
                *("hax_project_manager", "flexconsensus", "--output_path", "consensus"),
                *("--mode", "predict", "--input_space", "a.npy", "b.npy", "--epochs", "100"),
                *("--batch_size", "1024", "--learning_rate", "1e-05", "--lat_dim", "3"),
                *("--reload", "consensus"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation="Herreros et al., Nat. Methods (2025), doi:10.1038/s41592-025-02841-w",
    source=f"{facts.SOURCE}hax/networks/flexconsensus.py{facts.PLUGIN}protocol_flexconsensus.py",
    unverified=(
        *facts.UNVERIFIED,
        "that predict wrote its files: they are called after the input spaces, one by one",
    ),
)  # fmt: skip

HAX_FILTER_LATENTS = Adapter(
    name="hax_filter_latents",
    family="Hax",
    title="Hax: filter a latent space by the distance to neighbours",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.GPU,
    command=Template(
        argv=(
            *("%(EXE)s", "filter_latents", "--latents", "%(latents)s", "--output_path", "%(out)s"),
            *("--thr", "%(threshold)s", "--n_neighbours", "%(neighbours)s"),
            *("--batch_size", "%(batch)s"),
            Group(when="ids", args=("--return_ids",)),
        ),
    ),
    params={
        "latents": Param(type="path", item=True, suffix=(".npy",), help="latent space"),
        "out": facts.folder("latents", "filtered"),
        "threshold": Param(
            type="float", default=1.0, help="z-score that a point may have at most"
        ),
        "neighbours": Param(
            type="int", default=10, min=1, help="neighbours of each point; fewer are more local"
        ),
        "batch": Param(type="int", default=1024, min=1, help="points on the GPU at once"),
        "ids": Param(
            type="bool", default=False, help="write the numbers of the points that are kept"
        ),
    },
    output=(Output(name="kept", path="%(out)s/filtered_latents.npy"),),
    failure=facts.FAILURES,
    example=(
        Example(
            params={"latents": "z.npy", "ids": True},
            gpus=(1,),
            argv=(
                *("hax_project_manager", "filter_latents", "--latents", "z.npy"),
                *("--output_path", "z_filtered", "--thr", "1.0", "--n_neighbours", "10"),
                *("--batch_size", "1024", "--return_ids"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
        Example(
            params={"latents": "z.npy", "threshold": 2.5},
            argv=(
                *("hax_project_manager", "filter_latents", "--latents", "z.npy"),
                *("--output_path", "z_filtered", "--thr", "2.5", "--n_neighbours", "10"),
                *("--batch_size", "1024"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation=_FLEX_HUB,
    source=f"{facts.SOURCE}hax/programs/filter_latents.py{facts.PLUGIN}"
    "protocol_filter_latent_space.py",
    unverified=(*facts.UNVERIFIED, "a paper of this program itself"),
)  # fmt: skip

HAX_DECODE_STATES = Adapter(
    name="hax_decode_states_from_latents",
    family="Hax",
    title="Hax: volumes of a HetSIREN or Zernike3Deep network at points of its latent space",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.GPU,
    command=Template(
        argv=(
            *("%(EXE)s", "decode_states_from_latents", "--latents_file", "%(points)s"),
            *("--reload", "%(network)s", "--output_path", "%(out)s"),
        ),
    ),
    params={
        "points": Param(
            type="path", item=True, suffix=(".txt", ".npy"), help="points of the latent space"
        ),
        "network": Param(
            type="path", check="directory",
            help="the network's own folder: HetSIREN or Zernike3Deep in that of a training",
        ),
        "out": facts.folder("points", "volumes"),
    },
    output=(Output(name="volume", path="%(out)s/decoded_volume_0000.mrc", check="mrc"),),
    failure=facts.FAILURES,
    example=(
        Example(
            params={"points": "z.txt", "network": "p_hetsiren/HetSIREN"},
            gpus=(2,),
            argv=(
                *("hax_project_manager", "decode_states_from_latents", "--latents_file", "z.txt"),
                *("--reload", "p_hetsiren/HetSIREN", "--output_path", "z_volumes"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        Example(
            params={"points": "z.npy", "network": "z3d/Zernike3Deep", "out": "states"},
            argv=(
                *("hax_project_manager", "decode_states_from_latents", "--latents_file", "z.npy"),
                *("--reload", "z3d/Zernike3Deep", "--output_path", "states"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation=_FLEX_HUB,
    source=f"{facts.SOURCE}hax/programs/decode_states_from_latents.py{facts.PLUGIN}"
    "protocol_predict_hetsiren.py",
    unverified=(*facts.UNVERIFIED, "points of one dimension in a text file of one line"),
)  # fmt: skip

HAX_MODART = Adapter(
    name="hax_modart",
    family="Hax",
    title="Hax MoDART: reconstruct a volume whose motions are corrected",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.GPU,
    command=Template(
        argv=(
            *("%(EXE)s", "modart", "--md", "%(metadata)s", "--output_path", "%(out)s"),
            Group(args=("--vol", "%(volume)s")),
            *facts.IMAGE_OPTIONS,
            *("--batch_size", "%(batch)s", "--symmetry_group", "%(symmetry)s"),
            Group(args=("--motion_correction", "%(motions)s")),
            Group(when="halves", args=("--reconstruct_halves",)),
        ),
    ),
    params={
        "metadata": facts.METADATA,
        "out": facts.folder("metadata", "modart"),
        "volume": replace(facts.VOLUME, optional=True, help="volume that is refined"),
        **facts.IMAGES,
        "batch": Param(type="int", default=8, min=1, help="images on the GPU at once"),
        "symmetry": Param(
            type="string", default="c1", section="Volume", help="point group: c1, d7, …"
        ),
        "motions": Param(
            type="path", optional=True, check="directory",
            help="folder of a network, HetSIREN with transport or Zernike3Deep, whose motions are "
            "corrected",
        ),
        "halves": Param(type="bool", default=False, help="reconstruct two halves, too"),
    },
    output=(
        Output(name="map", path="%(out)s/modart_map.mrc", check="mrc"),
        Output(name="half1", path="%(out)s/modart_first_half.mrc", check="mrc", when="halves"),
        Output(name="half2", path="%(out)s/modart_second_half.mrc", check="mrc", when="halves"),
    ),
    failure=facts.FAILURES,
    example=(
        Example(
            params={"metadata": "p.xmd", "pixel_size": 1.5, "volume": "v.mrc", "mask": "m.mrc",
                    "motions": "z3d", "halves": True},
            gpus=(1, 2),
            argv=(
                *("hax_project_manager", "modart", "--md", "p.xmd", "--output_path", "p_modart"),
                *("--vol", "v.mrc", "--sr", "1.5", "--ctf_type", "apply", "--mask", "m.mrc"),
                *("--batch_size", "8", "--symmetry_group", "c1", "--motion_correction", "z3d"),
                "--reconstruct_halves",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
        Example(
            params={"metadata": "p.xmd", "pixel_size": 1.5, "ctf": "None", "symmetry": "d2"},
            argv=(
                *("hax_project_manager", "modart", "--md", "p.xmd", "--output_path", "p_modart"),
                *("--sr", "1.5", "--ctf_type", "None", "--batch_size", "8"),
                *("--symmetry_group", "d2"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation="Herreros et al., J. Mol. Biol. 435 (2023) 168088, doi:10.1016/j.jmb.2023.168088",
    source=f"{facts.SOURCE}hax/programs/modart.py{facts.PLUGIN}protocol_reconstruct_modart.py",
    unverified=facts.UNVERIFIED,
)  # fmt: skip
