"""Choosing devices among ten thousand: how long one decision takes, and the longest."""

from __future__ import annotations

import json
import sys
import time
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.fresh import ask
from benchmarks.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpucore.scheduling import Ledger
    from gpucore.standard.model import Need

NAME = "choosing"
TARGET = 1_000.0
DEVICES = 10_000
DECISIONS = 1_000
ISLAND = 8
HELD = 100
COLUMNS = ("what is chosen", "µs: median", "99 of 100 below", "longest", "target")


def measure(repeats: int) -> Table:
    """Measure every case in fresh processes, in turn; the worst process counts."""
    found: dict[str, list[dict[str, float]]] = {label: [] for label in CASES}
    for _ in range(repeats):
        for label, readings in found.items():
            readings.append(ask("benchmarks.choosing", label))
    return Table(
        name=NAME,
        columns=COLUMNS,
        rows=tuple(
            (
                label,
                f"{median(one['median'] for one in readings):,.1f}",
                f"{max(one['most'] for one in readings):,.1f}",
                f"{max(one['longest'] for one in readings):,.1f}",
                f"{TARGET:,.0f}",
            )
            for label, readings in found.items()
        ),
        notes=(
            f"Processor time; {DEVICES:,} simulated devices of 24 GiB, in islands of {ISLAND} "
            f"where links are known; {DECISIONS:,} decisions in each of {repeats} fresh processes. "
            "A decision is what follows from one event: devices are found, and taken.",
        ),
    )


def books(*, links: bool = False, shared: bool = False, small: int = 0) -> Ledger:
    """Return a ledger of the devices; of each ``small`` but one have 8 GiB."""
    from gpucore.scheduling import (  # noqa: PLC0415 - only the child needs gpucore
        Ledger,
        SharedLedger,
        cut_devices,
    )
    from gpucore.standard.model import Device  # noqa: PLC0415 - as above

    devices = [
        Device(
            uuid=f"GPU-{number}",
            index=number,
            simulated=True,
            memory_mib=8_192 if number < small else 24_576,
            links=tuple(
                (f"GPU-{other}", 200 if other // 2 == number // 2 else 50)
                for other in range(number - number % ISLAND, number - number % ISLAND + ISLAND)
                if other != number
            )
            if links
            else (),
        )
        for number in range(DEVICES)
    ]
    units = cut_devices(devices, 1, True)
    return SharedLedger(units, 512) if shared else Ledger(units)


def timed(ledger: Ledger, need: Need, news: Callable[[int], None] | None = None) -> list[float]:
    """Return seconds for each decision; what is taken is given back after a hundred more."""
    held, seconds = [], []
    for number in range(DECISIONS):
        start = time.thread_time()
        if news is not None:
            news(number)
        grant = ledger.take(need)
        seconds.append(time.thread_time() - start)
        assert grant is not None
        held.append(grant)
        if len(held) > HELD:
            ledger.give(held.pop(0))
    return seconds


def one_gpu() -> list[float]:
    """Take the one that has been free longest."""
    from gpucore.standard.model import Need  # noqa: PLC0415 - as above

    return timed(books(), Need(gpus=1))


def one_with_memory() -> list[float]:
    """Find the few that have the memory behind all that do not."""
    from gpucore.standard.model import Need  # noqa: PLC0415 - as above

    return timed(books(small=DEVICES - 200), Need(gpus=1, memory_mib=12_288))


def four_near() -> list[float]:
    """Find four that links join."""
    from gpucore.standard.model import Need  # noqa: PLC0415 - as above

    return timed(books(links=True), Need(gpus=4))


def four_near_with_memory() -> list[float]:
    """Find four that links join and that have the memory, behind all that do not."""
    from gpucore.standard.model import Need  # noqa: PLC0415 - as above

    return timed(books(links=True, small=DEVICES - 800), Need(gpus=4, memory_mib=12_288))


def beside_others() -> list[float]:
    """Find a device with room beside the step that each has."""
    from gpucore.standard.model import Need  # noqa: PLC0415 - as above

    ledger = books(shared=True)
    for number in range(DEVICES):
        ledger.take(Need(gpus=1, memory_mib=4_000 + number))
    return timed(ledger, Need(gpus=1, memory_mib=6_000))


def while_devices_come_and_go() -> list[float]:
    """Withhold a device or return one, and find four that links join."""
    from gpucore.scheduling.supply import Offer  # noqa: PLC0415 - as above
    from gpucore.standard.model import Need  # noqa: PLC0415 - as above

    ledger = books(links=True)

    def news(number: int) -> None:
        offer = Offer.OPEN if number % 2 else Offer.WITHHELD
        ledger.offer(f"GPU-{number // 2 * 7 % DEVICES}", offer, "why", "health")

    return timed(ledger, Need(gpus=4), news)


def while_memory_changes() -> list[float]:
    """See a device's memory change, and find a device with enough, all in their order."""
    from gpucore.standard.model import Need  # noqa: PLC0415 - as above

    ledger = books(small=DEVICES - 200)
    return timed(
        ledger,
        Need(gpus=1, memory_mib=12_288),
        lambda number: ledger.see({f"GPU-{number}": 8_000 - number % 2}),
    )


CASES: dict[str, Callable[[], list[float]]] = {
    "1 GPU": one_gpu,
    "1 GPU with 12 GiB free; 9,800 have less": one_with_memory,
    "4 GPUs, near ones": four_near,
    "4 GPUs, near ones, with 12 GiB free; 9,200 have less": four_near_with_memory,
    "1 GPU beside other steps, by memory; all are shared": beside_others,
    "4 GPUs, near ones, while devices come and go": while_devices_come_and_go,
    "1 GPU with 12 GiB free, while memory changes": while_memory_changes,
}


def main() -> None:
    """Measure one case; this is the child."""
    seconds = sorted(CASES[sys.argv[1]]())
    sys.stdout.write(
        json.dumps(
            {
                "median": median(seconds) * 1e6,
                "most": seconds[len(seconds) * 99 // 100] * 1e6,
                "longest": seconds[-1] * 1e6,
            }
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
