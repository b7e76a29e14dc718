"""``gpucore doctor``: is this machine as a run needs it, and if not, what mends it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpucore.cli.manner import manner, remark
from gpucore.cli.options import as_json, config_file, device_source
from gpucore.cli.terminal import clean, print_json, styled
from gpucore.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.cli.doctor.checking import Result
    from gpucore.cli.doctor.examination import Examination

__all__ = ["command"]


@click.command("doctor", epilog="Example: gpucore doctor --bundle support.tar.gz --run aligned")
@config_file
@device_source
@click.option(
    "--bundle",
    type=click.Path(),
    metavar="FILE",
    help="Write what was found into one .tar.gz for support, without secrets.",
)
@click.option(
    "--run",
    "folder",
    type=click.Path(),
    metavar="DIR",
    help="Put into the bundle what the runs of an output folder did, and ends of their logs.",
)
@click.option("--force", is_flag=True, help="Write over a bundle that is there.")
@as_json
def command(
    *,
    config: str | None,
    devices: str | None,
    bundle: str | None,
    folder: str | None,
    force: bool,
    json_: bool,
) -> int:
    """Check this machine as a run would use it, and say what mends it.

    Nothing is changed, and -v tells all that was found out. The exit code is 0 when all is well, 1
    when something is wrong, 2 when the configuration is, 3 when there is no usable GPU.
    """
    from gpucore.cli.doctor.examination import examine  # noqa: PLC0415 - help needs none of it

    if bundle is None and (folder is not None or force):
        option = "--run" if folder is not None else "--force"
        raise ParameterError(
            f"`{option}` is for `--bundle FILE`", hint="add --bundle FILE", code="E250"
        )
    if bundle is not None:
        from gpucore.cli.doctor.bundle import refuse_taken  # noqa: PLC0415 - as above

        refuse_taken(Path(bundle), force=force)
    examination = examine(config, devices)
    if bundle is not None:
        from gpucore.cli.doctor.bundle import write_bundle  # noqa: PLC0415 - as above

        write_bundle(Path(bundle), examination, run=folder, force=force)
    if json_:
        print_json("doctor", examination.document())
    else:
        _show(examination)
    if bundle is not None:
        remark(f"written: {clean(bundle)}; secrets are left out: look into it before you send it")
    return examination.exit_code


def _show(examination: Examination) -> None:
    # A terminal that knows no such letter is told all the same.
    can = (getattr(sys.stdout, "encoding", "") or "").lower().replace("-", "") == "utf8"
    marks = {"wrong": "✗" if can else "x", "note": "!"}
    colours = {"wrong": "red", "note": "yellow"}
    for result in examination.results:
        if manner.verbose:
            click.echo(clean(result.check))
            told = examination.censor.data(list(_facts(result)))
            assert isinstance(told, list)  # noqa: S101 - for the type checker
            click.echo("\n".join(clean(str(line)) for line in told))
        for one in result.findings:
            mark = styled(marks[one.level], fg=colours[one.level], bold=True)
            code = f" [{one.code}]" if one.code else ""
            click.echo(f"{mark} {clean(result.check)}: {clean(one.what)}{code}")
            if one.help:
                click.echo(f"  help: {clean(one.help)}")
    wrong, noted = examination.count("wrong"), examination.count("note")
    known = f"{noted} thing{'s' * (noted != 1)} to know" if noted else ""
    if wrong:
        said = f"{wrong} problem{'s' * (wrong != 1)}{f', {known}' if known else ''}"
        click.echo(styled(said, bold=True))
    elif known:
        click.echo(styled(f"all is well, {known}", bold=True))
    else:
        remark("all is well")


def _facts(result: Result) -> Iterator[str]:
    """Yield what a check has found out, a line for each fact."""
    yield f"  {result.state}, {result.seconds:.2f} s"
    for name, value in result.facts.items():
        several = isinstance(value, list) and len(value) > 1
        for one in value if several else (value,):
            yield f"  {name}: {one if isinstance(one, str) else json.dumps(one)}"
