"""What `gpucore status` shows without a folder: which runs of this user go on on this machine."""

from __future__ import annotations

import time

from gpucore.cli.manner import remark
from gpucore.cli.terminal import print_json, print_table
from gpucore.cli.top.document import run_document
from gpucore.cli.top.gathering import runs_now
from gpucore.cli.top.layout import run_fields

__all__ = ["tell_present"]


def tell_present(*, json_: bool) -> int:
    """Print the runs that go on; return the exit status."""
    found = runs_now()
    if json_:
        print_json("runs", {"time": time.time(), "runs": [run_document(one) for one in found]})
        return 0
    if not found:
        remark("none of your runs goes on on this machine")
        return 0
    fields = run_fields(found)
    print_table(
        [one.title for one in fields], list(zip(*(one.cells for one in fields), strict=True))
    )
    remark("`gpucore status DIR` shows one of them, `gpucore top` watches all")
    return 0
