"""AreTomo3: a tilt series from its movies to its tomogram, on one GPU.

A run with several GPUs gives each a tilt series of its own, so a step of one series uses one. It
names its files after the series and puts them into one folder, below the step's own directory.
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

_MDOC = (".mdoc",)

_COMMAND = Template(
    own_directory=True,
    argv=(
        "%(EXE)s",
        "-InPrefix", "%(series)s",
        "-OutDir", "made/",
        "-Serial", "0",
        "-Cmd", "%(start_at)s",
        "-PixSize", "%(pixel_size)s",
        "-kV", "%(voltage)s",
        "-Cs", "%(cs)s",
        "-AmpContrast", "%(amplitude_contrast)s",
        Group(args=("-ExtPhase", "%(phase_shift)s")),
        # It starts from a value that nobody set; at 0 it takes what the mdoc says.
        "-FmDose", "%(dose_per_frame)s",
        Group(args=("-TotalDose", "%(total_dose)s")),
        "-SplitSum", "%(split_sum)s",
        Group(args=("-Gain", "%(gain)s", "-RotGain", "%(gain_rotation)s",
                    "-FlipGain", "%(gain_flip)s")),
        Group(args=("-Dark", "%(dark)s")),
        Group(args=("-DefectFile", "%(defect_file)s")),
        Group(args=("-McPatch", "%(movie_patch)s")),
        "-McBin", "%(movie_bin)s",
        "-FmInt", "%(frame_integration)s",
        "-EerSampling", "%(eer_sampling)s",
        "-Group", "%(frame_group)s",
        Group(args=("-TiltAxis", "%(tilt_axis)s", "%(refine_axis)s")),
        "-TiltCor", "%(tilt_offset)s",
        "-AlignZ", "%(align_height)s",
        "-VolZ", "%(volume_height)s",
        "-ExtZ", "%(extra_height)s",
        "-AtBin", "%(bin)s",
        Group(args=("-AtPatch", "%(patch)s")),
        Group(when="wbp", args=("-Wbp", "1")),
        Group(unless="wbp", args=("-Wbp", "0", "-Sart", "%(sart)s")),
        Group(args=("-ReconRange", "%(tilt_range_used)s")),
        "-FlipVol", "%(flip_volume)s",
        "-FlipInt", "%(flip_intensity)s",
        "-DarkTol", "%(dark_tolerance)s",
        "-CorrCTF", "%(correct_ctf)s",
        "-OutImod", "%(imod_files)s",
        "-Gpu", "%(GPU)s",
    ),
)  # fmt: skip

# Defaults are those of the code (CInput.cpp, CMcInput.cpp, CAtInput.cpp).
_PARAMS = {
    "series": Param(
        type="path", item=True, suffix=(*_MDOC, ".mrc", ".st"),
        help="mdoc beside its movies, or a tilt series with its angles beside it "
        "(NAME_TLT.txt or NAME.rawtlt)",
    ),
    "out": Param(
        type="path", output="%(series.stem)s_Vol.mrc", check="mrc", help="tomogram"
    ),
    "pixel_size": Param(
        type="float", unit="Å", above=0, max=100, section="Microscope",
        help="pixel size of the movies or of the tilt series",
    ),
    "voltage": Param(
        type="int", unit="kV", default=300, min=1, max=1000, section="Microscope",
        help="accelerating voltage",
    ),
    "cs": Param(
        type="float", unit="mm", default=2.7, min=0, max=10, section="Microscope",
        help="spherical aberration; 0: neither estimate nor correct the CTF",
    ),
    "amplitude_contrast": Param(
        type="float", default=0.07, min=0, max=1, section="Microscope", help="amplitude contrast"
    ),
    "phase_shift": Param(
        type="float", unit="degrees", length=2, optional=True, min=0, max=360,
        section="Microscope", help="phase plate: guess of the phase shift, and range of its search",
    ),
    "dose_per_frame": Param(
        type="float", unit="e⁻/Å²", default=0.0, min=0, section="Microscope",
        help="dose of one raw frame; 0: that of the mdoc",
    ),
    "total_dose": Param(
        type="float", unit="e⁻/Å²", optional=True, min=0, section="Microscope",
        help="dose of the whole tilt series",
    ),
    "start_at": Param(
        type="int", default=0, min=0, max=3, section="Microscope",
        help="0 movies, 1 the alignment of a tilt series, 2 its reconstruction, 3 its CTF alone",
    ),
    "gain": Param(
        type="path", optional=True, section="Movies", help="gain reference: MRC, TIFF or .gain"
    ),
    "gain_rotation": Param(
        type="int", default=0, min=0, max=3, section="Movies",
        help="turns of the gain reference by 90 degrees",
    ),
    "gain_flip": Param(
        type="int", default=0, min=0, max=2, section="Movies",
        help="flip of the gain reference: 0 none, 1 up-down, 2 left-right",
    ),
    "dark": Param(type="path", optional=True, section="Movies", help="dark reference (MRC)"),
    "defect_file": Param(
        type="path", optional=True, section="Movies", help="text file `x y w h` of bad pixels"
    ),
    "movie_patch": Param(
        type="int", length=2, optional=True, min=1, max=100, section="Movies",
        help="patches in x and y for the local motion of movies; left out: whole frames",
    ),
    "movie_bin": Param(
        type="float", default=1.0, min=1, max=16, section="Movies", help="binning of movies"
    ),
    "frame_integration": Param(
        type="int", default=10, min=0, max=10000, section="Movies",
        help="raw (EER) frames summed to one; 0: about 0.25 e⁻/Å² each, from the mdoc",
    ),
    "eer_sampling": Param(
        type="int", default=1, min=1, max=3, section="Movies",
        help="EER super-resolution: 1, 2, 3 for 4k, 8k, 16k",
    ),
    "frame_group": Param(
        type="int", default=(1, 3), length=2, min=1, section="Movies", advanced=True,
        help="frames aligned as one, in the global and in the local alignment",
    ),
    "split_sum": Param(
        type="bool", default=True, section="Movies",
        help="tilt series and tomograms of odd and of even frames, too",
    ),
    "tilt_axis": Param(
        type="float", unit="degrees", optional=True, min=-360, max=360, section="Alignment",
        help="angle of the tilt axis; searched over all angles when left out",
    ),
    "refine_axis": Param(
        type="int", default=1, min=-1, max=1, section="Alignment",
        help="-1: take the tilt axis as given; otherwise refine it near that",
    ),
    "tilt_offset": Param(
        type="int", default=0, min=-1, max=1, section="Alignment",
        help="offset of the tilt angles: -1 not measured, 0 for the alignment alone, 1 for the "
        "reconstruction, too",
    ),
    "align_height": Param(
        type="int", unit="pixels", default=0, min=0, section="Alignment",
        help="height of the volume for the alignment, not binned; 0: estimated",
    ),
    "patch": Param(
        type="int", length=2, optional=True, min=0, max=100, section="Alignment",
        help="patches in x and y for the local alignment of the series; left out: none",
    ),
    "dark_tolerance": Param(
        type="float", default=0.7, above=0, below=1, section="Alignment",
        help="dark images are left out; nearer to 1 takes more for dark",
    ),
    "volume_height": Param(
        type="int", unit="pixels", default=-1, min=-1, section="Reconstruction",
        help="height of the tomogram, not binned; -1: estimated thickness and extra_height",
    ),
    "extra_height": Param(
        type="int", unit="pixels", default=300, min=0, section="Reconstruction",
        help="added to the estimated thickness",
    ),
    "bin": Param(
        type="float", default=(1.0,), length=0, min=1, max=64, section="Reconstruction",
        help="binning of the tomogram; a second and a third one make further tomograms",
    ),
    "wbp": Param(
        type="bool", default=False, section="Reconstruction",
        help="weighted back-projection instead of SART",
    ),
    "sart": Param(
        type="int", default=(20, 3), length=2, min=1, section="Reconstruction",
        help="SART: iterations, and projections in one update",
    ),
    "tilt_range_used": Param(
        type="float", unit="degrees", length=2, optional=True, min=-90, max=90,
        section="Reconstruction", help="least and greatest tilt that are used",
    ),
    "flip_volume": Param(
        type="bool", default=False, section="Reconstruction",
        help="write the tomogram as slices in z (xyz) instead of in y (xzy)",
    ),
    "flip_intensity": Param(
        type="bool", default=False, section="Reconstruction", help="make density white"
    ),
    "correct_ctf": Param(
        type="bool", default=True, section="Reconstruction",
        help="correct the CTF locally in the tilt series",
    ),
    "imod_files": Param(
        type="int", default=0, min=0, max=3, section="Reconstruction",
        help="folder for IMOD: 0 none, 1 for RELION 4, 2 for Warp, 3 of the aligned series",
    ),
}  # fmt: skip

_ALIGNED = {"start_at": (0, 1)}
_MADE = "made/%(series.stem)s"
_BESIDE = "%(out.dir)s/%(series.stem)s"

_OUTPUTS = (
    Output(name="out", made=f"{_MADE}_Vol.mrc", check="mrc", where={"start_at": (0, 1, 2)}),
    Output(name="out", made=f"{_MADE}_CTF.mrc", where={"start_at": (3,)}),
    Output(name="series_made", path=f"{_BESIDE}.mrc", made=f"{_MADE}.mrc", check="mrc",
           where={"start_at": (0,), "series": _MDOC}),
    Output(name="angles", path=f"{_BESIDE}_TLT.txt", made=f"{_MADE}_TLT.txt",
           where={"start_at": (0,), "series": _MDOC}),
    Output(name="alignment", path=f"{_BESIDE}.aln", made=f"{_MADE}.aln", where=_ALIGNED,
           match=r"^\s*\d+\s+-?\d+\.\d+\s+1\.0"),
    Output(name="ctf", path=f"{_BESIDE}_CTF.txt", made=f"{_MADE}_CTF.txt", when="cs",
           at_least=0.001, where={"start_at": (0, 1, 3)}, match=r"^\s*\d+\s+\d+\.\d+\s+\d"),
    Output(name="even", path=f"{_BESIDE}_EVN_Vol.mrc", made=f"{_MADE}_EVN_Vol.mrc", check="mrc",
           when="split_sum", where={"start_at": (0, 1, 2)}, optional=True),
    Output(name="odd", path=f"{_BESIDE}_ODD_Vol.mrc", made=f"{_MADE}_ODD_Vol.mrc", check="mrc",
           when="split_sum", where={"start_at": (0, 1, 2)}, optional=True),
    Output(name="metrics", path=f"{_BESIDE}_metrics.csv", made="made/TiltSeries_Metrics.csv",
           optional=True),
    Output(name="imod", path=f"{_BESIDE}_Imod", made=f"{_MADE}_Imod", check="directory",
           when="imod_files", at_least=1, optional=True),
)  # fmt: skip

# `Iteration  1  Error:     0.123` is progress, so no rule may look for a bare `Error:`.
_FAILURES = (
    Failure(match=r"no input image files are found", class_=FailureClass.BAD_INPUT),
    Failure(match=r"failed to read mdoc file", class_=FailureClass.BAD_INPUT, effect="fail",
            hint="it tried ten times: the mdoc is cut off, or names no movies"),
    Failure(match=r"Unable to load tilt +angles", class_=FailureClass.BAD_INPUT, effect="fail",
            hint="a tilt series needs NAME_TLT.txt or NAME.rawtlt beside it"),
    Failure(match=r"Too few tilt images, skip", class_=FailureClass.BAD_INPUT, effect="fail",
            hint="it wants six images at least"),
    Failure(match=r"input files must be mdoc", class_=FailureClass.BAD_INPUT, effect="fail"),
    Failure(match=r"Unable to open EER file|cannot open (MRC|Tiff) file|error: load tiff image",
            class_=FailureClass.BAD_INPUT, effect="fail",
            hint="a movie cannot be read: movies must lie beside their mdoc"),
    Failure(match=r"CUFFT_ALLOC_FAILED|out of memory", class_=FailureClass.OUT_OF_MEMORY,
            effect="fail", hint="raise `bin`, or use a GPU with more memory"),
    Failure(match=r"CUFFT_(?!SUCCESS)[A-Z_]+|illegal memory access|unspecified launch failure"
            r"|uncorrectable ECC", class_=FailureClass.DEVICE_FAULT, effect="fail"),
    Failure(match=r"no valid device detected", class_=FailureClass.NO_DEVICE,
            hint="`gpucore gpus` shows the GPUs; the program must fit their driver"),
    Failure(match=r"Gain ref not found", class_=FailureClass.BAD_INPUT, effect="warn",
            hint="movies were aligned without a gain reference"),
    Failure(match=r"sizes of Dark and gain references do not", class_=FailureClass.BAD_INPUT,
            effect="warn"),
    Failure(match=r"error while loading shared libraries", class_=FailureClass.NOT_STARTED,
            hint="load the CUDA libraries that the program was built with"),
)  # fmt: skip

_TAIL = ("-FlipVol", "0", "-FlipInt", "0", "-DarkTol", "0.7", "-CorrCTF", "1", "-OutImod", "0")

_EXAMPLES = (
    Example(
        params={"series": "data/TS_01.mdoc", "pixel_size": 1.35, "gain": "data/gain.mrc",
                "tilt_axis": 84.7, "bin": (4.0,), "patch": (4, 4)},
        gpus=(1,),
        argv=(
            "AreTomo3", "-InPrefix", "data/TS_01.mdoc", "-OutDir", "made/", "-Serial", "0",
            "-Cmd", "0", "-PixSize", "1.35", "-kV", "300", "-Cs", "2.7", "-AmpContrast", "0.07",
            "-FmDose", "0.0", "-SplitSum", "1", "-Gain", "data/gain.mrc",
            "-RotGain", "0", "-FlipGain", "0", "-McBin", "1.0", "-FmInt", "10",
            "-EerSampling", "1", "-Group", "1", "3",
            "-TiltAxis", "84.7", "1", "-TiltCor", "0", "-AlignZ", "0", "-VolZ", "-1",
            "-ExtZ", "300", "-AtBin", "4.0", "-AtPatch", "4", "4", "-Wbp", "0",
            "-Sart", "20", "3", *_TAIL, "-Gpu", "1",
        ),
        env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
    ),
    # A slot of two: one series can use one.
    Example(
        params={"series": "TS_02.mrc", "pixel_size": 2.7, "start_at": 1, "split_sum": False,
                "wbp": True, "volume_height": 1200, "bin": (2, 4)},
        gpus=(2, 3),
        argv=(
            "AreTomo3", "-InPrefix", "TS_02.mrc", "-OutDir", "made/", "-Serial", "0", "-Cmd", "1",
            "-PixSize", "2.7", "-kV", "300", "-Cs", "2.7", "-AmpContrast", "0.07",
            "-FmDose", "0.0", "-SplitSum", "0", "-McBin", "1.0", "-FmInt", "10",
            "-EerSampling", "1", "-Group", "1", "3", "-TiltCor", "0", "-AlignZ", "0",
            "-VolZ", "1200", "-ExtZ", "300", "-AtBin", "2.0", "4.0", "-Wbp", "1", *_TAIL,
            "-Gpu", "2",
        ),
    ),
)  # fmt: skip

ARETOMO3 = Adapter(
    name="aretomo3",
    title="AreTomo3: from tilt movies to an aligned tomogram on a GPU",
    family="AreTomo",
    homepage="https://github.com/czimaginginstitute/AreTomo3",
    program=Program(
        executable="AreTomo3",
        # It answers only when this is its one argument.
        version=Version(args=("--version",), regex=r"version (\d+\.\d+\.\d+)"),
        install="https://github.com/czimaginginstitute/AreTomo3",
    ),
    gpu=Gpu(use=GpuUse.COMPULSORY, form="space", max=1),
    command=_COMMAND,
    params=_PARAMS,
    # The folder must be there, and the program does not make it.
    link=(Link(name="made/series%(series.suffix)s.in", target="%(series)s"),),
    output=_OUTPUTS,
    failure=_FAILURES,
    # A tilt series that failed does not change its exit code, nor this line: see the outputs.
    success_match=r"All threads have finished",
    example=_EXAMPLES,
    licence="BSD-3-Clause",
    citation="Zheng et al., J. Struct. Biol. X 6 (2022) 100068, doi:10.1016/j.yjsbx.2022.100068",
    source="github.com/czimaginginstitute/AreTomo3 8a068cf (2.3.1): CAreTomo3.cpp, CInput.cpp, "
    "CMcInput.cpp, CAtInput.cpp, CMcAreTomoMain.cpp, CProcessThread.cpp, DataUtil/; issues 21, 52",
    unverified=(
        "nothing was run on a GPU; messages of CUDA errors are read from the source",
        "a folder of series at once (-Serial 1), with a GPU for each, is left out",
        "it keeps paths in 256 bytes: longer ones are not refused",
        "what start_at = 3 writes beside the CTF",
        "a citation of AreTomo3 itself: its own pages name none",
    ),
)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer this program."""
    return (ARETOMO3,)
