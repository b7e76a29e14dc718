"""RELION's class ranker: scores of 2D classes by a network, which runs on the CPU."""

from __future__ import annotations

from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Group,
    Output,
    Param,
    Program,
    Template,
)
from gpucore_adapters.shell_names import PLAIN_NAME

from .program import FAILURES, HOMEPAGE, LICENCE, VERSION, folder

__all__ = ["RELION_CLASS_RANKER"]

RELION_CLASS_RANKER = Adapter(
    name="relion_class_ranker",
    title="RELION relion_class_ranker: score 2D classes and select the good ones (CPU)",
    family="RELION",
    homepage=HOMEPAGE,
    program=Program(
        executable="relion_class_ranker",
        version=VERSION,
        install="RELION 4 or 5 with its Python programs: https://relion.readthedocs.io",
    ),
    command=Template(
        argv=(
            *("%(EXE)s", "--opt", "%(optimiser)s", "--o", "%(out)s/"),
            *("--fn_sel_parts", "particles.star", "--fn_sel_classavgs", "class_averages.star"),
            *("--fn_root", "rank", "--do_granularity_features", "--auto_select"),
            *("--min_score", "%(min_score)s", "--max_score", "%(max_score)s"),
            Group(args=("--select_min_nr_particles", "%(min_particles)s")),
            Group(args=("--select_min_nr_classes", "%(min_classes)s")),
            Group(args=("--relative_thresholds",), when="relative"),
        ),
        # Its files name each other by their paths.
        in_place=True,
    ),
    params={
        "optimiser": Param(
            type="path",
            item=True,
            blanks=False,  # it names the folder
            pattern=PLAIN_NAME,
            suffix=("_optimiser.star",),
            help="run_itNNN_optimiser.star of a 2D classification, that of its last iteration",
        ),
        "out": folder("select", "optimiser"),
        "min_score": Param(
            type="float", default=0.5, min=0, no_more_than="max_score", help="lowest score kept"
        ),
        "max_score": Param(type="float", default=999.0, min=0, help="highest score kept"),
        "relative": Param(
            type="bool", default=False, help="the scores are fractions of the best class's"
        ),
        "min_particles": Param(
            type="int",
            unit="particles",
            optional=True,
            min=1,
            help="keep this many at least, whatever their score",
        ),
        "min_classes": Param(
            type="int", optional=True, min=1, help="keep this many at least, whatever their score"
        ),
    },
    output=(
        Output(name="particles_out", path="%(out)s/particles.star"),
        Output(name="classes", path="%(out)s/class_averages.star"),
        Output(name="optimiser_out", path="%(out)s/rank_optimiser.star"),
        Output(name="model", path="%(out)s/rank_model.star"),
    ),
    failure=(
        Failure(
            match=r"Something went wrong in the external Python call|PYTHON ERROR"
            r"|relion_python_classranker: (?:command )?not found",
            class_=FailureClass.PROGRAM_FAULT,
            hint="its network runs in RELION's Python environment: see that "
            "relion_python_classranker is found and starts",
        ),
        *FAILURES,
    ),
    example=(
        Example(
            params={
                "optimiser": "Class2D/job008/run_it025_optimiser.star",
                "out": "Select/job009",
            },
            argv=(
                *("relion_class_ranker", "--opt", "Class2D/job008/run_it025_optimiser.star"),
                *("--o", "Select/job009/", "--fn_sel_parts", "particles.star"),
                *("--fn_sel_classavgs", "class_averages.star", "--fn_root", "rank"),
                *("--do_granularity_features", "--auto_select", "--min_score", "0.5"),
                *("--max_score", "999.0"),
            ),
        ),
        Example(
            params={
                "optimiser": "Class2D/job008/run_it025_optimiser.star",
                "out": "Select/job010",
                "min_score": 0.2,
                "min_particles": 50000,
            },
            argv=(
                *("relion_class_ranker", "--opt", "Class2D/job008/run_it025_optimiser.star"),
                *("--o", "Select/job010/", "--fn_sel_parts", "particles.star"),
                *("--fn_sel_classavgs", "class_averages.star", "--fn_root", "rank"),
                *("--do_granularity_features", "--auto_select", "--min_score", "0.2"),
                *("--max_score", "999.0", "--select_min_nr_particles", "50000"),
            ),
        ),
    ),
    licence=f"{LICENCE}; the package of its network: GPL-3.0",
    citation="Kimanius et al., Biochem. J. 478 (2021) 4169-4185, doi:10.1042/BCJ20210708",
    source="3dem/relion tag 5.0.1, src/class_ranker.cpp, src/pipeline_jobs.cpp; "
    "3dem/relion-classranker 8727e78, command_line.py (device cpu)",
    unverified=("never run: Debian's RELION 3.1 does not have it",),
)
