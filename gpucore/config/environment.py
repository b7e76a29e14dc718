"""The ``GPUCORE_*`` variables: settings from an environment that the caller hands in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, get_args

from gpucore.config.settings import ForeignChoice, SharingChoice
from gpucore.errors import ConfigError, GpucoreError, did_you_mean
from gpucore.standard.gpulist import parse_gpu_list

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["CHILD_VARIABLES", "VARIABLES", "read_environment"]

CHILD_VARIABLES = frozenset(
    {
        "GPUCORE_DEBUG",
        "GPUCORE_RUN",
        "GPUCORE_SCIPION",
        "GPUCORE_SHEPHERD",
        "GPUCORE_SIMULATED",
        "GPUCORE_STEP",
    }
)
"""No settings: what gpucore sets for the programs that it starts, what shows its faults, and what
Scipion is told.
"""

_YES = {"true", "yes", "on", "1"}
_NO = {"false", "no", "off", "0"}


def read_environment(
    environ: Mapping[str, str], cwd: Path
) -> tuple[dict[str, object], list[GpucoreError]]:
    """Return the settings that an environment says, and what is wrong with it.

    An empty variable says nothing, except ``GPUCORE_GPUS``: an empty GPU list is no GPU.

    Parameters
    ----------
    environ : Mapping
        The environment.
    cwd : Path
        What relative paths in ``GPUCORE_ADAPTERS`` are relative to.
    """
    settings: dict[str, object] = {}
    faults: list[GpucoreError] = []
    for variable, text in environ.items():
        if not variable.startswith("GPUCORE_") or variable in CHILD_VARIABLES:
            continue
        where = f"environment {variable}"
        if variable not in VARIABLES:
            hint = did_you_mean(variable, VARIABLES)
            faults.append(
                ConfigError(f"unknown variable `{variable}`", hint=hint, where=where, code="E211")
            )
            continue
        key, read = VARIABLES[variable]
        if not text.strip() and key != "gpus":
            continue
        try:
            settings[key] = read(text, cwd)
        except GpucoreError as fault:
            faults.append(ConfigError(fault.what, hint=fault.hint, where=where, code=fault.code))
    return settings, faults


def _gpus(text: str, cwd: Path) -> str:  # noqa: ARG001 - the form of every reader
    parse_gpu_list(text)
    return text


def _threads(text: str, cwd: Path) -> int:  # noqa: ARG001 - the form of every reader
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 10) or int(digits) < 1:  # noqa: PLR2004 - a billion threads
        raise ConfigError(f"{digits!r} is no number of threads", hint="1 or more", code="E209")
    return int(digits)


def _name(text: str, cwd: Path) -> str:  # noqa: ARG001 - the form of every reader
    return text.strip()


def _sharing(text: str, cwd: Path) -> str:  # noqa: ARG001 - the form of every reader
    if text.strip() not in get_args(SharingChoice):
        raise ConfigError(
            f"{text!r} is no way of sharing",
            hint=did_you_mean(text, get_args(SharingChoice)),
            code="E208",
        )
    return text.strip()


def _foreign(text: str, cwd: Path) -> str:  # noqa: ARG001 - the form of every reader
    if text.strip() not in get_args(ForeignChoice):
        raise ConfigError(
            f"{text!r} is nothing to do about programs of others",
            hint=did_you_mean(text, get_args(ForeignChoice)),
            code="E208",
        )
    return text.strip()


def _yes_or_no(text: str, cwd: Path) -> bool:  # noqa: ARG001 - the form of every reader
    word = text.strip().lower()
    if word not in _YES | _NO:
        raise ConfigError(
            f"{text!r} is neither true nor false", hint="write true or false", code="E207"
        )
    return word in _YES


def _adapters(text: str, cwd: Path) -> tuple[str, ...]:
    return tuple(str(cwd / one) for one in text.split(os.pathsep) if one)


VARIABLES: Mapping[str, tuple[str, Callable[[str, Path], object]]] = {
    "GPUCORE_GPUS": ("gpus", _gpus),
    "GPUCORE_THREADS": ("threads", _threads),
    "GPUCORE_DEVICES": ("devices", _name),
    "GPUCORE_POLICY": ("policy", _name),
    "GPUCORE_ENGINE": ("engine", _name),
    "GPUCORE_SHARING": ("sharing", _sharing),
    "GPUCORE_FOREIGN": ("foreign", _foreign),
    "GPUCORE_ISOLATE": ("isolate", _yes_or_no),
    "GPUCORE_CHECKSUM": ("checksum", _yes_or_no),
    "GPUCORE_ADAPTERS": ("adapters", _adapters),
}
"""The key that each variable sets, and how its text is read."""
