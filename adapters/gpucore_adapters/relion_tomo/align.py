"""RELION 5: tilt series aligned by AreTomo2, each MPI rank with GPUs of its own."""

from __future__ import annotations

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
from gpucore_adapters.relion_failures import MEMORY_FAILURE
from gpucore_adapters.shell_names import PLAIN_NAME

__all__ = ["RELION_ALIGN_TILTSERIES"]

RELION_ALIGN_TILTSERIES = Adapter(
    name="relion_align_tiltseries",
    title="RELION relion_align_tiltseries --aretomo2: align tilt series by AreTomo2",
    family="RELION",
    homepage="https://relion.readthedocs.io",
    program=Program(
        executable="relion_align_tiltseries",
        version=Version(args=("--version",), regex=r"RELION version:\s*(\d+\.\d+(?:\.\d+)?)"),
        install="RELION 5: https://relion.readthedocs.io; AreTomo2 is installed beside it",
    ),
    # Unlike in relion_refine rank 0 works, and no list runs out: more ranks than fields is an error
    # of RELION's. Within a field AreTomo2 is given all GPUs.
    gpu=Gpu(use=GpuUse.COMPULSORY, form="colon", ranks="mpi", sharing="discouraged"),
    command=Template(
        argv=(
            Group(args=("mpirun", "-n", "%(mpi)s", "%(EXE)s_mpi"), when="mpi", at_least=2),
            Group(args=("%(EXE)s",), unless="mpi", at_least=2),
            *("--i", "%(tilt_series)s", "--o", "%(out)s/"),
            *("--tomogram_thickness", "%(thickness)s", "--aretomo2"),
            Group(args=("--aretomo_exe", "%(aretomo2)s")),
            Group(
                args=("--aretomo_tiltcorrect", "--aretomo_tiltcorrect_angle", "%(tilt_offset)s"),
                when="correct_tilt",
            ),
            Group(args=("--aretomo_ctf",), when="ctf"),
            Group(args=("--aretomo_phaseshift",), when=("ctf", "phase_shift")),
            *("--gpu", "%(GPU)s"),
        ),
        env={
            # Open MPI alone knows these. Its default binds the ranks of every mpirun to the same
            # first cores of the machine, and refuses more ranks than cores. The last two are their
            # names from Open MPI 5 on.
            "OMPI_MCA_hwloc_base_binding_policy": "none",
            "OMPI_MCA_rmaps_base_oversubscribe": "1",
            "PRTE_MCA_hwloc_default_binding_policy": "none",
            "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
        },
        # Its files name each other by their paths.
        in_place=True,
    ),
    params={
        "tilt_series": Param(
            type="path",
            item=True,
            blanks=False,  # it names the folder
            pattern=PLAIN_NAME,
            help="tilt series STAR file; its images lie below the working folder",
        ),
        "out": Param(
            type="path",
            output="%(tilt_series.stem)s_aligned",
            check="directory",
            # It stands in the command line that RELION gives to a shell.
            blanks=False,
            pattern=PLAIN_NAME,
            help="folder of all outputs, without blanks",
        ),
        "thickness": Param(
            type="float", unit="nm", default=300.0, above=0, help="of the tomogram, roughly"
        ),
        "aretomo2": Param(
            type="path",
            optional=True,
            blanks=False,
            pattern=PLAIN_NAME,
            help="AreTomo2's executable; else RELION_ARETOMO_EXECUTABLE, or AreTomo2",
        ),
        "correct_tilt": Param(
            type="bool", default=False, help="make the sample level: correct the tilt's offset"
        ),
        "tilt_offset": Param(
            type="float",
            unit="degrees",
            default=999.0,
            min=-180,
            help="that offset; above 180: AreTomo2 finds it",
        ),
        "ctf": Param(type="bool", default=False, help="estimate the CTF, too"),
        "phase_shift": Param(
            type="bool", default=False, help="with the CTF search for a phase shift, too"
        ),
        "mpi": Param(
            type="int",
            default=1,
            min=1,
            help="1: no MPI; else ranks that share the tilt series, each with GPUs of its own",
        ),
    },
    output=(
        Output(name="aligned", path="%(out)s/aligned_tilt_series.star"),
        Output(name="power_spectra", path="%(out)s/power_spectra_fits.star", when="ctf"),
        # Ghostscript makes it.
        Output(name="plots", path="%(out)s/logfile.pdf", optional=True),
    ),
    failure=(
        Failure(
            match=r"all tomograms failed alignment",
            class_=FailureClass.PROGRAM_FAULT,
            hint="look at external/NAME/NAME.log in the output folder: what AreTomo2 says",
        ),
        Failure(
            match=r"not enough MPI nodes specified for the GPU IDs",
            class_=FailureClass.NO_DEVICE,
        ),
        Failure(
            match=r"the input file is not a valid tilt series star file",
            class_=FailureClass.BAD_INPUT,
        ),
        Failure(
            match=r"WARNING: there have been \d+ tomograms for which alignment has failed",
            class_=FailureClass.PROGRAM_FAULT,
            hint="those tilt series are left out of the result: see external/NAME/NAME.log",
            effect="warn",
        ),
        Failure(
            match=r"mpirun has detected an attempt to run as root",
            class_=FailureClass.NOT_STARTED,
            hint="Open MPI does not run as root, unless OMPI_ALLOW_RUN_AS_ROOT=1 and "
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 are set",
        ),
        MEMORY_FAILURE,
        Failure(
            match=r"Option .*\sis not a valid RELION argument",
            class_=FailureClass.PROGRAM_FAULT,
            hint="this release of RELION does not know the option and went on without it",
            effect="warn",
        ),
    ),
    example=(
        Example(
            params={
                "tilt_series": "CtfFind/job003/tilt_series_ctf.star",
                "out": "AlignTiltSeries/job004",
            },
            gpus=(3,),
            argv=(
                *("relion_align_tiltseries", "--i", "CtfFind/job003/tilt_series_ctf.star"),
                *("--o", "AlignTiltSeries/job004/", "--tomogram_thickness", "300.0"),
                *("--aretomo2", "--gpu", "3"),
            ),
        ),
        Example(
            params={
                "tilt_series": "CtfFind/job003/tilt_series_ctf.star",
                "out": "AlignTiltSeries/job005",
                "mpi": 4,
                "correct_tilt": True,
                "ctf": True,
            },
            gpus=(0, 1),
            argv=(
                *("mpirun", "-n", "4", "relion_align_tiltseries_mpi"),
                *("--i", "CtfFind/job003/tilt_series_ctf.star"),
                *("--o", "AlignTiltSeries/job005/", "--tomogram_thickness", "300.0"),
                *("--aretomo2", "--aretomo_tiltcorrect"),
                *("--aretomo_tiltcorrect_angle", "999.0", "--aretomo_ctf", "--gpu", "0:1:0:1"),
            ),
        ),
        Example(
            params={
                "tilt_series": "CtfFind/job003/tilt_series_ctf.star",
                "out": "AlignTiltSeries/job006",
                "aretomo2": "/opt/AreTomo2",
            },
            gpus=(0, 1),
            argv=(
                *("relion_align_tiltseries", "--i", "CtfFind/job003/tilt_series_ctf.star"),
                *("--o", "AlignTiltSeries/job006/", "--tomogram_thickness", "300.0"),
                *("--aretomo2", "--aretomo_exe", "/opt/AreTomo2", "--gpu", "0,1"),
            ),
        ),
    ),
    licence="GPL-2.0",
    citation="Burt et al., FEBS Open Bio 14 (2024) 1788-1804, doi:10.1002/2211-5463.13873; "
    "Zheng et al., J. Struct. Biol. X 6 (2022) 100068, "
    "doi:10.1016/j.yjsbx.2022.100068",
    source="3dem/relion tag 5.0.1, src/align_tiltseries_runner.cpp, "
    "src/align_tiltseries_runner_mpi.cpp, src/pipeline_jobs.cpp",
    unverified=(
        "never run: Debian's RELION 3.1 does not have it",
        "alignment by IMOD, which needs no GPU, is left out",
    ),
)
