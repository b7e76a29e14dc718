"""``gpucore adapters``: the programs that gpucore knows."""

from __future__ import annotations

import json

import click

from gpucore.cli.adapter_page import adapter_page
from gpucore.cli.adapters_check import check
from gpucore.cli.completing import adapter_names
from gpucore.cli.options import adapter_files, as_json, config_file, settings_of
from gpucore.cli.terminal import clean, print_json, print_table, styled
from gpucore.errors import ParameterError

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
    known = [host.entry(name) for name in sorted(host.adapters)]
    if json_:
        rows = [
            {
                "name": one.name,
                "title": one.title,
                "gpu": one.use.value,
                "executable": one.executable,
                "from": host.origin_of(one.name),
            }
            for one in known
        ]
        print_json("adapters", {"adapters": rows})
        return 0
    print_table(
        ("adapter", "GPU", "program", "from"),
        [(one.name, one.use.value, one.title, host.origin_of(one.name)) for one in known],
    )
    return 0


command.add_command(check)


@command.command("show")
@click.argument("name", metavar="NAME", shell_complete=adapter_names)
@config_file
@adapter_files
@as_json
@click.option("--toml", is_flag=True, help="Print it as a TOML file that says the same.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of its form.")
@click.pass_context
def show(
    context: click.Context,
    *,
    name: str,
    config: str | None,
    adapters: tuple[str, ...],
    json_: bool,
    toml: bool,
    schema: bool,
) -> int:
    """Show one adapter: parameters, GPU forms, outputs, examples, licence, citation."""
    if json_ + toml + schema > 1:
        raise ParameterError(
            "`--json`, `--toml` and `--schema` do not go together",
            hint="give one of them",
            code="E250",
        )
    outer_config, outer_adapters = context.obj or (None, ())
    host = settings_of({}, config or outer_config, (*outer_adapters, *adapters)).plugins
    adapter = host.adapter(name)
    if toml:
        from gpucore.config import adapter_toml  # noqa: PLC0415

        click.echo(adapter_toml(adapter), nl=False)
        return 0
    if schema:
        from gpucore.standard.form import form_schema  # noqa: PLC0415

        click.echo(json.dumps(form_schema(adapter), indent=2))
        return 0
    if json_:
        from dataclasses import asdict  # noqa: PLC0415

        data = asdict(adapter, dict_factory=_as_in_toml)
        print_json("adapter", {"from": host.origin_of(name), "adapter": data})
        return 0
    for line in adapter_page(adapter, host.origin_of(name)):
        # Titles stand alone and stand out.
        click.echo(styled(clean(line), bold=not line.startswith(" ")))
    return 0


def _as_in_toml(fields: list[tuple[str, object]]) -> dict[str, object]:
    # A key that is a word of Python's own is `class_` there alone.
    return {name.rstrip("_"): value for name, value in fields}
