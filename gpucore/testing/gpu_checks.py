"""Checks that a program is told of its own devices, in its own way, and can reach no other."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gpucore.errors import GpucoreError, TemplateError
from gpucore.standard.model import Device
from gpucore.standard.template import render
from gpucore.testing.subject import devices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpucore.standard.adapter import Gpu
    from gpucore.standard.model import Command
    from gpucore.testing.subject import Given, Subject

__all__ = ["GpuChecks"]

# Out of order, so that neither order nor place can be taken for an index.
_MANY = devices(6, 2, 5, 0)
_MASKED = tuple(
    Device(uuid=f"MIG-{letter * 8}-0000-5000-8000-000000000000", index=index,
           mask=f"MIG-{letter * 8}")
    for index, letter in enumerate("ab")
)  # fmt: skip
_COUNTS = pytest.mark.parametrize("count", [1, 2, 4])
_ISOLATE = pytest.mark.parametrize("isolate", [False, True], ids=["", "isolated"])


class GpuChecks:
    """What is checked of how the program is told of its devices."""

    @_ISOLATE
    @_COUNTS
    def test_it_is_told_of_the_devices_that_it_has(
        self, subject: Subject, count: int, isolate: bool
    ) -> None:
        _needs_gpu(subject)
        given = subject.least()
        used = _used(subject, given, _MANY[:count])
        real = subject.command(given, _MANY[:count], isolate=isolate)
        by_uuid = _by_uuid(subject, given, _MANY[:count], isolate=isolate)
        ids = _ids(subject.adapter.gpu, used, isolate=isolate)
        assert real.argv == tuple(_renamed(text, used, ids) for text in by_uuid.argv)

    @_COUNTS
    def test_several_devices_are_written_in_its_form(self, subject: Subject, count: int) -> None:
        gpu = subject.adapter.gpu
        _needs_gpu(subject)
        if gpu.form in {"none", "count"}:
            pytest.skip(f"the form `{gpu.form}` writes no ids")
        given = subject.least()
        used = _used(subject, given, _MANY[:count])
        command = _by_uuid(subject, given, _MANY[:count])
        ids = [f"{gpu.prefix}{device.uuid}" for device in used]
        texts = [text for text in _texts(command) if any(one in text for one in ids)]
        joined = {"comma": ",".join(ids), "json": json.dumps(ids)}.get(gpu.form)
        if joined is not None:
            assert texts, "no argument holds the devices"
            assert all(joined in text for text in texts)
        elif gpu.form == "colon":
            fields = texts[0].replace(",", ":").split(":")
            assert [one for one in ids if not any(one in field for field in fields)] == []
        else:
            assert [one for text in texts for one in ids if one in text] == ids

    def test_a_count_is_the_number_of_its_devices(self, subject: Subject) -> None:
        if subject.adapter.gpu.form != "count":
            pytest.skip("the program is told of ids, not of a number")
        given = subject.least()
        for count in (1, 2, 4):
            used = _used(subject, given, _MANY[:count])
            assert str(len(used)) in "\n".join(_texts(subject.command(given, _MANY[:count])))

    def test_no_other_device_can_be_reached_where_it_is_isolated(self, subject: Subject) -> None:
        _needs_gpu(subject)
        gpu = subject.adapter.gpu
        given = subject.least()
        for slot in (_MANY[:1], _MANY[1:3], _MANY, _MASKED):
            for isolate in (False, True):
                if not _isolated(gpu, isolate=isolate):
                    continue
                environment = subject.command(given, slot, isolate=isolate).env
                mask = ",".join(device.mask_entry for device in _used(subject, given, slot))
                assert environment.get("CUDA_VISIBLE_DEVICES") == mask

    def test_numbers_are_the_machines_own(self, subject: Subject) -> None:
        for given in subject.contexts():
            for slot in (subject.one, () if subject.takes_no_gpu() else subject.one):
                environment = subject.command(given, slot).env
                assert environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"

    def test_a_step_without_a_gpu_sees_none(self, subject: Subject) -> None:
        if not subject.takes_no_gpu():
            pytest.skip("the program needs a GPU")
        for given in subject.contexts():
            command = subject.command(given, ())
            assert command.env["CUDA_VISIBLE_DEVICES"] == ""

    def test_a_program_that_needs_a_gpu_has_no_command_without(self, subject: Subject) -> None:
        gpu = subject.adapter.gpu
        if not gpu.use.requires_gpu or gpu.form == "none":
            pytest.skip("the program's command names no GPU, or it can do without")
        with pytest.raises(TemplateError, match="GPU"):
            subject.command(subject.least(), ())

    def test_a_device_that_stands_twice_in_its_slot_is_named_once(self, subject: Subject) -> None:
        _needs_gpu(subject)
        one, two = devices(3, 1)
        given = subject.least()
        assert subject.command(given, (one, one)) == subject.command(given, (one,))
        assert subject.command(given, (one, two, one)) == subject.command(given, (one, two))

    def test_it_is_told_of_no_more_devices_than_it_can_use(self, subject: Subject) -> None:
        _needs_gpu(subject)
        given = subject.least()
        used = _used(subject, given, _MANY)
        assert subject.command(given, _MANY) == subject.command(given, used)

    def test_another_slot_changes_nothing_but_the_devices(self, subject: Subject) -> None:
        _needs_gpu(subject)
        for given in subject.contexts():
            first, second = devices(3), devices(5)
            try:
                one, other = (_by_uuid(subject, given, slot) for slot in (first, second))
            except GpucoreError:
                continue
            renamed = tuple(text.replace(second[0].uuid, first[0].uuid) for text in other.argv)
            assert one.argv == renamed

    @pytest.mark.parametrize("ranks", [1, 2, 3, 5])
    def test_each_mpi_rank_that_computes_is_told_of_a_device(
        self, subject: Subject, ranks: int
    ) -> None:
        gpu = subject.adapter.gpu
        if not gpu.ranks or gpu.form != "colon":
            pytest.skip("the program's MPI ranks are told of no devices")
        given = {**subject.least(), gpu.ranks: ranks}
        if not subject.takes(given):
            pytest.skip(f"the program does not take {ranks} ranks")
        computing = max(ranks - (gpu.leader and ranks > 1), 1)
        for count in (1, 2, 4):
            command = _by_uuid(subject, given, _MANY[:count])
            (told,) = (text for text in command.argv if _MANY[0].uuid in text)
            fields = told.split(":")
            assert len(fields) == computing
            assert all(fields)


def _needs_gpu(subject: Subject) -> None:
    if not subject.adapter.gpu.use.allows_gpu:
        pytest.skip("the program uses no GPU")


def _used(subject: Subject, given: Given, slot: Sequence[Device]) -> tuple[Device, ...]:
    """Return the devices of a slot that the standard lets the program use."""
    gpu = subject.adapter.gpu
    distinct = tuple(dict.fromkeys(slot))
    if gpu.max is None:
        return distinct
    value = subject.values(given).get(gpu.ranks) if gpu.ranks else 1
    ranks = value if isinstance(value, int) else 1
    return distinct[: gpu.max * max(ranks - (gpu.leader and ranks > 1), 1)]


def _by_uuid(
    subject: Subject, given: Given, slot: Sequence[Device], *, isolate: bool = False
) -> Command:
    """Return the command as if the program took UUIDs: nothing else in it looks like one."""
    adapter = replace(subject.adapter, gpu=replace(subject.adapter.gpu, ids="uuid"))
    return render(adapter, subject.values(given), slot, isolate=isolate)


def _isolated(gpu: Gpu, *, isolate: bool) -> bool:
    if gpu.overwrites_mask:
        return False
    always = gpu.sees_one or gpu.ids == "visible" or gpu.form in {"count", "none"}
    return always or (isolate and gpu.isolation)


def _ids(gpu: Gpu, used: Sequence[Device], *, isolate: bool) -> list[str]:
    """Return the id that the standard gives each device for this program."""
    if gpu.ids == "uuid":
        return [device.uuid for device in used]
    if _isolated(gpu, isolate=isolate):
        return [str(place + gpu.base) for place in range(len(used))]
    if gpu.overwrites_mask:
        return [str(int(device.mask_entry) + gpu.base) for device in used]
    return [str(device.index + gpu.base) for device in used]


def _renamed(text: str, used: Sequence[Device], ids: Sequence[str]) -> str:
    for device, name in zip(used, ids, strict=True):
        # In JSON a number stands without quotes.
        text = text.replace(f'"{device.uuid}"', name).replace(device.uuid, name)
    return text


def _texts(command: Command) -> list[str]:
    return [*command.argv, *(file.text for file in command.files), command.stdin or "",
            *command.env.values()]  # fmt: skip
