"""cisTEM match_template: where in a micrograph a known structure lies, on one GPU or the CPU.

It takes no file on its command line: it asks, and reads an answer a line from standard input. It
runs in the step's own directory under fixed short names, because a line of more than 1000 bytes
ends its input, and one that begins with ``?`` or ``*`` is help or an end.

It crashes when it sees more than one GPU, and so is always shown one alone.
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
    Link,
    Output,
    Param,
    Program,
    Template,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CISTEM_MATCH_TEMPLATE", "gpucore_adapters"]

# The last two may be constant: without a search for defocus or pixel size they are.
_IMAGES = ("psi", "theta", "phi", "corr_average", "corr_stddev")
_CONSTANT = ("defocus", "pixel_size")

CISTEM_MATCH_TEMPLATE = Adapter(
    name="cistem_match_template",
    title="cisTEM match_template: search a micrograph for a known structure",
    family="cisTEM",
    homepage="https://cistem.org",
    program=Program(
        executable="match_template",
        install="https://cistem.org, or built from source with --enable-gpu for GPUs",
    ),
    gpu=Gpu(use=GpuUse.OPTIONAL, form="none", max=1, sees_one=True, sharing="discouraged"),
    command=Template(
        argv=(
            "%(EXE)s",
            Group(args=("--disable-flat-fielding",), when="no_flat_fielding"),
            Group(args=("--n-expected-false-positives", "%(false_positives)s")),
        ),
        stdin=(
            *("image.mrc", "template.mrc", "mip.mrc", "mip_scaled.mrc"),
            *("psi.mrc", "theta.mrc", "phi.mrc", "defocus.mrc", "pixel_size.mrc"),
            *("corr_average.mrc", "corr_stddev.mrc", "histogram.txt"),
            *("%(pixel_size)s", "%(voltage)s", "%(cs)s", "%(amplitude_contrast)s"),
            *("%(defocus_u)s", "%(defocus_v)s", "%(defocus_angle)s", "%(phase_shift)s"),
            *("%(resolution)s", "%(angular_step)s", "%(in_plane_step)s"),
            *("%(defocus_range)s", "%(defocus_step)s"),
            *("%(pixel_size_range)s", "%(pixel_size_step)s"),
            *("%(padding)s", "%(mask_radius)s", "%(symmetry)s"),
            # A build without GPUs asks for none of these, and never reads them.
            Group(args=("yes",), when="gpu"),
            Group(args=("no",), when="cpu"),
            Group(args=("%(fast_fft)s",), when="fast_fft", equals=("yes", "no")),
            Group(args=("%(threads)s",), when="gpu"),
            # Without a GPU it uses one thread alone.
            Group(args=("1",), when="cpu"),
        ),
        # Its decimal point is the locale's.
        env={"LC_ALL": "C"},
        own_directory=True,
    ),
    params={
        "micrograph": Param(
            type="path", item=True, check="mrc", section="Input", help="micrograph to search, MRC"
        ),
        "template": Param(
            type="path",
            check="mrc",
            section="Input",
            help="map of the structure, a cube, with the micrograph's pixel size",
        ),
        "out": Param(
            type="path",
            output="%(micrograph.stem)s_mip.mrc",
            check="mrc",
            help="best correlation at each pixel; the other images lie beside it",
        ),
        "pixel_size": Param(
            type="float", unit="Å", above=0, section="Image", help="of micrograph and template"
        ),
        "voltage": Param(
            type="float",
            unit="kV",
            default=300.0,
            above=0,
            section="Image",
            help="accelerating voltage",
        ),
        "cs": Param(
            type="float",
            unit="mm",
            default=2.7,
            min=0,
            section="Image",
            help="spherical aberration",
        ),
        "amplitude_contrast": Param(
            type="float", default=0.07, min=0, max=1, section="Image", help="amplitude contrast"
        ),
        "defocus_u": Param(
            type="float", unit="Å", min=0, section="Image", help="greater defocus of the micrograph"
        ),
        "defocus_v": Param(
            type="float", unit="Å", min=0, section="Image", help="lesser defocus of the micrograph"
        ),
        "defocus_angle": Param(
            type="float",
            unit="degrees",
            default=0.0,
            min=-360,
            max=360,
            section="Image",
            help="of the astigmatism",
        ),
        "phase_shift": Param(
            type="float",
            unit="degrees",
            default=0.0,
            min=-360,
            max=360,
            section="Image",
            help="of a phase plate",
        ),
        "resolution": Param(
            type="float",
            unit="Å",
            default=8.0,
            above=0,
            section="Search",
            help="finest detail used; the program takes a coarser one for large images",
        ),
        "angular_step": Param(
            type="float",
            unit="degrees",
            default=0.0,
            min=0,
            max=180,
            section="Search",
            help="out of plane; 0: as the resolution asks for",
        ),
        "in_plane_step": Param(
            type="float",
            unit="degrees",
            default=0.0,
            min=0,
            max=360,
            section="Search",
            help="in plane; 0: as the resolution asks for",
        ),
        "defocus_range": Param(
            type="float",
            unit="Å",
            default=500.0,
            min=0,
            section="Search",
            help="search the defocus so far to both sides",
        ),
        "defocus_step": Param(
            type="float",
            unit="Å",
            default=50.0,
            min=0,
            section="Search",
            help="step of that search; 0: none",
        ),
        "pixel_size_range": Param(
            type="float",
            unit="Å",
            default=0.1,
            min=0,
            section="Search",
            help="search the pixel size so far to both sides",
        ),
        "pixel_size_step": Param(
            type="float",
            unit="Å",
            default=0.01,
            min=0,
            section="Search",
            help="step of that search; 0: none",
        ),
        "padding": Param(
            type="float",
            default=1.0,
            min=1,
            max=2,
            section="Search",
            help="padding of the template, for better projections",
        ),
        "mask_radius": Param(
            type="float",
            unit="Å",
            default=0.0,
            min=0,
            section="Search",
            help="round mask of the template; 0: as wide as may be",
        ),
        "symmetry": Param(
            type="string",
            default="C1",
            blanks=False,
            section="Search",
            help="point group of the template: C1, D2, T, O, I, …",
        ),
        "false_positives": Param(
            type="float",
            optional=True,
            above=0,
            section="Search",
            advanced=True,
            help="false matches expected in an image, which set the threshold; 1 when not given",
        ),
        "no_flat_fielding": Param(
            type="bool",
            default=False,
            section="Search",
            advanced=True,
            help="do not divide by the correlation's local spread",
        ),
        "fast_fft": Param(
            type="choice",
            choices=("not built", "yes", "no"),
            default="not built",
            section="Running",
            advanced=True,
            help="FastFFT: a build that has it asks for it, and only such a build may be answered",
        ),
        "threads": Param(
            type="int",
            default=2,
            min=1,
            section="Running",
            help="threads that feed the GPU; without a GPU it uses one",
        ),
    },
    link=(
        Link(name="image.mrc", target="%(micrograph)s"),
        Link(name="template.mrc", target="%(template)s"),
    ),
    output=(
        Output(name="out", made="mip.mrc"),
        Output(
            name="scaled",
            path="%(out.base)s_scaled.mrc",
            made="mip_scaled.mrc",
            check="mrc",
        ),
        *(
            Output(name=name, path=f"%(out.base)s_{name}.mrc", made=f"{name}.mrc", check="mrc")
            for name in _IMAGES
        ),
        *(
            Output(name=f"best_{name}", path=f"%(out.base)s_{name}.mrc", made=f"{name}.mrc")
            for name in _CONSTANT
        ),
        Output(
            name="histogram",
            path="%(out.base)s_histogram.txt",
            made="histogram.txt",
            match=r"Expected threshold",
        ),
    ),
    failure=(
        Failure(
            match=r"More than one CUDA-capable device found",
            class_=FailureClass.NO_DEVICE,
            hint="it must see one GPU alone: let nothing between set CUDA_VISIBLE_DEVICES",
        ),
        Failure(
            match=r"No CUDA-capable devices found|no CUDA-capable device is detected"
            r"|CUDA driver version is insufficient",
            class_=FailureClass.NO_DEVICE,
            hint="`gpucore gpus` shows the GPUs; the program must fit their driver",
        ),
        Failure(
            match=r"out of memory :->|CUFFT_ALLOC_FAILED",
            class_=FailureClass.OUT_OF_MEMORY,
            hint="fewer `threads`: each holds images of its own on the GPU",
        ),
        Failure(
            match=r"no kernel image is available|invalid device function",
            class_=FailureClass.NO_DEVICE,
            hint="this build has no code for this GPU: build it with its architecture",
        ),
        Failure(
            match=r"illegal memory access|unspecified launch failure|CUFFT_[A-Z_]+ :->",
            class_=FailureClass.DEVICE_FAULT,
        ),
        Failure(
            match=r"Input reconstruction should be cubic",
            class_=FailureClass.BAD_INPUT,
            hint="give `template` as a cube",
        ),
        Failure(
            match=r"answer is not recognized|Blank answer in scripted mode",
            class_=FailureClass.PROGRAM_FAULT,
            hint="this build asks other questions: look at its log, and at `fast_fft`",
        ),
        Failure(match=r"^Error : ", class_=FailureClass.PROGRAM_FAULT, effect="fail"),
        Failure(
            match=r"error while loading shared libraries",
            class_=FailureClass.NOT_STARTED,
            hint="load the CUDA libraries that the program was built with",
        ),
    ),
    example=(
        Example(
            params={
                "micrograph": "m1.mrc",
                "template": "template.mrc",
                "pixel_size": 1.06,
                "defocus_u": 12000,
                "defocus_v": 11500,
                "threads": 4,
            },
            gpus=(3,),
            argv=("match_template",),
            stdin="image.mrc\ntemplate.mrc\nmip.mrc\nmip_scaled.mrc\npsi.mrc\ntheta.mrc\nphi.mrc\ndefocus.mrc\npixel_size.mrc\ncorr_average.mrc\ncorr_stddev.mrc\nhistogram.txt\n1.06\n300.0\n2.7\n0.07\n12000.0\n11500.0\n0.0\n0.0\n8.0\n0.0\n0.0\n500.0\n50.0\n0.1\n0.01\n1.0\n0.0\nC1\nyes\n4\n",
            env={
                "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
                "CUDA_VISIBLE_DEVICES": "3",
                "LC_ALL": "C",
            },
        ),
        Example(
            params={
                "micrograph": "m1.mrc",
                "template": "template.mrc",
                "pixel_size": 1.06,
                "defocus_u": 12000,
                "defocus_v": 11500,
                "fast_fft": "yes",
                "pixel_size_step": 0,
                "symmetry": "D2",
            },
            gpus=(0, 1),
            argv=("match_template",),
            stdin="image.mrc\ntemplate.mrc\nmip.mrc\nmip_scaled.mrc\npsi.mrc\ntheta.mrc\nphi.mrc\ndefocus.mrc\npixel_size.mrc\ncorr_average.mrc\ncorr_stddev.mrc\nhistogram.txt\n1.06\n300.0\n2.7\n0.07\n12000.0\n11500.0\n0.0\n0.0\n8.0\n0.0\n0.0\n500.0\n50.0\n0.1\n0.0\n1.0\n0.0\nD2\nyes\nyes\n2\n",
            env={
                "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
                "CUDA_VISIBLE_DEVICES": "0",
                "LC_ALL": "C",
            },
        ),
        Example(
            params={
                "micrograph": "m1.mrc",
                "template": "template.mrc",
                "pixel_size": 1.06,
                "defocus_u": 12000,
                "defocus_v": 11500,
                "defocus_step": 0,
                "pixel_size_step": 0,
            },
            argv=("match_template",),
            stdin="image.mrc\ntemplate.mrc\nmip.mrc\nmip_scaled.mrc\npsi.mrc\ntheta.mrc\nphi.mrc\ndefocus.mrc\npixel_size.mrc\ncorr_average.mrc\ncorr_stddev.mrc\nhistogram.txt\n1.06\n300.0\n2.7\n0.07\n12000.0\n11500.0\n0.0\n0.0\n8.0\n0.0\n0.0\n500.0\n0.0\n0.1\n0.0\n1.0\n0.0\nC1\nno\n1\n",
            env={
                "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
                "CUDA_VISIBLE_DEVICES": "",
                "LC_ALL": "C",
            },
        ),
    ),
    licence="Janelia Research Campus Software License 1.2",
    citation="Lucas et al., eLife 10 (2021) e68946, doi:10.7554/eLife.68946; "
    "Grant et al., eLife 7 (2018) e35383, doi:10.7554/eLife.35383",
    source="timothygrant80/cisTEM 1a39ccbb, src/programs/match_template/match_template.cpp, "
    "src/gpu/DeviceManager.cu, src/gpu/gpu_core_headers.h, src/core/userinput.cpp, "
    "src/core/myapp.cpp",
    unverified=(
        "never run",
        "other releases may ask other questions; 1.0.0-beta and 2.0.0-alpha were not compared",
        "how much memory a GPU needs: an older DeviceManager wanted 4 GB free of 8",
    ),
)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer the adapter."""
    return (CISTEM_MATCH_TEMPLATE,)
