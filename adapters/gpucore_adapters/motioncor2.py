"""MotionCor2 1.4.6 to 1.6.4: movie alignment on GPUs, with dose weighting.

The command line is the program's own, as in the standard's worked examples. It cuts output names
at the first ``.mrc``, then the first ``.st``, wherever in the path they stand; a step whose folders
have such names fails, because its output is not found.
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
    Output,
    Param,
    Program,
    Template,
    Version,
)

# The program weighs by any dose above 0.
_SOME_DOSE = 1e-6

_MRC = (".mrc", ".mrcs")
_TIFF = (".tif", ".tiff")
_EER = (".eer",)

OPTIONS: tuple[str | Group, ...] = (
    # A path option without its path would swallow the next flag: each is in a group.
    Group(args=("-FmIntFile", "%(frame_integration)s")),
    Group(when="eer_backwards", args=("-TiffOrder", "-1")),
    Group(args=("-Gain", "%(gain)s",
                "-RotGain", "%(gain_rotation)s", "-FlipGain", "%(gain_flip)s")),
    Group(when="gain_inverse", args=("-InvGain", "1")),
    Group(args=("-Dark", "%(dark)s")),
    Group(args=("-DefectFile", "%(defect_file)s")),
    Group(args=("-DefectMap", "%(defect_map)s")),
    Group(args=("-PixSize", "%(pixel_size)s")),
    "-kV", "%(voltage)s",
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
    Group(args=("-Group", "%(group)s")),
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
    argv=(
        "%(EXE)s",
        Group(when="movie", suffix=_MRC, args=("-InMrc", "%(movie)s")),
        Group(when="movie", suffix=_TIFF, args=("-InTiff", "%(movie)s")),
        Group(when="movie", suffix=_EER,
              args=("-InEer", "%(movie)s", "-EerSampling", "%(eer_sampling)s")),
        "-OutMrc", "%(out)s",
        *OPTIONS,
        Group(args=("-LogDir", "%(log_dir)s")),
        Group(args=("-GpuMemUsage", "%(gpu_memory)s")),
        "-Gpu", "%(GPU)s",
    ),
)  # fmt: skip

# Iterations and tolerance changed in 1.6.2 and B-factors in 1.1, so they are always told: the
# defaults here are those of 1.6.4, whatever version runs.
_PARAMS = {
    "movie": Param(
        type="path", item=True, suffix=(*_MRC, *_TIFF, *_EER),
        help="movie to align: .mrc .mrcs, .tif .tiff or .eer",
    ),
    "out": Param(
        type="path", output="%(movie.stem)s.mrc", check="mrc", suffix=(".mrc",),
        help="aligned micrograph (sum)",
    ),
    "pixel_size": Param(
        type="float", unit="Å", optional=True, min=0.01, max=100,
        help="pixel size of the movie; dose weighting needs it",
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
        type="path", optional=True, help="gain reference (32-bit MRC)"
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
        type="float", unit="pixels²", default=(500.0, 150.0), length=2, min=0,
        help="B-factors of global and local alignment",
    ),
    "group": Param(
        type="int", unit="frames", optional=True, length=2, min=1,
        help="frames summed before global and before local alignment (two from 1.5.4 on)",
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
    "log_dir": Param(
        type="path", optional=True, check="directory", help="folder, there already, for its logs"
    ),
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
        help="part of a GPU's memory that holds frames",
    ),
}  # fmt: skip

_OUTPUTS = (
    Output(name="dose_weighted", path="%(out.base)s_DW.mrc", check="mrc",
           when="dose_per_frame", at_least=_SOME_DOSE),
    Output(name="dose_window", path="%(out.base)s_DWS.mrc", check="mrc",
           when=("dose_per_frame", "sum_dose_max"), at_least=_SOME_DOSE),
    # frame_integration may bring doses or not: with them alone it weighs, too.
    Output(name="dose_weighted", path="%(out.base)s_DW.mrc", check="mrc", optional=True,
           when=("frame_integration", "pixel_size"), unless="dose_per_frame"),
    Output(name="dose_window", path="%(out.base)s_DWS.mrc", check="mrc", optional=True,
           when=("frame_integration", "pixel_size"), unless="dose_per_frame"),
    Output(name="odd", path="%(out.base)s_ODD.mrc", check="mrc", when="split_sum"),
    Output(name="even", path="%(out.base)s_EVN.mrc", check="mrc", when="split_sum"),
    Output(name="stack", path="%(out.base)s_Stk.mrc", check="mrc", when="out_stack"),
    # Its logs are named after the movie.
    Output(name="shifts", path="%(log_dir)s/%(movie.stem)s-Full.log",
           when="log_dir", unless="patch"),
    Output(name="shifts", path="%(log_dir)s/%(movie.stem)s-Patch-Full.log",
           when=("log_dir", "patch")),
    Output(name="patch_shifts", path="%(log_dir)s/%(movie.stem)s-Patch-Patch.log",
           when=("log_dir", "patch")),
    Output(name="frame_shifts", path="%(log_dir)s/%(movie.stem)s-Patch-Frame.log",
           when=("log_dir", "patch")),
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
            hint="the output's folder cannot be written"),
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
        params={"movie": "movie.mrc", "out": "out.mrc"},
        gpus=(0, 1),
        argv=(
            "MotionCor2", "-InMrc", "movie.mrc", "-OutMrc", "out.mrc", "-kV", "300",
            "-SumRange", "0.0", "0.0", "-FtBin", "1.0", "-Iter", "15", "-Tol", "0.1",
            "-Bft", "500.0", "150.0", "-Gpu", "0", "1",
        ),
        env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
    ),
    Example(
        params={"movie": "m1.tif", "pixel_size": 0.885, "voltage": 300, "patch": (5, 5)},
        gpus=(3,),
        argv=(
            "MotionCor2", "-InTiff", "m1.tif", "-OutMrc", "m1.mrc", "-PixSize", "0.885",
            "-kV", "300", "-SumRange", "0.0", "0.0", "-FtBin", "1.0", "-Patch", "5", "5",
            "-Iter", "15", "-Tol", "0.1", "-Bft", "500.0", "150.0", "-Gpu", "3",
        ),
    ),
    Example(
        params={
            "movie": "m1.tiff", "out": "out/m1.mrc", "gain": "gain.mrc", "gain_rotation": 1,
            "defect_file": "defects.txt", "pixel_size": 0.5, "dose_per_frame": 1.2, "bin": 2.0,
            "patch": (5, 5), "group": (1, 2), "reference_frame": 1, "split_sum": True,
            "log_dir": "out", "gpu_memory": 0.5,
        },
        gpus=(0,),
        argv=(
            "MotionCor2", "-InTiff", "m1.tiff", "-OutMrc", "out/m1.mrc", "-Gain", "gain.mrc",
            "-RotGain", "1", "-FlipGain", "0", "-DefectFile", "defects.txt", "-PixSize", "0.5",
            "-kV", "300", "-FmDose", "1.2", "-SumRange", "0.0", "0.0",
            "-FtBin", "2.0", "-Patch", "5", "5", "-Iter", "15", "-Tol", "0.1",
            "-Bft", "500.0", "150.0", "-Group", "1", "2", "-FmRef", "1", "-SplitSum", "1",
            "-LogDir", "out", "-GpuMemUsage", "0.5", "-Gpu", "0",
        ),
    ),
)  # fmt: skip

MOTIONCOR2 = Adapter(
    name="motioncor2",
    title="MotionCor2: align movie frames on GPUs",
    family="MotionCor",
    homepage="https://emcore.ucsf.edu/ucsf-software",
    program=Program(
        executable="MotionCor2",
        version=Version(args=("--version",), regex=r"MotionCor2 version (\d+\.\d+\.\d+)"),
        install="https://emcore.ucsf.edu/ucsf-software (registration; match your CUDA version)",
    ),
    gpu=Gpu(
        use=GpuUse.COMPULSORY,
        form="space",
        # The standard's own example of a program that should have a GPU alone: it takes a part of
        # the free memory, and when that runs out every MotionCor2 on that GPU dies. 1.2.1 and later
        # notice another one and stop ("All GPUs are in use"): a site whose version does so writes
        # sharing = "never".
        sharing="discouraged",
    ),
    command=_COMMAND,
    params=_PARAMS,
    output=_OUTPUTS,
    failure=_FAILURES,
    example=_EXAMPLES,
    licence="closed source, free for academic use (UCSF)",
    citation="Zheng et al., Nature Methods 14 (2017) 331-332, doi:10.1038/nmeth.4193",
    source="change log in github.com/czimaginginstitute/MotionCor3 f2cc4b1 Readme.txt (its 1.7.0 "
    "became MotionCor3 1.0.0) and the source it inherits; github.com/3dem/relion "
    "src/motioncorr_runner.cpp; github.com/scipion-em/scipion-em-motioncorr 3.x",
    unverified=(
        "closed source: nothing was run; words, exit codes and messages are those of MotionCor3",
        "defaults of 1.4 to 1.6.1; since which version it answers --version",
        "whether the check for other MotionCor2 on the GPU is always on in 1.2.1 to 1.6.4",
        "versions before 1.4.6 ignore -LogDir, so that `log_dir` fails with them",
        "words of 256 and more bytes crash MotionCor3, presumably this one too",
    ),
)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer this program."""
    return (MOTIONCOR2,)
