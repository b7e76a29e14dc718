"""Xmipp's programs that align the frames of a movie: FlexAlign, and the older optical flow."""

from gpucore.standard import (
    Adapter,
    Example,
    Gpu,
    GpuUse,
    Group,
    Output,
    Param,
    Program,
    Template,
)
from gpucore_adapters.xmipp.about import CUDA_FAILURES, HOMEPAGE, INSTALL, LICENCE, SOURCE, XMIPP

__all__ = ["FLEXALIGN", "OPTICAL_FLOW"]

_MOVIE = Param(
    type="path", item=True, help="movie, or a metadata file (.xmd) that lists its frames"
)
_DARK = Param(type="path", optional=True, help="dark image that is subtracted from each frame")
_GAIN = Param(type="path", optional=True, help="gain image that each frame is multiplied by")
_FRAMES = Param(
    type="int", length=2, default=(-1, -1), min=-1,
    help="first and last frame to align, from 0; -1 -1: all",
)  # fmt: skip

FLEXALIGN = Adapter(
    name="xmipp_cuda_movie_alignment_correlation",
    title="Xmipp FlexAlign: align the frames of a movie by correlation, whole and locally",
    family="Xmipp",
    homepage=HOMEPAGE,
    program=Program(executable="xmipp_cuda_movie_alignment_correlation", install=INSTALL),
    gpu=Gpu(
        use=GpuUse.COMPULSORY, form="space", max=1, sharing="discouraged",
        memory_note="grows with the frame size; the batch of frames is fitted to what is free",
    ),
    command=Template(
        argv=(
            "%(EXE)s",
            "-i", "%(movie)s",
            "-o", "%(shifts)s",
            "--oavg", "%(out)s",
            "--sampling", "%(pixel_size)s",
            "--bin", "%(bin)s",
            "--maxShift", "%(max_shift)s",
            "--maxResForCorrelation", "%(resolution)s",
            "--frameRange", "%(frames)s",
            "--frameRangeSum", "%(frames_sum)s",
            Group(args=("--dark", "%(dark)s")),
            Group(args=("--gain", "%(gain)s")),
            Group(unless="local", args=("--skipLocalAlignment",)),
            Group(when="local", args=(
                "--controlPoints", "%(control_points)s",
                "--minLocalRes", "%(local_resolution)s",
                "--patchesAvg", "%(patch_frames)s",
            )),
            # Without a number the program finds one that fits the movie.
            Group(when=("local", "patches"), args=("--patches", "%(patches)s")),
            Group(when="save_movie", args=("--oaligned", "%(out.base)s_frames.mrcs")),
            Group(when="save_unaligned", args=("--oavgInitial", "%(out.base)s_unaligned.mrc")),
            Group(args=("--storage", "%(benchmark)s")),
            "--device", "%(GPU)s",
        ),
    ),
    params={
        "movie": _MOVIE,
        "out": Param(type="path", output="%(movie.stem)s_aligned.mrc", check="mrc",
                     suffix=(".mrc",), help="aligned micrograph"),
        "shifts": Param(type="path", output="%(movie.stem)s_shifts.xmd",
                        help="shifts of the frames (metadata)"),
        "pixel_size": Param(type="float", unit="Å", above=0, max=100,
                            help="pixel size of the movie, before binning"),
        "bin": Param(type="float", default=1.0, min=1, max=16,
                     help="binning, done while frames are read"),
        "max_shift": Param(type="float", unit="Å", default=50.0, min=0,
                           help="greatest shift of a frame"),
        "resolution": Param(type="float", unit="Å", default=30.0, above=0,
                            help="finest resolution that frames are compared at"),
        "frames": _FRAMES,
        "frames_sum": Param(type="int", length=2, default=(-1, -1), min=-1,
                            help="first and last frame to sum, from 0; -1 -1: all"),
        "dark": _DARK,
        "gain": _GAIN,
        "local": Param(type="bool", default=True, section="Local alignment",
                       help="align locally, too; slower, and better"),
        "control_points": Param(type="int", length=3, default=(6, 6, 5), min=3, max=64,
                                section="Local alignment",
                                help="control points of the B-spline, along x, y and time"),
        "patches": Param(type="int", length=2, optional=True, min=1, section="Local alignment",
                         help="patches along x and y; as many as fit when not given"),
        "local_resolution": Param(type="int", unit="Å", default=500, min=1, advanced=True,
                                  section="Local alignment", help="least size of a patch"),
        "patch_frames": Param(type="int", default=3, min=1, advanced=True,
                              section="Local alignment",
                              help="neighbouring frames that are averaged in a patch"),
        "save_movie": Param(type="bool", default=False, help="write the aligned frames, too"),
        "save_unaligned": Param(type="bool", default=False,
                                help="write the sum before alignment, too"),
        "benchmark": Param(type="path", optional=True, check="any", advanced=True,
                           help="file that keeps the fastest transform sizes from run to run"),
    },
    output=(
        Output(name="aligned_movie", path="%(out.base)s_frames.mrcs", when="save_movie"),
        Output(name="unaligned", path="%(out.base)s_unaligned.mrc", check="mrc",
               when="save_unaligned"),
    ),
    failure=CUDA_FAILURES,
    example=(
        Example(
            params={"movie": "m1.mrcs", "pixel_size": 0.885},
            gpus=(2,),
            argv=(
                "xmipp_cuda_movie_alignment_correlation", "-i", "m1.mrcs",
                "-o", "m1_shifts.xmd", "--oavg", "m1_aligned.mrc", "--sampling", "0.885",
                "--bin", "1.0", "--maxShift", "50.0", "--maxResForCorrelation", "30.0",
                "--frameRange", "-1", "-1", "--frameRangeSum", "-1", "-1",
                "--controlPoints", "6", "6", "5", "--minLocalRes", "500", "--patchesAvg", "3",
                "--device", "2",
            ),
        ),
        # A slot of two: one process uses one.
        Example(
            params={"movie": "m2.xmd", "pixel_size": 1.06, "bin": 2, "frames": (0, 39),
                    "frames_sum": (2, 39), "gain": "gain.mrc", "local": False,
                    "save_unaligned": True},
            gpus=(1, 3),
            argv=(
                "xmipp_cuda_movie_alignment_correlation", "-i", "m2.xmd",
                "-o", "m2_shifts.xmd", "--oavg", "m2_aligned.mrc", "--sampling", "1.06",
                "--bin", "2.0", "--maxShift", "50.0", "--maxResForCorrelation", "30.0",
                "--frameRange", "0", "39", "--frameRangeSum", "2", "39", "--gain", "gain.mrc",
                "--skipLocalAlignment", "--oavgInitial", "m2_aligned_unaligned.mrc",
                "--device", "1",
            ),
        ),
    ),
    licence=LICENCE,
    citation="Strelak et al., Electronics 9 (2020) 1040, doi:10.3390/electronics9061040",
    source=f"{SOURCE} src/xmipp/libraries/reconstruction/movie_alignment_correlation_base.cpp, "
    "reconstruction_adapt_cuda/movie_alignment_correlation_gpu.cpp, reconstruction_cuda/gpu.cpp",
    unverified=(
        "never run; messages of CUDA are from the source, exit codes are not known",
        "whether it can be asked for its version",
        "under a mask it may take another GPU's entry from `benchmark`: it looks the GPU up by "
        "its number in the machine",
    ),
)  # fmt: skip

