"""Names from outside reach programs byte for byte, and no terminal obeys them."""

from __future__ import annotations

import json
import os
import random
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest
from command_line import Ran, start

from gpucore.cli.terminal import clean

if TYPE_CHECKING:
    from pathlib import Path

    from command_line import Cli

PIECES = (
    b"\x1b[2J", b"\x1b]0;title\x07", b"\x1b[31m", b"\x1bP1$q\x1b\\", b"\x07", b"\x08", b"\r",
    b"\n", b"\t", b"\x7f", b"\x9b31m", b"\xc2\x9b2J", b"\xc2\x85", b"\xff\xfe", b"\xed\xa0\x80",
    "\u202e".encode(), "\u2066".encode(), "\u200f".encode(), "\u2028".encode(), "\ufeff".encode(),
    b"[/nope]", b"[bold]", b"[link=file:///x]", b":bug:", b"%(GPU)s", b"%(src)s", b"%d", b"50%",
    b"$(touch x)", b"`id`", b"'", b'"', b" ", b"  ", b"#", b";", b"&", b"*", b"?", b"{}", b"~",
    "é".encode(), "日本".encode(), b"-x", b"..", b"\\n", b"\x01", b"\x0e", b"\x1f", b"=",
)  # fmt: skip


def names(count: int) -> list[bytes]:
    """Return hostile file names, each with a number of its own."""
    pick = random.Random(8)
    return [
        b"".join(pick.choices(PIECES, k=pick.randrange(1, 5))) + b"%d.tif" % number
        for number in range(count)
    ]


def harmless(raw: bytes) -> bool:
    """Say whether a terminal would only show this."""
    text = raw.decode()  # what cannot be decoded is an error here
    return all(c.isprintable() or c == "\n" for c in text)


def run_bytes(*argv: str | bytes, cwd: Path, **more: str) -> tuple[int, bytes, bytes]:
    with start(*argv, cwd=cwd, **more) as process:
        out, err = process.communicate()
    return process.returncode, out, err


def write_items(cli: Cli, items: list[bytes]) -> None:
    for item in items:
        path = cli.folder / os.fsdecode(item)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


ECHO = 'printf "%s\\0%s\\0" "$1" "$3" > "$2"'


@pytest.mark.slow
def test_200_hostile_names_reach_the_program_and_no_terminal(cli: Cli) -> None:
    items = names(200)
    write_items(cli, items)
    word = b"".join(piece for piece in PIECES if b"\0" not in piece)
    call: list[str | bytes] = [
        "map", "copy", "-o", "out", "--adapter", "copy.toml", "--threads", "3",
        "--set", f"text={ECHO}", "--set", b"word=" + word,
    ]  # fmt: skip
    code, out, err = run_bytes(*call, "--", *items, cwd=cli.folder)
    assert code == 0, err
    assert out == b""
    assert harmless(err)
    assert b"200 done in " in err
    for item in items:
        given, _, rest = _made(cli, item).partition(b"\0")
        # A name like an option is given as a path, which is the same file.
        assert given == (b"./" + item if item.startswith(b"-") else item)
        assert rest == word + b"\0"
    code, out, err = run_bytes(*call, "--plan", "--", *items, cwd=cli.folder)
    assert code == 0
    assert harmless(out)
    assert harmless(err)
    code, out, err = run_bytes(*call, "--plan", "--json", "--", *items, cwd=cli.folder)
    assert harmless(out)
    steps = json.loads(out)["steps"]
    assert [os.fsencode(step["argv"][4]).removeprefix(b"./") for step in steps] == items


def _made(cli: Cli, item: bytes) -> bytes:
    return (cli.folder / "out" / f"{PurePosixPath(os.fsdecode(item)).stem}.out").read_bytes()


@pytest.mark.slow
def test_failures_of_hostile_items_are_shown_harmlessly(cli: Cli) -> None:
    items = names(40)
    write_items(cli, items)
    code, out, err = run_bytes(
        "map", "copy", "-o", b"o\x1b[2J\xff", "--adapter", "copy.toml", "--threads", "3",
        "--set", 'text=printf "%s" "$1" >&2; printf "\\033[2J\\n\\033]0;x\\007\\n" >&2; exit 3',
        "--", *items, cwd=cli.folder,
    )  # fmt: skip
    assert code == 1
    assert out == b""
    assert harmless(err)
    assert b"40 failed" in err
    assert b" and 39 more; why: gpucore explain " in err


