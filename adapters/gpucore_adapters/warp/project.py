"""What all commands of WarpTools have in common: a project, its GPUs, and how they fail."""

from __future__ import annotations

from gpucore.standard import (
    Failure,
    FailureClass,
    Gpu,
    GpuUse,
    Group,
    Output,
    Param,
    Program,
    Version,
)

__all__ = [
    "CITATION",
    "FAILURES",
    "GPU",
    "HOMEPAGE",
    "INSTALL",
    "LICENCE",
    "M_CITATION",
    "OUTPUTS",
    "PROGRAM",
    "PROJECT",
    "SOURCE",
    "UNVERIFIED",
    "WORKERS",
    "defocus_params",
    "opening",
]

HOMEPAGE = "https://warpem.github.io/warp/"
INSTALL = "conda create -n warp warp=2.0.0 -c warpem, see the home page"
LICENCE = "GPL-3.0"
CITATION = "Tegunov and Cramer, Nature Methods 16 (2019) 1146-1152, doi:10.1038/s41592-019-0580-y"
M_CITATION = "Tegunov et al., Nature Methods 18 (2021) 186-193, doi:10.1038/s41592-020-01054-7"
SOURCE = (
    "github.com/warpem/warp e321344: WarpTools/Commands, WarpTools/Program.cs, "
    "WarpLib/Tools/CommandLineParserHelper.cs, docs/reference/warptools/api, docs/user_guide"
)
UNVERIFIED = (
    "nothing was run; CUDA's messages are CUDA's, not seen here",
    "how a worker takes its GPU under CUDA_VISIBLE_DEVICES",
    "cluster mode (--cluster_script), which ignores the list of GPUs, is left out",
    "two runs at once on one processing folder clear each other's queue: one stage at a time",
)

PROGRAM = Program(
    executable="WarpTools",
    # Whatever it does not know makes it print its version and its commands.
    version=Version(args=("--version",), regex=r"Version (\d+\.\d+\.\d+)"),
    install=INSTALL,
)

GPU = Gpu(
    use=GpuUse.COMPULSORY,
    form="space",
    memory=15000,
    memory_note="written for cards of about 16 GB; each worker of a GPU needs as much",
)

PROJECT = {
    "settings": Param(
        type="path", item=True, suffix=(".settings",),
        help="settings file of the project, as create_settings makes it",
    ),
    "out": Param(
        type="path", output="%(settings.stem)s_processing", check="directory",
        help="processing folder that is written to; later commands go on in the same one",
    ),
    "input_data": Param(
        type="path", length=0, optional=True, check="any", section="Project",
        help="series to process instead of all: files, patterns, or a .txt list of files",
    ),
    "input_processing": Param(
        type="path", optional=True, check="directory", section="Project",
        help="folder of earlier results; that of the settings when left out",
    ),
    "workers": Param(
        type="int", default=1, min=1, max=64, section="Project", advanced=True,
        help="workers on each GPU: 4 on a card of 80 GB",
    ),
}  # fmt: skip

WORKERS = ("--device_list", "%(GPU)s", "--perdevice", "%(workers)s")

OUTPUTS = (
    Output(name="processed", path="%(out)s/processed_items.json", match=r'"Path"\s*:'),
)  # fmt: skip

# A series that fails is left out, and the run ends with 0 as long as one does not. So does a
# command that it does not understand.
FAILURES = (
    Failure(match=r"Showing all available options|showing all available commands",
            class_=FailureClass.PROGRAM_FAULT, effect="fail",
            hint="this release does not know an option of the command"),
    Failure(match=r"CUDA.*out of memory|out of memory|cudaErrorMemoryAllocation",
            class_=FailureClass.OUT_OF_MEMORY,
            hint="fewer `workers`, or a GPU with more memory; logs lie in the folder's logs/"),
    Failure(match=r"No devices found or specified|no CUDA-capable device|invalid device ordinal",
            class_=FailureClass.NO_DEVICE, effect="fail"),
    Failure(match=r"illegal memory access|unspecified launch failure|uncorrectable ECC",
            class_=FailureClass.DEVICE_FAULT),
    Failure(match=r"All (items|tasks) failed to process", class_=FailureClass.PROGRAM_FAULT,
            effect="fail", hint="each series has a log in the folder's logs/"),
    Failure(match=r"Failed to process .*, marked as unselected|Finished: \d+ processed, [1-9]",
            class_=FailureClass.PROGRAM_FAULT, effect="warn",
            hint="failed_items.json names the series that are left out"),
    Failure(match=r"Unhandled exception", class_=FailureClass.PROGRAM_FAULT),
)  # fmt: skip


def opening(verb: str) -> tuple[str | Group, ...]:
    """Return how a command begins: its verb, and the project that it works on."""
    return (
        "%(EXE)s",
        verb,
        *("--settings", "%(settings)s"),
        *("--output_processing", "%(out)s"),
        Group(args=("--input_processing", "%(input_processing)s")),
        Group(args=("--input_data", "%(input_data)s")),
    )


def defocus_params() -> dict[str, Param]:
    """Return the parameters that every estimate of a CTF has, in the units of Warp."""
    return {
        "window": Param(
            type="int", unit="pixels", default=512, min=128, max=8192, section="CTF",
            help="side of a patch, in binned pixels",
        ),
        "ctf_range_low": Param(
            type="float", unit="Å", default=30.0, min=1, max=999, section="CTF",
            help="worst resolution used",
        ),
        "ctf_range_high": Param(
            type="float", unit="Å", default=4.0, min=1, less_than="ctf_range_low", section="CTF",
            help="best resolution used",
        ),
        "defocus_min": Param(
            type="float", unit="µm", default=0.5, min=-100, no_more_than="defocus_max",
            section="CTF", help="least defocus looked for",
        ),
        "defocus_max": Param(
            type="float", unit="µm", default=5.0, min=-100, max=100, section="CTF",
            help="greatest defocus looked for",
        ),
        "voltage": Param(
            type="int", unit="kV", default=300, min=1, max=1000, section="CTF",
            help="accelerating voltage",
        ),
        "cs": Param(
            type="float", unit="mm", default=2.7, above=0, max=10, section="CTF",
            help="spherical aberration",
        ),
        "amplitude_contrast": Param(
            type="float", default=0.07, min=0, max=1, section="CTF", help="amplitude contrast"
        ),
        "fit_phase": Param(
            type="bool", default=False, section="CTF", help="fit the phase shift of a phase plate"
        ),
    }  # fmt: skip
