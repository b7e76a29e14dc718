"""PowerFit: fit an atomic model into a density map, on the CPU, by OpenCL or by CUDA."""

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

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["POWERFIT", "gpucore_adapters"]

POWERFIT = Adapter(
    name="powerfit",
    title="PowerFit: fit an atomic model into a density map",
    family="PowerFit",
    homepage="https://github.com/haddocking/powerfit",
    program=Program(
        executable="powerfit",
        version=Version(args=("--version",), regex=r"powerfit (\d+\.\d+\.\d+)"),
        install='VKFFT_BACKEND=opencl pip install "powerfit-em[opencl]"',
    ),
    # Not every maker's OpenCL looks at CUDA_VISIBLE_DEVICES (POCL does not): with a mask, an index
    # counted inside it would be another device there.
    gpu=Gpu(use=GpuUse.OPTIONAL, form="comma", max=1, isolation=False),
    command=Template(
        argv=(
            *("%(EXE)s", "%(map)s", "%(resolution)s", "%(model)s", "-d", "%(out)s"),
            *("-a", "%(angle)s", "-n", "%(fits)s"),
            Group(args=("-nl",), when="no_laplace"),
            Group(args=("-ncw",), when="no_core_weighted"),
            Group(args=("-nr",), when="no_resampling"),
            *("-rr", "%(resampling_rate)s"),
            Group(args=("-nt",), when="no_trimming"),
            Group(args=("-tc", "%(trimming_cutoff)s")),
            Group(args=("-c", "%(chains)s")),
            Group(args=("-p", "%(threads)s", "--cpu-backend", "%(cpu_backend)s"), when="cpu"),
            Group(args=("--batch-size", "%(batch)s"), when="gpu"),
            # Last, and never without its value: a bare -g takes the next word for it.
            Group(
                args=("-g", "%(platform)s:%(GPU)s"),
                when="gpu",
                unless="backend",
                equals=("cuda",),
            ),
            Group(args=("-g", "cuda:%(GPU)s"), when="gpu", unless="backend", equals=("opencl",)),
        ),
    ),
    params={
        "model": Param(
            type="path",
            item=True,
            help="atoms to fit: .pdb, .ent or .cif, each also with .gz",
        ),
        "out": Param(
            type="path",
            output="%(model.stem)s_fit",
            check="directory",
            help="folder of the results; a further run replaces them file by file",
        ),
        "map": Param(type="path", check="mrc", help="density map: .mrc, .map or .ccp4"),
        "resolution": Param(type="float", unit="Å", min=0.1, help="of the map"),
        "angle": Param(
            type="float",
            unit="degrees",
            default=10.0,
            min=0.1,
            max=360,
            help="step of the rotations; half of it is eight times the work",
        ),
        "fits": Param(type="int", default=10, min=1, help="models written at most, the best first"),
        "no_laplace": Param(type="bool", default=False, help="do not sharpen by a Laplace filter"),
        "no_core_weighted": Param(
            type="bool", default=False, help="plain cross-correlation, not core-weighted"
        ),
        "no_resampling": Param(type="bool", default=False, help="keep the map's sampling"),
        "resampling_rate": Param(
            type="float", unit="of Nyquist", default=2.0, min=1, help="sampling after resampling"
        ),
        "no_trimming": Param(type="bool", default=False, help="keep the map's empty margin"),
        "trimming_cutoff": Param(
            type="float",
            optional=True,
            help="density below which the margin is cut; a tenth of the maximum when not given",
        ),
        "chains": Param(
            type="string",
            optional=True,
            length=0,
            separator=",",
            help="chains of the model to fit; all when not given",
        ),
        "threads": Param(type="int", default=1, min=1, help="processes on the CPU"),
        "cpu_backend": Param(
            type="choice",
            default="py",
            choices=("py", "rust", "hybrid"),
            help="what correlates on the CPU",
        ),
        "batch": Param(
            type="int",
            unit="rotations",
            default=100,
            min=0,
            help="done at once on the GPU; less takes less memory, 0 one after another",
        ),
        "backend": Param(
            type="choice",
            default="opencl",
            choices=("opencl", "cuda"),
            help="how the GPU is used; cuda needs powerfit-em[cuda12x]",
        ),
        "platform": Param(
            type="int", default=0, min=0, help="OpenCL platform that the run's GPUs belong to"
        ),
    },
    output=(
        Output(name="solutions", path="%(out)s/solutions.out"),
        Output(name="best", path="%(out)s/fit_1.pdb"),
        Output(name="correlation", path="%(out)s/lcc.mrc", check="mrc"),
        Output(name="log", path="%(out)s/powerfit.log"),
    ),
    failure=(
        Failure(
            match=r"Requested OpenCL device \d+ not found|Requested OpenCL platform \d+ not found",
            class_=FailureClass.NO_DEVICE,
            hint="`clinfo -l` lists platforms and devices; `platform` chooses the platform",
        ),
        Failure(match=r"Requested CUDA device \d+ not found", class_=FailureClass.NO_DEVICE),
        Failure(
            match=r"Running on (GPU|CUDA) requires",
            class_=FailureClass.NO_DEVICE,
            hint="install powerfit-em[opencl] and the GPU's OpenCL driver, or say use_gpu = false",
        ),
        Failure(
            match=r"OUT_OF_RESOURCES|MEM_OBJECT_ALLOCATION_FAILURE|OUT_OF_HOST_MEMORY"
            r"|OutOfMemoryError|cudaErrorMemoryAllocation",
            class_=FailureClass.OUT_OF_MEMORY,
            hint="make `batch` smaller",
        ),
        Failure(
            match=r"error: argument (target|template): can't open", class_=FailureClass.BAD_INPUT
        ),
        Failure(
            match=r"Extension of file is not supported",
            class_=FailureClass.BAD_INPUT,
            hint="the map's name must end in .mrc, .map or .ccp4",
        ),
        Failure(
            match=r"Filetype not recognized",
            class_=FailureClass.BAD_INPUT,
            hint="the model's name must end in .pdb, .ent or .cif, or in one of these and .gz",
        ),
        Failure(
            match=r"No atoms were selected",
            class_=FailureClass.BAD_INPUT,
            hint="look at `chains`: the model has none of them",
        ),
        Failure(match=r"^MemoryError|Unable to allocate", class_=FailureClass.HOST_MEMORY),
    ),
    example=(
        Example(
            params={"map": "map.mrc", "resolution": 10, "model": "model.pdb"},
            argv=(
                *("powerfit", "map.mrc", "10.0", "model.pdb", "-d", "model_fit"),
                *("-a", "10.0", "-n", "10", "-rr", "2.0", "-p", "1", "--cpu-backend", "py"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
        Example(
            params={
                "map": "map.mrc",
                "resolution": 8.5,
                "model": "model.cif",
                "angle": 5,
                "chains": ("A", "B"),
            },
            gpus=(1, 2),
            argv=(
                *("powerfit", "map.mrc", "8.5", "model.cif", "-d", "model_fit"),
                *("-a", "5.0", "-n", "10", "-rr", "2.0", "-c", "A,B"),
                *("--batch-size", "100", "-g", "0:1"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={
                "map": "map.mrc",
                "resolution": 10,
                "model": "model.pdb",
                "out": "fits",
                "fits": 1,
                "no_laplace": True,
                "backend": "cuda",
                "batch": 20,
            },
            gpus=(3,),
            argv=(
                *("powerfit", "map.mrc", "10.0", "model.pdb", "-d", "fits"),
                *("-a", "10.0", "-n", "1", "-nl", "-rr", "2.0"),
                *("--batch-size", "20", "-g", "cuda:3"),
            ),
        ),
    ),
    licence="Apache-2.0",
    citation="van Zundert & Bonvin, AIMS Biophys. 2 (2015) 73-87, doi:10.3934/biophy.2015.2.73; "
    "the program: doi:10.5281/zenodo.14185749",
    source="PowerFit 6.0.2 of PyPI, run on CPU and POCL devices; powerfit_em/gpu.py, powerfit.py",
    unverified=(
        "that NVIDIA's OpenCL counts devices in PCI bus order under CUDA_DEVICE_ORDER",
        "the messages when a GPU's memory is full, which are OpenCL's and CuPy's own names",
        "CUDA was not run",
    ),
)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer the adapter."""
    return (POWERFIT,)
