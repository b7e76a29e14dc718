"""An adapter's form as JSON Schema (draft 2020-12): what a host application shows its users."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import Field

    from gpucore.standard.adapter import Adapter, Param

__all__ = ["DRAFT", "GPU_LIST_PATTERN", "form_schema"]

Schema: TypeAlias = dict[str, object]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
"""The draft that the schemas are written in."""

GPU_LIST_PATTERN = r"^[\s,]*(auto|(([0-9]+(-[0-9]+)?|(GPU|MIG)-[0-9A-Za-z/-]+)([\s,]+|$))*)[\s,]*$"
"""A text that may be a GPU list; `parse_gpu_list` says more exactly what is wrong with one."""

_TYPES = {
    "path": "string",
    "string": "string",
    "choice": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
}
_SAID_OTHERWISE = {
    "type", "help", "title", "default", "optional", "min", "max", "above", "below", "choices",
    "length", "suffix", "blanks", "separator", "yes", "no", "format", "section", "multiple_of",
    "odd", "pattern",
}  # fmt: skip
"""Fields of a parameter that JSON Schema has a word for, or that are about the command line."""


def form_schema(adapter: Adapter) -> Schema:
    """Return the JSON Schema of an adapter's form.

    It has two parts, in the order in which Scipion shows them: ``execution`` (threads, MPI ranks,
    ``USE_GPU`` where the GPU is optional, ``GPU_LIST``) and ``params``, the program's own. What
    JSON Schema has no word for (units, item, outputs, sections) stands under ``x-gpucore``, by
    its name in the adapter's form.

    A value that the schema allows may still be refused: by a bound between two parameters, or
    because a file is not there.

    Examples
    --------
    >>> from gpucore.standard import Adapter, Gpu, GpuUse, Program, Template
    >>> schema = form_schema(Adapter(
    ...     name="a", title="a program", program=Program(executable="a"),
    ...     gpu=Gpu(use=GpuUse.OPTIONAL), command=Template(argv=("%(EXE)s",))))
    >>> list(schema["properties"]["execution"]["properties"])
    ['threads', 'USE_GPU', 'GPU_LIST']
    """
    execution = _execution(adapter)
    own = {name: one for name, one in adapter.params.items() if name != adapter.gpu.ranks}
    params: Schema = {
        "type": "object",
        "title": "Parameters",
        "properties": {name: _param(name, one) for name, one in own.items()},
        "required": [name for name, one in own.items() if one.required],
        "additionalProperties": False,
        "x-gpucore": {"sections": _sections(own)},
    }
    if conditions := _conditions(own):
        params["allOf"] = conditions
    return {
        "$schema": DRAFT,
        "$id": f"urn:gpucore:adapter:{adapter.name}",
        "title": adapter.title,
        "type": "object",
        "properties": {"execution": execution, "params": params},
        "required": [
            *(["execution"] if execution["required"] else []),
            *(["params"] if params["required"] else []),
        ],
        "additionalProperties": False,
        "x-gpucore": {"adapter": adapter.name, "item": adapter.item, "gpu": adapter.gpu.use.value},
    }


def _execution(adapter: Adapter) -> Schema:
    """Return what a host asks for any program, as the standard has it."""
    gpu = adapter.gpu
    asked: dict[str, Schema] = {
        "threads": {
            "type": "integer",
            "title": "Threads",
            "description": "thread 0 is the master, the others run one step each at a time; "
            "left out: one worker for each place of the GPU list",
            "minimum": 1,
        }
    }
    if gpu.ranks in adapter.params:
        ranks = _param(gpu.ranks, adapter.params[gpu.ranks])
        asked[gpu.ranks] = {**ranks, "title": "MPI ranks"}
    if gpu.use.allows_gpu and not gpu.use.requires_gpu:
        asked["USE_GPU"] = {
            "type": "boolean",
            "title": "Use a GPU",
            "description": "false: the program runs on the processor, and takes no GPU",
            "default": True,
        }
    if gpu.use.allows_gpu:
        asked["GPU_LIST"] = {
            "type": "string",
            "title": "GPUs",
            "description": "GPUs of the run, in PCI order: `0 1`, `0-3`, `auto` for all",
            "default": "0",
            "pattern": GPU_LIST_PATTERN,
            **({"minLength": 1} if gpu.use.requires_gpu else {}),
        }
    needed = gpu.ranks if gpu.ranks in adapter.params and adapter.params[gpu.ranks].required else ""
    return {
        "type": "object",
        "title": "Execution",
        "properties": asked,
        "required": [needed] if needed else [],
        "additionalProperties": False,
    }


def _param(name: str, param: Param) -> Schema:
    one = _one(param)
    schema: Schema = {"title": _title(name, param), "description": param.help}
    if param.length is None:
        schema |= one
    else:
        schema |= {"type": "array", "items": one}
        if param.length:
            schema |= {"minItems": param.length, "maxItems": param.length}
    if param.default is not None:
        default = param.default
        schema["default"] = list(default) if isinstance(default, tuple) else default
    said = {
        field.name.rstrip("_"): _plain(getattr(param, field.name))
        for field in fields(param)
        if field.name not in _SAID_OTHERWISE and _differs(param, field)
    }
    if param.type == "path":
        said = {"path": True, **said}
    if said:
        schema["x-gpucore"] = said
    return schema


def _one(param: Param) -> Schema:
    """Return what one value must be, of a list: each."""
    schema: Schema = {"type": _TYPES[param.type]}
    if param.type == "choice":
        schema["enum"] = list(param.choices)
    bounds = {
        "minimum": param.min,
        "maximum": param.max,
        "exclusiveMinimum": param.above,
        "exclusiveMaximum": param.below,
    }
    schema |= {word: bound for word, bound in bounds.items() if bound is not None}
    if param.multiple_of:
        schema["multipleOf"] = param.multiple_of
    if param.odd:
        schema["not"] = {"multipleOf": 2}
    if param.type == "path":
        schema["minLength"] = 1
    patterns = []
    if not param.blanks:
        patterns.append(r"^[^\s\"']*$")
    if param.pattern:
        patterns.append(f"^(?:{param.pattern})$")
    if param.suffix:
        patterns.append(f"({'|'.join(map(_any_case, param.suffix))})$")
    if len(patterns) == 1:
        schema["pattern"] = patterns[0]
    elif patterns:
        schema["allOf"] = [{"pattern": pattern} for pattern in patterns]
    return schema


def _any_case(suffix: str) -> str:
    """Return a pattern for a suffix in whatever case; the schema's patterns have no flag for it."""
    return "".join(
        f"[{one.lower()}{one.upper()}]" if one.isalpha() else (f"\\{one}" if one in ".+*" else one)
        for one in suffix
    )


