"""Gautomatch: particles in a micrograph, on one GPU.

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
        "%(EXE)s", "mic.mrc",
        "--apixM", "%(pixel_size)s",
        "--diameter", "%(diameter)s",
        Group(args=("-T", "%(templates)s")),
        Group(args=("--apixT", "%(template_pixel_size)s")),
        Group(when="dont_invert_templates", args=("--dont_invertT",)),
        "--ang_step", "%(angular_step)s",
        "--speed", "%(speed)s",
        Group(args=("--boxsize", "%(box_size)s")),
        Group(args=("--min_dist", "%(min_distance)s")),
        "--cc_cutoff", "%(threshold)s",
        "--lp", "%(lowpass)s",
        "--hp", "%(highpass)s",
        Group(args=("--lsigma_D", "%(local_sigma_diameter)s")),
        Group(args=("--lsigma_cutoff", "%(local_sigma_cutoff)s")),
        Group(args=("--lave_D", "%(local_average_diameter)s")),
        Group(args=("--lave_min", "%(local_average_min)s")),
        Group(args=("--lave_max", "%(local_average_max)s")),
        Group(args=("--detect_ice", "%(detect_ice)s")),
        Group(args=("--T_norm_type", "%(template_norm)s")),
        Group(args=("--do_bandpass", "%(bandpass)s")),
        Group(when="prefilter",
              args=("--do_pre_filter", "--pre_lp", "%(prefilter_lowpass)s",
                    "--pre_hp", "%(prefilter_highpass)s")),
        Group(args=("--exclusive_picking", "--global_excluded_box", "%(excluded)s")),
        Group(when="write_correlation", args=("--write_ccmax_mic",)),
        Group(when="write_prefiltered", args=("--write_pref_mic",)),
        Group(when="write_background", args=("--write_bg_mic",)),
        Group(when="write_background_free", args=("--write_bgfree_mic",)),
        Group(when="write_local_sigma", args=("--write_lsigma_mic",)),
        Group(when="write_mask", args=("--write_mic_mask",)),
        "--gid", "%(GPU)s",
    ),
)  # fmt: skip

# Where the GUI of 0.56 and Scipion name different defaults, none is given here: the option is
# left out, and the program's own holds.
_PARAMS = {
    "mic": Param(type="path", item=True, check="mrc", help="micrograph (MRC)"),
    "out": Param(
        type="path", output="%(mic.stem)s_automatch.star", help="coordinates of the particles"
    ),
    "pixel_size": Param(
        type="float", unit="Å", min=0.01, max=100, help="pixel size of the micrograph"
    ),
    "diameter": Param(type="float", unit="Å", min=1, help="diameter of the particles"),
    "templates": Param(
        type="path", optional=True, check="mrc", needs=("template_pixel_size",),
        help="stack of references (.mrcs); without one it makes its own, like Gaussians",
    ),
    "template_pixel_size": Param(
        type="float", unit="Å", optional=True, min=0.01, max=100, needs=("templates",),
        help="pixel size of the references; give it with them",
    ),
    "dont_invert_templates": Param(
        type="bool", default=False,
        help="references are dark as the particles are; otherwise they must be white",
    ),
    "angular_step": Param(
        type="int", unit="degrees", default=5, min=1, max=90, help="step of in-plane rotation"
    ),
    "speed": Param(
        type="int", default=2, min=0, max=4,
        help="greater is faster and coarser: 1 below 500 kDa, 3 for huge viruses",
    ),
    "box_size": Param(
        type="int", unit="pixels", optional=True, min=1,
        help="box in the output; from the diameter when left out",
    ),
    "min_distance": Param(
        type="int", unit="Å", optional=True, min=1,
        help="least distance of particles, 0.9 to 1.1 diameters (filaments: 0.3 to 0.5)",
    ),
    "threshold": Param(
        type="float", default=0.1, min=0, max=1, help="least correlation, normally 0.2 to 0.4"
    ),
    "lowpass": Param(
        type="int", unit="Å", default=30, min=1, help="low-pass filter before picking, 20 to 50"
    ),
    "highpass": Param(
        type="int", unit="Å", default=1000, min=1, help="high-pass filter, 200 to 2000"
    ),
    "local_sigma_diameter": Param(
        type="int", unit="Å", optional=True, min=1,
        help="window of the local deviation, 0.5 to 2 diameters",
    ),
    "local_sigma_cutoff": Param(
        type="float", optional=True, min=0, help="above is ice or carbon; 1.2 to 1.5 is good"
    ),
    "local_average_diameter": Param(
        type="int", unit="Å", optional=True, min=1,
        help="window of the local average, 0.5 to 2 diameters",
    ),
    "local_average_min": Param(
        type="float", optional=True, help="least local average; -1 is usual"
    ),
    "local_average_max": Param(
        type="float", optional=True, help="greatest local average; 10 for negative stain"
    ),
    "detect_ice": Param(type="bool", optional=True, help="leave out ice and aggregates (0.56)"),
    "template_norm": Param(
        type="int", optional=True, min=1, max=3, help="way to norm the references (0.56)"
    ),
    "bandpass": Param(type="bool", optional=True, help="band-pass filter before picking (0.56)"),
    "prefilter": Param(
        type="bool", default=False, help="filter before looking for ice (not advised)"
    ),
    "prefilter_lowpass": Param(
        type="int", unit="Å", default=8, min=1, help="low-pass of that filter"
    ),
    "prefilter_highpass": Param(
        type="int", unit="Å", default=1000, min=1, help="high-pass of that filter"
    ),
    "excluded": Param(
        type="path", optional=True,
        help="areas (.star, .box) to leave out of every micrograph: defects of the detector",
    ),
    "write_correlation": Param(type="bool", default=False, help="write the correlation image"),
    "write_prefiltered": Param(
        type="bool", default=False, needs=("prefilter",), help="write the filtered micrograph"
    ),
    "write_background": Param(type="bool", default=False, help="write the background"),
    "write_background_free": Param(
        type="bool", default=False, help="write the micrograph without its background"
    ),
    "write_local_sigma": Param(type="bool", default=False, help="write the local deviation"),
    "write_mask": Param(type="bool", default=False, help="write the mask of what was left out"),
}  # fmt: skip

# X, Y, angle, class and correlation: a particle.
_PARTICLE = r"^\s*-?\d[\d.]*\s+-?\d"

_OUTPUTS = (
    Output(name="out", made="mic_automatch.star", match=_PARTICLE),
    # Whether each run makes these is not known, nor whether they may be empty.
    Output(name="boxes", path="%(out.dir)s/%(mic.stem)s_automatch.box", made="mic_automatch.box",
           check="any", optional=True),
    Output(name="rejected", path="%(out.dir)s/%(mic.stem)s_rejected.star",
           made="mic_rejected.star", check="any", optional=True),
    Output(name="rejected_boxes", path="%(out.dir)s/%(mic.stem)s_rejected.box",
           made="mic_rejected.box", check="any", optional=True),
    Output(name="nonunique_boxes", path="%(out.dir)s/%(mic.stem)s_nonunique.box",
           made="mic_nonunique.box", check="any", optional=True),
    Output(name="correlation", path="%(out.dir)s/%(mic.stem)s_ccmax.mrc", made="mic_ccmax.mrc",
           check="mrc", when="write_correlation"),
    Output(name="prefiltered", path="%(out.dir)s/%(mic.stem)s_pref.mrc", made="mic_pref.mrc",
           check="mrc", when="write_prefiltered"),
    Output(name="background", path="%(out.dir)s/%(mic.stem)s_bg.mrc", made="mic_bg.mrc",
           check="mrc", when="write_background"),
    Output(name="background_free", path="%(out.dir)s/%(mic.stem)s_bgfree.mrc",
           made="mic_bgfree.mrc", check="mrc", when="write_background_free"),
    Output(name="local_sigma", path="%(out.dir)s/%(mic.stem)s_lsigma.mrc", made="mic_lsigma.mrc",
           check="mrc", when="write_local_sigma"),
    # A micrograph without ice has a mask of one value.
    Output(name="mask", path="%(out.dir)s/%(mic.stem)s_mask.mrc", made="mic_mask.mrc",
           when="write_mask"),
)  # fmt: skip

# Its own words for errors and its exit codes are not known: these are CUDA's and the loader's, and
# they count whatever the exit code is.
_FAILURES = (
    Failure(match=r"out of memory", class_=FailureClass.OUT_OF_MEMORY, effect="fail",
            hint="something else holds the GPU's memory"),
    Failure(match=r"no CUDA-capable device|invalid device ordinal|CUDA driver version is insuffic",
            class_=FailureClass.NO_DEVICE, effect="fail"),
    Failure(match=r"no kernel image is available|device kernel image is invalid",
            class_=FailureClass.NO_DEVICE, effect="fail",
            hint="this build has no code for this GPU: its file name says for which (sm_..)"),
    Failure(match=r"illegal memory access|unspecified launch failure|uncorrectable ECC",
            class_=FailureClass.DEVICE_FAULT, effect="fail"),
    Failure(match=r"error while loading shared libraries", class_=FailureClass.NOT_STARTED,
            hint="load the CUDA libraries of the version in the program's file name"),
    # Seen when another program was on the same GPU: no error, no particles (I2PC/scipion 1638).
    Failure(match=r"(?<!\d)0 particles found", class_=FailureClass.PROGRAM_FAULT,
            hint="an empty micrograph, too high a `threshold`, or another program on its GPU"),
)  # fmt: skip

_EXAMPLES = (
    Example(
        params={"mic": "m1.mrc", "pixel_size": 1.34, "diameter": 240, "threshold": 0.25},
        gpus=(0,),
        argv=(
            "Gautomatch", "mic.mrc", "--apixM", "1.34", "--diameter", "240.0",
            "--ang_step", "5", "--speed", "2", "--cc_cutoff", "0.25", "--lp", "30",
            "--hp", "1000", "--gid", "0",
        ),
        env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
    ),
    # A slot of two: one process can use one.
    Example(
        params={"mic": "m2.mrc", "pixel_size": 1.34, "diameter": 400, "templates": "refs.mrcs",
                "template_pixel_size": 3.2, "local_average_diameter": 100,
                "local_average_min": -0.8, "local_sigma_cutoff": 1.2, "threshold": 0.25},
        gpus=(3, 4),
        argv=(
            "Gautomatch", "mic.mrc", "--apixM", "1.34", "--diameter", "400.0",
            "-T", "refs.mrcs", "--apixT", "3.2", "--ang_step", "5", "--speed", "2",
            "--cc_cutoff", "0.25", "--lp", "30", "--hp", "1000", "--lsigma_cutoff", "1.2",
            "--lave_D", "100", "--lave_min", "-0.8", "--gid", "3",
        ),
    ),
    Example(
        params={"mic": "m3.mrc", "pixel_size": 0.89, "diameter": 160, "templates": "refs.mrcs",
                "template_pixel_size": 3.54, "dont_invert_templates": True, "box_size": 256,
                "min_distance": 160, "detect_ice": True, "template_norm": 1, "bandpass": True,
                "prefilter": True, "excluded": "defects.box", "write_correlation": True},
        gpus=(1,),
        argv=(
            "Gautomatch", "mic.mrc", "--apixM", "0.89", "--diameter", "160.0",
            "-T", "refs.mrcs", "--apixT", "3.54", "--dont_invertT", "--ang_step", "5",
            "--speed", "2", "--boxsize", "256", "--min_dist", "160", "--cc_cutoff", "0.1",
            "--lp", "30", "--hp", "1000", "--detect_ice", "1", "--T_norm_type", "1",
            "--do_bandpass", "1", "--do_pre_filter", "--pre_lp", "8", "--pre_hp", "1000",
            "--exclusive_picking", "--global_excluded_box", "defects.box",
            "--write_ccmax_mic", "--gid", "1",
        ),
    ),
)  # fmt: skip

GAUTOMATCH = Adapter(
    name="gautomatch",
    title="Gautomatch: pick particles in a micrograph on a GPU",
    family="Gautomatch",
    homepage="https://www2.mrc-lmb.cam.ac.uk/research/locally-developed-software/zhang-software",
    program=Program(
        executable="Gautomatch",
        install="https://www2.mrc-lmb.cam.ac.uk/research/locally-developed-software/zhang-software",
    ),
    gpu=Gpu(
        use=GpuUse.COMPULSORY,
        form="space",
        max=1,
        # Beside another program it finds no particles and says nothing (I2PC/scipion 1638).
        sharing="forbidden",
    ),
    command=_COMMAND,
    params=_PARAMS,
    link=(Link(name="mic.mrc", target="%(mic)s"),),
    output=_OUTPUTS,
    failure=_FAILURES,
    example=_EXAMPLES,
    licence="closed source, free for academic use (MRC LMB)",
    citation="Zhang, K., Gautomatch, unpublished, MRC LMB, "
    "www2.mrc-lmb.cam.ac.uk/research/locally-developed-software/zhang-software",
    source="github.com/scipion-em/scipion-em-gautomatch 6dba608 protocol_gautomatch.py, "
    "__init__.py, convert.py; NIH Biowulf's page with a session of 0.56; MASSIVE's tool for 0.56",
    unverified=(
        "closed source: nothing was run; defaults are those of a GUI said to mirror 0.56",
        "how it is asked for its version; its exit codes; its own words for errors",
        "what a wrong --gid does, and whether it heeds CUDA_VISIBLE_DEVICES",
        "whether it writes _automatch.star when it finds no particles",
        "in which stream and form it says that it found none",
    ),
)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer this program."""
    return (GAUTOMATCH,)
