"""TOML text to checked values: all faults at once, with file, line and key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.config.environment import CHILD_VARIABLES
from gpucore.config.places import KeyPath, Place, key_text, locate
from gpucore.config.settings import (
    ContainerConfig,
    PluginsConfig,
    ProgramConfig,
    SharingChoice,
    SiteConfig,
)
from gpucore.config.site import Site, check_site, load_site
from gpucore.config.toml import FileError, TomlFile, parse_toml, read_toml

if TYPE_CHECKING:
    from gpucore.config.adapterfile import check_adapter, read_adapter
    from gpucore.config.adaptertoml import adapter_toml
    from gpucore.config.detect import Kind, kind_of
    from gpucore.config.job import (
        Job,
        JobFile,
        RunTable,
        Stage,
        StepTable,
        check_job,
        ordered,
        read_job,
    )
    from gpucore.config.jobfaults import job_faults

__all__ = [
    "CHILD_VARIABLES",
    "ContainerConfig",
    "FileError",
    "Job",
    "JobFile",
    "KeyPath",
    "Kind",
    "Place",
    "PluginsConfig",
    "ProgramConfig",
    "RunTable",
    "SharingChoice",
    "Site",
    "SiteConfig",
    "Stage",
    "StepTable",
    "TomlFile",
    "adapter_toml",
    "check_adapter",
    "check_job",
    "check_site",
    "job_faults",
    "key_text",
    "kind_of",
    "load_site",
    "locate",
    "ordered",
    "parse_toml",
    "read_adapter",
    "read_job",
    "read_toml",
]

_LATER = {
    "adapterfile": ("check_adapter", "read_adapter"),
    "adaptertoml": ("adapter_toml",),
    "detect": ("Kind", "kind_of"),
    "job": (
        "Job", "JobFile", "RunTable", "Stage", "StepTable", "check_job", "ordered", "read_job",
    ),
    "jobfaults": ("job_faults",),
}  # fmt: skip


def __getattr__(name: str) -> object:
    """Import what a host without job files never needs when it is first asked for."""
    from importlib import import_module  # noqa: PLC0415 - as late as what it imports

    for module, names in _LATER.items():
        if name in names:
            return getattr(import_module(f"gpucore.config.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
