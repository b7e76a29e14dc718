"""What the names and numbers mean that a maker's library and driver use for trouble.

NVIDIA's driver reports errors by number (*Xid*). What follows from one is taken from NVIDIA's
catalogue (docs.nvidia.com/deploy/xid-errors, *Analyzing Xid Errors with the Xid Catalog*;
leptonai/gpud keeps a copy in ``components/accelerator/nvidia/xid/catalog_generated.go``), looked at
beside what NVIDIA/k8s-device-plugin makes of it (``internal/rm/health.go``).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from gpucore.scheduling import signs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpucore.scheduling.signs import Sign

__all__ = [
    "ACTIONS",
    "DEVICE_FAULTS",
    "FOLLOWS",
    "GONE",
    "SILENT",
    "SOURCE_FAULTS",
    "XIDS",
    "sign_of_xid",
    "xid_text",
]

_COPY_ENGINE = "a copy engine of it failed in a program"
_VIDEO = "its video decoder failed in a program"
_PICTURE = "its JPEG decoder failed in a program"
_FLOW = "its optical-flow engine failed in a program"
_COMMANDS = "a program or the driver gave it commands that make no sense"
_FIRMWARE = "its firmware and the driver did not agree"
_NVLINK = "its NVLink had an error"

_MEANINGS: dict[Sign, dict[int, str]] = {
    signs.PROGRAM_ERROR: {
        8: "a program on it made no progress",
        **dict.fromkeys((11, 25, 32), _COMMANDS),
        13: "a program made its compute engine fail, often by wrong memory addresses",
        31: "a program used memory of it that was not its own",
        **dict.fromkeys((37, 38, 66, 67), _FIRMWARE),
        **dict.fromkeys((39, 40, 41, 70, 71, 72, 75, 76, 77, 85, *range(126, 136)), _COPY_ENGINE),
        43: "a program on it was ended after an error of its own",
        44: "its compute engine failed while it changed from one program to another",
        45: "a program on it was ended",
        60: "its video processor failed in a program",
        **dict.fromkeys((68, 83, 84, 88, 89, 96, 97, 98), _VIDEO),
        69: "a program used a function of it that it does not have",
        80: "data that were sent to it were damaged on the way",
        **dict.fromkeys((82, *range(99, 106)), _PICTURE),
        **dict.fromkeys((86, 139), _FLOW),
        141: "a fast path of CUDA failed in a program",
        142: "its video encoder failed in a program",
        **dict.fromkeys((152, 153), "its deep-learning accelerator failed in a program"),
        159: "a program's shared memory could not be reached",
    },
    signs.MEMORY_ERROR: {
        48: "its memory gave wrong data (a double bit error)",
        95: "its memory gave wrong data, and programs beside may have read them",
        140: "its memory gave wrong data, which could not be corrected",
        171: "its memory gave wrong data (DRAM)",
        172: "its memory gave wrong data (SRAM)",
    },
    signs.CONTAINED_ERROR: {
        94: "its memory gave wrong data to one program, which was ended",
    },
    signs.REMAPPED: {
        63: "a part of its memory is marked to be replaced at its next reset",
        160: "a channel of its memory is marked to be taken out of use at its next reset",
    },
    signs.REMAP_FAILED: {
        64: "a part of its memory is bad, and could not be replaced",
    },
    signs.LINK_ERROR: {
        74: _NVLINK,
        121: "its link to the processor had an error",
        136: "its NVLink could not be set up",
        137: "a program used NVLink for what it may not reach",
        **dict.fromkeys(range(144, 151), _NVLINK),
        155: "its NVLink was stopped by the driver",
        166: "encrypted data came over NVLink before it was ready for them",
        170: "the encryption of its NVLink had an error",
    },
    signs.LOST: {
        79: "it has fallen off the bus",
    },
    signs.STOPPED: {
        46: "it stopped working",
        62: "its power controller stopped",
        119: "its system processor (GSP) does not answer",
        120: "its system processor (GSP) failed",
        143: "it could not be set up",
        158: "it did not finish in time, and cannot go on",
        167: "its connection to the machine (PCIe) did not answer",
        169: "its security controller stopped",
    },
    signs.STUCK: {
        109: "it did not come back from changing from one program to another",
        110: "its security unit reported a fault",
        156: "a part of it was taken out of use, which a reset completes",
    },
    signs.WORN: {
        92: "its memory has many errors that are still corrected",
        157: "a part of it is bad, and could not be taken out of use",
        161: "a channel of its memory is bad, and could not be taken out of use",
        168: "it has less memory than it was made with",
    },
    signs.UNPOWERED: {
        54: "its power cable is not connected",
    },
}
SILENT = frozenset({14, 93, 106, 107, 108, 154, 162, 163, 164, 165})
"""Numbers that report no fault; of 154 (the recovery action changed) the reading says more."""

FOLLOWS = 45
"""A program was ended: after another error, by somebody, or by us."""

XIDS: Mapping[int, tuple[Sign, str]] = MappingProxyType(
    {
        number: (sign, meaning)
        for sign, meanings in _MEANINGS.items()
        for number, meaning in meanings.items()
    }
)
"""What a number means, and the sign that it is."""

ACTIONS: Mapping[str, Sign | None] = MappingProxyType(
    {
        "none": None,
        "gpu_reset": signs.RESET_WANTED,
        "bus_reset": signs.RESET_WANTED,
        "node_reboot": signs.REBOOT_WANTED,
        "system_reboot": signs.REBOOT_WANTED,
        "drain_p2p": signs.LINKS_TO_DRAIN,
        "drain_and_reset": signs.DRAIN_WANTED,
        "recover_imex_domain": signs.DOMAIN_TO_RECOVER,
    }
)
"""What the driver asks for (``nvmlDeviceGpuRecoveryAction_t``)."""

DEVICE_FAULTS: Mapping[str, Sign] = MappingProxyType(
    {
        "GpuIsLost": signs.LOST,
        "ResetRequired": signs.STOPPED,
        "InsufficientPower": signs.UNPOWERED,
        "CorruptedInforom": signs.INFOROM,
    }
)
"""Why one device cannot be read, where that says what is the matter with it."""

GONE = frozenset({"NotFound", "GpuNotFound"})
"""Why one device cannot be read, where that says that it is not there."""

SOURCE_FAULTS: Mapping[str, Sign] = MappingProxyType(
    {
        "LibRmVersionMismatch": signs.MISMATCH,
        "DriverNotLoaded": signs.NOT_LOADED,
        "LibraryNotFound": signs.NO_LIBRARY,
        "NoPermission": signs.NOT_ALLOWED,
    }
)
"""Why no device can be read, where that says what is the matter."""


def sign_of_xid(number: int, action: str | None) -> Sign | None:
    """Return what sign a number is.

    Parameters
    ----------
    number : int
        The Xid.
    action : str or None
        What the driver asks for; None when it does not say.

    Returns
    -------
    Sign or None
        None when it reports no fault.
    """
    if number in SILENT:
        return None
    sign, _ = XIDS.get(number, (signs.UNEXPLAINED, ""))
    if sign.yields and action == "none":
        return signs.UNEXPLAINED
    return sign


def xid_text(number: int) -> str:
    """Return what is said of a device that reported a number."""
    meaning = XIDS[number][1] if number in XIDS else signs.UNEXPLAINED.meaning
    return f"{meaning} (Xid {number})"
