"""Plans of one adapter over files: names, shares, clashes, and how they grow."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from gpucore.clashes import clashes
from gpucore.errors import Faults, GpucoreError, ParameterError
from gpucore.planning import Plan, make_step, plan_map, preview, stage_steps
from gpucore.provision import Provision
from gpucore.scheduling.policies import SLOTS
from gpucore.standard import Adapter, Gpu, GpuUse, Group, Param, Program, Template
from gpucore.standard.devices import assume
from gpucore.standard.gpulist import parse_gpu_list
from gpucore.standard.slots import workers

if TYPE_CHECKING:
    from pathlib import Path


def copying(pattern: str = "%(src.stem)s.out", **more: Param) -> Adapter:
    """Return an adapter with an item, an output, two outputs of the user's choice and a number."""
    return Adapter(
        name="copy",
        title="a stand-in",
        program=Program(executable="/bin/cp"),
        gpu=Gpu(use=GpuUse.OPTIONAL, form="space"),
        command=Template(
            argv=("%(EXE)s", "%(src)s", "%(dst)s", Group(when="gpu", args=("%(GPU)s",)))
        ),
        params={
            "src": Param(type="path", item=True, help="what is read"),
            "dst": Param(type="path", output=pattern, help="what is made"),
            "number": Param(type="int", default=1, max=5, help="a number"),
            **more,
        },
    )


def planned(tmp_path: Path, *items: str, adapter: Adapter | None = None, **given: object) -> Plan:
    for item in items:
        (tmp_path / item).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / item).touch()
    return plan_map(adapter or copying(), items, given, output="out", root=tmp_path)


def provision(gpus: str, threads: int) -> Provision:
    units = tuple(SLOTS.cut(assume(parse_gpu_list(gpus)), threads, True))
    return Provision(devices=(), units=units, workers=workers(threads))


def test_equal_stems_get_names_of_their_own() -> None:
    items = ["a.tif", "b/a.tif", "a~2.tif", "c/a.tif", "a.mrc", "a~2.mrc"]
    steps = list(stage_steps(copying(), items, {}, stage="s", output="o"))
    names = [step.name for step in steps]
    assert len(set(names)) == len(items)
    assert names[:2] == ["s/a", "s/a~2"]


@pytest.mark.parametrize("seed", range(20))
def test_names_are_unique_whatever_the_stems(seed: int) -> None:
    import random  # noqa: PLC0415

    pick = random.Random(seed)
    items = [
        f"{number}/{pick.choice('ab')}{'~2' * pick.randrange(3)}{'~3' * pick.randrange(2)}.tif"
        for number in range(60)
    ]
    names = [one.name for one in stage_steps(copying(), items, {}, stage="s", output="o")]
    assert len(set(names)) == len(items)


def test_the_plan_keeps_the_order_of_the_items(tmp_path: Path) -> None:
    plan = planned(tmp_path, "z.tif", "a.tif", "m.tif")
    assert [one.step.own["src"] for one in plan.steps] == ["z.tif", "a.tif", "m.tif"]
    assert all(one.after == () for one in plan.steps)


def test_what_items_have_in_common_is_one_dict_for_all_of_them(tmp_path: Path) -> None:
    plan = planned(tmp_path, "a.tif", "b.tif", "c.tif", number=3)
    assert len({id(one.step.shared) for one in plan.steps}) == 1
    assert plan.steps[0].step.shared == {"number": 3}
    assert plan.steps[1].step.own == {"src": "b.tif", "dst": "out/b.out"}
    assert plan.steps[1].step.values == {"src": "b.tif", "dst": "out/b.out", "number": 3}


def test_two_items_with_one_output_are_a_clash_and_each_is_told(tmp_path: Path) -> None:
    with pytest.raises(Faults) as caught:
        planned(tmp_path, "x/a.tif", "y/a.tif", "z/a.tif")
    assert [one.what for one in caught.value.errors] == [
        "copy/a and copy/a~2 would write the same output `out/a.out`",
        "copy/a~2 and copy/a~3 would write the same output `out/a.out`",
    ]


