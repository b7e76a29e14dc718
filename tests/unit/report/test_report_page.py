"""The page: whole in one file, small, and every name in it is only text."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from hostile_texts import hostile, uncoded
from past_runs import PastRun, night

from gpucore.errors import ConfigError
from gpucore.report import write_report
from gpucore.report.page_data import chosen
from gpucore.report.reading import history_of
from gpucore.report.texts import shown
from gpucore.system.orphans import boot_id, process_start

if TYPE_CHECKING:
    from pathlib import Path


class Parts(HTMLParser):
    """What a page is made of."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: dict[str, int] = {}
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.policy = ""
        self.text: list[str] = []
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        given = {name: value or "" for name, value in attrs}
        self.attributes |= given.keys()
        self.links += [given[one] for one in ("href", "src") if one in given]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        self._inside = tag if tag in {"script", "style"} else self._inside

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts.append(data)
        elif self._inside == "style":
            self.styles.append(data)
        else:
            self.text.append(data)


def written(past: PastRun) -> tuple[Parts, dict[str, Any]]:
    """Return the page's parts and its data."""
    page = write_report(past.folder, past.read())
    parts = Parts(page.read_text("utf-8"))
    return parts, json.loads(parts.scripts[0])


def usual(past: PastRun) -> PastRun:
    past.plan("a/1", "a/2")
    past.ran("a/1", 1, 5, 0)
    past.began("a/2", 1, 1)
    past.write_log("a/2", "one\ntwo\n")
    past.failed("a/2", 7, "exit code 3")
    past.end(8)
    return past


def hostile_run(past: PastRun) -> list[str]:
    """Put hostile names everywhere; return those of the steps."""
    names = hostile(200)
    pick = random.Random(7)
    past.begin(
        0, names[0], argv=tuple(names[:5]), cwd=names[1], version=names[2], host=names[4],
        devices=((names[5], 0, names[6], 100, False),),
    )  # fmt: skip
    past.regard(0, 1, "quarantined", names[7], names[8])
    for place, name in enumerate(names):
        past.write_log(f"l/{place}", "\n".join(pick.sample(names, 3)).replace("\udcff\udc80", ""))
        past.plan(name, adapter=pick.choice(names))
        past.began(
            name, 2 + place, 0, argv=("prog", *pick.sample(names, 3)),
            env={"A": pick.choice(names)}, log=str(past.log(f"l/{place}")),
        )  # fmt: skip
        if place % 2:
            past.failed(name, 3 + place, pick.choice(names))
        else:
            past.ended(name, 3 + place, warnings=(pick.choice(names),))
    return names


def test_200_hostile_names_are_text_and_nothing_else(past: PastRun) -> None:
    clean, _ = written(usual(past))
    other = PastRun(past.folder.parent / "other")
    names = hostile_run(other)
    parts, data = written(other)
    assert parts.attributes == clean.attributes
    assert set(parts.tags) == set(clean.tags)
    assert parts.tags["script"] == 2
    assert parts.tags["meta"] == clean.tags["meta"]
    assert parts.policy == clean.policy  # the script is the same, whatever the names are
    assert uncoded(data["steps"]["name"]) == [shown(name) for name in names]
    said = "".join(parts.text)
    assert shown(names[7]) in said
    assert all(c.isprintable() or c == "\n" for c in said)
    assert {link.split("/")[0] for link in parts.links} <= {".", "#steps", "data:,"}


def test_the_data_hold_no_character_that_html_or_javascript_would_obey(past: PastRun) -> None:
    hostile_run(past)
    page = write_report(past.folder, past.read()).read_text("utf-8")
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert data.isascii()
    assert data.isprintable()
    assert not set(data) & set("<>&")


def test_the_policy_allows_the_pages_own_script_and_style_alone(past: PastRun) -> None:
    parts, _ = written(usual(past))
    rules = dict(rule.split(maxsplit=1) for rule in parts.policy.split("; "))

    def told(text: str) -> str:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        return f"'sha256-{digest}'"

    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == told(parts.scripts[1])
    assert rules["style-src"] == told("".join(parts.styles))
    assert not [name for name in parts.attributes if name.startswith("on") or name == "style"]
    assert not [link for link in parts.links if link.startswith(("http", "//", "file"))]


@pytest.mark.slow
def test_5000_steps_with_their_commands_take_less_than_a_megabyte(tmp_path: Path) -> None:
    past = night(tmp_path / "out", 5000)
    page = write_report(past.folder, past.read())
    assert page.stat().st_size < 1_000_000
    data = json.loads(Parts(page.read_text("utf-8")).scripts[0])
    assert len(data["steps"]["stage"]) == data["total"] == 5008
    assert 0 not in data["steps"]["command"]
    assert "bins" not in data


@pytest.mark.slow
def test_steps_with_long_names_still_take_less_than_a_megabyte(tmp_path: Path) -> None:
    past = PastRun(tmp_path / "out")
    past.begin()
    pick = random.Random(1)
    for number in range(5000):
        step = f"a/{pick.getrandbits(900):x}"
        past.ran(step, number, number + 0.9, 0)
    past.end(5000)
    parts, data = written(past)
    assert (past.folder / "report.html").stat().st_size < 1_000_000
    assert len(data["steps"]["stage"]) < data["total"] == 5000
    assert data["bins"]["cells"]
    assert "All of them are in trace.tsv" in "".join(parts.text)