def _title(name: str, param: Param) -> str:
    return param.title or name.replace("_", " ").capitalize()


def _differs(param: Param, field: Field[object]) -> bool:
    value = getattr(param, field.name)
    default = field.default if field.default is not MISSING else None
    return value is not None and value != default


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _sections(params: Mapping[str, Param]) -> list[Schema]:
    """Return the sections of the form in their order, each with its parameters."""
    found: dict[str, list[str]] = {}
    for name, param in params.items():
        found.setdefault(param.section, []).append(name)
    return [{"title": title, "params": names} for title, names in found.items()]


def _conditions(params: Mapping[str, Param]) -> list[Schema]:
    """Return which parameters must be given with others.

    A value that is the default, or says no, needs nothing; see `read_values`.
    """
    found: list[Schema] = []
    for name, param in params.items():
        needed = [one for one in param.needs if one in params and _may_lack(params[one])]
        if not needed:
            continue
        then: Schema = {"required": needed}
        if flags := [one for one in needed if params[one].type == "bool"]:
            then["properties"] = {one: {"const": True} for one in flags}
        says_something: Schema = {"not": {"enum": _idle(param)}}
        found.append(
            {"if": {"required": [name], "properties": {name: says_something}}, "then": then}
        )
    return found


def _may_lack(param: Param) -> bool:
    return param.default in (None, False) and (param.optional or not param.output)


def _idle(param: Param) -> list[object]:
    """Return the values that need nothing: the default, and what says no."""
    nothing: object = ""
    if param.length is not None:
        nothing = []
    elif param.type == "bool":
        nothing = False
    elif param.type in {"int", "float"}:
        nothing = 0
    default = _plain(param.default)
    return [nothing] if default is None or default == nothing else [nothing, default]
