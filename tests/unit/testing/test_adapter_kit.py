"""The kit tells a sound adapter from one that is not: each check is shown an adapter it refuses."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import types
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from docs.pages import ROOT, column, section

from gpucore.errors import ConfigError, GpucoreError, ParameterError
from gpucore.scaffold import new_adapter_file
from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Gpu,
    GpuUse,
    Group,
    Output,
    Param,
    Program,
    Template,
)
from gpucore.standard.params import check_value
from gpucore.testing import AdapterContract, Recording, Subject, read_recordings
from gpucore.testing.recorded_checks import RecordedChecks
from gpucore.testing.recording import replay
from gpucore.testing.samples import samples, wrong_types
from gpucore.testing.subject import find_subject

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = Adapter(
    name="good",
    title="good: a sound adapter",
    program=Program(executable="good"),
    gpu=Gpu(use=GpuUse.OPTIONAL, form="space"),
    command=Template(
        argv=(
            *("%(EXE)s", "%(movie)s", "%(out)s", "--bin", "%(bin)s"),
            Group(when="gpu", args=("--gpu", "%(GPU)s")),
        ),
    ),
    params={
        "movie": Param(type="path", item=True, help="movie"),
        "out": Param(type="path", output="%(movie.stem)s.txt", help="result"),
        "bin": Param(type="float", default=1.0, min=1, max=8, help="binning"),
    },
    failure=(
        Failure(match="out of memory", class_=FailureClass.OUT_OF_MEMORY, effect="fail"),
        Failure(match="no device", class_=FailureClass.NO_DEVICE),
    ),
    example=(Example(params={"movie": "m.mrc"}, argv=("good", "m.mrc", "m.txt", "--bin", "1.0")),),
    source="its help",
)


def with_param(name: str, param: Param) -> Adapter:
    return replace(GOOD, params={**GOOD.params, name: param})


def with_argv(*argv: str | Group) -> Adapter:
    return replace(GOOD, command=replace(GOOD.command, argv=argv), example=())


def with_output(pattern: str) -> Adapter:
    out = replace(GOOD.params["out"], output=pattern)
    return replace(with_param("out", out), example=())


BAD: dict[str, Adapter] = {
    "test_the_adapter_does_not_contradict_itself": replace(GOOD, title=""),
    "test_it_has_a_worked_example": replace(GOOD, example=()),
    "test_it_says_where_its_facts_come_from": replace(GOOD, source=""),
    "test_every_example_comes_out_as_it_is_written": replace(
        GOOD, example=(replace(GOOD.example[0], argv=("good",)),)
    ),
    "test_the_program_is_started_without_a_shell": with_argv("sh", "-c", "%(EXE)s %(movie)s"),
    "test_arguments_are_texts_that_a_program_can_be_given": with_argv("%(EXE)s", "%(movie)", "a\0"),
    "test_a_site_may_call_the_program_otherwise": with_argv("good", "%(movie)s"),
    "test_a_run_over_an_item_names_the_item": with_argv("%(EXE)s"),
    "test_it_says_what_must_be_there_afterwards": with_param(
        "out", replace(GOOD.params["out"], check="any")
    ),
    "test_two_items_never_write_the_same_file": with_output("out.txt"),
    "test_one_step_never_writes_two_outputs_to_one_file": replace(
        GOOD, output=(Output(name="again", path="%(out)s"),)
    ),
    "test_every_output_lies_inside_the_output_directory": with_output("%(movie.dir)s/x.txt"),
    "test_every_parameter_changes_the_command_or_the_outputs": with_param(
        "idle", Param(type="int", default=1, help="does nothing")
    ),
    "test_every_parameter_is_told_in_one_line": with_param(
        "idle", Param(type="int", default=1, help="two\nlines")
    ),
    "test_no_line_of_progress_is_taken_for_a_failure": replace(
        GOOD, failure=(Failure(match="Error:", class_=FailureClass.UNKNOWN),)
    ),
    "test_it_knows_what_any_program_on_a_gpu_may_meet": replace(GOOD, failure=()),
    "test_several_devices_are_written_in_its_form": replace(
        with_argv("%(EXE)s", "%(movie)s", "%(out)s"), gpu=Gpu(use=GpuUse.OPTIONAL, form="space")
    ),
}
"""An adapter that a check must refuse, by the check."""


def contract(adapter: Adapter | str | Path, **more: object) -> AdapterContract:
    """Return a contract of an adapter; made here, so that pytest collects none of it."""
    kind = types.new_class(
        "Proof", (AdapterContract,), {}, lambda body: body.update(adapter=adapter, **more)
    )
    return kind()


def refusals(check: Callable[..., None], **given: object) -> list[str]:
    """Call a check with what it asks for, as often as it is repeated; return what it refuses."""
    asked = check.__code__.co_varnames[1 : check.__code__.co_argcount]
    runs = [given]
    for mark in getattr(check, "pytestmark", ()):
        if mark.name != "parametrize":
            continue
        name, values = mark.args[:2]
        runs = [{**run, name: value} for run in runs for value in values]
    told = []
    for run in runs:
        try:
            check(**{name: run[name] for name in asked})
        except AssertionError as refusal:
            told.append(str(refusal))
    return told


@pytest.mark.parametrize("check", BAD)
def test_a_check_refuses_an_adapter_that_it_is_about(check: str, tmp_path: Path) -> None:
    proof = contract(GOOD, level="recorded")
    assert not refusals(getattr(proof, check), subject=Subject(GOOD), tmp_path=tmp_path)
    assert refusals(getattr(proof, check), subject=Subject(BAD[check]), tmp_path=tmp_path)


def test_an_output_may_lie_in_a_folder_that_the_user_must_name_and_nowhere_else() -> None:
    project = Param(type="path", check="directory", help="the project")
    argv = (*GOOD.command.argv, "--project", "%(project)s")
    placed = replace(
        with_param("project", project),
        command=replace(GOOD.command, argv=argv),
        output=(Output(name="log", path="%(project)s/logs/%(movie.stem)s.log"),),
        example=(),
    )
    astray = replace(placed, output=(Output(name="log", path="%(project)s/../%(movie.stem)s"),))
    check = "test_every_output_lies_inside_the_output_directory"
    assert not refusals(getattr(contract(GOOD), check), subject=Subject(placed))
    assert refusals(getattr(contract(GOOD), check), subject=Subject(astray))


def test_a_name_that_begins_with_two_dots_is_no_way_out_of_the_steps_directory() -> None:
    made = replace(
        GOOD,
        command=replace(GOOD.command, own_directory=True),
        output=(Output(name="volume", path="%(out.base)s.mrc", made="%(movie.stem)s_Vol.mrc"),),
    )
    way_out = Output(name="volume", path="%(out.base)s.mrc", made="%(movie.dir)s/Vol.mrc")
    check = "test_what_it_makes_in_its_own_directory_stays_there"
    assert not refusals(getattr(contract(GOOD), check), subject=Subject(made))
    astray = Subject(replace(made, output=(way_out,)))
    assert refusals(getattr(contract(GOOD), check), subject=astray)


def test_the_checks_are_some_sixty() -> None:
    checks = [name for name in dir(contract(GOOD, level="live")) if name.startswith("test_")]
    assert 55 <= len(checks) <= 75
    assert set(BAD) <= set(checks)


def test_every_switch_is_told_in_the_kits_page_and_no_other() -> None:
    told = column(section(ROOT / "docs" / "howto" / "prove-an-adapter.md", "Switches"))
    # What has no default is annotated alone.
    names = {
        name for kind in AdapterContract.__mro__ for name in getattr(kind, "__annotations__", {})
    }
    assert set(told) == names


def test_every_key_of_a_recording_is_told_and_no_other() -> None:
    told = column(section(ROOT / "docs" / "howto" / "prove-an-adapter.md", "Recordings"))
    assert set(told) == {one.name.rstrip("_") for one in fields(Recording)}


def test_a_lower_level_leaves_the_checks_of_the_higher_ones_out() -> None:
    counts = [
        sum(callable(getattr(proof, name)) for name in dir(proof) if name.startswith("test_"))
        for proof in (contract(GOOD, level=one) for one in ("basic", "recorded", "live"))
    ]
    assert counts == sorted(set(counts))


def test_an_adapter_is_found_by_name_by_file_and_as_it_is(tmp_path: Path) -> None:
    new_adapter_file("mine", tmp_path)
    assert find_subject("gctf", tmp_path).module == "gpucore_adapters.gctf"
    assert find_subject("mine.toml", tmp_path).adapter.name == "mine"
    assert find_subject(GOOD, tmp_path) == Subject(GOOD)
    with pytest.raises(GpucoreError, match="no adapter is called"):
        find_subject("nobody", tmp_path)


def test_an_import_that_is_heavy_or_does_something_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof = contract(GOOD)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    (tmp_path / "kit_light.py").write_text("import json\nfrom gpucore.standard import Adapter\n")
    (tmp_path / "kit_heavy.py").write_text("import sqlite3\n")
    (tmp_path / "kit_doing.py").write_text("open('/dev/null', 'w')\nprint('here')\n")
    light = Subject(GOOD, "kit_light")
    proof.test_its_import_imports_nothing_heavy(light)
    proof.test_its_import_does_nothing(light)
    with pytest.raises(AssertionError, match="sqlite3"):
        proof.test_its_import_imports_nothing_heavy(Subject(GOOD, "kit_heavy"))
    with pytest.raises(AssertionError):
        proof.test_its_import_does_nothing(Subject(GOOD, "kit_doing"))


# Recordings.


def write_recording(folder: Path, name: str, told: str, stdout: str = "") -> None:
    place = folder / name
    place.mkdir(parents=True)
    (place / "recording.toml").write_text(f'source = "made up"\n{told}')
    (place / "stdout.txt").write_text(stdout)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Return recordings of a good run and of the two failures that the adapter declares."""
    folder = tmp_path / "recordings"
    write_recording(folder, "good", 'params = { movie = "m.mrc" }\ngpus = [1, 3]\n', "done\n")
    (folder / "good" / "out").mkdir()
    (folder / "good" / "out" / "m.txt").write_text("1 2 3\n")
    for name, text, class_ in (
        ("memory", "CUDA: out of memory\n", "out_of_memory"),
        ("device", "there is no device\n", "no_device"),
    ):
        write_recording(
            folder, name,
            f'params = {{ movie = "m.mrc" }}\ngpus = [0]\nexit_code = 1\nstate = "failed"\n'
            f'class = "{class_}"\nsays = "{text.strip()}"\n',
            text,
        )  # fmt: skip
    return folder


