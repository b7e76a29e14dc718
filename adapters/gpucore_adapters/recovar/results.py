"""RECOVAR's commands on the results of its pipeline: analyze, compute_state, compute_trajectory."""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Group, Output, Param, Template

from . import facts

__all__ = ["RECOVAR_ANALYZE", "RECOVAR_COMPUTE_STATE", "RECOVAR_COMPUTE_TRAJECTORY"]

_RESULTS = Param(
    type="path", item=True, check="directory", help="folder of a pipeline's results"
)  # fmt: skip

_VOLUMES = {
    "bfactor": Param(
        type="float", unit="Å²", default=0.0, section="Volumes", help="sharpening of the volumes"
    ),
    "bins": Param(
        type="int", default=50, min=1, section="Volumes", advanced=True,
        help="bins of the kernel regression",
    ),
    "mask_fraction": Param(
        type="float", default=20.0, above=0, section="Volumes", advanced=True,
        help="the box by this is the radius that the regression looks at",
    ),
    "least_particles": Param(
        type="int", optional=True, min=1, section="Volumes", advanced=True,
        help="particles of a volume at least",
    ),
    "filter": Param(
        type="bool", default=False, section="Volumes", help="write volumes filtered by FSC, too"
    ),
    "regularise": Param(
        type="bool", default=True, section="Volumes", advanced=True,
        help="use the regularised latent coordinates",
    ),
    "particles": Param(
        type="path", optional=True, section="Images",
        help="another stack of the same particles, of a finer pixel",
    ),
    "datadir": facts.DATADIR,
    "strip_prefix": facts.STRIP_PREFIX,
    **facts.MEMORY,
}  # fmt: skip

_VOLUME_OPTIONS = (
    *("--Bfactor", "%(bfactor)s", "--n-bins", "%(bins)s"),
    *("--maskrad-fraction", "%(mask_fraction)s"),
    Group(args=("--n-min-particles", "%(least_particles)s")),
    Group(when="filter", args=("--apply-global-filtering",)),
    Group(unless="regularise", args=("--no-z-regularization",)),
    Group(args=("--particles", "%(particles)s")),
    Group(args=("--datadir", "%(datadir)s")),
    Group(args=("--strip-prefix", "%(strip_prefix)s")),
    *facts.MEMORY_OPTIONS,
)

_ZDIM = Param(type="int", min=1, help="dimensions of the latent space, one of the pipeline's")

_DENSITY = Param(
    type="path", optional=True, suffix=(".pkl",), section="Paths",
    help="conformational density (recovar estimate_conformational_density)",
)  # fmt: skip

_ON_PATH = Param(type="int", default=6, min=1, section="Paths", help="volumes on each path")

# None of them says a word when JAX finds no GPU but JAX itself.
_UNVERIFIED = (*facts.UNVERIFIED, "whether JAX always says that it fell back to the CPU")

