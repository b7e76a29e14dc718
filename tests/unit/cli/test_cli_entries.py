"""A third party's adapters that are offered by entries, as the verbs tell of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from command_line import run_apart

if TYPE_CHECKING:
    from command_line import Cli

LAB = """
from gpucore.plugins import AdapterEntry, hookimpl
from gpucore.standard import GpuUse

@hookimpl
def gpucore_adapter_entries():
    return [
        AdapterEntry(name="torn", title="torn: a map", use=GpuUse.NONE, executable="torn",
                     module="lab_torn")
    ]
"""


@pytest.mark.slow
def test_an_adapter_that_cannot_be_used_is_listed_and_told_as_such_where_it_is_asked_for(
    cli: Cli,
) -> None:
    info = cli.folder / "site" / "my_lab-2.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-lab\nVersion: 2.5\n")
    (info / "entry_points.txt").write_text("[gpucore]\nlab = my_lab\n")
    cli.write("site/my_lab.py", LAB)
    cli.write("site/lab_torn.py", "raise RuntimeError('no licence')\n")

    def call(*argv: str) -> tuple[int, str, str]:
        ran = run_apart(*argv, cwd=cli.folder, PYTHONPATH=str(cli.folder / "site"))
        return ran.code, ran.out, ran.err

    code, out, err = call("adapters")
    assert (code, err) == (0, "")
    assert ["torn", "none", "torn:", "a", "map", "my-lab", "2.5"] in map(
        str.split, out.splitlines()
    )

    code, out, err = call("plugins")
    assert code == 0
    assert "lab       my-lab 2.5" in out
    why = "its module cannot be imported: RuntimeError: no licence"
    assert f"in quarantine: the adapter torn of my-lab 2.5: {why}" in err

    told = json.loads(call("plugins", "--json")[1])["quarantine"]
    assert [(one["name"], one["module"]) for one in told] == [("torn", "lab_torn")]

    code, out, err = call("adapters", "show", "torn")
    assert (code, out) == (2, "")
    assert f"the adapter `torn` is in quarantine: {why}" in err
    assert "mend or update my-lab, or ask its author" in err

    code, out, err = call("adapters", "check")
    assert code == 0
    assert "in quarantine: torn; see `gpucore plugins`" in err

    cli.write("gpucore.toml", '[plugins]\ndisable = ["my-lab:torn", "gpucore-framework:gctf"]\n')
    code, out, err = call("adapters")
    listed = {line.split()[0] for line in out.splitlines()}
    assert not listed & {"torn", "gctf"}
    assert "gautomatch" in listed
