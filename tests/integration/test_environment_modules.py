"""Programs that are started through a real installation of Environment Modules."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from programs import script, shell
from real_programs import opener, require

from gpucore.config import ProgramConfig
from gpucore.errors import ProgramError
from gpucore.standard import GpuUse, StepState

if TYPE_CHECKING:
    from pathlib import Path

    from gpucore.executor import StepExecutor

MODULE = """#%Module1.0
conflict old
prepend-path PATH {bin}
setenv PROG_DATA {{{data}}}
setenv CUDA_VISIBLE_DEVICES 7
"""
DATA = 'a  b "c" $x `y` ; \\n ü'


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of modules, `prog/1.2` and `old/1` in it, that `module` looks into."""
    require("modulecmd", "apt-get install -y --no-install-recommends environment-modules")
    for name in [one for one in os.environ if one.startswith(("MODULE", "LMOD", "LOADED", "_LM"))]:
        monkeypatch.delenv(name)
    folder, programs = tmp_path / "modules", tmp_path / "bin"
    programs.mkdir()
    script(programs / "prog", 'exec /bin/sh "$@"')
    (folder / "prog").mkdir(parents=True)
    (folder / "prog" / "1.2").write_text(MODULE.format(bin=programs, data=DATA), encoding="utf-8")
    (folder / "old").mkdir()
    (folder / "old" / "1").write_text("#%Module1.0\nsetenv OLD 1\n", encoding="utf-8")
    monkeypatch.setenv("MODULEPATH", str(folder))
    return tmp_path


def open_with(folder: Path, *names: str) -> StepExecutor:
    told = ProgramConfig(executable="prog", module_load=names)
    return opener(folder, {"probe": told})(gpus="1")


def test_a_program_of_a_module_runs_with_what_the_module_sets_and_its_own_gpus(
    modules: Path,
) -> None:
    probe = shell(use=GpuUse.COMPULSORY)
    text = 'printf "%s\\n" "$PROG_DATA" "${CUDA_VISIBLE_DEVICES-none}" "$LOADEDMODULES" "$@" >seen'
    with open_with(modules, "prog/1.2") as executor:
        outcome = executor.submit(probe, text=text, out=None).result(timeout=60)
    assert outcome.state is StepState.DONE
    seen = (modules / "seen").read_text(encoding="utf-8").splitlines()
    assert seen == [DATA, "none", "prog/1.2", "1"]


@pytest.mark.parametrize(
    ("names", "failing"),
    [(("none/3",), "none/3"), (("prog", "none"), "none"), (("old", "prog/1.2"), "prog/1.2")],
)
def test_a_module_that_does_not_load_is_told_before_anything_is_started(
    modules: Path, names: tuple[str, ...], failing: str
) -> None:
    with (
        open_with(modules, *names) as executor,
        pytest.raises(ProgramError, match=f"the module `{failing}` does not load") as caught,
    ):
        executor.submit(shell(use=GpuUse.COMPULSORY), text="true")
    assert f"module load {' '.join(names)}" in caught.value.hint
