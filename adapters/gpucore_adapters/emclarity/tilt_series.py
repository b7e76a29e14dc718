"""emClarity on one tilt series: its alignment, and its CTF.

Its lengths are in metres; here they have the field's units, and the power of ten is written behind
the number.
"""

from __future__ import annotations

from gpucore.standard import (
    Adapter,
    Example,
    Gpu,
    GpuUse,
    Group,
    InputFile,
    Link,
    Output,
    Param,
    Template,
)

from .package import CITATION, ENDED, FAILURES, HOMEPAGE, LICENCE, PROGRAM, SOURCE, UNVERIFIED

__all__ = ["EMCLARITY_AUTOALIGN", "EMCLARITY_CTF_ESTIMATE"]

# It counts from 1 among the GPUs that it sees, and uses one.
_GPU = Gpu(use=GpuUse.COMPULSORY, form="count", max=1)

_LEAST = (
    "nGPUs=%(GPU)s",
    "nCpuCores=%(cores)s",
    "PIXEL_SIZE=%(pixel_size)se-10",
    "beadDiameter=%(bead_diameter)se-9",
)

_SERIES = {
    "pixel_size": Param(
        type="float", unit="Å", min=0.01, max=100, format="%.6f", help="pixel size"
    ),
    "bead_diameter": Param(
        type="float", unit="nm", default=10.0, min=0, max=100, help="diameter of gold beads"
    ),
    "cores": Param(type="int", default=1, min=1, max=256, help="processor cores"),
}  # fmt: skip

_ALIGN_OPTIONS = (
    ("autoAli_max_resolution", "max_resolution"),
    ("autoAli_min_sampling_rate", "min_sampling"),
    ("autoAli_max_sampling_rate", "max_sampling"),
    ("autoAli_iterations_per_bin", "iterations"),
    ("autoAli_n_iters_no_rotation", "iterations_without_rotation"),
    ("autoAli_patch_size_factor", "patch_size_factor"),
    ("autoAli_patch_tracking_border", "patch_border"),
    ("autoAli_patch_overlap", "patch_overlap"),
    ("autoAli_max_shift_in_angstroms", "max_shift"),
    ("autoAli_max_shift_factor", "max_shift_factor"),
)

