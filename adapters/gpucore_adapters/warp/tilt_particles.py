"""WarpTools for the particles of tilt series: finding them, and cutting them out."""

from __future__ import annotations

from gpucore.standard import Adapter, Example, Failure, FailureClass, Group, Output, Param, Template

from .project import (
    CITATION,
    FAILURES,
    GPU,
    HOMEPAGE,
    LICENCE,
    OUTPUTS,
    PROGRAM,
    PROJECT,
    SOURCE,
    UNVERIFIED,
    WORKERS,
    opening,
)

__all__ = ["WARP_TS_EXPORT_PARTICLES", "WARP_TS_TEMPLATE_MATCH"]

_MATCHING = {
    "tomogram_pixel_size": Param(
        type="float", unit="Å", above=0, max=1000, help="voxel size of the tomograms to search"
    ),
    "template": Param(type="path", check="mrc", help="map to look for"),
    "template_diameter": Param(
        type="int", unit="Å", min=1, max=100000, help="diameter of the template"
    ),
    "template_pixel_size": Param(
        type="float", unit="Å", optional=True, above=0, max=1000,
        help="voxel size of the template; that of its header when left out",
    ),
    "template_flip": Param(
        type="bool", default=False, help="mirror the template in x, for the other hand"
    ),
    "symmetry": Param(
        type="string", blanks=False, default="C1", help="symmetry of the template: C1, D7, O"
    ),
    "subdivisions": Param(
        type="int", default=3, min=0, max=8,
        help="angular step: 2 for 15°, 3 for 7.5°, 4 for 3.75°",
    ),
    "tilt_range": Param(
        type="float", unit="degrees", optional=True, min=0, max=90,
        help="greatest angle between the template's z and the plane of the tomogram",
    ),
    "batch_angles": Param(
        type="int", default=8, min=1, max=1024,
        help="orientations tried at once; the memory needed grows with it",
    ),
    "peak_distance": Param(
        type="int", unit="Å", optional=True, min=1, max=100000,
        help="least distance of peaks; the template's diameter when left out",
    ),
    "peaks": Param(type="int", default=2000, min=0, max=1000000, help="most peaks to keep"),
    "whiten": Param(
        type="bool", default=False, help="whiten the spectrum: more weight for high resolution"
    ),
    "lowpass": Param(
        type="float", default=1.0, min=0, max=1, help="low-pass filter, in fractions of Nyquist"
    ),
    "max_missing_tilts": Param(
        type="int", default=2, min=0, max=1000,
        help="positions that more tilts do not show are left out",
    ),
    "reuse_results": Param(
        type="bool", default=False, help="take the scores of an earlier run, find peaks anew"
    ),
    "check_hand": Param(
        type="int", default=0, min=0, max=10000,
        help="try the mirrored template, too, on so many tomograms",
    ),
    "subvolume_size": Param(
        type="int", unit="voxels", default=192, min=64, max=2048, advanced=True,
        help="side of the pieces that are searched one by one",
    ),
}  # fmt: skip

