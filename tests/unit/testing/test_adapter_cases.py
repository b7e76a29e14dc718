"""What tests of adapters are written with: a parameter may be called as the author likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter_cases import AdapterCase

from gpucore.standard import Adapter, Param, Program, Template

if TYPE_CHECKING:
    from pathlib import Path

ADAPTER = Adapter(
    name="prog",
    title="prog: a program",
    program=Program(executable="prog"),
    command=Template(argv=("%(EXE)s", "%(folder)s", "%(printed)s", "%(text)s", "%(out)s")),
    params={
        "folder": Param(type="string", help="a text"),
        "printed": Param(type="string", help="a text"),
        "text": Param(type="string", help="a text"),
        "out": Param(type="path", output="result.txt", help="result"),
    },
)
CASE = AdapterCase(ADAPTER, gpus=())
TOLD = {"folder": "a", "printed": "b", "text": "c"}


def test_parameters_may_be_called_as_a_test_calls_what_it_passes(tmp_path: Path) -> None:
    outcome = CASE.ended(tmp_path / "ended", "well", "out/result.txt", **TOLD)
    assert outcome.done
    (tmp_path / "ran").mkdir()
    ran = CASE.ran(tmp_path / "ran", 'echo "$1$2$3" > "$4"', **TOLD)
    assert ran.done
    assert ran.command is not None
    assert ran.command.argv[1:4] == ("a", "b", "c")
