"""The GPUs as a run would find them: driver, order, masks, standing, and who else uses them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from gpucore.cli.doctor.places import SHARING
from gpucore.cli.gpus_listing import Look
from gpucore.errors import DeviceError
from gpucore.scheduling.health import Level
from gpucore.standard.devices import MASKS, resolve, unmasked
from gpucore.standard.gpulist import parse_gpu_list
from gpucore.system.lease_directory import find_lease_directory
from gpucore.system.lease_files import user_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpucore.cli.doctor.checking import Notes
    from gpucore.cli.gpus_listing import Listing
    from gpucore.plugins.offers import DeviceWatch
    from gpucore.settings import Settings

__all__ = ["look_at_gpus"]

_PATIENCE = 5.0
_SLOW = 1.0
_WAKING = 5.0
_NO_GPU = DeviceError.exit_code
_BATCH = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID", "FLUX_JOB_ID")
_ORDER = "CUDA_DEVICE_ORDER"


def look_at_gpus(settings: Settings, notes: Notes) -> None:
    """Look at the GPUs that a run would be given."""
    environment = settings.environment
    notes.facts["source"] = settings.config.devices
    notes.facts["masks"] = {
        name: environment[name] for name in (_ORDER, *MASKS) if name in environment
    }
    name, _, argument = settings.config.devices.partition(":")
    source = settings.plugins.device_source(name)
    watch = source.watch(argument, unmasked(environment)) if source.watch else None
    try:
        begun = time.monotonic()
        try:
            listing = Look(settings, watch).take()
        except DeviceError as error:
            mended = error.hint or _unmask(environment)
            notes.wrong(error.what, mended, _NO_GPU, code=error.code)
            return
        notes.facts["listing_seconds"] = round(time.monotonic() - begun, 3)
        _tell_listing(listing, notes)
        if watch is not None:
            _time(watch, notes)
    finally:
        if watch is not None:
            watch.close()
    resolve(parse_gpu_list(settings.config.gpus), listing.devices)
    _look_at_masks(listing, environment, notes)
    _look_at_standings(listing, notes)
    _look_at_modes(listing, notes)
    _look_at_others(listing, settings, notes)


def _tell_listing(listing: Listing, notes: Notes) -> None:
    notes.facts["driver"] = listing.snapshot.driver
    notes.facts["cuda"] = listing.snapshot.cuda
    notes.facts["devices"] = [
        {
            "index": one.index,
            "uuid": one.uuid,
            "name": one.name,
            "memory_mib": one.memory_mib,
            "simulated": one.simulated,
            "compute_mode": _mode(listing, one.uuid, one.compute_mode),
            "state": listing.standings[one.uuid].level.name.lower(),
            "others": [
                {"pid": use.pid, "user": use.user, "what": use.what, "memory_mib": use.memory_mib}
                for use in listing.uses
                if use.uuid == one.uuid and not use.ours
            ],
        }
        for one in listing.devices
    ]
    for text in listing.notes:
        notes.wrong(text, "sudo dmesg | grep -i -e xid -e nvrm -e amdgpu")


def _time(watch: DeviceWatch, notes: Notes) -> None:
    """Ask once more, now that the driver is awake."""
    begun = time.monotonic()
    try:
        watch.read(_PATIENCE)
    except TimeoutError:
        notes.wrong(
            f"the driver did not answer within {_PATIENCE:g} seconds",
            "sudo dmesg | grep -i -e xid -e nvrm -e amdgpu; a restart of the machine is likely "
            "needed",
        )
        return
    seconds = notes.facts["answer_seconds"] = round(time.monotonic() - begun, 3)
    if seconds > _SLOW:
        notes.wrong(
            f"the driver takes {seconds:.1f} seconds to answer",
            "sudo dmesg | grep -i -e xid -e nvrm -e amdgpu",
        )
    elif notes.facts["listing_seconds"] > _WAKING:
        notes.note(
            f"the driver took {notes.facts['listing_seconds']:.0f} seconds to wake up, as it will "
            "for each program",
            "sudo nvidia-smi -pm 1 (or the service nvidia-persistenced)",
        )


def _look_at_masks(listing: Listing, environment: Mapping[str, str], notes: Notes) -> None:
    seen = len(listing.devices)
    order = environment.get(_ORDER, "PCI_BUS_ID")
    if order != "PCI_BUS_ID" and seen > 1:
        notes.note(
            f"{_ORDER}={order}: programs that are started without gpucore number the GPUs "
            "otherwise than `gpucore gpus`",
            f"export {_ORDER}=PCI_BUS_ID",
        )
    mask = environment.get(MASKS[0])
    if mask is None or any(one.simulated or one.maker != "nvidia" for one in listing.devices):
        return
    named = len([one for one in mask.split(",") if one.strip()])
    if named > seen:
        notes.wrong(
            f"{MASKS[0]}={mask!r} names {named} GPUs, and {seen} of them can be used",
            f"name GPUs that `nvidia-smi -L` lists, or all: unset {MASKS[0]}",
        )
    hidden = len(listing.snapshot.readings) - seen
    cut = any(one.parent for one in listing.devices)
    if hidden > 0 and not cut and not any(environment.get(name) for name in _BATCH):
        notes.note(
            f"{MASKS[0]}={mask!r} hides {hidden} of this machine's "
            f"{len(listing.snapshot.readings)} GPUs",
            f"unset {MASKS[0]}",
        )


def _look_at_standings(listing: Listing, notes: Notes) -> None:
    withheld = [one for one in listing.devices if listing.standings[one.uuid].withheld]
    none_left = len(withheld) == len(listing.devices)
    for device in listing.devices:
        standing = listing.standings[device.uuid]
        level = standing.level.name.lower()
        what = f"GPU {device.index} is {level}: {standing.reason}"
        if standing.withheld:
            notes.wrong(what, standing.remedy, _NO_GPU if none_left else 1)
        elif standing.level > Level.GOOD:
            notes.note(what, standing.remedy)


def _look_at_modes(listing: Listing, notes: Notes) -> None:
    modes = [_mode(listing, one.uuid, one.compute_mode) for one in listing.devices]
    none_left = set(modes) == {"prohibited"}
    for device, mode in zip(listing.devices, modes, strict=True):
        # Its index counts what a mask leaves; the driver's tool counts all.
        mend = f"sudo nvidia-smi -i {device.uuid} -c DEFAULT"
        if mode == "prohibited" and not listing.standings[device.uuid].withheld:
            notes.wrong(
                f"GPU {device.index} is in compute mode `prohibited`: no program gets it",
                mend,
                _NO_GPU if none_left else 1,
            )
        elif mode == "exclusive_process":
            notes.note(
                f"GPU {device.index} is in compute mode `exclusive_process`: one program at a "
                "time, and none that starts several processes on it",
                mend,
            )


def _look_at_others(listing: Listing, settings: Settings, notes: Notes) -> None:
    index = {one.uuid: one.index for one in listing.devices}
    others = [one for one in listing.uses if not one.ours and one.uuid in index]
    if settings.config.leases == "machine" and {one.user for one in others} - {_user(), ""}:
        configured = settings.config.lease_directory
        directory = find_lease_directory(settings.environment, configured=configured)
        if not directory.shared:
            notes.note(
                "other users compute on these GPUs, and leases are not shared with them "
                f"({directory.path})",
                SHARING,
            )
    for use in others:
        memory = "" if use.memory_mib is None else f", with {use.memory_mib} MiB"
        notes.note(
            f"GPU {index[use.uuid]} is used by a program that is not gpucore's: "
            f"{use.what or '?'} of {use.user or '?'} (process {use.pid}){memory}",
            f"kill {use.pid}, if it is not wanted"
            if use.user == _user()
            else f"ask {use.user or 'its owner'}; "
            'foreign = "avoid" in gpucore.toml keeps steps off it',
        )


def _user() -> str:
    return user_name(os.geteuid())


def _mode(listing: Listing, uuid: str, at_first: str) -> str:
    reading = listing.snapshot.of.get(uuid)
    return (reading.compute_mode if reading is not None else None) or at_first


def _unmask(environment: Mapping[str, str]) -> str:
    masks = [name for name in MASKS if name in environment]
    return f"unset {' '.join(masks)}" if masks else "gpucore gpus"
