"""Options that verbs have in common, and what they say to the executor."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gpucore.errors import Faults, GpucoreError, ParameterError, did_you_mean, raise_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gpucore.settings import Settings
    from gpucore.standard.adapter import Adapter

__all__ = [
    "adapter_files",
    "as_events",
    "as_json",
    "checksum",
    "common",
    "config_file",
    "device_source",
    "given_values",
    "kill_orphans",
    "limits",
    "resuming",
    "settings_of",
    "told_as_options",
]

F = TypeVar("F", bound="Callable[..., object]")

_FILE = click.Path(dir_okay=True)


def config_file(function: F) -> F:
    """Add ``--config``."""
    return click.option(
        "--config",
        "config",
        type=_FILE,
        metavar="FILE",
        help="Settings that count above the site's own.",
    )(function)


def adapter_files(function: F) -> F:
    """Add ``--adapter``."""
    return click.option(
        "--adapter",
        "adapters",
        type=_FILE,
        multiple=True,
        metavar="FILE.toml",
        help="An adapter without packaging, or a folder of them; may be repeated.",
    )(function)


def device_source(function: F) -> F:
    """Add ``--devices``."""
    return click.option(
        "--devices",
        metavar="SOURCE",
        help="Where GPUs come from: nvml, amd, or simulated:N on a machine without.",
    )(function)


def common(function: F) -> F:
    """Add the options of every verb that runs steps."""
    for option in (
        click.option(
            "--isolate", is_flag=True, default=None, help="Hide other GPUs from programs."
        ),
        click.option(
            "--sharing",
            type=click.Choice(["adapter", "repeat", "never"]),
            help="Whether a list shorter than the workers is repeated.",
        ),
        click.option("--policy", metavar="NAME", help="How the list is cut: slots, pool, memory."),
        click.option(
            "--threads",
            type=click.IntRange(min=1),
            metavar="T",
            help="Threads, the master counted: T-1 steps run at once.",
        ),
        click.option(
            "--gpus", metavar="LIST", help='GPUs of the run: "0 1", "0-3", auto, "" for none.'
        ),
    ):
        function = option(function)
    return device_source(adapter_files(config_file(function)))


def kill_orphans(function: F) -> F:
    """Add ``--kill-orphans``."""
    return click.option(
        "--kill-orphans",
        is_flag=True,
        help="End programs that outlived an earlier run, instead of waiting for them.",
    )(function)


def checksum(function: F) -> F:
    """Add ``--checksum``."""
    return click.option(
        "--checksum",
        is_flag=True,
        default=None,
        help="Know files again by their content, not by size and time.",
    )(function)


def resuming(function: F) -> F:
    """Add what a run does about earlier ones of the same output folder."""
    again = click.option("--again", is_flag=True, help="Run what is done already, too.")
    return kill_orphans(checksum(again(function)))


def limits(function: F) -> F:
    """Add how long a step's program may take, and how often it is tried again."""
    seconds = click.FloatRange(min=0, min_open=True)
    for option in (
        click.option(
            "--quiet-limit",
            type=seconds,
            metavar="SECONDS",
            help="End a program that prints nothing new for so long.",
        ),
        click.option(
            "--time-limit", type=seconds, metavar="SECONDS", help="End a program after so long."
        ),
        click.option(
            "--retries",
            type=click.IntRange(min=0),
            default=0,
            metavar="N",
            help="Try a failed step again, unless it would fail again: wrong input, say, or no "
            "program.",
        ),
    ):
        function = option(function)
    return function


def as_json(function: F) -> F:
    """Add ``--json``."""
    return click.option("--json", "json_", is_flag=True, help="Print one JSON object.")(function)


def as_events(function: F) -> F:
    """Add ``--json-events``."""
    return click.option(
        "--json-events", is_flag=True, help="Print each event as a JSON object on a line."
    )(function)


def settings_of(
    changes: Mapping[str, Any],
    config: str | None = None,
    adapters: tuple[str, ...] = (),
    root: str | None = None,
) -> Settings:
    """Return the settings that the options say; what they do not is the site's.

    Raises
    ------
    GpucoreError
        For every fault in settings and files.
    """
    # What runs steps is loaded by the verbs that run steps.
    from gpucore.settings import read_settings  # noqa: PLC0415

    settings = read_settings(changes, config=config, adapters=adapters, root=root)
    if policy := changes.get("policy"):
        try:
            settings.plugins.policy(policy)
        except GpucoreError as fault:
            raise fault.at("--policy") from None
    return settings


def given_values(pairs: tuple[str, ...], adapter: Adapter) -> dict[str, object]:
    """Return the values of ``--set key=value``, typed by the adapter's parameters.

    Raises
    ------
    ParameterError, Faults
        For every pair without `=`, unknown key and value that the parameter cannot hold.
    """
    from gpucore.standard.params import check_value, read_text  # noqa: PLC0415 - as above

    values: dict[str, object] = {}
    faults: list[GpucoreError] = []
    for pair in pairs:
        key, equals, text = pair.partition("=")
        where = f"--set {key}=…"
        if not equals:
            faults.append(
                ParameterError(
                    f"`--set {pair}` has no `=`", hint="write --set key=value", code="E250"
                )
            )
        elif (param := adapter.params.get(key)) is None:
            hint = did_you_mean(
                key, adapter.params, listed=f"`gpucore adapters show {adapter.name}`"
            )
            faults.append(
                ParameterError(f"unknown parameter `{key}`", hint=hint, where=where, code="E301")
            )
        else:
            try:
                values[key] = check_value(key, param, read_text(key, param, text))
            except GpucoreError as fault:
                faults.append(fault.at(where))
    raise_faults(faults)
    return values


@contextlib.contextmanager
def told_as_options() -> Iterator[None]:
    """Have a parameter that is missing asked for by the option that gives it."""
    try:
        yield
    except GpucoreError as error:
        for one in error.errors if isinstance(error, Faults) else (error,):
            if one.code == "E302":
                one.hint = re.sub(r"^give `(\w+)`", r"give `--set \1=…`", one.hint)
        raise
