"""IMOD's ctfplotter: the defocus of a tilt series, fitted without its window.

It has no GPU. With -SaveAndExit it opens no window and needs no display.
"""

from __future__ import annotations

from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Group,
    Output,
    Param,
    Program,
    Template,
    Value,
)

from .package import HOMEPAGE, INPUT_FAILURES, INSTALL, LICENCE

__all__ = ["IMOD_CTFPLOTTER"]

_COMMAND = Template(
    argv=(
        "%(EXE)s",
        "-InputStack", "%(series)s",
        "-AngleFile", "%(angles)s",
        Group(when="invert_angles", args=("-InvertTiltAngles",)),
        "-DefocusFile", "%(out)s",
        Group(args=("-ConfigFile", "%(noise)s")),
        Group(args=("-OffsetToAdd", "%(offset)s")),
        "-AxisAngle", "%(axis_angle)s",
        "-PixelSize", "%(pixel_size_nm)s",
        "-Voltage", "%(voltage)s",
        "-SphericalAberration", "%(cs)s",
        "-AmplitudeContrast", "%(amplitude_contrast)s",
        "-ExpectedDefocus", "%(expected_defocus)s",
        "-DefocusTol", "%(defocus_tolerance)s",
        "-LeftDefTol", "%(left_tolerance)s",
        "-RightDefTol", "%(right_tolerance)s",
        "-TileSize", "%(tile_size)s",
        "-PSResolution", "%(points)s",
        "-AutoFitRangeAndStep", "%(angle_range)s,%(angle_step)s",
        Group(args=("-AngleRange", "%(angles_used)s")),
        Group(args=("-FrequencyRangeToFit", "%(frequencies)s")),
        Group(args=("-ExtraZerosToFit", "%(extra_zeros)s")),
        Group(args=("-ViewsToSkip", "%(skip_views)s")),
        Group(when="astigmatism",
              args=("-SearchAstigmatism", "-MaximumAstigmatism", "%(astigmatism_max)s",
                    "-NumberOfSectors", "%(sectors)s")),
        Group(when="phase_shift", args=("-SearchPhaseShift",)),
        Group(when=("astigmatism", "phase_shift"),
              args=("-MinViewsAstigAndPhase", "%(views_astigmatism)s,%(views_phase)s")),
        Group(when="astigmatism", unless="phase_shift",
              args=("-MinViewsAstigAndPhase", "%(views_astigmatism)s,0")),
        Group(when="phase_shift", unless="astigmatism",
              args=("-MinViewsAstigAndPhase", "0,%(views_phase)s")),
        "-SaveAndExit",
    ),
)  # fmt: skip

_PARAMS = {
    "series": Param(
        type="path", item=True, check="mrc", suffix=(".mrc", ".mrcs", ".st", ".ali"),
        help="tilt series, not aligned",
    ),
    "out": Param(
        type="path", output="%(series.stem)s.defocus",
        help="defocus of each range of views, in nm, as ctfphaseflip reads it",
    ),
    "angles": Param(type="path", help="text file of tilt angles, one a line"),
    "axis_angle": Param(
        type="float", unit="degrees", min=-360, max=360,
        help="angle of the tilt axis from the vertical, counter-clockwise",
    ),
    "pixel_size_nm": Param(
        type="float", unit="nm", above=0, max=100,
        help="pixel size of the series, in nanometres: 0.135 is 1.35 Å",
    ),
    "expected_defocus": Param(
        type="float", unit="nm", above=0, max=1000000,
        help="expected underfocus at the tilt axis, in nanometres: 6000 is 6 µm",
    ),
    "voltage": Param(
        type="int", unit="kV", default=300, min=1, max=1000, help="accelerating voltage"
    ),
    "cs": Param(
        type="float", unit="mm", default=2.7, min=0, max=10, help="spherical aberration"
    ),
    "amplitude_contrast": Param(
        type="float", default=0.07, min=0, max=1, help="amplitude contrast"
    ),
    "angle_range": Param(
        type="float", unit="degrees", default=16.0, above=0, max=180, section="Fit",
        help="tilt angles that are fitted together",
    ),
    "angle_step": Param(
        type="float", unit="degrees", default=2.0, min=0, max=180, section="Fit",
        help="from one such range to the next; 0: each view is fitted by itself",
    ),
    "angles_used": Param(
        type="float", unit="degrees", optional=True, length=2, separator=",", min=-180, max=180,
        section="Fit", help="tilt angles over which it steps; all when left out",
    ),
    "frequencies": Param(
        type="float", unit="1/pixel", optional=True, length=2, separator=",", min=0.01,
        max=0.48, section="Fit", help="frequencies that are fitted; from the expected defocus",
    ),
    "extra_zeros": Param(
        type="float", optional=True, min=0, max=20, section="Fit",
        help="how far beyond the second zero is fitted, in zeros",
    ),
    "skip_views": Param(
        type="int", optional=True, length=0, separator=",", min=1, section="Fit",
        help="views that are left out, from 1",
    ),
    "astigmatism": Param(
        type="bool", default=False, section="Astigmatism", help="look for astigmatism"
    ),
    "astigmatism_max": Param(
        type="float", unit="µm", default=1.2, above=0, max=10, section="Astigmatism",
        help="most astigmatism",
    ),
    "sectors": Param(
        type="int", default=36, min=4, max=360, section="Astigmatism",
        help="sectors of the spectrum: 36 of 5 degrees",
    ),
    "views_astigmatism": Param(
        type="int", unit="views", default=3, min=1, max=1000, section="Astigmatism",
        help="least views that astigmatism is looked for in",
    ),
    "phase_shift": Param(
        type="bool", default=False, section="Phase plate", help="look for a phase shift"
    ),
    "views_phase": Param(
        type="int", unit="views", default=1, min=1, max=1000, section="Phase plate",
        help="least views that a phase shift is looked for in",
    ),
    "defocus_tolerance": Param(
        type="int", unit="nm", default=200, min=1, max=100000, section="Strips", advanced=True,
        help="difference in defocus inside the middle strip",
    ),
    "left_tolerance": Param(
        type="float", unit="nm", default=2000.0, above=0, max=1000000, section="Strips",
        advanced=True, help="difference in defocus of the strips left of it that are used",
    ),
    "right_tolerance": Param(
        type="float", unit="nm", default=2000.0, above=0, max=1000000, section="Strips",
        advanced=True, help="difference in defocus of the strips right of it that are used",
    ),
    "tile_size": Param(
        type="int", unit="pixels", default=256, min=32, max=4096, section="Strips",
        advanced=True, help="tiles that strips are cut into",
    ),
    "points": Param(
        type="int", default=101, min=11, max=10001, section="Strips", advanced=True,
        help="points of the spectrum",
    ),
    "noise": Param(
        type="path", optional=True, section="Noise",
        help="list of noise images; older releases must have one",
    ),
    "offset": Param(
        type="float", optional=True, section="Noise", advanced=True,
        help="added to the series, so that 0 is no electron; 32768 for some FEI files by itself",
    ),
    "invert_angles": Param(
        type="bool", default=False, help="turn the sign of the tilt angles round"
    ),
}  # fmt: skip

