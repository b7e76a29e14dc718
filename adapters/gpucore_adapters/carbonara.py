"""CARBonAra: sequences for a protein's backbone and what surrounds it.

It is told of the kind of device only, and takes the CPU without a word when CUDA cannot be used.
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
)
from gpucore_adapters.pytorch_failures import PYTORCH_FAILURES, out_of_memory

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CARBONARA", "gpucore_adapters"]

CARBONARA = Adapter(
    name="carbonara",
    family="CARBonAra",
    title="CARBonAra: sample sequences for a protein's structure",
    homepage="https://github.com/LBM-EPFL/CARBonAra",
    program=Program(
        executable="carbonara", install="https://github.com/LBM-EPFL/CARBonAra#install"
    ),
    gpu=Gpu(use=GpuUse.OPTIONAL, max=1, memory_note="more for larger structures"),
    command=Template(
        argv=(
            *("%(EXE)s", "%(structure)s", "%(out)s", "--num_sequences", "%(sequences)s"),
            *("--imprint_ratio", "%(imprint)s", "--sampling_method", "%(sampling)s"),
            Group(args=("--known_chains", "%(known_chains)s")),
            Group(args=("--known_positions", "%(known_positions)s")),
            Group(args=("--unknown_positions", "%(unknown_positions)s")),
            Group(args=("--ignored_amino_acids", "%(ignored)s")),
            Group(when="ignore_hetatm", args=("--ignore_hetatm",)),
            Group(when="ignore_water", args=("--ignore_water",)),
            # Which GPU it is, CUDA_VISIBLE_DEVICES says.
            Group(when="gpu", args=("--device", "cuda")),
            Group(when="cpu", args=("--device", "cpu")),
        ),
    ),
    params={
        "structure": Param(
            type="path", item=True, suffix=(".pdb",), help="structure, with what surrounds it"
        ),
        "out": Param(
            type="path", output="%(structure.stem)s_carbonara", check="directory",
            help="folder of the sequences",
        ),
        "sequences": Param(type="int", default=1, min=1, help="number of sequences"),
        "imprint": Param(
            type="float", default=0.5, min=0, max=1,
            help="part of a sequence that is held while the rest is sampled",
        ),
        "sampling": Param(
            type="choice", choices=("sampled", "max"), default="sampled",
            help="draw residues by their probability, or take the likeliest",
        ),
        "known_chains": Param(
            type="string", optional=True, length=0, separator=",", section="Known residues",
            help="chains whose sequence is kept",
        ),
        "known_positions": Param(
            type="int", optional=True, length=0, separator=",", min=1, section="Known residues",
            help="positions whose residue is kept, counted from 1 over all chains",
        ),
        "unknown_positions": Param(
            type="int", optional=True, length=0, separator=",", min=1, section="Known residues",
            help="positions that are designed; all others are kept",
        ),
        "ignored": Param(
            type="string", optional=True, length=0, separator=",",
            help="amino acids that are never used, by their letter",
        ),
        "ignore_hetatm": Param(
            type="bool", default=False, help="leave out what is no protein or nucleic acid"
        ),
        "ignore_water": Param(type="bool", default=False, help="leave out water"),
    },
    output=(
        Output(name="scaffold", path="%(out)s/%(structure.stem)s_scaffold.pdb"),
        Output(name="scores", path="%(out)s/%(structure.stem)s_pssm.csv"),
        # Of more than ten its number has zeros before.
        Output(name="first_sequence", path="%(out)s/%(structure.stem)s_0.fasta",
               unless="sequences", at_least=11),
    ),
    failure=(
        out_of_memory("a smaller structure, or `use_gpu = false`"),
        *PYTORCH_FAILURES,
        Failure(match=r"\b(?:Value|Key|Index)Error\b", class_=FailureClass.BAD_INPUT),
    ),
    example=(
        # A slot of two: it uses one GPU.
        Example(
            params={"structure": "2oob.pdb", "sequences": 100},
            gpus=(3, 4),
            argv=(
                *("carbonara", "2oob.pdb", "2oob_carbonara", "--num_sequences", "100"),
                *("--imprint_ratio", "0.5", "--sampling_method", "sampled", "--device", "cuda"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={"structure": "2oob.pdb", "known_chains": ("A", "C"), "sampling": "max",
                    "known_positions": (1, 2, 17), "ignored": ("C", "W"), "ignore_water": True},
            argv=(
                *("carbonara", "2oob.pdb", "2oob_carbonara", "--num_sequences", "1"),
                *("--imprint_ratio", "0.5", "--sampling_method", "max"),
                *("--known_chains", "A,C", "--known_positions", "1,2,17"),
                *("--ignored_amino_acids", "C,W", "--ignore_water", "--device", "cpu"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence="CC-BY-NC-SA-4.0, not for commercial use",
    citation="Krapp et al., Nat. Commun. 15 (2024) 6273, doi:10.1038/s41467-024-50571-y",
    source="github.com/LBM-EPFL/CARBonAra 1ed6359 carbonara.py, README.md; "
    "github.com/scipion-em/scipion-em-carbonara e7d5ca0",
    unverified=(
        "never run",
        "the GPU memory that it needs",
        "how it is asked for its version",
        "which device it used: it prints nothing of it",
    ),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer the adapter."""
    return (CARBONARA,)
