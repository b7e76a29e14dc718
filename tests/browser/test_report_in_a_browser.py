"""The page in a real browser: drawn, hovered, filtered, sorted, by mouse and by keyboard."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from past_runs import MIB, PastRun, night

from gpucore.report import write_report
from gpucore.report.texts import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from browsing import Browser, Tab

pytestmark = pytest.mark.slow

BAR = 38
"""Pixels from the timeline's upper edge to the middle of the first GPU's bars."""

NASTY = "a/<img src=x onerror=\"document.title='gone'\"></script>\u202e\x1b[2J&amp;😀"


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    """Return a tab of its own, of which nobody complained at the end."""
    browser.events.clear()
    tab = browser.tab()
    yield tab
    assert tab.complaints == []
    tab.ask("Page.close")


@pytest.fixture
def past(tmp_path: Path) -> PastRun:
    """Return a run of a hundred seconds: two aligned, of which one is then fitted, one fails."""
    past = PastRun(tmp_path / "out")
    past.begin()
    past.plan("align/m1", "align/m2", "ctf/m1")
    past.began("align/m1", 0, 0)
    past.began("align/m2", 10, 1)
    past.ended("align/m1", 50, peak_memory_mib=5000)
    past.write_log("align/m2", "frame 1\nCUDA error\n")
    past.failed("align/m2", 70, "exit code 3; its last words: CUDA error")
    past.ran("ctf/m1", 80, 100, 0, inputs=["/out/align/m1.mrc"])
    for at in range(0, 100, 10):
        past.sample(at, (MIB // 2, 90, 70), (MIB // 4, 40, 60))
    past.end(100)
    return past


def shows(tab: Tab, past: PastRun, **size: int) -> None:
    """Have the tab show the runs' page."""
    tab.open(write_report(past.folder, past.read()), **size)


def spot(tab: Tab, share: float, y: float = BAR) -> tuple[float, float]:
    """Return where a moment, as a share of the whole time, is on the timeline."""
    tab.centre("#timeline")
    left, top, width = tab.run(
        "(() => { const box = document.getElementById('timeline').getBoundingClientRect();"
        "return [box.left, box.top, box.width]; })()"
    )
    return left + 150 + (width - 150) * (0.005 + share * 0.99), top + y


def test_the_page_loads_without_a_complaint_and_asks_for_nothing(tab: Tab, past: PastRun) -> None:
    shows(tab, past)
    assert tab.run("document.getElementById('timeline').dataset.drawn") == "3"
    assert [url for url in tab.requests if not url.endswith("/out/report.html")] == []
    assert tab.texts("#table tbody tr td:first-child") == ["align/m1", "align/m2", "ctf/m1"]


def test_5000_steps_are_drawn(tab: Tab, tmp_path: Path) -> None:
    shows(tab, night(tmp_path / "night", 5000))
    assert tab.run("document.getElementById('timeline').dataset.drawn") == "5008"
    assert tab.text("#count") == "5008 attempts"
    assert tab.texts("#more") == ["Show more of the other 4958"]


def test_what_is_hovered_is_told(tab: Tab, past: PastRun) -> None:
    shows(tab, past)
    tab.mouse(("mouseMoved", *spot(tab, 0.25)))
    said = tab.text("#tip")
    assert said.splitlines()[:2] == ["align/m1", "done on GPU 0, 50.0 s"]
    assert "memory up to 5000 MiB" in said
    tab.mouse(("mouseMoved", *spot(tab, 0.65)))
    said = tab.text("#tip")
    assert "idle for 30.0 s" in said
    tab.mouse(("mouseMoved", *spot(tab, 0.65, BAR + 30)))
    assert f"load 90 %, memory {MIB // 2} MiB, 70 °C" in tab.text("#tip")
    tab.mouse(("mouseMoved", 2, 2))
    assert tab.run("document.getElementById('tip').hidden") is True


def test_the_colours_of_bars_are_where_the_steps_are(tab: Tab, past: PastRun) -> None:
    shows(tab, past)

    places = [spot(tab, share) for share in (0.25, 0.9, 0.65)]
    # A copy, because reading from what is drawn on makes drawing slow.
    colours = tab.run(
        "(() => { const canvas = document.getElementById('timeline');"
        "const copy = document.createElement('canvas');"
        "[copy.width, copy.height] = [canvas.width, canvas.height];"
        "const context = copy.getContext('2d', { willReadFrequently: true });"
        "context.drawImage(canvas, 0, 0);"
        "const box = canvas.getBoundingClientRect();"
        f"return {[list(place) for place in places]}.map(([x, y]) =>"
        "[...context.getImageData(x - box.left, y - box.top, 1, 1).data]); })()"
    )
    aligned, fitted, idle = colours
    assert aligned == [0x3F, 0x74, 0xB5, 255]
    assert fitted == [0x2A, 0x9D, 0x5C, 255]
    assert idle not in (aligned, fitted)


