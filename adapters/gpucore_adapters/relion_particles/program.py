"""What RELION's programs for particles have in common that run on the CPU alone."""

from __future__ import annotations

from gpucore.standard import Failure, FailureClass, Group, Param, Version
from gpucore_adapters.relion_failures import MEMORY_FAILURE, PARTICLE_FAILURES
from gpucore_adapters.shell_names import PLAIN_NAME

__all__ = [
    "FAILURES",
    "HOMEPAGE",
    "INSTALL",
    "LICENCE",
    "MPI",
    "MPI_ENV",
    "MPI_OR_NOT",
    "VERSION",
    "folder",
]

VERSION = Version(args=("--version",), regex=r"RELION version:\s*(\d+\.\d+(?:\.\d+)?)")
INSTALL = "apt install relion (3.1), or https://relion.readthedocs.io"
HOMEPAGE = "https://relion.readthedocs.io"
LICENCE = "GPL-2.0"

MPI_OR_NOT: tuple[Group, ...] = (
    Group(args=("mpirun", "-n", "%(mpi)s", "%(EXE)s_mpi"), when="mpi", at_least=2),
    Group(args=("%(EXE)s",), unless="mpi", at_least=2),
)

# Open MPI alone knows these; as variables they harm no other MPI. Its default binds the ranks of
# every mpirun to the same first cores of the machine, and refuses more ranks than cores. The last
# two are their names from Open MPI 5 on.
MPI_ENV = {
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_MCA_hwloc_default_binding_policy": "none",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}

MPI = Param(
    type="int",
    default=1,
    min=1,
    section="Running",
    title="MPI ranks",
    help="1: no MPI; else ranks that share the micrographs, the first among them",
)


def folder(job: str, item: str = "particles") -> Param:
    """Return the parameter of the output folder, whose files have names of their own."""
    return Param(
        type="path",
        output=f"%({item}.stem)s_{job}",
        check="directory",
        # It stands in lines for a shell, without quotes.
        blanks=False,
        pattern=PLAIN_NAME,
        help="folder of all outputs, without blanks",
    )


FAILURES = (
    Failure(
        match=r"does not contain all (of the required columns|columns needed)",
        class_=FailureClass.BAD_INPUT,
        hint="give the particles of a 3D refinement, with their angles and half sets",
    ),
    Failure(
        match=r"could not get filenames for unfiltered half maps|does not contain a value for"
        r"|are of unequal size|is not cubical",
        class_=FailureClass.BAD_INPUT,
        hint="give the postprocess.star of relion_postprocess for these half maps",
    ),
    Failure(
        match=r"Parameter estimation is not supported in MPI mode",
        class_=FailureClass.BAD_INPUT,
        hint="say mpi = 1 with `train`; it uses threads",
    ),
    Failure(
        match=r"MetaDataTable::read: File .* does not exist"
        r"|Cannot (?:read|open) file .* (?:does not exist|It does not exist)",
        class_=FailureClass.BAD_INPUT,
        hint="RELION looks for images from the working folder: start in the project's folder",
    ),
    Failure(
        match=r"mpirun has detected an attempt to run as root",
        class_=FailureClass.NOT_STARTED,
        hint="Open MPI does not run as root, unless OMPI_ALLOW_RUN_AS_ROOT=1 and "
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 are set",
    ),
    MEMORY_FAILURE,
    *PARTICLE_FAILURES,
    Failure(
        match=r"Option .*\sis not a valid RELION argument",
        class_=FailureClass.PROGRAM_FAULT,
        hint="this release of RELION does not know the option and went on without it",
        effect="warn",
    ),
)
