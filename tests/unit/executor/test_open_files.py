"""Descriptors: what a run takes of them it gives back, and it bears a host that has many."""

from __future__ import annotations

import os
import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from executor_steps import CPU, GPU, outcome_of
from programs import Gate

from gpucore.standard import FailureClass
from gpucore.standard.step import Limits
from gpucore.system.processes import Programs

if TYPE_CHECKING:
    from collections.abc import Iterator

MANY = 1100
"""More than the 1,024 that ``select`` knows."""


@contextmanager
def many_open_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4 * MANY, hard), hard))
    files = [os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) for _ in range(MANY)]
    try:
        yield
    finally:
        for one in files:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_limits_hold_in_a_host_with_more_open_files_than_select_knows(open_executor):
    with many_open_files(), open_executor(adapters=[CPU]) as executor:
        outcome = outcome_of(executor.submit("cpu", text="sleep 600", limits=Limits(wall=0.2)))
    assert outcome.failure is FailureClass.LIMIT


def test_what_left_its_group_is_ended_in_a_host_with_so_many_files(open_executor, tmp_path):
    gate = Gate(tmp_path / "gate")
    text = f"setsid cat {gate} & cat {gate}"
    with many_open_files(), open_executor(adapters=[CPU]) as executor:
        outcome = outcome_of(executor.submit("cpu", text=text, limits=Limits(wall=0.5)))
    assert outcome.failure is FailureClass.LIMIT
    with pytest.raises(OSError, match="No such device or address"):  # nobody reads it any more
        os.open(gate.path, os.O_WRONLY | os.O_NONBLOCK)


def test_a_closed_executor_has_given_all_its_descriptors_back(open_executor):
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a number is all that is wanted

    with open_executor(adapters=[GPU], journal=True, output="first") as executor:
        assert outcome_of(executor.submit("gpu", text="true")).done
    before = open_files()
    for number in range(3):
        with open_executor(adapters=[GPU], journal=True, output=f"more{number}") as executor:
            assert outcome_of(executor.submit("gpu", text="true")).done
            with executor.lease():
                pass
    assert open_files() == before


def test_steps_end_when_nobody_can_listen_to_their_programs(open_executor, monkeypatch):
    def listen(self: Programs) -> bool:
        raise OSError("no listening")

    monkeypatch.setattr(Programs, "_hear", listen)
    with open_executor(adapters=[CPU]) as executor:
        outcome = outcome_of(executor.submit("cpu", text="true"))
    assert outcome.failure is FailureClass.UNKNOWN
