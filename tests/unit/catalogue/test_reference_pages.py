"""What the reference pages say of commands and keys comes from these; the rest of a page stays."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from catalogue import commands, keys
from catalogue.blocks import END, begin, own_part, with_block
from catalogue.bounds import bound

from gpucore.cli.entry import VERBS
from gpucore.config import SiteConfig
from gpucore.config.job import RunTable, Stage, StepTable
from gpucore.config.watch import WatchTable

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
CLI = (REFERENCE / "cli.md").read_text(encoding="utf-8")
CONFIGURATION = (REFERENCE / "configuration.md").read_text(encoding="utf-8")


def below(page: str, title: str) -> str:
    """Return the text below a heading."""
    part = own_part(page, title)
    assert part is not None
    return page[slice(*part)]


def row(page: str, title: str, name: str) -> list[str]:
    """Return the cells of the row that begins with a name."""
    (line,) = re.findall(rf"^\| `{re.escape(name)}`.*$", below(page, title), re.MULTILINE)
    return [cell.strip() for cell in line.split("|")[1:-1]]


def test_a_table_by_hand_is_replaced_and_what_is_around_it_stays() -> None:
    page = "# A\n\nBefore.\n\n| key | b |\n|---|---|\n| c | d |\n\nAfter.\n\n# B\n\n| key |\n"
    made = with_block(page, "A", "| key |", "x", ["| new |"])
    assert made == (
        f"# A\n\nBefore.\n\n{begin('x')}\n\n| new |\n\n{END}\n\nAfter.\n\n# B\n\n| key |\n"
    )
    assert with_block(made, "A", "| key |", "x", ["| new |"]) == made
    again = with_block(made, "A", "| key |", "x", ["| newer |"])
    assert again == made.replace("| new |", "| newer |")


def test_what_is_generated_comes_before_the_first_example() -> None:
    page = "## A\n\nText.\n\n<!-- not run: x -->\n```console\n$ a\n```\n"
    made = with_block(page, "A", "| key |", "x", ["| new |"])
    assert made.index("Text.") < made.index("| new |") < made.index("<!-- not run")


def test_a_page_without_the_heading_is_refused() -> None:
    with pytest.raises(ValueError, match="no heading 'A'"):
        with_block("# B\n", "A", "| key |", "x", [])


def test_a_verb_without_a_section_is_given_one(monkeypatch: pytest.MonkeyPatch) -> None:
    group = click.Group("new", help="Begin it.", params=[click.Option(["--a"], help="An a.")])
    group.add_command(click.Command("deep", params=[click.Argument(["x"], metavar="DIR")]))
    known = [("map", click.Command("map")), ("new", group), ("new deep", group.commands["deep"])]
    monkeypatch.setattr(commands, "verbs", lambda: known)
    page = "# Command line\n\n## `gpucore map`\n\n| `DIR` | the folder |\n\n## JSON\n\nRest.\n"
    made = commands.with_commands(page)
    assert re.findall("^#+ .*$", made, re.MULTILINE) == [
        "# Command line",
        "## `gpucore map`",
        "## `gpucore new`",
        "### `gpucore new deep`",
        "## JSON",
    ]
    assert "Begin it." in below(made, "`gpucore new`")
    assert row(made, "`gpucore new`", "--a") == ["`--a`", "`TEXT`", "An a"]
    assert row(made, "`gpucore new deep`", "DIR") == ["`DIR`", "", "the folder"]
    assert commands.with_commands(made) == made


def test_every_verb_has_a_section_and_a_line_in_the_list() -> None:
    for name, _ in commands.verbs():
        assert own_part(CLI, f"`gpucore {name}`"), name
    for name in VERBS:
        assert f"| [{name}](#gpucore-{name}) |" in below(CLI, "Command line")


def test_an_option_is_told_with_its_value_bound_and_default() -> None:
    assert row(CLI, "`gpucore map`", "-o") == [
        "`-o`, `--output`", "`DIR`", "Folder for the outputs; must be given",
    ]  # fmt: skip
    assert row(CLI, "`gpucore map`", "--retries")[1] == "`N`, from 0"
    assert row(CLI, "`gpucore map`", "--time-limit")[1] == "`SECONDS`, above 0"
    assert row(CLI, "`gpucore map`", "--sharing")[1] == "`adapter`, `repeat`, `never`"
    assert row(CLI, "`gpucore exec`", "--gpus")[2] == "How many GPUs; `1` by default"


def test_a_verb_is_told_with_its_usage_and_the_objects_that_it_prints() -> None:
    text = below(CLI, "`gpucore map`")
    assert "Usage: `gpucore map [OPTIONS] ADAPTER FILES...`" in text
    assert "[`gpucore.run/1`](json.md#gpucorerun1)" in text
    assert "[`gpucore.plan/1`](json.md#gpucoreplan1)" in text


@pytest.mark.parametrize("words", [words for _, words in commands.LINKS])
def test_words_of_an_option_that_are_a_link_are_on_the_page(words: str) -> None:
    assert f"[{words}](" in CLI


def test_a_key_is_told_with_its_default_and_where_else_it_is_said() -> None:
    assert row(CONFIGURATION, "`gpucore.toml`", "gpus")[1:4] == [
        "text", '`"auto"`', "`GPUCORE_GPUS`, [`[run]`](#run), `--gpus`",
    ]  # fmt: skip
    assert row(CONFIGURATION, "`[[stage]]`", "name")[2] == "must be given"
    assert row(CONFIGURATION, "`job.toml`", "schema")[1] == "`1`"


@pytest.mark.parametrize(("kind", "key", "words"), list(keys.LINKS))
def test_words_of_a_key_that_are_a_link_are_on_the_page(kind: type, key: str, words: str) -> None:
    (title,) = (title for title, (_, one) in keys.TABLES.items() if one is kind)
    assert f"[{words}](" in row(CONFIGURATION, title, key)[-1]


@pytest.mark.parametrize(
    ("table", "key", "number", "told"),
    [
        (SiteConfig, "threads", int, "from 1"),
        (SiteConfig, "watch", float, "from 0"),
        (SiteConfig, "shares", int, ""),
        (RunTable, "threads", int, "from 1"),
        (Stage, "batch", int, "from 1"),
        (Stage, "gpus", int, "from 1"),
        (Stage, "time_limit", float, "above 0"),
        (WatchTable, "settle", float, "above 0"),
        (StepTable, "retries", int, "from 0"),
    ],
)
def test_a_bound_is_what_a_file_is_refused_below(
    table: type, key: str, number: type, told: str
) -> None:
    assert bound(table, key, number) == told


def test_a_key_that_cannot_be_tried_has_no_bound() -> None:
    with pytest.raises(ValueError, match="`typo` = 1 is refused in Stage"):
        bound(Stage, "typo", int)
