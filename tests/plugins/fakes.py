"""Fake distributions: a package and its metadata, written as an installer does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SOUND = """
from gpucore.plugins import hookimpl
from gpucore.standard import Adapter, Example, Param, Program, Template

@hookimpl
def gpucore_adapters():
    return [
        Adapter(
            name="NAME",
            title="echo: say a word",
            program=Program(executable="echo"),
            command=Template(argv=("%(EXE)s", "%(word)s")),
            params={"word": Param(type="string", help="what is said")},
            example=(Example(params={"word": "hello"}, argv=("echo", "hello")),),
        )
    ]
"""


@dataclass
class Site:
    """A folder of installed distributions, the only one that is looked at."""

    folder: Path

    def install(
        self,
        distribution: str,
        points: Mapping[str, str],
        files: Mapping[str, str],
        version: str = "1.0",
    ) -> None:
        """Write a package and its metadata as an installer does."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        lines = "".join(f"{name} = {value}\n" for name, value in points.items())
        (info / "entry_points.txt").write_text(f"[gpucore]\n{lines}")

    def sound(self, name: str, distribution: str = "", version: str = "1.0") -> None:
        """Install a sound plugin with one adapter, both of this name."""
        module = f"plugin_{name}_{distribution.replace('-', '_')}"
        self.install(
            distribution or name,
            {name: module},
            {f"{module}.py": SOUND.replace("NAME", name)},
            version,
        )