WARP_TS_TEMPLATE_MATCH = Adapter(
    name="warp_ts_template_match",
    title="WarpTools ts_template_match: match a template against tomograms on GPUs",
    family="Warp",
    homepage=HOMEPAGE,
    program=PROGRAM,
    gpu=GPU,
    command=Template(
        in_place=True,
        argv=(
            *opening("ts_template_match"),
            *("--tomo_angpix", "%(tomogram_pixel_size)s", "--template_path", "%(template)s"),
            *("--template_diameter", "%(template_diameter)s"),
            Group(args=("--template_angpix", "%(template_pixel_size)s")),
            Group(when="template_flip", args=("--template_flip",)),
            *("--symmetry", "%(symmetry)s", "--subdivisions", "%(subdivisions)s"),
            Group(args=("--tilt_range", "%(tilt_range)s")),
            *("--batch_angles", "%(batch_angles)s"),
            Group(args=("--peak_distance", "%(peak_distance)s")),
            *("--npeaks", "%(peaks)s"),
            Group(when="whiten", args=("--whiten",)),
            *("--lowpass", "%(lowpass)s", "--max_missing_tilts", "%(max_missing_tilts)s"),
            Group(when="reuse_results", args=("--reuse_results",)),
            Group(when="check_hand", at_least=1, args=("--check_hand", "%(check_hand)s")),
            *("--subvolume_size", "%(subvolume_size)s"),
            *WORKERS,
        )
    ),
    params={**PROJECT, **_MATCHING},
    output=(*OUTPUTS, Output(name="matching", path="%(out)s/matching", check="directory")),
    failure=(
        Failure(match=r"can't be used together", class_=FailureClass.BAD_INPUT,
                hint="`template_flip` or `check_hand`, not both"),
        *FAILURES,
    ),
    example=(
        Example(
            params={"settings": "warp_tiltseries.settings", "out": "warp_tiltseries",
                    "tomogram_pixel_size": 10, "template": "ribosome.mrc",
                    "template_diameter": 320},
            gpus=(2,),
            argv=(
                "WarpTools", "ts_template_match", "--settings", "warp_tiltseries.settings",
                "--output_processing", "warp_tiltseries", "--tomo_angpix", "10.0",
                "--template_path", "ribosome.mrc", "--template_diameter", "320",
                "--symmetry", "C1", "--subdivisions", "3", "--batch_angles", "8",
                "--npeaks", "2000", "--lowpass", "1.0", "--max_missing_tilts", "2",
                "--subvolume_size", "192", "--device_list", "2", "--perdevice", "1",
            ),
        ),
        Example(
            params={"settings": "warp_tiltseries.settings", "out": "warp_tiltseries",
                    "tomogram_pixel_size": 10, "template": "apoferritin.mrc",
                    "template_diameter": 130, "symmetry": "O", "whiten": True,
                    "check_hand": 2},
            gpus=(0, 1),
            argv=(
                "WarpTools", "ts_template_match", "--settings", "warp_tiltseries.settings",
                "--output_processing", "warp_tiltseries", "--tomo_angpix", "10.0",
                "--template_path", "apoferritin.mrc", "--template_diameter", "130",
                "--symmetry", "O", "--subdivisions", "3", "--batch_angles", "8",
                "--npeaks", "2000", "--whiten", "--lowpass", "1.0",
                "--max_missing_tilts", "2", "--check_hand", "2", "--subvolume_size", "192",
                "--device_list", "0", "1", "--perdevice", "1",
            ),
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source=SOURCE,
    unverified=UNVERIFIED,
)  # fmt: skip

_EXPORT = {
    "particles": Param(
        type="path", suffix=(".star",), help="STAR file of the particles and their poses"
    ),
    "star": Param(
        type="path", output="%(settings.stem)s_particles.star",
        help="STAR file of what was exported",
    ),
    "pixel_size": Param(
        type="float", unit="Å", above=0, max=1000, help="pixel size of the exported particles"
    ),
    "box_size": Param(
        type="int", unit="pixels", min=2, max=8192, multiple_of=2, help="side of their box"
    ),
    "diameter": Param(
        type="int", unit="Å", min=1, max=100000, help="diameter of the particles"
    ),
    "dimensions": Param(
        type="choice", default="3d", choices=("3d", "2d"),
        help="3d: volumes, 2d: series of images",
    ),
    "coordinate_pixel_size": Param(
        type="float", unit="Å", optional=True, above=0, max=1000,
        help="pixel size that the coordinates are given in; left out: they go from 0 to 1, as "
        "template matching writes them",
    ),
    "relative_paths": Param(
        type="bool", default=False, help="paths in the STAR file are relative to its own folder"
    ),
    "tilts": Param(
        type="int", optional=True, min=1, max=1000, help="export so many tilts, of least dose"
    ),
    "max_missing_tilts": Param(
        type="int", default=5, min=0, max=1000,
        help="2d: particles that more tilts do not show are left out",
    ),
}  # fmt: skip

WARP_TS_EXPORT_PARTICLES = Adapter(
    name="warp_ts_export_particles",
    title="WarpTools ts_export_particles: export the particles of tilt series on GPUs",
    family="Warp",
    homepage=HOMEPAGE,
    program=PROGRAM,
    gpu=GPU,
    command=Template(
        in_place=True,
        argv=(
            *opening("ts_export_particles"),
            *("--input_star", "%(particles)s", "--output_star", "%(star)s"),
            *("--output_angpix", "%(pixel_size)s", "--box", "%(box_size)s"),
            *("--diameter", "%(diameter)s"),
            Group(args=("--coords_angpix", "%(coordinate_pixel_size)s")),
            Group(unless="coordinate_pixel_size", args=("--normalized_coords",)),
            Group(when="relative_paths", args=("--relative_output_paths",)),
            Group(when="dimensions", equals=("3d",), args=("--3d",)),
            Group(
                when="dimensions",
                equals=("2d",),
                args=("--2d", "--max_missing_tilts", "%(max_missing_tilts)s"),
            ),
            Group(args=("--n_tilts", "%(tilts)s")),
            *WORKERS,
        )
    ),
    params={**PROJECT, **_EXPORT},
    output=OUTPUTS,
    failure=FAILURES,
    example=(
        Example(
            params={"settings": "warp_tiltseries.settings", "out": "warp_tiltseries",
                    "particles": "matched.star", "star": "export.star", "pixel_size": 5,
                    "box_size": 96, "diameter": 320},
            gpus=(0,),
            argv=(
                "WarpTools", "ts_export_particles", "--settings", "warp_tiltseries.settings",
                "--output_processing", "warp_tiltseries", "--input_star", "matched.star",
                "--output_star", "export.star", "--output_angpix", "5.0", "--box", "96",
                "--diameter", "320", "--normalized_coords", "--3d", "--device_list", "0",
                "--perdevice", "1",
            ),
        ),
        Example(
            params={"settings": "warp_tiltseries.settings", "out": "warp_tiltseries",
                    "particles": "run_data.star", "star": "export.star", "pixel_size": 2.5,
                    "box_size": 128, "diameter": 130, "dimensions": "2d",
                    "coordinate_pixel_size": 1.35},
            gpus=(1, 2),
            argv=(
                "WarpTools", "ts_export_particles", "--settings", "warp_tiltseries.settings",
                "--output_processing", "warp_tiltseries", "--input_star", "run_data.star",
                "--output_star", "export.star", "--output_angpix", "2.5", "--box", "128",
                "--diameter", "130", "--coords_angpix", "1.35", "--2d",
                "--max_missing_tilts", "5", "--device_list", "1", "2", "--perdevice", "1",
            ),
        ),
    ),
    licence=LICENCE,
    citation=CITATION,
    source=SOURCE,
    unverified=UNVERIFIED,
)  # fmt: skip
