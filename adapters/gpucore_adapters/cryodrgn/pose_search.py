"""What cryoDRGN's reconstructions without poses say of the search for poses."""

from __future__ import annotations

from gpucore.standard import Param

POSE_SEARCH = {
    "radius_start": Param(
        type="int", unit="pixels", default=12, min=1, section="Pose search",
        no_more_than="radius_end", help="radius in Fourier space of the first search",
    ),
    "radius_end": Param(
        type="int", unit="pixels", default=32, min=1, section="Pose search",
        help="radius in Fourier space of the last search",
    ),
    "subdivisions": Param(
        type="int", default=4, min=0, section="Pose search", help="halvings of the grid of poses"
    ),
    "shift_range": Param(
        type="float", unit="pixels", default=20.0, above=0, section="Pose search",
        help="how far to search for shifts",
    ),
    "shift_steps": Param(
        type="int", default=7, min=1, section="Pose search", help="points of that search on an axis"
    ),
    "kept_poses": Param(
        type="int", default=8, min=1, section="Pose search", advanced=True,
        help="poses of an image that are refined",
    ),
    "healpix_order": Param(
        type="int", default=2, min=0, max=6, section="Pose search", advanced=True,
        help="order of the first grid of directions; each more is eight times the work",
    ),
}  # fmt: skip

POSE_SEARCH_OPTIONS = (
    *("--l-start", "%(radius_start)s", "--l-end", "%(radius_end)s", "--niter", "%(subdivisions)s"),
    *("--t-extent", "%(shift_range)s", "--t-ngrid", "%(shift_steps)s"),
    *("--nkeptposes", "%(kept_poses)s", "--base-healpy", "%(healpix_order)s"),
)
