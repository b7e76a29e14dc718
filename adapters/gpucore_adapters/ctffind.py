"""CTFFIND 4.1.14 and 5: the CTF of a micrograph or a movie, on CPUs.

It takes no file on its command line: it asks, and reads an answer a line from standard input. The
questions hang on the answers before them, and one of them (whether it is a movie) on the file.
"""

from collections.abc import Iterable

from gpucore.plugins import hookimpl
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
    Version,
)

_COMMAND = Template(
    argv=(
        "%(EXE)s",
        Group(when="fast", args=("--fast",)),
        Group(when="spectrum_input", args=("--amplitude-spectrum-input",)),
        "-j", "%(threads)s",
    ),
    stdin=(
        "%(mic)s",
        # Asked only of a file with more than one slice.
        Group(when="movie_input", args=("yes", "%(frames_to_average)s")),
        "%(out)s",
        "%(pixel_size)s",
        "%(voltage)s",
        "%(cs)s",
        "%(amplitude_contrast)s",
        "%(box_size)s",
        "%(resolution_min)s",
        "%(resolution_max)s",
        "%(defocus_min)s",
        "%(defocus_max)s",
        "%(defocus_step)s",
        # Do you know what astigmatism is present? Slower, more exhaustive search? Then what is
        # known of it, or whether it is restrained and how far.
        Group(when="astigmatism_search", equals=("known",),
              args=("yes", "%(slow_search)s", "%(astigmatism)s", "%(astigmatism_angle)s")),
        Group(when="astigmatism_search", equals=("restrained",),
              args=("no", "%(slow_search)s", "yes", "%(astigmatism)s")),
        Group(when="astigmatism_search", equals=("free",), args=("no", "%(slow_search)s", "no")),
        Group(unless="phase_shift", args=("no",)),
        Group(when="phase_shift",
              args=("yes", "%(phase_shift_min)s", "%(phase_shift_max)s", "%(phase_shift_step)s")),
        # 4.1.14 asks for expert options; 5 for tilt (without a phase shift), thickness and expert
        # options. Each gets its noes, and those left over are never read.
        "no", "no", "no",
    ),
    # Its decimal point is the locale's. OMP_NUM_THREADS would win over -j.
    env={"LC_ALL": "C", "OMP_NUM_THREADS": "%(threads)s"},
)  # fmt: skip

# It names its texts after what stands before the last dot of the whole path, so there must be one
# in the file's name. RELION says .ctf.
_SPECTRUM = (".mrc", ".mrcs", ".ctf", ".map", ".ccp4", ".st")

