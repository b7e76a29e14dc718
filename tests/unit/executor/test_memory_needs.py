"""How much memory steps ask for, and what compute modes leave of a list."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from programs import shell

from gpucore.errors import DeviceError, Faults, ParameterError
from gpucore.notes import gpu_notes
from gpucore.planning import make_step
from gpucore.plugins import PluginHost, hookimpl
from gpucore.plugins.offers import DeviceSource
from gpucore.provision import Provision, provide
from gpucore.scheduling import MEMORY, POOL, SLOTS, Ledger, Policy, SharedLedger
from gpucore.standard import Adapter, Device, Gpu, GpuUse, Need

if TYPE_CHECKING:
    from gpucore.standard.step import Step

HAVE = (8_000, 24_000, 24_000)


def given(
    gpus: str = "auto",
    threads: int | None = None,
    *,
    policy: str = "pool",
    modes: tuple[str, ...] = ("default",) * 3,
    **more: object,
) -> Provision:
    devices = [
        Device(uuid=f"GPU-{index}", index=index, memory_mib=memory, compute_mode=mode)
        for index, (memory, mode) in enumerate(zip(HAVE, modes, strict=True))
    ]

    class Offers:
        @hookimpl
        def gpucore_device_sources(self) -> list[DeviceSource]:
            return [DeviceSource(name="three", title="three", read=lambda *_: devices)]

        @hookimpl
        def gpucore_policies(self) -> list[Policy]:
            return [SLOTS, POOL, MEMORY]

    plugins = PluginHost.load(extra={"three": Offers()}, installed=False)
    return provide(
        plugins, gpus=gpus, threads=threads, devices="three", policy=policy,
        environment={}, **({"sharing": "adapter"} | more),
    )  # fmt: skip


def adapter(**gpu: object) -> Adapter:
    return replace(shell("train"), gpu=Gpu(**{"use": GpuUse.OPTIONAL, "form": "none", **gpu}))


def step(memory: int | None = None, **more: object) -> Step:
    return make_step(adapter(memory=memory), {"text": "true"}, name="one", output="", **more)


def need(provision: Provision, one: Step, *peaks: int) -> Need:
    return provision.need(one, may_share=False, peaks=peaks)


@pytest.mark.parametrize(("said", "mib"), [("12 GiB", 12_288), (800, 800), (None, None)])
def test_a_step_takes_memory_as_text_and_in_mib(said: str | int | None, mib: int | None) -> None:
    assert step(gpu_memory=said).gpu_memory == mib


@pytest.mark.parametrize("wrong", ["12", 0, -1, True, 1.5, 2**40, "0 GiB"])
def test_what_is_no_memory_to_ask_for_is_refused(wrong: object) -> None:
    with pytest.raises(ParameterError):
        step(gpu_memory=wrong)


def test_a_program_without_a_gpu_cannot_ask_for_its_memory() -> None:
    with pytest.raises(ParameterError, match="uses no GPU"):
        make_step(adapter(use=GpuUse.NONE), {"text": ""}, name="one", output="", gpu_memory="1 GiB")


@pytest.mark.parametrize(
    ("policy", "asked", "known", "peaks", "mib"),
    [
        ("slots", None, 12_000, (9_000,), 0),
        ("pool", None, 12_000, (), 12_000),
        ("memory", None, 12_000, (), 12_000),
        ("pool", None, None, (), 0),
        ("pool", None, None, (9_000,), 9_900),
        ("pool", None, 30_000, (), 0),
        ("pool", None, 12_000, (23_500,), 0),
        ("slots", 10_000, 12_000, (), 10_000),
        ("slots", 10_000, None, (5_000,) * 9, 10_000),
        ("slots", 10_000, None, (12_000,), 13_200),
        ("slots", 10_000, None, (23_500,), 10_000),
        ("slots", 30_000, None, (), 30_000),
    ],
)
def test_a_step_is_given_what_it_asks_for_or_else_what_its_program_is_known_to_need(
    policy: str, asked: int | None, known: int | None, peaks: tuple[int, ...], mib: int
) -> None:
    one = step(known, gpu_memory=asked)
    assert need(given(policy=policy), one, *peaks) == Need(gpus=None, memory_mib=mib)


def test_an_estimate_counts_where_as_many_devices_have_the_memory_as_the_step_asks_for() -> None:
    assert need(given(), step(12_000, gpus=2)).memory_mib == 12_000
    assert need(given(), step(12_000, gpus=3)).memory_mib == 0


def test_a_step_without_use_of_a_gpu_asks_for_no_memory() -> None:
    assert need(given(), step(12_000, use_gpu=False)) == Need()
    assert need(given(""), step(12_000)) == Need()


def test_who_says_what_memory_a_step_needs_is_not_told_what_its_program_needs() -> None:
    provision = given(policy="slots")
    assert any("needs 12000 MiB" in one for one in gpu_notes([step(12_000)], provision))
    assert list(gpu_notes([step(12_000, gpu_memory="1 GiB")], provision)) == []


def test_the_policy_memory_shares_devices_unless_nothing_is_to_be_shared() -> None:
    shared = given("0 0 1", 9, policy="memory", memory_reserve="1 GiB")
    assert [unit.devices[0].index for unit in shared.units] == [0, 1]
    assert isinstance(shared.machine().ledger, SharedLedger)
    assert shared.reserve_mib == 1_024
    never = given("0 1", 9, policy="memory", sharing="never")
    assert type(never.machine().ledger) is Ledger
    assert never.memory == "estimated"


def test_what_is_done_about_strangers_follows_from_the_list_and_the_settings() -> None:
    assert (given("auto").foreign, given("auto").by_hand) == ("", False)
    assert (given("0", foreign="wait").foreign, given("0").by_hand) == ("wait", True)
    assert given("").by_hand is False


def test_a_prohibited_device_is_left_out_of_auto_and_refused_by_name() -> None:
    modes = ("prohibited", "default", "prohibited")
    provision = given("auto", modes=modes)
    assert [device.index for device in provision.devices] == [1]
    assert provision.workers == 1
    assert next(iter(gpu_notes([step()], provision))) == (
        "GPU 0 is left out: its compute mode is prohibited (`nvidia-smi -i GPU-0 -c DEFAULT`)"
    )
    with pytest.raises(Faults) as caught:
        given("0 1 2 2", modes=modes)
    assert [one.what for one in caught.value.errors] == [
        f"GPU {index} takes no programs: its compute mode is prohibited" for index in (0, 2)
    ]
    assert given("1", modes=modes).notes == ()


def test_a_machine_whose_devices_are_all_prohibited_has_none_and_says_why() -> None:
    provision = given("auto", modes=("prohibited",) * 3)
    assert provision.units == ()
    assert isinstance(provision.absent, DeviceError)
    assert "prohibited" in provision.absent.what


@pytest.mark.parametrize(
    ("gpus", "threads", "policy", "units"),
    [
        ("0 0 1 1", 5, "pool", [[0], [1], [1]]),
        ("0 1", 5, "slots", [[0], [1], [1]]),
        ("0 0 1 1", 3, "slots", [[0], [1, 1]]),
        ("0 1 0 2", 3, "slots", [[0, 1], [2]]),
        ("0 0", 2, "slots", [[0]]),
        ("0 1 2", 4, "slots", [[0], [1], [2]]),
    ],
)
def test_an_exclusive_device_is_in_one_unit_alone(
    gpus: str, threads: int, policy: str, units: list[list[int]]
) -> None:
    provision = given(
        gpus, threads, policy=policy, modes=("exclusive_process", "default", "default")
    )
    assert [[one.index for one in unit.devices] for unit in provision.units] == units
    assert [unit.number for unit in provision.units] == list(range(len(units)))
    for unit in provision.units:
        if unit.copy_of is not None:
            assert provision.units[unit.copy_of].devices == unit.devices
    said = [note for note in provision.notes if "GPU 0 takes one program at a time" in note]
    assert len(said) == (gpus != "0 1 2"), "whoever shares nothing is told nothing"
