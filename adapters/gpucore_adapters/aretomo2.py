"""AreTomo2: align a tilt series without markers and reconstruct its tomogram, on GPUs.

It runs in the step's own directory under fixed short names, because it

- cuts names at the first ``.mrc``, wherever in the path that stands;
- names its alignment and its CTF after the input, and writes them into the folder of the output;
- copies each word into 256 bytes, whatever its length.
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

_COMMAND = Template(
    own_directory=True,
    argv=(
        "%(EXE)s",
        "-InMrc", "series.mrc",
        "-OutMrc", "volume.mrc",
        Group(when="angles", args=("-AngFile", "series.tlt")),
        Group(args=("-TiltRange", "%(tilt_range)s")),
        Group(when="alignment_in", args=("-AlnFile", "given.aln")),
        Group(when="aligned", args=("-Align", "0")),
        Group(args=("-TiltAxis", "%(tilt_axis)s", "%(refine_axis)s")),
        "-TiltCor", "%(tilt_offset)s",
        Group(args=("%(tilt_offset_value)s",)),
        "-AlignZ", "%(align_height)s",
        "-VolZ", "%(volume_height)s",
        "-OutBin", "%(bin)s",
        Group(args=("-Patch", "%(patch)s")),
        Group(args=("-PixSize", "%(pixel_size)s")),
        "-Kv", "%(voltage)s",
        # It starts from a value that nobody set.
        "-ImgDose", "%(dose_per_tilt)s",
        Group(args=("-Cs", "%(cs)s", "-AmpContrast", "%(amplitude_contrast)s")),
        Group(args=("-ExtPhase", "%(phase_shift)s")),
        Group(when="wbp", args=("-Wbp", "1")),
        Group(unless="wbp", args=("-Wbp", "0", "-Sart", "%(sart)s")),
        Group(args=("-ReconRange", "%(tilt_range_used)s")),
        "-FlipVol", "%(flip_volume)s",
        "-FlipInt", "%(flip_intensity)s",
        "-DarkTol", "%(dark_tolerance)s",
        "-Bft", "%(bfactor)s",
        "-IntpCor", "%(correct_interpolation)s",
        "-OutImod", "%(imod_files)s",
        "-Gpu", "%(GPU)s",
    ),
)  # fmt: skip

# Defaults are those of the code (CInput.cpp), where its help says others.
_PARAMS = {
    "series": Param(
        type="path", item=True, check="mrc", suffix=(".mrc", ".mrcs", ".st"),
        help="tilt series: MRC of mode 1, 2 or 6",
    ),
    "out": Param(
        type="path", output="%(series.stem)s.mrc", check="mrc",
        help="tomogram, or the aligned tilt series when volume_height is 0",
    ),
    "angles": Param(
        type="path", optional=True,
        help="text file of tilt angles, one a line and as many as images; a second column holds "
        "the order in which they were taken, for dose weighting",
    ),
    "tilt_range": Param(
        type="float", unit="degrees", length=2, optional=True, min=-90, max=90,
        help="least and greatest tilt of evenly tilted images, instead of angles",
    ),
    "pixel_size": Param(
        type="float", unit="Å", optional=True, above=0, max=1000, section="Microscope",
        help="pixel size of the tilt series; dose weighting and CTF need it",
    ),
    "voltage": Param(
        type="float", unit="kV", default=300.0, min=1, max=1000, section="Microscope",
        help="accelerating voltage",
    ),
    "cs": Param(
        type="float", unit="mm", optional=True, above=0, max=10, needs=("pixel_size",),
        section="Microscope", help="spherical aberration; turns the estimate of the CTF on",
    ),
    "amplitude_contrast": Param(
        type="float", default=0.07, min=0, max=1, section="Microscope", help="amplitude contrast"
    ),
    "phase_shift": Param(
        type="float", unit="degrees", length=2, optional=True, min=0, max=360, needs=("cs",),
        section="Microscope", help="phase plate: guess of the phase shift, and range of its search",
    ),
    "dose_per_tilt": Param(
        type="float", unit="e⁻/Å²", default=0.0, min=0, needs=("pixel_size",),
        section="Microscope", help="dose of one tilt; weighs by dose when above 0",
    ),
    "alignment_in": Param(
        type="path", optional=True, suffix=(".aln",), section="Alignment",
        help="alignment of an earlier run; the series is then reconstructed without a new one",
    ),
    "aligned": Param(
        type="bool", default=False, section="Alignment",
        help="the series is aligned already: no alignment",
    ),
    "tilt_axis": Param(
        type="float", unit="degrees", optional=True, min=-360, max=360, section="Alignment",
        help="angle of the tilt axis; searched over all angles when left out",
    ),
    "refine_axis": Param(
        type="int", default=1, min=-1, max=1, section="Alignment",
        help="-1: take the tilt axis as given, 0: refine one for all images, 1: one for each",
    ),
    "tilt_offset": Param(
        type="int", default=0, min=-1, max=1, section="Alignment",
        help="offset of the tilt angles: -1 not measured, 0 for the alignment alone, 1 for the "
        "reconstruction, too",
    ),
    "tilt_offset_value": Param(
        type="float", unit="degrees", optional=True, min=-90, max=90, section="Alignment",
        help="that offset, when it is known",
    ),
    "align_height": Param(
        type="int", unit="pixels", default=600, min=1, section="Alignment",
        help="height of the volume for the alignment, not binned: about that of the sample",
    ),
    "patch": Param(
        type="int", length=2, optional=True, min=0, max=100, section="Alignment",
        help="patches in x and y for local alignment; left out: no local alignment",
    ),
    "dark_tolerance": Param(
        type="float", default=0.7, above=0, below=1, section="Alignment",
        help="dark images are left out; nearer to 1 takes more for dark",
    ),
    "bfactor": Param(
        type="float", unit="Å²", default=(500.0, 500.0), length=2, min=0, section="Alignment",
        advanced=True, help="damps high resolution in the global and the local alignment",
    ),
    "volume_height": Param(
        type="int", unit="pixels", default=1200, min=0, section="Reconstruction",
        help="height of the tomogram, not binned; 0: write the aligned series alone",
    ),
    "bin": Param(
        type="float", default=1.0, min=1, max=64, section="Reconstruction",
        help="binning of what is written",
    ),
    "wbp": Param(
        type="bool", default=False, section="Reconstruction",
        help="weighted back-projection instead of SART",
    ),
    "sart": Param(
        type="int", default=(20, 5), length=2, min=1, section="Reconstruction",
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
    "correct_interpolation": Param(
        type="bool", default=True, section="Reconstruction", advanced=True,
        help="make up for what linear interpolation loses",
    ),
    "imod_files": Param(
        type="int", default=0, min=0, max=3, section="Reconstruction",
        help="folder for IMOD: 0 none, 1 for RELION 4, 2 for Warp, 3 of the aligned series",
    ),
}  # fmt: skip

_ALIGNED_HERE = ("alignment_in", "aligned")

_OUTPUTS = (
    Output(name="out", made="volume.mrc"),
    # `    3   84.7000    1.00000     -3.402 ...`: image, axis, magnification, shifts.
    Output(name="alignment", path="%(out.base)s.aln", made="series.aln", unless=_ALIGNED_HERE,
           match=r"^\s*\d+\s+-?\d+\.\d+\s+1\.0"),
    Output(name="ctf", path="%(out.base)s_ctf.txt", made="series_ctf.txt", when="cs",
           unless=_ALIGNED_HERE, match=r"^\s*\d+\s+\d+\.\d+\s+\d"),
    Output(name="spectrum", path="%(out.base)s_ctf.mrc", made="series_ctf.mrc", when="cs",
           unless=_ALIGNED_HERE, check="mrc"),
    Output(name="projection_xy", path="%(out.base)s_projXY.mrc", made="volume_projXY.mrc",
           when="volume_height", at_least=1, optional=True),
    Output(name="projection_xz", path="%(out.base)s_projXZ.mrc", made="volume_projXZ.mrc",
           when="volume_height", at_least=1, optional=True),
    Output(name="imod", path="%(out.base)s_Imod", made="series_Imod", check="directory",
           when="imod_files", at_least=1, optional=True),
)  # fmt: skip

_FAILURES = (
    Failure(match=r"unable to open MRC file|invalid MRC mode", class_=FailureClass.BAD_INPUT,
            hint="the series must be an MRC file of mode 1, 2 or 6: newstack -mode 1"),
    Failure(match=r"tilt angles cannot be found", class_=FailureClass.BAD_INPUT, effect="fail",
            hint="give `angles` with a line for each image, or `tilt_range`"),
    Failure(match=r"load tiltseries MRC file failed", class_=FailureClass.BAD_INPUT,
            effect="fail"),
    Failure(match=r"CUFFT_ALLOC_FAILED|out of memory", class_=FailureClass.OUT_OF_MEMORY,
            effect="fail", hint="raise `bin`, or use a GPU with more memory"),
    Failure(match=r"CUFFT_(?!SUCCESS)[A-Z_]+|illegal memory access|unspecified launch failure"
            r"|uncorrectable ECC", class_=FailureClass.DEVICE_FAULT, effect="fail"),
    # It ends with code 1 when none is left.
    Failure(match=r"GPU \d+ is invalid, skip", codes=(1,), class_=FailureClass.NO_DEVICE,
            hint="`gpucore gpus` shows the GPUs; the program must fit their driver"),
    Failure(match=r"GPU \d+ is invalid, skip", class_=FailureClass.NO_DEVICE, effect="warn",
            hint="it went on with the other GPUs of its slot"),
    Failure(match=r"Unable to open output MRC file", class_=FailureClass.PROGRAM_FAULT,
            hint="the step's directory cannot be written"),
    Failure(match=r"error while loading shared libraries", class_=FailureClass.NOT_STARTED,
            hint="load the CUDA libraries that the program was built with"),
    Failure(codes=(-11, 139), when="imod_files", at_least=1, class_=FailureClass.PROGRAM_FAULT,
            hint="crashes with `imod_files` are known (AreTomo2 issue 28): try 0"),
)  # fmt: skip

_TAIL = ("-FlipVol", "0", "-FlipInt", "0", "-DarkTol", "0.7", "-Bft", "500.0", "500.0",
         "-IntpCor", "1", "-OutImod", "0")  # fmt: skip

_EXAMPLES = (
    Example(
        params={"series": "TS_01.mrc", "angles": "TS_01.tlt", "pixel_size": 1.35, "cs": 2.7,
                "tilt_axis": 84.7, "dose_per_tilt": 1.2, "bin": 4},
        gpus=(1,),
        argv=(
            "AreTomo2", "-InMrc", "series.mrc", "-OutMrc", "volume.mrc", "-AngFile", "series.tlt",
            "-TiltAxis", "84.7", "1", "-TiltCor", "0", "-AlignZ", "600", "-VolZ", "1200",
            "-OutBin", "4.0", "-PixSize", "1.35", "-Kv", "300.0", "-ImgDose", "1.2",
            "-Cs", "2.7", "-AmpContrast", "0.07", "-Wbp", "0", "-Sart", "20", "5", *_TAIL,
            "-Gpu", "1",
        ),
        env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
    ),
    # Local alignment gives each GPU patches of its own.
    Example(
        params={"series": "TS_01.st", "tilt_range": (-60, 60), "patch": (4, 4), "wbp": True,
                "tilt_offset": 1, "tilt_offset_value": -8.5},
        gpus=(0, 1, 3),
        argv=(
            "AreTomo2", "-InMrc", "series.mrc", "-OutMrc", "volume.mrc",
            "-TiltRange", "-60.0", "60.0", "-TiltCor", "1", "-8.5", "-AlignZ", "600",
            "-VolZ", "1200", "-OutBin", "1.0", "-Patch", "4", "4", "-Kv", "300.0",
            "-ImgDose", "0.0", "-Wbp", "1", *_TAIL, "-Gpu", "0", "1", "3",
        ),
    ),
)  # fmt: skip

ARETOMO2 = Adapter(
    name="aretomo2",
    title="AreTomo2: align a tilt series and reconstruct its tomogram on GPUs",
    family="AreTomo",
    homepage="https://github.com/czimaginginstitute/AreTomo2",
    program=Program(
        executable="AreTomo2",
        # It answers only when this is its one argument.
        version=Version(args=("--version",), regex=r"AreTomo2 version (\d+\.\d+\.\d+)"),
        install="https://github.com/czimaginginstitute/AreTomo2",
    ),
    gpu=Gpu(use=GpuUse.COMPULSORY, form="space"),
    command=_COMMAND,
    params=_PARAMS,
    link=(
        Link(name="series.mrc", target="%(series)s"),
        Link(name="series.tlt", target="%(angles)s"),
        Link(name="given.aln", target="%(alignment_in)s"),
    ),
    output=_OUTPUTS,
    failure=_FAILURES,
    # Its work thread returns early after a bad input, and main ends with 0 all the same.
    success_match=r"Process thread exits\.",
    example=_EXAMPLES,
    licence="BSD-3-Clause",
    citation="Zheng et al., J. Struct. Biol. X 6 (2022) 100068, doi:10.1016/j.yjsbx.2022.100068",
    source="github.com/czimaginginstitute/AreTomo2 01e7219 (1.1.3): CInput.cpp, CAreTomoMain.cpp, "
    "CProcessThread.cpp, Util/CParseArgs.cpp, MrcUtil/, ImodUtil/, FindCtf/; issues 28 and 31",
    unverified=(
        "nothing was run; messages of CUDA errors are read from the source",
        "-RoiFile, -CropVol, -TmpFile and -LogFile are left out",
        "the memory that it needs on a GPU",
    ),
)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer this program."""
    return (ARETOMO2,)
