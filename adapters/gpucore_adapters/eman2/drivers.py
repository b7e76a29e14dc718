"""EMAN2's drivers: they start its programs for Gaussians one after another, on one GPU.

They name their files themselves and hand them to a shell, so they run in the step's own directory,
on links of fixed names. What they make is a folder gmm_00 there.
"""

from gpucore.standard import (
    Adapter,
    Example,
    Group,
    Link,
    Output,
    Param,
    Program,
    Template,
    Value,
)
from gpucore_adapters.eman2.about import (
    FAILURES,
    GMM,
    HOMEPAGE,
    INSTALL,
    LICENCE,
    ONE_GPU,
    SOURCE,
)

__all__ = ["HETER_REFINE", "REFINE_ITER", "SPT_REFINE_ITER"]

_SYMMETRY = r"[a-z]+\d*"
_MAP = "refined/threed_%(iteration)02d.hdf"
_LINKS = (
    Link(name="refined", target="%(refinement)s"),
    Link(name="particles", target="%(particle_folder)s"),
    Link(name="mask.hdf", target="%(mask)s"),
)
_OUTPUTS = (Output(name="out", made="gmm_00"),)
_UNVERIFIED = (
    "never run",
    "it looks at no exit code of the programs that it starts: what they leave undone shows where "
    "the next one does not find its file",
)

_FOLDER: dict[str, Param] = {
    "refinement": Param(type="path", item=True, check="directory",
                        help="folder of an earlier refinement of EMAN2 (r3d_00, spt_00, gmm_00)"),
    "out": Param(type="path", output="%(refinement.name)s_gmm", check="directory",
                 help="folder of the new refinement"),
    "iteration": Param(type="int", min=0, max=99,
                       help="iteration of it that is started from: of threed_05.hdf, 5"),
    "particle_folder": Param(type="path", check="directory",
                             help="the project's folder particles, where its lists name images"),
}  # fmt: skip
_THREADS = Param(type="int", default=32, min=1, max=1024, help="CPU threads of reconstructions")


