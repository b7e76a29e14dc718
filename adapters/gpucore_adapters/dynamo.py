"""Dynamo: run an alignment project that was unfolded for a GPU.

Dynamo keeps what a project needs of the machine in the project itself: `destination` must be
standalone_gpu and `cores` 1 when it is unfolded. That makes a program of the project's name, which
runs in the folder that the project lies in. Its card counts the GPUs that it sees, so the default
`gpu_identifier_set` 0 is the one that a step gets, as Scipion does it, too.
"""

from collections.abc import Iterable

from gpucore.plugins import hookimpl
from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Gpu,
    GpuUse,
    Output,
    Param,
    Program,
    Template,
)

_ITERATION = "%(project_folder)s/results/ite_%(iterations)s/averages"

_FAILURES = (
    Failure(match=r"out of memory|cudaErrorMemoryAllocation", class_=FailureClass.OUT_OF_MEMORY),
    Failure(match=r"no CUDA-capable device|invalid device ordinal|CUDA driver version is insuffic",
            class_=FailureClass.NO_DEVICE, effect="fail",
            hint="`gpu_identifier_set` of the project must be 0: it sees one GPU"),
    Failure(match=r"illegal memory access|unspecified launch failure|uncorrectable ECC",
            class_=FailureClass.DEVICE_FAULT),
    Failure(match=r"error while loading shared libraries|Could not find version .* of the MCR",
            class_=FailureClass.NOT_STARTED,
            hint="load Dynamo's environment: DYNAMO_ROOT, and MATLAB's runtime in LD_LIBRARY_PATH"),
    Failure(match=r"No such file or directory", codes=(127,), class_=FailureClass.NOT_STARTED,
            hint="unfold the project first (dvunfold), and start in its folder"),
)  # fmt: skip

DYNAMO_PROJECT = Adapter(
    name="dynamo_project",
    title="Dynamo: run an unfolded alignment project on a GPU",
    family="Dynamo",
    homepage="https://www.dynamo-em.org",
    program=Program(
        # The program is the project's own, under a name that only the user knows.
        executable="env",
        install="https://www.dynamo-em.org",
    ),
    gpu=Gpu(use=GpuUse.COMPULSORY, form="none", max=1),
    command=Template(argv=("%(EXE)s", "./%(project.name)s")),
    params={
        "project": Param(
            type="path", item=True, suffix=(".exe",),
            help="program of the unfolded project, in the working directory",
        ),
        "project_folder": Param(
            type="path", output="%(project.stem)s_project", check="directory",
            help="folder of the project, where its results are: say which",
        ),
        "iterations": Param(
            type="int", min=1, max=9999, format="%04d",
            help="iterations of all rounds together: the results of the last are looked for",
        ),
        "reference": Param(
            type="int", default=1, min=1, max=999, format="%03d",
            help="number of the reference that is looked for",
        ),
    },
    output=(
        Output(
            name="average",
            path=f"{_ITERATION}/average_ref_%(reference)s_ite_%(iterations)s.em",
        ),
        Output(
            name="table",
            path=f"{_ITERATION}/refined_table_ref_%(reference)s_ite_%(iterations)s.tbl",
            match=r"^\s*\d",
        ),
    ),
    failure=_FAILURES,
    example=(
        Example(
            params={"project": "ribosome.exe", "project_folder": "ribosome", "iterations": 6},
            gpus=(3,),
            argv=("env", "./ribosome.exe"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        # A slot of two: it sees one.
        Example(
            params={"project": "ribosome.exe", "project_folder": "ribosome", "iterations": 12,
                    "reference": 2},
            gpus=(1, 2),
            argv=("env", "./ribosome.exe"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
    ),
    licence="free for academic use",
    citation="Castaño-Díez et al., J. Struct. Biol. 178 (2012) 139-151, "
    "doi:10.1016/j.jsb.2011.12.017",
    source="github.com/scipion-em/scipion-em-dynamo 4b73910: dynamo/__init__.py, "
    "dynamo/protocols/protocol_subtomo_MRA.py",
    unverified=(
        "closed source: nothing was run, and all is read in Scipion's plugin",
        "its messages and exit codes; those of CUDA are CUDA's",
        "a project on several GPUs (gpu_identifier_set [0 1]) is left out",
        "making and unfolding the project are left to Dynamo",
        "its licence",
    ),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer this program."""
    return (DYNAMO_PROJECT,)
