"""Which files are generated, what they must hold, and where they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalogue.commands import with_commands
from catalogue.error_codes import code_pages, with_codes
from catalogue.evidence import read_evidence
from catalogue.index import index_text, with_programs
from catalogue.json_page import json_text
from catalogue.keys import with_keys
from catalogue.manifest import manifest_text, offered
from catalogue.pages import adapter_text

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["differences", "generated"]


def generated(root: Path) -> dict[Path, str]:
    """Return each generated file of a checkout with its text.

    Raises
    ------
    GpucoreError
        When a module of adapters cannot be loaded.
    """
    found = offered()
    adapters = [adapter for _, adapter in found]
    evidence = read_evidence(root)
    pages = root / "docs" / "adapters"
    readme = root / "README.md"
    reference = root / "docs" / "reference"
    commands, settings = reference / "cli.md", reference / "configuration.md"
    errors = reference / "errors.md"
    return {
        root / "adapters" / "gpucore_adapters" / "manifest.tsv": manifest_text(found),
        **{pages / f"{one.name}.md": adapter_text(one, evidence) for one in adapters},
        pages / "index.md": index_text(adapters, evidence),
        root / "docs" / "reference" / "json.md": json_text(),
        **{reference / "errors" / f"{code}.md": text for code, text in code_pages().items()},
        errors: with_codes(errors.read_text(encoding="utf-8")),
        commands: with_commands(commands.read_text(encoding="utf-8")),
        settings: with_keys(settings.read_text(encoding="utf-8")),
        readme: with_programs(readme.read_text(encoding="utf-8"), adapters),
    }


def differences(root: Path) -> dict[Path, str | None]:
    """Return the files that are not as they must be, with what they must hold; None: nothing."""
    wanted = generated(root)
    there = {path for path in wanted if path.is_file()}
    for folder in ("adapters", "reference/errors"):
        there.update((root / "docs" / folder).glob("*.md"))
    stale = {
        path: text
        for path, text in wanted.items()
        if path not in there or path.read_text(encoding="utf-8") != text
    }
    return {**dict.fromkeys(sorted(there - wanted.keys())), **stale}
