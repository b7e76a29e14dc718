"""Gctf: the CTF of a micrograph, on one GPU.

It writes next to its input and names everything after it, so it runs in the step's own directory
on a link of a fixed name; what it made is then moved to where it belongs.
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
)

_COMMAND = Template(
    own_directory=True,
    argv=(
        "%(EXE)s",
        "--apix", "%(pixel_size)s",
        "--kV", "%(voltage)s",
        "--cs", "%(cs)s",
        "--ac", "%(amplitude_contrast)s",
        Group(args=("--dstep", "%(detector_pixel)s")),
        "--defL", "%(defocus_min)s",
        "--defH", "%(defocus_max)s",
        "--defS", "%(defocus_step)s",
        "--astm", "%(astigmatism)s",
        "--bfac", "%(bfactor)s",
        "--resL", "%(resolution_min)s",
        "--resH", "%(resolution_max)s",
        "--boxsize", "%(box_size)s",
        "--overlap", "%(overlap)s",
        "--convsize", "%(smoothing_box)s",
        Group(args=("--smooth_resL", "%(smoothing_resolution)s")),
        # Its yes-or-no options may also stand bare; Scipion and we always write the number.
        "--do_EPA", "%(epa)s",
        Group(when="epa", args=("--EPA_oversmp", "%(epa_oversampling)s")),
        Group(when="high_res_refine",
              args=("--do_Hres_ref", "1", "--Href_resL", "%(high_res_min)s",
                    "--Href_resH", "%(high_res_max)s", "--Href_bfac", "%(high_res_bfactor)s")),
        Group(when="refine_after_epa", args=("--refine_after_EPA", "1")),
        Group(args=("--refine_2d_T", "%(refine_type)s")),
        # Its bounds are what turns the search on.
        Group(when="phase_shift",
              args=("--phase_shift_L", "%(phase_shift_min)s",
                    "--phase_shift_H", "%(phase_shift_max)s",
                    "--phase_shift_S", "%(phase_shift_step)s",
                    "--phase_shift_T", "%(phase_shift_target)s")),
        Group(args=("--B_resL", "%(bfactor_resolution_min)s")),
        Group(args=("--B_resH", "%(bfactor_resolution_max)s")),
        "--do_validation", "%(validate)s",
        Group(unless="plot_ring", args=("--plot_res_ring", "0")),
        Group(when="skip_check_mrc", args=("--skip_check_mrc",)),
        Group(when="skip_check_gpu", args=("--skip_check_gpu",)),
        "--ctfstar", "NONE",
        "--gid", "%(GPU)s",
        "mic.mrc",
    ),
)  # fmt: skip

_PARAMS = {
    "mic": Param(type="path", item=True, check="mrc", help="micrograph (MRC)"),
    "out": Param(
        type="path", output="%(mic.stem)s_gctf.log", help="log that ends in the CTF's final values"
    ),
    "pixel_size": Param(
        type="float", unit="Å", min=0.01, max=100, help="pixel size of the micrograph"
    ),
    "voltage": Param(
        type="float", unit="kV", default=300.0, min=60, max=1000, help="accelerating voltage"
    ),
    "cs": Param(
        type="float", unit="mm", default=2.7, min=0, max=10,
        help="spherical aberration; 0.001 for a corrected microscope",
    ),
    "amplitude_contrast": Param(
        type="float", default=0.1, min=0, max=1, help="amplitude contrast, normally 0.04 to 0.1"
    ),
    "detector_pixel": Param(
        type="float", unit="µm", optional=True, min=0.1,
        help="physical pixel of the detector, for the magnification in the log only",
    ),
    "defocus_min": Param(
        type="float", unit="Å", default=5000.0, min=0, help="least defocus looked for"
    ),
    "defocus_max": Param(
        type="float", unit="Å", default=90000.0, min=0, help="greatest defocus looked for"
    ),
    "defocus_step": Param(
        type="float", unit="Å", default=500.0, min=1, help="step of the search for the defocus"
    ),
    "astigmatism": Param(
        type="float", unit="Å", default=1000.0, min=0,
        help="expected astigmatism; within a tenth and ten times is fine",
    ),
    "bfactor": Param(
        type="int", unit="Å²", default=150, min=0, help="damps high resolution in the search"
    ),
    "resolution_min": Param(
        type="float", unit="Å", default=50.0, min=1, help="lowest resolution used"
    ),
    "resolution_max": Param(
        type="float", unit="Å", default=4.0, min=0.5, help="highest resolution used"
    ),
    "box_size": Param(
        type="int", unit="pixels", default=1024, min=128, help="box of the power spectrum"
    ),
    "overlap": Param(type="float", default=0.5, min=0, max=1, help="overlap of boxes"),
    "smoothing_box": Param(
        type="int", unit="pixels", default=85, min=1,
        help="box that smooths the spectrum, 1/5 to 1/20 of box_size",
    ),
    "smoothing_resolution": Param(
        type="int", unit="Å", optional=True, min=0,
        help="smooths the background below this resolution (1.18)",
    ),
    "epa": Param(
        type="bool", default=False,
        help="equi-phase average: a radial profile, and an estimate of the resolution",
    ),
    "epa_oversampling": Param(
        type="int", default=4, min=1, max=16, help="oversampling of that average"
    ),
    "high_res_refine": Param(type="bool", default=False, help="refine at high resolution"),
    "high_res_min": Param(
        type="float", unit="Å", default=15.0, min=1, help="lowest resolution of that refinement"
    ),
    "high_res_max": Param(
        type="float", unit="Å", default=4.0, min=0.5, help="highest resolution of that refinement"
    ),
    "high_res_bfactor": Param(
        type="int", unit="Å²", default=50, min=0, help="B-factor of that refinement"
    ),
    "refine_after_epa": Param(
        type="bool", default=False, help="refine after the equi-phase average"
    ),
    "refine_type": Param(
        type="int", optional=True, min=1, max=3, help="way of the refinement: 1, 2 or 3 (1.18)"
    ),
    "phase_shift": Param(type="bool", default=False, help="phase plate: look for the phase shift"),
    "phase_shift_min": Param(
        type="float", unit="degrees", default=0.0, min=0, max=180, help="least phase shift"
    ),
    "phase_shift_max": Param(
        type="float", unit="degrees", default=180.0, min=0, max=180, help="greatest phase shift"
    ),
    "phase_shift_step": Param(
        type="float", unit="degrees", default=10.0, min=0.1, max=180, help="step of that search"
    ),
    "phase_shift_target": Param(
        type="int", default=1, min=1, max=2,
        help="what the best has most of: 1 correlation, 2 resolution",
    ),
    "bfactor_resolution_min": Param(
        type="float", unit="Å", optional=True, min=1, help="lowest resolution for the B-factor"
    ),
    "bfactor_resolution_max": Param(
        type="float", unit="Å", optional=True, min=0.5, help="highest resolution for the B-factor"
    ),
    "validate": Param(type="bool", default=False, help="test whether the result is consistent"),
    "plot_ring": Param(
        type="bool", default=True, help="draw the resolution as a ring into the spectrum"
    ),
    "skip_check_mrc": Param(
        type="bool", default=False, help="run although the file's size and header disagree"
    ),
    "skip_check_gpu": Param(type="bool", default=False, help="do not check the GPU first"),
}  # fmt: skip

# `    24401.23    21649.58       34.52    0.180863  Final Values`: two defocus values above 0. The
# correlation may be `nan`; RELION goes on then, too.
_FINAL = r"^(?:\x1b\[[\d;]*m|\s)*[1-9][\d.]*\s+[1-9][\d.]*\s.*Final Values"

_OUTPUTS = (
    Output(name="out", made="mic_gctf.log", match=_FINAL),
    # The same image under another name: .ctf from 1.06, .pow from 1.18, .epa from 1.18 with epa.
    Output(name="spectrum", path="%(out.dir)s/%(mic.stem)s.ctf", made="mic.[cep]*", check="mrc"),
    # Runs that said they were done have lacked it (LBEM-CH/focus 206 and 233).
    Output(name="radial_profile", path="%(out.dir)s/%(mic.stem)s_EPA.log", made="mic_EPA.log",
           when="epa", optional=True),
)  # fmt: skip

# Its own words for errors are not known: these are CUDA's and the loader's. RELION does not look
# at its exit code at all, so the messages count whatever that is.
_FAILURES = (
    Failure(match=r"out of memory", class_=FailureClass.OUT_OF_MEMORY, effect="fail",
            hint="something else holds the GPU's memory, or `box_size` is too large"),
    Failure(match=r"no CUDA-capable device|invalid device ordinal|CUDA driver version is insuffic",
            class_=FailureClass.NO_DEVICE, effect="fail"),
    Failure(match=r"no kernel image is available|device kernel image is invalid",
            class_=FailureClass.NO_DEVICE, effect="fail",
            hint="this build has no code for this GPU: its file name says for which (sm_..)"),
    Failure(match=r"illegal memory access|unspecified launch failure|uncorrectable ECC",
            class_=FailureClass.DEVICE_FAULT, effect="fail"),
    Failure(match=r"error while loading shared libraries", class_=FailureClass.NOT_STARTED,
            hint="load the CUDA libraries of the version in the program's file name"),
)  # fmt: skip

_EXAMPLES = (
    Example(
        params={"mic": "m1.mrc", "pixel_size": 0.885},
        gpus=(0,),
        argv=(
            "Gctf", "--apix", "0.885", "--kV", "300.0", "--cs", "2.7", "--ac", "0.1",
            "--defL", "5000.0", "--defH", "90000.0", "--defS", "500.0", "--astm", "1000.0",
            "--bfac", "150", "--resL", "50.0", "--resH", "4.0", "--boxsize", "1024",
            "--overlap", "0.5", "--convsize", "85", "--do_EPA", "0", "--do_validation", "0",
            "--ctfstar", "NONE", "--gid", "0", "mic.mrc",
        ),
        env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
    ),
    # A slot of two: one process can use one.
    Example(
        params={"mic": "m2.mrc", "pixel_size": 0.885, "epa": True, "box_size": 512,
                "resolution_min": 30},
        gpus=(3, 4),
        argv=(
            "Gctf", "--apix", "0.885", "--kV", "300.0", "--cs", "2.7", "--ac", "0.1",
            "--defL", "5000.0", "--defH", "90000.0", "--defS", "500.0", "--astm", "1000.0",
            "--bfac", "150", "--resL", "30.0", "--resH", "4.0", "--boxsize", "512",
            "--overlap", "0.5", "--convsize", "85", "--do_EPA", "1", "--EPA_oversmp", "4",
            "--do_validation", "0", "--ctfstar", "NONE", "--gid", "3", "mic.mrc",
        ),
    ),
    Example(
        params={"mic": "m3.mrc", "pixel_size": 1.06, "voltage": 200, "cs": 1.4,
                "detector_pixel": 5, "phase_shift": True, "smoothing_resolution": 1000,
                "bfactor_resolution_max": 2.12, "validate": True},
        gpus=(1,),
        argv=(
            "Gctf", "--apix", "1.06", "--kV", "200.0", "--cs", "1.4", "--ac", "0.1",
            "--dstep", "5.0",
            "--defL", "5000.0", "--defH", "90000.0", "--defS", "500.0", "--astm", "1000.0",
            "--bfac", "150", "--resL", "50.0", "--resH", "4.0", "--boxsize", "1024",
            "--overlap", "0.5", "--convsize", "85", "--smooth_resL", "1000", "--do_EPA", "0",
            "--phase_shift_L", "0.0", "--phase_shift_H", "180.0", "--phase_shift_S", "10.0",
            "--phase_shift_T", "1", "--B_resH", "2.12", "--do_validation", "1",
            "--ctfstar", "NONE", "--gid", "1", "mic.mrc",
        ),
    ),
)  # fmt: skip

GCTF = Adapter(
    name="gctf",
    title="Gctf: estimate a micrograph's CTF on a GPU",
    family="Gctf",
    homepage="https://www2.mrc-lmb.cam.ac.uk/research/locally-developed-software/zhang-software",
    program=Program(
        executable="Gctf",
        install="https://www2.mrc-lmb.cam.ac.uk/research/locally-developed-software/zhang-software",
    ),
    gpu=Gpu(
        use=GpuUse.COMPULSORY,
        form="space",
        max=1,
        # RELION's wrapper starts several on one GPU when it has more ranks than GPUs.
        sharing="fine",
    ),
    command=_COMMAND,
    params=_PARAMS,
    link=(Link(name="mic.mrc", target="%(mic)s"),),
    output=_OUTPUTS,
    failure=_FAILURES,
    example=_EXAMPLES,
    licence="closed source, free for academic use (MRC LMB)",
    citation="Zhang, J. Struct. Biol. 193 (2016) 1-12, doi:10.1016/j.jsb.2015.11.003",
    source="github.com/scipion-em/scipion-em-gctf 5bc7f6c gctf/protocols/program_gctf.py, "
    "protocol_gctf.py, gctf/convert/convert.py; github.com/3dem/relion 3.1.3 "
    "src/ctffind_runner.cpp 532-606 and 820-925; Gctf's help as quoted by TOMOMAN and TranSPHIRE",
    unverified=(
        "closed source: nothing was run",
        "how it is asked for its version; its exit codes; its own words for errors",
        "what a wrong --gid does, and whether it heeds CUDA_VISIBLE_DEVICES",
        "whether 1.18 writes .ctf beside .pow or .epa: the last of them is taken",
        "whether it runs on GPUs newer than compute capability 7.5",
    ),
)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer this program."""
    return (GCTF,)