REFINE_ITER = Adapter(
    name="e2gmm_refine_iter",
    title="EMAN2 e2gmm_refine_iter.py: refine the angles of particles against Gaussians",
    family="EMAN2",
    homepage=HOMEPAGE,
    program=Program(executable="e2gmm_refine_iter.py", install=INSTALL),
    gpu=ONE_GPU,
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s",
            _MAP,
            "--sym", "%(symmetry)s",
            Group(args=("--initpts", "start%(model.suffix)s")),
            Group(unless="model", args=("--npt", "%(gaussians)s")),
            "--niter", "%(iterations)s",
            "--startres", "%(resolution)s",
            "--minres", "%(resolution_min)s",
            Group(args=("--maxres", "%(resolution_limit)s")),
            Group(when="jax", args=("--jax",)),
            Group(when="mask", args=("--mask", "mask.hdf")),
            Group(when="final_mask", args=("--maskpp", "final_mask.hdf")),
            Group(args=("--expandsym", "%(expand_symmetry)s")),
            "--batchsize", "%(batch)s",
            "--chunksize", "%(chunk)s",
            "--parallel", "thread:%(threads)s",
        ),
    ),
    link=(
        *_LINKS,
        Link(name="sf.txt", target="%(structure_factor)s"),
        Link(name="start%(model.suffix)s", target="%(model)s"),
        Link(name="final_mask.hdf", target="%(final_mask)s"),
    ),
    params={
        **_FOLDER,
        "structure_factor": Param(type="path", help="the project's sf.txt, by which maps are "
                                  "sharpened"),
        "symmetry": Param(type="string", default="c1", pattern=_SYMMETRY, help="point group"),
        "model": Param(type="path", optional=True, suffix=(".txt", ".pdb"),
                       help="Gaussians or atoms that both halves start from; else made from the "
                       "maps"),
        "gaussians": Param(type="int", default=2000, min=1, help="Gaussians, without a model"),
        "iterations": Param(type="int", default=5, min=1, max=99, help="rounds"),
        "resolution": Param(type="float", unit="Å", default=4.0, above=0,
                            help="resolution of the first round"),
        "resolution_min": Param(type="float", unit="Å", default=25.0, above=0,
                                help="coarsest resolution that is compared"),
        "resolution_limit": Param(type="float", unit="Å", optional=True, above=0,
                                  help="no round goes beyond, whatever its FSC says"),
        "jax": Param(type="bool", default=False, help="use e2gmm_refine_jax.py"),
        # Without JAX f9e8fc628 passes the mask over: it tests whether `jax` is None.
        "mask": Param(type="path", optional=True, suffix=(".hdf",), needs=("jax",),
                      help="masks of the regions that are refined one by one, in one stack"),
        "final_mask": Param(type="path", optional=True, suffix=(".hdf",),
                            help="mask of the final maps; found by itself when left out"),
        "expand_symmetry": Param(type="string", optional=True, pattern=_SYMMETRY,
                                 help="point group of the earlier refinement: each particle is "
                                 "taken in all of its poses"),
        "batch": Param(type="int", unit="particles", default=16, min=1,
                       help="particles at once on the GPU; fewer take less memory"),
        "chunk": Param(type="int", unit="particles", default=20000, min=1, advanced=True,
                       help="particles that one process reads; fewer take less of the machine's "
                       "memory"),
        "threads": _THREADS,
    },
    output=_OUTPUTS,
    failure=FAILURES,
    example=(
        Example(
            params={"refinement": "r3d_00", "iteration": 5, "particle_folder": "particles",
                    "structure_factor": "sf.txt", "gaussians": 10000},
            gpus=(2, 3),
            argv=("e2gmm_refine_iter.py", "refined/threed_05.hdf", "--sym", "c1",
                  "--npt", "10000", "--niter", "5", "--startres", "4.0", "--minres", "25.0",
                  "--batchsize", "16", "--chunksize", "20000", "--parallel", "thread:32"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        Example(
            params={"refinement": "gmm_00", "iteration": 12, "particle_folder": "particles",
                    "structure_factor": "sf.txt", "model": "model_11.txt", "resolution": 3.5,
                    "jax": True, "mask": "masks.hdf", "threads": 8},
            gpus=(0,),
            argv=("e2gmm_refine_iter.py", "refined/threed_12.hdf", "--sym", "c1",
                  "--initpts", "start.txt", "--niter", "5", "--startres", "3.5",
                  "--minres", "25.0", "--jax", "--mask", "mask.hdf", "--batchsize", "16",
                  "--chunksize", "20000", "--parallel", "thread:8"),
        ),
    ),
    licence=LICENCE,
    citation=GMM,
    source=f"{SOURCE}/e2gmm_refine_iter.py, e2gmm_batch.py, e2refine_postprocess.py; "
    "libpyEM/EMAN2.py (run, num_path_new)",
    unverified=_UNVERIFIED,
)  # fmt: skip

_SPT_LEAST: dict[str, Value] = {
    "refinement": "spt_00",
    "iteration": 3,
    "particle_folder": "particles",
    "model": "gmm.txt",
}

SPT_REFINE_ITER = Adapter(
    name="e2gmm_spt_refine_iter",
    title="EMAN2 e2gmm_spt_refine_iter.py: refine subtomograms against Gaussians",
    family="EMAN2",
    homepage=HOMEPAGE,
    program=Program(executable="e2gmm_spt_refine_iter.py", install=INSTALL),
    gpu=ONE_GPU,
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s",
            _MAP,
            "--initpts", "start%(model.suffix)s",
            "--sym", "%(symmetry)s",
            "--niter", "%(iterations)s",
            "--startres", "%(resolution)s",
            "--minres", "%(resolution_min)s",
            Group(when="mask", args=("--mask", "mask.hdf")),
            Group(when="final_mask", args=("--maskpp", "final_mask.hdf")),
            Group(when="network", args=("--align_mlp",)),
            "--ntilt", "%(tilts)s",
            "--batchsize", "%(batch)s",
            "--chunksize", "%(chunk)s",
            Group(args=("--mergelowres", "%(merge_resolution)s")),
            "--parallel", "thread:%(threads)s",
        ),
    ),
    link=(
        *_LINKS,
        Link(name="start%(model.suffix)s", target="%(model)s"),
        Link(name="final_mask.hdf", target="%(final_mask)s"),
    ),
    params={
        **_FOLDER,
        "model": Param(type="path", suffix=(".txt", ".pdb"),
                       help="Gaussians or atoms that both halves start from"),
        "symmetry": Param(type="string", default="c1", pattern=_SYMMETRY, help="point group"),
        "iterations": Param(type="int", default=3, min=1, max=99, help="rounds"),
        "resolution": Param(type="float", unit="Å", default=10.0, above=0,
                            help="resolution of the first round"),
        "resolution_min": Param(type="float", unit="Å", default=50.0, above=0,
                                help="coarsest resolution that is compared"),
        "mask": Param(type="path", optional=True, suffix=(".hdf",),
                      help="masks of the regions that are refined one by one, in one stack; the "
                      "earlier refinement's, as a whole, when left out"),
        "final_mask": Param(type="path", optional=True, suffix=(".hdf",),
                            help="mask of the final maps"),
        "network": Param(type="bool", default=False, help="align by a trained network"),
        "tilts": Param(type="int", default=25, min=1, help="tilts used of each subtomogram"),
        "batch": Param(type="int", unit="subtomograms", default=2, min=1,
                       help="subtomograms at once on the GPU; fewer take less memory"),
        "chunk": Param(type="int", unit="subtomograms", default=3000, min=1, advanced=True,
                       help="subtomograms that one process reads"),
        "merge_resolution": Param(type="float", unit="Å", optional=True, above=0,
                                  help="both halves start from one map up to this resolution, so "
                                  "that they do not come apart"),
        "threads": _THREADS,
    },
    output=_OUTPUTS,
    failure=FAILURES,
    example=(
        Example(
            params=_SPT_LEAST,
            gpus=(1,),
            argv=("e2gmm_spt_refine_iter.py", "refined/threed_03.hdf", "--initpts", "start.txt",
                  "--sym", "c1", "--niter", "3", "--startres", "10.0", "--minres", "50.0",
                  "--ntilt", "25", "--batchsize", "2", "--chunksize", "3000",
                  "--parallel", "thread:32"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
        Example(
            params={**_SPT_LEAST, "mask": "masks.hdf", "network": True, "merge_resolution": 40},
            gpus=(2, 0),
            argv=("e2gmm_spt_refine_iter.py", "refined/threed_03.hdf", "--initpts", "start.txt",
                  "--sym", "c1", "--niter", "3", "--startres", "10.0", "--minres", "50.0",
                  "--mask", "mask.hdf", "--align_mlp", "--ntilt", "25", "--batchsize", "2",
                  "--chunksize", "3000", "--mergelowres", "40.0", "--parallel", "thread:32"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
    ),
    licence=LICENCE,
    citation=GMM,
    source=f"{SOURCE}/e2gmm_spt_refine_iter.py, e2gmm_batch.py; libpyEM/EMAN2.py",
    unverified=_UNVERIFIED,
)  # fmt: skip

_HETER_LEAST: dict[str, Value] = {
    "refinement": "gmm_00",
    "iteration": 5,
    "particle_folder": "particles",
    "structure_factor": "sf.txt",
    "mask": "domain.hdf",
}

HETER_REFINE = Adapter(
    name="e2gmm_heter_refine",
    title="EMAN2 e2gmm_heter_refine.py: find how a domain moves, and refine it in its own place",
    family="EMAN2",
    homepage=HOMEPAGE,
    program=Program(executable="e2gmm_heter_refine.py", install=INSTALL),
    gpu=ONE_GPU,
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s",
            _MAP,
            "--mask", "mask.hdf",
            "--ngauss", "%(gaussians)s",
            "--niter", "%(iterations)s",
            Group(unless=("rigid_body", "point_transformer"), args=("--n_anchor", "%(anchors)s")),
            "--batchsz", "%(batch)s",
            Group(args=("--expandsym", "%(expand_symmetry)s")),
            "--pas", "%(adjust)s",
            "--maxres", "%(resolution)s",
            "--minres", "%(resolution_min)s",
            Group(when="rigid_body", args=("--rigidbody",)),
            Group(when="merge_halves", args=("--nogoldstandard",)),
            Group(when="jax", args=("--jax",)),
            Group(when="point_transformer", args=("--pointtransformer",)),
            Group(when="remodel", unless="merge_halves", args=("--remodel",)),
            "--parallel", "thread:%(threads)s",
        ),
    ),
    link=(*_LINKS, Link(name="sf.txt", target="%(structure_factor)s")),
    params={
        **_FOLDER,
        "structure_factor": Param(type="path", help="the project's sf.txt, by which maps are "
                                  "sharpened"),
        "mask": Param(type="path", suffix=(".hdf",), help="mask of the domain that moves"),
        "gaussians": Param(type="int", default=8000, min=1,
                           help="Gaussians of the model that are used, drawn at random"),
        "iterations": Param(type="int", default=5, min=1, max=97,
                            help="rounds of the refinement afterwards"),
        "anchors": Param(type="int", default=32, min=2, multiple_of=2, advanced=True,
                         help="points by which the motion is described"),
        "batch": Param(type="int", unit="particles", default=16, min=1,
                       help="particles at once on the GPU; fewer take less memory"),
        "expand_symmetry": Param(type="string", optional=True, pattern=_SYMMETRY,
                                 help="point group of the refinement: the result has none"),
        "adjust": Param(type="choice", choices=("100", "110", "111", "101", "010", "011", "001"),
                        default="100", help="what of a Gaussian may change, 1 or 0 each: "
                        "position, amplitude, width"),
        "resolution": Param(type="float", unit="Å", default=7.0, above=0,
                            help="finest resolution of the search, and the first afterwards"),
        "resolution_min": Param(type="float", unit="Å", default=50.0, above=0,
                                help="coarsest resolution of the search"),
        "rigid_body": Param(type="bool", default=False, help="the domain moves as a whole"),
        "merge_halves": Param(type="bool", default=False,
                              help="search with all particles, and stop there"),
        "jax": Param(type="bool", default=False, help="use e2gmm_refine_jax.py"),
        "point_transformer": Param(type="bool", default=False, needs=("jax",), advanced=True,
                                   help="a network of another kind"),
        "remodel": Param(type="bool", default=False,
                         help="make the model anew from the first map of the refinement"),
        "threads": _THREADS,
    },
    output=_OUTPUTS,
    failure=FAILURES,
    example=(
        Example(
            params=_HETER_LEAST,
            gpus=(3,),
            argv=("e2gmm_heter_refine.py", "refined/threed_05.hdf", "--mask", "mask.hdf",
                  "--ngauss", "8000", "--niter", "5", "--n_anchor", "32", "--batchsz", "16",
                  "--pas", "100", "--maxres", "7.0", "--minres", "50.0",
                  "--parallel", "thread:32"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3"},
        ),
        Example(
            params={**_HETER_LEAST, "jax": True, "point_transformer": True, "remodel": True,
                    "expand_symmetry": "c4"},
            gpus=(1, 2),
            argv=("e2gmm_heter_refine.py", "refined/threed_05.hdf", "--mask", "mask.hdf",
                  "--ngauss", "8000", "--niter", "5", "--batchsz", "16", "--expandsym", "c4",
                  "--pas", "100", "--maxres", "7.0", "--minres", "50.0", "--jax",
                  "--pointtransformer", "--remodel", "--parallel", "thread:32"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
    ),
    licence=LICENCE,
    citation=GMM,
    source=f"{SOURCE}/e2gmm_heter_refine.py, e2gmm_heter_ali.py, e2gmm_batch.py; "
    "libpyEM/EMAN2.py",
    unverified=_UNVERIFIED,
)  # fmt: skip
