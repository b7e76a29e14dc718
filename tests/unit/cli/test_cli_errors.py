"""Errors as a terminal shows them: a code, the place with a caret, and what mends them."""

from __future__ import annotations

import json
import pickle
import re
import sys
import unicodedata
from typing import TYPE_CHECKING

import pytest
from command_line import environment
from hostile_texts import hostile
from pseudo_terminals import OnTerminal

from gpucore import codes
from gpucore.cli.error_text import columns, error_text
from gpucore.cli.manner import manner, usual_manner
from gpucore.config import parse_toml
from gpucore.config.places import Place
from gpucore.config.toml import FileError
from gpucore.errors import ConfigError, Faults, GpucoreError, StepError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from command_line import Cli


@pytest.fixture(autouse=True)
def plain() -> Iterator[None]:
    """Leave colours out, as off a terminal."""
    manner.plain = True
    yield
    usual_manner()


def fault(source: str, column: int, width: int, hint: str = "", **more: object) -> str:
    place = Place(line=7, column=column, source=source, width=width)
    error = FileError("it is wrong", hint=hint, where="a.toml:7: key", place=place, code="E204",
                      file="a.toml", key="key", **more)  # fmt: skip
    return error_text(error)


def caret(text: str) -> tuple[str, str, str]:
    """Return what stands over the carets, and the lines of source and carets."""
    _, _, source, marks, *_ = text.splitlines()
    start = marks.index("^")
    width = marks.count("^")
    over, column = "", 0
    for one in source:
        step = columns(one)
        if start <= column < start + width or (step == 0 and over and column <= start + width):
            over += one
        column += step
    return over, source, marks


def test_an_error_is_shown_with_code_place_caret_suggestion_and_help() -> None:
    assert fault("comand = 3", 1, 6, "did you mean `command`?", known=("command", "gpus")) == (
        "error[E204]: it is wrong\n"
        "  --> a.toml:7:1  key\n"
        "  7 | comand = 3\n"
        "    | ^^^^^^ did you mean `command`?\n"
        "help: keys allowed here: command, gpus"
    )


def test_a_hint_that_is_no_suggestion_is_help() -> None:
    assert fault("threads = 0", 1, 7, "1 or more").splitlines()[-2:] == [
        "    | ^^^^^^^",
        "help: 1 or more",
    ]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("key = 1", "key"),
        ("\tkey = 1", "key"),
        ('{ "電顕" = 1, key = 2 }', "key"),
        ('{ "電顕" = 1, key = 2 }', "電顕"),
        ('{ "é" = 1, key = 2 }', "key"),
        ('{ "ﾊﾝ" = 1, key = 2 }', "key"),
        ('{ "\x1b[2J" = 1, key = 2 }', "key"),
        ('{ "\u202e" = 1, key = 2 }', "key"),
        ("x = 1, " * 100 + "key = 2" + ", y = 3" * 100, "key"),
        ('a = "' + "電" * 300 + '", key = 2', "key"),
    ],
)
def test_a_caret_stands_under_what_is_meant_whatever_is_before_it(source: str, name: str) -> None:
    source = unicodedata.normalize("NFD", source)
    over, shown, marks = caret(fault(source, source.index(name) + 1, len(name)))
    assert over == name
    assert all(one.isprintable() for one in shown + marks)
    assert len(shown) < 140


def test_a_place_that_was_put_before_an_error_is_told() -> None:
    error = FileError("w", where="a.toml:7: key", place=Place(line=7, column=1, source="k"),
                      file="a.toml", key="key")  # fmt: skip
    assert "--> a.toml:7:1  key\n" in error_text(error)
    assert "--> job x: a.toml:7: key\n" in error_text(error.at("job x"))


@pytest.mark.parametrize("text", hostile(200), ids=range(200))
def test_no_text_of_an_error_is_obeyed_by_a_terminal(text: str) -> None:
    said = error_text(ConfigError(text, hint=text, where=text))
    said += fault(text.replace("\n", " "), 1, 3, text)
    assert all(one.isprintable() or one == "\n" for one in said)


@pytest.mark.parametrize("kind", [GpucoreError, ConfigError, StepError, FileError])
def test_the_code_of_an_error_crosses_processes(kind: type[GpucoreError]) -> None:
    for error, code in ((kind("x", code="E204"), "E204"), (kind("x"), kind.default_code)):
        assert pickle.loads(pickle.dumps(error)).code == code  # noqa: S301 - our own


def test_several_errors_have_the_code_of_the_first() -> None:
    assert Faults([ConfigError("x", code="E204"), ConfigError("y")]).code == "E204"


