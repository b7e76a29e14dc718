"""Settings shown as lines: a file that says the same, and where each comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpucore.config import check_site, load_site, parse_toml
from gpucore.config.told import told_settings

FILE = """
gpus = "0 1"
adapters = ["more"]

[program.gctf]
executable = "/opt/Gctf"
prepend_path = { LD_LIBRARY_PATH = ["/opt/lib"] }
env = { "A B" = "1", TMPDIR = "/scratch" }

[program.ctffind.container]
image = "/opt/ctffind.sif"

[plugins]
disable = ["lab"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gpucore.toml"
    path.write_text(FILE)
    return path


def shown(given: Path, **environ: str):
    return load_site(given, environ, given.parent / "nowhere", system=Path("/nowhere"))


def test_each_setting_is_told_with_the_line_that_said_it(file: Path) -> None:
    rows = {one.name: one for one in told_settings(shown(file, GPUCORE_THREADS="4"))}
    assert rows["gpus"].origin == f"{file}:2"
    assert rows["threads"].origin == "environment GPUCORE_THREADS"
    assert rows["policy"].origin == "built-in"
    assert rows["program.gctf.env.TMPDIR"].value == "/scratch"
    assert rows["program.gctf.env.TMPDIR"].variable == "TMPDIR"
    assert rows["program.gctf.env.TMPDIR"].origin == f"{file}:8"
    assert rows["program.ctffind.container.image"].value == "/opt/ctffind.sif"
    assert "program.ctffind.container.engine" not in rows
    assert not rows["program.gctf.executable"].variable


def test_the_lines_are_a_file_that_says_the_same(file: Path) -> None:
    site = shown(file)
    text = "\n".join(one.line() for one in told_settings(site))
    again = check_site(parse_toml(Path("again.toml"), text))
    assert again == site.config


def test_what_is_not_set_is_a_comment_and_another_value_can_be_shown(file: Path) -> None:
    rows = {one.name: one for one in told_settings(shown(file))}
    assert rows["threads"].line() == "# threads is not set"
    assert rows["program.gctf.env.A B"].line() == 'program.gctf.env."A B" = "1"'
    assert rows["gpus"].line("other") == 'gpus = "other"'
