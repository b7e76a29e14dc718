"""IMOD's alignframes: the sum of a movie's aligned frames, on the processor or on a GPU."""

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
)

from .package import CITATION, GPU, HOMEPAGE, INPUT_FAILURES, INSTALL, LICENCE

__all__ = ["IMOD_ALIGNFRAMES"]

_EER = (".eer",)

_COMMAND = Template(
    argv=(
        "%(EXE)s",
        "-InputFile", "%(movie)s",
        "-OutputImageFile", "%(out)s",
        Group(args=("-PixelSize", "%(pixel_size_nm)s")),
        Group(args=("-GainReferenceFile", "%(gain)s", "-RotationAndFlip", "%(gain_rotation)s")),
        Group(args=("-DarkReferenceFile", "%(dark)s")),
        Group(args=("-CameraDefectFile", "%(defects)s")),
        Group(when="movie", suffix=_EER, args=("-EERSuperResZSumPadding", "%(eer)s")),
        Group(args=("-StartingEndingFrames", "%(frames)s")),
        Group(args=("-TruncateAbove", "%(truncate)s")),
        "-PairwiseFrames", "%(pairwise)s",
        "-GroupSize", "%(group)s",
        "-AlignAndSumBinning", "%(binning)s",
        "-ShiftLimit", "%(shift_limit)s",
        Group(args=("-VaryFilter", "%(filters)s")),
        "-RefineAlignment", "%(refine)s",
        Group(args=("-ModeToOutput", "%(mode)s")),
        Group(args=("-ScalingOfSum", "%(scale)s")),
        Group(when="total_dose",
              args=("-FixedTotalDose", "%(total_dose)s", "-InitialPriorDose", "%(prior_dose)s",
                    "-Voltage", "%(voltage)s")),
        Group(when="frc", args=("-FRCOutputFile", "%(out.base)s_frc.txt")),
        Group(when="shifts", args=("-PlottableShiftFile", "%(out.base)s_shifts.txt")),
        Group(when="gpu", args=("-UseGPU", "%(GPU)s")),
    ),
)  # fmt: skip

_PARAMS = {
    "movie": Param(
        type="path", item=True, suffix=(".mrc", ".mrcs", ".st", ".tif", ".tiff", *_EER),
        help="movie to align",
    ),
    "out": Param(
        type="path", output="%(movie.stem)s_ali.mrc", check="mrc", help="sum of aligned frames"
    ),
    "pixel_size_nm": Param(
        type="float", unit="nm", optional=True, above=0, max=100,
        help="pixel size of the frames, in nanometres: 0.135 is 1.35 Å",
    ),
    "gain": Param(
        type="path", optional=True, section="References", help="gain reference, of floats"
    ),
    "gain_rotation": Param(
        type="int", default=0, min=-1, max=7, section="References",
        help="rotation and flip of the gain reference; -1: that of the frames' header",
    ),
    "dark": Param(
        type="path", optional=True, section="References", help="dark reference, of integers"
    ),
    "defects": Param(
        type="path", optional=True, section="References", help="list of the camera's defects"
    ),
    "eer": Param(
        type="int", default=(1, 10, 1), length=3, separator=",", min=0, section="References",
        help="EER: super-resolution, raw frames summed to one, pixels around a defect",
    ),
    "frames": Param(
        type="int", length=2, separator=",", optional=True, min=1, section="Alignment",
        help="first and last frame used, from 1",
    ),
    "truncate": Param(
        type="float", optional=True, above=0, section="Alignment",
        help="counts above this are taken for those of their neighbours",
    ),
    "pairwise": Param(
        type="int", default=7, min=-4, max=1000, section="Alignment",
        help="frames compared pair by pair; -1 all, -2 half of them, 0: with the sum so far",
    ),
    "group": Param(
        type="int", default=1, min=1, max=100, section="Alignment",
        help="frames summed for an alignment",
    ),
    "binning": Param(
        type="int", default=(-1, 1), length=2, separator=",", min=-1, max=16,
        section="Alignment", help="binning for the alignment (-1: fits the size) and of the sum",
    ),
    "shift_limit": Param(
        type="int", unit="pixels", default=20, min=1, max=10000, section="Alignment",
        help="greatest shift, not binned",
    ),
    "filters": Param(
        type="float", unit="1/pixel", length=0, separator=",", optional=True, above=0, max=1,
        section="Alignment", help="low-pass filters that are tried: 0.06,0.05,0.04",
    ),
    "refine": Param(
        type="int", default=0, min=0, max=100, section="Alignment",
        help="rounds that refine the alignment with the whole sum",
    ),
    "mode": Param(
        type="int", optional=True, min=0, max=12, section="Sum",
        help="MRC mode of the sum: 1 integers, 2 floats, 6 positive integers",
    ),
    "scale": Param(
        type="float", optional=True, above=0, section="Sum", help="factor for the sum's values"
    ),
    "total_dose": Param(
        type="float", unit="e⁻/Å²", optional=True, above=0, section="Sum",
        help="dose of the movie; turns dose weighting on",
    ),
    "prior_dose": Param(
        type="float", unit="e⁻/Å²", default=0.0, min=0, section="Sum",
        help="dose before the movie",
    ),
    "voltage": Param(
        type="choice", default="300", choices=("300", "200"), unit="kV", section="Sum",
        help="accelerating voltage, for dose weighting",
    ),
    "frc": Param(
        type="bool", default=False, section="Sum", help="Fourier ring correlation of half sums"
    ),
    "shifts": Param(type="bool", default=False, section="Sum", help="shifts as a text file"),
}  # fmt: skip

