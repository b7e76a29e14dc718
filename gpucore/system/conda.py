"""Conda environments, activated without conda: found by name, their variables set.

What ``conda activate`` does (conda's own ``activate.py``) is done here: the environment's ``bin``
comes first on ``PATH``, in place of that of an environment that is active already; the variables of
its packages and its own are set; its activation scripts are read. ``conda`` itself need not be
there, and nothing of it stands between gpucore and the program.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.errors import ProgramError
from gpucore.system.shell_environment import read_scripts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["activate_conda", "find_prefix"]

_BASE = {"base", "root"}
_UNSET = "***unset***"
_MARK = "conda-meta"


def activate_conda(env: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with a conda environment active.

    Parameters
    ----------
    env : str
        Its name or its path.
    environment : Mapping
        Where it is activated; its ``HOME``, ``CONDA_*`` and ``MAMBA_ROOT_PREFIX`` say where
        environments lie.

    Raises
    ------
    ProgramError
        When it is not found, or cannot be activated.
    """
    prefix = find_prefix(env, environment)
    active = environment.get("CONDA_PREFIX", "")
    path = [
        folder
        for folder in environment.get("PATH", os.defpath).split(os.pathsep)
        if not active or folder != f"{active}/bin"
    ]
    depth = environment.get("CONDA_SHLVL", "")
    level = int(depth) if depth.isdecimal() else 0
    made = dict(environment)
    if active:
        made[f"CONDA_PREFIX_{level}"] = active
    made |= {
        "PATH": os.pathsep.join([f"{prefix}/bin", *path]),
        "CONDA_PREFIX": str(prefix),
        "CONDA_DEFAULT_ENV": prefix.name if prefix.parent.name == "envs" else str(prefix),
        "CONDA_SHLVL": str(level + 1),
        **dict(_variables(prefix)),
    }
    scripts = sorted(str(one) for one in (prefix / "etc/conda/activate.d").glob("*.sh"))
    return read_scripts(scripts, made) if scripts else made


def find_prefix(env: str, environment: Mapping[str, str]) -> Path:
    """Return the folder of a conda environment.

    A name is looked for in the folders of ``CONDA_ENVS_DIRS`` and ``CONDA_ENVS_PATH``, in ``envs``
    of every conda that the environment tells of, in ``~/.conda/envs``, and in the list of all
    environments that conda keeps (``~/.conda/environments.txt``). ``.condarc`` is not read.

    Raises
    ------
    ProgramError
        When there is none of this name, or there are several.
    """
    if "/" in env:
        found = [Path(env)]
        looked = "no environment of conda's lies there"
    else:
        found = list(_named(env, environment))
        looked = f"looked for in {', '.join(map(str, _folders(environment))) or 'no folder'}"
    there = {os.path.realpath(one): one for one in found if (one / _MARK).is_dir()}
    if len(there) == 1:
        return next(iter(there.values()))
    if there:
        raise ProgramError(
            f"there are {len(there)} conda environments `{env}`: "
            + ", ".join(map(str, there.values())),
            hint="give the path of the one that is meant",
            code="E504",
        )
    raise ProgramError(
        f"the conda environment `{env}` was not found: {looked}",
        hint='give its path, as `conda env list` shows it: conda_env = "/opt/conda/envs/…"',
        code="E504",
    )


def _named(env: str, environment: Mapping[str, str]) -> Iterator[Path]:
    if env in _BASE:
        yield from _roots(environment)
        return
    first = [folder / env for folder in _folders(environment)]
    nearest = next((one for one in first if (one / _MARK).is_dir()), None)
    if nearest is not None:  # as with PATH: a name means the first of them
        yield nearest
        return
    yield from (one for one in _listed(environment) if one.name == env)


def _folders(environment: Mapping[str, str]) -> list[Path]:
    """Return the folders that hold environments, the first to count first."""
    told = os.pathsep.join(
        environment.get(name, "") for name in ("CONDA_ENVS_DIRS", "CONDA_ENVS_PATH")
    )
    folders = [Path(one) for one in told.split(os.pathsep) if one]
    folders += [root / "envs" for root in _roots(environment)]
    active = Path(environment.get("CONDA_PREFIX", "/"))
    if active.parent.name == "envs":
        folders.append(active.parent)
    if home := environment.get("HOME"):
        folders.append(Path(home) / ".conda" / "envs")
    return list(dict.fromkeys(folders))


def _roots(environment: Mapping[str, str]) -> list[Path]:
    """Return the folders of the condas that the environment tells of."""
    roots = [Path(environment[one]) for one in ("MAMBA_ROOT_PREFIX",) if environment.get(one)]
    conda = environment.get("CONDA_EXE") or shutil.which(
        "conda", path=environment.get("PATH", os.defpath)
    )
    if conda:
        roots.insert(0, Path(os.path.realpath(conda)).parent.parent)
    return list(dict.fromkeys(roots))


def _listed(environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield the environments on conda's own list."""
    file = Path(environment.get("HOME", "/")) / ".conda" / "environments.txt"
    try:
        lines = file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    yield from (Path(line.strip()) for line in lines if line.strip().startswith("/"))


def _variables(prefix: Path) -> Iterator[tuple[str, str]]:
    """Yield what packages set, then what `conda env config vars set` did."""
    for file in sorted((prefix / "etc/conda/env_vars.d").glob("*.json")):
        yield from _pairs(file, _read(file))
    state = prefix / _MARK / "state"
    if state.is_file():
        data = _read(state)
        yield from _pairs(state, data.get("env_vars", {}) if isinstance(data, dict) else data)


def _read(file: Path) -> object:
    try:
        data: object = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ProgramError(
            f"the variables of a conda environment cannot be read: {error}",
            where=str(file),
            code="E504",
        ) from None
    return data


def _pairs(file: Path, data: object) -> Iterator[tuple[str, str]]:
    if not isinstance(data, dict):
        raise ProgramError(
            "the variables of a conda environment are no table of names",
            where=str(file),
            code="E504",
        )
    yield from ((str(key), str(one)) for key, one in data.items() if one != _UNSET)
