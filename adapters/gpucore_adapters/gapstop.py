"""GAPSTOP(TM): match a template against a tomogram, on the GPUs that it sees.

It is told of no GPU: JAX takes what CUDA_VISIBLE_DEVICES leaves. All else stands in a STAR file,
which is written for it, with files that are linked into the step's own directory.
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
    InputFile,
    Link,
    Output,
    Param,
    Program,
    Template,
    Value,
)

from .jax_failures import JAX_FAILURES, out_of_memory

# Column and value, in the order of Scipion's plugin.
_COLUMNS = (
    ("rootdir", "./"),
    ("outputdir", "results/"),
    ("vol_ext", ".mrc"),
    ("tomo_name", "tomogram.mrc"),
    ("tomo_num", "%(tomogram_number)s"),
    ("wedgelist_name", "wedges.star"),
    ("tmpl_name", "template.mrc"),
    ("mask_name", "mask.mrc"),
    ("symmetry", "%(symmetry)s"),
    ("anglist_order", "zxz"),
    ("anglist_name", "angles.txt"),
    ("smap_name", "scores"),
    ("omap_name", "angles"),
    ("lp_rad", "%(low_pass)s"),
    ("hp_rad", "%(high_pass)s"),
    ("binning", "%(binning)s"),
    ("tiling", "new"),
)

_STAR = "\n".join(
    (
        "",
        "data_tomogram",
        "",
        "loop_",
        *(f"_{name} #{place}" for place, (name, _) in enumerate(_COLUMNS, start=1)),
        " ".join(value for _, value in _COLUMNS),
        "",
    )
)

_GIVEN: dict[str, Value] = {
    "tomogram": "TS_01.mrc", "template": "ref.mrc", "mask": "mask.mrc", "wedges": "wedges.star",
    "angles": "angles_10_C1.txt", "tomogram_number": 1, "low_pass": 20, "high_pass": 1,
    "binning": 4,
}  # fmt: skip

GAPSTOP_RUN_TM = Adapter(
    name="gapstop_run_tm",
    title="GAPSTOP(TM): match a template against a tomogram on GPUs",
    family="GAPSTOP",
    homepage="https://gitlab.mpcdf.mpg.de/bturo/gapstop_tm",
    program=Program(
        executable="gapstop",
        install="https://gitlab.mpcdf.mpg.de/bturo/gapstop_tm, into an environment with JAX",
    ),
    gpu=Gpu(
        use=GpuUse.COMPULSORY,
        form="none",
        # JAX takes most of a GPU's memory when it starts.
        sharing="discouraged",
        memory_note="a tomogram that does not fit is cut, `tiles`",
    ),
    command=Template(
        own_directory=True, argv=("%(EXE)s", "run_tm", "-n", "%(tiles)s", "tm_params.star")
    ),
    params={
        "tomogram": Param(type="path", item=True, check="mrc", help="tomogram to search"),
        "out": Param(
            type="path", output="%(tomogram.stem)s_scores.mrc", check="mrc",
            help="score of each voxel",
        ),
        "template": Param(type="path", check="mrc", help="template, of the tomogram's contrast"),
        "mask": Param(type="path", check="mrc", help="mask of the template"),
        "wedges": Param(
            type="path", suffix=(".star",), help="wedge list of cryoCAT, with no blank lines"
        ),
        "angles": Param(
            type="path", suffix=(".txt", ".csv"), help="list of orientations, of cryoCAT"
        ),
        "tomogram_number": Param(
            type="int", min=0, max=1000000, help="number of the tomogram in the wedge list"
        ),
        "tiles": Param(
            type="int", default=1, min=1, max=1024,
            help="pieces that the tomogram is cut into, spread over the GPUs: as many at least",
        ),
        "symmetry": Param(
            type="string", blanks=False, default="C1", help="symmetry of the template"
        ),
        "low_pass": Param(
            type="int", unit="Fourier pixels", min=1, max=10000, help="radius of a low-pass filter"
        ),
        "high_pass": Param(
            type="int", unit="Fourier pixels", default=1, min=0, max=10000,
            help="radius of a high-pass filter",
        ),
        "binning": Param(
            type="int", default=1, min=1, max=64,
            help="binning of the tomogram, beside the pixel size of the wedge list",
        ),
    },
    file=(InputFile(name="tm_params.star", format="keyvalue", text=_STAR),),
    link=(
        Link(name="tomogram.mrc", target="%(tomogram)s"),
        Link(name="template.mrc", target="%(template)s"),
        Link(name="mask.mrc", target="%(mask)s"),
        Link(name="wedges.star", target="%(wedges)s"),
        Link(name="angles.txt", target="%(angles)s"),
    ),
    output=(
        Output(name="out", made="results/scores_0_*.mrc"),
        Output(name="orientations", path="%(out.dir)s/%(tomogram.stem)s_angles.mrc",
               made="results/angles_0_*.mrc", check="mrc"),
    ),
    failure=(
        out_of_memory("more `tiles`, or a binned tomogram"),
        *JAX_FAILURES,
        Failure(match=r"^KeyError|^ValueError|EmptyDataError", class_=FailureClass.BAD_INPUT,
                hint="look at the wedge list: it must hold `tomogram_number`, and no blank line"),
        Failure(match=r"^ModuleNotFoundError|^ImportError", class_=FailureClass.NOT_STARTED),
    ),
    example=(
        Example(
            params=_GIVEN,
            gpus=(2,),
            argv=("gapstop", "run_tm", "-n", "1", "tm_params.star"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        Example(
            params={**_GIVEN, "tiles": 8, "symmetry": "C8"},
            gpus=(0, 3),
            argv=("gapstop", "run_tm", "-n", "8", "tm_params.star"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,3"},
        ),
    ),
    licence="not found",
    citation="Cruz-León et al., Nature Communications 15 (2024), doi:10.1038/s41467-024-47839-8; "
    "Wan et al., Acta Cryst. D 80 (2024) 336-349, doi:10.1107/S205979832400295X",
    source="github.com/scipion-em/scipion-em-gapstop af231b8: gapstop/__init__.py, "
    "gapstop/constants.py, gapstop/protocols/protocol_gapstop_tm.py",
    unverified=(
        "its own source was not to be had: all is read in Scipion's plugin",
        "its messages are those of JAX and Python; its licence",
        "whether it uses more than one GPU without MPI: -n is the number of tiles",
        "other orders of Euler angles, a tomogram's mask, and noise maps are left out",
        "how it is asked for its version",
    ),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer this program."""
    return (GAPSTOP_RUN_TM,)