def test_filters_count_for_the_timeline_and_for_the_table(tab: Tab, past: PastRun) -> None:
    shows(tab, past)
    tab.click("#stages label:nth-of-type(1) input")
    assert tab.texts("#table tbody tr td:first-child") == ["ctf/m1"]
    assert tab.run("document.getElementById('timeline').dataset.drawn") == "1"
    assert tab.text("#count") == "1 of 3 attempts"
    tab.mouse(("mouseMoved", *spot(tab, 0.25)))
    assert "align/m1" not in (tab.run("document.getElementById('tip').textContent") or "")
    tab.click("#all")
    assert tab.text("#count") == "3 attempts"
    tab.run(
        "[...document.querySelectorAll('#states input')].find((one) => one.value === '0').click()"
    )
    assert tab.texts("#table tbody tr td:first-child") == ["align/m2"]
    tab.click("#all")
    tab.click("#find")
    tab.write("cuda ERR")
    assert tab.texts("#table tbody tr td:first-child") == ["align/m2"]


def test_dragging_zooms_and_a_double_click_shows_the_whole(tab: Tab, past: PastRun) -> None:
    shows(tab, past)
    whole = tab.text("#window")
    tab.mouse(
        ("mouseMoved", *spot(tab, 0.75)), ("mousePressed", *spot(tab, 0.75)),
        ("mouseMoved", *spot(tab, 0.9)), ("mouseReleased", *spot(tab, 0.95)),
    )  # fmt: skip
    assert re.search(r"\(20\.\d s\)", tab.text("#window"))
    assert tab.run("document.getElementById('timeline').dataset.drawn") == "1"
    tab.click("#in-view")
    assert tab.texts("#table tbody tr td:first-child") == ["ctf/m1"]
    tab.run("document.getElementById('timeline').dispatchEvent(new MouseEvent('dblclick'))")
    assert tab.text("#window") == whole
    assert tab.text("#count") == "3 attempts"


def test_the_keyboard_alone_goes_through_all_steps(tab: Tab, past: PastRun) -> None:
    shows(tab, past)
    tab.run("document.getElementById('timeline').focus()")
    tab.key("ArrowRight")
    assert tab.text("#said").startswith("align/m1. done on GPU 0, 50.0 s.")
    tab.key("ArrowRight")
    assert tab.text("#said").startswith("ctf/m1. done on GPU 0")
    tab.key("ArrowDown")
    assert tab.text("#said").startswith("align/m2. failed on GPU 1")
    whole = tab.text("#window")
    tab.key("+", "+")
    assert tab.text("#window") != whole
    tab.key("Home")
    assert tab.text("#window") == whole
    tab.key("Enter", "\r")
    assert tab.run("document.getElementById('detail').open") is True
    assert "exit code 3; its last words: CUDA error" in tab.text("#detail")
    assert "CUDA_VISIBLE_DEVICES=1 prog -in /data/align/m2.tif" in tab.text("#detail pre")
    tab.key("Escape")
    assert tab.run("document.getElementById('detail').open") is False
    assert tab.run("document.activeElement.id") == "timeline"


def test_what_a_step_waited_for_is_told(tab: Tab, past: PastRun) -> None:
    shows(tab, past)
    tab.run("[...document.querySelectorAll('#table button.plain')].at(-1).click()")
    told = tab.text("#detail")
    assert "30.0 s, after align/m1 had ended" in told
    assert tab.texts("#detail a") == [".gpucore/runs/first/log/ctf_m1.1.txt"]


def test_the_table_sorts_by_each_of_its_columns(tab: Tab, past: PastRun) -> None:
    shows(tab, past)
    heads = tab.texts("#table thead th")
    assert heads[:2] == ["Step", "Stage"]
    took = heads.index("Took") + 1
    tab.click(f"#table thead th:nth-child({took}) button")
    assert tab.texts("#table tbody tr td:first-child") == ["ctf/m1", "align/m1", "align/m2"]
    tab.click(f"#table thead th:nth-child({took}) button")
    assert tab.texts("#table tbody tr td:first-child") == ["align/m2", "align/m1", "ctf/m1"]
    sort = f"document.querySelector('#table thead th:nth-child({took})').getAttribute('aria-sort')"
    assert tab.run(sort) == "descending"
    for place in range(1, len(heads) + 1):
        tab.click(f"#table thead th:nth-child({place}) button")
        assert len(tab.texts("#table tbody tr")) == 3


