"""`gpucore adapters check`: which programs are here, as the site starts them."""

from __future__ import annotations

import json
import os

import pytest
from engines import engine, told
from programs import script

from gpucore import inspection
from gpucore.config import parse_toml
from gpucore.config.site import check_site

VERSIONED = """
name = "tool"
title = "tool: a stand-in"
program = { executable = "the-tool", version = { args = ["--version"], regex = 'v([0-9.]+)' } }
[command]
argv = ["%(EXE)s"]
"""


@pytest.fixture
def tool(cli, tmp_path, monkeypatch):
    """Return the folder for programs, with an adapter `tool` that can be asked for its version."""
    cli.write("tool.toml", VERSIONED)
    cli.write("gpucore.toml", 'adapters = ["tool.toml"]\n')
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_a_program_is_found_with_its_version(cli, tool):
    path = script(tool / "the-tool", 'echo "tool v1.2.3 ($1) [$CUDA_VISIBLE_DEVICES]"')
    ran = cli("adapters", "check", "tool")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[1].split() == ["tool", "yes", "1.2.3", path]
    row = json.loads(cli("adapters", "check", "tool", "--json").out)["programs"][0]
    assert row == {
        "adapter": "tool", "found": True, "program": path, "how": "", "version": "1.2.3",
        "note": "", "hint": "", "set": "",
    }  # fmt: skip


def test_a_program_that_is_not_found_is_told_with_what_to_set(cli, tool):
    ran = cli("adapters", "check", "tool")
    assert ran.code == 1
    assert ran.out.splitlines()[1].split() == ["tool", "no", "-", "the-tool"]
    assert "`the-tool` was not found" in ran.err
    row = json.loads(cli("adapters", "check", "tool", "--json").out)["programs"][0]
    assert row["set"] in ran.err
    site = check_site(parse_toml(cli.folder / "gpucore.toml", row["set"]))
    assert site.program["tool"].executable == "/path/to/the-tool"


def test_without_a_name_a_missing_program_is_no_failure(cli, tool):
    script(tool / "the-tool", "echo v2")
    ran = cli("adapters", "check")
    assert ran.code == 0
    rows = {line.split()[0]: line.split()[1:3] for line in ran.out.splitlines()[1:]}
    assert rows["tool"] == ["yes", "2"]
    assert rows["gctf"] == ["no", "-"]
    assert "`gpucore adapters check NAME` says why" in ran.err


def test_of_several_that_are_named_all_must_be_there(cli, tool):
    script(tool / "the-tool", "echo v2")
    ran = cli("adapters", "check", "tool", "gctf")
    assert ran.code == 1
    assert [line.split()[0] for line in ran.out.splitlines()[1:]] == ["tool", "gctf"]


def test_an_adapter_that_is_not_known_is_refused_with_the_nearest(cli, tool):
    assert "did you mean `tool`?" in cli.refuses("adapters", "check", "tol")


def test_a_program_that_tells_no_version_without_a_gpu_is_found_all_the_same(cli, tool):
    script(tool / "the-tool", "echo no CUDA device; exit 7")
    ran = cli("adapters", "check", "tool")
    assert ran.code == 0
    assert ran.out.splitlines()[1].split()[:3] == ["tool", "yes", "-"]
    assert "exit code 7" in ran.err
    assert "some programs need a GPU even for that" in ran.err


def test_a_program_that_hangs_is_ended(cli, tool, monkeypatch):
    monkeypatch.setattr(inspection, "LIMIT", 0.2)
    script(tool / "the-tool", "exec sleep 1000")
    ran = cli("adapters", "check", "tool")
    assert ran.code == 0
    assert "did not tell its version within 0.2 seconds" in ran.err


def test_a_program_that_cannot_be_asked_is_said_to_be_so(cli, tool):
    ran = cli("adapters", "check", "copy", "--adapter", "copy.toml")
    assert ran.code == 0
    assert "cannot be asked for its version" in ran.err


def test_a_program_in_an_image_is_asked_there_and_no_image_is_fetched(cli, tool):
    record = engine(tool, "docker")
    script(tool / "the-tool", "echo v3.1")
    cli.write("site.toml", "program.tool.container = { engine = 'docker', image = 'lab/tool:3' }\n")
    ran = cli("adapters", "check", "tool", "--config", "site.toml")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[1].split() == [
        "tool", "yes", "3.1", "docker", "lab/tool:3", "the-tool",
    ]  # fmt: skip
    (call,) = told(record)
    assert call["command"] == ["the-tool", "--version"]
    assert "--pull=never" in call["options"]
    assert "--gpus" not in call["options"]


def test_a_program_that_its_image_lacks_is_not_found(cli, tool):
    engine(tool, "apptainer")
    cli.write(
        "site.toml",
        "program.tool = { executable = 'missing', container = { image = '/i.sif' } }\n",
    )
    ran = cli("adapters", "check", "tool", "--config", "site.toml")
    assert ran.code == 1
    assert 'apptainer did not start it in `/i.sif`: "missing"' in ran.err


def test_a_module_that_does_not_load_is_the_reason(cli, tool, monkeypatch):
    monkeypatch.setenv("LMOD_CMD", script(tool / "lmod", "echo unknown >&2; exit 1"))
    script(tool / "the-tool", "echo v3.1")
    cli.write("site.toml", "program.tool.module_load = ['tool/3']\n")
    ran = cli("adapters", "check", "tool", "--config", "site.toml")
    assert ran.code == 1
    assert "the module `tool/3` does not load: unknown" in ran.err
    assert "module tool/3" in ran.out


def test_a_plan_shows_the_whole_command_and_needs_no_engine(cli, tool):
    cli.write(
        "site.toml",
        "program.gctf = { env = { LICENCE = 'a b' }, executable = 'Gctf_v2', container = "
        "{ engine = 'docker', image = 'lab/gctf:2', options = ['--ipc=host'] } }\n",
    )
    ran = cli("map", "gctf", "a.tif", "-o", "out", "--gpus", "3", "--devices", "simulated:4",
              "--set", "pixel_size=1", "--plan", "--config", "site.toml")  # fmt: skip
    assert ran.code == 0, ran.err
    (line,) = ran.lines
    assert "LICENCE='a b'" in line
    assert " docker run --rm --init --name=gpucore-plan-" in line
    assert "--gpus '\"device=GPU-00000003-0000-4000-8000-000000000000\"' " in line
    assert "--ipc=host --entrypoint=Gctf_v2 lab/gctf:2 " in line
    assert "--gid 0 " in line
