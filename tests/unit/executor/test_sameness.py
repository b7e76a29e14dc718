"""A step is the one on record while its command and its files are the same, and else is not."""

from __future__ import annotations

import hashlib
import os
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gpucore.record import RunRecord
from gpucore.sameness import Sameness
from gpucore.standard import Adapter, Gpu, GpuUse, Param, Program, Template
from gpucore.standard.model import Command, Outcome, StepState
from gpucore.standard.step import Step

if TYPE_CHECKING:
    from pathlib import Path

    from gpucore.standard.params import Values

ADAPTER = Adapter(
    name="sharpen",
    title="sharpen: sharpen a map",
    program=Program(executable="sharpen"),
    gpu=Gpu(use=GpuUse.COMPULSORY, form="comma"),
    command=Template(argv=("%(EXE)s", "%(map)s", "%(out)s", "%(GPU)s")),
    params={
        "map": Param(type="path", item=True, help="map"),
        "masks": Param(type="path", length=2, optional=True, help="masks"),
        "out": Param(type="path", output="%(map.stem)s_sharp.mrc", help="sharpened map"),
        "bfactor": Param(type="float", default=-50.0, help="B-factor that is applied"),
    },
)


def step_of(values: Values, adapter: Adapter = ADAPTER, *, use_gpu: bool = True) -> Step:
    return Step(
        name="a", adapter=adapter, shared={}, own=values, stage="", use_gpu=use_gpu, gpus=None
    )


def key_of(values: Values, adapter: Adapter = ADAPTER, *, use_gpu: bool = True) -> str:
    return Sameness(checksum=False).key(step_of(values, adapter, use_gpu=use_gpu), values)


def test_a_key_is_the_same_whatever_steps_came_before() -> None:
    rng, same, other = random.Random(1), Sameness(checksum=False), replace(ADAPTER, name="blur")
    for _ in range(300):
        names = rng.sample(["map", "out", "bfactor", "masks", "é\udcff"], rng.randrange(5))
        values: Values = {
            name: rng.choice([1, 1.0, True, None, "a", "b", ("a", 2.5), -0.0, 0.0])
            for name in names
        }
        adapter, use_gpu = rng.choice([ADAPTER, other]), rng.random() < 0.5
        step = step_of(values, adapter, use_gpu=use_gpu)
        assert same.key(step, values) == key_of(values, adapter, use_gpu=use_gpu)


def test_a_key_is_the_hash_of_all_values_in_the_order_of_their_names() -> None:
    values: Values = {"out": "o", "map": "m", "bfactor": -50.0}
    parts = (ADAPTER.command, ADAPTER.gpu, ADAPTER.file, ADAPTER.link, ADAPTER.output)
    program = hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()
    text = f"{program} {sorted(values.items())!r} True"
    assert key_of(values) == hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def test_values_that_are_equal_but_are_told_otherwise_have_another_key() -> None:
    values = (1, 1.0, True, "1", (1,), None)
    assert len({key_of({"bfactor": value}) for value in values}) == len(values)


def test_inputs_are_the_files_that_are_read() -> None:
    values: Values = {"map": "m", "masks": ("a", "b"), "out": "o", "bfactor": 1.0}
    assert Sameness(checksum=False).inputs(step_of(values), values) == ["m", "a", "b"]
    assert Sameness(checksum=False).inputs(step_of({}), {"map": None}) == []


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Return an input and an output."""
    found = {"map": tmp_path / "m\udcff.mrc", "out": tmp_path / "o.mrc"}
    for path in found.values():
        path.write_text("data")
    return found


def done_by(
    tmp_path: Path, files: dict[str, Path], *, checksum: bool = False, key: str | None = None
) -> tuple[Step, Values]:
    """Record a step that is done; return it and its values."""
    values: Values = {name: str(path) for name, path in files.items()}
    step = step_of(values)
    record = recorded(tmp_path, checksum=checksum)
    told: list[str] = []
    argv = ("sharpen", str(files["map"]))
    record.begin(
        step, values, Command(argv=argv), (), told.append, attempt=1, log="/log", status="/status"
    )
    if key is not None:
        record._keys[step.name] = key
    ended = Outcome(
        step="a",
        adapter="sharpen",
        state=StepState.DONE,
        exit_code=0,
        outputs={"out": str(files["out"])},
        log="/log",
        started=7.0,
    )
    record.finish(ended, 1, told.append)
    record.close({}, "")
    assert told == ["", ""]
    return step, values


def recorded(tmp_path: Path, *, checksum: bool = False) -> RunRecord:
    return RunRecord(
        tmp_path / "out",
        "run",
        {"XDG_STATE_HOME": str(tmp_path / "state")},
        resume=True,
        checksum=checksum,
        on_trouble=lambda text: None,
    )


def is_done(record: RunRecord, step: Step, values: Values) -> bool:
    earlier = record.earlier(step, values)
    assert earlier.attempts == 1
    if earlier.done is not None:
        assert (earlier.done.log, earlier.done.exit_code) == ("/log", 0)
        assert earlier.done.started
    return earlier.done is not None


@pytest.mark.parametrize("key", [None, ""], ids=["", "a key that covers its inputs is missing"])
@pytest.mark.parametrize("now", [False, True], ids=["by time", "by content"])
@pytest.mark.parametrize("then", [False, True], ids=["recorded by time", "recorded by content"])
def test_a_step_is_done_while_its_command_and_its_files_are_as_recorded(
    tmp_path: Path, files: dict[str, Path], then: bool, now: bool, key: str | None
) -> None:
    step, values = done_by(tmp_path, files, checksum=then, key=key)
    record, by_content = recorded(tmp_path, checksum=now), then and now
    assert is_done(record, step, values)
    assert not is_done(record, step, {**values, "bfactor": 1.0})
    for path in files.values():
        facts = path.stat()
        os.utime(path, ns=(1, 1))
        assert is_done(record, step, values) is by_content
        as_it_was(path, facts)
        assert is_done(record, step, values)
        path.write_text("DATA")
        as_it_was(path, facts)
        assert is_done(record, step, values) is not by_content
        path.unlink()
        assert not is_done(record, step, values)
        path.write_text("data")
        as_it_was(path, facts)
        assert is_done(record, step, values)
    record.close({}, "")


def as_it_was(path: Path, facts: os.stat_result) -> None:
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