_PARAMS = {
    "mic": Param(
        type="path", item=True,
        suffix=(".mrc", ".mrcs", ".ccp4", ".tif", ".tiff", ".dm", ".dm3", ".dm4"),
        help="micrograph or movie: .mrc .mrcs .ccp4, .tif .tiff or .dm .dm3 .dm4, in small letters",
    ),
    "out": Param(
        type="path", output="%(mic.stem)s_ctf.mrc", check="mrc", suffix=_SPECTRUM,
        help="spectrum beside its fit; the numbers lie beside it as .txt",
    ),
    "pixel_size": Param(
        type="float", unit="Å", min=0.01, max=100, help="pixel size of the micrograph"
    ),
    "voltage": Param(
        type="float", unit="kV", default=300.0, min=1, max=1000, help="accelerating voltage"
    ),
    "cs": Param(
        type="float", unit="mm", default=2.7, min=0, max=10, help="spherical aberration"
    ),
    "amplitude_contrast": Param(
        type="float", default=0.07, min=0, max=1, help="amplitude contrast"
    ),
    "movie_input": Param(
        type="bool", default=False,
        help="the file is a movie (it must have more than one frame, and a micrograph just one)",
    ),
    "frames_to_average": Param(
        type="int", unit="frames", default=1, min=1, help="frames of a movie averaged together"
    ),
    "box_size": Param(
        type="int", unit="pixels", default=512, min=128, help="size of the power spectrum"
    ),
    "resolution_min": Param(
        type="float", unit="Å", default=30.0, min=0.1, max=50, help="lowest resolution fitted"
    ),
    "resolution_max": Param(
        type="float", unit="Å", default=5.0, min=0.1, max=50, help="highest resolution fitted"
    ),
    "defocus_min": Param(
        type="float", unit="Å", default=5000.0, help="least defocus looked for"
    ),
    "defocus_max": Param(
        type="float", unit="Å", default=50000.0, help="greatest defocus looked for"
    ),
    "defocus_step": Param(
        type="float", unit="Å", default=100.0, min=1, help="step of the search for the defocus"
    ),
    "slow_search": Param(
        type="bool", default=False, yes="yes", no="no", help="slower, more exhaustive search"
    ),
    "astigmatism_search": Param(
        type="choice", default="free", choices=("free", "restrained", "known"),
        help="astigmatism: looked for freely, kept near zero, or known",
    ),
    "astigmatism": Param(
        type="float", unit="Å", default=200.0, min=0,
        help="how much is tolerated (restrained) or there (known)",
    ),
    "astigmatism_angle": Param(
        type="float", unit="degrees", default=0.0, min=-360, max=360,
        help="angle of a known astigmatism",
    ),
    "phase_shift": Param(type="bool", default=False, help="phase plate: look for the phase shift"),
    "phase_shift_min": Param(
        type="float", unit="rad", default=0.0, min=-3.15, max=3.15, help="least phase shift"
    ),
    "phase_shift_max": Param(
        type="float", unit="rad", default=3.15, min=-3.15, max=3.15, help="greatest phase shift"
    ),
    "phase_shift_step": Param(
        type="float", unit="rad", default=0.5, min=0, max=6.3, help="step of that search"
    ),
    "fast": Param(type="bool", default=False, help="skip the averaged profile and its tests"),
    "spectrum_input": Param(
        type="bool", default=False,
        help="the input is an amplitude spectrum; pixel_size is that of its image",
    ),
    "threads": Param(type="int", default=1, min=1, help="CPU threads"),
}  # fmt: skip

# Number and two defocus values, none of them `nan`; the resolution behind them may be `inf`.
_CTF = r"^\s*\d\S*\s+-?\d\S*\s+-?\d"

_OUTPUTS = (
    # Both texts are opened before the work: that they are there does not say that it was done.
    Output(name="ctf", path="%(out.base)s.txt", match=_CTF),
    Output(name="profile", path="%(out.base)s_avrot.txt", unless="fast", match=r"^\s*-?\d"),
)

# Most of its errors end with exit code 0: the text is printed and it goes on. A refused answer
# ends with 255.
_FAILURES = (
    Failure(match=r"^\s*Error ?: Blank answer in scripted mode", class_=FailureClass.PROGRAM_FAULT,
            effect="fail", hint="it asked more than CTFFIND 4.1.14 and 5 do, or the micrograph has "
            "more than one slice: say `movie_input`"),
    Failure(match=r"^\s*Error ?: File does not exist", class_=FailureClass.BAD_INPUT,
            effect="fail"),
    Failure(match=r"^\s*Error ?: Number outside of acceptable range", class_=FailureClass.BAD_INPUT,
            effect="fail", hint="resolution_max is a smaller number than resolution_min, and "
            "defocus_max a greater one than defocus_min"),
    Failure(match=r"^\s*Error ?: Running as script, and answer is not recognized",
            class_=FailureClass.BAD_INPUT, effect="fail",
            hint="more than one slice is a movie (`movie_input`), and one slice is none"),
    Failure(match=r"location \d+ of input file .* is blank", class_=FailureClass.BAD_INPUT,
            effect="fail", hint="the micrograph is constant"),
    Failure(match=r"MRC files not currently supported|Unsupported file type",
            class_=FailureClass.BAD_INPUT, effect="fail"),
    Failure(match=r"^\s*Error ?: ", class_=FailureClass.BAD_INPUT, effect="fail"),
    Failure(match=r"std::bad_alloc|[Cc]annot allocate memory", class_=FailureClass.HOST_MEMORY),
    Failure(match=r"seems to be corrupt\. Ctffind results may not be meaningful",
            class_=FailureClass.BAD_INPUT, effect="warn", hint="copy the movie again"),
)  # fmt: skip

