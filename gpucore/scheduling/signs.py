"""The signs of a device in trouble: what each means, what follows, and what a person can do.

The documentation's page *When a GPU breaks* is this table.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucore.scheduling.standing import Level, Standing

_CATALOGUE = "NVIDIA's Xid catalogue"
_MEMORY = "NVIDIA's GPU memory error management"
_NVML = "NVML's error codes"
_TABLE = "gpucore"

_RESET = "reset it when nothing runs on it (`nvidia-smi --gpu-reset -i {uuid}`)"
_THEN = "then `gpucore gpus enable {uuid}`"
_AGAIN = "if it happens again, have the card looked at"


@dataclass(frozen=True, kw_only=True)
class Sign:
    """One sign of trouble.

    Parameters
    ----------
    name : str
        What the documentation calls it.
    meaning : str
        What is the matter, said of the device.
    level : Level
        What is thought of a device that shows it.
    remedy : str
        What a person can do; ``{uuid}`` stands for the device.
    source : str
        Where the rule comes from.
    stop_steps : bool
        Whether programs on the device must be ended.
    hard : bool
        As in `Standing`.
    forgiven : bool
        Whether the first step that passes on the device clears it.
    yields : bool
        Whether it does not count as much when the driver, asked, wants nothing to be done.
    overruled : bool
        Whether a person who knows of it may have the device used in spite of it.
    """

    name: str
    meaning: str
    level: Level
    remedy: str
    source: str
    stop_steps: bool = False
    hard: bool = False
    forgiven: bool = False
    yields: bool = False
    overruled: bool = False

    def seen(self, uuid: str, now: float, said: str = "") -> Standing:
        """Return how a device stands that shows it; ``said`` goes before its own meaning."""
        return Standing(
            level=self.level,
            reason=said or self.meaning,
            remedy=self.remedy.replace("{uuid}", uuid),
            since=now,
            hard=self.hard,
        )


PROGRAM_ERROR = Sign(
    name="error of a program",
    meaning="a program on it did something that it could not carry out",
    level=Level.NOTED,
    forgiven=True,
    remedy="nothing: the step is tried on another GPU; when it fails there too, look at the "
    "program and its input",
    source=f"{_CATALOGUE}: RESTART_APP; k8s-device-plugin: application errors",
)
MEMORY_ERROR = Sign(
    name="memory error that nothing contains",
    meaning="its memory gave wrong data",
    level=Level.QUARANTINED,
    stop_steps=True,
    hard=True,
    remedy=f"restart the machine, or {_RESET}, {_THEN}; check results that were made on it "
    f"meanwhile; {_AGAIN}",
    source=f"{_CATALOGUE}: RESET_GPU; {_MEMORY}",
)
CONTAINED_ERROR = Sign(
    name="contained memory error",
    meaning="its memory gave wrong data to one program, which was ended",
    level=Level.NOTED,
    remedy="nothing now: the step is tried elsewhere; the next reset of the GPU replaces the "
    "memory at fault",
    source=f"{_CATALOGUE}: RESTART_APP; {_MEMORY}",
)
REMAPPED = Sign(
    name="memory to be replaced",
    meaning="a part of its memory is replaced at its next reset",
    level=Level.NOTED,
    remedy="nothing now: it may be used; restart the machine when it is convenient",
    source=f"{_MEMORY}: new work may be launched",
)
REMAP_FAILED = Sign(
    name="memory that could not be replaced",
    meaning="a part of its memory is bad, and could not be replaced",
    level=Level.QUARANTINED,
    hard=True,
    overruled=True,
    remedy="have the card looked at: NVIDIA replaces such cards; `gpucore gpus enable {uuid}` uses "
    "it in spite of that",
    source=f"{_CATALOGUE}: RESET_GPU, CONTACT_SUPPORT",
)
LINK_ERROR = Sign(
    name="NVLink error",
    meaning="its link to other GPUs had an error",
    level=Level.NOTED,
    remedy="nothing for steps on one GPU; when steps on several fail, restart the machine",
    source=f"{_CATALOGUE}: WORKFLOW_NVLINK_ERR",
)
LINK_BROKEN = Sign(
    name="NVLink error, and a step on several GPUs failed",
    meaning="a step on several GPUs failed on it after an error of its link to other GPUs",
    level=Level.QUARANTINED,
    hard=True,
    remedy=f"restart the machine, or {_RESET}, {_THEN}; {_AGAIN}",
    source=f"{_CATALOGUE}: WORKFLOW_NVLINK_ERR",
)
LOST = Sign(
    name="lost",
    meaning="it has fallen off the bus",
    level=Level.QUARANTINED,
    stop_steps=True,
    hard=True,
    remedy="restart the machine; when that does not bring it back, switch the machine off, and "
    "check how the card sits and its power",
    source=f"{_CATALOGUE}: RESTART_BM; {_NVML}: GPU_IS_LOST",
)
STOPPED = Sign(
    name="stopped",
    meaning="it has stopped working until it is reset",
    level=Level.QUARANTINED,
    stop_steps=True,
    hard=True,
    remedy=f"{_RESET}, {_THEN}, or restart the machine; {_AGAIN}",
    source=f"{_CATALOGUE}: RESET_GPU; {_NVML}: RESET_REQUIRED",
)
STUCK = Sign(
    name="stuck",
    meaning="it did not come out of a program's work",
    level=Level.QUARANTINED,
    stop_steps=True,
    hard=True,
    yields=True,
    remedy=f"{_RESET}, {_THEN}, or restart the machine",
    source=f"{_CATALOGUE}: RESET_GPU; k8s-device-plugin ignores 109, so the driver's word decides",
)
WORN = Sign(
    name="worn",
    meaning="its memory has many errors that are still corrected",
    level=Level.AVOIDED,
    remedy="nothing now: results are right; have the card looked at before it gets worse",
    source=f"{_CATALOGUE}: IGNORE, CONTACT_SUPPORT",
)
UNPOWERED = Sign(
    name="without power",
    meaning="it does not get the power that it needs",
    level=Level.QUARANTINED,
    hard=True,
    remedy="switch the machine off, and check the power cables of the card",
    source=f"{_CATALOGUE}: CHECK_MECHANICALS; {_NVML}: INSUFFICIENT_POWER",
)
UNEXPLAINED = Sign(
    name="error without an explanation",
    meaning="the driver reported an error of it that NVIDIA does not explain",
    level=Level.AVOIDED,
    forgiven=True,
    remedy=f"nothing now; {_AGAIN}",
    source=f"{_CATALOGUE}: CONTACT_SUPPORT",
)

RESET_WANTED = Sign(
    name="the driver wants a reset",
    meaning="the driver says that it must be reset",
    level=Level.QUARANTINED,
    stop_steps=True,
    overruled=True,
    remedy=f"{_RESET}, or restart the machine",
    source=f"{_MEMORY}: recovery action GPU_RESET",
)
REBOOT_WANTED = Sign(
    name="the driver wants a restart",
    meaning="the driver says that the machine must be restarted because of it",
    level=Level.QUARANTINED,
    stop_steps=True,
    overruled=True,
    remedy="restart the machine",
    source=f"{_MEMORY}: recovery action NODE_REBOOT",
)
DRAIN_WANTED = Sign(
    name="the driver wants no new work",
    meaning="the driver says that a part of it is out of use, and that it must get no new work "
    "until it is reset",
    level=Level.QUARANTINED,
    overruled=True,
    remedy=f"{_RESET}, or restart the machine; what runs on it goes on",
    source=f"{_MEMORY}: recovery action DRAIN_AND_RESET",
)
LINKS_TO_DRAIN = Sign(
    name="the driver wants no traffic between GPUs",
    meaning="the driver says that no program may use it together with other GPUs",
    level=Level.QUARANTINED,
    overruled=True,
    remedy="end programs that use several GPUs, then `gpucore gpus probe` says what the driver "
    "wants next",
    source=f"{_MEMORY}: recovery action DRAIN_P2P",
)
DOMAIN_TO_RECOVER = Sign(
    name="the driver wants links between machines mended",
    meaning="the driver says that links to GPUs of other machines must be mended",
    level=Level.NOTED,
    remedy="nothing for programs on one machine; otherwise restart NVIDIA's IMEX service",
    source="NVML: recovery action RECOVER_IMEX_DOMAIN",
)
ACTION_UNEXPLAINED = Sign(
    name="the driver wants something else",
    meaning="the driver asks for something that gpucore does not know",
    level=Level.AVOIDED,
    remedy="look at `nvidia-smi -q -i {uuid}`, and update gpucore",
    source=_TABLE,
)

EARLIER_ERRORS = Sign(
    name="earlier memory errors",
    meaning="its memory has given wrong data since the driver was loaded",
    level=Level.NOTED,
    remedy="nothing now: results made at that time may be wrong; "
    "`nvidia-smi -q -d ECC -i {uuid}` tells more",
    source=f"{_MEMORY}: uncorrectable errors",
)
SLOWED = Sign(
    name="slowed down",
    meaning="it is slowed down, because it is too hot or gets too little power",
    level=Level.AVOIDED,
    remedy="nothing when it passes; otherwise check fans, dust and power",
    source="NVML's clocks event reasons",
)
SLOWED_OFTEN = Sign(
    name="slowed down often",
    meaning="it is slowed down again and again, because it is too hot or gets too little power",
    level=Level.AVOIDED,
    remedy="check fans, dust, the room's cooling and the power supply",
    source="gpud: 0.6 events a minute",
)
PROHIBITED = Sign(
    name="compute mode prohibited",
    meaning="its compute mode is `prohibited`: no program may compute on it",
    level=Level.QUARANTINED,
    remedy="an administrator can allow it: `nvidia-smi -c 0 -i {uuid}`",
    source="NVML: COMPUTEMODE_PROHIBITED",
)
MIG_PENDING = Sign(
    name="MIG to be switched",
    meaning="its MIG mode is switched at its next reset",
    level=Level.QUARANTINED,
    remedy="reset it when nothing runs on it, and start a new run, which sees it as it is then",
    source="NVML: current and pending MIG mode",
)
MIG_CHANGED = Sign(
    name="MIG layout changed",
    meaning="its MIG layout was changed: it is not there in this form any more",
    level=Level.QUARANTINED,
    remedy="start a new run, which sees the GPUs as they are now (`gpucore gpus`)",
    source="NVML: MIG mode, devices listed",
)
INFOROM = Sign(
    name="damaged InfoROM",
    meaning="its InfoROM, where it keeps its settings and errors, is damaged",
    level=Level.NOTED,
    remedy="nothing now; have the card looked at",
    source=f"{_NVML}: CORRUPTED_INFOROM",
)
UNREADABLE = Sign(
    name="cannot be read",
    meaning="it cannot be read",
    level=Level.UNKNOWN,
    remedy="wait: it is used again when it can be read; `gpucore gpus probe` looks at it",
    source=_NVML,
)
UNREADABLE_LONG = Sign(
    name="cannot be read for a minute",
    meaning="it cannot be read",
    level=Level.QUARANTINED,
    remedy="look at `nvidia-smi` and `dmesg`; it is used again when it can be read",
    source=_NVML,
)
MISSING = Sign(
    name="missing",
    meaning="it is not among the GPUs any more",
    level=Level.UNKNOWN,
    remedy="wait: one look more says whether it is gone",
    source=_TABLE,
)
HANGING = Sign(
    name="the driver does not answer",
    meaning="the driver has not answered",
    level=Level.UNKNOWN,
    remedy="wait: running steps go on, and it is used again when the driver answers",
    source="gpud, NVSentinel, go-nvml: drivers that hang",
)
HUNG = Sign(
    name="the driver does not answer for a minute",
    meaning="the driver has not answered",
    level=Level.QUARANTINED,
    remedy="look at `dmesg` for Xid messages, and restart the machine; it is used again when the "
    "driver answers",
    source="Slurm: UnkillableStepTimeout",
)
UNENDING = Sign(
    name="a program on it cannot be ended",
    meaning="a program on it cannot be ended",
    level=Level.QUARANTINED,
    remedy="look at `dmesg`; when the program does not go away, restart the machine, " + _THEN,
    source="Slurm: UnkillableStepTimeout",
    hard=True,
)

MISMATCH = Sign(
    name="driver and library differ",
    meaning="the driver and its library have different versions: an upgrade is half done",
    level=Level.QUARANTINED,
    remedy="restart the machine, or reload the driver when nothing runs on its GPUs",
    source=f"{_NVML}: LIB_RM_VERSION_MISMATCH",
)
NOT_LOADED = Sign(
    name="driver not loaded",
    meaning="the driver is not loaded any more",
    level=Level.QUARANTINED,
    remedy="load it (`modprobe nvidia`), or restart the machine",
    source=f"{_NVML}: DRIVER_NOT_LOADED",
)
NO_LIBRARY = Sign(
    name="no driver",
    meaning="the driver's library libnvidia-ml.so.1 is not there any more",
    level=Level.QUARANTINED,
    remedy="install the driver, and restart the machine",
    source=f"{_NVML}: LIBRARY_NOT_FOUND",
)
NOT_ALLOWED = Sign(
    name="no permission",
    meaning="this user may not ask the driver any more",
    level=Level.QUARANTINED,
    remedy="let the user read and write /dev/nvidia* (often by the group `video` or `render`)",
    source=f"{_NVML}: NO_PERMISSION",
)

BLAMED = Sign(
    name="steps fail on it",
    meaning="different steps failed on it one after another, and not elsewhere",
    level=Level.QUARANTINED,
    remedy="wait: one step tries it again later; `gpucore gpus enable {uuid}` uses it at once",
    source="WarpTools' matrix of workers and tasks",
)
TRIAL = Sign(
    name="steps failed on it, one tries it again",
    meaning="after its quarantine one step tries it",
    level=Level.AVOIDED,
    remedy="nothing: when that step passes it is as good as before; when it fails, it is "
    "quarantined for longer",
    source=_TABLE,
)
UNSEEN_MEMORY = Sign(
    name="memory held by nobody",
    meaning="its memory is held by no process that can be seen",
    level=Level.NOTED,
    remedy="look for a program that was killed and has not ended (`nvidia-smi`, `ps`), or that "
    "runs in a container",
    source="RELION issue 54",
)
DISABLED = Sign(
    name="disabled by hand",
    meaning="disabled with `gpucore gpus disable`",
    level=Level.QUARANTINED,
    hard=True,
    remedy="`gpucore gpus enable {uuid}` when it may be used again",
    source=_TABLE,
)
