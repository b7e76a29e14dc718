"""What a shell offers while a command is written: adapters, parameters, runs, steps, GPUs.

A shell waits for each answer while somebody types. Lists come from the manifests of plugins, no
adapter is imported but the one whose parameters are wanted, and what cannot be read is not offered:
an error message would stand in the middle of the line. Nor is a name that a terminal would obey.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.cli.terminal import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click
    from click.shell_completion import CompletionItem

    from gpucore.plugins import PluginHost

__all__ = ["adapter_names", "parameters", "runs", "steps"]

_MOST = 200
_LOOKED_AT = 2_000


def adapter_names(
    context: click.Context,
    param: click.Parameter,  # noqa: ARG001 - click's signature
    incomplete: str,
) -> list[CompletionItem]:
    """Offer the adapters that begin so."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell asks

    plugins = _plugins(context)
    if plugins is None:
        return []
    return [
        CompletionItem(name, help=clean(plugins.entry(name).title))
        for name in sorted(plugins.adapters)
        if name.startswith(incomplete)
    ]


def parameters(
    context: click.Context,
    param: click.Parameter,  # noqa: ARG001 - click's signature
    incomplete: str,
) -> list[CompletionItem]:
    """Offer `name=` for each parameter of the adapter, and the values of a choice."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell asks

    plugins = _plugins(context)
    known = plugins.adapters if plugins is not None else {}
    # After an option that waits for its value click has not handed the arguments out.
    name = context.params.get("adapter") or next(iter(context.args), "")
    found = None
    with suppress(Exception):
        found = known[str(name)]
    if found is None:
        return []
    key, equals, begun = incomplete.partition("=")
    if equals and key in found.params:
        one = found.params[key]
        values = one.choices or (("true", "false") if one.type == "bool" else ())
        return [
            CompletionItem(f"{key}={value}")
            for value in values
            if value.startswith(begun) and _can_be_offered(value)
        ]
    return [
        CompletionItem(f"{key}=", help=clean(one.help))
        for key, one in found.params.items()
        if key.startswith(incomplete) and not one.item
    ]


def runs(
    context: click.Context,  # noqa: ARG001 - click's signature
    param: click.Parameter,  # noqa: ARG001 - as above
    incomplete: str,
) -> list[CompletionItem]:
    """Offer the output folders of runs; where there is none, folders."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell asks

    found = list(islice(filter(_can_be_offered, _output_folders(incomplete)), _MOST))
    if found:
        return [CompletionItem(one) for one in found]
    return [CompletionItem(incomplete, type="dir")]


def steps(
    context: click.Context,
    param: click.Parameter,  # noqa: ARG001 - click's signature
    incomplete: str,
) -> list[CompletionItem]:
    """Offer the steps of the run whose folder stands before."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell asks

    from gpucore.cli.history import read_history  # noqa: PLC0415 - as above

    names: list[str] = []
    # Whatever is wrong with a journal is said by the command itself.
    with suppress(Exception), read_history(str(context.params.get("folder") or ".")) as state:
        named = (
            name for name in state.steps if name.startswith(incomplete) and _can_be_offered(name)
        )
        names = list(islice(named, _MOST))
    return [CompletionItem(name) for name in sorted(names)]


def _can_be_offered(name: str) -> bool:
    """Return whether a shell can be given a name: what it lists it writes to the terminal raw."""
    return clean(name) == name


def _plugins(context: click.Context) -> PluginHost | None:
    """Return the plugins as the command would have them; None when they cannot be read."""
    from gpucore.cli.options import settings_of  # noqa: PLC0415 - only a shell asks

    config = context.params.get("config")
    # The same option may name files of adapters, or one adapter stands under that name.
    files = context.params.get("adapters") or ()
    with suppress(Exception):
        return settings_of({}, config, tuple(files)).plugins
    return None


def _output_folders(incomplete: str) -> Iterator[str]:
    """Yield the folders that begin so and hold a run's journal."""
    head, slash, begun = incomplete.rpartition("/")
    with suppress(OSError), os.scandir(head + slash if slash else ".") as entries:
        for entry in islice(entries, _LOOKED_AT):
            if not entry.name.startswith(begun) or (entry.name.startswith(".") and not begun):
                continue
            with suppress(OSError):
                if entry.is_dir() and Path(entry.path, ".gpucore").is_dir():
                    yield f"{head}{slash}{entry.name}"
