"""TomoTwin: embed tomograms and particles. It uses every GPU that it sees: a mask says which.

Its `-d` is no device but the way in which several GPUs work together.
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
    Output,
    Param,
    Program,
    Template,
)

_HOMEPAGE = "https://tomotwin-cryoet.readthedocs.io"
_INSTALL = "pip install tomotwin-cryoet"
_LICENCE = "MPL-2.0"
_CITATION = "Rice et al., Nat. Methods 20 (2023) 871-880, doi:10.1038/s41592-023-01878-z"
_SOURCE = "tomotwin-cryoet 0.9.1.2 of PyPI, tomotwin/embed_main.py, tomotwin/modules"
_NOT_RUN = ("never run here but for its help",)

_GPU = Gpu(use=GpuUse.COMPULSORY, form="none", memory_note="more for larger batches")
_EMBED = Program(executable="tomotwin_embed.py", install=_INSTALL)
_TOOLS = Program(executable="tomotwin_tools.py", install=_INSTALL)

_FAILURES = (
    # Then it starts no process at all, and ends with exit code 0.
    Failure(match=r"^Found 0 GPU\(s\)", class_=FailureClass.NO_DEVICE, effect="fail",
            hint="its PyTorch sees no GPU: it must fit the driver"),
    Failure(match=r"CUDA out of memory|OutOfMemoryError", class_=FailureClass.OUT_OF_MEMORY,
            hint="a smaller `batch`"),
    Failure(match=r"No CUDA GPUs are available|invalid device ordinal",
            class_=FailureClass.NO_DEVICE),
    Failure(match=r"illegal memory access|uncorrectable ECC", class_=FailureClass.DEVICE_FAULT),
    Failure(match=r"^FileNotFoundError|AssertionError: Tomogram shape",
            class_=FailureClass.BAD_INPUT),
    Failure(match=r"address already in use|EADDRINUSE", class_=FailureClass.LIMIT,
            hint="its port is drawn out of 500: run it again"),
    Failure(match=r"cuml can't be loaded|name 'cuml' is not defined",
            class_=FailureClass.NOT_STARTED, hint="install cuml into its environment"),
    Failure(match=r"ModuleNotFoundError", class_=FailureClass.NOT_STARTED,
            hint="start it in TomoTwin's own environment"),
)  # fmt: skip

_MODEL = Param(type="path", suffix=(".pth",), help="trained network")

TOMOTWIN_EMBED_TOMOGRAM = Adapter(
    name="tomotwin_embed_tomogram",
    title="TomoTwin: embed a tomogram",
    family="TomoTwin",
    homepage=_HOMEPAGE,
    program=_EMBED,
    gpu=_GPU,
    # It names its output after the input.
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s", "tomogram", "-m", "%(model)s", "-v", "%(tomogram)s", "-b", "%(batch)s",
            "-o", "embedded", "-s", "%(stride)s",
            Group(args=("-z", "%(z_range)s")),
            Group(args=("--mask", "%(mask)s")),
        ),
    ),
    params={
        "tomogram": Param(type="path", item=True, check="mrc", help="tomogram, at 10 Å or so"),
        "out": Param(type="path", output="%(tomogram.stem)s_embeddings.temb", suffix=(".temb",),
                     help="embeddings"),
        "model": _MODEL,
        "batch": Param(type="int", default=64, min=1,
                       help="boxes at once on each GPU; fewer need less memory"),
        "stride": Param(type="int", unit="voxels", length=3, default=(2, 2, 2), min=1,
                        help="step of the window along x, y and z"),
        "z_range": Param(type="int", unit="voxels", length=2, optional=True, min=0,
                         help="first and last slice, to leave the void out"),
        "mask": Param(type="path", optional=True, check="mrc",
                      help="mask of what is embedded (tomotwin_embedding_mask)"),
    },
    output=(Output(name="out", made="embedded/*_embeddings.temb"),),
    failure=_FAILURES,
    success_match=r"^Wrote embeddings to disk",
    example=(
        Example(
            params={"tomogram": "t1.mrc", "model": "latest.pth"},
            gpus=(2,),
            argv=("tomotwin_embed.py", "tomogram", "-m", "latest.pth", "-v", "t1.mrc", "-b",
                  "64", "-o", "embedded", "-s", "2", "2", "2"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        Example(
            params={"tomogram": "t2.mrc", "model": "latest.pth", "z_range": (60, 200),
                    "batch": 256},
            gpus=(0, 1),
            argv=("tomotwin_embed.py", "tomogram", "-m", "latest.pth", "-v", "t2.mrc", "-b",
                  "256", "-o", "embedded", "-s", "2", "2", "2", "-z", "60", "200"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,1"},
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source=_SOURCE,
    unverified=_NOT_RUN,
)  # fmt: skip

TOMOTWIN_EMBED_SUBVOLUMES = Adapter(
    name="tomotwin_embed_subvolumes",
    title="TomoTwin: embed reference particles",
    family="TomoTwin",
    homepage=_HOMEPAGE,
    program=_EMBED,
    gpu=_GPU,
    command=Template(
        own_directory=True,
        argv=("%(EXE)s", "subvolumes", "-m", "%(model)s", "-v", "%(volumes)s",
              "-b", "%(batch)s", "-o", "embedded"),
    ),
    params={
        "volumes": Param(type="path", item=True, check="any",
                         help="folder of particles (.mrc), or one of them"),
        "out": Param(type="path", output="%(volumes.stem)s_embeddings.temb", suffix=(".temb",),
                     help="embeddings"),
        "model": _MODEL,
        "batch": Param(type="int", default=128, min=1,
                       help="particles at once, over all GPUs; fewer need less memory"),
    },
    output=(Output(name="out", made="embedded/embeddings.temb"),),
    failure=_FAILURES,
    success_match=r"^Done\. Wrote results to",
    example=(
        Example(
            params={"volumes": "references", "model": "latest.pth"},
            gpus=(3,),
            argv=("tomotwin_embed.py", "subvolumes", "-m", "latest.pth", "-v", "references",
                  "-b", "128", "-o", "embedded"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={"volumes": "references", "model": "latest.pth", "batch": 32},
            gpus=(0, 1),
            argv=("tomotwin_embed.py", "subvolumes", "-m", "latest.pth", "-v", "references",
                  "-b", "32", "-o", "embedded"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,1"},
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source=_SOURCE,
    unverified=(*_NOT_RUN, "on the CPU it might run, by its source"),
)  # fmt: skip

TOMOTWIN_UMAP = Adapter(
    name="tomotwin_umap",
    title="TomoTwin: map embeddings to a plane, for picking by clusters",
    family="TomoTwin",
    homepage=_HOMEPAGE,
    program=_TOOLS,
    # cuml computes on the GPU alone.
    gpu=Gpu(use=GpuUse.COMPULSORY, form="none", max=1,
            memory_note="more for larger samples and chunks"),
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s", "umap", "-i", "%(embeddings)s", "-o", "mapped",
            Group(args=("-m", "%(model)s")),
            "-n", "%(components)s", "--neighbors", "%(neighbors)s",
            "--fit_sample_size", "%(sample)s", "--chunk_size", "%(chunk)s",
            Group(when="cosine", args=("--cosine",)),
        ),
    ),
    params={
        "embeddings": Param(type="path", item=True, suffix=(".temb",),
                            help="embeddings of a tomogram"),
        "out": Param(type="path", output="%(embeddings.stem)s.tumap", suffix=(".tumap",),
                     help="their places in the plane"),
        "model": Param(type="path", optional=True, suffix=(".pkl",),
                       help="map that was fitted before, instead of a new one"),
        "components": Param(type="int", default=2, min=2, help="dimensions"),
        "neighbors": Param(type="int", default=64, min=2,
                           help="neighbours; more keep the whole, fewer the detail"),
        "sample": Param(type="int", default=400000, min=1,
                        help="embeddings that it is fitted to; fewer need less memory"),
        "chunk": Param(type="int", default=400000, min=1,
                       help="embeddings that are mapped at once; fewer need less memory"),
        "cosine": Param(type="bool", default=False, help="distances as cosines"),
    },
    output=(
        Output(name="out", made="mapped/*.tumap"),
        Output(name="map", path="%(out.base)s_umap_model.pkl", made="mapped/*_umap_model.pkl"),
    ),
    failure=(
        *_FAILURES,
        Failure(match=r"std::bad_alloc.*out_of_memory|MemoryError: std::bad_alloc",
                class_=FailureClass.OUT_OF_MEMORY, hint="a smaller `sample` or `chunk`"),
    ),
    success_match=r"^Done$",
    example=(
        Example(
            params={"embeddings": "t1_embeddings.temb"},
            gpus=(1,),
            argv=("tomotwin_tools.py", "umap", "-i", "t1_embeddings.temb", "-o", "mapped",
                  "-n", "2", "--neighbors", "64", "--fit_sample_size", "400000",
                  "--chunk_size", "400000"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
        # A slot of two: it sees one.
        Example(
            params={"embeddings": "t2_embeddings.temb", "neighbors": 200, "sample": 100000},
            gpus=(3, 0),
            argv=("tomotwin_tools.py", "umap", "-i", "t2_embeddings.temb", "-o", "mapped",
                  "-n", "2", "--neighbors", "200", "--fit_sample_size", "100000",
                  "--chunk_size", "400000"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source=f"{_SOURCE}/tools/umap.py",
    unverified=(*_NOT_RUN, "the words of cuml for a full memory"),
)  # fmt: skip

TOMOTWIN_EMBEDDING_MASK = Adapter(
    name="tomotwin_embedding_mask",
    title="TomoTwin: mask of what of a tomogram is worth embedding",
    family="TomoTwin",
    homepage=_HOMEPAGE,
    program=_TOOLS,
    gpu=_GPU,
    command=Template(
        own_directory=True,
        argv=("%(EXE)s", "embedding_mask", "median", "-i", "%(tomogram)s", "-m", "%(model)s",
              "-o", "mask", "-s", "%(stride)s", "-b", "%(batch)s", "-t", "%(threshold)s",
              "-d", "%(dilation)s"),
    ),
    params={
        "tomogram": Param(type="path", item=True, check="mrc", help="tomogram"),
        "out": Param(type="path", output="%(tomogram.stem)s_mask.mrc", check="mrc",
                     help="mask of ones and zeros"),
        "model": _MODEL,
        "stride": Param(type="int", unit="voxels", default=5, min=1, help="step of the window"),
        "batch": Param(type="int", default=64, min=1, help="boxes at once on each GPU"),
        "threshold": Param(type="float", default=0.3, min=0, max=1,
                           help="higher leaves more in the mask"),
        "dilation": Param(type="int", unit="voxels", default=1, min=0,
                          help="radius by which the mask grows"),
    },
    output=(Output(name="out", made="mask/*_mask.mrc", check="mrc"),),
    failure=_FAILURES,
    success_match=r"^Done$",
    example=(
        Example(
            params={"tomogram": "t1.mrc", "model": "latest.pth"},
            gpus=(0,),
            argv=("tomotwin_tools.py", "embedding_mask", "median", "-i", "t1.mrc", "-m",
                  "latest.pth", "-o", "mask", "-s", "5", "-b", "64", "-t", "0.3", "-d", "1"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0"},
        ),
        Example(
            params={"tomogram": "t2.mrc", "model": "latest.pth", "dilation": 3},
            gpus=(2, 3),
            argv=("tomotwin_tools.py", "embedding_mask", "median", "-i", "t2.mrc", "-m",
                  "latest.pth", "-o", "mask", "-s", "5", "-b", "64", "-t", "0.3", "-d", "3"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2,3"},
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source=f"{_SOURCE}/tools/embedding_mask.py",
    unverified=_NOT_RUN,
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer its commands that use GPUs; `tomotwin_map.py` uses none."""
    return (
        TOMOTWIN_EMBED_TOMOGRAM,
        TOMOTWIN_EMBED_SUBVOLUMES,
        TOMOTWIN_UMAP,
        TOMOTWIN_EMBEDDING_MASK,
    )