_LEAST = ("ctfplotter", "-InputStack", "TS_01.st", "-AngleFile", "TS_01.rawtlt",
          "-DefocusFile", "TS_01.defocus", "-AxisAngle", "-4.8", "-PixelSize", "0.135",
          "-Voltage", "300", "-SphericalAberration", "2.7", "-AmplitudeContrast", "0.07",
          "-ExpectedDefocus", "6000.0", "-DefocusTol", "200", "-LeftDefTol", "2000.0",
          "-RightDefTol", "2000.0", "-TileSize", "256", "-PSResolution", "101")  # fmt: skip
_GIVEN: dict[str, Value] = {
    "series": "TS_01.st",
    "angles": "TS_01.rawtlt",
    "axis_angle": -4.8,
    "pixel_size_nm": 0.135,
    "expected_defocus": 6000,
}

IMOD_CTFPLOTTER = Adapter(
    name="imod_ctfplotter",
    title="IMOD ctfplotter: fit the defocus of a tilt series",
    family="IMOD",
    homepage=HOMEPAGE,
    program=Program(executable="ctfplotter", install=INSTALL),
    command=_COMMAND,
    params=_PARAMS,
    output=(
        # First and last view, their angles, and a defocus: not the line of flags before them.
        Output(name="out", match=r"^\s*\d+\s+\d+(\s+-?\d+\.\d*){2}\s+-?[1-9]\d"),
    ),
    failure=(
        Failure(match=r"Fitting range values are too extreme", class_=FailureClass.BAD_INPUT,
                hint="`frequencies` must rise, lie between 0.01 and 0.48, and 0.03 apart"),
        Failure(match=r"There must be at least two noise files|mean of noise file .* is negative"
                r"|could not open config file|No Config file specified",
                class_=FailureClass.BAD_INPUT, hint="look at `noise`"),
        Failure(match=r"[Cc]ould not connect to display|cannot open display|platform plugin",
                class_=FailureClass.NOT_STARTED,
                hint="this release opens a window for all that: set QT_QPA_PLATFORM=offscreen "
                "for it"),
        *INPUT_FAILURES,
    ),
    example=(
        Example(
            params=_GIVEN,
            argv=(*_LEAST, "-AutoFitRangeAndStep", "16.0,2.0", "-SaveAndExit"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
        Example(
            params={**_GIVEN, "angle_step": 0, "astigmatism": True, "skip_views": (1, 40),
                    "frequencies": (0.05, 0.3)},
            argv=(
                *_LEAST, "-AutoFitRangeAndStep", "16.0,0.0", "-FrequencyRangeToFit", "0.05,0.3",
                "-ViewsToSkip", "1,40", "-SearchAstigmatism", "-MaximumAstigmatism", "1.2",
                "-NumberOfSectors", "36", "-MinViewsAstigAndPhase", "3,0", "-SaveAndExit",
            ),
        ),
    ),
    licence=LICENCE,
    citation="Xiong et al., J. Struct. Biol. 168 (2009) 378-387, doi:10.1016/j.jsb.2009.08.016",
    source="github.com/LabShare-Archive/IMOD 8c592ce (2014): autodoc/ctfplotter.adoc, "
    "ctfplotter/main.cpp; for astigmatism, phase shift and skipped views "
    "github.com/scipion-em/scipion-em-imod imod/protocols/protocol_ctfEstimation_automatic.py",
    unverified=(
        "nothing was run; the format of the defocus file is that of 2014 and Scipion's reader",
        "since which release it does without noise images",
        "how IMOD is asked for its version",
    ),
)  # fmt: skip
