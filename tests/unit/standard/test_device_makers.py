"""Devices that numbers do not name: MIG instances, and another maker's."""

from __future__ import annotations

import pytest

from gpucore.errors import TemplateError
from gpucore.standard import Adapter, Device, Gpu, GpuUse, Program, Template
from gpucore.standard.checks import adapter_faults
from gpucore.standard.devices import MASKS, narrow, resolve, unmasked
from gpucore.standard.gpuforms import gpu_arguments, gpu_environment, numbered, visible_environment
from gpucore.standard.gpulist import parse_gpu_list

PLAIN = Device(uuid="GPU-a", index=0)
ONE = Device(uuid="MIG-1", index=1, mask="MIG-1", parent="GPU-b")
TWO = Device(uuid="MIG-2", index=2, mask="MIG-2", parent="GPU-b")
THREE = Device(uuid="MIG-3", index=3, mask="MIG-3", parent="GPU-c")
MACHINE = (PLAIN, ONE, TWO, THREE)
AMD = Device(uuid="GPU-1f", index=4, mask="GPU-1f", maker="amd")

BY_NUMBER = Gpu(use=GpuUse.OPTIONAL, form="space", isolation=False)


@pytest.mark.parametrize(
    ("device", "environment"),
    [
        (PLAIN, {}),
        (ONE, {"CUDA_VISIBLE_DEVICES": "MIG-1"}),
        (AMD, {"ROCR_VISIBLE_DEVICES": "GPU-1f", "HIP_VISIBLE_DEVICES": "0"}),
    ],
)
def test_a_device_without_a_number_is_shown_alone_and_is_number_zero(
    device: Device, environment: dict[str, str]
) -> None:
    own = gpu_environment(BY_NUMBER, [device])
    assert own == {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", **environment}
    assert gpu_arguments(BY_NUMBER, [device]) == ["0"]
    assert numbered([device]) == (not environment)


def test_base_and_identity_hold_for_devices_without_numbers() -> None:
    from_one = Gpu(use=GpuUse.OPTIONAL, form="comma", base=1)
    assert gpu_arguments(from_one, [ONE]) == ["1"]
    by_identity = Gpu(use=GpuUse.OPTIONAL, form="comma", ids="uuid")
    assert gpu_arguments(by_identity, [ONE]) == ["MIG-1"]
    assert gpu_environment(by_identity, [ONE])["CUDA_VISIBLE_DEVICES"] == "MIG-1"


@pytest.mark.parametrize("device", [ONE, AMD])
def test_a_program_that_overwrites_the_mask_with_numbers_cannot_have_them(device: Device) -> None:
    overwriting = Gpu(use=GpuUse.OPTIONAL, form="space", overwrites_mask=True)
    with pytest.raises(TemplateError, match=device.mask):
        gpu_arguments(overwriting, [device])


def test_several_devices_are_shown_in_the_order_of_the_slot() -> None:
    other = Device(uuid="GPU-2e", index=0, mask="GPU-2e", maker="amd")
    assert visible_environment([AMD, other]) == {
        "ROCR_VISIBLE_DEVICES": "GPU-1f,GPU-2e",
        "HIP_VISIBLE_DEVICES": "0,1",
    }


@pytest.mark.parametrize(
    ("mask", "left"),
    [
        ("MIG-2,GPU-a", ["MIG-2", "GPU-a"]),
        ("MIG-3", ["MIG-3"]),
        ("0,1,2", ["GPU-a", "MIG-1", "MIG-3"]),
        ("1,MIG-2", ["MIG-1", "MIG-2"]),
        ("3", []),
        ("MIG-", []),
        ("MIG-1,MIG-1,GPU-a", ["MIG-1"]),
    ],
)
def test_a_mask_names_instances_by_identity_and_gpus_by_number(mask: str, left: list[str]) -> None:
    seen = narrow(MACHINE, mask)
    assert [one.uuid for one in seen] == left
    assert [one.index for one in seen] == list(range(len(left)))
    assert all(one.mask_entry == one.uuid for one in seen if one.parent)


def test_a_gpu_list_names_instances_by_index_and_by_identity() -> None:
    found = resolve(parse_gpu_list("3 MIG-1"), MACHINE)
    assert [one.uuid for one in found if isinstance(one, Device)] == ["MIG-3", "MIG-1"]


def test_nothing_is_hidden_in_an_environment_without_masks() -> None:
    environment = {**dict.fromkeys(MASKS, "7"), "PATH": "/bin"}
    assert unmasked(environment) == {"PATH": "/bin"}


@pytest.mark.parametrize("name", MASKS)
def test_an_adapter_that_sets_a_mask_itself_is_refused(name: str) -> None:
    adapter = Adapter(
        name="masks",
        title="masks: sets a mask",
        program=Program(executable="masks"),
        gpu=Gpu(use=GpuUse.OPTIONAL, form="none"),
        command=Template(argv=("%(EXE)s",), env={name: "0"}),
    )
    assert any(name in fault.what for fault in adapter_faults(adapter))