IMOD_ALIGNFRAMES = Adapter(
    name="imod_alignframes",
    title="IMOD alignframes: align and sum the frames of a movie",
    family="IMOD",
    homepage=HOMEPAGE,
    program=Program(executable="alignframes", install=INSTALL),
    gpu=GPU,
    command=_COMMAND,
    params=_PARAMS,
    output=(
        Output(name="frc_curve", path="%(out.base)s_frc.txt", when="frc"),
        Output(name="shift_curve", path="%(out.base)s_shifts.txt", when="shifts"),
    ),
    failure=(
        # It has no option that makes this an error; the sum is right all the same.
        Failure(match=r"Insufficient memory on GPU", when="gpu", effect="warn",
                class_=FailureClass.CPU_FALLBACK, hint="bin more, or use a GPU with more memory"),
        Failure(match=r"illegal memory access|uncorrectable ECC", when="gpu", effect="fail",
                class_=FailureClass.DEVICE_FAULT),
        *INPUT_FAILURES,
    ),
    example=(
        # The machine's GPU 0 is its first one.
        Example(
            params={"movie": "m1.tif", "gain": "gain.mrc", "binning": (6, 1), "refine": 5,
                    "total_dose": 2.5},
            gpus=(0,),
            argv=(
                "alignframes", "-InputFile", "m1.tif", "-OutputImageFile", "m1_ali.mrc",
                "-GainReferenceFile", "gain.mrc", "-RotationAndFlip", "0",
                "-PairwiseFrames", "7", "-GroupSize", "1", "-AlignAndSumBinning", "6,1",
                "-ShiftLimit", "20", "-RefineAlignment", "5", "-FixedTotalDose", "2.5",
                "-InitialPriorDose", "0.0", "-Voltage", "300", "-UseGPU", "1",
            ),
        ),
        Example(
            params={"movie": "m1.eer", "pairwise": -1, "frc": True},
            argv=(
                "alignframes", "-InputFile", "m1.eer", "-OutputImageFile", "m1_ali.mrc",
                "-EERSuperResZSumPadding", "1,10,1", "-PairwiseFrames", "-1",
                "-GroupSize", "1", "-AlignAndSumBinning", "-1,1", "-ShiftLimit", "20",
                "-RefineAlignment", "0", "-FRCOutputFile", "m1_ali_frc.txt",
            ),
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source="IMOD's mrc/alignframes.cpp (copyright 2016-2019, a public copy): options, defaults "
    "and messages; bio3d.colorado.edu/imod/doc/man/alignframes.html",
    unverified=(
        "nothing was run; how IMOD is asked for its version",
        "a GPU that is not there is passed over in silence: it then runs on the processor",
        "mdoc files with several movies, and tests of several filters, are left out",
    ),
)  # fmt: skip