@pytest.mark.slow
def test_what_did_not_end_well_is_told_before_what_did(tmp_path: Path) -> None:
    past = night(tmp_path / "out", 2000)
    history = history_of(past.folder, past.read())
    some = chosen(history, 100)
    assert len(some) == 100
    bad = [one for one in history.attempts if one.state.value != "done"]
    assert [one for one in some if one.state.value != "done"] == bad
    assert {one.stage for one in some} == {"align", "ctf"}
    assert [one.began for one in some] == sorted(one.began for one in some)


def test_bins_hold_the_time_of_all_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpucore.report.page.MOST", 50)
    past = night(tmp_path / "out", 600)
    _, data = written(past)
    history = history_of(past.folder, past.read())
    width = data["bins"]["width"] / 1000
    spent = sum(sum(cell[4]) for cell in data["bins"]["cells"]) * width / 100
    took = sum(one.seconds * len(one.gpus) for one in history.attempts)
    assert spent == pytest.approx(took, rel=0.02)


@pytest.mark.usefixtures("in_zurich")
def test_the_page_says_without_a_script_what_matters(past: PastRun) -> None:
    parts, _ = written(usual(past))
    said = " ".join(" ".join(parts.text).split())
    for text in (
        "1 of 2 steps are done, 1 failed. The GPUs were busy for 62 % of 8.0 s.",
        "1 \u00d7 exit code 3",
        "program_fault in a ; 1 not mended: a/2",
        "What to do: look at the input",
        "Last lines of the log of a/2",
        "one two",
        "gpucore run job.toml in /data/session",
        "UTC+01:00",
        "2026-11-23 03:13:20",
    ):
        assert text in said


def test_a_log_that_is_no_file_is_not_opened(past: PastRun) -> None:
    past.plan("a/1", "a/2")
    pipe = past.log("a/1")
    pipe.parent.mkdir(parents=True)
    os.mkfifo(pipe)
    past.began("a/1", 1, 0)
    past.failed("a/1", 2, "no")
    past.began("a/2", 1, 0, log="")
    past.failed("a/2", 2, "refused")
    past.end(3)
    parts, _ = written(past)
    assert "Nothing could be read of its log" in "".join(parts.text)


def test_logs_are_found_where_the_folder_was_moved_to(past: PastRun) -> None:
    usual(past)
    past.read()
    moved = past.folder.rename(past.folder.parent / "moved here")
    page = write_report(moved, PastRun(moved).read())
    parts = Parts(page.read_text("utf-8"))
    assert "one\ntwo" in "".join(parts.text)
    assert "./.gpucore/runs/first/log/a_2.1.txt" in parts.links


@pytest.mark.parametrize("steps", [False, True])
def test_a_folder_without_a_gpu_has_a_page(tmp_path: Path, *, steps: bool) -> None:
    past = PastRun(tmp_path / "out", gpus=0)
    past.begin()
    if steps:
        past.plan("a/1")
        past.ran("a/1", 1, 2)
    past.end(3)
    parts, data = written(past)
    assert [lane["label"] for lane in data["lanes"]] == ["no GPU"] * steps
    assert "GPUs" not in parts.text


def test_a_journal_of_which_all_is_lost_has_a_page(past: PastRun) -> None:
    past.end(1)
    (past.folder / ".gpucore" / "journal.sqlite").write_bytes(b"x" * 5000)
    state = past.read()
    assert state.loss
    text = write_report(past.folder, state).read_text("utf-8")
    assert "Note:" in text


def test_only_a_report_is_written_over(past: PastRun) -> None:
    state = usual(past).read()
    page = write_report(past.folder, state)
    before = page.stat().st_ino
    assert write_report(past.folder, state).stat().st_ino != before  # another whole file
    for name, text in (("report.html", "<html>mine</html>"), ("trace.tsv", "x\ty\n")):
        other = past.folder / name
        kept = other.read_bytes()
        other.write_text(text)
        with pytest.raises(ConfigError, match=f"{name}` is there already, and is no report"):
            write_report(past.folder, state)
        assert other.read_text() == text
        other.write_bytes(kept)
    (past.folder / "report.html").unlink()
    os.mkfifo(past.folder / "report.html")
    with pytest.raises(ConfigError, match="is there already"):
        write_report(past.folder, state)


def test_a_report_that_cannot_be_written_leaves_nothing(
    past: PastRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = usual(past).read()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gpucore.report.trace.Trace.__call__", full)
    with pytest.raises(ConfigError, match=r"trace\.tsv` cannot be written \(No space left"):
        write_report(past.folder, state)
    assert [one.name for one in past.folder.iterdir()] == [".gpucore"]


def test_others_may_read_a_report_as_the_mask_says(past: PastRun) -> None:
    state = usual(past).read()
    before = os.umask(0o027)
    try:
        page = write_report(past.folder, state)
    finally:
        os.umask(before)
    assert page.stat().st_mode & 0o777 == 0o640


def test_a_run_that_goes_on_has_a_page(past: PastRun) -> None:
    past.end(1)
    past.begin(2, "now", pid=os.getpid(), pid_start=process_start(os.getpid()), boot=boot_id())
    past.plan("a/1", "a/2")
    past.began("a/1", 3, 0)
    parts, data = written(past)
    said = "".join(parts.text)
    assert "0 of 2 steps are done, 2 are not over; a run goes on, this is how it stood" in said
    assert data["states"][data["steps"]["state"][0]] == "running"
