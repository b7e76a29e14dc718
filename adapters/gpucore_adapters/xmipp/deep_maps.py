"""Xmipp's networks for maps and tomograms: sharpening, local resolution, misalignment."""

from gpucore.standard import (
    Adapter,
    Example,
    Gpu,
    GpuUse,
    Group,
    Link,
    Output,
    Param,
    Program,
    Template,
)
from gpucore_adapters.tensorflow_failures import TENSORFLOW_FAILURES
from gpucore_adapters.xmipp.about import HOMEPAGE, INSTALL, LICENCE, SOURCE, XMIPP

__all__ = ["DEEPRES", "MISALIGNMENT", "POSTPROCESSING"]

# It builds a line for a shell from its arguments, so that it gets names of our own alone.
POSTPROCESSING = Adapter(
    name="xmipp_deep_volume_postprocessing",
    title="Xmipp's DeepEMhancer: sharpen and mask a map by a network",
    family="Xmipp",
    homepage="https://github.com/rsanchezgarc/deepEMhancer",
    program=Program(executable="xmipp_deep_volume_postprocessing", install=INSTALL),
    # DeepEMhancer sets the mask to the numbers that it is told.
    gpu=Gpu(use=GpuUse.OPTIONAL, form="comma", overwrites_mask=True, sharing="forbidden",
            memory_note="grows with the batch"),
    command=Template(
        own_directory=True,
        argv=(
            "%(EXE)s",
            "-i", "map.mrc",
            Group(when="half2", args=("-i2", "half2.mrc")),
            "-o", "sharpened.mrc",
            Group(args=("--sampling_rate", "%(pixel_size)s")),
            Group(when="model", args=("--checkpoint", "model.hd5")),
            Group(args=("--cleaningStrengh", "%(cleaning)s")),
            Group(when="mask", args=("--binaryMask", "mask.mrc")),
            Group(args=("--noise_stats_mean", "%(noise_mean)s",
                        "--noise_stats_std", "%(noise_std)s")),
            # Both are read whether they were given or not.
            Group(when="gpu", args=("-g", "%(GPU)s")),
            Group(when="cpu", args=("-g", "-1")),
            "-b", "%(batch)s",
        ),
    ),
    link=(
        Link(name="map.mrc", target="%(map)s"),
        Link(name="half2.mrc", target="%(half2)s"),
        Link(name="mask.mrc", target="%(mask)s"),
        Link(name="model.hd5", target="%(model)s"),
    ),
    params={
        "map": Param(type="path", item=True, check="mrc", suffix=(".mrc", ".map"),
                     help="unmasked map, or the first half map"),
        "half2": Param(type="path", optional=True, check="mrc", suffix=(".mrc", ".map"),
                       help="second half map"),
        "out": Param(type="path", output="%(map.stem)s_deepemhancer.mrc", check="mrc",
                     suffix=(".mrc",), help="sharpened map"),
        "pixel_size": Param(type="float", unit="Å", optional=True, above=0, max=100,
                            help="pixel size; the header's when not given"),
        "batch": Param(type="int", unit="cubes", default=6, min=1,
                       help="cubes at once; fewer take less memory"),
        "mask": Param(type="path", optional=True, check="mrc", section="Normalisation",
                      help="binary mask: normalise by what lies outside"),
        "noise_mean": Param(type="float", optional=True, needs=("noise_std",), min=-1e9, max=1e9,
                            section="Normalisation", help="mean of the noise"),
        "noise_std": Param(type="float", optional=True, needs=("noise_mean",), above=0,
                           section="Normalisation", help="standard deviation of the noise"),
        "cleaning": Param(type="float", optional=True, min=-1, max=1, advanced=True,
                          help="drop connected parts smaller than this, 0 to 1; -1: none"),
        "model": Param(type="path", optional=True, advanced=True,
                       help="network; the one for tight masks when not given"),
    },
    output=(Output(name="out", made="sharpened.mrc", check="mrc"),),
    failure=TENSORFLOW_FAILURES,
    example=(
        Example(
            params={"map": "half1.mrc", "half2": "half2.mrc"},
            gpus=(1, 3),
            argv=("xmipp_deep_volume_postprocessing", "-i", "map.mrc", "-i2", "half2.mrc",
                  "-o", "sharpened.mrc", "-g", "1,3", "-b", "6"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"map": "m.mrc", "pixel_size": 1.06, "noise_mean": 0, "noise_std": 0.1,
                    "cleaning": -1, "batch": 4},
            argv=("xmipp_deep_volume_postprocessing", "-i", "map.mrc", "-o", "sharpened.mrc",
                  "--sampling_rate", "1.06", "--cleaningStrengh", "-1.0",
                  "--noise_stats_mean", "0.0", "--noise_stats_std", "0.1", "-g", "-1",
                  "-b", "4"),
        ),
    ),
    licence=f"{LICENCE}; DeepEMhancer itself: Apache-2.0",
    citation="Sanchez-Garcia et al., Commun. Biol. 4 (2021) 874, doi:10.1038/s42003-021-02399-1",
    source=f"{SOURCE} src/xmipp/applications/scripts/deep_volume_postprocessing/"
    "deep_volume_postprocessing.py",
    unverified=("never run",),
)  # fmt: skip

