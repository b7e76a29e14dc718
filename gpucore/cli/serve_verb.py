"""``gpucore serve``: the pages of runs, while these go on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import click

from gpucore.cli.completing import runs
from gpucore.cli.manner import remark
from gpucore.cli.options import as_json
from gpucore.cli.terminal import print_json

__all__ = ["command"]

_ORDINARY = {signal.SIGINT, signal.SIGTERM}


@click.command("serve", epilog="Example: gpucore serve aligned particles")
@click.argument(
    "folders", nargs=-1, required=True, type=click.Path(), metavar="DIR...", shell_complete=runs
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="HOST",
    help="A name or address of this machine to listen on; beyond loopback a token is asked for.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    metavar="PORT",
    help="Where to listen; 0 takes a port that is free.",
)
@click.option("--token", is_flag=True, help="Ask for a token on loopback, too.")
@as_json
def command(*, folders: tuple[str, ...], host: str, port: int, token: bool, json_: bool) -> int:
    """Show what runs do while they go on, as pages for a browser.

    Serves until Ctrl-C.
    """
    from gpucore.cli.endings import Ended  # noqa: PLC0415 - help needs none of it
    from gpucore.serving.access import Access, is_loopback, new_token  # noqa: PLC0415
    from gpucore.serving.server import PageServer, serving  # noqa: PLC0415
    from gpucore.system.journal_place import state_home  # noqa: PLC0415

    guarded = token or not is_loopback(host)
    access = Access(host=host, token=new_token() if guarded else "")
    # As they are called: a link that leads elsewhere tomorrow is followed there.
    places = [Path(one) for one in dict.fromkeys(map(os.path.abspath, folders))]
    try:
        with serving(PageServer(places, state_home(os.environ), access, port)) as server:
            if json_:
                print_json(
                    "serve",
                    {"url": server.url, "token": access.token, "folders": list(map(str, places))},
                )
            else:
                click.echo(server.url)
                remark(
                    f"serving {len(places)} run{'' if len(places) == 1 else 's'}; Ctrl-C ends it"
                )
            server.wait()
    except Ended as error:
        if error.number not in _ORDINARY:
            raise
    return 0
