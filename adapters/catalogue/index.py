"""The list of all adapters, docs/adapters/index.md, and in the README what they are for."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING

from catalogue.markdown import code, plain, table
from catalogue.pages import WRITTEN
from catalogue.without import without_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from catalogue.evidence import Evidence
    from gpucore.standard import Adapter

__all__ = ["BEGIN", "END", "index_text", "with_programs"]

BEGIN = "<!-- Written by `python -m catalogue`, to the end of this. -->"
END = "<!-- The end of it. -->"
_WIDTH = 120


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
    """Return the README with what its programs are part of, as the adapters say it.

    Raises
    ------
    ValueError
        When the marks between which it stands are not there.
    """
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest or not after:
        raise ValueError(f"README.md does not hold {BEGIN!r} and {END!r}")
    families = Counter(_family(one) for one in sorted(adapters, key=_place))
    told = (plain(name) + (f" ({many})" if many > 1 else "") for name, many in families.items())
    text = f"{families.total()} programs have an adapter: {', '.join(told)}."
    lines = textwrap.wrap(text, _WIDTH, break_on_hyphens=False)
    return "\n".join([f"{before}{BEGIN}", "", *lines, "", f"{END}{after}"])


def _family(adapter: Adapter) -> str:
    """Return what a program is part of; one that stands alone is a family of its own."""
    return adapter.family or adapter.title.partition(":")[0]


def _place(adapter: Adapter) -> tuple[str, str]:
    return _family(adapter).lower(), adapter.name
