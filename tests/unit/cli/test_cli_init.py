"""``init`` and ``config``: a beginning for this machine, settings with their origins, schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator
from programs import script

from gpucore.cli.init_files import job_text
from gpucore.config import SiteConfig, check_job, job_faults, parse_toml, read_toml
from gpucore.registry import open_plugins

if TYPE_CHECKING:
    from command_line import Cli


@pytest.fixture(autouse=True)
def own_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "programs").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))


def test_what_is_begun_passes_every_check_and_can_be_planned(cli: Cli, tmp_path: Path) -> None:
    program = script(tmp_path / "programs" / "Gctf", "exit 0")
    ran = cli("init", "gctf", "--devices", "simulated:2")
    assert (ran.code, ran.out) == (0, "gpucore.toml\njob.toml\n")
    assert "change them as you need, then: gpucore config check job.toml" in ran.err
    text = (cli.folder / "gpucore.toml").read_text()
    assert "#   1  simulated GPU, 24576 MiB  GPU-00000001-" in text
    assert f'# [program.gctf]\n# executable = "{program}"' in text
    for name in ("gpucore.toml", "job.toml"):
        assert cli("config", "check", name).code == 0, name
    cli.write("inputs/a.mrc")
    planned = cli("run", "job.toml", "--plan")
    assert planned.code == 0, planned.err
    assert "Gctf" in planned.out


def test_without_an_adapter_there_is_no_job(cli: Cli) -> None:
    ran = cli("init", "-o", "new folder")
    assert (ran.code, ran.out) == (0, "new folder/gpucore.toml\n")
    assert "then: gpucore config check 'new folder/gpucore.toml'" in ran.err
    text = (cli.folder / "new folder" / "gpucore.toml").read_text()
    assert "# No GPU was found: no NVIDIA driver is installed" in text
    assert "motioncor3" in text
    assert cli("config", "check", "new folder/gpucore.toml").code == 0


def test_nothing_is_written_over(cli: Cli) -> None:
    cli.write("gpucore.toml", 'gpus = "0"\n')
    assert "`gpucore.toml` is there already" in cli.refuses("init")
    assert cli("init", "gctf").out == "job.toml\n"
    assert (cli.folder / "gpucore.toml").read_text() == 'gpus = "0"\n'
    assert "`job.toml` is there already" in cli.refuses("init", "gctf")
    (cli.folder / "gpucore.toml").unlink()
    assert "`job.toml` is there already" in cli.refuses("init", "gctf")
    (cli.folder / "links").mkdir()
    (cli.folder / "links" / "gpucore.toml").symlink_to(cli.folder / "not there")
    assert "is there already" in cli.refuses("init", "-o", "links")


def test_an_adapter_that_is_not_there_and_a_folder_that_cannot_be_made_are_refused(
    cli: Cli,
) -> None:
    assert "did you mean `gctf`?" in cli.refuses("init", "gctff")
    assert "cannot be written" in cli.refuses("init", "-o", "a.tif/new")


def test_an_adapter_of_a_file_is_named_in_what_is_begun(cli: Cli) -> None:
    assert cli("init", "copy", "--adapter", "copy.toml", "-o", "new").code == 0
    begun = read_toml(cli.folder / "new" / "gpucore.toml").data
    assert begun["adapters"] == [f"{cli.folder}/copy.toml"]
    assert cli("config", "check", "new/job.toml").code == 0


@pytest.mark.slow
def test_the_job_of_every_adapter_is_fine() -> None:
    known = open_plugins(SiteConfig()).load_adapters()
    assert len(known) > 100
    for name, adapter in known.items():
        text = job_text(adapter)
        assert not job_faults(check_job(parse_toml(Path("job.toml"), text)), known), name
        for key, param in adapter.params.items():
            assert param.item or param.output or f"\n{key} = " in text or f"# {key} = " in text, key


def test_a_value_is_made_up_where_no_example_shows_one(cli: Cli) -> None:
    text = (cli.folder / "copy.toml").read_text().replace('"copy"', '"more"')
    kinds = (
        'type = "path", suffix = [".mrc"]',
        'type = "string"',
        'type = "int", min = 7',
        'type = "float", above = 1',
        'type = "bool"',
        'type = "choice", choices = ["x"]',
        'type = "int", length = 2, max = 0',
    )
    for place, kind in enumerate(kinds):
        cli.write("more.toml", f'{text}wanted = {{ {kind}, help = "it is wanted" }}\n')
        assert cli("init", "more", "--adapter", "more.toml", "-o", f"new{place}").code == 0
        ran = cli("config", "check", f"new{place}/job.toml")
        assert ran.code == 0, f"{kind}: {ran.err}"


def test_settings_are_shown_with_where_each_comes_from(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli.write(
        "gpucore.toml",
        'gpus = "0 1"\n[program.gctf]\nexecutable = "/opt/Gctf"\n'
        'env = { API_TOKEN = "s3cret", TMPDIR = "/scratch" }\n',
    )
    monkeypatch.setenv("GPUCORE_SHARING", "never")
    place = f"{cli.folder}/gpucore.toml"
    lines = cli("config", "show", "--origin").out.splitlines()
    assert f'gpus = "0 1"  # {place}:1' in lines
    assert 'sharing = "never"  # environment GPUCORE_SHARING' in lines
    assert "# threads is not set  # built-in" in lines
    assert f'program.gctf.env.TMPDIR = "/scratch"  # {place}:4' in lines
    assert f'program.gctf.env.API_TOKEN = "[left out]"  # {place}:4' in lines
    plain = cli("config", "show").out
    assert "#" not in plain.replace("# threads is not set", "").replace("# foreign is not set", "")
    cli.write("again.toml", plain)
    assert cli("config", "check", "again.toml").code == 0
    document = json.loads(cli("config", "show", "--json").out)
    assert document["schema"] == "gpucore.settings/1"
    assert document["files"] == [place]
    assert {"setting": "gpus", "value": "0 1", "origin": f"{place}:1"} in document["settings"]
    assert "s3cret" not in json.dumps(document)


def test_a_setting_in_which_a_terminal_would_find_orders_is_shown_as_codes(cli: Cli) -> None:
    cli.write("gpucore.toml", '[program.gctf]\nexecutable = "/opt/\\u001b[2J\\u202eG"\n')
    out = cli("config", "show").out
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_wrong_settings_are_told_instead_of_shown(cli: Cli) -> None:
    cli.write("gpucore.toml", 'gpu = "0"\n')
    assert "did you mean `gpus`?" in cli.refuses("config", "show")


@pytest.mark.parametrize("form", [(), ("gpucore",), ("job",), ("adapter",)])
def test_schemas_are_printed(cli: Cli, form: tuple[str, ...]) -> None:
    ran = cli("config", "schema", *form)
    assert ran.code == 0
    schema = json.loads(ran.out)
    Draft202012Validator.check_schema(schema)
    assert ("gpus" in schema["properties"]) == (form in {(), ("gpucore",)})


def test_what_is_begun_is_allowed_by_the_schemas(cli: Cli) -> None:
    assert cli("init", "motioncor3").code == 0
    for form, name in (("gpucore", "gpucore.toml"), ("job", "job.toml")):
        schema = json.loads(cli("config", "schema", form).out)
        data = parse_toml(Path(name), (cli.folder / name).read_text()).data
        assert not list(Draft202012Validator(schema).iter_errors(data))
        assert name in schema["title"]
