"""How much memory is kept for a step: what was declared, until more is known."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucore.scheduling.memory import (
    MemoryRules,
    StrangerPeaks,
    compared,
    estimate,
    held,
    memory_key,
)
from gpucore.standard import Adapter, Gpu, GpuUse, Param, Program, Template
from gpucore.standard.checks import adapter_faults
from gpucore.standard.readings import DeviceProcess, Reading, Snapshot

MIB = st.integers(0, 100_000)

ALIGN = Adapter(
    name="align",
    title="align: a stand-in",
    program=Program(executable="align"),
    gpu=Gpu(use=GpuUse.COMPULSORY, form="none"),
    command=Template(argv=("%(EXE)s", "%(movie)s", "%(out)s")),
    params={
        "movie": Param(type="path", item=True, help="a movie"),
        "gain": Param(type="path", optional=True, help="a gain reference"),
        "binning": Param(type="float", default=1.0, help="by how much"),
        "patch": Param(type="int", length=2, default=(5, 5), help="patches"),
        "fast": Param(type="bool", default=False, help="whether"),
        "kind": Param(type="choice", choices=("a", "b"), default="a", help="which"),
        "note": Param(type="string", optional=True, help="a remark"),
        "out": Param(type="path", output="%(movie.stem)s.mrc", help="a result"),
    },
)
VALUES = {"movie": "m.tif", "gain": "g.mrc", "binning": 2.0, "patch": (5, 5), "fast": False,
          "kind": "a", "note": "x", "out": "m.mrc"}  # fmt: skip


@given(MIB, st.lists(st.integers(1, 100_000), max_size=8))
def test_what_is_kept_is_never_less_than_what_was_seen(declared: int, peaks: list[int]) -> None:
    kept = estimate(declared, peaks)
    assert kept >= max(peaks, default=0)
    assert kept >= declared or len(peaks) >= MemoryRules().enough
    assert bool(kept) == bool(declared or peaks)


@given(MIB, MIB)
def test_a_step_that_holds_more_than_it_said_is_held_to_more_than_it_had(
    declared: int, peak: int
) -> None:
    kept = held(declared, peak)
    assert kept >= max(declared, peak)
    assert (kept == declared) == (peak <= declared)


def test_one_lie_is_enough_and_one_modest_step_is_not() -> None:
    assert estimate(4_000, [3_000, 5_000, 3_000]) == 5_500
    assert estimate(4_000, [1_000]) == 4_000
    assert estimate(4_000, [1_000] * 3) == 1_100
    assert estimate(4_000, [3_900] * 3) == 4_000
    assert estimate(4_000, [1_000], MemoryRules(enough=1, margin=0.5)) == 1_500


def test_a_declaration_is_said_to_be_wrong_only_when_it_is() -> None:
    assert compared(0, [500]) == compared(500, []) == compared(500, [100]) == ""
    assert compared(500, [480] * 9) == ""
    assert compared(8_000, [1_000] * 3) == (
        "declared are 8,000 MiB, but no more than 1,000 were seen in 3 steps: 1,100 are kept"
    )
    assert "up to 900 were seen in 1 step:" in compared(500, [900])


def test_steps_of_the_same_numbers_and_a_movie_of_about_the_same_size_are_alike() -> None:
    sizes = {"movie": 310_000_000, "gain": 67_000_000}
    key = memory_key(ALIGN, VALUES, sizes, gpus=1)
    assert key == "gpus=1 movie=2^29 binning=2.0 patch=5,5 fast=False kind=a"
    other = {**VALUES, "movie": "n.tif", "out": "n.mrc", "note": "y", "gain": None}
    assert memory_key(ALIGN, other, {"movie": 330_000_000}, gpus=1) == key
    assert memory_key(ALIGN, VALUES, {"movie": 4_000}, gpus=1) != key
    assert memory_key(ALIGN, {**VALUES, "patch": (7, 5)}, sizes, gpus=1) != key
    assert memory_key(ALIGN, VALUES, sizes, gpus=2) != key
    assert memory_key(ALIGN, VALUES, {}, gpus=1) == key.replace("movie=2^29 ", "")


def test_an_adapter_may_say_what_its_memory_depends_on() -> None:
    told = replace(ALIGN, gpu=replace(ALIGN.gpu, memory_params=("binning", "gain")))
    key = memory_key(told, VALUES, {"movie": 10, "gain": 5}, gpus=1)
    assert key == "gpus=1 gain=2^3 binning=2.0"
    assert adapter_faults(told) == []
    wrong = replace(ALIGN, gpu=replace(ALIGN.gpu, memory_params=("bining",)))
    (fault,) = adapter_faults(wrong)
    assert (fault.what, fault.hint) == ("`bining` is no parameter", "did you mean `binning`?")
    cpu = replace(ALIGN, gpu=Gpu(memory_params=("binning",)))
    assert "the program uses no GPU" in [one.what for one in adapter_faults(cpu)]


def look(used: int | None, **held_by: int | None) -> Snapshot:
    """Return a look at one device: p1=500 is process 1, which holds 500 MiB."""
    processes = tuple(
        DeviceProcess(pid=int(name[1:]), memory_mib=mib) for name, mib in held_by.items()
    )
    return Snapshot(
        time=1.0, readings=(Reading(uuid="GPU-0", memory_used_mib=used, processes=processes),)
    )


def ours(pid: int) -> bool:
    return pid == 1


def test_strangers_are_held_to_their_peak_until_they_end() -> None:
    strangers = StrangerPeaks()
    assert strangers.see(look(3_000, p1=500, p2=2_000), ours) == {"GPU-0": 2_500}
    assert strangers.see(look(3_600, p1=500, p2=3_000), ours) == {"GPU-0": 3_300}
    assert strangers.see(look(700, p1=500, p2=100), ours) == {"GPU-0": 3_300}
    assert strangers.see(look(700, p1=500), ours) == {"GPU-0": 200}
    assert strangers.see(look(700, p1=500, p2=100), ours) == {"GPU-0": 200}


def test_a_stranger_whose_memory_is_not_told_counts_by_what_is_used() -> None:
    strangers = StrangerPeaks()
    assert strangers.see(look(900, p2=None), ours) == {"GPU-0": 900}
    assert strangers.see(look(None, p2=100), ours) == {}
    assert strangers.see(look(100, p1=500), ours) == {"GPU-0": 0}
    silent = Snapshot(time=1.0, readings=(Reading(uuid="GPU-0", memory_used_mib=5),))
    assert strangers.see(silent, ours) == {"GPU-0": 5}


@pytest.mark.parametrize("gpus", [0, 1, 4])
def test_a_key_is_one_line_of_text(gpus: int) -> None:
    assert "\n" not in memory_key(ALIGN, VALUES, {}, gpus=gpus)