RECOVAR_ANALYZE = Adapter(
    name="recovar_analyze",
    family="RECOVAR",
    title="RECOVAR analyze: clusters, paths, UMAP and volumes of a latent space",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.GPU,
    command=Template(
        argv=(
            *("%(EXE)s", "analyze", "%(results)s", "-o", "%(out)s", "--zdim", "%(zdim)s"),
            *("--n-clusters", "%(clusters)s", "--n-trajectories", "%(paths)s"),
            *("--n-vols-along-path", "%(on_path)s"),
            Group(args=("--density", "%(density)s")),
            Group(when="normalise", args=("--normalize-kmeans",)),
            Group(unless="umap", args=("--skip-umap",)),
            Group(unless="centres", args=("--skip-centers",)),
            *_VOLUME_OPTIONS,
        ),
    ),
    params={
        "results": _RESULTS,
        "zdim": _ZDIM,
        "out": Param(
            type="path", output="%(results.name)s_analysis", check="directory",
            help="folder of the analysis",
        ),
        "clusters": Param(type="int", default=20, min=1, help="clusters of particles"),
        "normalise": Param(
            type="bool", default=False, advanced=True, help="normalise coordinates for the clusters"
        ),
        "umap": Param(
            type="bool", default=True, help="UMAP of the latent space; slow for many particles"
        ),
        "centres": Param(
            type="bool", default=True, section="Volumes", help="volumes of the clusters' centres"
        ),
        "paths": Param(
            type="int", default=0, min=0, section="Paths", help="paths between clusters"
        ),
        "on_path": _ON_PATH,
        "density": _DENSITY,
        **_VOLUMES,
    },
    output=(
        Output(name="clusters_of_particles", path="%(out)s/data/kmeans_result.pkl"),
        Output(name="centre_points", path="%(out)s/kmeans/centers.txt"),
        facts.DONE,
    ),
    success_match=r"Job completed: analyze",
    failure=facts.FAILURES,
    example=(
        Example(
            params={"results": "p_recovar", "zdim": 10},
            gpus=(1, 2),
            argv=(
                *("recovar", "analyze", "p_recovar", "-o", "p_recovar_analysis", "--zdim", "10"),
                *("--n-clusters", "20", "--n-trajectories", "0", "--n-vols-along-path", "6"),
                *("--Bfactor", "0.0", "--n-bins", "50", "--maskrad-fraction", "20.0"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
        Example(
            params={"results": "p_recovar", "zdim": 4, "paths": 2, "umap": False, "lazy": True,
                    "low_memory": "low"},
            argv=(
                *("recovar", "analyze", "p_recovar", "-o", "p_recovar_analysis", "--zdim", "4"),
                *("--n-clusters", "20", "--n-trajectories", "2", "--n-vols-along-path", "6"),
                *("--skip-umap", "--Bfactor", "0.0", "--n-bins", "50"),
                *("--maskrad-fraction", "20.0", "--low-memory-option", "--lazy"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation=facts.CITATION,
    source=f"{facts.SOURCE}analyze.py, recovar/utils/parser_args.py, recovar/output/job.py",
    unverified=_UNVERIFIED,
)  # fmt: skip

RECOVAR_COMPUTE_STATE = Adapter(
    name="recovar_compute_state",
    family="RECOVAR",
    title="RECOVAR compute_state: volumes at points of a latent space",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.GPU,
    command=Template(
        argv=(
            *("%(EXE)s", "compute_state", "%(results)s", "-o", "%(out)s"),
            *("--latent-points", "%(points)s"),
            Group(when="one_dimension", args=("--zdim1",)),
            *_VOLUME_OPTIONS,
        ),
    ),
    params={
        "results": _RESULTS,
        "points": Param(
            type="path", help="text file with a point of the latent space in each line"
        ),
        "out": Param(
            type="path", output="%(results.name)s_states", check="directory",
            help="folder of the volumes",
        ),
        "one_dimension": Param(
            type="bool", default=False, help="the latent space has one dimension"
        ),
        **_VOLUMES,
    },
    output=(facts.DONE,),
    success_match=r"Job completed: compute_state",
    failure=facts.FAILURES,
    example=(
        Example(
            params={"results": "p_recovar", "points": "centers.txt"},
            gpus=(0,),
            argv=(
                *("recovar", "compute_state", "p_recovar", "-o", "p_recovar_states"),
                *("--latent-points", "centers.txt", "--Bfactor", "0.0", "--n-bins", "50"),
                *("--maskrad-fraction", "20.0"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0"},
        ),
        Example(
            params={"results": "p_recovar", "points": "z.txt", "one_dimension": True,
                    "bfactor": 80, "filter": True},
            argv=(
                *("recovar", "compute_state", "p_recovar", "-o", "p_recovar_states"),
                *("--latent-points", "z.txt", "--zdim1", "--Bfactor", "80.0", "--n-bins", "50"),
                *("--maskrad-fraction", "20.0", "--apply-global-filtering"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation=facts.CITATION,
    source=f"{facts.SOURCE}compute_state.py, recovar/utils/parser_args.py, recovar/output/job.py",
    unverified=(*_UNVERIFIED, "the names of the volumes"),
)  # fmt: skip

RECOVAR_COMPUTE_TRAJECTORY = Adapter(
    name="recovar_compute_trajectory",
    family="RECOVAR",
    title="RECOVAR compute_trajectory: volumes along a path in a latent space",
    homepage=facts.HOMEPAGE,
    program=facts.PROGRAM,
    gpu=facts.GPU,
    command=Template(
        argv=(
            *("%(EXE)s", "compute_trajectory", "%(results)s", "-o", "%(out)s"),
            *("--zdim", "%(zdim)s", "--endpts", "%(ends)s"),
            Group(args=("--ind", "%(which)s")),
            *("--n-vols-along-path", "%(on_path)s"),
            Group(args=("--density", "%(density)s")),
            *_VOLUME_OPTIONS,
        ),
    ),
    params={
        "results": _RESULTS,
        "zdim": _ZDIM,
        "ends": Param(type="path", help="text file with its ends, a point in each line"),
        "out": Param(
            type="path", output="%(results.name)s_path", check="directory",
            help="folder of the volumes",
        ),
        "which": Param(
            type="int", length=2, separator=",", optional=True, min=0, section="Paths",
            help="which two of those lines; the first two when not given",
        ),
        "on_path": _ON_PATH,
        "density": _DENSITY,
        **_VOLUMES,
    },
    output=(facts.DONE,),
    success_match=r"Job completed: compute_trajectory",
    failure=facts.FAILURES,
    example=(
        Example(
            params={"results": "p_recovar", "zdim": 4, "ends": "centers.txt", "which": (0, 7),
                    "density": "density.pkl"},
            gpus=(0,),
            argv=(
                *("recovar", "compute_trajectory", "p_recovar", "-o", "p_recovar_path"),
                *("--zdim", "4", "--endpts", "centers.txt", "--ind", "0,7"),
                *("--n-vols-along-path", "6", "--density", "density.pkl"),
                *("--Bfactor", "0.0", "--n-bins", "50", "--maskrad-fraction", "20.0"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0"},
        ),
        Example(
            params={"results": "p_recovar", "zdim": 4, "ends": "ends.txt", "on_path": 12},
            argv=(
                *("recovar", "compute_trajectory", "p_recovar", "-o", "p_recovar_path"),
                *("--zdim", "4", "--endpts", "ends.txt", "--n-vols-along-path", "12"),
                *("--Bfactor", "0.0", "--n-bins", "50", "--maskrad-fraction", "20.0"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=facts.LICENCE,
    citation=facts.CITATION,
    source=f"{facts.SOURCE}compute_trajectory.py, recovar/utils/parser_args.py",
    unverified=(*_UNVERIFIED, "the names of the volumes"),
)  # fmt: skip