def test_a_gap_leads_to_its_place_in_the_timeline(tab: Tab, past: PastRun) -> None:
    shows(tab, past)
    whole = tab.text("#window")
    tab.click("#gaps tbody tr:first-child button")
    assert tab.text("#window") != whole


def test_hostile_names_are_shown_as_text(tab: Tab, tmp_path: Path) -> None:
    past = PastRun(tmp_path / "out")
    past.begin(0, NASTY, argv=("gpucore", NASTY), cwd=NASTY)
    past.plan(NASTY, adapter=NASTY)
    past.began(NASTY, 1, 0, argv=("prog", NASTY))
    past.write_log(NASTY.replace("/", "_"), NASTY)
    past.failed(NASTY, 50, f"no: {NASTY}")
    past.regard(1, 2, "quarantined", NASTY, NASTY)
    past.end(60)
    shows(tab, past)
    assert tab.texts("#table tbody tr td:first-child") == [shown(NASTY)]
    assert tab.run("document.images.length") == 0
    assert tab.run("document.scripts.length") == 2
    assert tab.run("document.title") == "out: gpucore report"
    tab.mouse(("mouseMoved", *spot(tab, 0.25)))
    assert tab.text("#tip").splitlines()[0] == shown(NASTY)
    tab.run("document.querySelector('#table button.plain').click()")
    assert tab.text("#detail h2") == shown(NASTY)
    assert shown(NASTY) in tab.text("#failures")
    assert tab.run("document.images.length") == 0


def test_steps_that_are_too_many_are_drawn_in_bins(
    tab: Tab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpucore.report.page.MOST", 60)
    shows(tab, night(tmp_path / "night", 1000))
    assert tab.text("#count") == "60 attempts"
    assert "The page tells 60 of" in tab.text("#steps")
    tab.mouse(("mouseMoved", *spot(tab, 0.1)))
    assert re.search(r"align, done: \d+ % of ", tab.text("#tip"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(tab: Tab, past: PastRun, scheme: str) -> None:
    tab.look(scheme)
    shows(tab, past)
    ground, ink, faint = tab.run(
        "['backgroundColor', 'color'].map((one) => getComputedStyle(document.body)[one])"
        ".concat(getComputedStyle(document.querySelector('.hint')).color)"
    )
    assert contrast(ground, ink) > 7
    assert contrast(ground, faint) > 4.5


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours (WCAG 2.2)."""

    def light(colour: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_a_button_makes_it_dark_or_light(tab: Tab, past: PastRun) -> None:
    tab.look("light")
    shows(tab, past)
    ground = "getComputedStyle(document.body).backgroundColor"
    before = tab.run(ground)
    tab.click("#theme")
    assert tab.run(ground) != before
    tab.click("#theme")
    assert tab.run(ground) == before


def test_a_narrow_window_needs_no_sideways_scrolling(tab: Tab, past: PastRun) -> None:
    shows(tab, past, width=400, height=800)
    assert tab.run("document.documentElement.scrollWidth") <= 400
    assert tab.run("document.getElementById('timeline').dataset.drawn") == "3"


def test_what_is_printed_has_the_drawing_and_no_buttons(
    tab: Tab, past: PastRun, tmp_path: Path
) -> None:
    tab.look("dark", "print")
    shows(tab, past)
    assert tab.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for hidden in ("#filters", ".zoom", "#theme", "#more", "#how"):
        assert tab.run(f"document.querySelector('{hidden}').checkVisibility()") is False, hidden
    assert tab.run("document.getElementById('timeline').checkVisibility()") is True
    tab.look("dark", "")
    tab.print(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF-")


def test_everything_that_can_be_used_has_a_name(tab: Tab, past: PastRun) -> None:
    shows(tab, past)
    nodes = tab.ask("Accessibility.getFullAXTree")["nodes"]
    used = {"button", "link", "checkbox", "searchbox", "application", "table", "columnheader"}
    found = [node for node in nodes if node.get("role", {}).get("value") in used]
    roles = {node["role"]["value"] for node in found}
    assert roles >= {"button", "checkbox", "searchbox", "application", "table"}
    assert [node for node in found if not node.get("name", {}).get("value")] == []


def test_without_scripts_the_page_still_tells_what_failed(tab: Tab, past: PastRun) -> None:
    tab.ask("Emulation.setScriptExecutionDisabled", value=True)
    shows(tab, past)
    tab.ask("Emulation.setScriptExecutionDisabled", value=False)
    assert "1 \u00d7 exit code 3" in tab.text("#failures")
    assert "CUDA error" in tab.text("#failures pre")
    assert tab.run("document.getElementById('steps').checkVisibility()") is False
    assert "trace.tsv beside it has them" in tab.text("main")
