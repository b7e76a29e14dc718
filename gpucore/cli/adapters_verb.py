"""``gpucore adapters``: the programs that gpucore knows."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from gpucore.cli.options import adapter_files, as_json, config_file, settings_of
from gpucore.cli.terminal import clean, print_json, print_table, styled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.standard.adapter import Adapter, Param

__all__ = ["command"]


@click.group("adapters", invoke_without_command=True)
@config_file
@adapter_files
@as_json
@click.pass_context
def command(
    context: click.Context,
    config: str | None,
    adapters: tuple[str, ...],
    json_: bool,
) -> int:
    """List the programs that gpucore knows, or show one."""
    if context.invoked_subcommand:
        context.obj = (config, adapters)
        return 0
    host = settings_of({}, config, adapters).plugins
    known = [host.adapters[name] for name in sorted(host.adapters)]
    if json_:
        rows = [
            {
                "name": one.name,
                "title": one.title,
                "gpu": one.gpu.use.value,
                "executable": one.program.executable,
                "from": host.origin_of(one.name),
            }
            for one in known
        ]
        print_json("adapters", {"adapters": rows})
        return 0
    print_table(
        ("adapter", "GPU", "program", "from"),
        [(one.name, one.gpu.use.value, one.title, host.origin_of(one.name)) for one in known],
    )
    return 0


@command.command("show")
@click.argument("name", metavar="NAME")
@config_file
@adapter_files
@as_json
@click.pass_context
def show(
    context: click.Context,
    name: str,
    config: str | None,
    adapters: tuple[str, ...],
    json_: bool,
) -> int:
    """Show one adapter: parameters, GPU forms, outputs, examples, licence, citation."""
    outer_config, outer_adapters = context.obj or (None, ())
    host = settings_of({}, config or outer_config, (*outer_adapters, *adapters)).plugins
    adapter = host.adapter(name)
    if json_:
        from dataclasses import asdict  # noqa: PLC0415

        data = asdict(adapter, dict_factory=_as_in_toml)
        print_json("adapter", {"from": host.origin_of(name), "adapter": data})
        return 0
    for line in _page(adapter, host.origin_of(name)):
        # Titles stand alone and stand out.
        click.echo(styled(clean(line), bold=not line.startswith(" ")))
    return 0


def _as_in_toml(fields: list[tuple[str, object]]) -> dict[str, object]:
    # A key that is a word of Python's own is `class_` there alone.
    return {name.rstrip("_"): value for name, value in fields}


def _page(adapter: Adapter, origin: str) -> Iterator[str]:
    gpu = adapter.gpu
    yield f"{adapter.name}: {adapter.title}"
    yield ""
    yield f"  program    {adapter.program.executable}"
    if adapter.program.install:
        yield f"  get it     {adapter.program.install}"
    yield f"  from       {origin}"
    yield f"  GPU        {gpu.use.value}"
    if gpu.use.allows_gpu:
        most = f", at most {gpu.max} for each process" if gpu.max else ""
        yield f"  form       {gpu.form}, ids {gpu.ids}{most}"
        yield f"  sharing    {gpu.sharing}"
    yield f"  item       {adapter.item or 'none: it runs as a single step'}"
    outputs = [*adapter.output_params, *(one.name for one in adapter.output)]
    yield f"  outputs    {', '.join(dict.fromkeys(outputs)) or 'none that is checked'}"
    yield ""
    yield "Parameters"
    for name, param in adapter.params.items():
        yield f"  {name}  {_facts(name, param, adapter)}"
        yield f"      {param.help}"
    for title, text in (
        ("Licence", adapter.licence),
        ("Citation", adapter.citation),
        ("Source", adapter.source),
    ):
        if text:
            yield ""
            yield title
            yield f"  {text}"
    if adapter.unverified:
        yield ""
        yield "Not verified"
        yield from (f"  {fact}" for fact in adapter.unverified)
    if adapter.example:
        yield ""
        yield "Examples"
    for example in adapter.example:
        on = f"GPU {' '.join(map(str, example.gpus))}" if example.gpus else "no GPU"
        given = ", ".join(f"{key} = {value!r}" for key, value in example.params.items())
        yield f"  # {on}: {given}"
        yield f"  {shlex.join(example.argv)}"


def _facts(name: str, param: Param, adapter: Adapter) -> str:
    facts: list[str] = [param.type if param.length is None else f"list of {param.type}"]
    if param.unit:
        facts.append(f"[{param.unit}]")
    if name == adapter.item:
        facts.append("the item")
    elif param.output:
        facts.append(f"an output, named {param.output}")
    elif param.default is not None:
        facts.append(f"default {param.default!r}")
    elif param.required:
        facts.append("required")
    if param.min is not None or param.max is not None:
        low = "" if param.min is None else f"{param.min:g}"
        high = "" if param.max is None else f"{param.max:g}"
        facts.append(
            " ".join(part for part in (low and f"from {low}", high and f"to {high}") if part)
        )
    if param.choices:
        facts.append(f"one of {', '.join(param.choices)}")
    return ", ".join(facts)
