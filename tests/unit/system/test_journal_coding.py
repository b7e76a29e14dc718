"""Records become bytes and are read again; what cannot have been written so is refused."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from gpucore.standard.model import FailureClass, StepState
from gpucore.system.journal_coding import KIND, decode, encode, ending
from gpucore.system.journal_records import (
    Began,
    Fingerprint,
    Finished,
    Mended,
    Planned,
    Record,
    Regarded,
    RunBegan,
    RunFinished,
    Sampled,
    Spawned,
)

STAMPS = {"/in/ü\udcff": Fingerprint(size=3, changed_ns=10**18, digest="d"), "/gone": None}

LEAST: tuple[Record, ...] = (
    RunBegan(run="r", time=1.0, pid=1, host="h", boot="b", version="0"),
    RunFinished(run="r", time=1.0),
    Planned(step="s", stage="", adapter="a"),
    Began(step="s", attempt=1, time=1.0, argv=()),
    Spawned(step="s", attempt=1, pid=1, pid_start=""),
    Finished(step="s", attempt=0, time=1.0, state=StepState.DONE),
    Mended(time=1.0, kept=0, loss="", aside=""),
    Sampled(time=1.0, devices={}),
    Regarded(time=1.0, device="GPU-1", level="good"),
)

MOST: tuple[Record, ...] = (
    RunBegan(run="r", time=1.0, pid=1, host="h", boot="b", version="0", pid_start="2",
             argv=("gpucore", "map"), cwd="/", devices=(("GPU-1", 0, "n", 1, True),), workers=3),
    RunFinished(run="r", time=1.0, reason="why", counts={"done": 1}),
    Began(step="s", attempt=2, time=1.0, argv=("true",), pid=3, pid_start="4", boot="b",
          env={"A": "1"}, devices=("GPU-1",), log="l", status="t", inputs=STAMPS, key="k",
          made_in=("/m",)),
    Finished(step="s", attempt=2, time=1.0, state=StepState.FAILED, reason="why", hint="do",
             failure=FailureClass.LIMIT, exit_code=-9, signal=9, outputs={"out": "/o"},
             output_stamps=STAMPS, warnings=("w",), key="k", log="l", started=0.5,
             peak_memory_mib=7, peak_utilisation=0),
    Regarded(time=1.0, device="GPU-1", level="good", reason="why", remedy="do"),
)  # fmt: skip


def test_every_kind_of_record_is_tried() -> None:
    assert {type(record) for record in LEAST} == set(KIND)


@pytest.mark.parametrize("record", [*LEAST, *MOST], ids=lambda record: type(record).__name__)
def test_a_record_is_read_as_it_was_written(record: Record) -> None:
    again = decode(*encode(record))
    assert again == record
    assert repr(again) == repr(record)


@pytest.mark.parametrize("record", LEAST, ids=lambda record: type(record).__name__)
def test_a_record_that_says_all_is_read_as_one_that_leaves_out_what_is_as_by_default(
    record: Record,
) -> None:
    kind, step, attempt, body = encode(record)
    whole = {
        one.name: getattr(record, one.name)
        for one in fields(record)
        if one.name not in {"step", "attempt"}
    }
    spelt = json.dumps(whole).encode()
    assert len(spelt) >= len(body)
    assert decode(kind, step, attempt, spelt) == record


def test_records_have_nothing_in_common() -> None:
    one, other = (decode(*encode(LEAST[3])) for _ in range(2))
    assert isinstance(one, Began)
    assert isinstance(other, Began)
    assert one.env is not other.env


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (0, b"{}"),
        (99, b"{}"),
        (4, b"{}"),
        (4, b"[]"),
        (4, b'{"time":1,"argv":[],"unheard":1}'),
        (4, b'{"time":1,"argv":[]} more'),
        (4, b'{"time":1,"argv":[],"inputs":{"a":[1]}}'),
        (4, b'{"time":1,"argv":[],"inputs":[]}'),
        (4, b'{"time":1,"argv":7}'),
        (4, "{“time”:1}".encode()),
        (4, b'{"time":'),
        (6, b'{"time":1,"state":"gone"}'),
        (6, b'{"time":1,"state":"done","failure":"unheard"}'),
        (4, b'{"a":' * 100_000),
    ],
)
def test_what_nobody_can_have_written_is_refused(kind: int, body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any kind of it
        decode(kind, b"s", 1, body)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"7", b'{"state":"gone"}', b'{"state"'])
def test_an_end_that_nobody_can_have_written_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any kind of it
        ending(body)
