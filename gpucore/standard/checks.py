"""Proves that an adapter does not contradict itself; every fault told with its key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gpucore.errors import AdapterError, Faults, GpucoreError, did_you_mean
from gpucore.standard.adapter import Condition, Group
from gpucore.standard.filechecks import file_faults, outside
from gpucore.standard.gpuchecks import gpu_faults
from gpucore.standard.marks import GPU_PARTS, PATH_PARTS, marks
from gpucore.standard.model import Device
from gpucore.standard.paramchecks import is_whole, param_faults
from gpucore.standard.params import check_value, read_values
from gpucore.standard.several import check_each, of_each
from gpucore.standard.template import fill_text, render
from gpucore.standard.use import GpuUse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.standard.adapter import Adapter, Example
    from gpucore.standard.params import Values

__all__ = ["adapter_faults", "example_devices", "is_adapter_name", "named_outputs"]

_NAME = re.compile(r"[a-z][a-z0-9_-]*")


def adapter_faults(adapter: Adapter) -> list[AdapterError]:
    """Return what is wrong with an adapter; each error's ``where`` is a key path.

    The examples are rendered, so that a line of documentation that is not true is a fault.
    """
    return [
        *_of("E402", _name_faults(adapter)),
        *gpu_faults(adapter, [text for _, text in _texts(adapter)]),
        *param_faults(adapter),
        *file_faults(adapter),
        *_of("E405", _mark_faults(adapter)),
        *_of("E406", _empty_mark_faults(adapter)),
        *_of("E406", _condition_faults(adapter)),
        *_of("E409", _regex_faults(adapter)),
        *_of("E407", _output_faults(adapter)),
        *_of("E408", _example_faults(adapter)),
    ]


def is_adapter_name(text: str) -> bool:
    """Say whether an adapter may be called so."""
    return _NAME.fullmatch(text) is not None


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
    ParameterError
        When a step of several files would not have an output of its own for each.
    """
    named = dict(values)
    for name in adapter.output_params:
        param = adapter.params[name]
        if named.get(name) is None and not param.optional:
            files = [
                fill_text(param.output, one, adapter.params) for one in of_each(adapter, named)
            ]
            paths = [f"{folder}/{file}" if folder else file for file in files]
            named[name] = check_value(name, param, paths[0] if param.length is None else paths)
    check_each(adapter, named)
    return named


def example_devices(gpus: tuple[int, ...]) -> tuple[Device, ...]:
    """Return devices of these indexes, as documentation shows them."""
    return tuple(Device(uuid=f"GPU-{index}", index=index) for index in gpus)


def _of(code: str, faults: Iterator[AdapterError]) -> Iterator[AdapterError]:
    """Yield the faults of one check, which are of one kind."""
    for fault in faults:
        fault.code = code
        yield fault


def _fault(where: str, what: str, hint: str = "") -> AdapterError:
    return AdapterError(what, hint=hint, where=where)


def _name_faults(adapter: Adapter) -> Iterator[AdapterError]:
    if not is_adapter_name(adapter.name):
        yield _fault("name", f"`{adapter.name}` is no adapter's name",
                     "lower-case letters, digits, `_` and `-`, a letter first")  # fmt: skip
    if not adapter.title:
        yield _fault("title", "the title is empty", "write what the program does, in one line")
    if not adapter.program.executable:
        yield _fault("program.executable", "the executable is empty", "name the program")
    if not adapter.command.argv:
        yield _fault("command.argv", "the command is empty", 'begin it with "%(EXE)s"')


def _texts(adapter: Adapter) -> Iterator[tuple[str, str]]:
    """Yield key path and text of every template that is filled for each step."""
    for key, items in _listed(adapter):
        for item in items:
            for text in item.args if isinstance(item, Group) else (item,):
                yield key, text
    for name, text in adapter.command.env.items():
        yield f"command.env.{name}", text
    for place, file in enumerate(adapter.file):
        yield f"file[{place}].name", file.name
        yield f"file[{place}].text", file.text
        for name, value in file.entries.items():
            for one in value if isinstance(value, tuple) else (value,):
                if isinstance(one, str):
                    yield f"file[{place}].entries.{name}", one
    for place, link in enumerate(adapter.link):
        yield f"link[{place}].name", link.name
        yield f"link[{place}].target", link.target


def _listed(adapter: Adapter) -> Iterator[tuple[str, tuple[str | Group, ...]]]:
    """Yield key path and items of every list that groups may stand in."""
    yield "command.argv", adapter.command.argv
    yield "command.stdin", adapter.command.stdin
    for place, file in enumerate(adapter.file):
        yield f"file[{place}].lines", file.lines


def _patterns(adapter: Adapter) -> Iterator[tuple[str, str]]:
    for name in adapter.output_params:
        yield f"params.{name}.output", adapter.params[name].output
    for place, output in enumerate(adapter.output):
        yield f"output[{place}].path", output.path
        yield f"output[{place}].made", output.made
    for place, failure in enumerate(adapter.failure):
        yield f"failure[{place}].file", failure.file


