"""What a run is given: devices, units, workers; and every refusal."""

from __future__ import annotations

import pytest

from gpucore.config import SiteConfig
from gpucore.errors import DeviceError, GpuListError, PluginError
from gpucore.provision import provide, read_devices
from gpucore.registry import open_plugins

NO_MASK = {"PATH": "/usr/bin:/bin"}


@pytest.fixture(scope="module")
def plugins():
    return open_plugins(SiteConfig())


@pytest.fixture
def given(plugins):
    def make(gpus, threads=None, **more):
        settings = {
            "devices": "simulated:4", "policy": "slots", "sharing": "adapter",
            "environment": NO_MASK,
        }  # fmt: skip
        return provide(plugins, gpus=gpus, threads=threads, **(settings | more))

    return make


def cut(provision):
    return [[one.index for one in unit.devices] for unit in provision.units]


def test_auto_is_every_device_with_a_worker_each(given):
    provision = given("auto")
    assert cut(provision) == [[0], [1], [2], [3]]
    assert (provision.workers, provision.extended, provision.absent) == (4, False, None)


def test_auto_without_a_driver_is_no_gpu_and_the_reason_is_kept(given):
    provision = given("auto", devices="nvml")
    assert (provision.units, provision.devices, provision.workers) == ((), (), 1)
    assert "libnvidia-ml" in provision.absent.what


def test_a_list_without_a_driver_is_an_error(given):
    with pytest.raises(DeviceError, match="libnvidia-ml"):
        given("0 1", devices="nvml")


def test_a_plan_takes_indexes_at_their_word_without_a_driver(given):
    assert cut(given("0 1", 5, devices="nvml", machine_needed=False)) == [[0], [1], [0], [1]]
    with pytest.raises(DeviceError):
        given("GPU-1", devices="nvml", machine_needed=False)


def test_a_plan_looks_at_a_source_that_was_chosen(given):
    assert all(one.simulated for one in given("0 1", machine_needed=False).devices)
    with pytest.raises(GpuListError, match="`5`"):
        given("5", devices="simulated:2", machine_needed=False)


def test_no_list_is_no_gpu_and_nothing_is_looked_at(given):
    provision = given("", 3, devices="nvml")
    assert (provision.units, provision.workers, provision.absent) == ((), 2, None)


@pytest.mark.parametrize("mask", ["", "-1", "9"])
def test_an_outer_mask_that_hides_every_device_is_said(given, mask):
    hidden = NO_MASK | {"CUDA_VISIBLE_DEVICES": mask}
    provision = given("auto", environment=hidden)
    assert provision.units == ()
    assert f"CUDA_VISIBLE_DEVICES={mask!r}" in provision.absent.what
    with pytest.raises(DeviceError, match="CUDA_VISIBLE_DEVICES"):
        given("0", environment=hidden)


def test_indexes_count_inside_an_outer_mask(given):
    provision = given("0 1", environment=NO_MASK | {"CUDA_VISIBLE_DEVICES": "3,1"})
    assert [one.mask_entry for one in provision.devices] == ["3", "1"]
    with pytest.raises(GpuListError, match="`2`"):
        given("0 2", environment=NO_MASK | {"CUDA_VISIBLE_DEVICES": "3,1"})


def test_a_source_without_devices_is_an_error_for_a_list_and_an_answer_for_auto(given):
    assert "simulated:0" in given("auto", devices="simulated:0").absent.what
    with pytest.raises(DeviceError, match="simulated:0"):
        given("0", devices="simulated:0")


def test_a_short_list_is_repeated_unless_it_is_never_to_be(given):
    assert cut(given("0 1", 5)) == [[0], [1], [0], [1]]
    assert given("0 1", 5).extended
    never = given("0 1", 5, sharing="never")
    assert (cut(never), never.workers, never.extended) == ([[0], [1]], 4, False)


def test_a_list_that_repeats_itself_is_as_its_user_wants_it(given):
    asked = given("0 0", 3, sharing="never")
    assert (cut(asked), asked.extended, len(asked.devices)) == ([[0], [0]], False, 1)


def test_the_pool_has_a_unit_for_each_place(given):
    assert cut(given("0 1 2 0", 2, policy="pool")) == [[0], [1], [2], [0]]


def test_what_the_machine_does_not_have_is_named(given):
    with pytest.raises(GpuListError, match="`7`"):
        given("0 7")


def test_unknown_sources_and_policies_are_told_with_the_nearest_name(given, plugins):
    with pytest.raises(PluginError, match="`simulate`") as caught:
        given("auto", devices="simulate:2")
    assert "simulated" in caught.value.hint
    with pytest.raises(PluginError, match="`pol`") as caught:
        given("0", policy="pol")
    assert "pool" in caught.value.hint
    with pytest.raises(PluginError, match="nvlm"):
        read_devices(plugins, "nvlm", NO_MASK)
