"""Take and give: how many times a second one thread can hand a slot out and have it back."""

from __future__ import annotations

import json
import sys
import time
from statistics import median

from benchmarks.fresh import ask
from benchmarks.table import Table

NAME = "ledger"
TARGET = 200_000
CASES = {"a slot": "slot", "2 of 8 GPUs at once": "gang"}
COLUMNS = ("what is taken and given back", "pairs/s: median", "min", "max", "target")


def measure(repeats: int) -> Table:
    """Measure every case in fresh processes, in turn."""
    rates: dict[str, list[float]] = {label: [] for label in CASES}
    for _ in range(repeats):
        for label, case in CASES.items():
            rates[label].append(ask("benchmarks.ledger", case)["per_second"])
    return Table(
        name=NAME,
        columns=COLUMNS,
        rows=tuple(
            (
                label,
                f"{median(found):,.0f}",
                f"{min(found):,.0f}",
                f"{max(found):,.0f}",
                f"{TARGET:,}" if CASES[label] == "slot" else "",
            )
            for label, found in rates.items()
        ),
        notes=(f"8 units, 7 of them free at each take; {repeats} fresh processes each.",),
    )


def pairs_per_second(case: str, pairs: int = 200_000, gpus: int = 8) -> float:
    """Return the rate of take and give in this process.

    Each round takes and gives back the grant taken one round before, so that the order of the
    free units turns all the time and one unit is always held.
    """
    from gpucore.scheduling import Ledger, Unit  # noqa: PLC0415 - only the child needs gpucore
    from gpucore.standard.model import SLOT, Device, Need  # noqa: PLC0415 - as above

    need = SLOT if case == "slot" else Need(gpus=2)
    ledger = Ledger(
        [
            Unit(number, (Device(uuid=f"GPU-{number}", index=number, simulated=True),))
            for number in range(gpus)
        ]
    )
    held = ledger.take(need)
    start = time.perf_counter()
    for _ in range(pairs):
        taken = ledger.take(need)
        assert taken is not None
        assert held is not None
        ledger.give(held)
        held = taken
    return pairs / (time.perf_counter() - start)


def main() -> None:
    """Measure one case; this is the child."""
    case = sys.argv[1]
    pairs_per_second(case, pairs=10_000)
    sys.stdout.write(json.dumps({"per_second": pairs_per_second(case)}) + "\n")


if __name__ == "__main__":
    main()
