"""IMOD's tilt: a tomogram from an aligned tilt series, on the processor or on a GPU."""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Group, Param, Program, Template

from .package import (
    CITATION,
    ENV,
    GPU,
    GPU_FAILURES,
    HOMEPAGE,
    INPUT_FAILURES,
    INSTALL,
    LICENCE,
    PREFERRED_ELSEWHERE,
)

__all__ = ["IMOD_TILT"]

_COMMAND = Template(
    env=ENV,
    argv=(
        "%(EXE)s",
        "-InputProjections", "%(series)s",
        "-OutputFile", "%(out)s",
        "-TILTFILE", "%(angles)s",
        "-THICKNESS", "%(thickness)s",
        Group(args=("-WIDTH", "%(width)s")),
        "-RADIAL", "%(radial)s",
        "-FalloffIsTrueSigma", "1",
        Group(args=("-FakeSIRTiterations", "%(sirt_like)s")),
        "-SHIFT", "%(shift)s",
        "-OFFSET", "%(offset)s",
        Group(args=("-XAXISTILT", "%(x_axis_tilt)s")),
        Group(args=("-XTILTFILE", "%(x_tilts)s")),
        Group(args=("-LOCALFILE", "%(local_alignment)s")),
        Group(args=("-ZFACTORFILE", "%(z_factors)s")),
        Group(args=("-EXCLUDELIST2", "%(exclude)s")),
        Group(args=("-IMAGEBINNED", "%(image_binning)s")),
        Group(args=("-FULLIMAGE", "%(full_image)s")),
        Group(args=("-SUBSETSTART", "%(subset_start)s")),
        Group(args=("-LOG", "%(log_base)s")),
        Group(args=("-SCALE", "%(scale)s")),
        "-MODE", "%(mode)s",
        Group(when="super_sample", at_least=2, args=("-SuperSampleFactor", "%(super_sample)s")),
        "-PERPENDICULAR",
        "-AdjustOrigin",
        # 2: end with an error, instead of the processor, when the GPU cannot be used.
        Group(when="gpu", args=("-UseGPU", "%(GPU)s", "-ActionIfGPUFails", "2,2")),
    ),
)  # fmt: skip

_PARAMS = {
    "series": Param(
        type="path", item=True, check="mrc", suffix=(".mrc", ".mrcs", ".st", ".ali", ".preali"),
        help="aligned tilt series, its tilt axis upright",
    ),
    "out": Param(
        type="path", output="%(series.stem)s_rec.mrc", check="mrc",
        help="tomogram, as slices in y",
    ),
    "angles": Param(type="path", help="text file of the tilt angles of all images"),
    "thickness": Param(
        type="int", unit="pixels", min=1, max=100000, help="thickness of the tomogram in z"
    ),
    "width": Param(
        type="int", unit="pixels", optional=True, min=1, max=100000,
        help="width in x; that of the images when left out",
    ),
    "radial": Param(
        type="float", unit="1/pixel", default=(0.35, 0.035), length=2, separator=",", min=0,
        section="Filter", help="where the radial weighting ends, and sigma of its fall-off; above "
        "1 in pixels of Fourier space",
    ),
    "sirt_like": Param(
        type="int", optional=True, min=1, max=1000, section="Filter",
        help="filter that looks like so many rounds of SIRT",
    ),
    "log_base": Param(
        type="float", optional=True, min=-1e9, max=1e9, section="Filter",
        help="take the logarithm of the densities after adding this",
    ),
    "scale": Param(
        type="float", length=2, separator=",", optional=True, min=-1e9, max=1e9,
        section="Filter", help="added to the densities, and then multiplied with them",
    ),
    "mode": Param(
        type="int", default=2, min=0, max=12, section="Filter",
        help="MRC mode of the tomogram: 0 bytes, 1 integers, 2 floats",
    ),
    "shift": Param(
        type="float", unit="pixels", default=(0.0, 0.0), length=2, separator=",", min=-100000,
        max=100000, section="Place", help="shift of the tomogram in x and z",
    ),
    "offset": Param(
        type="float", default=(0.0, 0.0), length=2, separator=",", min=-100000, max=100000,
        section="Place", help="added to all tilt angles [degrees]; offset of the axis [pixels]",
    ),
    "x_axis_tilt": Param(
        type="float", unit="degrees", optional=True, min=-90, max=90, section="Place",
        help="turns the tomogram around x",
    ),
    "x_tilts": Param(
        type="path", optional=True, section="Place", help="text file of a tilt around x a view"
    ),
    "local_alignment": Param(
        type="path", optional=True, section="Place", help="local alignment of tiltalign"
    ),
    "z_factors": Param(
        type="path", optional=True, section="Place", help="text file of z factors of tiltalign"
    ),
    "exclude": Param(
        type="string", optional=True, section="Views",
        help="views to leave out, from 1: 1,4-6",
    ),
    "image_binning": Param(
        type="int", optional=True, min=1, max=64, section="Views",
        help="binning of the series; lengths given in pixels are divided by it",
    ),
    "full_image": Param(
        type="int", unit="pixels", length=2, separator=",", optional=True, min=1,
        section="Views", help="size of the images before alignment",
    ),
    "subset_start": Param(
        type="int", unit="pixels", length=2, separator=",", optional=True, min=-100000,
        max=100000, section="Views", help="lower left corner of the series in those images",
    ),
    "super_sample": Param(
        type="int", default=1, min=1, max=8, section="Views", advanced=True,
        help="compute slices in pixels smaller by this factor (IMOD 4.11 and later)",
    ),
}  # fmt: skip