EMCLARITY_AUTOALIGN = Adapter(
    name="emclarity_autoalign",
    title="emClarity autoAlign: align a tilt series by patches and beads",
    family="emClarity",
    homepage=HOMEPAGE,
    program=PROGRAM,
    gpu=_GPU,
    command=Template(
        own_directory=True,
        argv=(
            *("%(EXE)s", "autoAlign", "param.m", "series.st", "series.rawtlt"),
            "%(tilt_axis)s",
        ),
    ),
    params={
        "series": Param(
            type="path", item=True, check="mrc", suffix=(".st", ".mrc", ".mrcs"),
            help="tilt series",
        ),
        "out": Param(
            type="path", output="%(series.stem)s.xf", help="transforms that align the images"
        ),
        "angles": Param(type="path", help="text file of tilt angles, one a line"),
        "tilt_axis": Param(
            type="float", unit="degrees", min=-360, max=360, help="angle of the tilt axis"
        ),
        **_SERIES,
        "max_resolution": Param(
            type="float", unit="Å", optional=True, above=0, max=1000, section="Alignment",
            help="best resolution used",
        ),
        "min_sampling": Param(
            type="float", unit="Å", optional=True, above=0, max=1000, section="Alignment",
            help="coarsest pixel that it begins with",
        ),
        "max_sampling": Param(
            type="float", unit="Å", optional=True, above=0, max=1000, section="Alignment",
            help="finest pixel that it ends with",
        ),
        "iterations": Param(
            type="int", optional=True, min=1, max=100, section="Alignment",
            help="rounds at each sampling",
        ),
        "iterations_without_rotation": Param(
            type="int", optional=True, min=0, max=100, section="Alignment",
            help="rounds before rotations are refined",
        ),
        "patch_size_factor": Param(
            type="int", optional=True, min=1, max=64, section="Patches",
            help="size of patches: more makes more and smaller ones",
        ),
        "patch_border": Param(
            type="int", unit="pixels", optional=True, min=0, max=10000, section="Patches",
            help="border without patches",
        ),
        "patch_overlap": Param(
            type="float", optional=True, min=0, below=1, section="Patches",
            help="overlap of patches",
        ),
        "max_shift": Param(
            type="float", unit="Å", optional=True, above=0, max=10000, section="Patches",
            help="greatest shift of a patch in the first round",
        ),
        "max_shift_factor": Param(
            type="float", optional=True, above=0, max=100, section="Patches",
            help="that shift is divided by this for the later rounds",
        ),
        "refine_on_beads": Param(
            type="bool", default=False, yes="true", no="false", section="Alignment",
            help="refine with beads at the end",
        ),
    },
    file=(
        InputFile(
            name="param.m",
            # Always: without a GPU the step is refused, and not its file left out.
            when="series",
            format="keyvalue",
            lines=(
                *_LEAST,
                *(Group(args=(f"{key}=%({name})s",)) for key, name in _ALIGN_OPTIONS),
                "autoAli_refine_on_beads=%(refine_on_beads)s",
            ),
        ),
    ),
    link=(
        Link(name="series.st", target="%(series)s"),
        Link(name="series.rawtlt", target="%(angles)s"),
    ),
    output=(
        Output(name="out", made="fixedStacks/series.xf", match=r"^\s*-?\d+\.\d+\s+-?\d"),
        Output(name="tilt_angles", path="%(out.base)s.tlt", made="fixedStacks/series.tlt",
               match=r"^\s*-?\d"),
        Output(name="local", path="%(out.base)s.local", made="fixedStacks/series.local",
               optional=True),
        Output(name="beads", path="%(out.base)s.erase", made="fixedStacks/series.erase",
               optional=True),
    ),
    failure=FAILURES,
    example=(
        Example(
            params={"series": "TS_01.st", "angles": "TS_01.rawtlt", "tilt_axis": 84.7,
                    "pixel_size": 1.35},
            gpus=(2,),
            argv=("emClarity", "autoAlign", "param.m", "series.st", "series.rawtlt", "84.7"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
            files={"param.m": "nGPUs=1\nnCpuCores=1\nPIXEL_SIZE=1.350000e-10\n"
                   "beadDiameter=10.0e-9\nautoAli_refine_on_beads=false\n"},
        ),
        # A slot of two: it uses one.
        Example(
            params={"series": "TS_01.st", "angles": "TS_01.rawtlt", "tilt_axis": -85,
                    "pixel_size": 2.7, "max_resolution": 18, "iterations": 3,
                    "refine_on_beads": True},
            gpus=(0, 1),
            argv=("emClarity", "autoAlign", "param.m", "series.st", "series.rawtlt", "-85.0"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0"},
            files={"param.m": "nGPUs=1\nnCpuCores=1\nPIXEL_SIZE=2.700000e-10\n"
                   "beadDiameter=10.0e-9\nautoAli_max_resolution=18.0\n"
                   "autoAli_iterations_per_bin=3\nautoAli_refine_on_beads=true\n"},
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source=SOURCE,
    unverified=(*UNVERIFIED, "which of its outputs are there without beads or local alignment"),
)  # fmt: skip

_CTF = (
    *_LEAST,
    "SuperResolution=%(super_resolution)s",
    "Cs=%(cs)se-3",
    "VOLTAGE=%(voltage)se3",
    "AMPCONT=%(amplitude_contrast)s",
    "defEstimate=%(defocus)se-6",
    "defWindow=%(defocus_window)se-6",
    "defCutOff=%(resolution_max)se-10",
    "CUM_e_DOSE=%(total_dose)s",
    "doseAtMinTilt=%(dose_per_tilt)s",
    "oneOverCosineDose=%(cosine_dose)s",
    "startingAngle=%(first_angle)s",
    "startingDirection=%(first_direction)s",
    "doseSymmetricIncrement=%(symmetric_increment)s",
    "erase_beads_after_ctf=%(erase_beads_after)s",
)

EMCLARITY_CTF_ESTIMATE = Adapter(
    name="emclarity_ctf_estimate",
    title="emClarity ctf estimate: estimate the CTF of an aligned tilt series",
    family="emClarity",
    homepage=HOMEPAGE,
    program=PROGRAM,
    gpu=_GPU,
    command=Template(
        own_directory=True, argv=("%(EXE)s", "ctf", "estimate", "param.m", "series")
    ),
    params={
        "series": Param(
            type="path", item=True, check="mrc", suffix=(".st", ".mrc", ".mrcs", ".fixed"),
            help="tilt series, not yet aligned",
        ),
        "out": Param(
            type="path", output="%(series.stem)s_ctf.tlt", help="defocus of each image"
        ),
        "transforms": Param(
            type="path", suffix=(".xf",), help="transforms that align the images"
        ),
        "angles": Param(type="path", help="text file of tilt angles, one a line"),
        "local": Param(
            type="path", optional=True, suffix=(".local",), help="local alignment of the series"
        ),
        "beads": Param(
            type="path", optional=True, suffix=(".erase",), help="model of the beads to erase"
        ),
        **_SERIES,
        "super_resolution": Param(
            type="bool", default=False, help="the series is super-resolved, and is binned by 2"
        ),
        "voltage": Param(
            type="float", unit="kV", default=300.0, min=1, max=1000, section="CTF",
            help="accelerating voltage",
        ),
        "cs": Param(
            type="float", unit="mm", default=2.7, min=0, max=10, section="CTF",
            help="spherical aberration",
        ),
        "amplitude_contrast": Param(
            type="float", default=0.1, min=0, max=1, section="CTF", help="amplitude contrast"
        ),
        "defocus": Param(
            type="float", unit="µm", default=3.0, min=0, max=100, section="CTF",
            help="rough defocus",
        ),
        "defocus_window": Param(
            type="float", unit="µm", default=1.5, above=0, max=100, section="CTF",
            help="how far from that it looks",
        ),
        "resolution_max": Param(
            type="float", unit="Å", default=7.0, above=0, max=1000, section="CTF",
            help="best resolution used",
        ),
        "total_dose": Param(
            type="float", unit="e⁻/Å²", default=60.0, min=0, section="Dose",
            help="dose of the whole series",
        ),
        "dose_per_tilt": Param(
            type="float", unit="e⁻/Å²", default=1.46, min=0, section="Dose",
            help="dose of the image of least tilt",
        ),
        "cosine_dose": Param(
            type="bool", default=False, section="Dose",
            help="the dose grows with 1/cos of the tilt",
        ),
        "first_angle": Param(
            type="float", unit="degrees", default=0.0, min=-90, max=90, section="Dose",
            help="tilt of the image taken first",
        ),
        "first_direction": Param(
            type="choice", default="pos", choices=("pos", "neg"), section="Dose",
            help="whether angles grow or fall from there",
        ),
        "symmetric_increment": Param(
            type="int", default=0, min=0, max=100, section="Dose",
            help="dose-symmetric: tilts before the direction changes; 0: it does not",
        ),
        "erase_beads_after": Param(
            type="bool", default=False, section="Dose",
            help="erase beads after the CTF, not before",
        ),
    },
    file=(InputFile(name="param.m", when="series", format="keyvalue", lines=_CTF),),
    link=(
        Link(name="fixedStacks/series.fixed", target="%(series)s"),
        Link(name="fixedStacks/series.xf", target="%(transforms)s"),
        Link(name="fixedStacks/series.tlt", target="%(angles)s"),
        Link(name="fixedStacks/series.local", target="%(local)s"),
        Link(name="fixedStacks/series.erase", target="%(beads)s"),
    ),
    output=(
        Output(name="out", made="fixedStacks/ctf/series_ali1_ctf.tlt", match=r"^\s*\d"),
        Output(name="aligned", path="%(out.dir)s/%(series.stem)s_ali1.fixed", check="mrc",
               made="aliStacks/series_ali1.fixed"),
    ),
    failure=FAILURES,
    success_match=ENDED,
    example=(
        Example(
            params={"series": "TS_01.st", "transforms": "TS_01.xf", "angles": "TS_01.tlt",
                    "pixel_size": 1.35, "first_angle": 0, "symmetric_increment": 2},
            gpus=(1,),
            argv=("emClarity", "ctf", "estimate", "param.m", "series"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
            files={"param.m": "nGPUs=1\nnCpuCores=1\nPIXEL_SIZE=1.350000e-10\n"
                   "beadDiameter=10.0e-9\nSuperResolution=0\nCs=2.7e-3\nVOLTAGE=300.0e3\n"
                   "AMPCONT=0.1\ndefEstimate=3.0e-6\ndefWindow=1.5e-6\ndefCutOff=7.0e-10\n"
                   "CUM_e_DOSE=60.0\ndoseAtMinTilt=1.46\noneOverCosineDose=0\n"
                   "startingAngle=0.0\nstartingDirection=pos\ndoseSymmetricIncrement=2\n"
                   "erase_beads_after_ctf=0\n"},
        ),
        # A slot of two: it uses one.
        Example(
            params={"series": "TS_02.st", "transforms": "TS_02.xf", "angles": "TS_02.tlt",
                    "pixel_size": 1.35, "local": "TS_02.local"},
            gpus=(2, 3),
            argv=("emClarity", "ctf", "estimate", "param.m", "series"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source=SOURCE,
    unverified=(*UNVERIFIED, "the folder of the CTF's file is taken from the source"),
)  # fmt: skip
