"""Plans of jobs: chains item by item, barriers, order, and how they grow."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command_line import COPY

from gpucore.config import check_adapter, check_job, job_faults, parse_toml
from gpucore.errors import Faults, GpucoreError
from gpucore.jobs import plan_job

if TYPE_CHECKING:
    from gpucore.config import JobFile
    from gpucore.planning import Plan

ADAPTERS = {"copy": check_adapter(parse_toml(Path("copy.toml"), COPY))}


def stage(name: str, **keys: object) -> str:
    """Return a stage as TOML says it."""
    lines = "".join(f"{key} = {value!r}\n" for key, value in keys.items())
    return f'[[stage]]\nname = "{name}"\nadapter = "copy"\n{lines}'


def job(folder: Path, *parts: str, items: int = 3) -> JobFile:
    for number in range(items):
        (folder / f"{number}.tif").touch()
    path = folder / "job.toml"
    job_file = check_job(parse_toml(path, "".join(parts)))
    assert not job_faults(job_file, ADAPTERS)
    return job_file


def planned(folder: Path, *parts: str, items: int = 3) -> Plan:
    return plan_job(job(folder, *parts, items=items), ADAPTERS)


def told(plan: Plan) -> list[tuple[str, list[str]]]:
    """Return each step's name and those of the steps that it waits for."""
    return [
        (one.step.name, [plan.steps[number].step.name for number in one.after])
        for one in plan.steps
    ]


ONE = stage("one", items="*.tif")
TWO = stage("two", after="one", item="%(one.dst)s")


def test_a_chain_stands_together_item_by_item(tmp_path: Path) -> None:
    assert told(planned(tmp_path, ONE, TWO, items=2)) == [
        ("one/0", []), ("two/0", ["one/0"]), ("one/1", []), ("two/1", ["one/1"]),
    ]  # fmt: skip


def test_stages_may_stand_in_any_order_in_the_file(tmp_path: Path) -> None:
    assert dict(told(planned(tmp_path, TWO, ONE))) == dict(told(planned(tmp_path, ONE, TWO)))


def test_a_stage_with_items_of_its_own_waits_for_all_that_it_is_after(tmp_path: Path) -> None:
    last = stage("last", items="0.tif", after=["one", "two"])
    names = told(planned(tmp_path, ONE, TWO, last))
    assert names[-1][0] == "last/0"
    assert sorted(names[-1][1]) == sorted(name for name, _ in names[:-1])


def test_a_chained_stage_may_wait_for_another_stage_as_a_whole(tmp_path: Path) -> None:
    gain = stage("gain", items="0.tif")
    two = stage("two", after=["one", "gain"], item="%(one.dst)s")
    waits = dict(told(planned(tmp_path, ONE, gain, two)))
    assert waits["two/2"] == ["one/2", "gain/0"]


def test_a_stage_named_twice_in_after_is_waited_for_once(tmp_path: Path) -> None:
    last = stage("last", items="0.tif", after=["one", "one"])
    names = [name for name, _ in told(planned(tmp_path, ONE, last))]
    assert names == ["one/0", "one/1", "one/2", "last/0"]


def test_chained_steps_share_one_dict(tmp_path: Path) -> None:
    steps = [one.step for one in planned(tmp_path, ONE, TWO).steps]
    assert len({id(step.shared) for step in steps if step.stage == "two"}) == 1
    assert {step.stage for step in steps} == {"one", "two"}
    assert steps[1].own == {"src": "out/one/0.out", "dst": "out/two/0.out"}


def test_stages_of_different_lengths_cannot_be_one_items_chain(tmp_path: Path) -> None:
    other = stage("other", items="0.tif")
    both = stage("both", after=["one", "other"], item="%(one.dst)s")
    both += 'params = { word = "%(other.dst)s" }\n'
    with pytest.raises(GpucoreError, match="different numbers of items"):
        planned(tmp_path, ONE, other, both)


def test_a_mark_in_a_stage_without_an_item_is_told(tmp_path: Path) -> None:
    last = stage("last", items="0.tif", after="one") + 'params = { word = "%(one.dst)s" }\n'
    with pytest.raises(GpucoreError, match="there is no item that it is of"):
        planned(tmp_path, ONE, last)


