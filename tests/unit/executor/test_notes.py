"""What a user is told before a run of the GPUs that its steps will get."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from programs import shell

from gpucore.config import SiteConfig
from gpucore.executor import StepExecutor
from gpucore.notes import gpu_notes
from gpucore.planning import make_step, plan_map
from gpucore.provision import Provision, provide
from gpucore.registry import open_plugins
from gpucore.standard import Adapter, Gpu, GpuUse, Noted

if TYPE_CHECKING:
    from pathlib import Path

    from gpucore.standard.step import Step

BATCH = "the batch is multiplied by the number of GPUs"


def trainer(**gpu: object) -> Adapter:
    form = {"use": GpuUse.OPTIONAL, "form": "none", **gpu}
    return replace(shell("train"), gpu=Gpu(**form))  # type: ignore[arg-type]


def step(adapter: Adapter, **given: object) -> Step:
    return make_step(adapter, {"text": "true"}, name="one", output="", **given)  # type: ignore[arg-type]


def given(gpus: str, threads: int | None, policy: str = "slots") -> Provision:
    return provide(
        open_plugins(SiteConfig()), gpus=gpus, threads=threads, devices="simulated:4",
        policy=policy, sharing="adapter", environment={},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("gpus", "threads", "asked", "numbers"),
    [("0 1", 2, None, "2"), ("0 1", None, None, ""), ("0 1 2", 3, None, "1 or 2"),
     ("0 0", 2, None, ""), ("", 2, None, ""), ("0-3", None, 3, "3"), ("0-3", None, 1, "")],
)  # fmt: skip
def test_that_the_number_of_gpus_changes_the_result_is_said_when_steps_get_several(
    gpus: str, threads: int | None, asked: int | None, numbers: str
) -> None:
    policy = "pool" if asked else "slots"
    one = step(trainer(changes_result=BATCH), gpus=asked)
    notes = list(gpu_notes([one, one], given(gpus, threads, policy)))
    expected = f"train: a step gets {numbers} GPUs, which changes its result: {BATCH}; with one"
    assert [note.startswith(expected) for note in notes] == ([True] if numbers else [])


def test_a_step_without_use_of_a_gpu_has_no_note() -> None:
    one = step(trainer(changes_result=BATCH, memory=10**6), use_gpu=False)
    assert list(gpu_notes([one], given("0 1", 2))) == []


def test_a_program_of_one_gpu_says_that_the_rest_of_its_slot_stays_idle() -> None:
    (note,) = gpu_notes([step(trainer(max=1))], given("0 1 2", 2))
    assert note.startswith("train: train uses 1 of the 3 GPUs that a step gets")
    assert list(gpu_notes([step(trainer(max=1))], given("0 1 2", None))) == []


def test_too_little_memory_is_said_with_the_gpu_and_what_it_depends_on() -> None:
    provision = given("0 1", None)
    small = replace(provision.devices[1], memory_mib=4096)
    provision = replace(provision, devices=(provision.devices[0], small))
    one = step(trainer(memory=8192, memory_note="the box size"))
    large = [device for device in provision.devices if device.memory_mib >= 8192]
    (note,) = gpu_notes([one], provision)
    assert "needs 8192 MiB on each GPU, and" in note
    assert "GPU 1 has 4096; it depends: the box size" in note
    assert all(f"GPU {device.index} has" not in note for device in large)


def test_a_run_says_it_once_for_a_stage_and_not_for_each_step(tmp_path: Path) -> None:
    noted: list[str] = []
    with StepExecutor.open(
        gpus="0 1", threads=2, devices="simulated:2", output="out", root=tmp_path,
        on_event=lambda event: noted.append(event.text) if isinstance(event, Noted) else None,
    ) as executor:  # fmt: skip
        for text in ("true", "true"):
            executor.submit(trainer(changes_result=BATCH), text=text).result()
    assert [BATCH in text for text in noted] == [True]


def test_a_plan_says_it_for_each_of_its_stages(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).touch()
    adapter = trainer(changes_result=BATCH)
    plan = plan_map(adapter, ["a", "b"], {"text": "true"}, output="out", root=tmp_path)
    steps = [one.step for one in plan.steps]
    others = [replace(one, stage="second") for one in steps]
    notes = list(gpu_notes([*steps, *others], given("0 1", 2)))
    assert [note.partition(":")[0] for note in notes] == ["train", "second"]


def test_a_lease_says_it_too_once_and_nothing_that_hangs_on_ranks_it_does_not_know(
    tmp_path: Path,
) -> None:
    noted: list[str] = []
    ranked = replace(trainer(max=1, ranks="mpi"), name="ranked")
    with StepExecutor.open(
        gpus="0 1", threads=2, devices="simulated:2", output="out", root=tmp_path,
        on_event=lambda event: noted.append(event.text) if isinstance(event, Noted) else None,
    ) as executor:  # fmt: skip
        for adapter in (trainer(max=1), trainer(max=1), ranked):
            executor.lease(adapter).release()
    assert [note.partition(" uses ")[0] for note in noted] == ["train: train"]
