"""MotionCor3: movie alignment on GPUs, with dose weighting and, when asked, a CTF estimate.

The program runs in the step's own directory under fixed short names, because it

- cuts output names at the first ``.mrc``, then at the first ``.st``, wherever in the path they
  stand (``/data/grant.stack/m1.mrc`` would become ``/data/grant.mrc``);
- copies each word into 256 bytes, whatever its length, and crashes on longer ones;
- creates and deletes the output before it looks at anything, so that a failed run would cost an
  earlier result.
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
    Group,
    Link,
    Output,
    Param,
    Program,
    Template,
    Version,
)

# A dose or a Cs this small is none: the program weighs by dose above 0, and estimates the CTF
# when Cs is above 0.001 (CFmIntParam.cpp, CFindCtfMain.cpp).
_SOME_DOSE = 1e-6
_SOME_CS = 0.0011
# A line of its logs (a frame and its shift), and of its CTF: numbers, none of them `nan`.
_SHIFTS = r"^\s*\d+\s+-?\d+\.\d+\s+-?\d"
_CTF = r"^\s*-?\d+\.\d+\s+-?\d"

_MRC = (".mrc", ".mrcs")
_TIFF = (".tif", ".tiff")
_EER = (".eer",)
# It tells an image's format by the suffix, and a reference of any other is silently not used.
_GAIN = (("mrc", _MRC), ("tif", (*_TIFF, ".gain")))

OPTIONS: tuple[str | Group, ...] = (
    # A path option without its path would swallow the next flag: each is in a group.
    Group(when="frame_integration", args=("-FmIntFile", "frames.txt")),
    Group(when="eer_backwards", args=("-TiffOrder", "-1")),
    *(Group(when="gain", suffix=suffix, args=("-Gain", f"gain.{kind}"))
      for kind, suffix in _GAIN),
    Group(when="gain",
          args=("-RotGain", "%(gain_rotation)s", "-FlipGain", "%(gain_flip)s")),
    Group(when="gain_inverse", args=("-InvGain", "1")),
    Group(when="dark", args=("-Dark", "dark.mrc")),
    Group(when="defect_file", args=("-DefectFile", "defects.txt")),
    Group(when="defect_map", args=("-DefectMap", "defect_map")),
    Group(args=("-PixSize", "%(pixel_size)s")),
    "-kV", "%(voltage)s",
    # Without -Cs the program takes 2.7 and makes two files that nobody asked for.
    Group(unless="cs", args=("-Cs", "0")),
    Group(when="cs", args=("-Cs", "%(cs)s", "-AmpCont", "%(amplitude_contrast)s")),
    Group(args=("-ExtPhase", "%(phase_shift)s")),
    Group(args=("-FmDose", "%(dose_per_frame)s")),
    # The dose of a frame may also stand in frame_integration.
    Group(when="initial_dose", at_least=_SOME_DOSE, args=("-InitDose", "%(initial_dose)s")),
    # One word a number: its lists of fractions are not split at commas or blanks.
    "-SumRange", "%(sum_dose_min)s", "%(sum_dose_max)s",
    "-FtBin", "%(bin)s",
    Group(args=("-Patch", "%(patch)s")),
    "-Iter", "%(iterations)s",
    "-Tol", "%(tolerance)s",
    "-Bft", "%(bfactor)s",
    "-Group", "%(group)s",
    Group(args=("-FmRef", "%(reference_frame)s")),
    Group(when="throw", at_least=1, args=("-Throw", "%(throw)s")),
    Group(when="trunc", at_least=1, args=("-Trunc", "%(trunc)s")),
    Group(args=("-Mag", "%(magnification)s")),
    Group(when="phase_only", args=("-PhaseOnly", "1")),
    Group(when="in_frame_motion", args=("-InFmMotion", "1")),
    Group(when="correct_interpolation", args=("-CorrInterp", "1")),
    Group(when="split_sum", args=("-SplitSum", "1")),
    Group(when="out_stack", args=("-OutStack", "1", "%(stack_binning)s")),
)  # fmt: skip
"""What it is told of any movie, between its input and its logs."""

_COMMAND = Template(
    own_directory=True,
    argv=(
        "%(EXE)s",
        Group(when="movie", suffix=_MRC, args=("-InMrc", "movie%(movie.suffix)s")),
        Group(when="movie", suffix=_TIFF, args=("-InTiff", "movie%(movie.suffix)s")),
        Group(when="movie", suffix=_EER,
              args=("-InEer", "movie%(movie.suffix)s", "-EerSampling", "%(eer_sampling)s")),
        "-OutMrc", "aligned.mrc",
        *OPTIONS,
        Group(when="save_alignment", args=("-OutAln", ".")),
        "-LogDir", ".",
        Group(args=("-GpuMemUsage", "%(gpu_memory)s")),
        "-Gpu", "%(GPU)s",
    ),
)  # fmt: skip

# Defaults are those of the code (CInput.cpp 74-128); the program's help text is behind it.
_PARAMS = {
    "movie": Param(
        type="path", item=True, suffix=(*_MRC, *_TIFF, *_EER),
        help="movie to align: .mrc .mrcs, .tif .tiff or .eer",
    ),
    "out": Param(
        type="path", output="%(movie.stem)s.mrc", check="mrc", help="aligned micrograph (sum)"
    ),
    "pixel_size": Param(
        type="float", unit="Å", optional=True, min=0.01, max=100,
        help="pixel size of the movie; dose weighting and CTF need it",
    ),
    "voltage": Param(
        type="int", unit="kV", default=300, min=1, max=1000,
        help="accelerating voltage; it weighs by dose from 80 to 300 only",
    ),
    "dose_per_frame": Param(
        type="float", unit="e⁻/Å²", optional=True, min=0, needs=("pixel_size",),
        help="dose of one raw frame; turns dose weighting on",
    ),
    "initial_dose": Param(
        type="float", unit="e⁻/Å²", default=0.0, min=0, needs=("pixel_size",),
        help="dose before the first frame",
    ),
    "sum_dose_min": Param(
        type="float", unit="e⁻/Å²", default=0.0, min=0,
        help="start of the dose window of a second weighted sum",
    ),
    "sum_dose_max": Param(
        type="float", unit="e⁻/Å²", default=0.0, min=0, needs=("pixel_size",),
        help="end of that window, more than 1 above its start; 0: no second sum",
    ),
    "gain": Param(
        type="path", optional=True, suffix=tuple(one for _, suffix in _GAIN for one in suffix),
        help="gain reference: .mrc (32-bit), .tif, .tiff or .gain",
    ),
    "gain_rotation": Param(
        type="int", unit="quarter turns", default=0, min=0, max=3, needs=("gain",),
        help="turns the gain reference counter-clockwise",
    ),
    "gain_flip": Param(
        type="int", default=0, min=0, max=2, needs=("gain",),
        help="flips the turned gain: 0 not, 1 upside down, 2 left to right",
    ),
    "gain_inverse": Param(
        type="bool", default=False, needs=("gain",), help="use one over the gain"
    ),
    "dark": Param(type="path", optional=True, help="dark reference, subtracted (MRC)"),
    "defect_file": Param(
        type="path", optional=True, help="text file of bad rectangles, `x y w h` a line"
    ),
    "defect_map": Param(
        type="path", optional=True, help="8-bit image of the movie's size, 1 where it is bad"
    ),
    "bin": Param(type="float", default=1.0, min=1, help="Fourier binning"),
    "patch": Param(
        type="int", optional=True, length=2, min=2,
        help="patches along x and y for local alignment; leave out for whole frames only",
    ),
    "iterations": Param(type="int", default=15, min=1, help="most iterations"),
    "tolerance": Param(
        type="float", unit="pixels", default=0.1, min=0.001, help="where iterations stop"
    ),
    "bfactor": Param(
        type="float", unit="pixels²", default=(500.0, 100.0), length=2, min=0,
        help="B-factors of global and local alignment",
    ),
    "group": Param(
        type="int", unit="frames", default=(1, 4), length=2, min=1,
        help="frames summed before global and before local alignment",
    ),
    "reference_frame": Param(
        type="int", optional=True, min=-1,
        help="frame without shift, from 1; -1 (the program's own choice): the middle",
    ),
    "throw": Param(type="int", unit="frames", default=0, min=0, help="first frames left out"),
    "trunc": Param(type="int", unit="frames", default=0, min=0, help="last frames left out"),
    "magnification": Param(
        type="float", optional=True, length=3,
        help="anisotropic magnification: major scale, minor scale, angle in degrees",
    ),
    "cs": Param(
        type="float", unit="mm", optional=True, min=0, max=10, needs=("pixel_size",),
        help="spherical aberration; turns the CTF estimate on",
    ),
    "amplitude_contrast": Param(
        type="float", default=0.07, min=0, max=1, help="amplitude contrast of the CTF"
    ),
    "phase_shift": Param(
        type="float", unit="degrees", optional=True, min=0, max=180, needs=("cs",),
        help="phase plate: centre of the search for the phase shift",
    ),
    "phase_only": Param(type="bool", default=False, help="correlate phases only"),
    "in_frame_motion": Param(
        type="bool", default=False, help="weigh down motion inside the frames"
    ),
    "correct_interpolation": Param(
        type="bool", default=False, help="make up for interpolation in local alignment"
    ),
    "split_sum": Param(type="bool", default=False, help="sum odd and even frames as well"),
    "out_stack": Param(type="bool", default=False, help="write the aligned frames as well"),
    "stack_binning": Param(
        type="int", unit="frames", default=1, min=1, help="aligned frames summed to one"
    ),
    "save_alignment": Param(type="bool", default=False, help="write the shifts as .aln as well"),
    "frame_integration": Param(
        type="path", optional=True,
        help="text file `frames sum dose` a line: how raw (EER) frames are summed",
    ),
    "eer_sampling": Param(
        type="int", default=1, min=1, max=3, help="EER super-resolution: 1, 2, 3 for 4k, 8k, 16k"
    ),
    "eer_backwards": Param(type="bool", default=False, help="read EER frames from the last"),
    "gpu_memory": Param(
        type="float", optional=True, min=0, max=1,
        help="part of a GPU's memory that holds frames, no more than 0.8; 0.75 when left out",
    ),
}  # fmt: skip

# Under their own names they might be longer than it can hold.
_LINKS = (
    Link(name="movie%(movie.suffix)s", target="%(movie)s"),
    *(Link(name=f"gain.{kind}", target="%(gain)s", when="gain", suffix=suffix)
      for kind, suffix in _GAIN),
    Link(name="dark.mrc", target="%(dark)s"),
    Link(name="defects.txt", target="%(defect_file)s"),
    # It tries both formats, whatever the name.
    Link(name="defect_map", target="%(defect_map)s"),
    Link(name="frames.txt", target="%(frame_integration)s"),
)  # fmt: skip

_OUTPUTS = (
    Output(name="out", made="aligned.mrc"),
    Output(
        name="dose_weighted", path="%(out.base)s_DW.mrc", made="aligned_DW.mrc", check="mrc",
        when="dose_per_frame", at_least=_SOME_DOSE,
    ),
    Output(
        name="dose_window", path="%(out.base)s_DWS.mrc", made="aligned_DWS.mrc", check="mrc",
        when=("dose_per_frame", "sum_dose_max"), at_least=_SOME_DOSE,
    ),
    # frame_integration may bring doses or not: with them alone it weighs, too.
    Output(
        name="dose_weighted", path="%(out.base)s_DW.mrc", made="aligned_DW.mrc", check="mrc",
        when=("frame_integration", "pixel_size"), unless="dose_per_frame", optional=True,
    ),
    Output(
        name="dose_window", path="%(out.base)s_DWS.mrc", made="aligned_DWS.mrc", check="mrc",
        when=("frame_integration", "pixel_size"), unless="dose_per_frame", optional=True,
    ),
    Output(name="odd", path="%(out.base)s_ODD.mrc", made="aligned_ODD.mrc", check="mrc",
           when="split_sum"),
    Output(name="even", path="%(out.base)s_EVN.mrc", made="aligned_EVN.mrc", check="mrc",
           when="split_sum"),
    Output(name="stack", path="%(out.base)s_Stk.mrc", made="aligned_Stk.mrc", check="mrc",
           when="out_stack"),
    Output(name="ctf", path="%(out.base)s_Ctf.txt", made="aligned_Ctf.txt",
           when="cs", at_least=_SOME_CS, match=_CTF),
    Output(name="spectrum", path="%(out.base)s_Ctf.mrc", made="aligned_Ctf.mrc", check="mrc",
           when="cs", at_least=_SOME_CS),
    # Its logs are named after the movie.
    Output(name="shifts", path="%(out.base)s-Full.log", made="movie-Full.log", unless="patch",
           match=_SHIFTS),
    Output(name="shifts", path="%(out.base)s-Patch-Full.log", made="movie-Patch-Full.log",
           when="patch", match=_SHIFTS),
    Output(name="patch_shifts", path="%(out.base)s-Patch-Patch.log", made="movie-Patch-Patch.log",
           when="patch", match=_SHIFTS),
    Output(name="frame_shifts", path="%(out.base)s-Patch-Frame.log", made="movie-Patch-Frame.log",
           when="patch", match=_SHIFTS),
    Output(name="alignment", path="%(out.base)s.aln", made="movie.aln",
           when="save_alignment"),
)  # fmt: skip

# `Iteration  1  Error:     0.123` is progress, so no rule may look for a bare `Error:`; and
# `Total time:` is printed after failures too, so it proves nothing.
_FAILURES = (
    Failure(match=r"CUFFT_ALLOC_FAILED|: out of memory", class_=FailureClass.OUT_OF_MEMORY,
            effect="fail", hint="raise `bin`, lower `gpu_memory`, or use a GPU with more memory"),
    Failure(match=r"Gain and frame dimensions mismatch", class_=FailureClass.BAD_INPUT,
            effect="fail", hint="give the gain reference of these movies, turned as they are"),
    Failure(match=r"Motion correction skipped", class_=FailureClass.BAD_INPUT, effect="fail"),
    Failure(match=r"(Gain|Dark) reference will not be loaded", class_=FailureClass.BAD_INPUT,
            effect="fail", hint="it would go on without the reference: give it as 32-bit MRC"),
    Failure(match=r"cannot augment gain reference", class_=FailureClass.BAD_INPUT, effect="fail"),
    Failure(match=r"error: load tiff image \d+", class_=FailureClass.BAD_INPUT, effect="fail",
            hint="the movie is damaged: copy it again"),
    Failure(match=r"no valid device detected", class_=FailureClass.NO_DEVICE,
            hint="`gpucore gpus` shows the GPUs; the program must fit their driver"),
    Failure(match=r"All GPUs are in use", class_=FailureClass.NO_DEVICE,
            hint="another MotionCor holds the GPU in /tmp/MotionCor2_FreeGpus.txt"),
    Failure(match=r"no valid input file name", class_=FailureClass.BAD_INPUT,
            hint="the movie must end in .mrc, .mrcs, .tif, .tiff or .eer"),
    Failure(match=r"no input image files are found|cannot open (stack|Tiff) file"
            r"|Unable to open EER file|Invalid image size|Invalid compression",
            class_=FailureClass.BAD_INPUT, hint="look at the movie: it cannot be read"),
    Failure(match=r"cannot open output MRC file", class_=FailureClass.PROGRAM_FAULT,
            hint="the step's directory cannot be written"),
    Failure(match=r"CUFFT_(?!SUCCESS)[A-Z_]+|illegal memory access|unspecified launch failure"
            r"|uncorrectable ECC", class_=FailureClass.DEVICE_FAULT, effect="fail"),
    Failure(match=r"error while loading shared libraries", class_=FailureClass.NOT_STARTED,
            hint="load the CUDA libraries that the program was built with"),
    Failure(match=r"Info: skip device \d+", class_=FailureClass.NO_DEVICE, effect="warn",
            hint="it went on with the other GPUs of its slot"),
    Failure(match=r"throwing two many frames", class_=FailureClass.BAD_INPUT, effect="warn",
            hint="`throw` and `trunc` leave no frames, and were ignored"),
)  # fmt: skip

_EXAMPLES = (
    Example(
        params={"movie": "m1.tif", "pixel_size": 0.885, "voltage": 300, "patch": (5, 5)},
        gpus=(0,),
        argv=(
            "MotionCor3", "-InTiff", "movie.tif", "-OutMrc", "aligned.mrc",
            "-PixSize", "0.885", "-kV", "300", "-Cs", "0", "-SumRange", "0.0", "0.0",
            "-FtBin", "1.0", "-Patch", "5", "5", "-Iter", "15", "-Tol", "0.1",
            "-Bft", "500.0", "100.0", "-Group", "1", "4", "-LogDir", ".", "-Gpu", "0",
        ),
        env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
    ),
    Example(
        params={"movie": "m1.mrcs", "pixel_size": 1.1, "cs": 2.7, "amplitude_contrast": 0.1},
        gpus=(0, 1, 3),
        argv=(
            "MotionCor3", "-InMrc", "movie.mrcs", "-OutMrc", "aligned.mrc",
            "-PixSize", "1.1", "-kV", "300", "-Cs", "2.7", "-AmpCont", "0.1",
            "-SumRange", "0.0", "0.0", "-FtBin", "1.0", "-Iter", "15", "-Tol", "0.1",
            "-Bft", "500.0", "100.0", "-Group", "1", "4", "-LogDir", ".",
            "-Gpu", "0", "1", "3",
        ),
    ),
    Example(
        params={
            "movie": "m1.eer", "pixel_size": 0.5, "dose_per_frame": 1.2, "gain": "gain.tif",
            "gain_rotation": 1, "frame_integration": "fmint.txt", "eer_sampling": 2, "bin": 2.0,
            "patch": (7, 5), "throw": 1, "split_sum": True, "gpu_memory": 0.5,
        },
        gpus=(2,),
        argv=(
            "MotionCor3", "-InEer", "movie.eer", "-EerSampling", "2", "-OutMrc", "aligned.mrc",
            "-FmIntFile", "frames.txt", "-Gain", "gain.tif", "-RotGain", "1", "-FlipGain", "0",
            "-PixSize", "0.5", "-kV", "300", "-Cs", "0", "-FmDose", "1.2",
            "-SumRange", "0.0", "0.0", "-FtBin", "2.0", "-Patch", "7", "5", "-Iter", "15",
            "-Tol", "0.1", "-Bft", "500.0", "100.0", "-Group", "1", "4", "-Throw", "1",
            "-SplitSum", "1", "-LogDir", ".", "-GpuMemUsage", "0.5", "-Gpu", "2",
        ),
    ),
)  # fmt: skip

MOTIONCOR3 = Adapter(
    name="motioncor3",
    title="MotionCor3: align movie frames on GPUs",
    family="MotionCor",
    homepage="https://github.com/czimaginginstitute/MotionCor3",
    program=Program(
        executable="MotionCor3",
        # It answers only when this is its one argument; with any other it runs.
        version=Version(args=("--version",), regex=r"MotionCor3 version (\d+\.\d+\.\d+)"),
        install="https://github.com/czimaginginstitute/MotionCor3",
    ),
    gpu=Gpu(
        use=GpuUse.COMPULSORY,
        form="space",
        # It takes a part of what memory is free when it starts: two at once may both run out.
        # "From now on no GPU can be shared by two processes" (Readme.txt, 2017).
        sharing="discouraged",
    ),
    command=_COMMAND,
    params=_PARAMS,
    link=_LINKS,
    output=_OUTPUTS,
    failure=_FAILURES,
    example=_EXAMPLES,
    licence="BSD-3-Clause",
    citation="Zheng et al., Nature Methods 14 (2017) 331-332, doi:10.1038/nmeth.4193",
    source="github.com/czimaginginstitute/MotionCor3 f2cc4b1 (1.2.1): CInput.cpp, CMotionCor3.cpp, "
    "CMain.cpp, CProcessThread.cpp, Util/CParseArgs.cpp, DataUtil/CFmIntParam.cpp, Align/",
    unverified=(
        "nothing was run on a GPU; messages of CUDA errors are read from the source",
        "version 1.2.4 was not read",
        "whether pixel_size of an EER movie is that of the sensor or of the sampled frame: "
        "1.2.1 and 1.2.3 differ in what they write into the header",
    ),
)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer this program."""
    return (MOTIONCOR3,)
