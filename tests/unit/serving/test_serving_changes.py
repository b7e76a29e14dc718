"""What a page is told bit by bit comes to what a page that is loaded later begins with."""

from __future__ import annotations

import json
import random
import re
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pytest
from hostile_texts import uncoded
from past_runs import ZERO, PastRun, night

from gpucore.report.embedding import as_json
from gpucore.report.reading import KINDS
from gpucore.serving.page_base import PageBase
from gpucore.serving.page_changes import changes_of, changes_of_base
from gpucore.serving.run_card import card_of
from gpucore.serving.run_story import RunStory

if TYPE_CHECKING:
    from pathlib import Path

    from gpucore.system.journal_records import Record
    from gpucore.system.journal_replay import JournalState

NOW = ZERO + 10_000_000


def base_of(story: RunStory, past: PastRun, state: JournalState) -> PageBase:
    return PageBase.of(story, past.folder, state, NOW, others=False).at("a-0", {})


def data_of(base: PageBase) -> dict[str, Any]:
    """Return what a page has embedded."""
    found = re.search(r'id="data" data-version="a-0">(.*?)</script>', base.html().decode())
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def steps_of(packed: dict[str, Any], stages: list[str]) -> dict[int, tuple[object, ...]]:
    """Return what the page's script makes of packed steps, by their keys."""
    texts = packed["texts"]

    def text(column: str, place: int) -> str:
        return str(texts[packed[column][str(place)]]) if str(place) in packed[column] else ""

    names, logs, began = (
        uncoded(packed["name"]),
        uncoded(packed["log"]),
        [*accumulate(packed["began"])],
    )
    return {
        key: (
            names[n], stages[packed["stage"][n]], packed["state"][n], packed["number"][n], began[n],
            packed["took"][n], packed["waited"][n], packed["lane"][n], packed["row"][n], logs[n],
            packed["exit"].get(str(n)), text("reason", n), text("failure", n), text("hint", n),
        )
        for n, key in enumerate(accumulate(packed["key"]))
    }  # fmt: skip


