"""The command line: `python -m benchmarks throughput --repeats 3 --write`."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from benchmarks import (
    choosing,
    idle_gap,
    imports,
    journal,
    ledger,
    live_view,
    machine,
    million,
    progress,
    reporting,
    scipion_host,
    submitting,
    throughput,
    watching,
)
from benchmarks.roster import PEERS, DriverFailedError, Peer
from benchmarks.table import Table, write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SIDE_BY_SIDE = (throughput.NAME, idle_gap.NAME)
ALONE: dict[str, Callable[[int], Table]] = {
    ledger.NAME: ledger.measure,
    choosing.NAME: choosing.measure,
    million.NAME: million.measure,
    journal.NAME: journal.measure,
    imports.NAME: imports.measure,
    progress.NAME: progress.measure,
    reporting.NAME: reporting.measure,
    scipion_host.NAME: scipion_host.measure,
    submitting.NAME: submitting.measure,
    watching.NAME: watching.measure,
    live_view.NAME: live_view.measure,
}
REPEATS = {
    throughput.NAME: 5,
    idle_gap.NAME: 5,
    ledger.NAME: 7,
    choosing.NAME: 3,
    million.NAME: 3,
    journal.NAME: 3,
    imports.NAME: 20,
    progress.NAME: 15,
    reporting.NAME: 3,
    scipion_host.NAME: 3,
    submitting.NAME: 3,
    watching.NAME: 1,
    live_view.NAME: 3,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for and print the table.

    Returns
    -------
    int
        0, or 1 when a measurement could not be made.
    """
    typed = list(sys.argv[1:] if arguments is None else arguments)
    asked = _parser().parse_args(typed)
    names = list(REPEATS) if asked.what == "all" else [asked.what]
    failed = False
    for name in names:
        where = machine.describe()
        try:
            table = _measure(name, asked)
        except DriverFailedError as fault:
            sys.stderr.write(f"{name}: {fault}\n")
            failed = True
            continue
        if asked.json:
            sys.stdout.write(json.dumps({"machine": where, **asdict(table)}) + "\n")
        else:
            sys.stdout.write(f"{name}: {where}\n\n{table.markdown()}\n\n")
        if asked.write:
            write(table, command=f"python -m benchmarks {shlex.join(typed)}", machine=where)
    return 1 if failed else 0


def _measure(name: str, asked: argparse.Namespace) -> Table:
    repeats: int = asked.repeats or REPEATS[name]
    if name in ALONE:
        return ALONE[name](repeats)
    if name == throughput.NAME:
        steps = asked.steps or throughput.Throughput.steps
        return throughput.Throughput(steps=steps).measure(asked.peers, repeats)
    steps = asked.steps or idle_gap.IdleGap.steps
    return idle_gap.IdleGap(steps=steps).measure(asked.peers, repeats)


def _peers(text: str) -> tuple[Peer, ...]:
    by_name = {peer.name: peer for peer in PEERS}
    unknown = [name for name in text.split(",") if name not in by_name]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of: {', '.join(by_name)}")
    return tuple(by_name[name] for name in text.split(","))


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no count; write 1 or more")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", choices=[*REPEATS, "all"])
    parser.add_argument("--repeats", type=_count, help="rounds; each has its own default")
    parser.add_argument(
        "--steps", type=_count, help=f"steps of one reading ({' and '.join(SIDE_BY_SIDE)})"
    )
    parser.add_argument(
        "--peers",
        type=_peers,
        default=PEERS,
        metavar="NAME,NAME",
        help="only these: " + ", ".join(peer.name for peer in PEERS),
    )
    parser.add_argument("--json", action="store_true", help="print JSON, not Markdown")
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
