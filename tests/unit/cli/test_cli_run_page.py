"""The page that a run leaves beside its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from command_line import Cli

MAP = ("map", "copy", "a.tif", "b.tif", "-o", "out", "--adapter", "copy.toml")


def test_a_run_leaves_a_page_and_says_where(cli: Cli) -> None:
    ran = cli(*MAP)
    assert ran.err.splitlines()[-1] == "page: out/report.html"
    page = (cli.folder / "out" / "report.html").read_text(encoding="utf-8")
    assert "copy/a" in page
    assert "copy/b" in page


def test_a_run_that_failed_says_what_explains_it(cli: Cli) -> None:
    ran = cli(*MAP, "--set", "text=exit 3")
    assert ran.code == 1
    done, failed, page = ran.err.splitlines()[-3:]
    assert done.startswith("0 done, 2 failed in ")
    assert failed == "failed: copy/a and 1 more; why: gpucore explain out copy/a"
    assert page == "page: out/report.html"
    assert cli("explain", "out", "copy/a").code == 0


def test_a_page_that_cannot_be_written_costs_the_run_nothing(cli: Cli) -> None:
    (cli.folder / "out").mkdir()
    (cli.folder / "out" / "report.html").write_text("somebody else's page")
    ran = cli(*MAP)
    assert ran.code == 0
    assert "note: no page of the run was written: " in ran.err
    assert (cli.folder / "out" / "report.html").read_text() == "somebody else's page"


def test_a_very_large_run_is_given_no_page_unless_it_is_asked_for(cli: Cli, monkeypatch) -> None:
    monkeypatch.setattr("gpucore.cli.session.MOST_FOR_A_PAGE", 1)
    ran = cli(*MAP)
    assert ran.err.splitlines()[-1] == "no page of so many steps was written: gpucore report out"
    assert not (cli.folder / "out" / "report.html").exists()
    assert cli("report", "out").code == 0
    assert (cli.folder / "out" / "report.html").exists()
