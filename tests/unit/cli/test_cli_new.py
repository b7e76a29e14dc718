"""`gpucore new adapter`, and adapters shown in other forms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from gpucore.config import parse_toml

if TYPE_CHECKING:
    from command_line import Cli


def test_a_new_adapter_is_fine_and_runs_a_plan_as_it_is(cli: Cli) -> None:
    ran = cli("new", "adapter", "sharpen")
    assert (ran.code, ran.out) == (0, "sharpen.toml\n")
    assert "gpucore config check sharpen.toml" in ran.err
    assert (
        cli("config", "check", "sharpen.toml").out == "sharpen.toml: the adapter sharpen is fine\n"
    )
    plan = cli("map", "sharpen", "--adapter", "sharpen.toml", "a.tif", "-o", "out", "--gpus", "1",
               "--plan")  # fmt: skip
    assert plan.lines[0].endswith("--out out/a_sharpen.mrc --strength 0.5 --gpu 1")


def test_a_new_package_has_entry_point_adapter_and_tests(cli: Cli) -> None:
    ran = cli("new", "adapter", "my-prog", "--package", "-o", "sub")
    assert (ran.code, ran.out) == (0, "sub/gpucore-my-prog\n")
    folder = cli.folder / "sub" / "gpucore-my-prog"
    files = {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}
    assert files == {
        "pyproject.toml", "README.md", "gpucore_my_prog.py", "tests/test_gpucore_my_prog.py",
    }  # fmt: skip
    project = parse_toml(Path("pyproject.toml"), (folder / "pyproject.toml").read_text()).data
    assert project["project"]["entry-points"]["gpucore"] == {"my-prog": "gpucore_my_prog"}
    for file in files:
        text = (folder / file).read_text()
        assert "$name" not in text
        assert "$module" not in text


def test_what_is_there_already_is_not_touched(cli: Cli) -> None:
    cli.write("sharpen.toml", "mine\n")
    assert "`sharpen.toml` is there already" in cli.refuses("new", "adapter", "sharpen")
    cli.write("gpucore-sharpen/README.md", "mine\n")
    assert "is there already" in cli.refuses("new", "adapter", "sharpen", "--package")


@pytest.mark.parametrize("name", ["Sharpen", "2d", "a b", "../x", "", "a-", "a/b", "é", "$name"])
def test_what_is_no_adapters_name_is_refused(cli: Cli, name: str) -> None:
    for kind in ((), ("--package",)):
        assert "is no adapter's name" in cli.refuses("new", "adapter", *kind, "--", name)


def test_a_folder_that_cannot_be_written_is_told(cli: Cli) -> None:
    cli.write("file")
    assert "cannot be written" in cli.refuses("new", "adapter", "sharpen", "-o", "file/below")


def test_an_adapter_shown_as_toml_is_an_adapter_file(cli: Cli) -> None:
    shown = cli("adapters", "show", "copy", "--adapter", "copy.toml", "--toml")
    assert shown.code == 0
    cli.write("again.toml", shown.out)
    assert cli("config", "check", "again.toml").out == "again.toml: the adapter copy is fine\n"
    again = cli("adapters", "show", "copy", "--adapter", "again.toml", "--toml")
    assert again.out == shown.out


def test_the_schema_of_a_form_is_one_json_document(cli: Cli) -> None:
    schema = json.loads(cli("adapters", "show", "gctf", "--schema").out)
    Draft202012Validator.check_schema(schema)
    assert list(schema["properties"]["execution"]["properties"]) == ["threads", "GPU_LIST"]
    assert schema["properties"]["params"]["required"] == ["mic", "pixel_size"]


@pytest.mark.parametrize(
    "forms", [("--json", "--toml"), ("--json", "--schema"), ("--toml", "--schema")]
)
def test_one_form_at_a_time(cli: Cli, forms: tuple[str, str]) -> None:
    assert "do not go together" in cli.refuses("adapters", "show", "gctf", *forms)