class Client:
    """A page, as far as data go."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.stages = data["stages"]
        self.steps = steps_of(data["steps"], self.stages)
        self.counts = data["counts"]
        self.gaps = {tuple(gap[:2]): gap for gap in data["gaps"]}
        self.notes = data["notes"]
        self.rows = [lane["rows"] for lane in data["lanes"]]

    def take(self, changed: dict[str, Any]) -> None:
        self.stages = changed.get("stages", self.stages)
        self.counts = changed.get("counts", self.counts)
        self.notes = changed.get("notes", self.notes)
        for lane, rows in changed.get("rows", ()):
            self.rows[lane] = rows
        if "steps" in changed:
            self.steps |= steps_of(changed["steps"], self.stages)
        gaps = changed.get("gaps", {"put": [], "gone": []})
        for gone in gaps["gone"]:
            del self.gaps[tuple(gone)]
        self.gaps |= {tuple(gap[:2]): gap for gap in gaps["put"]}


def cut_off_and_resumed(folder: Path) -> PastRun:
    """Return runs of which the first died over two steps, and one step failed and was done."""
    past = PastRun(folder)
    past.begin()
    past.plan("align/m1", "align/m2", "align/m3", "ctf/m1")
    past.began("align/m1", 1, 0)
    past.began("align/m2", 2, 1)
    past.failed("align/m1", 3, "no memory")
    past.began("align/m1", 4, 0, attempt=2)
    past.sample(5, (100, 50, 40), (200, 60, 41))
    past.regard(1, 6, "quarantined", "Xid 79", "restart")
    past.begin(50, "second")
    past.plan("align/m1", "align/m2", "align/m3", "ctf/m1")
    past.ran("align/m1", 51, 60, 0, attempt=3)
    past.ran("align/m2", 52, 61, 1, attempt=2)
    past.failed("align/m3", 62, "its input is gone", attempt=0)
    past.ran("ctf/m1", 63, 64, 0)
    past.end(70)
    return past


def told_in_pieces(past: PastRun, state: JournalState, seed: int) -> tuple[Client, Client]:
    """Return a page that was told everything, and one that was loaded at the end."""
    pick = random.Random(seed)
    records: list[tuple[int, Record]] = list(state.records(*KINDS))
    begins = next(n for n, (_, one) in enumerate(records) if type(one).__name__ == "Began")
    at = pick.randrange(begins + 1, begins + len(records) // 3 + 1)
    story = RunStory()
    for n, record in records[:at]:
        story.take(n, record)
    base = base_of(story, past, state)
    story.news(NOW, lives=False)
    client = Client(data_of(base))
    while at < len(records):
        upto = min(at + pick.randrange(1, max(len(records) // 5, 2)), len(records))
        for n, record in records[at:upto]:
            story.take(n, record)
        at = upto
        assert base.fits(story.layout(), story.reader.gpus.gpus)
        last = story.reader.steps.run.last
        news = story.news(last, lives=False)
        client.take(json.loads(as_json(changes_of(story, news, base, NOW, lives=False))))
        if pick.random() < 0.5 or at == len(records):
            later = base_of(story, past, state)
            client.take(json.loads(as_json(changes_of_base(base, later))))
            base = later
    return client, Client(data_of(base))


@pytest.mark.parametrize("seed", range(6))
def test_changes_come_to_what_is_there(tmp_path: Path, seed: int) -> None:
    past = cut_off_and_resumed(tmp_path / "out")
    client, loaded = told_in_pieces(past, past.read(), seed)
    assert len(loaded.steps) == 7
    assert vars(client) == vars(loaded)


@pytest.mark.slow
def test_changes_of_a_night_come_to_what_is_there(tmp_path: Path) -> None:
    past = night(tmp_path / "out", 400)
    client, loaded = told_in_pieces(past, past.read(), 1)
    assert len(loaded.steps) >= 400
    assert vars(client) == vars(loaded)


def test_a_change_tells_what_changed_and_not_all(tmp_path: Path) -> None:
    past = night(tmp_path / "out", 600)
    state = past.read()
    records = list(state.records(*KINDS))
    story = RunStory()
    for n, record in records[:-40]:
        story.take(n, record)
    base = base_of(story, past, state)
    story.news(NOW, lives=False)
    for n, record in records[-40:]:
        story.take(n, record)
    news = story.news(story.reader.steps.run.last, lives=False)
    text = as_json(changes_of(story, news, base, NOW, lives=False))
    assert 0 < len(json.loads(text)["steps"]["key"]) <= 40
    assert len(text) * 5 < len(as_json(data_of(base)))
    again = story.news(story.reader.steps.run.last, lives=False)
    assert changes_of(story, again, base, NOW, lives=False) == {}


def test_a_gpu_that_was_not_there_needs_a_new_page(tmp_path: Path) -> None:
    past = PastRun(tmp_path / "out", gpus=1)
    past.begin()
    past.ran("align/m1", 1, 2, 0)
    past.ran("sort/all", 3, 4)
    past.ran("align/m2", 5, 6, 1)
    past.end(7)
    state = past.read()
    story = RunStory()
    base: PageBase | None = None
    fits = []
    for n, record in state.records(*KINDS):
        story.take(n, record)
        if base is None and type(record).__name__ == "Finished":
            base = base_of(story, past, state)
        if base is not None:
            fits.append(base.fits(story.layout(), story.reader.gpus.gpus))
    assert fits == [True, False, False, False, False, False]


def test_the_card_says_how_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpucore.serving.run_card.life", lambda *_: "runs")
    past = PastRun(tmp_path / "out")
    past.begin()
    past.plan(*(f"align/m{n}" for n in range(8)))
    for n in range(4):
        past.ran(f"align/m{n}", 10 * n, 10 * n + 9, 0)
    past.failed("align/m4", 41, "no", attempt=0)
    past.began("align/m5", 42, 0)
    past.sample(45, (2048, 90, 70), (10, 0, 40))
    past.regard(1, 46, "quarantined", "Xid 79")
    state = past.read()
    story = RunStory()
    for n, record in state.records(*KINDS):
        story.take(n, record)
    card = card_of(story, state, ZERO + 60)
    assert str(card["state"]).startswith("Running since ")
    assert card["words"] == (
        "4 of 8 steps done, 1 running, 1 failed, 2 waiting, 240 an hour, less than a minute left"
    )
    assert card["parts"] == [["done", 4], ["running", 1], ["failed", 1], ["waiting", 2]]
    first, second = card["gpus"]  # type: ignore[misc] - two were given to it
    assert first["steps"]["told"][0][1:] == ["align/m5", 18.0]
    assert (first["load"], first["memory"], first["heat"], first["note"]) == (90, 2048, 70, "")
    assert (second["steps"]["told"], second["note"]) == ([], "quarantined: Xid 79")
    monkeypatch.setattr("gpucore.serving.run_card.life", lambda *_: "died")
    card = card_of(story, state, ZERO + 60)
    assert str(card["state"]).startswith("Died; last heard of at ")
    assert card["words"] == "4 of 8 steps done, 1 failed, 1 cut off, 2 waiting"
    assert card["gpus"] == []
