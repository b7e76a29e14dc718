"""``gpucore plugins``: what is plugged in, and what is in quarantine."""

from __future__ import annotations

import click

from gpucore.cli.options import as_json, config_file, settings_of
from gpucore.cli.terminal import clean, print_json, print_table, talk

__all__ = ["command"]

_MOST = 10  # adapters that are named in a line; `gpucore adapters` names all


@click.command("plugins")
@config_file
@as_json
def command(config: str | None, json_: bool) -> int:
    """List what is plugged in, and what is in quarantine."""
    host = settings_of({}, config).plugins
    host.load_adapters()  # what cannot be used is to be told here, not by the run that needs it
    if json_:
        print_json(
            "plugins",
            {
                "plugins": [
                    {
                        "name": one.name,
                        "distribution": one.distribution,
                        "version": one.version,
                        "module": one.module,
                        "adapters": list(one.adapters),
                        "device_sources": list(one.device_sources),
                        "policies": list(one.policies),
                        "engines": list(one.engines),
                        "observes": one.observes,
                        "seconds": one.seconds,
                    }
                    for one in host.plugins
                ],
                "quarantine": [
                    {
                        "name": one.name,
                        "distribution": one.distribution,
                        "version": one.version,
                        "module": one.module,
                        "reason": one.reason,
                        "hint": one.hint,
                        "file": one.file,
                        "code": one.code,
                    }
                    for one in host.quarantine
                ],
            },
        )
        return 0
    rows = []
    for one in host.plugins:
        many = len(one.adapters) > _MOST
        told = [f"{len(one.adapters)} adapters"] if many else one.adapters
        offers = [*told, *one.device_sources, *one.policies, *one.engines]
        rows.append((one.name, one.origin, ", ".join(offers) + (", events" * one.observes)))
    print_table(("plugin", "from", "offers"), rows)
    for bad in host.quarantine:
        what = "the adapter " if bad.alone else ""
        talk(
            f"in quarantine: {what}{clean(bad.name)} of {clean(bad.origin)}: {clean(bad.reason)}"
            + (f" ({clean(bad.file)})" if bad.file else "")
            + f" [{bad.code}]"
        )
        if bad.hint:
            talk(f"  {clean(bad.hint)}")
    return 0
