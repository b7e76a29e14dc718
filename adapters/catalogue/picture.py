"""``python -m catalogue.picture``: write docs/pictures/demo.svg, a run of the demo as it was."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Span, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["COMMAND", "PICTURE", "Recording", "drawn", "moments", "record"]

COMMAND = ("gpucore", "demo", "--devices", "simulated:2")
PICTURE = Path("docs") / "pictures" / "demo.svg"
_COLUMNS, _LINES = 92, 40
_ERASED = re.compile(r"(?:\r|\x1b\[1A|\x1b\[2K)*\x1b\[2K")
"""What a living picture sends before it is drawn anew: up, and clear, line by line."""
_MOVES = re.compile(r"\x1b\[\?25[hl]")
_BAR = re.compile(r"[━─╸╺]{2}")
_SOME_DONE = re.compile(r"\b[1-9]\d*/\d+")
_COLOURS = TerminalTheme(
    (13, 17, 23),
    (201, 209, 217),
    [(72, 79, 88), (255, 123, 114), (63, 185, 80), (210, 153, 34),
     (88, 166, 255), (188, 140, 255), (57, 197, 207), (177, 186, 196)],
)  # fmt: skip
_WIDTH, _HEIGHT, _ROOM = 8.4, 20, 14
"""Of a character, of a line, and around all of them, in pixels."""
# No font is fetched: whoever shows a page with a picture fetches nothing for it.
_FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_NO_BREAK = "\N{NO-BREAK SPACE}"
"""Several blanks would be drawn as one."""
_TITLE = "gpucore demo on two simulated GPUs, while it runs and at its end"


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a run showed, as lines with colours.

    Parameters
    ----------
    above : tuple of str
        The lines that stay above the living picture.
    running : tuple of str
        The living picture, at a moment at which some steps are done and, if there was such a one,
        every GPU has one.
    end : tuple of str
        What is there when it has ended.
    """

    above: tuple[str, ...]
    running: tuple[str, ...]
    end: tuple[str, ...]


def record(folder: Path) -> bytes:
    """Run the demo in a folder, on a terminal of its own; return all that it drew.

    Raises
    ------
    RuntimeError
        When it did not end well.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, _COLUMNS, 0, 0))
    beside = str(Path(sys.executable).parent)
    env = {
        "PATH": f"{beside}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "HOME": str(folder),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
    }
    argv = (sys.executable, "-m", "gpucore.cli", *COMMAND[1:])
    with subprocess.Popen(
        argv, cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        seen = b""
        while piece := _read(ours):
            seen += piece
    os.close(ours)
    if process.returncode:
        raise RuntimeError(f"the demo ended with exit code {process.returncode}: {seen!r}")
    return seen


def moments(seen: bytes) -> Recording:
    """Return the moments of a run that are worth a picture.

    Raises
    ------
    RuntimeError
        When no moment was seen at which some steps were done.
    """
    text = _MOVES.sub("", seen.decode()).replace("\r\n", "\n")
    *pictures, end = (piece.split("\n") for piece in _ERASED.split(text))
    above: list[str] = []
    begun: list[list[str]] = []
    for lines in pictures:
        bars = next((n for n, line in enumerate(lines) if _BAR.search(line)), len(lines))
        above += [line for line in lines[:bars] if line]
        if _SOME_DONE.search(Text.from_ansi("\n".join(lines[bars:])).plain):
            begun.append(lines[bars:])
    full = [lines for lines in begun if not any("  free" in line for line in lines)] or begun
    if not full:
        raise RuntimeError("no moment was seen at which some steps were done: run it again")
    running = full[len(full) // 2]
    return Recording(above=tuple(above), running=tuple(running), end=tuple(filter(None, end)))


def drawn(recording: Recording) -> str:
    """Return a recording as SVG: light on dark, which can be read on a page of either kind."""
    lines = [
        _said(f"$ {' '.join(COMMAND)}", "bold"),
        *map(Text.from_ansi, recording.above),
        Text(),
        _said("# while it runs, drawn again and again:", "cyan"),
        *map(Text.from_ansi, recording.running),
        Text(),
        _said("# at its end:", "cyan"),
        *map(Text.from_ansi, recording.end),
    ]
    width = round(_WIDTH * max(line.cell_len for line in lines)) + 2 * _ROOM
    height = _HEIGHT * len(lines) + 2 * _ROOM
    console = Console(color_system="truecolor", highlight=False, file=io.StringIO())
    body = "\n".join(
        text for number, line in enumerate(lines) for text in _texts(console, number, line)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">\n<title>{_TITLE}</title>\n'
        f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>\n'
        f'<g font-family="{_FONTS}" font-size="14">\n{body}\n</g>\n</svg>\n'
    )


def _said(text: str, style: str) -> Text:
    return Text(text, spans=[Span(0, len(text), style)])


def _texts(console: Console, number: int, line: Text) -> Iterator[str]:
    """Yield the parts of a line, each where it belongs whatever font there is."""
    column = 0
    for part in line.render(console):
        width = cell_len(part.text)
        if part.text.strip():
            style = part.style or Style.null()
            colour = (style.color or Color.default()).get_truecolor(_COLOURS).hex
            bold = ' font-weight="bold"' if style.bold else ""
            text = escape(part.text).replace(" ", _NO_BREAK)
            yield (
                f'<text x="{_ROOM + _WIDTH * column:g}" y="{_ROOM + _HEIGHT * number + 15}" '
                f'textLength="{_WIDTH * width:g}" fill="{colour}"{bold}>{text}</text>'
            )
        column += width


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says EIO when the last writer is gone
        return b""


def main() -> int:
    """Run the demo, and write its picture."""
    root = Path(__file__).parents[2]
    with tempfile.TemporaryDirectory() as folder:
        svg = drawn(moments(record(Path(folder))))
    (root / PICTURE).parent.mkdir(parents=True, exist_ok=True)
    (root / PICTURE).write_text(svg, encoding="utf-8")
    sys.stdout.write(f"{PICTURE}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
