"""`gpucore report`: from a run to its page, and to what else was asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from past_runs import PastRun, night

if TYPE_CHECKING:
    from command_line import Cli


@pytest.fixture
def over(cli: Cli) -> PastRun:
    """Return runs that are over, in `out` of the command line's folder."""
    return night(cli.folder / "out", 40)


@pytest.mark.usefixtures("over")
def test_a_page_and_a_table_are_written_beside_the_outputs(cli: Cli) -> None:
    ran = cli("report", "out")
    assert (ran.code, ran.out, ran.err) == (0, "", "report: out/report.html\n")
    assert (cli.folder / "out" / "report.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert len((cli.folder / "out" / "trace.tsv").read_text("utf-8").splitlines()) == 41


@pytest.mark.usefixtures("over")
def test_a_page_can_be_written_elsewhere(cli: Cli) -> None:
    assert cli("report", "out", "-o", "monday.html").code == 0
    assert (cli.folder / "monday.html").exists()
    assert (cli.folder / "monday.trace.tsv").exists()
    assert "monday.trace.tsv" in (cli.folder / "monday.html").read_text("utf-8")
    assert not (cli.folder / "out" / "report.html").exists()


@pytest.mark.usefixtures("over")
def test_what_is_asked_for_is_written_and_no_page(cli: Cli) -> None:
    ran = cli("report", "out", "--json", "--chrome-trace", "t.json", "--prometheus", "m.prom")
    assert ran.code == 0, ran.err
    data = json.loads(ran.out)
    assert data["schema"] == "gpucore.report/1"
    assert data["counts"] == {"done": 40}
    assert json.loads((cli.folder / "t.json").read_text("utf-8"))["traceEvents"]
    folder = cli.folder / "out"
    told = (cli.folder / "m.prom").read_text("utf-8")
    assert f'gpucore_steps{{folder="{folder}",state="done"}} 40.0' in told
    assert [one.name for one in (cli.folder / "out").iterdir()] == [".gpucore"]
    assert cli("report", "out", "--json", "-o", "page.html").code == 0
    assert (cli.folder / "page.html").exists()


@pytest.mark.usefixtures("over")
def test_a_page_that_cannot_be_written_is_told_with_a_way_out(cli: Cli) -> None:
    ran = cli("report", "out", "-o", "nowhere/page.html")
    assert (ran.code, ran.out) == (2, "")
    said = ran.err
    assert "`nowhere/page.trace.tsv` cannot be written (No such file or directory)" in said
    assert "write elsewhere: `-o FILE`" in said


def test_a_folder_without_a_run_is_told(cli: Cli) -> None:
    (cli.folder / "empty").mkdir()
    assert "there is no journal of a run in `empty`" in cli.refuses("report", "empty")


def test_a_folder_of_a_hostile_name_is_told_harmlessly(cli: Cli) -> None:
    past = PastRun(cli.folder / "o\x1b[2J\u202e<b>")
    past.begin()
    past.end(1)
    ran = cli("report", "o\x1b[2J\u202e<b>")
    assert ran.err == "report: o\\x1b[2J\\u202e<b>/report.html\n"
    page = (past.folder / "report.html").read_text("utf-8")
    assert "<title>o\\x1b[2J\\u202e&lt;b&gt;: gpucore report</title>" in page


@pytest.mark.slow
def test_a_run_of_the_command_line_has_its_page(cli: Cli) -> None:
    ran = cli(
        "map", "copy", "a.tif", "b.tif", "-o", "out", "--adapter", "copy.toml", "--threads", "2"
    )
    assert ran.code == 0, ran.err
    data = json.loads(cli("report", "out", "--json").out)
    assert [(one["step"], one["state"]) for one in data["attempts"]] == [
        ("copy/a", "done"),
        ("copy/b", "done"),
    ]
    assert data["runs"][0]["workers"] == 1
    assert cli("report", "out").code == 0
