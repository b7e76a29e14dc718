"""What `gpucore new` writes: an adapter as a file, or as a whole distribution."""

from __future__ import annotations

import re
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from gpucore.errors import AdapterError, ConfigError
from gpucore.standard.checks import is_adapter_name

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["new_adapter_file", "new_adapter_package"]

_PACKAGE = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "module.py": "$module.py",
    "tests/test.py": "tests/test_$module.py",
}
"""Templates of a distribution, and the files that they become."""


def new_adapter_file(name: str, folder: Path) -> Path:
    """Write an adapter as a TOML file with comments; return its path.

    Raises
    ------
    AdapterError
        When it is no adapter's name.
    ConfigError
        When such a file is there, or cannot be written.
    """
    _check_name(name)
    file = folder / f"{name}.toml"
    return _written({file: _filled("adapter.toml", name)}, file)


def new_adapter_package(name: str, folder: Path) -> Path:
    """Write a distribution with entry point, adapter and tests; return its folder.

    Raises
    ------
    AdapterError
        When it is no adapter's name.
    ConfigError
        When such a folder is there, or cannot be written.
    """
    _check_name(name)
    package = folder / f"gpucore-{name}"
    files = {
        package / Template(file).substitute(module=_module(name)): _filled(
            f"package/{template}", name
        )
        for template, file in _PACKAGE.items()
    }
    return _written(files, package)


def _check_name(name: str) -> None:
    # A distribution's name ends in a letter or a digit.
    if not is_adapter_name(name) or not name[-1].isalnum():
        raise AdapterError(
            f"`{name}` is no adapter's name",
            hint="lower-case letters, digits, `_` and `-`, a letter first, none of `_-` last",
            code="E402",
        )


def _module(name: str) -> str:
    return f"gpucore_{name.replace('-', '_')}"


def _filled(template: str, name: str) -> str:
    file = resources.files("gpucore") / "templates" / f"{template}.template"
    return Template(file.read_text(encoding="utf-8")).substitute(
        name=name,
        file=f"{name}.toml",
        module=_module(name),
        klass="".join(part.capitalize() for part in re.split(r"[_-]", name)),
    )


def _written(files: dict[Path, str], whole: Path) -> Path:
    try:
        if whole.exists():
            raise ConfigError(
                f"`{whole}` is there already",
                hint="give another name, or another folder (-o)",
                code="E260",
            )
        for file, text in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as opened:
                opened.write(text)
    except OSError as error:
        raise ConfigError(
            f"`{whole}` cannot be written: {error.strerror}",
            hint="give another folder (-o)",
            code="E261",
        ) from None
    return whole