def test_every_wrong_stage_is_told_with_its_line_and_what_hangs_on_it_is_not(
    tmp_path: Path,
) -> None:
    parts = (
        stage("one", items=["gone.tif", "lost.tif"]), TWO, stage("three", items="*.none"),
    )  # fmt: skip
    with pytest.raises(Faults) as caught:
        planned(tmp_path, *parts)
    assert [(one.what, one.where.rpartition("/")[2]) for one in caught.value.errors] == [
        ("there is no file `gone.tif`", "job.toml:1: stage[0]"),
        ("there is no file `lost.tif`", "job.toml:1: stage[0]"),
        ("no file fits the pattern `*.none`", "job.toml:10: stage[2]"),
    ]


def test_a_stage_may_not_write_what_one_of_its_steps_reads(tmp_path: Path) -> None:
    (tmp_path / "out/one").mkdir(parents=True)
    (tmp_path / "out/one/0.out").touch()
    with pytest.raises(GpucoreError, match="would overwrite"):
        planned(tmp_path, stage("one", items=["0.tif", "out/one/0.out"]))


def test_a_single_step_may_read_what_another_writes(tmp_path: Path) -> None:
    step = '[[step]]\nname = "{}"\nadapter = "copy"\nparams = {{ src = "{}", dst = "{}" }}\n'
    parts = (
        step.format("first", "0.tif", "made.txt"),
        step.format("second", "made.txt", "again.txt") + 'after = "first"\n',
    )
    assert told(planned(tmp_path, *parts)) == [("first", []), ("second", ["first"])]


SIDE = 'params = {{ side = "{}" }}\n'


def test_a_parameters_file_that_is_not_there_is_told_with_the_line_of_the_parameter(
    tmp_path: Path,
) -> None:
    step = '[[step]]\nname = "s"\nadapter = "copy"\nparams = { src = "none.tif" }\n'
    with pytest.raises(Faults) as caught:
        planned(tmp_path, ONE + SIDE.format("nix.mrc"), step)
    assert [(one.what, one.where.rpartition("/")[2]) for one in caught.value.errors] == [
        ("there is no file `nix.mrc`, which `side` names", "job.toml:5: stage[0].params.side"),
        ("there is no file `none.tif`, which `src` names", "job.toml:9: step[0].params.src"),
    ]


@pytest.mark.parametrize(
    "side", ["out/one/1.out", "{}/out/one/1.out", "./out/x/../one/1.out", "out/one/beside.log"]
)
def test_a_parameters_file_may_be_made_by_what_comes_before(tmp_path: Path, side: str) -> None:
    between = stage("between", items="*.tif", after="one")
    last = stage("last", items="0.tif", after="between") + SIDE.format(side.format(tmp_path))
    assert planned(tmp_path, ONE, between, last)


def test_what_does_not_come_before_makes_nothing_for_a_parameter(tmp_path: Path) -> None:
    last = stage("last", items="0.tif") + SIDE.format("out/one/1.out")
    with pytest.raises(GpucoreError, match=r"there is no file `out/one/1\.out`"):
        planned(tmp_path, ONE, last)
    own = stage("one", items="*.tif") + SIDE.format("out/one/1.out")
    with pytest.raises(GpucoreError, match=r"there is no file `out/one/1\.out`"):
        planned(tmp_path, own)


def calls_of(job_file: JobFile) -> int:
    calls = 0

    def count(frame: object, event: str, arg: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        plan_job(job_file, ADAPTERS)
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.slow
@pytest.mark.parametrize(
    "parts",
    [(ONE, TWO), (ONE, TWO, stage("last", items="0.tif", after=["one", "two"]))],
    ids=["chain", "barrier"],
)
def test_the_work_for_an_item_does_not_grow_with_the_number_of_items(
    tmp_path: Path, parts: tuple[str, ...]
) -> None:
    for name in ("few", "many"):
        (tmp_path / name).mkdir()
    few = calls_of(job(tmp_path / "few", *parts, items=200))
    many = calls_of(job(tmp_path / "many", *parts, items=2_000))
    assert many < 10.5 * few


def test_a_stage_that_waits_for_a_whole_stage_costs_no_more_than_its_edges(
    tmp_path: Path,
) -> None:
    # Each of 60 steps waits for each of 60: 3,600 edges, and not 60 looks at each of them.
    lines = 0

    def count(frame: object, event: str, arg: object) -> object:
        nonlocal lines
        lines += event == "line"
        return count

    job_file = job(tmp_path, ONE, stage("all", items="*.tif", after="one"), items=60)
    before = sys.gettrace()
    sys.settrace(count)  # type: ignore[arg-type]
    try:
        plan = plan_job(job_file, ADAPTERS)
    finally:
        sys.settrace(before)
    assert sum(len(one.after) for one in plan.steps) == 3_600
    assert lines < 30 * 3_600