def run_recorded(recordings: Path, adapter: Adapter, folder: Path, only: str = "") -> int:
    """Run the recorded checks as pytest would; return how many were not skipped."""
    proof = contract(adapter, level="recorded", recordings=str(recordings))
    subject = Subject(adapter)
    ran = 0
    checks = [one for name, one in vars(RecordedChecks).items() if name.startswith("test_")]
    for number, function in enumerate(one for one in checks if only in one.__name__):
        asked = function.__code__.co_varnames[: function.__code__.co_argcount]
        for place, one in enumerate(proof.recorded()):
            if "good" in asked and one.state != "done":
                continue
            place_folder = folder / f"{number}_{place}"
            place_folder.mkdir(parents=True)
            given = {"subject": subject, "recording": one, "good": one, "tmp_path": place_folder}
            if "code" in asked:
                given |= {"code": 7, "failures": (FailureClass.PROGRAM_FAULT,)}
            with contextlib.suppress(pytest.skip.Exception):
                function(proof, **{name: given[name] for name in asked if name in given})
                ran += 1
    return ran


@pytest.mark.slow
def test_a_sound_adapter_passes_on_its_recordings(recordings: Path, tmp_path: Path) -> None:
    assert run_recorded(recordings, GOOD, tmp_path / "runs") > 15


