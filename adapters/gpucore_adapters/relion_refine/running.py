"""How RELION's refinements run: ranks, threads, memory, disks and random numbers."""

from __future__ import annotations

from dataclasses import replace

from gpucore.standard import Group, Param

from .parts import flag

__all__ = ["FIRST_PARAMS", "RUN_ARGV", "RUN_PARAMS", "mpi"]


def mpi(*, halves: bool) -> Param:
    """Return the parameter of the ranks; two halves take a leader and an even number of ranks."""
    if halves:
        return Param(
            type="int",
            default=3,
            min=3,
            odd=True,
            section="Running",
            title="MPI ranks",
            help="ranks: the first leads, half of the rest computes each half; 2 GPUs are used by "
            "3 ranks, 4 by 5",
        )
    return Param(
        type="int",
        default=1,
        min=1,
        section="Running",
        title="MPI ranks",
        help="1: no MPI; else ranks, the first leads: k GPUs are used by k + 1 ranks",
    )


RUN_ARGV = (
    *("--pool", "%(pool)s", "--pad", "%(padding)s"),
    flag("--preread_images", "preread"),
    flag("--no_parallel_disc_io", "no_parallel_io"),
    flag("--dont_combine_weights_via_disc", "combine_in_memory"),
    Group(args=("--maxsig", "%(max_significant)s")),
    Group(
        args=("--scratch_dir", "%(scratch)s", "--keep_free_scratch", "%(scratch_keep_free)s"),
        when="scratch",
    ),
    Group(args=("--random_seed", "%(seed)s")),
    *("--j", "%(threads)s"),
)

RUN_PARAMS = {
    "threads": Param(
        type="int",
        default=1,
        min=1,
        section="Running",
        help="CPU threads of each process; without MPI, k GPUs are used by k threads or more",
    ),
    "pool": Param(
        type="int",
        unit="particles",
        default=3,
        min=1,
        section="Running",
        help="handed to a thread at once",
    ),
    "padding": Param(
        type="int",
        default=2,
        min=1,
        max=2,
        section="Running",
        help="padding of transforms; 1 takes an eighth of the memory, with a box wide enough",
    ),
    "preread": Param(
        type="bool", default=False, section="Running", help="read all images into memory first"
    ),
    "scratch": Param(
        type="path",
        optional=True,
        check="directory",
        section="Running",
        help="local folder that images are copied to first",
    ),
    "scratch_keep_free": Param(
        type="int",
        unit="GB",
        default=10,
        min=0,
        section="Running",
        advanced=True,
        help="space to leave free there",
    ),
    "no_parallel_io": Param(
        type="bool",
        default=False,
        section="Running",
        advanced=True,
        help="only one rank reads; for slow network disks",
    ),
    "combine_in_memory": Param(
        type="bool",
        default=True,
        section="Running",
        advanced=True,
        help="sum over ranks by MPI; false: by files",
    ),
    "max_significant": Param(
        type="int",
        optional=True,
        min=1,
        section="Running",
        advanced=True,
        help="poses kept for each particle at most",
    ),
    "free_gpu_memory": Param(
        type="int",
        unit="MB",
        default=0,
        min=0,
        section="Running",
        advanced=True,
        help="memory to leave free on each GPU",
    ),
    "seed": Param(
        type="int",
        optional=True,
        min=0,
        section="Running",
        advanced=True,
        help="of random numbers: the same gives the same result; the clock's when not given",
    ),
}

FIRST_PARAMS = {
    **RUN_PARAMS,
    "padding": replace(RUN_PARAMS["padding"], default=1),
    "seed": replace(RUN_PARAMS["seed"], min=1),
}
"""Those of first maps: they are coarse, and stochastic gradients take no seed of 0."""
