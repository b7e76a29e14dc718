"""What %(GPU)s becomes: every row of the standard's table, in every combination."""

from __future__ import annotations

import itertools
import json
import os
import re
from typing import get_args

import pytest

from gpucore.errors import TemplateError
from gpucore.standard.devices import narrow
from gpucore.standard.gpuforms import gpu_arguments, gpu_environment, rank_fields, usable
from gpucore.standard.model import Device
from gpucore.standard.program import Gpu, GpuForm, GpuIds
from gpucore.standard.use import GpuUse

MACHINE = tuple(Device(uuid=f"GPU-{name}", index=place) for place, name in enumerate("abcdef"))
SLOT = (MACHINE[1], MACHINE[4])


@pytest.mark.parametrize(
    ("gpu", "isolate", "arguments", "mask"),
    [
        (Gpu(form="space"), False, ["1", "4"], None),
        (Gpu(form="comma"), False, ["1,4"], None),
        (Gpu(form="colon"), False, ["1,4"], None),
        (Gpu(form="repeat"), False, ["1", "4"], None),
        (Gpu(form="json"), False, ["[1, 4]"], None),
        (Gpu(form="count"), False, ["2"], "1,4"),
        (Gpu(form="comma", ids="visible"), False, ["0,1"], "1,4"),
        (Gpu(form="comma", ids="uuid"), False, ["GPU-b,GPU-e"], None),
        (Gpu(form="json", ids="uuid"), False, ['["GPU-b", "GPU-e"]'], None),
        (Gpu(form="space", base=1), False, ["2", "5"], None),
        (Gpu(form="space", base=1, ids="visible"), False, ["1", "2"], "1,4"),
        (Gpu(form="comma", prefix="cuda:"), False, ["cuda:1,cuda:4"], None),
        (Gpu(form="json", prefix="gpu"), False, ['["gpu1", "gpu4"]'], None),
        (Gpu(form="space"), True, ["0", "1"], "1,4"),
        (Gpu(form="space", isolation=False), True, ["1", "4"], None),
        (Gpu(form="space", ids="uuid"), True, ["GPU-b", "GPU-e"], "1,4"),
    ],
)
def test_each_choice_is_written_as_the_table_says(
    gpu: Gpu, isolate: bool, arguments: list[str], mask: str | None
) -> None:
    assert gpu_arguments(gpu, SLOT, isolate=isolate) == arguments
    environment = gpu_environment(gpu, SLOT, isolate=isolate)
    assert environment.pop("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
    assert environment == ({} if mask is None else {"CUDA_VISIBLE_DEVICES": mask})


def read_back(gpu: Gpu, arguments: list[str], mask: str | None) -> list[str]:
    """Return the UUIDs that a program would use: what CUDA does with its flag and environment."""
    seen = narrow(MACHINE, mask)
    if gpu.form == "count":
        return [device.uuid for device in seen[: int(arguments[0])]]
    if gpu.form == "json":
        fields = [str(one) for one in json.loads(arguments[0])]
    else:
        separators = re.compile("[,:]" if gpu.form == "colon" else ",")
        fields = [field for one in arguments for field in separators.split(one)]
    ids = [one.removeprefix(gpu.prefix) for one in fields]
    if gpu.ids == "uuid":
        return [one.uuid for name in ids for one in seen if one.uuid == name]
    return [seen[int(number) - gpu.base].uuid for number in ids]


@pytest.mark.parametrize("form", [form for form in get_args(GpuForm) if form != "none"])
def test_command_and_environment_always_name_the_slots_own_devices(form: GpuForm) -> None:
    prefixes = ("", "gpu") if form == "colon" else ("", "gpu", "cuda:")
    choices = itertools.product(
        get_args(GpuIds), (0, 1), prefixes, (None, 1, 2), (True, False), (True, False)
    )
    for ids, base, prefix, most, isolation, isolate in choices:
        gpu = Gpu(use=GpuUse.COMPULSORY, form=form, ids=ids, base=base, prefix=prefix, max=most,
                  isolation=isolation)  # fmt: skip
        for size in (1, 2, 3):
            for slot in itertools.permutations(MACHINE[1:5], size):
                used = usable(gpu, slot)
                assert used == slot[: most or size]
                mask = gpu_environment(gpu, used, isolate=isolate).get("CUDA_VISIBLE_DEVICES")
                arguments = gpu_arguments(gpu, used, isolate=isolate)
                assert read_back(gpu, arguments, mask) == [one.uuid for one in used]
                if ids == "visible" or (isolate and isolation) or form == "count":
                    assert narrow(MACHINE, mask) == tuple(
                        Device(uuid=one.uuid, index=place, mask=str(one.index))
                        for place, one in enumerate(used)
                    ), "nothing but the step's GPUs can be seen"


def test_a_program_told_by_its_environment_alone_gets_just_its_gpus() -> None:
    for ids in get_args(GpuIds):
        gpu = Gpu(use=GpuUse.COMPULSORY, form="none", ids=ids, isolation=False)
        assert gpu_environment(gpu, SLOT)["CUDA_VISIBLE_DEVICES"] == "1,4"
        with pytest.raises(TemplateError, match="the adapter's GPU form is `none`"):
            gpu_arguments(gpu, SLOT)


@pytest.mark.parametrize("form", get_args(GpuForm))
def test_a_step_without_gpus_sees_none(form: GpuForm) -> None:
    assert gpu_environment(Gpu(use=GpuUse.OPTIONAL, form=form), ()) == {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": "",
    }


def test_a_slot_that_holds_a_device_twice_names_it_once() -> None:
    one, two = SLOT
    gpu = Gpu(use=GpuUse.COMPULSORY, form="space", max=2)
    assert usable(gpu, [one, one, two, one]) == (one, two)
    assert gpu_arguments(gpu, usable(gpu, [one, one])) == ["1"]


def test_inside_a_batch_job_the_mask_is_written_in_the_jobs_own_entries() -> None:
    inside = narrow(MACHINE, "GPU-e,1")
    host = Gpu(use=GpuUse.COMPULSORY, form="space")
    assert gpu_arguments(host, inside) == ["0", "1"]
    assert "CUDA_VISIBLE_DEVICES" not in gpu_environment(host, inside), "the job's own stays"
    hidden = gpu_environment(host, inside[::-1], isolate=True)
    assert hidden["CUDA_VISIBLE_DEVICES"] == "1,GPU-e"


@pytest.mark.parametrize(
    ("ids", "ranks", "leader", "fields"),
    [
        ("01", 1, True, ["0,1"]),
        ("01", 1, False, ["0,1"]),
        ("01", 2, True, ["0,1"]),
        ("01", 3, True, ["0", "1"]),
        ("01", 2, False, ["0", "1"]),
        ("01", 5, True, ["0", "1", "0", "1"]),
        ("012", 3, True, ["0,1", "2"]),
        ("0123", 2, False, ["0,1", "2,3"]),
        ("0", 0, True, ["0"]),
    ],
)
def test_each_rank_that_computes_has_a_field(
    ids: str, ranks: int, leader: bool, fields: list[str]
) -> None:
    assert rank_fields(list(ids), ranks, leader=leader) == fields
    gpu = Gpu(use=GpuUse.COMPULSORY, form="colon", ranks="mpi", leader=leader)
    slot = [MACHINE[int(one)] for one in ids]
    assert gpu_arguments(gpu, slot, ranks=ranks) == [":".join(fields)]


@pytest.mark.parametrize(
    ("ranks", "leader", "used"), [(1, True, 1), (2, True, 1), (3, True, 2), (3, False, 3)]
)
def test_max_counts_for_each_process(ranks: int, leader: bool, used: int) -> None:
    gpu = Gpu(use=GpuUse.COMPULSORY, form="colon", ranks="mpi", leader=leader, max=1)
    assert usable(gpu, MACHINE, ranks=ranks) == MACHINE[:used]


def test_the_parents_environment_is_never_changed() -> None:
    before = dict(os.environ)
    for form in get_args(GpuForm):
        gpu_environment(Gpu(use=GpuUse.OPTIONAL, form=form, ids="visible"), SLOT, isolate=True)
    assert dict(os.environ) == before
