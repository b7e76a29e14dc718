"""Every example of the documentation is run, and comes out as it is shown."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from docs.pages import ERROR_PAGES, GENERATED, PAGES, ROOT, Block, blocks

from gpucore.config import (
    SiteConfig,
    check_adapter,
    check_job,
    check_site,
    job_faults,
    kind_of,
    parse_toml,
)
from gpucore.registry import open_plugins

KINDS = {"python", "toml", "console", "text", "json", "perl", "{eval-rst}", ""}


def fits(shown: str, said: str) -> bool:
    """Say whether an output is the one shown; `…` stands for anything, on its own for lines."""
    pattern = "".join(
        "(?:.*\n)*?" if line.strip() == "…" else re.escape(line).replace("…", ".*") + "\n"
        for line in shown.splitlines()
    )
    text = "".join(f"{line.rstrip()}\n" for line in said.splitlines())
    return re.fullmatch(pattern, text) is not None


def commands(block: Block) -> list[tuple[str, str]]:
    """Return the commands of a console block, each with the output that is shown."""
    found: list[tuple[str, str]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif found and found[-1][0].endswith("\\"):
            found[-1] = (f"{found[-1][0][:-1]}{line.strip()}", "")
        else:
            assert found, f"{block.place}: it begins with no `$ `"
            found[-1] = (found[-1][0], f"{found[-1][1]}{line}\n")
    return found


def run_console(block: Block) -> None:
    """Run a console block; a command that fails is followed by `echo $?` there."""
    code = 0
    for command, shown in commands(block):
        assert not code or command == "echo $?", (
            f"{block.place}: exit code {code} before `{command}`"
        )
        done = subprocess.run(
            ["/bin/sh", "-c", f"(exit {code}); {command}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        code = done.returncode
        if shown:
            assert fits(shown, done.stdout), f"{block.place}: `{command}` says\n{done.stdout}"
    assert not code, f"{block.place}: the last command ends with exit code {code}\n{done.stdout}"


def run_toml(block: Block) -> None:
    """Check a TOML block by what its keys say it is."""
    name = block.file or "example.toml"
    file = parse_toml(Path(name), block.text)
    if name == "pyproject.toml":
        return
    kind = kind_of(file.data)
    if kind == "adapter":
        check_adapter(file)
    elif kind == "site":
        check_site(file)
    else:
        known = open_plugins(SiteConfig()).adapters
        for path in Path().glob("*.toml"):
            toml = parse_toml(path, path.read_text(encoding="utf-8"))
            if path.name not in {name, "pyproject.toml"} and kind_of(toml.data) == "adapter":
                known = {**known, toml.data["name"]: check_adapter(toml)}
        assert not job_faults(check_job(file), known), block.place


def run_python(block: Block) -> None:
    """Run a Python block as a file of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block.text],
        env={**os.environ, "GPUCORE_DEVICES": "simulated:4"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, f"{block.place}:\n{done.stdout}{done.stderr}"


RUN = {"console": run_console, "toml": run_toml, "python": run_python}


WRITTEN = [page for page in PAGES if page.parent not in {GENERATED, ERROR_PAGES}]


@pytest.mark.slow
@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_example_of_a_page_comes_out_as_it_is_shown(page: Path, desk: Path) -> None:
    for block in blocks(page):
        assert block.kind in KINDS, f"{block.place}: nobody runs `{block.kind}`"
        if block.why_not_run:
            continue
        if block.file:
            (desk / block.file).write_text(block.text, encoding="utf-8")
        RUN.get(block.kind, lambda block: None)(block)


def test_an_output_fits_only_what_is_shown() -> None:
    assert fits("a …\n…\nz\n", "a b\nc\nd\nz\n")
    assert fits("a\n…\nz\n", "a\nz\n")
    assert not fits("a\nz\n", "a\nb\nz\n")
    assert not fits("a …\n", "a b\nc\n")


def test_a_command_goes_on_after_a_backslash() -> None:
    block = Block(page=ROOT, line=1, kind="console", text="$ a \\\n    b\nsaid\n$ c\n")
    assert commands(block) == [("a b", "said\n"), ("c", "")]
