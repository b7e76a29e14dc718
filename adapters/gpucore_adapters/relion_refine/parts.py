"""Arguments and parameters that several of RELION's refinements have, by what they are about."""

from __future__ import annotations

from typing import Literal

from gpucore.standard import Group, Output, Param

__all__ = [
    "BLUSH",
    "CTF_ARGV",
    "CTF_PARAMS",
    "LAST",
    "MASK_ARGV",
    "MASK_PARAMS",
    "NORM_ARGV",
    "NORM_PARAMS",
    "PARTICLES",
    "REFERENCE_ARGV",
    "REFERENCE_PARAMS",
    "SHIFT_ARGV",
    "SHIFT_PARAMS",
    "SIGMA_TILT",
    "SPHERE_ARGV",
    "SPHERE_PARAMS",
    "SYMMETRY",
    "flag",
    "of_last_iteration",
    "out",
]

LAST = 999
"""RELION writes three digits of an iteration's number."""


def of_last_iteration(name: str, ending: str, *, check: Literal["file", "mrc"] = "file") -> Output:
    """Return an output of the last iteration, whose number RELION writes in three digits."""
    return Output(name=name, path=f"%(out)s_it%(iterations)03d_{ending}", check=check)


def flag(option: str, name: str) -> Group:
    """Return an option that is there when a parameter says yes."""
    return Group(args=(option,), when=name)


PARTICLES = Param(
    type="path",
    item=True,
    section="Input",
    help="STAR file of particles and their optics; its images lie below the working folder",
)


def out(job: str, item: str = "particles") -> Param:
    """Return the parameter of the outputs, which lie in a folder that says the job."""
    return Param(
        type="path",
        output=f"%({item}.stem)s_{job}/run",
        check="any",
        help="folder and first part of the names of all outputs",
    )


SYMMETRY = Param(
    type="string",
    default="C1",
    blanks=False,
    section="Model",
    help="point group: C1, D7, O, I1, I2, …",
)

REFERENCE_ARGV = (
    *("--ref", "%(reference)s", "--ini_high", "%(lowpass)s"),
    flag("--firstiter_cc", "first_iteration_cc"),
    flag("--trust_ref_size", "resize_reference"),
)

REFERENCE_PARAMS = {
    "reference": Param(type="path", section="Input", help="map to start from, MRC"),
    "lowpass": Param(
        type="float",
        unit="Å",
        default=60.0,
        above=0,
        section="Model",
        help="the reference is filtered to this first, so that its detail cannot bias the result",
    ),
    "first_iteration_cc": Param(
        type="bool",
        default=True,
        section="Model",
        help="compare by cross-correlation in the first round; for a reference of another grey "
        "scale than RELION's own",
    ),
    "resize_reference": Param(
        type="bool",
        default=True,
        section="Model",
        help="fit the reference to the particles' box and pixel size, as its header says",
    ),
}

CTF_ARGV = (
    flag("--ctf", "ctf"),
    flag("--ctf_intact_first_peak", "ignore_ctf_until_first_peak"),
)

CTF_PARAMS = {
    "ctf": Param(
        type="bool",
        default=True,
        section="Model",
        help="correct for the CTF; the STAR file must have it",
    ),
    "ignore_ctf_until_first_peak": Param(
        type="bool", default=False, section="Model", help="leave low frequencies as they are"
    ),
}

SPHERE_ARGV = (
    *("--particle_diameter", "%(particle_diameter)s"),
    flag("--flatten_solvent", "flatten_solvent"),
    flag("--zero_mask", "zero_mask"),
)

MASK_ARGV = (*SPHERE_ARGV, Group(args=("--solvent_mask", "%(mask)s")))

SPHERE_PARAMS = {
    "particle_diameter": Param(
        type="float",
        unit="Å",
        min=1,
        section="Model",
        help="diameter of the round mask around a particle",
    ),
    "flatten_solvent": Param(
        type="bool", default=True, section="Model", help="mask the reference too"
    ),
    "zero_mask": Param(
        type="bool",
        default=True,
        section="Model",
        help="fill outside the mask with zeros; false: with noise",
    ),
}

MASK_PARAMS = {
    **SPHERE_PARAMS,
    "mask": Param(
        type="path",
        optional=True,
        check="mrc",
        section="Input",
        help="mask of the reference, 0 to 1, soft at its edge; a sphere when not given",
    ),
}

SHIFT_ARGV = (
    *("--oversampling", "%(oversampling)s", "--healpix_order", "%(healpix_order)s"),
    *("--offset_range", "%(offset_range)s", "--offset_step", "%(offset_step)s"),
)

SHIFT_PARAMS = {
    "oversampling": Param(
        type="int",
        default=1,
        min=0,
        max=4,
        section="Search",
        help="halvings of the steps in the second pass",
    ),
    "healpix_order": Param(
        type="int",
        default=2,
        min=0,
        max=8,
        section="Search",
        help="angular step before oversampling: 0 is 60°, 1 30°, 2 15°, 3 7.5°, each half of the "
        "one before",
    ),
    "offset_range": Param(
        type="float",
        unit="pixels",
        default=5.0,
        min=0,
        section="Search",
        help="how far to search for shifts",
    ),
    "offset_step": Param(
        type="float",
        unit="pixels",
        default=2.0,
        min=0.1,
        section="Search",
        help="step of the shifts, before oversampling",
    ),
}

NORM_ARGV = (flag("--norm", "norm"), flag("--scale", "scale"))

NORM_PARAMS = {
    "norm": Param(
        type="bool",
        default=True,
        section="Model",
        advanced=True,
        help="correct the images' normalisation",
    ),
    "scale": Param(
        type="bool",
        default=True,
        section="Model",
        advanced=True,
        help="correct the scale of groups",
    ),
}

BLUSH = Param(
    type="bool",
    default=False,
    section="Model",
    help="regularise by Blush, a network (RELION 5); also on the step's GPUs",
)

SIGMA_TILT = Param(
    type="float",
    unit="degrees",
    optional=True,
    above=0,
    section="Search",
    help="keep the second angle near its prior: standard deviation of the search",
)