def _mark_faults(adapter: Adapter) -> Iterator[AdapterError]:
    known = {*adapter.params, "EXE", "GPU"}
    for where, text in (*_texts(adapter), *_patterns(adapter)):
        for mark in marks(text):
            if unknown := [name for name in mark.names if name not in known]:
                yield _fault(where, f"the mark {mark} names no parameter",
                             did_you_mean(unknown[0], known))  # fmt: skip
            elif mark.is_number and not all(is_whole(adapter.params.get(n)) for n in mark.names):
                yield _fault(where, f"the mark {mark} adds up or writes the digits of what is no "
                             "single whole number", 'write %(name)s, or type = "int"')  # fmt: skip
            elif mark.part and mark.part not in (
                parts := GPU_PARTS if mark.name == "GPU" else PATH_PARTS
            ):
                whole = "the GPUs" if mark.name == "GPU" else "a path"
                yield _fault(where, f"the mark {mark} names no part of {whole}",
                             did_you_mean(mark.part, parts))  # fmt: skip
    for where, text in _patterns(adapter):
        if any(mark.name == "GPU" for mark in marks(text)):
            yield _fault(where, "%(GPU)s stands in the name of a file that is looked for",
                         "such a name must be the same on every GPU")  # fmt: skip


def _empty_mark_faults(adapter: Adapter) -> Iterator[AdapterError]:
    for where, text in _unconditional(adapter):
        for mark in marks(text):
            if mark.name == "GPU" and adapter.gpu.use is GpuUse.OPTIONAL:
                yield _fault(where, "%(GPU)s may have no value, and stands outside a group",
                             f'write {{ when = "gpu", args = ["{text}"] }}')  # fmt: skip
            named = [adapter.params[name] for name in mark.names if name in adapter.params]
            if any(param.optional and param.default is None for param in named):
                yield _fault(where, f"{mark} may have no value, and stands outside a group",
                             f'write {{ args = ["{text}"] }}: it is left out then')  # fmt: skip


def _condition_faults(adapter: Adapter) -> Iterator[AdapterError]:
    conditions: list[tuple[str, Condition]] = [
        (f"{key}[{place}]", item)
        for key, items in _listed(adapter)
        for place, item in enumerate(items)
        if isinstance(item, Group)
    ]
    late: list[tuple[str, Condition]]
    late = [(f"output[{place}]", one) for place, one in enumerate(adapter.output)]
    late += [(f"failure[{place}]", one) for place, one in enumerate(adapter.failure)]
    conditions += [(f"file[{place}]", one) for place, one in enumerate(adapter.file)]
    conditions += [(f"link[{place}]", one) for place, one in enumerate(adapter.link)]
    for where, condition in (*conditions, *late):
        named = (*condition.all_when, *condition.all_unless)
        known = ["gpu", "cpu", "gpus", *adapter.params]
        for name in named:
            if name not in known:
                yield _fault(where, f"`{name}` is no condition", did_you_mean(name, known))
        for name in condition.where:
            if name not in adapter.params:
                yield _fault(f"{where}.where", f"`{name}` is no parameter",
                             did_you_mean(name, adapter.params))  # fmt: skip
            elif not condition.where[name]:
                yield _fault(f"{where}.where", f"no value of `{name}` fits", "name one at least")
        if not named and (condition.suffix or condition.equals or condition.at_least is not None):
            yield _fault(where, "a test without a name: nothing is tested",
                         "say which parameter in `when`, or write `where`")  # fmt: skip
    for where, condition in late:
        if "gpus" in (*condition.all_when, *condition.all_unless):
            yield _fault(where, "`gpus` is known when the program starts, and not afterwards",
                         "`gpu` and `cpu` are")  # fmt: skip


def _unconditional(adapter: Adapter) -> Iterator[tuple[str, str]]:
    for key, items in _listed(adapter):
        for item in items:
            if isinstance(item, str):
                yield key, item
    for name, text in adapter.command.env.items():
        yield f"command.env.{name}", text


def _regex_faults(adapter: Adapter) -> Iterator[AdapterError]:
    texts = [(f"failure[{place}].match", one.match) for place, one in enumerate(adapter.failure)]
    texts += [(f"output[{place}].match", one.match) for place, one in enumerate(adapter.output)]
    texts.append(("success_match", adapter.success_match))
    texts += [(f"params.{name}.pattern", one.pattern) for name, one in adapter.params.items()]
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
        tests = tuple(output.where.items())
        identity = (
            *(output.name, output.all_when, output.all_unless, output.suffix, output.equals),
            *(output.at_least, tests),
        )
        if identity in seen:
            yield _fault(where, f"two outputs are called `{output.name}`", "rename one of them")
        seen.add(identity)
        if not output.path and output.name not in adapter.output_params:
            yield _fault(where, f"`{output.name}` has no path",
                         "write where it lies, or name an output parameter")  # fmt: skip
        if output.path and outside(output.path, adapter):
            yield _fault(where, f"`{output.path}` lies outside the output directory",
                         "begin it with a mark of an output parameter: %(out.base)s…")  # fmt: skip
        if output.made and not adapter.command.own_directory:
            yield _fault(f"{where}.made", "it is made in a directory that the step has not",
                         "own_directory = true in [command]")  # fmt: skip


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
    made = {file.name: file.text for file in command.files}
    if example.files is not None and made != dict(example.files):
        yield _fault(f"{where}.files", f"the files come out as {made}",
                     "mend the example or the template")  # fmt: skip
    if example.env is not None and dict(command.env) != dict(example.env):
        yield _fault(f"{where}.env", f"the environment comes out as {dict(command.env)}",
                     "mend the example or the template")  # fmt: skip
