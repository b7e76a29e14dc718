"""ModelAngelo: build atomic models into maps, on one GPU or several.

It catches its own errors, and within a RELION job it then ends with exit code 0. So its last line
must be there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    Version,
)
from gpucore_adapters.pytorch_failures import PYTORCH_FAILURES, out_of_memory

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "MODELANGELO_BUILD",
    "MODELANGELO_BUILD_NO_SEQ",
    "MODELANGELO_REFINE",
    "gpucore_adapters",
]

_HOMEPAGE = "https://github.com/3dem/model-angelo"
_LICENCE = "MIT"
_CITATION = "Jamali et al., Nature (2024), doi:10.1038/s41586-024-07215-4"
_SOURCE = "github.com/3dem/model-angelo 994945b (1.0.18) model_angelo/apps/"
_UTILS = ", model_angelo/utils/torch_utils.py, misc_utils.py; README.md"
_UNVERIFIED = ("never run",)

_PROGRAM = Program(
    executable="model_angelo",
    version=Version(args=("--version",), regex=r"ModelAngelo (\d+\.\d+\.\d+)"),
    install="https://github.com/3dem/model-angelo#installation",
)

# Without --device it takes the first GPU that it sees, or the CPU without a word.
_GPU = Gpu(
    use=GpuUse.OPTIONAL,
    form="comma",
    memory=8192,
    memory_note="recommended by its authors",
)

_DEVICE = (
    Group(when="gpu", args=("--device", "%(GPU)s")),
    Group(when="cpu", args=("--device", "cpu")),
)

_FAILURES = (
    out_of_memory("something else holds the GPU's memory, or the map is too large: cut it"),
    Failure(
        match=r"Not enough memory available",
        class_=FailureClass.HOST_MEMORY,
        hint="it wants 10 GB of the machine's memory to be free",
    ),
    Failure(match=r"is not a valid FASTA file", class_=FailureClass.BAD_INPUT),
    *PYTORCH_FAILURES,
    Failure(match=r"Error in ModelAngelo", class_=FailureClass.PROGRAM_FAULT, effect="fail"),
)

_MAP = Param(type="path", item=True, check="mrc", help="map; cubic, and not by DeepEMhancer")

_MASK = Param(type="path", optional=True, check="mrc", help="mask; found by itself when not given")

_BUNDLE = {
    "weights": Param(
        type="path", optional=True, check="directory", advanced=True,
        help="folder of the networks; downloaded once, some 10 GB, when not given",
    ),
    "config": Param(
        type="path", optional=True, suffix=(".json",), advanced=True,
        help="another configuration of the networks",
    ),
}  # fmt: skip

_BUNDLE_OPTIONS = (
    Group(args=("--model-bundle-path", "%(weights)s")),
    Group(args=("--config-path", "%(config)s")),
)

_KEEP = Param(
    type="bool", default=False, advanced=True, help="keep what the rounds in between made"
)


def _folder(suffix: str) -> Param:
    return Param(
        type="path", output=f"%(map.stem)s_{suffix}", check="directory",
        help="folder of the results; the model is called after it",
    )  # fmt: skip


MODELANGELO_BUILD = Adapter(
    name="modelangelo_build",
    family="ModelAngelo",
    title="ModelAngelo build: build a model of known sequences into a map",
    homepage=_HOMEPAGE,
    program=_PROGRAM,
    gpu=_GPU,
    command=Template(
        argv=(
            *("%(EXE)s", "build", "--volume-path", "%(map)s", "--protein-fasta", "%(protein)s"),
            *("--output-dir", "%(out)s"),
            Group(args=("--rna-fasta", "%(rna)s")),
            Group(args=("--dna-fasta", "%(dna)s")),
            Group(args=("--mask-path", "%(mask)s")),
            *_BUNDLE_OPTIONS,
            Group(when="keep", args=("--keep-intermediate-results",)),
            *_DEVICE,
        ),
    ),
    params={
        "map": _MAP,
        "protein": Param(type="path", help="FASTA file of the proteins, each sequence once"),
        "out": _folder("build"),
        "rna": Param(type="path", optional=True, help="FASTA file of the RNA"),
        "dna": Param(type="path", optional=True, help="FASTA file of the DNA"),
        "mask": _MASK,
        **_BUNDLE,
        "keep": _KEEP,
    },
    output=(
        Output(name="model", path="%(out)s/%(out.name)s.cif"),
        Output(name="unpruned", path="%(out)s/%(out.name)s_raw.cif"),
    ),
    success_match=r"ModelAngelo build has been completed successfully",
    failure=_FAILURES,
    example=(
        Example(
            params={"map": "m.mrc", "protein": "p.fasta"},
            gpus=(3,),
            argv=(
                *("model_angelo", "build", "--volume-path", "m.mrc", "--protein-fasta", "p.fasta"),
                *("--output-dir", "m_build", "--device", "3"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"map": "m.mrc", "protein": "p.fasta", "rna": "r.fasta", "mask": "mask.mrc",
                    "out": "ribosome"},
            gpus=(0, 2),
            argv=(
                *("model_angelo", "build", "--volume-path", "m.mrc", "--protein-fasta", "p.fasta"),
                *("--output-dir", "ribosome", "--rna-fasta", "r.fasta"),
                *("--mask-path", "mask.mrc", "--device", "0,2"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"map": "m.mrc", "protein": "p.fasta", "keep": True},
            argv=(
                *("model_angelo", "build", "--volume-path", "m.mrc", "--protein-fasta", "p.fasta"),
                *("--output-dir", "m_build", "--keep-intermediate-results", "--device", "cpu"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source=f"{_SOURCE}build.py{_UTILS}",
    unverified=_UNVERIFIED,
)  # fmt: skip

MODELANGELO_BUILD_NO_SEQ = Adapter(
    name="modelangelo_build_no_seq",
    family="ModelAngelo",
    title="ModelAngelo build_no_seq: build a model without sequences, to search for them",
    homepage=_HOMEPAGE,
    program=_PROGRAM,
    gpu=_GPU,
    command=Template(
        argv=(
            *("%(EXE)s", "build_no_seq", "--volume-path", "%(map)s", "--output-dir", "%(out)s"),
            Group(args=("--mask-path", "%(mask)s")),
            *_BUNDLE_OPTIONS,
            Group(when="keep", args=("--keep-intermediate-results",)),
            *_DEVICE,
        ),
    ),
    params={
        "map": _MAP,
        "out": _folder("build"),
        "mask": _MASK,
        **_BUNDLE,
        "keep": _KEEP,
    },
    output=(
        Output(name="model", path="%(out)s/%(out.name)s.cif"),
        Output(name="profiles", path="%(out)s/hmm_profiles", check="directory"),
    ),
    success_match=r"ModelAngelo build_no_seq has been completed successfully",
    failure=_FAILURES,
    example=(
        Example(
            params={"map": "m.mrc"},
            gpus=(1,),
            argv=(
                *("model_angelo", "build_no_seq", "--volume-path", "m.mrc"),
                *("--output-dir", "m_build", "--device", "1"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"map": "m.mrc", "mask": "mask.mrc", "weights": "nets"},
            gpus=(0, 1),
            argv=(
                *("model_angelo", "build_no_seq", "--volume-path", "m.mrc"),
                *("--output-dir", "m_build", "--mask-path", "mask.mrc"),
                *("--model-bundle-path", "nets", "--device", "0,1"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source=f"{_SOURCE}build_no_seq.py{_UTILS}",
    unverified=_UNVERIFIED,
)  # fmt: skip

MODELANGELO_REFINE = Adapter(
    name="modelangelo_refine",
    family="ModelAngelo",
    title="ModelAngelo refine: refine a model in a map",
    homepage=_HOMEPAGE,
    program=_PROGRAM,
    gpu=_GPU,
    command=Template(
        argv=(
            *("%(EXE)s", "refine", "--input-structure", "%(model)s", "--volume-path", "%(map)s"),
            *("--output-dir", "%(out)s"),
            Group(when="profiles", args=("--write-hmm-profiles",)),
            *_BUNDLE_OPTIONS,
            *_DEVICE,
        ),
    ),
    params={
        "map": _MAP,
        "model": Param(type="path", suffix=(".cif", ".pdb"), help="model that is refined"),
        "out": _folder("refine"),
        "profiles": Param(
            type="bool", default=False, help="write a profile of each chain, to search with"
        ),
        **_BUNDLE,
    },
    output=(
        Output(name="refined", path="%(out)s/%(out.name)s_refined.cif"),
        Output(name="chain_profiles", path="%(out)s/hmm_profiles", check="directory",
               when="profiles"),
    ),
    success_match=r"ModelAngelo refine has been completed successfully",
    failure=_FAILURES,
    example=(
        Example(
            params={"map": "m.mrc", "model": "m.cif", "profiles": True},
            gpus=(2,),
            argv=(
                *("model_angelo", "refine", "--input-structure", "m.cif"),
                *("--volume-path", "m.mrc", "--output-dir", "m_refine", "--write-hmm-profiles"),
                *("--device", "2"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"map": "m.mrc", "model": "m.cif"},
            argv=(
                *("model_angelo", "refine", "--input-structure", "m.cif"),
                *("--volume-path", "m.mrc", "--output-dir", "m_refine", "--device", "cpu"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source=f"{_SOURCE}refine.py{_UTILS}",
    unverified=_UNVERIFIED,
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer its commands."""
    return (MODELANGELO_BUILD, MODELANGELO_BUILD_NO_SEQ, MODELANGELO_REFINE)
