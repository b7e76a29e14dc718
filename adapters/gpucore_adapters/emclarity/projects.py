"""emClarity on a project: tomograms, template matching, averages and alignments.

All but the search are started in the project's folder, where the parameter file and the project's
`.mat` file lie: they keep what they make in folders there, under names that the project gives. The
search runs in the step's own directory, on links to the folders that it reads.
"""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Gpu, GpuUse, Group, Link, Output, Param, Template

from .package import CITATION, ENDED, FAILURES, HOMEPAGE, LICENCE, PROGRAM, SOURCE, UNVERIFIED

__all__ = [
    "EMCLARITY_ALIGN_RAW",
    "EMCLARITY_AVG",
    "EMCLARITY_CTF_3D",
    "EMCLARITY_TEMPLATE_SEARCH",
]

# They are told of no GPU, and compare what they see with the user's `nGPUs`.
_GPU = Gpu(use=GpuUse.COMPULSORY, form="none")

_PARAMETERS = Param(
    type="path", item=True, suffix=(".m",),
    help="parameter file of the project; its nGPUs must be the number of GPUs of a step",
)  # fmt: skip

_CYCLE = Param(type="int", min=0, max=1000, help="cycle of the project")

EMCLARITY_CTF_3D = Adapter(
    name="emclarity_ctf_3d",
    title="emClarity ctf 3d: reconstruct CTF-corrected tomograms on GPUs",
    family="emClarity",
    homepage=HOMEPAGE,
    program=PROGRAM,
    gpu=_GPU,
    command=Template(
        argv=("%(EXE)s", "ctf", "3d", "%(parameters)s", Group(args=("%(scratch)s",)))
    ),
    params={
        "parameters": _PARAMETERS,
        "scratch": Param(
            type="path", optional=True, check="directory", help="fast folder for what it keeps"
        ),
    },
    failure=FAILURES,
    success_match=ENDED,
    example=(
        Example(
            params={"parameters": "param0.m"},
            gpus=(3,),
            argv=("emClarity", "ctf", "3d", "param0.m"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={"parameters": "param0.m", "scratch": "/scratch"},
            gpus=(0, 2),
            argv=("emClarity", "ctf", "3d", "param0.m", "/scratch"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,2"},
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source=SOURCE,
    unverified=(*UNVERIFIED, "its tomograms in cache/ are not looked at"),
)  # fmt: skip

_SCORES = "convmap_wedgeType_2_bin%(sampling)s/%(series.stem)s_%(region)s_bin%(sampling)s"
_FOUND = "%(out.dir)s/%(series.stem)s_%(region)s"

EMCLARITY_TEMPLATE_SEARCH = Adapter(
    name="emclarity_template_search",
    title="emClarity templateSearch: match a template against a tomogram on a GPU",
    family="emClarity",
    homepage=HOMEPAGE,
    program=PROGRAM,
    # It counts from 1 among what it sees, which is one.
    gpu=Gpu(use=GpuUse.COMPULSORY, form="none", max=1),
    command=Template(
        own_directory=True,
        argv=(
            *("%(EXE)s", "templateSearch", "param.m", "%(series.stem)s", "%(region)s"),
            *("template.mrc", "%(symmetry)s"),
            Group(args=("%(threshold)s",)),
            "1",
        ),
    ),
    params={
        "series": Param(
            type="path", item=True, check="any", blanks=False,
            help="tilt series in fixedStacks/, for its name: its tomogram is searched",
        ),
        "out": Param(
            type="path", output="%(series.stem)s_%(region)s.csv", help="positions and scores"
        ),
        "project": Param(
            type="path", check="directory",
            help="folder of the project: its fixedStacks, aliStacks, cache and recon are used",
        ),
        "project_name": Param(
            type="string", blanks=False, optional=True,
            help="subTomoMeta of the parameter file, once the project has a .mat file",
        ),
        "parameters": Param(
            type="path", suffix=(".m",),
            help="parameter file of the project; its nGPUs must be 1",
        ),
        "region": Param(type="int", min=1, max=10000, help="number of the region in it"),
        "template": Param(type="path", check="mrc", help="template"),
        "symmetry": Param(
            type="string", blanks=False, default="C1", help="symmetry of the template"
        ),
        "threshold": Param(
            type="int", optional=True, min=1, max=1000000,
            help="most particles to find, instead of what the parameter file says",
        ),
        "sampling": Param(
            type="int", min=1, max=64,
            help="Tmp_samplingRate of the parameter file: it stands in the names of the results",
        ),
    },
    link=(
        Link(name="param.m", target="%(parameters)s"),
        Link(name="template.mrc", target="%(template)s"),
        Link(name="%(project_name)s.mat", target="%(project)s/%(project_name)s.mat"),
        *(Link(name=one, target=f"%(project)s/{one}")
          for one in ("fixedStacks", "aliStacks", "cache", "recon")),
    ),
    output=(
        Output(name="out", made=f"{_SCORES}.csv"),
        Output(name="model", path=f"{_FOUND}.mod", made=f"{_SCORES}.mod", optional=True),
        Output(name="scores", path=f"{_FOUND}_convmap.mrc", made=f"{_SCORES}_convmap.mrc",
               check="mrc", optional=True),
    ),
    failure=FAILURES,
    success_match=ENDED,
    example=(
        Example(
            params={"series": "fixedStacks/tilt1.fixed", "project": ".", "region": 1,
                    "parameters": "param0.m", "template": "ref.mrc", "sampling": 5},
            gpus=(1,),
            argv=("emClarity", "templateSearch", "param.m", "tilt1", "1", "template.mrc", "C1",
                  "1"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
        # A slot of two: it uses one.
        Example(
            params={"series": "fixedStacks/tilt1.fixed", "project": ".", "region": 2,
                    "parameters": "param0.m", "template": "ref.mrc", "threshold": 800,
                    "sampling": 5},
            gpus=(2, 3),
            argv=("emClarity", "templateSearch", "param.m", "tilt1", "2", "template.mrc", "C1",
                  "800", "1"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source=SOURCE,
    unverified=(
        *UNVERIFIED,
        "the symmetry, which this release takes and does not use",
        "whether the folders that are linked are all that it looks for",
        "later commands look for the results in the project's convmap folder: link them there",
    ),
)  # fmt: skip

EMCLARITY_AVG = Adapter(
    name="emclarity_avg",
    title="emClarity avg: average subtomograms on GPUs",
    family="emClarity",
    homepage=HOMEPAGE,
    program=PROGRAM,
    gpu=_GPU,
    command=Template(argv=("%(EXE)s", "avg", "%(parameters)s", "%(cycle)s", "%(stage)s")),
    params={
        "parameters": _PARAMETERS,
        "cycle": _CYCLE,
        "stage": Param(
            type="choice", default="RawAlignment",
            choices=("NoAlignment", "RawAlignment", "FinalAlignment", "Cluster_cls",
                     "Cluster_ref"),
            help="stage of the cycle; NoAlignment in the first one",
        ),
    },
    failure=FAILURES,
    success_match=ENDED,
    example=(
        Example(
            params={"parameters": "param0.m", "cycle": 0, "stage": "NoAlignment"},
            gpus=(0,),
            argv=("emClarity", "avg", "param0.m", "0", "NoAlignment"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0"},
        ),
        Example(
            params={"parameters": "param3.m", "cycle": 3},
            gpus=(0, 1, 2, 3),
            argv=("emClarity", "avg", "param3.m", "3", "RawAlignment"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,1,2,3"},
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source=SOURCE,
    unverified=(*UNVERIFIED, "its maps are not looked at: the project names them"),
)  # fmt: skip

EMCLARITY_ALIGN_RAW = Adapter(
    name="emclarity_align_raw",
    title="emClarity alignRaw: align subtomograms to their references on GPUs",
    family="emClarity",
    homepage=HOMEPAGE,
    program=PROGRAM,
    gpu=_GPU,
    command=Template(argv=("%(EXE)s", "alignRaw", "%(parameters)s", "%(cycle)s")),
    params={"parameters": _PARAMETERS, "cycle": _CYCLE},
    failure=FAILURES,
    success_match=ENDED,
    example=(
        Example(
            params={"parameters": "param1.m", "cycle": 1},
            gpus=(2,),
            argv=("emClarity", "alignRaw", "param1.m", "1"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        Example(
            params={"parameters": "param2.m", "cycle": 2},
            gpus=(0, 3),
            argv=("emClarity", "alignRaw", "param2.m", "2"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,3"},
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source=SOURCE,
    unverified=(*UNVERIFIED, "its results are in the project's .mat file, and not looked at"),
)  # fmt: skip
