"""The table of attempts beside the page: one line each, for spreadsheets and scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from gpucore.report.texts import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpucore.report.history import Attempt

__all__ = ["COLUMNS", "Trace"]

COLUMNS = (
    "step", "stage", "adapter", "attempt", "state", "began", "ended", "seconds", "waited", "gpus",
    "exit_code", "failure", "reason", "peak_memory_mib", "peak_utilisation", "log", "command",
)  # fmt: skip


class Trace:
    """Writes attempts as lines of a table, in the order in which they ended.

    Parameters
    ----------
    file : TextIO
        Where to.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        file.write("\t".join(COLUMNS) + "\n")

    def __call__(self, attempt: Attempt, command: Sequence[str], gpus: Sequence[str]) -> None:
        """Write an attempt.

        Parameters
        ----------
        attempt : Attempt
            The attempt.
        command : sequence of str
            The words of its command, as `command_words` makes them.
        gpus : sequence of str
            What its GPUs are called.
        """
        numbers = (
            f"{attempt.began:.3f}\t{attempt.ended:.3f}\t{attempt.seconds:.3f}\t{attempt.waited:.3f}"
        )
        self._file.write(
            f"{shown(attempt.step)}\t{shown(attempt.stage)}\t{shown(attempt.adapter)}"
            f"\t{attempt.number}\t{attempt.state.value}\t{numbers}\t{shown(', '.join(gpus))}"
            f"\t{_told(attempt.exit_code)}\t{attempt.failure}\t{shown(attempt.reason)}"
            f"\t{_told(attempt.peak_memory_mib)}\t{_told(attempt.peak_utilisation)}"
            f"\t{shown(attempt.log)}\t{' '.join(command)}\n"
        )


def _told(value: int | None) -> str:
    return "" if value is None else str(value)