@pytest.mark.parametrize("name", names(60))
def test_errors_that_quote_what_was_given_are_harmless(cli: Cli, name: bytes) -> None:
    text = os.fsdecode(name)
    for call in (
        (text,),
        ("map", text, "a.tif", "-o", "out"),
        ("map", "copy", "--adapter", "copy.toml", "-o", "out", "--", text),
        ("map", "copy", "a.tif", "-o", "out", "--adapter", "copy.toml", "--set", text),
        ("map", "copy", "a.tif", "-o", "out", "--adapter", "copy.toml", "--set", f"number={text}"),
        ("map", "copy", "a.tif", "-o", "out", "--adapter", "copy.toml", f"--gpus={text}"),
        ("map", "copy", "a.tif", "-o", "out", "--adapter", "copy.toml", f"--policy={text}"),
        ("map", "copy", "a.tif", "-o", "out", "--adapter", "copy.toml", f"--threads={text}"),
        ("map", "copy", "a.tif", "-o", "out", "--adapter", "copy.toml", f"--x{text}"),
        ("map", "copy", "a.tif", "-o", f"b.tif/{text}", "--adapter", "copy.toml"),
        ("map", "copy", "a.tif", "-o", "out", f"--adapter={text}"),
        ("map", "copy", "a.tif", "-o", "out", f"--config={text}"),
        ("run", f"./{text}"),
        ("adapters", "show", "--", text),
        ("gpus", f"--devices={text}"),
        ("exec", "--devices", "simulated:1", "--", f"./{text}"),
        ("config", "check", f"./{text}"),
    ):
        said = _said(cli, call)
        assert said.code == 2 or (said.code == 3 and call[0] == "gpus"), call
        assert harmless(said.err.encode()), call


def _said(cli: Cli, call: tuple[str, ...]) -> Ran:
    ran = cli(*call)
    assert ran.out == ""
    return ran


def test_an_adapters_own_texts_are_shown_harmlessly(cli: Cli) -> None:
    nasty = r"\u001b[2J\u0007[/nope]\u202e\u009b31m"
    cli.write(
        "nasty.toml",
        f"""
name = "nasty"
title = "t{nasty}"
licence = "l{nasty}"
citation = "c{nasty}"
source = "s{nasty}"
unverified = ["u{nasty}"]
[program]
executable = "x{nasty}"
install = "i{nasty}"
[command]
argv = ["%(EXE)s", "%(word)s"]
[params]
word = {{ type = "string", default = "d{nasty}", unit = "u{nasty}", help = "h{nasty}" }}
kind = {{ type = "choice", choices = ["c{nasty}"], optional = true, help = "k" }}
[[example]]
params = {{ word = "w{nasty}" }}
argv = ["x{nasty}", "w{nasty}"]
""",
    )
    for call in (
        ("adapters", "--adapter", "nasty.toml"),
        ("adapters", "show", "nasty", "--adapter", "nasty.toml"),
        ("adapters", "show", "nasty", "--json", "--adapter", "nasty.toml"),
        ("config", "check", "nasty.toml"),
    ):
        ran = cli(*call)
        assert ran.code == 0, ran.err
        assert harmless((ran.out + ran.err).encode()), call


def test_faults_in_a_file_show_its_lines_harmlessly(cli: Cli) -> None:
    nasty = "\u202e \u009b31m \x7f"
    cli.write("job.toml", f'[run]\ngpuz = "\\u001b[2J"  # {nasty}\n"a\\u001b[2J" = 1\n')
    said = cli.refuses("run", "job.toml")
    assert harmless(said.encode())


@pytest.mark.parametrize("name", names(40))
def test_cleaning_leaves_what_is_printable_and_is_done_once(name: bytes) -> None:
    text = os.fsdecode(name)
    assert clean(text).isprintable()
    assert clean(clean(text)) == clean(text)
    assert clean("a [/b] é 日本.tif") == "a [/b] é 日本.tif"
