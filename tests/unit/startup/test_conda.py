"""Conda environments are found and activated as conda does it, without conda."""

from __future__ import annotations

import json

import pytest

from gpucore.errors import ProgramError
from gpucore.system.conda import activate_conda, find_prefix


def prefix(path):
    (path / "conda-meta").mkdir(parents=True)
    (path / "bin").mkdir()
    return path


@pytest.fixture
def home(tmp_path):
    (tmp_path / ".conda").mkdir()
    return {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}


def test_an_environment_is_activated_by_its_path(tmp_path, home):
    env = prefix(tmp_path / "envs" / "cryolo")
    made = activate_conda(str(env), home)
    assert made == {
        **home,
        "PATH": f"{env}/bin:/usr/bin:/bin",
        "CONDA_PREFIX": str(env),
        "CONDA_DEFAULT_ENV": "cryolo",
        "CONDA_SHLVL": "1",
    }


def test_it_takes_the_place_of_an_environment_that_is_active(tmp_path, home):
    outer, env = prefix(tmp_path / "envs" / "outer"), prefix(tmp_path / "mine")
    active = {**home, "PATH": f"{outer}/bin:/bin", "CONDA_PREFIX": str(outer), "CONDA_SHLVL": "1"}
    made = activate_conda(str(env), active)
    assert made["PATH"] == f"{env}/bin:/bin"
    assert made["CONDA_PREFIX_1"] == str(outer)
    assert made["CONDA_SHLVL"] == "2"
    assert made["CONDA_DEFAULT_ENV"] == str(env)


def test_variables_of_packages_and_of_the_environment_are_set(tmp_path, home):
    env = prefix(tmp_path / "env")
    (env / "etc/conda/env_vars.d").mkdir(parents=True)
    (env / "etc/conda/env_vars.d/a.json").write_text(json.dumps({"A": "package", "B": "$x `y`\n"}))
    state = {"env_vars": {"A": "own", "GONE": "***unset***"}}
    (env / "conda-meta/state").write_text(json.dumps(state))
    made = activate_conda(str(env), home)
    assert (made["A"], made["B"]) == ("own", "$x `y`\n")
    assert "GONE" not in made


def test_activation_scripts_are_read_in_order_and_know_the_environment(tmp_path, home):
    env = prefix(tmp_path / "env")
    scripts = env / "etc/conda/activate.d"
    scripts.mkdir(parents=True)
    (scripts / "1.sh").write_text('export DATA="$CONDA_PREFIX/share $(echo made)"; echo said\n')
    (scripts / "2.sh").write_text('export DATA="$DATA, twice"; unset PROXY\nset -- lost\n')
    (scripts / "3.csh").write_text("setenv WRONG 1\n")
    made = activate_conda(str(env), {**home, "PROXY": "x"})
    assert made["DATA"] == f"{env}/share made, twice"
    assert "PROXY" not in made
    assert "WRONG" not in made


def test_a_script_that_ends_the_shell_is_told(tmp_path, home):
    env = prefix(tmp_path / "env")
    (env / "etc/conda/activate.d").mkdir(parents=True)
    (env / "etc/conda/activate.d/a.sh").write_text("echo no licence >&2; exit 3\n")
    with pytest.raises(ProgramError, match=r"a\.sh.* exit code 3: no licence"):
        activate_conda(str(env), home)


@pytest.mark.parametrize("text", ["{", "[1]", "\xff"])
def test_variables_that_cannot_be_read_are_told_with_their_file(tmp_path, home, text):
    env = prefix(tmp_path / "env")
    (env / "conda-meta/state").write_text(text, encoding="latin-1")
    with pytest.raises(ProgramError) as caught:
        activate_conda(str(env), home)
    assert caught.value.where == f"{env}/conda-meta/state"


@pytest.mark.parametrize(
    ("variable", "value", "at"),
    [
        ("CONDA_EXE", "{0}/conda/bin/conda", "conda/envs/cryolo"),
        ("PATH", "{0}/conda/bin", "conda/envs/cryolo"),
        ("MAMBA_ROOT_PREFIX", "{0}/mamba", "mamba/envs/cryolo"),
        ("CONDA_ENVS_PATH", "/nowhere:{0}/shared", "shared/cryolo"),
        ("CONDA_ENVS_DIRS", "{0}/shared", "shared/cryolo"),
        ("CONDA_PREFIX", "{0}/other/envs/active", "other/envs/cryolo"),
        ("HOME", "{0}", ".conda/envs/cryolo"),
    ],
)
def test_a_name_is_found_wherever_conda_would_find_it(tmp_path, home, variable, value, at):
    (tmp_path / "conda/bin").mkdir(parents=True)
    (tmp_path / "conda/bin/conda").write_text("#!/bin/sh\n")
    (tmp_path / "conda/bin/conda").chmod(0o755)
    env = prefix(tmp_path / at)
    given = {**home, variable: value.format(tmp_path)}
    assert find_prefix("cryolo", given) == env
    with pytest.raises(ProgramError, match="`topaz` was not found: looked for in"):
        find_prefix("topaz", given)


def test_base_is_the_folder_of_conda_itself(tmp_path, home):
    root = prefix(tmp_path / "conda")
    assert find_prefix("base", {**home, "CONDA_EXE": f"{root}/bin/conda"}) == root


def test_a_name_is_found_on_condas_own_list(tmp_path, home):
    env = prefix(tmp_path / "far" / "cryolo")
    listed = tmp_path / ".conda" / "environments.txt"
    listed.write_text(f"/gone/cryolo\n\n{env}\n{env}\n")
    assert find_prefix("cryolo", home) == env
    second = prefix(tmp_path / "other" / "cryolo")
    listed.write_text(f"{env}\n{second}\n")
    with pytest.raises(ProgramError, match="there are 2 conda environments `cryolo`") as caught:
        find_prefix("cryolo", home)
    assert str(second) in caught.value.what
    assert "give the path" in caught.value.hint


def test_a_folder_that_is_no_environment_is_refused(tmp_path, home):
    with pytest.raises(ProgramError, match="no environment of conda's") as caught:
        find_prefix(str(tmp_path), home)
    assert "conda_env" in caught.value.hint