DEEPRES = Adapter(
    name="xmipp_deepres_resolution",
    title="Xmipp DeepRes: local resolution of a map by a network",
    family="Xmipp",
    homepage=HOMEPAGE,
    program=Program(executable="xmipp_deepRes_resolution", install=INSTALL),
    gpu=Gpu(use=GpuUse.OPTIONAL, form="none", max=1, sharing="discouraged"),
    command=Template(
        argv=(
            "%(EXE)s",
            "-dl", "%(model)s",
            "-i", "%(map)s",
            "-m", "%(mask)s",
            "-s", "%(pixel_size)s",
            "-o", "%(out)s",
        ),
        # Otherwise TensorFlow takes all memory of the GPU; Scipion sets it, too.
        env={"TF_FORCE_GPU_ALLOW_GROWTH": "true"},
    ),
    params={
        "map": Param(type="path", item=True,
                     help="map at 1 Å a pixel (default) or 0.5 Å (highRes), filtered as DeepRes "
                     "wants it"),
        "mask": Param(type="path", help="mask of the map, of the same box"),
        "pixel_size": Param(type="float", unit="Å", above=0, max=100,
                            help="pixel size of the original map: bounds the result"),
        "out": Param(type="path", output="%(map.stem)s_resolution.mrc", check="mrc",
                     suffix=(".mrc",), help="map of the local resolution"),
        "model": Param(type="choice", choices=("default", "highRes"), default="default",
                       help="network: 2.5 to 13 Å (default) or 1.5 to 6 Å (highRes)"),
    },
    failure=TENSORFLOW_FAILURES,
    example=(
        Example(
            params={"map": "r.mrc", "mask": "m.mrc", "pixel_size": 1.34},
            gpus=(3, 4),
            argv=("xmipp_deepRes_resolution", "-dl", "default", "-i", "r.mrc", "-m", "m.mrc",
                  "-s", "1.34", "-o", "r_resolution.mrc"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "3",
                 "TF_FORCE_GPU_ALLOW_GROWTH": "true"},
        ),
        Example(
            params={"map": "r.mrc", "mask": "m.mrc", "pixel_size": 0.5, "model": "highRes"},
            argv=("xmipp_deepRes_resolution", "-dl", "highRes", "-i", "r.mrc", "-m", "m.mrc",
                  "-s", "0.5", "-o", "r_resolution.mrc"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "",
                 "TF_FORCE_GPU_ALLOW_GROWTH": "true"},
        ),
    ),
    licence=LICENCE,
    citation="Ramírez-Aportela et al., IUCrJ 6 (2019) 1054-1063, doi:10.1107/S2052252519011692",
    source=f"{SOURCE} src/xmipp/applications/scripts/deepRes_resolution/"
    "batch_deepRes_resolution.py",
    unverified=("never run",),
)  # fmt: skip

MISALIGNMENT = Adapter(
    name="xmipp_deep_misalignment_detection",
    title="Xmipp: tell from its gold beads whether a tomogram is misaligned",
    family="Xmipp",
    homepage=HOMEPAGE,
    program=Program(executable="xmipp_deep_misalignment_detection", install=INSTALL),
    # Ids count from 0, and become the mask; the help of Scipion's form says 1, copied from IMOD's.
    gpu=Gpu(use=GpuUse.OPTIONAL, form="comma", max=1, overwrites_mask=True,
            sharing="forbidden"),
    command=Template(
        argv=(
            "%(EXE)s",
            "--subtomoFilePath", "%(folder)s/%(name_of_beads)s.xmd",
            "--misaliThr", "%(threshold)s",
            Group(when="vote", args=("--misalignmentCriteriaVotes",)),
            Group(when="gpu", args=("-g", "%(GPU)s")),
            # It leaves the mask as it is then, which hides all GPUs.
            Group(when="cpu", args=("-g", "-1")),
        ),
    ),
    params={
        "folder": Param(type="path", check="directory",
                        help="folder of one tomogram's beads, cut out by "
                        "xmipp_tomo_extract_subtomograms; what was found is written there, too"),
        "name_of_beads": Param(type="string", default="coordinates",
                               help="name of their .xmd file, without .xmd"),
        "threshold": Param(type="float", default=0.45, min=0, max=1,
                           help="score below which a misalignment that is not strong is weak"),
        "vote": Param(type="bool", default=False,
                      help="each bead votes; otherwise their mean decides"),
    },
    output=(
        Output(name="beads", path="%(folder)s/misalignmentSubtomoStatistics.xmd"),
        Output(name="verdict", path="%(folder)s/misalignmentTomoStatistics.xmd"),
    ),
    failure=TENSORFLOW_FAILURES,
    example=(
        Example(
            params={"folder": "TS_01", "name_of_beads": "TS_01"},
            gpus=(2, 3),
            argv=("xmipp_deep_misalignment_detection", "--subtomoFilePath", "TS_01/TS_01.xmd",
                  "--misaliThr", "0.45", "-g", "2"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        Example(
            params={"folder": "TS_02", "vote": True, "threshold": 0.5},
            argv=("xmipp_deep_misalignment_detection",
                  "--subtomoFilePath", "TS_02/coordinates.xmd", "--misaliThr", "0.5",
                  "--misalignmentCriteriaVotes", "-g", "-1"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
    ),
    licence=LICENCE,
    citation=f"de Isidro-Gómez et al., J. Struct. Biol. (2024); Xmipp: {XMIPP}",
    source=f"{SOURCE} src/xmipp/applications/scripts/deep_misalignment_detection/"
    "batch_deep_misalignment_detection.py; github.com/I2PC/scipion-em-xmipptomo 4464933 "
    "xmipptomo/protocols/protocol_deep_misalignment_detection.py",
    unverified=("never run",
                "the first of its citations: no text with its DOI was found"),
)  # fmt: skip
