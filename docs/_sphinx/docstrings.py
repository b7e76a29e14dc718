"""Lets autodoc and napoleon read our docstrings as they were meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docutils.nodes import Element, TextElement
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

__all__ = ["setup"]


def setup(app: Sphinx) -> dict[str, bool]:
    """Have docstrings, signatures and names of classes go through this module."""
    app.connect("missing-reference", _by_its_last_part)
    app.connect("autodoc-process-docstring", _keep_colons, priority=400)  # before napoleon's 500
    app.connect("autodoc-process-signature", _with_defaults)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _by_its_last_part(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: TextElement
) -> Element | None:
    """Return the one object of ours whose name ends so: docstrings do not write modules."""
    name = str(node["reftarget"])
    ours = name.startswith("gpucore.")
    if node.get("refdomain") != "py" or node.get("refspecific") or ("." in name and not ours):
        return None
    node["refspecific"] = True
    return env.domains.python_domain.resolve_xref(
        env, node["refdoc"], app.builder, node["reftype"], name.rpartition(".")[2], node, contnode
    )


def _keep_colons(
    _app: Sphinx, what: str, _name: str, _found: object, _options: object, lines: list[str]
) -> None:
    """Let a property's first line have a colon: napoleon takes what stands before it for a type."""
    if what in {"attribute", "property"}:
        lines[:0] = ["..", ""]  # a comment


def _with_defaults(*told: object) -> tuple[str | None, str | None]:
    """Write a default that is made anew each time so that the signature can be parsed."""
    signature, returns = (None if one is None else str(one) for one in told[-2:])
    return signature and signature.replace("<factory>", "..."), returns
