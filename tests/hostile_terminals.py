"""Names and words that a terminal, or what writes to one, would obey where somebody forgot that."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PAYLOADS", "is_harmless"]

CSI = (
    "2J", "3J", "H", "1;1H", "31m", "5m", "8m", "0;30;40m", "6n", "5n", "c", ">c", "=c", "?6c",
    "s", "u", "10A", "10B", "10C", "10D", "2K", "5L", "5M", "5P", "5X", "5@", "5S", "5T", "4h",
    "20h", "3g", "?25l", "?47h", "?1049h", "?1000h", "?1003h", "?1006h", "?2004h", "?2026h",
    "?5h", "?3h", "?7l", "20t", "21t", "2t", "8;1;1t", "!p", "1;2r", "1;1;10;10$z", "4;1m",
    ">4;2m", "?u", ">1u", "1$}", "38;2;0;0;0m", "48:5:1m", "1000000000b", "99999999999999999999A",
)  # fmt: skip
OSC = (
    "0;title", "1;icon", "2;title", "4;1;rgb:ff/00/00", "4;1;?", "7;file:///etc",
    "8;;http://x.example", "9;say", "9;4;1;50", "10;?", "11;?", "12;red", "50;font",
    "52;c;cm0gLXJm", "52;c;?", "104", "112", "133;A", "633;E;rm", "777;notify;a;b", "99;i=1;text",
    "1337;SetMark", "1337;CursorShape=1", "1337;File=inline=1:AAAA", "1337;Copy=:cm0=", "L;l",
    "66;s=2;big",
)  # fmt: skip
STRINGS = (
    "P$qm", "P+q544e", "Pq#0;2;0;0;0~", "Ptmux;\x1b[2J", "P1000p", "_Ga=T,f=24;AAAA", "_Gi=1,a=q",
    "^private", "Xstart", "kscreen title",
)  # fmt: skip
ALONE = (
    "c", "7", "8", "=", ">", "D", "E", "H", "M", "N", "O", "Z", "(0", ")B", "*0", "#8", "%G",
    "%@", " F", "l", "n", "o", "|", "}", "~", "[", "]", "P", "\x1b[", "",
)  # fmt: skip
UNSEEN = (
    0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x180B, 0x180E, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F,
    0x2028, 0x2029, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2060, 0x2061, 0x2062, 0x2063,
    0x2064, 0x2066, 0x2067, 0x2068, 0x2069, 0x206A, 0x206F, 0x3000, 0x3164, 0xA0, 0xFE0F, 0xFEFF,
    0xFFA0, 0xFFF9, 0xFFFB, 0xFFFE, 0xE000, 0x1D173, 0xE0001, 0xE0041, 0xE007F, 0xE0100, 0xF0000,
    0x10FFFF,
)  # fmt: skip
BYTES = (
    b"\xff", b"\xfe\xff", b"\xc0\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xed\xb0\x80",
    b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xf0\x9f\x92", b"\xc2", b"\x9b2J", b"\x9d0;t\x9c",
    b"\x90q\x9c", b"\x85", b"\x8d",
)  # fmt: skip
WRITERS = (
    "[bold]", "[/]", "[/nope]", "[link=file:///x]y[/link]", "[@click=app.quit]q",
    "[red on black]", "\\[x]", ":bug:", ":warning-emoji:", "{{7*7}}", "{%raw%}", "{0}", "{name}",
    "{!r}", "%s%n%n", "%d", "%(GPU)s", "%(nope)s", "%", "50%", "${x}", "$(id)", "`id`", "!!",
    "~root", "'''", '"""', "\\u001b[2J", "\\x1b[2J", "\\e[2J", "\\033[2J", "^[[2J", "&#27;",
    "</script>", "=cmd|'/C calc'!A0", "--help", "-rf", "#x", '"}', "\\", "\\n", "a  b", " a",
    "a ",
)  # fmt: skip
FLOODS = (
    "a" + "\u0301" * 200, "\u0301first", "Z" + "\u0337\u0322\u0489" * 40, "\u05b0" * 9,
    "\U0001f600" * 20, "\u202e" * 50, "\t" * 20, "\n" * 5, "\r\n\r\n", "a\rb", "\x08" * 9,
    "\x07" * 9,
)  # fmt: skip


def _payloads() -> Iterator[bytes]:
    yield from (f"\x1b[{one}".encode() for one in CSI)
    for place, one in enumerate(OSC):
        end = ("\x07", "\x1b\\", "\x9c")[place % 3]
        yield f"\x1b]{one}{end}".encode()
    yield from (f"\x1b{one}\x1b\\".encode() for one in STRINGS)
    yield from (f"\x1b{one}".encode() for one in ALONE)
    yield from (bytes([one]) for one in (*range(1, 32), 127))
    yield from (f"{chr(one)}2J".encode() for one in range(0x80, 0xA0))
    yield from (f"a{chr(one)}gpj.exe".encode() for one in UNSEEN)
    yield from BYTES
    yield from (one.encode() for one in (*WRITERS, *FLOODS))


PAYLOADS: tuple[bytes, ...] = tuple(dict.fromkeys(_payloads()))


def is_harmless(raw: bytes) -> bool:
    """Say whether a terminal would only show this, as its reader expects it."""
    text = raw.decode()  # what cannot be decoded is an error here
    return (
        all(one.isprintable() or one == "\n" for one in text)
        and not set(text) & set("\u034f\u115f\u1160\u180b\u3164\ufe0f\uffa0\U000e0100")
        and "\u0301" * 5 not in text
    )
