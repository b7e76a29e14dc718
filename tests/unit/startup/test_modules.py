"""Modules are loaded once, by a shell, and what they leave is what programs start with."""

from __future__ import annotations

import os

import pytest
from programs import script

from gpucore.errors import ProgramError
from gpucore.system import shell_environment
from gpucore.system.shell_environment import load_modules

# What `lmod bash load NAME` prints: shell text that sets variables, or `false` and a message.
LMOD = r"""
[ "$1 $2" = "bash load" ] || exit 9
case "$3" in
  none*) echo "Lmod has detected the following error: unknown module \"$3\"" >&2
         echo false; exit 1 ;;
  *) echo "export PATH='/opt/$3/bin':\"\$PATH\";"
     echo "export LOADEDMODULES=\"\$LOADEDMODULES:$3\";"
     echo "export HOSTILE='a  b \"c\" \$(x) \\ ü
second';"
     echo "unset GONE;" ;;
esac
"""
HOME_OF_MODULES = """
module() { test "$1" = load && export LOADED="$LOADED:$2" && test "$2" != bad; }
set -- lost arguments
echo told the user
"""


@pytest.fixture
def lmod(tmp_path):
    return {"PATH": os.environ["PATH"], "LMOD_CMD": script(tmp_path / "lmod", LMOD)}


def test_lmod_is_asked_by_its_command(lmod):
    before = {**lmod, "GONE": "x", "PWD": "/as/it/was", "KEPT": "\udcff\n"}
    made = load_modules(["cuda/12.1", "motioncor3"], before)
    assert made["PATH"].startswith("/opt/motioncor3/bin:/opt/cuda/12.1/bin:")
    assert made["LOADEDMODULES"] == ":cuda/12.1:motioncor3"
    assert made["HOSTILE"] == 'a  b "c" $(x) \\ ü\nsecond'
    assert "GONE" not in made
    assert (made["PWD"], made["KEPT"]) == ("/as/it/was", "\udcff\n")
    assert not {"_", "SHLVL", "OLDPWD"} & set(made)


def test_a_module_that_does_not_load_is_named_with_what_was_said(lmod):
    with pytest.raises(ProgramError) as caught:
        load_modules(["cuda/12.1", "none/3"], lmod)
    assert "the module `none/3` does not load: Lmod has detected" in caught.value.what
    assert "module load cuda/12.1 none/3" in caught.value.hint


def test_environment_modules_are_found_by_their_home(tmp_path):
    (tmp_path / "init").mkdir()
    (tmp_path / "init/sh").write_text(HOME_OF_MODULES)
    environment = {"PATH": os.environ["PATH"], "MODULESHOME": str(tmp_path)}
    assert load_modules(["a", "b"], environment)["LOADED"] == ":a:b"
    with pytest.raises(ProgramError, match="`bad` does not load: told the user"):
        load_modules(["a", "bad"], environment)


def test_an_old_version_that_fails_with_exit_code_0_is_not_believed(tmp_path):
    (tmp_path / "init").mkdir()
    (tmp_path / "init/sh").write_text(
        "module() { echo \"ModuleCmd_Load.c(213):ERROR:105: Unable to locate '$2'\" >&2; }\n"
    )
    environment = {"PATH": os.environ["PATH"], "MODULESHOME": str(tmp_path)}
    with pytest.raises(ProgramError, match="Unable to locate 'x'"):
        load_modules(["x"], environment)


def test_where_there_are_no_modules_it_is_said_what_to_do(tmp_path, monkeypatch):
    text = shell_environment._MODULES.replace("/etc/profile.d", "/nowhere").replace(
        "/usr/share", "/nowhere"
    )
    monkeypatch.setattr(shell_environment, "_MODULES", text)
    with pytest.raises(ProgramError, match="no environment modules here") as caught:
        load_modules(["x"], {"PATH": os.environ["PATH"]})
    assert "LMOD_CMD" in caught.value.hint
    assert "`executable`" in caught.value.hint


def test_a_name_with_shell_text_in_it_runs_nothing(lmod, tmp_path):
    for name in (f"none$(touch {tmp_path}/made)", f"none; touch {tmp_path}/made", "none`x`'\"\n"):
        with pytest.raises(ProgramError, match="does not load"):
            load_modules([name], lmod)
    assert not (tmp_path / "made").exists()


def test_a_module_that_takes_too_long_is_ended(lmod, tmp_path, monkeypatch):
    monkeypatch.setattr(shell_environment, "LIMIT", 0.2)
    slow = script(tmp_path / "slow", f"echo $$ >{tmp_path}/pid; exec sleep 1000")
    with pytest.raises(ProgramError, match=r"longer than 0\.2 seconds"):
        load_modules(["x"], {**lmod, "LMOD_CMD": slow})


def test_without_bash_the_systems_shell_will_do(lmod):
    made = load_modules(["x"], {**lmod, "PATH": "/nowhere"})
    assert made["PATH"] == "/opt/x/bin:/nowhere"
