"""The lists of all adapters: docs/adapters/index.md, and the table in the README."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalogue.markdown import code, plain, table
from catalogue.pages import WRITTEN
from catalogue.without import without_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from catalogue.evidence import Evidence
    from gpucore.standard import Adapter

__all__ = ["BEGIN", "END", "index_text", "with_programs"]

BEGIN = "<!-- Written by `python -m catalogue`, to the end of the table. -->"
END = "<!-- The end of it. -->"


def index_text(adapters: Iterable[Adapter], evidence: Evidence) -> str:
    """Return the text of the index: a table by family, then name, and what is not in it."""
    rows = [
        (
            plain(_family(one)),
            f"[{code(one.name)}]({one.name}.md)",
            one.gpu.use.value,
            evidence.level(one.name),
            plain(one.title.partition(": ")[2] or one.title),
        )
        for one in sorted(adapters, key=_place)
    ]
    proved = sum(row[3] != "basic" for row in rows)
    intro = f"""\
# Adapters

{WRITTEN}

{len(rows)} adapters come with gpucore. All are proved without their programs; {proved} are proved
on recorded runs, or with the program itself, too: [what each level
proves](../howto/prove-an-adapter.md#levels). A page says how a program takes its GPUs, its
parameters, outputs and failures, with examples, and what could not be verified. Some programs
[have none](#programs-without-an-adapter-and-why).
"""
    lines = table(("family", "adapter", "GPU", "proved", "what it does"), rows)
    return "\n".join([intro, *lines, "", *without_text(), ""])


def with_programs(readme: str, adapters: Iterable[Adapter]) -> str:
    """Return the README with its table of programs as the adapters say it.

    Raises
    ------
    ValueError
        When the marks between which the table stands are not there.
    """
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest or not after:
        raise ValueError(f"README.md does not hold {BEGIN!r} and {END!r}")
    families: dict[str, list[str]] = {}
    for one in sorted(adapters, key=_place):
        link = f"[{code(one.name)}](docs/adapters/{one.name}.md)"
        families.setdefault(_family(one), []).append(link)
    rows = ((plain(family), " ".join(links)) for family, links in families.items())
    lines = table(("programs", "adapters"), rows)
    return "\n".join([f"{before}{BEGIN}", "", *lines, "", f"{END}{after}"])


def _family(adapter: Adapter) -> str:
    """Return what a program is part of; one that stands alone is a family of its own."""
    return adapter.family or adapter.title.partition(":")[0]


def _place(adapter: Adapter) -> tuple[str, str]:
    return _family(adapter).lower(), adapter.name
