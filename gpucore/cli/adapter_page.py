"""What ``gpucore adapters show`` tells of one adapter, line by line."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.standard.adapter import Adapter, Example, Gpu, Param

__all__ = ["adapter_page", "bounds", "gpu_facts"]


def adapter_page(adapter: Adapter, origin: str) -> Iterator[str]:
    """Yield the lines; titles begin at the margin."""
    yield f"{adapter.name}: {adapter.title}"
    yield ""
    yield from (f"  {key:<11}{value}" for key, value in _head(adapter, origin) if value)
    yield ""
    yield "Parameters"
    for name, param in adapter.params.items():
        label = f"  ({param.title})" if param.title else ""
        yield f"  {name}{label}  {', '.join(_facts(name, param, adapter))}"
        yield f"      {param.help}"
    for title, text in (
        ("Licence", adapter.licence),
        ("Citation", adapter.citation),
        ("Source", adapter.source),
    ):
        if text:
            yield from ("", title, f"  {text}")
    if adapter.unverified:
        yield from ("", "Not verified", *(f"  {fact}" for fact in adapter.unverified))
    if adapter.example:
        yield from ("", "Examples")
    for example in adapter.example:
        yield from _example(example)


def _head(adapter: Adapter, origin: str) -> Iterator[tuple[str, str]]:
    outputs = [*adapter.output_params, *(one.name for one in adapter.output)]
    yield "program", adapter.program.executable
    yield "family", adapter.family
    yield "homepage", adapter.homepage
    yield "get it", adapter.program.install
    yield "from", origin
    yield "GPU", adapter.gpu.use.value
    if adapter.gpu.use.allows_gpu:
        yield from gpu_facts(adapter.gpu)
    yield "item", adapter.item or "none: it runs as a single step"
    yield "outputs", ", ".join(dict.fromkeys(outputs)) or "none that is checked"
    yield "done when", adapter.success_match and f"a line fits {adapter.success_match}"


def gpu_facts(gpu: Gpu) -> Iterator[tuple[str, str]]:
    """Yield how a program takes its GPUs: what is told, and the fact; an empty one is not known."""
    most = f", at most {gpu.max} for each process" if gpu.max else ""
    yield "form", f"{gpu.form}, ids {gpu.ids}{most}"
    yield "sharing", gpu.sharing
    if gpu.sees_one:
        yield "mask", "it must see one GPU alone, and always does"
    if gpu.overwrites_mask:
        yield "mask", "it sets CUDA_VISIBLE_DEVICES itself, and is given no mask"
    memory = "" if gpu.memory is None else f"{gpu.memory} MiB on each GPU"
    yield "memory", "; ".join(part for part in (memory, gpu.memory_note) if part)
    yield "more GPUs", gpu.changes_result and f"change the result: {gpu.changes_result}"


def _facts(name: str, param: Param, adapter: Adapter) -> Iterator[str]:
    yield param.type if param.length is None else f"list of {param.type}"
    if param.unit:
        yield f"[{param.unit}]"
    if name == adapter.item:
        yield "the item"
    elif param.output:
        yield f"an output, named {param.output}"
    elif param.default is not None:
        yield f"default {param.default!r}"
    elif param.required:
        yield "required"
    yield from bounds(param)
    if param.choices:
        yield f"one of {', '.join(param.choices)}"
    if param.section:
        yield f"in the section {param.section}"
    if param.advanced:
        yield "for experts"


def bounds(param: Param) -> Iterator[str]:
    """Yield what a parameter's value must keep to, in words."""
    bounds = (
        ("from", param.min),
        ("above", param.above),
        ("to", param.max),
        ("below", param.below),
    )
    if told := [f"{word} {bound:g}" for word, bound in bounds if bound is not None]:
        yield " ".join(told)
    for word, other in (("less than", param.less_than), ("no more than", param.no_more_than)):
        if other:
            yield f"{word} {other}"
    if param.odd:
        yield "odd"
    if param.multiple_of:
        yield f"a multiple of {param.multiple_of}"
    if param.pattern:
        yield f"as {param.pattern}"


def _example(example: Example) -> Iterator[str]:
    on = f"GPU {' '.join(map(str, example.gpus))}" if example.gpus else "no GPU"
    given = ", ".join(f"{key} = {value!r}" for key, value in example.params.items())
    yield f"  # {on}: {given}"
    yield f"  {shlex.join(example.argv)}"
    for name, text in (example.files or {}).items():
        yield f"  # {name}"
        yield from (f"  {line}" for line in text.splitlines())
