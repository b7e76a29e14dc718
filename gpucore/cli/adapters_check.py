"""``gpucore adapters check``: which programs are here, and of which version."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from gpucore.cli.completing import adapter_names
from gpucore.cli.manner import remark
from gpucore.cli.options import adapter_files, as_json, config_file, settings_of
from gpucore.cli.terminal import clean, print_json, print_table

if TYPE_CHECKING:
    from gpucore.inspection import ProgramCheck
    from gpucore.standard.adapter import Adapter

__all__ = ["check"]

_AT_ONCE = 8  # most of the time they wait for a file system


@click.command("check", epilog="Example: gpucore adapters check motioncor3")
@click.argument("names", nargs=-1, metavar="NAME...", shell_complete=adapter_names)
@config_file
@adapter_files
@as_json
@click.pass_context
def check(
    context: click.Context,
    names: tuple[str, ...],
    config: str | None,
    adapters: tuple[str, ...],
    json_: bool,
) -> int:
    """Look for programs as the site starts them, and ask each for its version.

    All programs, or those of the adapters that are named. No GPU is shown to them. The exit code is
    1 when one that is named is not found.
    """
    # What asks programs is loaded when it is used: `gpucore adapters` asks none.
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    from gpucore.inspection import check_program, to_set  # noqa: PLC0415

    outer_config, outer_adapters = context.obj or (None, ())
    settings = settings_of({}, config or outer_config, (*outer_adapters, *adapters))
    host, sites = settings.plugins, settings.config.program
    wanted = [host.adapter(name) for name in dict.fromkeys(names)]
    known = wanted or [one for _, one in sorted(host.load_adapters().items())]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(
            pool.map(
                lambda one: check_program(one, sites.get(one.name), settings.environment), known
            )
        )
    if json_:
        rows = [
            {**asdict(row), "set": "" if row.found else to_set(one)}
            for one, row in zip(known, found, strict=True)
        ]
        print_json("programs", {"programs": rows})
    else:
        _show(known, found, in_full=bool(wanted))
        for bad in host.quarantine:
            remark(f"in quarantine: {clean(bad.name)}; see `gpucore plugins`")
    return 1 if wanted and not all(row.found for row in found) else 0


def _show(known: list[Adapter], found: list[ProgramCheck], *, in_full: bool) -> None:
    from gpucore.inspection import to_set  # noqa: PLC0415

    print_table(
        ("adapter", "found", "version", "through", "program"),
        [
            (row.adapter, "yes" if row.found else "no", row.version or "-", row.how, row.program)
            for row in found
        ],
    )
    missing = [one for one, row in zip(known, found, strict=True) if not row.found]
    for row in found:
        if row.note and (in_full or row.found):
            remark(f"{clean(row.adapter)}: {clean(row.note)}")
        if row.hint and in_full:
            remark(f"  {clean(row.hint)}")
    if missing and in_full:
        remark("to say in gpucore.toml where it is:")
        for one in missing:
            remark("\n".join(clean(line) for line in to_set(one).splitlines()))
    elif missing:
        remark(f"{len(missing)} not found; `gpucore adapters check NAME` says why, and what to set")
