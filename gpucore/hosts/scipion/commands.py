"""Scipion's command lines: ``%(GPU)s`` filled in, and the environment that agrees with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gpucore.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpucore.hosts.scipion.holds import Hold
    from gpucore.standard.model import Device

__all__ = ["child_environment", "fill"]

_MARK = "%(GPU)s"
_MASK = "CUDA_VISIBLE_DEVICES="
_FIELD = re.compile(rf"(%%)|((?:{_MASK}[\"']?)?)%\(GPU\)s")


def fill(
    program: str, params: str | Sequence[object], devices: Sequence[Device]
) -> tuple[str, str | list[str]]:
    """Return a program and its parameters with each ``%(GPU)s`` replaced by GPUs.

    In a text the numbers are separated by blanks, in a program (one word) and behind
    ``CUDA_VISIBLE_DEVICES=`` by commas. In a list of arguments an argument that is the mark alone
    becomes as many as there are GPUs. Plugins write ``%%`` for ``%`` beside a mark, because
    pyworkflow fills it by Python's ``%``: that is read as they mean it. Any other ``%`` is itself.

    Raises
    ------
    TemplateError
        When there is a mark, and no GPU.

    Examples
    --------
    >>> from gpucore.standard import Device
    >>> pair = [Device(uuid="GPU-a", index=0), Device(uuid="GPU-b", index=1)]
    >>> fill("CUDA_VISIBLE_DEVICES=%(GPU)s prog", "-gpu %(GPU)s -o mic_%03d.mrc", pair)
    ('CUDA_VISIBLE_DEVICES=0,1 prog', '-gpu 0 1 -o mic_%03d.mrc')
    >>> fill("prog", ["-gpu", "%(GPU)s", "-n", 4], pair)
    ('prog', ['-gpu', '0', '1', '-n', '4'])
    """
    words = [params] if isinstance(params, str) else [str(one) for one in params]
    if not devices and any(_MARK in one for one in (program, *words)):
        raise TemplateError(
            f"`{program}` is to be told its GPUs by {_MARK}, and its step has none",
            hint="a step with the mark needs a GPU: `needsGPU=True`, and a GPU list in the form",
            code="E322",
        )
    program = _filled(program, devices, ",")
    if isinstance(params, str):
        return program, _filled(params, devices, " ")
    filled: list[str] = []
    for one in words:
        if one == _MARK:
            filled += [str(device.index) for device in devices]
        else:
            filled.append(_filled(one, devices, " "))
    return program, filled


def child_environment(base: Mapping[str, str], hold: Hold, outer: str | None) -> dict[str, str]:
    """Return the environment of a program that a step starts.

    Parameters
    ----------
    base : Mapping
        What the protocol gives it.
    hold : Hold
        What the step holds.
    outer : str or None
        ``CUDA_VISIBLE_DEVICES`` as Scipion was started with it. What a plugin wrote there since is
        not hidden again: it means to use a GPU.
    """
    environment = {**base, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    if hold.mask or (hold.mask == "" and base.get("CUDA_VISIBLE_DEVICES") == outer):
        environment["CUDA_VISIBLE_DEVICES"] = hold.mask
    if any(device.simulated for device in hold.devices):
        environment["GPUCORE_SIMULATED"] = "1"
    return environment


def _filled(text: str, devices: Sequence[Device], separator: str) -> str:
    if _MARK not in text:
        return text
    mask = ",".join(device.mask_entry for device in devices)
    indexes = separator.join(str(device.index) for device in devices)

    def replaced(found: re.Match[str]) -> str:
        if found[1]:
            return "%"
        return f"{found[2]}{mask}" if found[2] else indexes

    return _FIELD.sub(replaced, text)
