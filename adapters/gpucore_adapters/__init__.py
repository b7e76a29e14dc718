"""The programs that gpucore knows: a module each, listed in a manifest so that none is imported.

Each module is a plugin as a third party would write it. ``python -m catalogue`` writes the manifest
from them.
"""

from __future__ import annotations

from pathlib import Path

from gpucore.plugins import AdapterEntry, hookimpl
from gpucore.standard import GpuUse

__all__ = ["MANIFEST", "gpucore_adapter_entries", "read_manifest"]

MANIFEST = Path(__file__).with_name("manifest.tsv")


@hookimpl
def gpucore_adapter_entries() -> list[AdapterEntry]:
    """Offer all of them."""
    return read_manifest(MANIFEST.read_text(encoding="utf-8"))


def read_manifest(text: str) -> list[AdapterEntry]:
    """Return the entries of a manifest: a line each, its fields parted by tabs, a head above."""
    uses = {one.value: one for one in GpuUse}
    return [
        AdapterEntry(name=name, use=uses[use], executable=executable, module=module, title=title)
        for name, use, executable, module, title in (
            line.split("\t") for line in text.splitlines()[1:]
        )
    ]
