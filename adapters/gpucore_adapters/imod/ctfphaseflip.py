"""IMOD's ctfphaseflip: correct the CTF of a tilt series, on the processor or on a GPU."""

from __future__ import annotations

from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Group,
    Param,
    Program,
    Template,
    Value,
)

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

__all__ = ["IMOD_CTFPHASEFLIP"]

_COMMAND = Template(
    env=ENV,
    argv=(
        "%(EXE)s",
        "-InputStack", "%(series)s",
        "-OutputFileName", "%(out)s",
        "-AngleFile", "%(angles)s",
        Group(when="invert_angles", args=("-InvertTiltAngles",)),
        Group(args=("-AxisAngle", "%(axis_angle)s")),
        "-DefocusFile", "%(defocus)s",
        Group(args=("-OffsetInZ", "%(z_offset)s")),
        Group(args=("-TransformFile", "%(transforms)s")),
        "-DefocusTol", "%(defocus_tolerance)s",
        Group(args=("-MaximumStripWidth", "%(strip_width)s")),
        "-InterpolationWidth", "%(interpolation_width)s",
        "-PixelSize", "%(pixel_size_nm)s",
        "-Voltage", "%(voltage)s",
        "-SphericalAberration", "%(cs)s",
        "-AmplitudeContrast", "%(amplitude_contrast)s",
        Group(args=("-PhaseShiftInDegrees", "%(phase_shift)s")),
        Group(args=("-ScaleByCtfPower", "%(ctf_power)s")),
        # 2: end with an error, instead of the processor, when the GPU cannot be used.
        Group(when="gpu", args=("-UseGPU", "%(GPU)s", "-ActionIfGPUFails", "2,2")),
    ),
)  # fmt: skip

_PARAMS = {
    "series": Param(
        type="path", item=True, check="mrc", suffix=(".mrc", ".mrcs", ".st", ".ali"),
        help="tilt series; aligned, its tilt axis upright, unless axis_angle is given",
    ),
    "out": Param(
        type="path", output="%(series.stem)s_ctf.mrc", check="mrc", help="corrected tilt series"
    ),
    "angles": Param(type="path", help="text file of tilt angles, one a line"),
    "defocus": Param(
        type="path", help="defocus of ctfplotter, in nm: a range of views and angles a line"
    ),
    "pixel_size_nm": Param(
        type="float", unit="nm", above=0, max=100,
        help="pixel size of the series, in nanometres: 0.135 is 1.35 Å",
    ),
    "voltage": Param(
        type="int", unit="kV", default=300, min=1, max=1000, help="accelerating voltage"
    ),
    "cs": Param(
        type="float", unit="mm", default=2.7, min=0, max=10, help="spherical aberration"
    ),
    "amplitude_contrast": Param(
        type="float", default=0.07, min=0, max=1,
        help="amplitude contrast, the one that the defocus was found with",
    ),
    "phase_shift": Param(
        type="float", unit="degrees", optional=True, min=-360, max=360,
        help="phase shift of a phase plate",
    ),
    "defocus_tolerance": Param(
        type="int", unit="nm", default=200, min=1, max=100000,
        help="difference in defocus that is taken for none; sets the width of strips",
    ),
    "interpolation_width": Param(
        type="int", unit="pixels", default=15, min=1, max=1000,
        help="distance of strips that are corrected one by one",
    ),
    "strip_width": Param(
        type="int", unit="pixels", optional=True, min=128, max=100000,
        help="greatest width of a strip",
    ),
    "transforms": Param(
        type="path", optional=True,
        help="transforms that aligned the images (.xf): the nominal defocus moves with them",
    ),
    "axis_angle": Param(
        type="float", unit="degrees", optional=True, min=-360, max=360,
        help="angle of the tilt axis in a series that is not aligned",
    ),
    "invert_angles": Param(
        type="bool", default=False, help="turn the sign of the tilt angles round"
    ),
    "z_offset": Param(
        type="float", unit="pixels", optional=True, min=-100000, max=100000,
        help="how far the sample is from the middle in z",
    ),
    "ctf_power": Param(
        type="float", optional=True, min=0, max=10, advanced=True,
        help="weight by the CTF to this power, too, instead of phases alone",
    ),
}  # fmt: skip

_LEAST = ("ctfphaseflip", "-InputStack", "TS_01.ali", "-OutputFileName", "TS_01_ctf.mrc",
          "-AngleFile", "TS_01.tlt", "-DefocusFile", "TS_01.defocus")  # fmt: skip
_OPTICS = ("-PixelSize", "0.135", "-Voltage", "300", "-SphericalAberration", "2.7",
           "-AmplitudeContrast", "0.07")  # fmt: skip
_GIVEN: dict[str, Value] = {
    "series": "TS_01.ali",
    "angles": "TS_01.tlt",
    "defocus": "TS_01.defocus",
    "pixel_size_nm": 0.135,
}

IMOD_CTFPHASEFLIP = Adapter(
    name="imod_ctfphaseflip",
    title="IMOD ctfphaseflip: correct the CTF of a tilt series",
    family="IMOD",
    homepage=HOMEPAGE,
    program=Program(executable="ctfphaseflip", install=INSTALL),
    gpu=GPU,
    command=_COMMAND,
    params=_PARAMS,
    failure=(
        *GPU_FAILURES,
        Failure(match=r"flag set that it has been CTF corrected", class_=FailureClass.BAD_INPUT,
                hint="the series was corrected before"),
        Failure(match=r"defocus file .* is non-existent or empty", class_=FailureClass.BAD_INPUT),
        *INPUT_FAILURES,
    ),
    example=(
        # The machine's GPU 2 is its third one.
        Example(
            params={**_GIVEN, "transforms": "TS_01.xf"},
            gpus=(2,),
            argv=(
                *_LEAST, "-TransformFile", "TS_01.xf", "-DefocusTol", "200",
                "-InterpolationWidth", "15", *_OPTICS,
                "-UseGPU", "3", "-ActionIfGPUFails", "2,2",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", **ENV},
        ),
        Example(
            params={**_GIVEN, "strip_width": 512, "phase_shift": 90},
            argv=(
                *_LEAST, "-DefocusTol", "200", "-MaximumStripWidth", "512",
                "-InterpolationWidth", "15", *_OPTICS, "-PhaseShiftInDegrees", "90.0",
            ),
        ),
    ),
    licence=LICENCE,
    citation="Xiong et al., J. Struct. Biol. 168 (2009) 378-387, doi:10.1016/j.jsb.2009.08.016; "
    + CITATION,
    source="github.com/LabShare-Archive/IMOD 8c592ce (2014): autodoc/ctfphaseflip.adoc, "
    "mrc/ctfphaseflip.cpp; the fall-back options of a later mrc/ctfphaseflip.cpp; "
    "github.com/scipion-em/scipion-em-imod imod/protocols/protocol_ctfCorrection.py",
    unverified=(
        "nothing was run; the release in which it first took a GPU",
        "how IMOD is asked for its version",
        PREFERRED_ELSEWHERE,
    ),
)  # fmt: skip