def test_what_tells_more_is_said_once_and_left_out_when_quiet(cli: Cli) -> None:
    cli.write("job.toml", "[run]\nthread = 1\npolic = 2\n")
    said = cli.refuses("config", "check", "job.toml")
    assert said.count("gpucore explain") == 1
    assert said.splitlines()[-1] == (
        "2 problems, all shown above; `gpucore explain E204` tells more"
    )
    assert "explain" not in cli.refuses("map", "copi", "a.tif", "-o", "out", "-q")


@pytest.mark.parametrize("text", ["E204", "e204", "204"])
def test_a_code_is_explained_however_it_is_written(cli: Cli, text: str) -> None:
    ran = cli("explain", text)
    assert ran.code == 0
    assert ran.out.startswith("# E204: unknown key\n")
    assert "`job.toml`:" in ran.out
    assert "<!--" not in ran.out
    assert "](" not in ran.out


def test_an_unknown_code_is_answered_with_the_nearest(cli: Cli) -> None:
    said = cli.refuses("explain", "E298")
    assert "there is no code `E298`" in said
    assert "did you mean `E2" in said


def test_within_an_output_folder_a_number_is_the_end_of_a_steps_name(cli: Cli) -> None:
    (cli.folder / ".gpucore").mkdir()
    assert "there is no journal" in cli("explain", "204").err
    assert cli("explain", "E204").out.startswith("# E204")


def test_a_code_is_explained_as_an_object(cli: Cli) -> None:
    told = json.loads(cli("explain", "E204", "--json").out)
    assert told["schema"] == "gpucore.code/1"
    assert (told["code"], told["title"]) == ("E204", "unknown key")
    assert told["page"].startswith("# E204: unknown key\n")


def test_all_codes_are_listed(cli: Cli) -> None:
    shown = cli("explain", "--codes").out.splitlines()[1:]
    assert [line.split()[0] for line in shown] == list(codes.codes())
    told = json.loads(cli("explain", "--codes", "--json").out)["codes"]
    assert [one["code"] for one in told] == list(codes.codes())
    assert {"code": "E204", "title": "unknown key"} in told


def test_a_shell_completes_codes(cli: Cli) -> None:
    from click import Context  # noqa: PLC0415 - only this test

    from gpucore.cli.explain_verb import command  # noqa: PLC0415 - as above

    found = command.params[0].shell_complete(Context(command), "e20")
    assert [one.value for one in found if re.match("E", one.value)] == [
        code for code in codes.codes() if code.startswith("E20")
    ]
    assert not [one for one in command.params[0].shell_complete(Context(command), "")
                if re.match(r"E\d", one.value)]  # fmt: skip


NESTED = """
params = { a = "voltage", voltage = 3, "my key" = 4 }
list = [1, "two, [", 3,
  # x, y
  4, { a = 1 }, { a = 2 }]
argv = [{ when = "gpu", args = ["x", "y"] }, { when = "cpu", args = ["x", 3] }]
[[stage]]
deep.er = 1
[program."x.y".env]
K = 3
"""


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        (("params", "voltage"), "voltage = 3"),
        (("params", "my key"), 'my key" = 4'),
        (("list", 1), '"two, ["'),
        (("list", 3), "4, { a = 1 }"),
        (("list", 5, "a"), "a = 2"),
        (("argv", 1, "when"), 'when = "cpu"'),
        (("argv", 1, "args", 1), "3] }]"),
        (("stage", 0, "deep", "er"), "er = 1"),
        (("program", "x.y", "env"), "env]"),
        (("program", "x.y", "env", "K"), "K = 3"),
    ],
)
def test_a_key_or_element_is_placed_to_the_character(
    tmp_path: Path, path: tuple[str | int, ...], meant: str
) -> None:
    place = parse_toml(tmp_path / "a.toml", NESTED).place(path)
    assert place.source[place.column - 1 :].startswith(meant)
    assert meant.startswith(place.source[place.column - 1 :][: place.width])


@pytest.mark.slow
@pytest.mark.parametrize(("more", "coloured"), [((), True), (("--no-color",), False)])
def test_on_a_terminal_a_page_is_typeset(cli: Cli, more: tuple[str, ...], coloured: bool) -> None:
    env = {key: text for key, text in environment().items() if key != "NO_COLOR"}
    # What a program prints on standard output is data, and no terminal but for this shell.
    call = ["/bin/sh", "-c", 'exec "$@" >&2', "sh", sys.executable, "-m", "gpucore.cli"]
    terminal = OnTerminal([*call, "explain", "E204", *more], cli.folder, env)
    assert terminal.finish() == 0, terminal.text
    assert "# E204" not in terminal.raw  # no Markdown is left
    assert "E204: unknown key" in terminal.raw
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-9]m", terminal.raw)) is coloured