@pytest.mark.slow
@pytest.mark.parametrize(
    ("adapter", "check"),
    [
        (replace(GOOD, failure=(GOOD.failure[0], replace(GOOD.failure[1], match="nothing"))),
         "test_every_declared_failure"),
        (replace(GOOD, failure=(replace(GOOD.failure[0], class_=FailureClass.BAD_INPUT),
                                GOOD.failure[1])), "test_a_recorded_run_ends_as_it_did"),
        (replace(GOOD, failure=(*GOOD.failure, replace(GOOD.failure[0], match="done"))),
         "test_no_failure_is_seen_in_a_good_run"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)  # fmt: skip
def test_an_adapter_that_its_recordings_contradict_is_refused(
    recordings: Path, tmp_path: Path, adapter: Adapter, check: str
) -> None:
    assert run_recorded(recordings, GOOD, tmp_path / "sound", check)
    with pytest.raises(AssertionError):
        run_recorded(recordings, adapter, tmp_path / "runs", check)


def test_a_replay_gives_the_program_its_devices_and_keeps_what_it_was_given(
    recordings: Path, tmp_path: Path
) -> None:
    good = next(one for one in read_recordings(recordings) if one.name == "good")
    replayed = replay(GOOD, good, tmp_path / "run")
    assert replayed.outcome.done
    assert replayed.argv[-3:] == (b"--gpu", b"1", b"3")
    assert replayed.environment[b"CUDA_DEVICE_ORDER"] == b"PCI_BUS_ID"
    assert replayed.environment[b"GPUCORE_SIMULATED"] == b"1"
    assert replayed.stdin == b""
    made = Path(replayed.outcome.outputs["out"])
    assert made.read_text() == "1 2 3\n"
    assert os.path.commonpath([made, tmp_path]) == str(tmp_path)


@pytest.mark.parametrize(
    ("told", "what"),
    [("", "params"), ('params = {}\nexit = 1\n', "unknown key `exit`"),
     ('params = {}\nclass = "sad"\n', "class")],
)  # fmt: skip
def test_a_recording_that_says_what_it_cannot_is_refused(
    tmp_path: Path, told: str, what: str
) -> None:
    write_recording(tmp_path, "one", told)
    with pytest.raises(GpucoreError, match=re.escape(what)):
        read_recordings(tmp_path)


def test_a_recording_without_output_and_a_folder_without_any_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no recording"):
        read_recordings(tmp_path)
    write_recording(tmp_path, "one", "params = {}\n")
    (tmp_path / "one" / "stdout.txt").unlink()
    with pytest.raises(ConfigError, match=r"has no stdout\.txt"):
        read_recordings(tmp_path)


# Samples.


@pytest.mark.parametrize(
    "param",
    [
        Param(type="int", help="", min=7, max=7),
        Param(type="float", help="", above=0, below=0.6),
        Param(type="float", help="", min=-3.15, max=3.15, length=3),
        Param(type="choice", help="", choices=("a", "b")),
        Param(type="path", help="", suffix=(".star",)),
        Param(type="bool", help=""),
        Param(type="string", help="", length=0),
    ],
)
def test_the_kit_knows_a_value_for_any_parameter(param: Param) -> None:
    assert samples("n", param)
    for value in samples("n", param):
        assert check_value("n", param, value) == value
    for value in wrong_types(param):
        with pytest.raises(ParameterError):
            check_value("n", replace(param, length=None), value)
