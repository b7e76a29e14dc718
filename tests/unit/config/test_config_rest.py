"""All faults of a file are told at once: those of its form, and those of what is left without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from toml_adapters import FULL

from gpucore.config import SiteConfig, check_adapter, check_job, check_site, job_faults, parse_toml
from gpucore.errors import Faults, GpucoreError
from gpucore.registry import open_plugins

if TYPE_CHECKING:
    from pathlib import Path

    from gpucore.standard import Adapter

STAGE = '[[stage]]\nname = "{name}"\nadapter = "gctf"\nitems = "*.mrc"\n'
PARAMS = "params = { pixel_size = 1.0 }\n"


@pytest.fixture(scope="module")
def adapters() -> dict[str, Adapter]:
    return {"gctf": open_plugins(SiteConfig()).adapter("gctf")}


def told(errors: list[GpucoreError]) -> list[tuple[str, int]]:
    return [(one.code, one.place.line) for one in errors]


def job_told(tmp_path: Path, text: str, adapters: dict[str, Adapter]) -> list[tuple[str, int]]:
    file = check_job(parse_toml(tmp_path / "job.toml", text), told_later=True)
    return told(job_faults(file, adapters))


def faults_of(error: GpucoreError) -> list[GpucoreError]:
    return list(error.errors) if isinstance(error, Faults) else [error]


def test_a_job_tells_what_its_adapters_find_beside_an_unknown_key(
    tmp_path: Path, adapters: dict[str, Adapter]
) -> None:
    text = f'[run]\nthread = 3\ngpus = "3-0"\n{STAGE.format(name="a")}{PARAMS}'
    text += STAGE.format(name="b") + 'params = { pixel_size = 1.0, apix = "x" }\n'
    assert job_told(tmp_path, text, adapters) == [("E204", 2), ("E101", 3), ("E301", 13)]


def test_what_may_follow_from_a_wrong_key_is_not_told(
    tmp_path: Path, adapters: dict[str, Adapter]
) -> None:
    text = STAGE.format(name="a").replace("items", "itms") + PARAMS
    assert job_told(tmp_path, text, adapters) == [("E204", 4)]
    assert job_told(tmp_path, "[run]\n[[stge]]\nx = 1\n", adapters) == [("E204", 2)]


def test_a_job_that_is_none_without_its_wrong_keys_tells_those(
    tmp_path: Path, adapters: dict[str, Adapter]
) -> None:
    text = STAGE.format(name="a").replace('"gctf"', "3") + "thread = 3\n"
    with pytest.raises(Faults) as caught:
        job_told(tmp_path, text, adapters)
    assert sorted(told(list(caught.value.errors))) == [("E204", 5), ("E207", 3)]


def test_whoever_does_not_ask_for_the_rest_gets_no_job_with_a_fault(tmp_path: Path) -> None:
    with pytest.raises(GpucoreError, match="unknown key `x`"):
        check_job(parse_toml(tmp_path / "job.toml", "x = 1\n"))


def test_settings_tell_all_their_faults(tmp_path: Path) -> None:
    text = 'gpu = "0"\ngpus = "3-0"\nthreads = "3"\nwatch = -1\n'
    with pytest.raises(Faults) as caught:
        check_site(parse_toml(tmp_path / "gpucore.toml", text))
    assert told(list(caught.value.errors)) == [
        ("E204", 1), ("E101", 2), ("E207", 3), ("E209", 4),
    ]  # fmt: skip


def test_an_adapter_tells_all_its_faults_and_no_example_that_follows_from_one(
    tmp_path: Path,
) -> None:
    text = FULL.replace("title = ", 'titel = "x"\ntitle = ', 1)
    text += '\n[[failure]]\nmatch = "("\nclass = "bad_input"\n'
    with pytest.raises(GpucoreError) as caught:
        check_adapter(parse_toml(tmp_path / "full.toml", text))
    codes = [one.code for one in faults_of(caught.value)]
    assert codes[0] == "E204"
    assert "E409" in codes
    assert "E408" not in codes
