"""The living page in a real browser, of a run in another process whose programs wait at gates."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from command_line import start
from gated_runs import GATED
from past_runs import PastRun
from programs import Gate

from gpucore.report.texts import shown
from gpucore.serving.access import Access, new_token
from gpucore.serving.server import PageServer, serving
from gpucore.system.orphans import boot_id, process_start

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from browsing import Browser, Tab

pytestmark = pytest.mark.slow

NASTY = "a/<img src=x onerror=\"document.title='gone'\"></script>\u202e\x1b[2J&amp;😀"
TEXT = (
    'n=$(basename "$1" .tif); echo "reading $n"; read word < read-$n; echo "got $word"; '
    'read word < done-$n; case $word in fail) echo "CUDA error"; exit 7;; esac; cat "$1" > "$2"'
)


class Movies:
    """A run over movies, each of which waits twice: to be read, and to be done."""

    def __init__(self, folder: Path, count: int, output: str = "out", gpus: str = "0-1") -> None:
        self.gpus = gpus
        self.folder = folder
        self.output = output
        self.names = [f"{output}_{n}" for n in range(count)]
        folder.mkdir(exist_ok=True)
        (folder / "gated.toml").write_text(GATED)
        self.gates = {
            name: (Gate(folder / f"read-{name}"), Gate(folder / f"done-{name}"))
            for name in self.names
        }
        for name in self.names:
            (folder / f"{name}.tif").write_text("x")
        self.process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start it, on two GPUs."""
        self.process = start(
            "map", "gated", *(f"{name}.tif" for name in self.names), "-o", self.output,
            "--adapter", "gated.toml", "--devices", "simulated:4", "--gpus", self.gpus,
            "--threads", "3", "--set", f"text={TEXT}", cwd=self.folder,
        )  # fmt: skip

    def read(self, number: int, word: str = "one") -> None:
        """Let a movie's program read, and say a word."""
        self.gates[self.names[number]][0].release(f"{word}\n")

    def done(self, number: int, word: str = "done") -> None:
        """Let it end."""
        self.gates[self.names[number]][1].release(f"{word}\n")

    def close(self) -> None:
        """End it, with its programs."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)  # nothing, when it has ended
            self.process.communicate(timeout=60)


@pytest.fixture
def movies(tmp_path: Path) -> Iterator[Callable[..., Movies]]:
    """Return what makes runs."""
    made: list[Movies] = []

    def make(count: int, output: str = "out", gpus: str = "0-1") -> Movies:
        made.append(Movies(tmp_path, count, output, gpus))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def serve(tmp_path: Path, tab: Tab) -> Iterator[Callable[..., PageServer]]:
    """Return what serves output folders."""
    opened = []

    def served(*names: str, token: str = "") -> PageServer:
        state = os.environ["XDG_STATE_HOME"]
        server = PageServer(
            [tmp_path / name for name in names],
            tmp_path / state,
            Access(host="127.0.0.1", token=token),
        )
        opened.append(serving(server))
        return opened[-1].__enter__()

    yield served
    # A living page that loses its server says so, and asks again.
    tab.ask("Page.navigate", url="about:blank")
    until(tab, "location.href === 'about:blank'")
    for one in opened:
        one.__exit__(None, None, None)


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    """Return a tab of its own, of which nobody complained at the end."""
    browser.events.clear()
    tab = browser.tab()
    yield tab
    assert tab.complaints == []
    tab.ask("Page.close")


def until(tab: Tab, what: str) -> None:
    """Come back when an expression is true; the page itself looks, and so does the next one."""
    look = f"(() => {{ try {{ return Boolean({what}); }} catch {{ return false; }} }})()"
    while True:
        try:
            tab.run(
                "new Promise((done) => { const look = () => "
                f"({look} ? done() : setTimeout(look, 20)); look(); }})"
            )
        except AssertionError as error:
            if "navigated" not in str(error) and "destroyed" not in str(error):
                raise
        else:
            return


def goes_to(tab: Tab, url: str) -> None:
    """Have the tab show an address, loaded."""
    tab.resize(1300, 1000)
    tab.ask("Page.navigate", url=url)
    until(tab, "document.readyState === 'complete' && location.protocol === 'http:'")


WORDS = "document.getElementById('live-words').textContent"
DRAWN = "document.getElementById('timeline').dataset.drawn"


def test_a_run_is_seen_from_its_beginning_to_its_end(
    tab: Tab, movies: Callable[..., Movies], serve: Callable[..., PageServer]
) -> None:
    run = movies(4)
    goes_to(tab, serve("out").url)
    assert "There is no run to be seen in this folder yet" in tab.text("main")
    run.begin()
    until(tab, f"{WORDS} === '0 of 4 steps done, 2 running, 2 waiting'")
    assert tab.text("#live-state").startswith("Running since ")
    assert tab.texts("#live-gpus strong") == ["GPU 0 (simulated)", "GPU 1 (simulated)"]
    assert sorted(tab.texts("#live-gpus button")) == ["gated/out_0", "gated/out_1"]
    until(tab, f"{DRAWN} === '2'")
    run.read(0)
    run.done(0)
    until(tab, f"{DRAWN} === '3'")
    until(tab, f"{WORDS}.startsWith('1 of 4 steps done')")
    run.read(1)
    run.done(1, "fail")
    until(tab, f"{WORDS}.includes('1 failed')")
    until(tab, "document.querySelector('#failures pre')?.textContent.includes('CUDA error')")
    names, states = (tab.texts(f"#table tbody td:nth-child({place})") for place in (1, 3))
    states = dict(zip(names, states, strict=True))
    assert states == {
        "gated/out_0": "done", "gated/out_1": "failed",
        "gated/out_2": "running", "gated/out_3": "running",
    }  # fmt: skip
    assert "failed (1)" in tab.text("#states")
    for number in (2, 3):
        run.read(number)
        run.done(number)
    until(tab, "document.getElementById('live').dataset.life === 'ended'")
    until(tab, f"{WORDS} === '3 of 4 steps done, 1 failed'")
    until(tab, "document.querySelector('[data-part=\"tiles\"] dd').textContent.startsWith('3')")
    assert "3 of 4 steps are done, 1 failed" in tab.text(".verdict")
    assert tab.run("document.querySelectorAll('#table tbody tr').length") == 4
    assert tab.run("document.title") == "out: gpucore"


def test_a_log_is_followed_while_its_program_runs(
    tab: Tab, movies: Callable[..., Movies], serve: Callable[..., PageServer]
) -> None:
    run = movies(1)
    goes_to(tab, serve("out").url)
    run.begin()
    until(tab, "document.querySelector('#live-gpus button')")
    tab.click("#live-gpus button")
    log = "document.getElementById('log-text').textContent"
    until(tab, f"{log} === 'reading out_0\\n'")
    assert "State\nrunning" in tab.text("#detail dl")
    run.read(0, "<b>é")
    until(tab, f"{log} === 'reading out_0\\ngot <b>é\\n'")
    assert tab.text("#log-said") == "followed while it runs"
    run.done(0, "fail")
    until(tab, f"{log}.endsWith('CUDA error\\n')")
    until(tab, "document.querySelector('#detail dl').innerText.includes('failed')")
    until(tab, "document.getElementById('log-said').textContent === ''")
    whole = tab.run("fetch(document.querySelector('.log a').href).then((one) => one.text())")
    assert whole == "reading out_0\ngot <b>é\nCUDA error\n"


def test_runs_stand_side_by_side(
    tab: Tab, movies: Callable[..., Movies], serve: Callable[..., PageServer]
) -> None:
    first, second = movies(2, "first"), movies(3, "second", "2-3")
    for run in (first, second):
        run.begin()
    goes_to(tab, serve("first", "second", "third").url)
    words = (
        "[...document.querySelectorAll('.card .words')].map((one) => one.textContent).join('; ')"
    )
    until(tab, f"{words}.split('running').length === 3")
    first.read(0)
    first.done(0)
    until(tab, f"{words}.startsWith('1 of 2 steps done')")
    assert tab.texts(".card h2") == ["first", "second", "third"]
    assert tab.texts(".card .state")[2] == "No run yet"
    lefts = tab.run(
        "[...document.querySelectorAll('.card')].map((one) => one.getBoundingClientRect().top)"
    )
    assert lefts[0] == lefts[1]
    tab.click(".card:nth-of-type(2) h2 a")
    until(tab, "document.querySelector('h1').innerText === 'second'")
    assert tab.texts(".controls a") == ["All runs"]


@pytest.fixture
def living(tmp_path: Path) -> Iterator[PastRun]:
    """Return a run that goes on in this process, as far as anybody sees."""
    past = PastRun(tmp_path / "out")
    past.begin(pid=os.getpid(), boot=boot_id(), pid_start=process_start(os.getpid()))
    past.plan(*(f"align/m{n}" for n in range(1, 9)))
    past.ran("align/m1", 1, 20, 0)
    past.began("align/m2", 21, 0)
    past.settle(21)
    yield past
    past.end(200)


def test_gpus_are_seen_as_they_are(
    tab: Tab, living: PastRun, serve: Callable[..., PageServer]
) -> None:
    goes_to(tab, serve("out").url)
    until(tab, f"{DRAWN} === '2'")
    # The clock of a run that is over in the past has nothing to do with this one's.
    living.regard(1, 30, "quarantined", "Xid 79: fell off the bus", "restart")
    living.sample(31, (2048, 90, 70), (1024, 5, 40))
    living.settle(31)
    until(tab, "document.getElementById('legend').textContent.includes('load of the GPU')")
    until(tab, "document.querySelector('[data-part=\"gpus\"]').textContent.includes('90 %')")
    assert "quarantined" in tab.text("[data-part='gpus']")


def test_what_was_chosen_stays_when_something_happens(
    tab: Tab, living: PastRun, serve: Callable[..., PageServer]
) -> None:
    goes_to(tab, serve("out").url)
    until(tab, f"{DRAWN} === '2'")
    tab.click("#find")
    tab.write("m2")
    tab.click("[data-part='stages'] th:nth-child(2) button")
    tab.click("#zoom-in")
    window = tab.run("JSON.stringify(document.getElementById('window').textContent)")
    tab.run("document.getElementById('find').focus()")
    living.ended("align/m2", 40)
    living.ran("align/m3", 41, 50, 0)
    living.settle(50)
    until(tab, "document.getElementById('states').innerText.includes('done (3)')")
    until(tab, "document.querySelector('[data-part=\"stages\"] tbody').innerText.includes('3')")
    assert tab.texts("#table tbody td:first-child") == ["align/m2"]
    assert tab.run("document.activeElement.id") == "find"
    sort = "document.querySelectorAll('[data-part=\"stages\"] th')[1].getAttribute('aria-sort')"
    assert tab.run(sort) == "ascending"
    assert tab.run("JSON.stringify(document.getElementById('window').textContent)") == window


def test_a_step_that_ends_counts_where_steps_are_drawn_together(
    tab: Tab, living: PastRun, serve: Callable[..., PageServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpucore.report.page.MOST", 20)
    living.plan(*(f"more/m{n}" for n in range(100, 200)), "late/m1")
    for n in range(100, 200):
        living.ran(f"more/m{n}", 30 + n / 10, 30 + n / 10 + 0.09, 1)
    living.settle(60)
    goes_to(tab, serve("out").url)
    until(tab, "document.getElementById('count').textContent === '20 attempts'")
    assert "more (100)" in tab.text("#stages")
    living.ran("late/m1", 61, 70, 1)
    living.settle(70)
    until(tab, "document.getElementById('count').textContent === '21 attempts'")
    until(tab, "document.getElementById('stages').innerText.includes('late (1)')")


def test_hostile_names_that_come_later_are_shown_as_text(
    tab: Tab, living: PastRun, serve: Callable[..., PageServer]
) -> None:
    goes_to(tab, serve("out").url)
    until(tab, f"{DRAWN} === '2'")
    living.plan(NASTY, adapter=NASTY)
    living.began(NASTY, 30, 1, argv=("prog", NASTY))
    living.write_log(NASTY, NASTY)
    living.failed(NASTY, 35, f"no: {NASTY}")
    living.began(NASTY, 36, 1, attempt=2)
    living.settle(36)
    until(tab, "document.getElementById('failures') !== null")
    until(tab, "document.querySelectorAll('#table tbody tr').length === 4")
    assert shown(NASTY) in tab.text("#failures")
    assert tab.texts("#table tbody td:first-child")[2:] == [shown(NASTY)] * 2
    assert shown(NASTY) in tab.text("#live-gpus")
    assert tab.run("document.images.length") == 0
    assert tab.run("document.scripts.length") == 2
    assert "gone" not in tab.run("document.title")


def test_a_page_that_nobody_sees_is_told_nothing_and_catches_up(
    tab: Tab, browser: Browser, living: PastRun, serve: Callable[..., PageServer]
) -> None:
    server = serve("out")
    goes_to(tab, server.url)
    until(tab, f"{DRAWN} === '2'")
    other = browser.tab()
    other.ask("Page.bringToFront")
    until(tab, "document.hidden")
    living.ended("align/m2", 40)
    living.settle(40)
    tab.ask("Page.bringToFront")
    until(tab, f"{WORDS}.startsWith('2 of 8')")
    assert "done (2)" in tab.text("#states")
    other.ask("Page.close")


def test_a_token_is_asked_for_and_does_not_stay_in_the_address(
    tab: Tab, browser: Browser, living: PastRun, serve: Callable[..., PageServer]
) -> None:
    token = new_token()
    server = serve("out", token=token)
    url = f"http://127.0.0.1:{server.port}/"
    goes_to(tab, url)
    assert "asks for its token" in tab.text("main")
    browser.events.clear()  # that it was refused is told in the console
    goes_to(tab, server.url)
    until(tab, f"{DRAWN} === '2'")
    assert tab.run("location.href") == f"{url}runs/1/"
    assert tab.run("document.cookie") == ""
    living.ended("align/m2", 40)
    living.settle(40)
    until(tab, f"{WORDS}.startsWith('2 of 8')")


def test_a_living_page_asks_for_nothing_from_elsewhere(
    tab: Tab, living: PastRun, serve: Callable[..., PageServer]
) -> None:
    server = serve("out")
    goes_to(tab, server.url)
    until(tab, f"{DRAWN} === '2'")
    assert tab.requests
    assert [url for url in tab.requests if not url.startswith(server.url)] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_window_needs_no_sideways_scrolling(
    tab: Tab, living: PastRun, serve: Callable[..., PageServer], scheme: str
) -> None:
    tab.look(scheme)
    for names in (("out",), ("out", "other")):
        goes_to(tab, serve(*names).url)
        tab.resize(400, 800)
        until(tab, "document.body.innerText.includes('1 of 8')")
        assert tab.run("document.documentElement.scrollWidth") <= 400


def test_everything_on_the_living_pages_has_a_name(
    tab: Tab, living: PastRun, serve: Callable[..., PageServer]
) -> None:
    for names in (("out",), ("out", "other")):
        goes_to(tab, serve(*names).url)
        until(tab, "document.body.innerText.includes('1 of 8')")
        nodes = tab.ask("Accessibility.getFullAXTree")["nodes"]
        used = {"button", "link", "checkbox", "searchbox", "application", "table", "image", "list"}
        found = [
            one
            for one in nodes
            if one.get("role", {}).get("value") in used and not one.get("ignored")
        ]
        assert found
        assert [one for one in found if not one.get("name", {}).get("value")] == []
