"""Helices: arguments and parameters that are there when the outer diameter of the tube is given."""

from __future__ import annotations

from gpucore.standard import Group, Param

from .parts import flag

__all__ = ["HELIX_ARGV", "HELIX_PARAMS"]

HELIX_ARGV = (
    Group(
        args=(
            *("--helix", "--helical_outer_diameter", "%(helical_outer_diameter)s"),
            *("--helical_nr_asu", "%(helical_units)s"),
            *("--helical_twist_initial", "%(helical_twist)s"),
            *("--helical_rise_initial", "%(helical_rise)s"),
            *("--helical_z_percentage", "%(helical_z_part)s"),
        ),
        when="helical_outer_diameter",
    ),
    Group(args=("--helical_inner_diameter", "%(helical_inner_diameter)s")),
    Group(
        args=(
            *("--helical_symmetry_search", "--helical_twist_min", "%(helical_twist_min)s"),
            *("--helical_twist_max", "%(helical_twist_max)s"),
            *("--helical_rise_min", "%(helical_rise_min)s"),
            *("--helical_rise_max", "%(helical_rise_max)s"),
        ),
    ),
    flag("--ignore_helical_symmetry", "ignore_helical_symmetry"),
    flag("--helical_keep_tilt_prior_fixed", "helical_keep_tilt"),
)

_SEARCH = ("helical_twist_min", "helical_twist_max", "helical_rise_min", "helical_rise_max")
_HELIX = ("helical_outer_diameter",)


def _with(name: str) -> tuple[str, ...]:
    """Return what must be given with one end of the search: the helix, and the other three."""
    return (*_HELIX, *(one for one in _SEARCH if one != name))


HELIX_PARAMS = {
    "helical_outer_diameter": Param(
        type="float",
        unit="Å",
        optional=True,
        above=0,
        section="Helix",
        help="diameter of the tube; given: the particles are segments of a helix",
    ),
    "helical_inner_diameter": Param(
        type="float",
        unit="Å",
        optional=True,
        above=0,
        needs=_HELIX,
        less_than="helical_outer_diameter",
        section="Helix",
        help="diameter of the hollow inside",
    ),
    "helical_units": Param(
        type="int",
        default=1,
        min=1,
        section="Helix",
        help="asymmetric units that are new in each segment",
    ),
    "helical_twist": Param(
        type="float",
        unit="degrees",
        default=0.0,
        min=-360,
        max=360,
        section="Helix",
        help="turn from unit to unit, above 0 for a right-handed helix",
    ),
    "helical_rise": Param(
        type="float",
        unit="Å",
        default=0.0,
        min=0,
        section="Helix",
        help="step along the axis from unit to unit",
    ),
    "helical_z_part": Param(
        type="float",
        default=0.3,
        above=0,
        below=1,
        section="Helix",
        advanced=True,
        help="part of the box along the axis that is used to find and impose symmetry",
    ),
    "helical_twist_min": Param(
        type="float",
        unit="degrees",
        optional=True,
        min=-360,
        max=360,
        needs=_with("helical_twist_min"),
        less_than="helical_twist_max",
        section="Helix",
        help="search for the twist from here; with all four ends of twist and rise",
    ),
    "helical_twist_max": Param(
        type="float",
        unit="degrees",
        optional=True,
        min=-360,
        max=360,
        needs=_with("helical_twist_max"),
        section="Helix",
        help="to here",
    ),
    "helical_rise_min": Param(
        type="float",
        unit="Å",
        optional=True,
        min=0,
        needs=_with("helical_rise_min"),
        less_than="helical_rise_max",
        section="Helix",
        help="search for the rise from here",
    ),
    "helical_rise_max": Param(
        type="float",
        unit="Å",
        optional=True,
        min=0,
        needs=_with("helical_rise_max"),
        section="Helix",
        help="to here",
    ),
    "ignore_helical_symmetry": Param(
        type="bool",
        default=False,
        needs=_HELIX,
        section="Helix",
        help="treat the segments as a helix and impose no symmetry",
    ),
    "helical_keep_tilt": Param(
        type="bool",
        default=False,
        needs=_HELIX,
        section="Helix",
        advanced=True,
        help="keep the tilt near 90° in searches over all angles",
    ),
}
