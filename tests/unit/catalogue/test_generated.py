"""What is generated from the adapters is up to date, and says what they say."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import gpucore_adapters
import pytest
from catalogue import files
from catalogue.evidence import Evidence, read_evidence
from catalogue.index import BEGIN, END, with_programs
from catalogue.keys import TABLES
from catalogue.manifest import forgotten, manifest_text, offered
from catalogue.pages import adapter_text
from toml_adapters import full

from gpucore.config import check_job, job_faults, parse_toml
from gpucore.plugins import AdapterEntry

if TYPE_CHECKING:
    from gpucore.standard import Adapter

ROOT = Path(__file__).parents[3]
NOTHING = Evidence(runs={}, live=frozenset())
PAGE = adapter_text(full(), NOTHING)


@pytest.fixture(scope="module")
def adapters() -> list[tuple[str, Adapter]]:
    return offered()


@pytest.mark.slow
def test_all_that_is_generated_is_up_to_date() -> None:
    wrong = [str(path.relative_to(ROOT)) for path in files.differences(ROOT)]
    assert not wrong, "write them again: make catalogue"


@pytest.mark.slow
def test_every_adapter_that_is_written_is_offered(adapters: list[tuple[str, Adapter]]) -> None:
    assert not forgotten(adapters)
    assert len(forgotten(adapters[1:])) >= 1


@pytest.mark.slow
def test_the_manifest_says_what_every_module_offers(adapters: list[tuple[str, Adapter]]) -> None:
    entries = gpucore_adapters.read_manifest(manifest_text(adapters))
    assert {one.name: one for one in entries} == {
        adapter.name: AdapterEntry.of(adapter, module) for module, adapter in adapters
    }


@pytest.mark.slow
def test_every_example_of_a_page_is_a_job_without_faults(
    adapters: list[tuple[str, Adapter]],
) -> None:
    known = {adapter.name: adapter for _, adapter in adapters}
    for name, adapter in known.items():
        text = (ROOT / "docs" / "adapters" / f"{name}.md").read_text(encoding="utf-8")
        jobs = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        assert len(jobs) == len(adapter.example)
        for job, example in zip(jobs, adapter.example, strict=True):
            read = check_job(parse_toml(Path(f"{name}.toml"), job))
            assert not job_faults(read, known), name
            assert dict(read.job.step[0].params) == dict(example.params)


def test_a_field_that_cannot_stand_in_a_line_is_refused() -> None:
    class Odd:
        name = "odd"
        title = "a\tb"
        gpu = full().gpu
        program = full().program

    with pytest.raises(ValueError, match="a field of `odd` cannot stand in a line"):
        manifest_text([("m", Odd())])  # type: ignore[list-item]


@pytest.mark.slow
def test_what_is_missing_stale_or_no_more_is_found(tmp_path: Path) -> None:
    (tmp_path / "tests" / "recordings" / "motioncor3" / "good").mkdir(parents=True)
    (tmp_path / "tests" / "integration").mkdir()
    (tmp_path / "tests" / "integration" / "test_live_adapters.py").write_text(
        'class TestGctf:\n    adapter = "gctf"\n'
    )
    (tmp_path / "README.md").write_text(f"a\n{BEGIN}\nold\n{END}\nb\n")
    old = tmp_path / "docs" / "adapters" / "old.md"
    old.parent.mkdir(parents=True)
    old.write_text("old")
    reference = tmp_path / "docs" / "reference"
    reference.mkdir()
    (reference / "cli.md").write_text("# Command line\n\n## JSON\n")
    (reference / "errors.md").write_text("# Errors\n\n## Codes\n")
    (reference / "configuration.md").write_text("\n".join(f"## {title}\n" for title in TABLES))
    wrong = files.differences(tmp_path)
    assert wrong.pop(old) is None
    assert wrong == files.generated(tmp_path)
    for path, text in wrong.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text or "", encoding="utf-8")
    assert files.differences(tmp_path) == {old: None}
    assert (tmp_path / "README.md").read_text().startswith(f"a\n{BEGIN}\n\n")
    page = (tmp_path / "docs" / "adapters" / "motioncor3.md").read_text()
    assert "recorded](../howto/prove-an-adapter.md#levels): a recorded run of the program" in page


def test_the_readme_tells_each_family_once_and_how_many_programs_of_it() -> None:
    other = SimpleNamespace(name="other", family="", title="other: something_else")
    told = with_programs(f"{BEGIN}{END}.", [full(), other, full()])  # type: ignore[list-item]
    assert told == f"{BEGIN}\n\n3 programs have an adapter: Full (2), other.\n\n{END}."


def test_a_readme_without_the_marks_is_no_place_for_them() -> None:
    with pytest.raises(ValueError, match=r"README\.md does not hold"):
        with_programs("no marks", [full()])


def test_the_levels_are_read_from_the_tests() -> None:
    evidence = read_evidence(ROOT)
    assert evidence.level("powerfit") == "live"
    assert evidence.level("gctf") == "recorded"
    assert NOTHING.level("gctf") == "basic"
    assert evidence.told("relion_class2d").endswith("; the program itself is run")


@pytest.mark.parametrize(
    "part",
    [
        "# full\n",
        "| family | Full |",
        "| homepage | <https://example.org/full> |",
        "| memory | 8192 MiB on each GPU; more for larger boxes |",
        "| more GPUs | change the result: the batch is multiplied |",
        "The program is done when a line that it prints fits `done`.",
        "## Failures",
        "In `conf.json`:",
        "Not verified:",
    ],
)
def test_a_page_tells_every_fact(part: str) -> None:
    assert part in PAGE


def test_every_parameter_and_output_has_its_row() -> None:
    for name in full().params:
        assert re.search(rf"^\| `{name}` \| \w", PAGE, re.MULTILINE), name
    for output in full().output:
        assert re.search(rf"^\| `{output.name}` \| ", PAGE, re.MULTILINE), output.name
