"""Codes of errors: each is raised, has a page, and the page's example really yields it."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING

import pytest
from catalogue.error_codes import code_pages
from docs.error_pages import call, codes_in, named_codes, said_by, sites, write
from docs.pages import ERROR_PAGES, ROOT, Block, blocks
from docs.test_examples import commands, fits
from docs.test_reference import errors

from gpucore import codes
from gpucore.errors import GpucoreError

if TYPE_CHECKING:
    from pathlib import Path

PAGES = [ROOT / "gpucore" / "codes" / f"{code}.md" for code in codes.codes()]
KINDS = {kind.__name__ for kind in errors()}

FOR_OTHERS = {"E200", "E300", "E400", "E600", "E990"}
"""Of classes that errors of plugins and hosts belong to; gpucore's own say more."""

ENOUGH = {
    "GpuListError", "NeedError", "TemplateError", "StepError", "InternalError", "NoDriverError",
    "InputFaultError", "LostProgramError", "LeaseStopped", "AdoptedError", "MovedError", "Faults",
}  # fmt: skip
"""Classes whose own code says enough: they stand for one kind of mistake."""

GIVEN_LATER = {"gpucore/standard/checks.py:_fault"}
"""Functions whose callers give the code to what they return."""

HANDED_ON = re.compile(r"[a-z_]+(\.[a-z_]+)?")  # `error.code`, `code`

SAID_OTHERWISE = {"E510": "the outcome of a step says it, and no verb ends with it"}
"""Codes that an example shows no error of, and why."""

EXIT_CODES = ["0", "1", "2", "3", "4", "130"]


def own_codes() -> dict[str, str]:
    """Return the code that each class gives to errors without one."""
    return {kind.__name__: kind.default_code for kind in errors()}


def test_every_error_is_raised_with_a_code_of_its_own_or_one_that_says_enough() -> None:
    found = list(sites(KINDS))
    assert len(found) > 300
    lacking = [
        one.place
        for one in found
        if one.code is None
        and one.kind not in ENOUGH
        and one.inside not in GIVEN_LATER
        and not one.inside.startswith("gpucore/errors.py")
    ]
    assert not lacking, "give a code, as CONTRIBUTING.md says"
    for one in found:
        known = one.code is None or one.code in codes.codes() or HANDED_ON.fullmatch(one.code)
        assert known, f"{one.place}: {one.code} has no page"


def test_a_site_without_a_code_is_found() -> None:
    assert {one.kind for one in sites(KINDS)} >= {"fault", "ConfigError", "AdapterError"}
    assert any(one.inside in GIVEN_LATER for one in sites(KINDS))


def test_every_code_that_is_named_has_a_page_and_every_page_a_code() -> None:
    assert set(named_codes()) == set(codes.codes())


def test_codes_for_others_are_none_of_gpucores_own() -> None:
    used = {one.code for one in sites(KINDS)}
    assert not used & FOR_OTHERS
    assert set(own_codes().values()) >= FOR_OTHERS


def test_the_documentation_has_the_pages_that_are_shipped() -> None:
    there = {page.stem: page.read_text(encoding="utf-8") for page in ERROR_PAGES.glob("*.md")}
    assert there == code_pages(), "write them again: make catalogue"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_it_means_and_what_mends_it(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    code = page.stem
    assert text.startswith(f"# {code}: {codes.title(code)}\n\n")
    assert codes.title(code)
    parts = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert parts == ["Example", "Usual causes", "How to mend it"]
    for part in parts[1:]:
        assert re.search(rf"^## {part}\n\n- ", text, re.MULTILINE)
    told = re.search(r"^Exit code (.+)\. In Python: (.+)\.$", text, re.MULTILINE)
    assert told, "the exit code, and the class"
    named = re.findall(r"`(\w+)`", told[2])
    kinds = {kind.__name__: kind for kind in errors()}
    assert told[1] == " or ".join(
        sorted({str(kinds[one].exit_code) for one in named}, key=EXIT_CODES.index)
    )


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_pages_example_yields_its_code(page: Path, desk: Path) -> None:
    code, shown, program = page.stem, "", ""
    for block in blocks(page):
        if block.file:
            write(block.file, block.text, desk)
        elif block.why_not_run:
            shown += block.text
        elif block.kind == "console":
            shown += _run(block)
        elif block.kind == "python":
            program = block.text
        elif program:
            assert fits(block.text, said_by(program)), f"{page}: it says\n{said_by(program)}"
            shown += block.text
    if code in SAID_OTHERWISE:
        assert not codes_in(shown)
    else:
        assert set(codes_in(shown)) == {code}


def _run(block: Block) -> str:
    """Run a console block as it is shown; return what it shows."""
    code = 0
    for command, shown in commands(block):
        if command == "echo $?":
            assert shown == f"{code}\n", f"{block.place}: exit code {code}"
            continue
        code, said = call(command)
        assert fits(shown, said), f"{block.place}: `{command}` says\n{said}"
    return block.text


def test_an_error_of_a_plugin_has_the_code_of_its_class() -> None:
    for kind, code in own_codes().items():
        assert re.fullmatch(r"E[0-9]{3}", code), kind

    class ScannerError(GpucoreError):
        pass

    assert ScannerError("x").code == "E990"
    assert ScannerError("x", code="E204").code == "E204"


def test_no_page_is_read_before_somebody_asks() -> None:
    source = (ROOT / "gpucore" / "__init__.py").read_text(encoding="utf-8")
    assert "codes" not in source
    assert importlib.import_module("gpucore.codes").__all__
