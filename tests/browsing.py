"""Debian's Chromium, driven over a pipe by its own protocol: no package is needed for it.

https://chromedevtools.github.io/devtools-protocol/ tells the commands. Nothing here waits for a
time to pass: each command is answered, and pages tell when they are loaded.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import itertools
import json
import os
import shutil
import signal
from typing import TYPE_CHECKING, Any

from needs import lacking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Browser", "Tab", "open_browser"]

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_HIGH = 50
"""Descriptors from here on are in nobody's way."""
_KEYS = {"Enter": 13, "Escape": 27}
"""By these it knows keys that it acts on itself."""


class Browser:
    """A running Chromium.

    Parameters
    ----------
    program : str
        Its program.
    profile : Path
        A folder for what it keeps.
    """

    def __init__(self, program: str, profile: Path) -> None:
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        theirs = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, _HIGH) for one in (to_read, to_write)]
        null = os.open(os.devnull, os.O_RDWR)
        argv = [
            program, "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
            "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
            "--force-color-profile=srgb", f"--user-data-dir={profile}", "about:blank",
        ]  # fmt: skip
        self._pid = os.posix_spawn(
            program,
            argv,
            {**os.environ, "HOME": str(profile)},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, theirs[0], 3),
                (os.POSIX_SPAWN_DUP2, theirs[1], 4),
                *((os.POSIX_SPAWN_DUP2, null, one) for one in (0, 1, 2)),
            ],
            setpgroup=0,
        )
        for one in (to_read, to_write, *theirs, null):
            os.close(one)
        self._left = b""
        self._numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []

    def ask(self, method: str, session: str = "", **params: object) -> dict[str, Any]:
        """Return the answer to a command; what else is told meanwhile is kept."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            told = self.told()
            if told.get("id") == number:
                assert "error" not in told, f"{method}: {told}"
                result: dict[str, Any] = told["result"]
                return result
            self.events.append(told)

    def told(self) -> dict[str, Any]:
        """Return the next thing that it tells."""
        while b"\0" not in self._left:
            more = os.read(self._read, 1 << 20)
            assert more, "chromium has ended"
            self._left += more
        one, _, self._left = self._left.partition(b"\0")
        message: dict[str, Any] = json.loads(one)
        return message

    def tab(self) -> Tab:
        """Return a new tab."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Tab(self, session)

    def close(self) -> None:
        """End it, and all its processes."""
        with contextlib.suppress(OSError):
            os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._read)
        os.close(self._write)


class Tab:
    """A page in a browser.

    Attributes
    ----------
    browser : Browser
        Where it is.
    """

    def __init__(self, browser: Browser, session: str) -> None:
        self.browser = browser
        self._session = session
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        """Return the answer to a command about this page."""
        return self.browser.ask(method, self._session, **params)

    def open(self, page: Path, width: int = 1300, height: int = 1000) -> None:
        """Open a file, and come back when it is loaded."""
        self.resize(width, height)
        self.ask("Page.navigate", url=page.absolute().as_uri())
        self.wait_for("Page.loadEventFired")

    def wait_for(self, method: str) -> dict[str, Any]:
        """Return the next event of a kind, one that was told already included."""
        while True:
            for place, event in enumerate(self.browser.events):
                if event.get("method") == method and event.get("sessionId") == self._session:
                    del self.browser.events[place]
                    params: dict[str, Any] = event["params"]
                    return params
            self.browser.events.append(self.browser.told())

    def resize(self, width: int, height: int = 1000) -> None:
        """Give the window a size in CSS pixels."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def look(self, scheme: str = "light", media: str = "screen") -> None:
        """Have it light or dark, on a screen or in print."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", media=media, features=features)

    def run(self, script: str) -> Any:
        """Return the value of an expression; a promise is waited for."""
        answer = self.ask(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def text(self, selector: str) -> str:
        """Return the text of an element."""
        found = self.run(f"document.querySelector({json.dumps(selector)}).innerText")
        assert isinstance(found, str)
        return found

    def texts(self, selector: str) -> list[str]:
        """Return the texts of all elements that fit."""
        script = (
            f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.innerText)"
        )
        found = self.run(script)
        assert isinstance(found, list)
        return found

    def click(self, selector: str) -> None:
        """Click on an element, as a person does: where it is."""
        x, y = self.centre(selector)
        self.mouse(("mouseMoved", x, y), ("mousePressed", x, y), ("mouseReleased", x, y))

    def centre(self, selector: str) -> tuple[float, float]:
        """Return where an element is, having scrolled to it."""
        x, y = self.run(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)});"
            "one.scrollIntoView({ block: 'center', behavior: 'instant' });"
            "const box = one.getBoundingClientRect();"
            "return [box.left + box.width / 2, box.top + box.height / 2]; })()"
        )
        return x, y

    def mouse(self, *moves: tuple[str, float, float]) -> None:
        """Move, press and release the mouse."""
        pressed = False
        for kind, x, y in moves:
            held = pressed if kind == "mouseMoved" else kind == "mousePressed"
            self.ask(
                "Input.dispatchMouseEvent",
                type=kind,
                x=x,
                y=y,
                button="none" if kind == "mouseMoved" and not pressed else "left",
                buttons=int(held),
                clickCount=int(kind != "mouseMoved"),
            )
            pressed = held

    def key(self, name: str, text: str = "") -> None:
        """Press a key."""
        told = {"key": name, "code": name, "windowsVirtualKeyCode": _KEYS.get(name, 0)}
        self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **told)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **told)

    def write(self, text: str) -> None:
        """Write a text where the focus is."""
        self.ask("Input.insertText", text=text)

    def picture(self, to: Path, *, whole: bool = False) -> None:
        """Save what is seen."""
        shot = self.ask("Page.captureScreenshot", captureBeyondViewport=whole)
        to.write_bytes(base64.b64decode(shot["data"]))

    def print(self, to: Path) -> None:
        """Save it as it is printed."""
        pdf = self.ask("Page.printToPDF", printBackground=True)
        to.write_bytes(base64.b64decode(pdf["data"]))

    @property
    def complaints(self) -> list[str]:
        """What the console says: errors, refusals of the security policy, uncaught exceptions."""
        self.run("0")  # what was told before this is here now
        found = []
        for event in self.browser.events:
            params = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(str(params["exceptionDetails"]))
            elif event.get("method") == "Log.entryAdded" and params["entry"]["level"] != "verbose":
                found.append(str(params["entry"]))
            elif event.get("method") == "Runtime.consoleAPICalled":
                found.append(str(params["args"]))
        return found

    @property
    def requests(self) -> list[str]:
        """What it asked for, from anywhere."""
        return [
            event["params"]["request"]["url"]
            for event in self.browser.events
            if event.get("method") == "Network.requestWillBeSent"
        ]


@contextlib.contextmanager
def open_browser(profile: Path) -> Iterator[Browser]:
    """Give a browser; where there is none the test is skipped, in CI it fails."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        lacking("chromium is not installed: apt-get install chromium")
    browser = Browser(program, profile)
    try:
        yield browser
    finally:
        browser.close()
