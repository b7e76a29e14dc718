"""What ``[program.NAME]`` says: layers put together key by key, and what they may not say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from gpucore.config.settings import ContainerConfig, ProgramConfig
from gpucore.errors import ConfigError, GpucoreError

if TYPE_CHECKING:
    from gpucore.config.toml import FileError, TomlFile

__all__ = ["contradictions", "merged", "program_faults"]

_WHOLE = ("executable", "prepend_path", "module_load", "conda_env")
_CONTAINER = tuple(one.name for one in fields(ContainerConfig))
_ONE_OF_BOTH = (
    "keep one: a program in an environment of the image is named by `executable`, its path there"
)
_BLANK_OR_CONTROL = re.compile(r"[\s\x00-\x1f\x7f]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def merged(
    old: ProgramConfig, new: ProgramConfig, said: Callable[..., bool]
) -> tuple[ProgramConfig, list[tuple[str, ...]]]:
    """Return one program's table with a later file's above it, and the keys that this file said.

    Parameters
    ----------
    old, new : ProgramConfig
        What is known so far, and what the later file says.
    said : callable
        Whether the later file has a key: ``said("container", "image")``.
    """
    keys: list[tuple[str, ...]] = [(key,) for key in _WHOLE if said(key)]
    changed: dict[str, Any] = {key: getattr(new, key) for (key,) in keys}
    keys += [("env", variable) for variable in new.env]
    changed["env"] = {**old.env, **new.env}
    inner = [key for key in _CONTAINER if said("container", key)]
    keys += [("container", key) for key in inner]
    taken = {key: getattr(new.container, key) for key in inner}
    changed["container"] = replace(old.container, **taken)
    return replace(old, **changed), keys


def program_faults(file: TomlFile, programs: Mapping[str, ProgramConfig]) -> list[FileError]:
    """Return what is wrong with the programs of one file, each fault at its line."""
    return [
        file.fault(("program", name, *key), what, hint, code="E220")
        for name, program in programs.items()
        for key, what, hint in _faults(program)
    ]


def contradictions(
    programs: Mapping[str, ProgramConfig], origins: Mapping[str, str]
) -> list[GpucoreError]:
    """Return what the layers, put together, say twice over.

    Parameters
    ----------
    programs : Mapping
        Programs by adapter, all layers merged.
    origins : Mapping
        Where each key was said.
    """
    return [
        ConfigError(
            f"the program `{name}` has a conda environment (`{program.conda_env}`) and a container "
            f"image (`{program.container.image}`)",
            hint=f"{_ONE_OF_BOTH}; an empty text takes back what another file says",
            where=" and ".join(
                origins.get(f"program.{name}.{key}", "") for key in ("conda_env", "container.image")
            ),
            code="E220",
        )
        for name, program in programs.items()
        if program.conda_env and program.container.image
    ]


def _faults(program: ProgramConfig) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Yield key, what is wrong, and the remedy."""
    yield from _path_faults(program)
    for place, module in enumerate(program.module_load):
        if not module or module.startswith("-") or _BLANK_OR_CONTROL.search(module):
            yield (
                ("module_load", place),
                f"{module!r} is no name of a module",
                'one name for each element, as `module avail` shows it: ["cuda/12.1", "gctf"]',
            )
    conda = program.conda_env
    if ("/" in conda and not conda.startswith("/")) or conda.startswith("-") or "\0" in conda:
        yield (
            ("conda_env",),
            f"{conda!r} is neither a name nor an absolute path",
            'as `conda env list` shows it: "cryolo", or "/opt/conda/envs/cryolo"',
        )
    if conda and program.container.image:
        yield ("conda_env",), f"{conda!r} and a container image are both given", _ONE_OF_BOTH
    yield from _container_faults(program.container)


def _path_faults(program: ProgramConfig) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    table = isinstance(program.prepend_path, Mapping)
    for variable, folders in program.paths.items():
        key = ("prepend_path", variable) if table else ("prepend_path",)
        if not _VARIABLE.fullmatch(variable):
            yield key, f"{variable!r} is no name of a variable", 'such as "LD_LIBRARY_PATH"'
        for place, folder in enumerate(folders):
            if not folder.startswith("/") or ":" in folder or "\0" in folder:
                yield (
                    (*key, place),
                    f"{folder!r} is no folder that can be put before others",
                    "an absolute path without `:`, one for each element",
                )


def _container_faults(
    container: ContainerConfig,
) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    image = container.image
    if not image:
        return
    by_path = container.engine in {"apptainer", "singularity"}
    if image.startswith("-") or _BLANK_OR_CONTROL.search(image[:1]) or "\0" in image:
        yield ("container", "image"), f"{image!r} is no image", "a name, or a file's absolute path"
    elif by_path and not image.startswith("/") and "://" not in image:
        yield (
            ("container", "image"),
            f"{image!r} is neither an absolute path nor an address",
            f'"/opt/images/{image}" for a file, "docker://{image}" for one of a registry',
        )
