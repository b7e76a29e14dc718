"""Where a program is looked for, and what is said when it is not there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from programs import script, shell

from gpucore.errors import ProgramError
from gpucore.system.programs import find_program


def test_a_program_is_found_on_the_path_of_the_run(tmp_path):
    found = script(tmp_path / "prog", "true")
    environment = {"PATH": f"/nowhere:{tmp_path}"}
    assert find_program(shell(executable="prog"), "", environment) == found


def test_what_the_site_says_comes_first(tmp_path):
    script(tmp_path / "prog", "true")
    mine = script(tmp_path / "mine", "true")
    environment = {"PATH": str(tmp_path)}
    assert find_program(shell(executable="prog"), mine, environment) == mine
    assert find_program(shell(executable="prog"), "mine", environment) == mine


def test_programs_beside_this_python_are_found_last():
    name = Path(sys.executable).name
    found = find_program(shell(executable=name), "", {"PATH": "/nowhere"})
    assert found == str(Path(sys.executable).parent / name)


@pytest.mark.parametrize("path", ["tools", "."])
def test_what_is_found_below_the_working_directory_is_absolute(tmp_path, monkeypatch, path):
    (tmp_path / path).mkdir(exist_ok=True)
    found = script(tmp_path / path / "prog", "true")
    monkeypatch.chdir(tmp_path)
    assert find_program(shell(executable="prog"), "", {"PATH": path}) == found
    assert find_program(shell(executable="x"), f"{path}/prog", {"PATH": ""}) == found


def test_a_program_that_is_not_there_is_named_with_where_it_was_looked_for():
    with pytest.raises(ProgramError) as caught:
        find_program(shell("probe", executable="no-prog"), "", {"PATH": "/nowhere"})
    assert "`no-prog`" in caught.value.what
    assert "/nowhere" in caught.value.what
    assert "it comes with the tests" in caught.value.hint
    assert '[program.probe] executable = "/path/to/no-prog"' in caught.value.hint
    assert caught.value.where == "adapter probe"


def test_a_program_that_is_not_where_the_site_says_is_not_looked_for_elsewhere(tmp_path):
    script(tmp_path / "prog", "true")
    (tmp_path / "text").write_text("no program")
    for told in ("/nowhere/prog", str(tmp_path / "text"), str(tmp_path)):
        with pytest.raises(ProgramError, match="toml names it") as caught:
            find_program(shell(executable="prog"), told, {"PATH": str(tmp_path)})
        assert told in caught.value.what


def test_an_empty_path_is_said_to_be_empty():
    with pytest.raises(ProgramError, match="which is empty"):
        find_program(shell(executable="no-prog"), "", {"PATH": ""})
