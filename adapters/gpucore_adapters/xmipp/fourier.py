"""Xmipp's reconstruction from Fourier slices: one process on one GPU, or MPI ranks on several."""

from gpucore.standard import (
    Adapter,
    Example,
    Gpu,
    GpuUse,
    Group,
    Param,
    Program,
    Template,
)
from gpucore_adapters.xmipp.about import CUDA_FAILURES, HOMEPAGE, INSTALL, LICENCE, SOURCE

__all__ = ["MPI_RECONSTRUCT_FOURIER", "RECONSTRUCT_FOURIER"]

_ARGUMENTS = (
    "-i", "%(particles)s",
    "-o", "%(out)s",
    "--sym", "%(symmetry)s",
    "--max_resolution", "%(max_frequency)s",
    "--padding", "%(padding)s",
    Group(when="weight", args=("--weight",)),
    Group(when="ctf", args=("--useCTF", "--sampling", "%(pixel_size)s",
                            "--minCTF", "%(min_ctf)s")),
    Group(when="phase_flipped", args=("--phaseFlipped",)),
    Group(when="fast", args=("--fast",)),
    Group(when="fft_on_gpu", args=("--fftOnGPU",)),
    "--bufferSize", "%(buffer)s",
)  # fmt: skip

_PARAMS = {
    "particles": Param(type="path", item=True,
                       help="metadata (.xmd) of the particles and their angles"),
    "out": Param(type="path", output="%(particles.stem)s_map.mrc", check="mrc", suffix=(".mrc",),
                 help="reconstructed map"),
    "symmetry": Param(type="string", default="c1", blanks=False, help="point group: c1, d7, i1"),
    "max_frequency": Param(type="float", default=0.5, above=0, max=0.5,
                           help="highest frequency that is filled, in parts of 1/pixel; "
                           "0.5: Nyquist"),
    "padding": Param(type="float", length=2, default=(2.0, 2.0), min=1, max=8,
                     help="padding of projections and of the map"),
    "weight": Param(type="bool", default=False, help="use the weights of the metadata"),
    "ctf": Param(type="bool", default=False, section="CTF",
                 help="correct for the CTF that the metadata has"),
    "pixel_size": Param(type="float", unit="Å", default=1.0, above=0, section="CTF",
                        help="pixel size of the particles, for the CTF"),
    "min_ctf": Param(type="float", default=0.01, min=0, max=1, section="CTF", advanced=True,
                     help="smaller CTF values are not corrected"),
    "phase_flipped": Param(type="bool", default=False, section="CTF",
                           help="the particles are phase-flipped already"),
    "fast": Param(type="bool", default=False,
                  help="interpolate once at the end; faster, and the map differs slightly"),
    "fft_on_gpu": Param(type="bool", default=False, advanced=True,
                        help="transform the particles on the GPU, too; takes more of its memory"),
    "buffer": Param(type="int", unit="particles", default=25, min=1, advanced=True,
                    help="particles that a thread loads at once; fewer take less memory"),
}  # fmt: skip

_MEMORY = (
    "for each thread up to 4 x buffer x box^2 x 16 bytes: 100 MB with a box of 256; the map's "
    "transform beside it"
)
_CITATION = (
    "Strelak et al., Int. J. High Perform. Comput. Appl. 33 (2019) 948-959, "
    "doi:10.1177/1094342019832958"
)

RECONSTRUCT_FOURIER = Adapter(
    name="xmipp_cuda_reconstruct_fourier",
    title="Xmipp: reconstruct a map from particles with known angles, on one GPU",
    family="Xmipp",
    homepage=HOMEPAGE,
    program=Program(executable="xmipp_cuda_reconstruct_fourier", install=INSTALL),
    gpu=Gpu(use=GpuUse.COMPULSORY, form="space", max=1, sharing="discouraged",
            memory_note=_MEMORY),
    command=Template(
        argv=(
            "%(EXE)s",
            *_ARGUMENTS,
            "--thr", "%(threads)s",
            "--device", "%(GPU)s",
        ),
    ),
    params={
        **_PARAMS,
        # Without the option it would start one for each core of the machine.
        "threads": Param(type="int", default=4, min=1, max=256,
                         help="threads, and streams on the GPU"),
    },
    failure=CUDA_FAILURES,
    example=(
        Example(
            params={"particles": "particles.xmd"},
            gpus=(3,),
            argv=(
                "xmipp_cuda_reconstruct_fourier", "-i", "particles.xmd",
                "-o", "particles_map.mrc", "--sym", "c1", "--max_resolution", "0.5",
                "--padding", "2.0", "2.0", "--bufferSize", "25", "--thr", "4", "--device", "3",
            ),
        ),
        # A slot of two: one process uses one.
        Example(
            params={"particles": "half1.xmd", "symmetry": "d7", "ctf": True, "pixel_size": 0.66,
                    "phase_flipped": True, "weight": True, "threads": 8, "fast": True,
                    "fft_on_gpu": True},
            gpus=(2, 3),
            argv=(
                "xmipp_cuda_reconstruct_fourier", "-i", "half1.xmd", "-o", "half1_map.mrc",
                "--sym", "d7", "--max_resolution", "0.5", "--padding", "2.0", "2.0", "--weight",
                "--useCTF", "--sampling", "0.66", "--minCTF", "0.01", "--phaseFlipped", "--fast",
                "--fftOnGPU", "--bufferSize", "25", "--thr", "8", "--device", "2",
            ),
        ),
    ),
    licence=LICENCE,
    citation=_CITATION,
    source=f"{SOURCE} src/xmipp/libraries/reconstruction_adapt_cuda/reconstruct_fourier_gpu.cpp",
    unverified=("never run; messages of CUDA are from the source, exit codes are not known",
                "its citation but for the DOI, which Xmipp's source names",
                "whether it can be asked for its version"),
)  # fmt: skip