_EXAMPLES = (
    Example(
        params={"mic": "m1.mrc", "pixel_size": 0.885},
        argv=("ctffind", "-j", "1"),
        stdin="m1.mrc\nm1_ctf.mrc\n0.885\n300.0\n2.7\n0.07\n512\n30.0\n5.0\n5000.0\n50000.0\n"
        "100.0\nno\nno\nno\nno\nno\nno\nno\n",
        env={
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "", "LC_ALL": "C",
            "OMP_NUM_THREADS": "1",
        },
    ),
    # As RELION asks for it.
    Example(
        params={"mic": "m1.mrc", "pixel_size": 0.885, "amplitude_contrast": 0.1,
                "defocus_step": 500, "slow_search": True, "astigmatism_search": "restrained",
                "astigmatism": 100, "threads": 4},
        argv=("ctffind", "-j", "4"),
        stdin="m1.mrc\nm1_ctf.mrc\n0.885\n300.0\n2.7\n0.1\n512\n30.0\n5.0\n5000.0\n50000.0\n"
        "500.0\nno\nyes\nyes\n100.0\nno\nno\nno\nno\n",
    ),
    Example(
        params={"mic": "m1.mrcs", "pixel_size": 0.885, "movie_input": True,
                "frames_to_average": 3, "phase_shift": True, "phase_shift_step": 0.2, "threads": 4},
        argv=("ctffind", "-j", "4"),
        stdin="m1.mrcs\nyes\n3\nm1_ctf.mrc\n0.885\n300.0\n2.7\n0.07\n512\n30.0\n5.0\n5000.0\n"
        "50000.0\n100.0\nno\nno\nno\nyes\n0.0\n3.15\n0.2\nno\nno\nno\n",
    ),
    Example(
        params={"mic": "spectrum.mrc", "out": "fit.mrc", "pixel_size": 1.4, "fast": True,
                "spectrum_input": True, "astigmatism_search": "known", "astigmatism": 150,
                "astigmatism_angle": 45},
        argv=("ctffind", "--fast", "--amplitude-spectrum-input", "-j", "1"),
        stdin="spectrum.mrc\nfit.mrc\n1.4\n300.0\n2.7\n0.07\n512\n30.0\n5.0\n5000.0\n50000.0\n"
        "100.0\nyes\nno\n150.0\n45.0\nno\nno\nno\nno\n",
    ),
)  # fmt: skip

CTFFIND = Adapter(
    name="ctffind",
    title="CTFFIND: estimate a micrograph's or a movie's CTF",
    family="CTFFIND",
    homepage="https://cistem.org",
    program=Program(
        executable="ctffind",
        # Its banner comes before the first question; without an answer it then ends with 255.
        version=Version(args=(), regex=r"Version : (\d+\.\d+(?:\.\d+)?)"),
        install="https://grigoriefflab.umassmed.edu/ctffind4, or with cisTEM",
    ),
    command=_COMMAND,
    params=_PARAMS,
    output=_OUTPUTS,
    failure=_FAILURES,
    example=_EXAMPLES,
    licence="Janelia Research Campus Software License 1.2",
    citation="Rohou and Grigorieff, J. Struct. Biol. 192 (2015) 216-221, "
    "doi:10.1016/j.jsb.2015.08.008; version 5: Elferich et al., eLife 13 (2024) RP97227, "
    "doi:10.7554/eLife.97227",
    source="github.com/timothygrant80/cisTEM: branch ctffind_4.1.14 f4dee4eb and 1a39ccbb (5.0.2), "
    "src/programs/ctffind/ctffind.cpp, src/core/userinput.cpp, src/core/myapp.cpp; "
    "github.com/3dem/relion 73f0a3c src/ctffind_runner.cpp",
    unverified=(
        "nothing was run: the questions are read from the source",
        "what 4.1.15 and 4.1.16 ask: their source was not found",
        "5 asks no movie question of an .eer file, so that such a file is not for this adapter",
    ),
)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer this program."""
    return (CTFFIND,)
