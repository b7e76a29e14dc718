"""Proves that an adapter does not contradict itself; every fault told with its key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gpucore.errors import AdapterError, Faults, GpucoreError, did_you_mean
from gpucore.standard.adapter import Condition, Group
from gpucore.standard.marks import PATH_PARTS, marks
from gpucore.standard.model import Device
from gpucore.standard.params import check_value, read_values
from gpucore.standard.template import fill_text, render
from gpucore.standard.use import GpuUse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.standard.adapter import Adapter, Example, Param
    from gpucore.standard.params import Values

__all__ = ["adapter_faults", "example_devices", "named_outputs"]

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_PARAM = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What templates and the executor's `submit` have names for already.
_RESERVED = {"GPU", "EXE", "gpu", "cpu", "name", "after", "use_gpu", "gpus", "limits"}
_OURS = {"CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"}


def adapter_faults(adapter: Adapter) -> list[AdapterError]:
    """Return what is wrong with an adapter; each error's ``where`` is a key path.

    The examples are rendered, so that a line of documentation that is not true is a fault.
    """
    return [
        *_name_faults(adapter),
        *_gpu_faults(adapter),
        *_param_faults(adapter),
        *_mark_faults(adapter),
        *_condition_faults(adapter),
        *_regex_faults(adapter),
        *_output_faults(adapter),
        *_example_faults(adapter),
    ]


def named_outputs(adapter: Adapter, values: Values, folder: str) -> Values:
    """Return the values with each output that was not given named by its pattern, in a folder.

    Parameters
    ----------
    folder : str
        Where outputs lie; empty for the working directory.

    Raises
    ------
    TemplateError
        When a pattern names something that has no value.
    """
    named = dict(values)
    for name in adapter.output_params:
        param = adapter.params[name]
        if named.get(name) is None and not param.optional:
            file = fill_text(param.output, named, adapter.params)
            named[name] = check_value(name, param, f"{folder}/{file}" if folder else file)
    return named


def example_devices(gpus: tuple[int, ...]) -> tuple[Device, ...]:
    """Return devices of these indexes, as documentation shows them."""
    return tuple(Device(uuid=f"GPU-{index}", index=index) for index in gpus)


def _fault(where: str, what: str, hint: str = "") -> AdapterError:
    return AdapterError(what, hint=hint, where=where)


def _name_faults(adapter: Adapter) -> Iterator[AdapterError]:
    if not _NAME.fullmatch(adapter.name):
        yield _fault("name", f"`{adapter.name}` is no adapter's name",
                     "lower-case letters, digits, `_` and `-`, a letter first")  # fmt: skip
    if not adapter.title:
        yield _fault("title", "the title is empty", "write what the program does, in one line")
    if not adapter.program.executable:
        yield _fault("program.executable", "the executable is empty", "name the program")
    if not adapter.command.argv:
        yield _fault("command.argv", "the command is empty", 'begin it with "%(EXE)s"')


def _gpu_faults(adapter: Adapter) -> Iterator[AdapterError]:
    gpu = adapter.gpu
    marked = any(mark.name == "GPU" for _, text in _texts(adapter) for mark in marks(text))
    if gpu.use.allows_gpu and gpu.form != "none" and not marked:
        yield _fault("gpu.form", f"the form is `{gpu.form}`, but the command has no %(GPU)s",
                     'put the mark where the GPUs belong, or write form = "none"')  # fmt: skip
    if marked and (gpu.form == "none" or not gpu.use.allows_gpu):
        yield _fault("command.argv", "the command has %(GPU)s, but the program is told of no GPU",
                     "give `use` and `form` in [gpu], or take the mark out")  # fmt: skip
    for name in _OURS.intersection(adapter.command.env):
        yield _fault(f"command.env.{name}", f"{name} is set by the standard, to agree with %(GPU)s",
                     'take it out; ids = "visible" in [gpu] hides the other GPUs')  # fmt: skip
    if gpu.max is not None and gpu.max < 1:
        yield _fault("gpu.max", f"{gpu.max} GPUs are none", "1 or more")
    if gpu.ranks and gpu.form != "colon":
        yield _fault("gpu.ranks", f"ranks have no meaning for the form `{gpu.form}`",
                     'write form = "colon", or take `ranks` out')  # fmt: skip
    if gpu.ranks:
        param = adapter.params.get(gpu.ranks)
        if param is None or param.type != "int":
            yield _fault("gpu.ranks", f"`{gpu.ranks}` is no whole-number parameter",
                         did_you_mean(gpu.ranks, adapter.params))  # fmt: skip


def _param_faults(adapter: Adapter) -> Iterator[AdapterError]:
    items = [name for name, param in adapter.params.items() if param.item]
    if len(items) > 1:
        yield _fault("params", f"a stage runs over one parameter, not {len(items)}: "
                     f"{', '.join(items)}", "leave `item = true` at one")  # fmt: skip
    for name, param in adapter.params.items():
        where = f"params.{name}"
        if not _PARAM.fullmatch(name) or name in _RESERVED:
            yield _fault(where, f"`{name}` is no parameter's name",
                         f"letters, digits, `_`; not {', '.join(sorted(_RESERVED))}")  # fmt: skip
        yield from _one_param_faults(where, name, param)


def _one_param_faults(where: str, name: str, param: Param) -> Iterator[AdapterError]:
    if not param.help:
        yield _fault(where, f"`{name}` has no help", "say in one line what it is")
    if (param.type == "choice") != bool(param.choices):
        yield _fault(where, f"`{name}` is a {param.type} with {len(param.choices)} choices",
                     'choices go with type = "choice"')  # fmt: skip
    if param.item and param.output:
        yield _fault(where, f"`{name}` is both item and output", "leave one of the two")
    if (param.item or param.output) and param.type != "path":
        yield _fault(where, f"`{name}` is an item or an output, and no path", 'type = "path"')
    if param.min is not None and param.max is not None and param.min > param.max:
        yield _fault(where, f"`{name}`: min {param.min:g} is above max {param.max:g}", "swap them")
    if param.output.startswith("/") or ".." in param.output.split("/"):
        yield _fault(where, f"`{param.output}` lies outside the output directory",
                     "name a file below it")  # fmt: skip
    if param.default is not None:
        try:
            check_value(name, param, param.default)
        except GpucoreError as error:
            yield _fault(f"{where}.default", error.what, error.hint)


def _texts(adapter: Adapter) -> Iterator[tuple[str, str]]:
    """Yield key path and text of every template that is filled for each step."""
    for key, items in (("argv", adapter.command.argv), ("stdin", adapter.command.stdin)):
        for item in items:
            for text in item.args if isinstance(item, Group) else (item,):
                yield f"command.{key}", text
    yield from _pieces(adapter)


def _pieces(adapter: Adapter) -> Iterator[tuple[str, str]]:
    """Yield key path and text of every template that becomes one text."""
    for name, text in adapter.command.env.items():
        yield f"command.env.{name}", text
    for place, file in enumerate(adapter.file):
        yield f"file[{place}].name", file.name
        yield f"file[{place}].text", file.text
    for place, link in enumerate(adapter.link):
        yield f"link[{place}].name", link.name
        yield f"link[{place}].target", link.target


def _patterns(adapter: Adapter) -> Iterator[tuple[str, str]]:
    for name in adapter.output_params:
        yield f"params.{name}.output", adapter.params[name].output
    for place, output in enumerate(adapter.output):
        yield f"output[{place}].path", output.path
        yield f"output[{place}].made", output.made


def _mark_faults(adapter: Adapter) -> Iterator[AdapterError]:
    known = {*adapter.params, "EXE", "GPU"}
    for where, text in (*_texts(adapter), *_patterns(adapter)):
        for mark in marks(text):
            if mark.name not in known:
                yield _fault(where, f"the mark {mark} names no parameter",
                             did_you_mean(mark.name, known))  # fmt: skip
            elif mark.part and mark.part not in PATH_PARTS:
                yield _fault(where, f"the mark {mark} names no part of a path",
                             did_you_mean(mark.part, PATH_PARTS))  # fmt: skip
    for where, text in _unconditional(adapter):
        for mark in marks(text):
            if mark.name == "GPU" and adapter.gpu.use is GpuUse.OPTIONAL:
                yield _fault(where, "%(GPU)s may have no value, and stands outside a group",
                             f'write {{ when = "gpu", args = ["{text}"] }}')  # fmt: skip
            param = adapter.params.get(mark.name)
            if param and param.optional and param.default is None:
                yield _fault(where, f"{mark} may have no value, and stands outside a group",
                             f'write {{ args = ["{text}"] }}: it is left out then')  # fmt: skip
    if (adapter.file or adapter.link) and not adapter.command.own_directory:
        yield _fault("command.own_directory", "files are written for a step that has no directory",
                     "own_directory = true")  # fmt: skip


def _condition_faults(adapter: Adapter) -> Iterator[AdapterError]:
    conditions: list[tuple[str, Condition]] = [
        (f"command.{key}[{place}]", item)
        for key, items in (("argv", adapter.command.argv), ("stdin", adapter.command.stdin))
        for place, item in enumerate(items)
        if isinstance(item, Group)
    ]
    for key, several in (
        ("output", adapter.output),
        ("file", adapter.file),
        ("link", adapter.link),
    ):
        conditions += [(f"{key}[{place}]", one) for place, one in enumerate(several)]
    for where, condition in conditions:
        for name in (*condition.all_when, *condition.all_unless):
            if name not in {"gpu", "cpu", *adapter.params}:
                yield _fault(where, f"`{name}` is no condition",
                             did_you_mean(name, ["gpu", "cpu", *adapter.params]))  # fmt: skip


def _unconditional(adapter: Adapter) -> Iterator[tuple[str, str]]:
    for key, items in (("argv", adapter.command.argv), ("stdin", adapter.command.stdin)):
        for item in items:
            if isinstance(item, str):
                yield f"command.{key}", item
    for name, text in adapter.command.env.items():
        yield f"command.env.{name}", text


def _regex_faults(adapter: Adapter) -> Iterator[AdapterError]:
    texts = [(f"failure[{place}].match", one.match) for place, one in enumerate(adapter.failure)]
    texts += [(f"output[{place}].match", one.match) for place, one in enumerate(adapter.output)]
    if adapter.program.version:
        texts.append(("program.version.regex", adapter.program.version.regex))
    for where, text in texts:
        try:
            groups = re.compile(text).groups
        except re.error as error:
            yield _fault(where, f"`{text}` is no regular expression: {error}", "mend it")
            continue
        if where.startswith("program") and not groups:
            yield _fault(where, f"`{text}` has no group", "put the version into parentheses")


def _output_faults(adapter: Adapter) -> Iterator[AdapterError]:
    # One name may stand for several files, each under a condition of its own.
    seen: set[tuple[object, ...]] = set()
    for place, output in enumerate(adapter.output):
        where = f"output[{place}]"
        identity = (output.name, output.all_when, output.all_unless, output.suffix, output.equals)
        if identity in seen:
            yield _fault(where, f"two outputs are called `{output.name}`", "rename one of them")
        seen.add(identity)
        if not output.path and output.name not in adapter.output_params:
            yield _fault(where, f"`{output.name}` has no path",
                         "write where it lies, or name an output parameter")  # fmt: skip
        if output.path.startswith("/") or ".." in output.path.split("/"):
            yield _fault(where, f"`{output.path}` lies outside the output directory",
                         "begin it with a mark of an output parameter: %(out.base)s…")  # fmt: skip


def _example_faults(adapter: Adapter) -> Iterator[AdapterError]:
    for place, example in enumerate(adapter.example):
        where = f"example[{place}]"
        try:
            yield from _differences(where, adapter, example)
        except GpucoreError as error:
            for one in error.errors if isinstance(error, Faults) else (error,):
                yield _fault(where, one.what, one.hint)


def _differences(where: str, adapter: Adapter, example: Example) -> Iterator[AdapterError]:
    if adapter.gpu.use.requires_gpu and not example.gpus:
        yield _fault(where, "the GPU is compulsory, and the example has none", "gpus = [0]")
        return
    values = named_outputs(adapter, read_values(adapter, example.params), "")
    command = render(adapter, values, example_devices(example.gpus))
    if command.argv != example.argv:
        yield _fault(f"{where}.argv", f"the command comes out as {list(command.argv)}",
                     "mend the example or the template")  # fmt: skip
    if example.stdin is not None and command.stdin != example.stdin:
        yield _fault(f"{where}.stdin", f"standard input comes out as {command.stdin!r}",
                     "mend the example or the template")  # fmt: skip
    if example.env is not None and dict(command.env) != dict(example.env):
        yield _fault(f"{where}.env", f"the environment comes out as {dict(command.env)}",
                     "mend the example or the template")  # fmt: skip