# Rank 0 only hands out work, and the others take the GPUs in turn: one rank more than GPUs. The
# colon starts the second kind of ranks, as Open MPI, MPICH and Intel MPI have it.
_RANK = (
    "%(EXE)s",
    *_ARGUMENTS,
    "--mpi_job_size", "%(job_size)s",
    "-gpusPerNode", "%(GPU)s",
    "-threadsPerGPU", "%(threads)s",
)  # fmt: skip

MPI_RECONSTRUCT_FOURIER = Adapter(
    name="xmipp_mpi_cuda_reconstruct_fourier",
    title="Xmipp: reconstruct a map from particles with known angles, on several GPUs",
    family="Xmipp",
    homepage=HOMEPAGE,
    program=Program(executable="xmipp_mpi_cuda_reconstruct_fourier", install=INSTALL),
    gpu=Gpu(use=GpuUse.COMPULSORY, form="count", sharing="discouraged", memory_note=_MEMORY),
    command=Template(
        argv=("mpirun", "-n", "1", *_RANK, ":", "-n", "%(GPU.count)s", *_RANK),
        # As for RELION: Open MPI's own settings, which harm no other.
        env={
            "OMPI_MCA_hwloc_base_binding_policy": "none",
            "OMPI_MCA_rmaps_base_oversubscribe": "1",
            "PRTE_MCA_hwloc_default_binding_policy": "none",
            "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
        },
    ),
    params={
        **_PARAMS,
        "threads": Param(type="int", default=4, min=4, max=256,
                         help="CPU threads for each GPU, 4 at least"),
        "job_size": Param(type="int", unit="particles", default=1000, min=1, advanced=True,
                          help="particles that a rank is sent at once"),
    },
    failure=CUDA_FAILURES,
    example=(
        Example(
            params={"particles": "particles.xmd", "symmetry": "c4"},
            gpus=(1,),
            argv=(
                "mpirun",
                "-n", "1", "xmipp_mpi_cuda_reconstruct_fourier", "-i", "particles.xmd",
                "-o", "particles_map.mrc", "--sym", "c4", "--max_resolution", "0.5",
                "--padding", "2.0", "2.0", "--bufferSize", "25", "--mpi_job_size", "1000",
                "-gpusPerNode", "1", "-threadsPerGPU", "4",
                ":",
                "-n", "1", "xmipp_mpi_cuda_reconstruct_fourier", "-i", "particles.xmd",
                "-o", "particles_map.mrc", "--sym", "c4", "--max_resolution", "0.5",
                "--padding", "2.0", "2.0", "--bufferSize", "25", "--mpi_job_size", "1000",
                "-gpusPerNode", "1", "-threadsPerGPU", "4",
            ),
        ),
        Example(
            params={"particles": "particles.xmd", "threads": 6},
            gpus=(0, 2, 3),
            argv=(
                "mpirun",
                "-n", "1", "xmipp_mpi_cuda_reconstruct_fourier", "-i", "particles.xmd",
                "-o", "particles_map.mrc", "--sym", "c1", "--max_resolution", "0.5",
                "--padding", "2.0", "2.0", "--bufferSize", "25", "--mpi_job_size", "1000",
                "-gpusPerNode", "3", "-threadsPerGPU", "6",
                ":",
                "-n", "3", "xmipp_mpi_cuda_reconstruct_fourier", "-i", "particles.xmd",
                "-o", "particles_map.mrc", "--sym", "c1", "--max_resolution", "0.5",
                "--padding", "2.0", "2.0", "--bufferSize", "25", "--mpi_job_size", "1000",
                "-gpusPerNode", "3", "-threadsPerGPU", "6",
            ),
        ),
    ),
    licence=LICENCE,
    citation=_CITATION,
    source=f"{SOURCE} src/xmipp/libraries/parallel_adapt_cuda/mpi_reconstruct_fourier_gpu.cpp; "
    "ranks with a colon tried with Open MPI 4.1.4",
    unverified=("never run; messages of CUDA are from the source, exit codes are not known",
                "its citation but for the DOI, which Xmipp's source names",
                "one machine alone: ranks on several would each see GPUs of the same numbers",
                "the variables for Open MPI 5 were not tried"),
)  # fmt: skip