_LEAST = ("tilt", "-InputProjections", "TS_01.ali", "-OutputFile", "TS_01_rec.mrc",
          "-TILTFILE", "TS_01.tlt", "-THICKNESS", "1000", "-RADIAL", "0.35,0.035",
          "-FalloffIsTrueSigma", "1")  # fmt: skip

IMOD_TILT = Adapter(
    name="imod_tilt",
    title="IMOD tilt: reconstruct a tomogram by back-projection",
    family="IMOD",
    homepage=HOMEPAGE,
    program=Program(executable="tilt", install=INSTALL),
    gpu=GPU,
    command=_COMMAND,
    params=_PARAMS,
    failure=(*GPU_FAILURES, *INPUT_FAILURES),
    example=(
        # The machine's GPU 1 is its second one.
        Example(
            params={"series": "TS_01.ali", "angles": "TS_01.tlt", "thickness": 1000,
                    "sirt_like": 8},
            gpus=(1,),
            argv=(
                *_LEAST, "-FakeSIRTiterations", "8", "-SHIFT", "0.0,0.0", "-OFFSET", "0.0,0.0",
                "-MODE", "2", "-PERPENDICULAR", "-AdjustOrigin",
                "-UseGPU", "2", "-ActionIfGPUFails", "2,2",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", **ENV},
        ),
        Example(
            params={"series": "TS_01.ali", "angles": "TS_01.tlt", "thickness": 1000,
                    "shift": (0, -12.5), "exclude": "1,38-41", "super_sample": 2, "mode": 1},
            argv=(
                *_LEAST, "-SHIFT", "0.0,-12.5", "-OFFSET", "0.0,0.0", "-EXCLUDELIST2", "1,38-41",
                "-MODE", "1", "-SuperSampleFactor", "2", "-PERPENDICULAR", "-AdjustOrigin",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "", **ENV},
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source="github.com/LabShare-Archive/IMOD 8c592ce (2014): autodoc/tilt.adoc, "
    "flib/tilt/tilt.f90, flib/tilt/gpubp.cu; github.com/scipion-em/scipion-em-imod "
    "imod/protocols/protocol_tomoReconstruction.py for options that are newer",
    unverified=(
        "nothing was run; messages are those of the source of 2014",
        "how IMOD is asked for its version",
        PREFERRED_ELSEWHERE,
    ),
)  # fmt: skip