OPTICAL_FLOW = Adapter(
    name="xmipp_movie_optical_alignment_gpu",
    title="Xmipp: align the frames of a movie by optical flow (older releases)",
    family="Xmipp",
    homepage=HOMEPAGE,
    program=Program(executable="xmipp_movie_optical_alignment_gpu", install=INSTALL),
    gpu=Gpu(use=GpuUse.COMPULSORY, form="space", max=1, sharing="discouraged"),
    command=Template(
        argv=(
            "%(EXE)s",
            "-i", "%(movie)s",
            "-o", "%(shifts)s",
            "--oavg", "%(out)s",
            "--frameRange", "%(frames)s",
            "--winSize", "%(window)s",
            "--groupSize", "%(group)s",
            Group(args=("--dark", "%(dark)s")),
            Group(args=("--gain", "%(gain)s")),
            Group(args=("--bin", "%(bin)s")),
            Group(args=("--cropULCorner", "%(crop_from)s", "--cropDRCorner", "%(crop_to)s")),
            Group(when="frame_dose", args=(
                "--doseCorrection", "%(frame_dose)s", "%(pixel_size)s", "%(voltage)s",
                "%(dose_before)s", "%(dose_when)s",
            )),
            Group(when="save_movie", args=("--outMovie", "%(out.base)s_frames.mrcs")),
            Group(when="save_unaligned", args=("--oavgInitial", "%(out.base)s_unaligned.mrc")),
            Group(when="in_memory", args=("--inmemory",)),
            "--gpu", "%(GPU)s",
        ),
    ),
    params={
        "movie": _MOVIE,
        "out": Param(type="path", output="%(movie.stem)s_aligned.mrc", check="mrc",
                     suffix=(".mrc",), help="aligned micrograph"),
        "shifts": Param(type="path", output="%(movie.stem)s_shifts.xmd",
                        help="shifts of the frames (metadata)"),
        "frames": _FRAMES,
        "window": Param(type="int", unit="pixels", default=150, min=1,
                        help="window of the optical flow"),
        "group": Param(type="int", default=1, min=1, help="frames that are averaged into one"),
        "dark": _DARK,
        "gain": _GAIN,
        "bin": Param(type="float", optional=True, min=1, max=16, help="binning"),
        "crop_from": Param(type="int", unit="pixels", length=2, optional=True, min=0,
                           needs=("crop_to",), help="upper left corner of a crop, x and y"),
        "crop_to": Param(type="int", unit="pixels", length=2, optional=True, min=-1,
                         needs=("crop_from",), help="lower right corner; -1 -1: the image's"),
        "frame_dose": Param(type="float", unit="e⁻/Å²", optional=True, above=0,
                            section="Dose", help="dose of a frame: weights frames by dose"),
        "pixel_size": Param(type="float", unit="Å", default=1.0, above=0, section="Dose",
                            help="pixel size, for the dose"),
        "voltage": Param(type="float", unit="kV", default=200.0, min=60, max=1000,
                         section="Dose", help="accelerating voltage, for the dose"),
        "dose_before": Param(type="float", unit="e⁻/Å²", default=0.0, min=0, section="Dose",
                             help="dose before the first frame"),
        "dose_when": Param(type="choice", choices=("pre", "post"), default="pre", section="Dose",
                           help="weight before the alignment (pre) or after it (post)"),
        "save_movie": Param(type="bool", default=False, help="write the aligned frames, too"),
        "save_unaligned": Param(type="bool", default=False,
                                help="write the sum before alignment, too"),
        "in_memory": Param(type="bool", default=False, advanced=True,
                           help="keep frames in memory instead of in a temporary file"),
    },
    output=(
        Output(name="aligned_movie", path="%(out.base)s_frames.mrcs", when="save_movie"),
        Output(name="unaligned", path="%(out.base)s_unaligned.mrc", check="mrc",
               when="save_unaligned"),
    ),
    failure=CUDA_FAILURES,
    example=(
        Example(
            params={"movie": "m1.mrcs", "gain": "gain.mrc"},
            gpus=(1,),
            argv=(
                "xmipp_movie_optical_alignment_gpu", "-i", "m1.mrcs", "-o", "m1_shifts.xmd",
                "--oavg", "m1_aligned.mrc", "--frameRange", "-1", "-1", "--winSize", "150",
                "--groupSize", "1", "--gain", "gain.mrc", "--gpu", "1",
            ),
        ),
        Example(
            params={"movie": "m2.xmd", "frames": (0, 19), "frame_dose": 1.2,
                    "pixel_size": 0.885, "voltage": 300, "dose_when": "post",
                    "crop_from": (0, 0), "crop_to": (3709, 3837)},
            gpus=(0, 2),
            argv=(
                "xmipp_movie_optical_alignment_gpu", "-i", "m2.xmd", "-o", "m2_shifts.xmd",
                "--oavg", "m2_aligned.mrc", "--frameRange", "0", "19", "--winSize", "150",
                "--groupSize", "1", "--cropULCorner", "0", "0", "--cropDRCorner", "3709", "3837",
                "--doseCorrection", "1.2", "0.885", "300.0", "0.0", "post", "--gpu", "0",
            ),
        ),
    ),
    licence=LICENCE,
    citation="Abrishami et al., J. Struct. Biol. 189 (2015) 163-176, "
    f"doi:10.1016/j.jsb.2015.02.001; Xmipp: {XMIPP}",
    source="github.com/I2PC/xmipp v3.20.07 src/xmipp/applications/programs/"
    "movie_optical_alignment_cpu/movie_optical_alignment_cpu.cpp (one source for CPU and GPU)",
    unverified=(
        "never run; it was taken out of Xmipp later, and needs an OpenCV with CUDA",
        "what it prints and returns when there is no such GPU",
    ),
)  # fmt: skip
