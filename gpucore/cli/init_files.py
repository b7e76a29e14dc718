"""The texts of a gpucore.toml for this machine, and of a job.toml for one adapter."""

from __future__ import annotations

from contextlib import suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from gpucore.config.adaptertoml import toml_line
from gpucore.errors import ParameterError
from gpucore.standard.params import check_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpucore.standard.adapter import Adapter, Param
    from gpucore.standard.model import Device

__all__ = ["FILE", "JOB", "job_text", "site_text"]

FILE, JOB = "gpucore.toml", "job.toml"
_COLUMN = 34


def site_text(
    devices: Sequence[Device],
    why: str,
    programs: Mapping[str, tuple[str, tuple[str, ...]]],
    *,
    source: str,
    adapters: Sequence[str] = (),
) -> str:
    """Return a commented gpucore.toml.

    Parameters
    ----------
    devices : sequence of Device
        The GPUs that were found.
    why : str
        Why there are none, where that is known.
    programs : Mapping
        Programs that were found: path, and names of their adapters, by executable.
    source : str
        The device source.
    adapters : sequence of str
        Adapter files that were given, as absolute paths.
    """
    lines = [
        "#:schema ./gpucore.schema.json",
        "# What this machine has. Every key: docs/reference/configuration.md",
        "# For an editor: gpucore config schema > gpucore.schema.json",
        "",
        *_gpus(devices, why),
        _explained("gpus", "auto", 'all GPUs; or a list: "0 1", "0-3"'),
        _explained("devices", source, "where they come from: nvml, amd, simulated:N"),
        _explained("sharing", "adapter", "whether steps share a GPU: adapter, repeat, never"),
        _explained("isolate", False, "true: every program sees its own GPUs alone"),
        f"# {_explained('threads', 5, 'threads of a run; one more than steps at once')}",
        f"# {_explained('foreign', 'avoid', 'programs of others: avoid, wait, ignore')}",
    ]
    if adapters:
        lines += [toml_line("adapters", tuple(adapters))]
    lines += ["", *_programs(programs)]
    return "\n".join(lines) + "\n"


def job_text(adapter: Adapter) -> str:
    """Return a job.toml that runs an adapter, with values of its first example."""
    shown = adapter.example[0].params if adapter.example else {}
    item = adapter.item
    lines = [
        "#:schema ./job.schema.json",
        f"# {_plain(adapter.title)}",
        f"# Its parameters: gpucore adapters show {adapter.name}",
        "# For an editor: gpucore config schema job > job.schema.json",
        "#",
        "#   gpucore run job.toml --plan    # the exact commands, nothing is run",
        "",
        "[run]",
        _explained("output", "out", "folder of the outputs"),
        f"# {_explained('gpus', '0 1', 'the settings say it otherwise')}",
        "",
        "[[stage]]" if item else "[[step]]",
        toml_line("name", adapter.name if adapter.name[0].isalpha() else f"a{adapter.name}"),
        toml_line("adapter", adapter.name),
    ]
    if item:
        suffix = PurePosixPath(str(shown.get(item, ""))).suffix or _suffix(adapter.params[item])
        text = _plain(adapter.params[item].help)
        lines.append(_explained("items", f"inputs/*{suffix}", f"your files: {text}"))
    lines += ["", "[stage.params]" if item else "[step.params]"]
    for name, param in adapter.params.items():
        if name == item or param.output:
            continue
        lines.append(_param(name, param, shown.get(name)))
    return "\n".join(lines) + "\n"


def _gpus(devices: Sequence[Device], why: str) -> Iterator[str]:
    if not devices:
        yield f"# No GPU was found{f': {_plain(why)}' if why else ''}."
        return
    yield "# GPUs that were found:"
    for one in devices:
        memory = f", {one.memory_mib} MiB" if one.memory_mib else ""
        yield f"#   {one.index}  {_plain(one.name)}{memory}  {_plain(one.uuid)}"


def _programs(programs: Mapping[str, tuple[str, tuple[str, ...]]]) -> Iterator[str]:
    yield "# Programs are looked for on PATH; where one is not there, say where it is:"
    yield "#   [program.motioncor3]"
    yield '#   executable = "/path/to/MotionCor3"'
    yield '#   env        = { LD_LIBRARY_PATH = "/path/to/cuda/lib64" }'
    if not programs:
        yield "# None was found on PATH. `gpucore adapters check` looks for all."
        return
    yield "# Found on PATH; without the # it is this one, whatever PATH is:"
    for path, names in programs.values():
        for name in names:
            yield f"# [program.{name}]"
            yield f"# {toml_line('executable', _plain(path))}"


def _param(name: str, param: Param, shown: object) -> str:
    text = _plain(param.help)
    if param.unit:
        text = f"[{_plain(param.unit)}] {text}"
    if param.required:
        value = shown if shown is not None else _any_value(name, param)
        return _explained(name, value, text)
    if shown is not None:
        return _explained(name, shown, text)
    if param.default is not None:
        return f"# {_explained(name, param.default, text)}"
    return f"# {name} = …".ljust(_COLUMN) + f"  # {text}"


def _any_value(name: str, param: Param) -> object:
    """Return a value that a parameter takes, for one that no example shows."""
    bounds = [one for one in (param.min, param.max, param.above, param.below) if one is not None]
    near = [one + step for one in bounds for step in (0, 1, -1)]
    tried: dict[str, list[object]] = {
        "path": [f"your_{name}{_suffix(param)}"],
        "string": [f"your_{name}", "C1", "1", "1,2"],
        "choice": [*param.choices],
        "int": [1, 2, *(int(one) for one in near)],
        "float": [1.0, 0.5, *map(float, near)],
        "bool": [False],
    }
    for one in tried[param.type]:
        value = one if param.length is None else (one,) * (param.length or 2)
        with suppress(ParameterError):
            check_value(name, param, value)
            return value
    return tried[param.type][0]


def _suffix(param: Param) -> str:
    return param.suffix[0] if param.suffix else ""


def _explained(key: str, value: object, text: str) -> str:
    line = toml_line(key, value)
    return line if "\n" in line else f"{line.ljust(_COLUMN)}  # {text}"


def _plain(text: str) -> str:
    """Return a text that stays on its line, and that TOML can hold."""
    shown = text.encode("utf-8", "backslashreplace").decode()
    return "".join(one if one.isprintable() else " " for one in shown)
