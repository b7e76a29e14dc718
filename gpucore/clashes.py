"""What is in the way of a plan: files that are not there, and outputs that would meet others."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError, ParameterError
from gpucore.outcomes import expected_outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from gpucore.standard.adapter import Adapter
    from gpucore.standard.params import Values
    from gpucore.standard.step import Step

__all__ = ["clashes", "missing_inputs", "missing_items"]

_SHOWN = 20


def missing_items(items: Sequence[str], root: Path) -> Iterator[GpucoreError]:
    """Yield an error for each item that is not there, the first score by name."""
    missing = [item for item in items if not _there(root / item)]
    for item in missing[:_SHOWN]:
        yield ParameterError(
            f"there is no file `{item}`", hint="look at its name and its folder", code="E309"
        )
    if len(missing) > _SHOWN:
        yield ParameterError(f"and {len(missing) - _SHOWN} more files are not there", code="E309")


def missing_inputs(
    steps: Sequence[Step], root: Path, comes: Callable[[str], bool] = lambda _: False
) -> Iterator[tuple[str, ParameterError]]:
    """Yield parameter and error for each file that is not there and that a parameter names.

    What each step of a stage has of its own, its item and what earlier stages fill, is not looked
    at.

    Parameters
    ----------
    steps : sequence of Step
        The steps of one stage, or a single one.
    root : Path
        Relative paths are below it.
    comes : callable
        Whether something that comes before makes a file of this path.
    """
    for step in steps[:1]:  # the others have the same
        values = step.shared if step.stage else step.values
        for name, path in _inputs(step.adapter, values):
            check = step.adapter.params[name].check
            if check != "any" and not _there(root / path) and not comes(path):
                kind = "folder" if check == "directory" else "file"
                yield (
                    name,
                    ParameterError(
                        f"there is no {kind} `{path}`, which `{name}` names",
                        hint="look at its name and its folder",
                        code="E309",
                    ),
                )


def clashes(steps: Sequence[Step], root: Path) -> Iterator[GpucoreError]:
    """Yield an error for each output that two steps would write, or that a step reads.

    Parameters
    ----------
    steps : sequence of Step
        All steps of the plan.
    root : Path
        Relative paths are below it.
    """
    places = _Places(root)
    makers: dict[_Place, str] = {}
    # A stage may read what an earlier one writes, but not what it writes itself.
    readers = {(step.stage, places.of(item)): step.name for step in steps for item in _items(step)}
    for step in steps:
        values = step.values
        inputs = {places.of(path) for _, path in _inputs(step.adapter, values)}
        for output in expected_outputs(step, values, gpu=step.use_gpu):
            path = str(PurePosixPath(output.path))
            place = places.of(path)
            if place in inputs:
                yield ParameterError(
                    f"{step.name} would overwrite its own input `{path}`",
                    hint="give another output folder",
                    code="E310",
                )
            elif reader := readers.get((step.stage, place)):
                yield ParameterError(
                    f"{step.name} would overwrite `{path}`, the input of {reader}",
                    hint="give another output folder",
                    code="E310",
                )
            elif makers.get(place, step.name) != step.name:
                yield ParameterError(
                    f"{makers[place]} and {step.name} would write the same output `{path}`",
                    hint="rename one of the two items, or give them folders of their own",
                    code="E310",
                )
            makers[place] = step.name


def _items(step: Step) -> Iterator[str]:
    item = step.own.get(step.adapter.item) if step.stage else None
    if isinstance(item, str):
        yield item
    elif isinstance(item, tuple):
        yield from map(str, item)


def _inputs(adapter: Adapter, values: Values) -> Iterator[tuple[str, str]]:
    for name, param in adapter.params.items():
        if param.type == "path" and not param.output:
            value = values.get(name)
            for path in value if isinstance(value, tuple) else (value,) if value else ():
                yield name, str(path)


def _there(path: Path) -> bool:
    # Of a folder that may not be read, or a name that is too long, `Path.exists` raises.
    return os.path.exists(path)  # noqa: PTH110


_Place = tuple[str, str]


class _Places:
    """Tells where a path leads, however it is written; each folder is looked up once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: dict[str, str] = {}

    def of(self, path: str) -> _Place:
        folder, _, name = path.rpartition("/")
        real = self._folders.get(folder)
        if real is None:
            start = self._root / (folder or ("/" if path.startswith("/") else ""))
            real = self._folders[folder] = os.path.realpath(start)
        return real, name
