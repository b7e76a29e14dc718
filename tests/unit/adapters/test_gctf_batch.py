"""Gctf on several micrographs: one command, and outputs of each that are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import image
from gpucore_adapters.gctf_batch import GCTF_BATCH, gpucore_adapters

from gpucore import StepExecutor
from gpucore.errors import GpucoreError
from gpucore.planning import make_step
from gpucore.standard import FailureClass, StepState
from gpucore.standard.checks import adapter_faults
from gpucore.standard.params import read_values

if TYPE_CHECKING:
    from pathlib import Path

    from gpucore.standard import Outcome

STANDIN = """#!/bin/sh
while [ "$1" != "--gid" ]; do shift; done
shift 2
for mic; do
    stem=${mic%.mrc}
    cp "$mic" "$stem.ctf"
    [ "$stem" = "$LOST" ] || echo '   24401.23  21649.58  34.52  0.18  Final Values' \
        > "${stem}_gctf.log"
done
"""


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [GCTF_BATCH]
    assert adapter_faults(GCTF_BATCH) == []


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, *, lost: str = "") -> Outcome:
    """Run a stand-in for Gctf on two micrographs; of one it may make no log."""
    program = folder / "bin" / "Gctf"
    program.parent.mkdir()
    program.write_text(STANDIN)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("LOST", lost)
    for name in ("m1.mrc", "m2.mrc"):
        image(folder / name)
    mics = [str(folder / name) for name in ("m1.mrc", "m2.mrc")]
    with StepExecutor.open(gpus="0", devices="simulated:1", output=str(folder / "out")) as executor:
        future = executor.submit("gctf_batch", mics=mics, pixel_size=0.885)
        executor.wait()
        error = future.exception()
    return future.result() if error is None else error.outcome  # type: ignore[attr-defined]


def test_the_outputs_of_each_micrograph_are_put_into_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = run(tmp_path, monkeypatch)
    assert outcome.state is StepState.DONE, outcome.reason
    assert sorted(path.name for path in (tmp_path / "out").glob("m*")) == [
        "m1.ctf", "m1_gctf.log", "m2.ctf", "m2_gctf.log",
    ]  # fmt: skip
    assert outcome.outputs["out of m2.mrc"] == str(tmp_path / "out" / "m2_gctf.log")
    assert outcome.command is not None
    assert outcome.command.argv[-2:] == ("m1.mrc", "m2.mrc")


def test_a_log_that_is_missing_of_one_micrograph_fails_the_command_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = run(tmp_path, monkeypatch, lost="m2")
    assert outcome.failure is FailureClass.MISSING_OUTPUT
    assert "out of m2.mrc" in outcome.reason
    assert "m1" not in outcome.reason
    assert not list((tmp_path / "out").glob("m*"))


@pytest.mark.parametrize("name", ["a b.mrc", "-gid.mrc", "it's.mrc", "m[1].mrc", "m1.tif"])
def test_a_micrograph_whose_name_the_program_may_misread_is_refused(name: str) -> None:
    with pytest.raises(GpucoreError):
        read_values(GCTF_BATCH, {"mics": [name], "pixel_size": 1})


def test_a_blank_in_the_folder_of_a_micrograph_does_no_harm() -> None:
    assert read_values(GCTF_BATCH, {"mics": ["a b/m.mrc"], "pixel_size": 1})["mics"] == (
        "a b/m.mrc",
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"mics": ["a/m1.mrc", "b/m1.mrc"]}, "would make the same output `out/m1_gctf.log`"),
        ({"mics": ["m1.mrc", "m2.mrc"], "out": ["x.log"]}, "`out` names 1 files for 2 of `mics`"),
    ],
)
def test_micrographs_without_outputs_of_their_own_are_refused(
    given: dict[str, object], told: str
) -> None:
    with pytest.raises(GpucoreError, match=told):
        make_step(GCTF_BATCH, {**given, "pixel_size": 1}, name="s", output="out")
