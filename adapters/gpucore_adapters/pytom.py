"""pytom-match-pick: match a template against a tomogram on GPUs, then pick the peaks.

Matching writes three files that belong together, named after the tomogram; picking finds the other
two beside the job file, and writes its list there.
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
)

_HOMEPAGE = "https://github.com/SBC-Utrecht/pytom-match-pick"
_INSTALL = "pip install pytom-match-pick, with a CuPy that fits the driver"
_LICENCE = "GPL-2.0"
_CITATION = (
    "Chaillet et al., J. Struct. Biol. X 11 (2025) 100125, doi:10.1016/j.yjsbx.2025.100125; "
    "Chaillet et al., Int. J. Mol. Sci. 24 (2023) 13375, doi:10.3390/ijms241713375"
)
_SOURCE = (
    "github.com/SBC-Utrecht/pytom-match-pick 27f5d68 (0.14.0): src/pytom_tm/entry_points.py, "
    "io.py, parallel.py, tmjob.py; without a driver it was started and seen to fail"
)
_UNVERIFIED = (
    "nothing was run on a GPU; CuPy's words for errors are CuPy's, not seen here",
    "it has no option that tells its version, and even --help needs a GPU",
)

# CuPy and the loader are asked before anything else, so a missing driver ends even --help.
_FAILURES = (
    Failure(match=r"OutOfMemoryError|out of memory", class_=FailureClass.OUT_OF_MEMORY,
            hint="split the tomogram: `volume_split = [2, 2, 1]`"),
    Failure(match=r"cudaErrorInsufficientDriver|cudaErrorNoDevice|gpu indices should be between"
            r"|no CUDA-capable device", class_=FailureClass.NO_DEVICE,
            hint="`gpucore gpus` shows the GPUs; CuPy must fit their driver"),
    Failure(match=r"cudaErrorIllegalAddress|cudaErrorLaunchFailure|uncorrectable ECC",
            class_=FailureClass.DEVICE_FAULT),
    Failure(match=r"One or more of the processes stopped unexpectedly",
            class_=FailureClass.PROGRAM_FAULT, hint="what the process said stands before this"),
    Failure(match=r"Without tilt angles the missing wedge", class_=FailureClass.BAD_INPUT,
            hint="give `tilt_angles`, `warp_xml` or `relion5_tomograms`"),
    Failure(match=r"^ValueError: |TMJobError|: error: ", class_=FailureClass.BAD_INPUT),
    Failure(match=r"^ModuleNotFoundError|^ImportError", class_=FailureClass.NOT_STARTED,
            hint="install it anew, with CuPy"),
)  # fmt: skip

_MATCH = Template(
    in_place=True,  # the job file holds the folder of the results, and picking goes there
    argv=(
        "%(EXE)s",
        "--template", "%(template)s",
        "--mask", "%(mask)s",
        Group(when="mask_not_spherical", args=("--non-spherical-mask",)),
        "--tomogram", "%(tomogram)s",
        "--destination", "%(out.dir)s",
        Group(args=("--angular-search", "%(angular_search)s")),
        Group(args=("--particle-diameter", "%(particle_diameter)s")),
        "--z-axis-rotational-symmetry", "%(symmetry_z)s",
        "--volume-split", "%(volume_split)s",
        Group(args=("--search-x", "%(search_x)s")),
        Group(args=("--search-y", "%(search_y)s")),
        Group(args=("--search-z", "%(search_z)s")),
        Group(args=("--tomogram-mask", "%(tomogram_mask)s")),
        Group(args=("--tilt-angles", "%(tilt_angles)s")),
        Group(when="per_tilt_weighting", args=("--per-tilt-weighting",)),
        Group(args=("--voxel-size-angstrom", "%(voxel_size)s")),
        Group(args=("--low-pass", "%(low_pass)s")),
        Group(args=("--high-pass", "%(high_pass)s")),
        Group(args=("--dose-accumulation", "%(dose)s")),
        Group(args=("--defocus", "%(defocus)s", "--amplitude-contrast", "%(amplitude_contrast)s",
                    "--spherical-aberration", "%(cs)s", "--voltage", "%(voltage)s")),
        Group(when="phase_shift", args=("--phase-shift", "%(phase_shift)s")),
        Group(when="phase_flipped", args=("--tomogram-ctf-model", "phase-flip")),
        Group(where={"defocus_handedness": (-1, 1)},
              args=("--defocus-handedness", "%(defocus_handedness)s")),
        Group(when="whiten", args=("--spectral-whitening",)),
        Group(when="random_phase", args=("--random-phase-correction",)),
        Group(args=("--rng-seed", "%(seed)s")),
        Group(when="half_precision", args=("--half-precision",)),
        Group(args=("--relion5-tomograms-star", "%(relion5_tomograms)s")),
        Group(args=("--warp-xml-file", "%(warp_xml)s")),
        "--gpu-ids", "%(GPU)s",
    ),
)  # fmt: skip

_MATCH_PARAMS = {
    "tomogram": Param(type="path", item=True, check="mrc", help="tomogram to search"),
    "out": Param(
        type="path", output="%(tomogram.stem)s_scores.mrc", check="mrc",
        help="score of each voxel; the program names it after the tomogram: only its folder may "
        "be chosen",
    ),
    "template": Param(
        type="path", check="mrc", help="template, of the tomogram's contrast and voxel size"
    ),
    "mask": Param(type="path", check="mrc", help="mask of the template, in a box of its size"),
    "mask_not_spherical": Param(
        type="bool", default=False, help="the mask is no sphere: takes about twice as long"
    ),
    "angular_search": Param(
        type="string", optional=True, section="Search",
        help="angle between orientations in degrees, or a .txt file of Euler angles in radians",
    ),
    "particle_diameter": Param(
        type="float", unit="Å", optional=True, above=0, section="Search",
        help="diameter that sets the angle, instead of angular_search",
    ),
    "symmetry_z": Param(
        type="int", default=1, min=1, max=1000, section="Search",
        help="rotational symmetry of the template around z",
    ),
    "volume_split": Param(
        type="int", default=(1, 1, 1), length=3, min=1, max=64, section="Search",
        help="pieces in x, y and z, when the tomogram does not fit a GPU",
    ),
    "search_x": Param(
        type="int", unit="voxels", length=2, optional=True, min=0, section="Search",
        help="start and end in x",
    ),
    "search_y": Param(
        type="int", unit="voxels", length=2, optional=True, min=0, section="Search",
        help="start and end in y",
    ),
    "search_z": Param(
        type="int", unit="voxels", length=2, optional=True, min=0, section="Search",
        help="start and end in z",
    ),
    "tomogram_mask": Param(
        type="path", check="mrc", optional=True, section="Search",
        help="where to search: what is 0 or less is left out",
    ),
    "tilt_angles": Param(
        type="path", suffix=(".tlt", ".rawtlt"), optional=True, section="Weighting",
        help="text file of tilt angles",
    ),
    "per_tilt_weighting": Param(
        type="bool", default=False, needs=("tilt_angles",), section="Weighting",
        help="weigh each tilt, by its angle, dose and CTF",
    ),
    "voxel_size": Param(
        type="float", unit="Å", optional=True, above=0, section="Weighting",
        help="voxel size; that of the MRC files when left out",
    ),
    "low_pass": Param(
        type="float", unit="Å", optional=True, above=0, section="Weighting",
        help="resolution of a low-pass filter",
    ),
    "high_pass": Param(
        type="float", unit="Å", optional=True, above=0, section="Weighting",
        help="resolution of a high-pass filter",
    ),
    "dose": Param(
        type="path", optional=True, suffix=(".txt",), section="Weighting",
        help="text file of the dose of each tilt and all before it, in e⁻/Å²",
    ),
    "defocus": Param(
        type="string", optional=True, section="Weighting",
        help=".defocus file of IMOD, .txt file of values, or one value, in µm; turns the CTF on",
    ),
    "amplitude_contrast": Param(
        type="float", default=0.07, above=0, below=1, section="Weighting",
        help="amplitude contrast",
    ),
    "cs": Param(
        type="float", unit="mm", default=2.7, above=0, max=10, section="Weighting",
        help="spherical aberration",
    ),
    "voltage": Param(
        type="float", unit="kV", default=300.0, above=0, max=1000, section="Weighting",
        help="accelerating voltage",
    ),
    "phase_shift": Param(
        type="float", unit="degrees", optional=True, above=0, max=360, section="Weighting",
        help="phase shift of a phase plate",
    ),
    "phase_flipped": Param(
        type="bool", default=False, section="Weighting",
        help="the tomogram was corrected by flipping phases",
    ),
    "defocus_handedness": Param(
        type="int", default=0, min=-1, max=1, section="Weighting", advanced=True,
        help="gradient of the defocus: 0 none, 1 or -1; only with volume_split",
    ),
    "whiten": Param(
        type="bool", default=False, section="Weighting",
        help="whiten by the tomogram's power spectrum: more weight for high resolution",
    ),
    "random_phase": Param(
        type="bool", default=False, section="Weighting",
        help="subtract the score of a template of random phases",
    ),
    "seed": Param(
        type="int", optional=True, min=1, section="Weighting",
        help="seed of the random phases, for a result that can be had again",
    ),
    "half_precision": Param(type="bool", default=False, help="write volumes of 16 bits"),
    "relion5_tomograms": Param(
        type="path", optional=True, suffix=(".star",), section="Metadata",
        help="tomograms.star of RELION 5, instead of what the weighting asks for",
    ),
    "warp_xml": Param(
        type="path", optional=True, suffix=(".xml",), section="Metadata",
        help="Warp's XML of the tilt series, instead of what the weighting asks for",
    ),
}  # fmt: skip

_NAMED = "%(out.dir)s/%(tomogram.stem)s"

PYTOM_MATCH_TEMPLATE = Adapter(
    name="pytom_match_template",
    title="pytom-match-pick: match a template against a tomogram on GPUs",
    family="pytom-match-pick",
    homepage=_HOMEPAGE,
    program=Program(executable="pytom_match_template.py", install=_INSTALL),
    gpu=Gpu(
        use=GpuUse.COMPULSORY,
        form="space",
        memory_note="a tomogram that does not fit is split, `volume_split`",
    ),
    command=_MATCH,
    params=_MATCH_PARAMS,
    output=(
        Output(name="angles", path=f"{_NAMED}_angles.mrc", check="mrc"),
        Output(name="job", path=f"{_NAMED}_job.json"),
    ),
    failure=_FAILURES,
    example=(
        Example(
            params={"tomogram": "TS_01.mrc", "out": "tm/TS_01_scores.mrc", "template": "ref.mrc",
                    "mask": "mask.mrc", "angular_search": "7.0", "tilt_angles": "TS_01.tlt"},
            gpus=(2,),
            argv=(
                "pytom_match_template.py", "--template", "ref.mrc", "--mask", "mask.mrc",
                "--tomogram", "TS_01.mrc", "--destination", "tm", "--angular-search", "7.0",
                "--z-axis-rotational-symmetry", "1", "--volume-split", "1", "1", "1",
                "--tilt-angles", "TS_01.tlt", "--gpu-ids", "2",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"tomogram": "TS_01.mrc", "out": "tm/TS_01_scores.mrc", "template": "ref.mrc",
                    "mask": "mask.mrc", "particle_diameter": 300, "tilt_angles": "TS_01.tlt",
                    "per_tilt_weighting": True, "volume_split": (2, 2, 1), "defocus": "3.5",
                    "voxel_size": 13.48, "random_phase": True, "seed": 321},
            gpus=(0, 1),
            argv=(
                "pytom_match_template.py", "--template", "ref.mrc", "--mask", "mask.mrc",
                "--tomogram", "TS_01.mrc", "--destination", "tm",
                "--particle-diameter", "300.0", "--z-axis-rotational-symmetry", "1",
                "--volume-split", "2", "2", "1", "--tilt-angles", "TS_01.tlt",
                "--per-tilt-weighting", "--voxel-size-angstrom", "13.48", "--defocus", "3.5",
                "--amplitude-contrast", "0.07", "--spherical-aberration", "2.7",
                "--voltage", "300.0", "--random-phase-correction", "--rng-seed", "321",
                "--gpu-ids", "0", "1",
            ),
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source=_SOURCE,
    unverified=_UNVERIFIED,
)  # fmt: skip

_JOB = "%(folder)s/%(tomogram.stem)s"

_EXTRACT = Template(
    argv=(
        "%(EXE)s",
        Group(when="folder", args=("--job-file", f"{_JOB}_job.json")),
        Group(unless="folder", args=("--job-file", "./%(tomogram.stem)s_job.json")),
        "--number-of-particles", "%(particles)s",
        "--number-of-false-positives", "%(false_positives)s",
        Group(args=("--particle-diameter", "%(particle_diameter)s")),
        Group(args=("--cut-off", "%(cut_off)s")),
        Group(args=("--tomogram-mask", "%(tomogram_mask)s")),
        Group(when="ignore_mask", args=("--ignore_tomogram_mask",)),
        Group(when="tophat",
              args=("--tophat-filter", "--tophat-connectivity", "%(tophat_connectivity)s")),
        Group(when="relion5", args=("--relion5-compat",)),
    ),
)  # fmt: skip

PYTOM_EXTRACT_CANDIDATES = Adapter(
    name="pytom_extract_candidates",
    title="pytom-match-pick: pick particles from the scores of a matched template",
    family="pytom-match-pick",
    homepage=_HOMEPAGE,
    program=Program(executable="pytom_extract_candidates.py", install=_INSTALL),
    command=_EXTRACT,
    params={
        "tomogram": Param(
            type="path", item=True, check="any", help="tomogram that was searched, for its name"
        ),
        "folder": Param(
            type="path", check="directory", optional=True,
            help="folder that pytom_match_template wrote to, and the list is written to, too; the "
            "working directory when left out",
        ),
        "particles": Param(type="int", min=1, help="greatest number of particles to take"),
        "false_positives": Param(
            type="float", default=1.0, above=0,
            help="false positives that are borne in a tomogram; below 1 is stricter",
        ),
        "particle_diameter": Param(
            type="float", unit="Å", optional=True, above=0,
            help="no two peaks nearer than half of this; that of the matching when left out",
        ),
        "cut_off": Param(
            type="float", optional=True, min=0, max=1, help="least score, instead of an estimate"
        ),
        "tomogram_mask": Param(
            type="path", check="mrc", optional=True, help="where to pick: above 0"
        ),
        "ignore_mask": Param(type="bool", default=False, help="pick outside of masks, too"),
        "tophat": Param(type="bool", default=False, help="take sharp peaks only"),
        "tophat_connectivity": Param(
            type="int", default=1, min=1, max=3, help="how sharp: 1 is strictest"
        ),
        "relion5": Param(
            type="bool", default=False, help="centred coordinates in Å, for RELION 5"
        ),
    },
    output=(Output(name="coordinates", path=f"{_JOB}_particles.star"),),
    failure=_FAILURES,
    example=(
        Example(
            params={"tomogram": "tomograms/TS_01.mrc", "folder": "tm", "particles": 500},
            argv=("pytom_extract_candidates.py", "--job-file", "tm/TS_01_job.json",
                  "--number-of-particles", "500", "--number-of-false-positives", "1.0"),
        ),
        Example(
            params={"tomogram": "TS_02.mrc", "folder": "tm", "particles": 1500,
                    "particle_diameter": 250, "tophat": True, "relion5": True},
            argv=("pytom_extract_candidates.py", "--job-file", "tm/TS_02_job.json",
                  "--number-of-particles", "1500", "--number-of-false-positives", "1.0",
                  "--particle-diameter", "250.0", "--tophat-filter",
                  "--tophat-connectivity", "1", "--relion5-compat"),
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source=_SOURCE,
    unverified=_UNVERIFIED,
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer both."""
    return (PYTOM_MATCH_TEMPLATE, PYTOM_EXTRACT_CANDIDATES)
