"""The pages of the codes of errors, as they lie in the documentation, and the list of all codes."""

from __future__ import annotations

from pathlib import Path

from catalogue.blocks import with_block
from gpucore import codes

__all__ = ["BLOCKS", "code_pages", "with_codes"]

BLOCKS = {
    "1": "GPU lists, and the choice of devices",
    "2": "Settings, job files, the command line",
    "3": "Parameters, items and commands",
    "4": "Adapters and plugins",
    "5": "Programs, inputs and outputs",
    "6": "Devices and drivers",
    "7": "Leases, journals and runs",
    "8": "Hosts",
    "9": "gpucore itself",
}
"""What the first digit of a code says."""


def code_pages() -> dict[str, str]:
    """Return the text of each code's page."""
    folder = Path(codes.__file__).parent
    return {code: (folder / f"{code}.md").read_text(encoding="utf-8") for code in codes.codes()}


def with_codes(page: str) -> str:
    """Return the page of errors with the list of all codes."""
    lines: list[str] = []
    for digit, title in BLOCKS.items():
        lines += [f"**E{digit}xx: {title}**", "", "| code | what it is for |", "|---|---|"]
        lines += [
            f"| [{code}](errors/{code}.md) | {codes.title(code)} |"
            for code in codes.codes()
            if code[1] == digit
        ]
        lines.append("")
    return with_block(page, "Codes", "| code |", "the pages of codes", lines[:-1])
