"""Proves that the files an adapter writes, expects and reads are where a step may have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.errors import AdapterError
from gpucore.standard.marks import Mark, marks, split
from gpucore.standard.use import GpuUse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.standard.adapter import Adapter, InputFile

__all__ = ["file_faults", "outside"]


def file_faults(adapter: Adapter) -> Iterator[AdapterError]:
    """Yield what is wrong with input files, links and the files that tell of failures."""
    if (adapter.file or adapter.link) and not adapter.command.own_directory:
        yield _fault("command.own_directory", "files are written for a step that has no directory",
                     "own_directory = true")  # fmt: skip
    for place, file in enumerate(adapter.file):
        yield from _written_faults(f"file[{place}]", file)
        if adapter.gpu.use is GpuUse.OPTIONAL and _left_out_unsaid(file):
            yield _fault(
                f"file[{place}]",
                f"`{file.name}` would be left out of a step without a GPU, since its text has "
                "%(GPU)s",
                'write when = "gpu" and, where the program needs it, another for when = "cpu"; '
                "or put the mark into a group of `lines` or into `entries`",
            )
    for place, link in enumerate(adapter.link):
        if _elsewhere(link.name):
            yield _fault(f"link[{place}].name", f"`{link.name}` lies outside the step's directory",
                         "name a file below it")  # fmt: skip
    for place, failure in enumerate(adapter.failure):
        if not failure.match and not failure.codes and not failure.file:
            yield _fault(f"failure[{place}]", "it says of nothing that it is a failure",
                         "give `match`, `codes` or `file`")  # fmt: skip
        relative = failure.file and not isinstance(split(failure.file)[0], Mark)
        if relative and (_elsewhere(failure.file) or not adapter.command.own_directory):
            yield _fault(f"failure[{place}].file", f"`{failure.file}` is not a file of the step",
                         "begin it with a mark of an output parameter, or give the step a "
                         "directory: own_directory = true")  # fmt: skip


def outside(path: str, adapter: Adapter) -> bool:
    """Say whether the place of an output may lie outside the output directory."""
    first = split(path)[0]
    if _elsewhere(path) or not isinstance(first, Mark):
        return True
    if first.name not in adapter.params:
        return False  # that fault is told of the mark
    param = adapter.params[first.name]
    named_by_user = param.check in {"directory", "any"} and not param.item
    return not param.output and not (param.type == "path" and named_by_user)


def _fault(where: str, what: str, hint: str = "") -> AdapterError:
    return AdapterError(what, hint=hint, where=where, code="E407")


def _elsewhere(path: str) -> bool:
    return path.startswith("/") or ".." in path.split("/")


def _left_out_unsaid(file: InputFile) -> bool:
    said = file.when or file.unless or file.where
    named = any(mark.name == "GPU" for text in (file.name, file.text) for mark in marks(text))
    return named and not said


def _written_faults(where: str, file: InputFile) -> Iterator[AdapterError]:
    if not file.name or _elsewhere(file.name):
        yield _fault(f"{where}.name", f"`{file.name}` lies outside the step's directory",
                     "name a file below it")  # fmt: skip
    if file.name.endswith("/") and (file.text or file.lines or file.entries):
        yield _fault(f"{where}.name", f"`{file.name}` is a folder, and holds no text",
                     "take the slash or the text out")  # fmt: skip
    if file.entries and file.format == "plain":
        yield _fault(f"{where}.format", "entries are written in no format",
                     'format = "json", "keyvalue" or "matlab"')  # fmt: skip
    if file.entries and (file.text or file.lines):
        yield _fault(f"{where}.entries", "entries do not go with text or lines",
                     "leave one of them, or write two files")  # fmt: skip
    if file.lines and file.format == "json":
        yield _fault(f"{where}.lines", "JSON has commas between its lines",
                     "write `entries`: those without a value are left out")  # fmt: skip