def test_clashes_and_missing_files_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x/a.tif").touch()
    with pytest.raises(Faults) as caught:
        plan_map(copying(), ["x/a.tif", "y/a.tif"], {}, output="out", root=tmp_path)
    whats = [one.what for one in caught.value.errors]
    assert whats[0] == "there is no file `y/a.tif`"
    assert "would write the same output" in whats[1]


@pytest.mark.parametrize("given", ["a.out", "./a.out", "x/../a.out", "{}/a.out"])
def test_an_input_is_not_overwritten_however_its_path_is_written(
    tmp_path: Path, given: str
) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(ParameterError, match="would overwrite its own input"):
        planned(tmp_path, "a.out", dst=given.format(tmp_path))


def test_another_input_of_the_same_step_is_not_overwritten_either(tmp_path: Path) -> None:
    adapter = copying(gain=Param(type="path", optional=True, help="a reference"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.out").touch()
    with pytest.raises(ParameterError, match="would overwrite its own input"):
        planned(tmp_path, "a.tif", adapter=adapter, gain="out/a.out")


def test_a_stage_does_not_overwrite_the_input_of_another_of_its_steps(tmp_path: Path) -> None:
    # What `map … raw/*.mrc -o raw` does when it is called a second time.
    for name in ("m.mrc", "m_aligned.mrc"):
        (tmp_path / name).touch()
    with pytest.raises(ParameterError) as caught:
        plan_map(
            copying("%(src.stem)s_aligned.mrc"), ["m.mrc", "m_aligned.mrc"], {},
            output=".", root=tmp_path,
        )  # fmt: skip
    assert caught.value.what == (
        "copy/m would overwrite `m_aligned.mrc`, the input of copy/m_aligned"
    )


def test_a_file_that_a_parameter_names_is_looked_for_once_and_told_with_the_parameter(
    tmp_path: Path,
) -> None:
    adapter = copying(
        gain=Param(type="path", optional=True, help="a reference"),
        masks=Param(type="path", optional=True, length=0, help="masks"),
        any=Param(type="path", optional=True, check="any", help="not looked at"),
    )
    (tmp_path / "m1.mrc").touch()
    with pytest.raises(Faults) as caught:
        planned(
            tmp_path, "a.tif", "b.tif", adapter=adapter, gain="nix.mrc", any="gone",
            masks=["m1.mrc", "m2.mrc"],
        )  # fmt: skip
    assert [one.what for one in caught.value.errors] == [
        "there is no file `nix.mrc`, which `gain` names",
        "there is no file `m2.mrc`, which `masks` names",
    ]


def test_an_output_of_the_users_choice_need_not_be_there(tmp_path: Path) -> None:
    adapter = copying(log=Param(type="path", output="%(src.stem)s.log", help="what is said"))
    assert planned(tmp_path, "a.tif", adapter=adapter, log="new.log")


def test_a_folder_that_a_parameter_names_is_told_as_a_folder(tmp_path: Path) -> None:
    adapter = copying(
        place=Param(type="path", optional=True, check="directory", help="where it looks")
    )
    with pytest.raises(ParameterError, match="there is no folder `nix`, which `place` names"):
        planned(tmp_path, "a.tif", adapter=adapter, place="nix")
    (tmp_path / "there").mkdir()
    assert planned(tmp_path, "a.tif", adapter=adapter, place="there")


def test_what_a_later_stage_reads_may_be_made_by_an_earlier_one(tmp_path: Path) -> None:
    first = list(stage_steps(copying(), ["a.tif"], {}, stage="one", output="out/one"))
    second = list(stage_steps(copying(), ["out/one/a.out"], {}, stage="two", output="out/two"))
    assert not list(clashes([*first, *second], tmp_path))


def test_an_output_that_all_items_would_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="would be written by all 2 items"):
        planned(tmp_path, "a.tif", "b.tif", dst="one.out")
    assert planned(tmp_path, "a.tif", dst="one.out").steps[0].step.values["dst"] == "one.out"


def test_wrong_values_are_told_once_and_not_once_an_item(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="`number` = 9 is too large"):
        planned(tmp_path, "a.tif", "b.tif", number=9)


def test_an_adapter_without_an_item_and_no_items_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no item to run over"):
        planned(tmp_path)
    plain = Adapter(
        name="plain", title="t", program=Program(executable="x"),
        command=Template(argv=("%(EXE)s",)),
    )  # fmt: skip
    with pytest.raises(ParameterError, match="has no item"):
        planned(tmp_path, "a.tif", adapter=plain)


def test_an_item_that_looks_like_an_option_is_given_as_a_path(tmp_path: Path) -> None:
    plan = planned(tmp_path, "-rf.tif")
    assert plan.steps[0].step.own == {"src": "./-rf.tif", "dst": "out/-rf.out"}


def test_a_single_steps_item_and_outputs_are_its_own() -> None:
    step = make_step(copying(), {"src": "a.tif"}, name="s", output="o", gpus=2, use_gpu=False)
    assert step.own == {"src": "a.tif", "dst": "o/a.out"}
    assert step.shared == {"number": 1}
    assert (step.name, step.stage, step.use_gpu, step.gpus) == ("s", "", False, 2)


def test_a_plan_names_each_of_its_adapters_once(tmp_path: Path) -> None:
    assert [one.name for one in planned(tmp_path, "a.tif", "b.tif").adapters] == ["copy"]


def test_a_preview_gives_slots_in_the_order_in_which_they_become_free(tmp_path: Path) -> None:
    plan = planned(tmp_path, *(f"{number}.tif" for number in range(5)))
    shown = [
        (step.name, [device.index for device in grant.devices])
        for step, grant in preview(plan, provision("0 1 2", 3), may_share=False)
    ]
    assert shown == [
        ("copy/0", [0, 1]), ("copy/1", [2]), ("copy/2", [0, 1]), ("copy/3", [2]),
        ("copy/4", [0, 1]),
    ]  # fmt: skip


def test_a_preview_without_gpus_runs_optional_programs_on_the_cpu(tmp_path: Path) -> None:
    plan = planned(tmp_path, "a.tif", "b.tif")
    grants = [grant for _, grant in preview(plan, provision("", 2), may_share=False)]
    assert [grant.devices for grant in grants] == [(), ()]


def test_a_preview_refuses_what_can_never_be_given(tmp_path: Path) -> None:
    (tmp_path / "a.tif").touch()
    plan = plan_map(copying(), ["a.tif"], {}, output="out", root=tmp_path, gpus=3)
    with pytest.raises(GpucoreError, match="3 GPUs are needed, and the run has 2"):
        list(preview(plan, provision("0 1", 3), may_share=False))


def calls_of(count: int, folder: Path) -> int:
    """Return how many calls of Python functions a plan of so many items takes."""
    calls = 0

    def count_calls(frame: object, event: str, arg: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    adapter = copying()
    items = [f"{number}.tif" for number in range(count)]
    before = sys.getprofile()
    sys.setprofile(count_calls)
    try:
        steps = list(stage_steps(adapter, items, {}, stage="s", output="out"))
        assert not list(clashes(steps, folder))
    finally:
        sys.setprofile(before)
    assert len(steps) == count
    return calls


@pytest.mark.slow
def test_the_work_for_an_item_does_not_grow_with_the_number_of_items(tmp_path: Path) -> None:
    few, many = calls_of(1_000, tmp_path), calls_of(10_000, tmp_path)
    assert many < 10.5 * few


@pytest.mark.slow
def test_a_plan_of_100_000_items_shares_what_its_steps_have_in_common(tmp_path: Path) -> None:
    items = [f"{number}.tif" for number in range(100_000)]
    steps = list(stage_steps(copying(), items, {"number": 2}, stage="s", output="out"))
    assert len({id(step.shared) for step in steps}) == 1
    assert len({step.name for step in steps}) == 100_000
    assert steps[-1].values["dst"] == "out/99999.out"
