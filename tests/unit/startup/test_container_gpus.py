"""In a container each program computes on the GPUs of its step, however it is told of them.

What an engine, CUDA and a program make of a command is played here: which GPUs a container has,
how they are numbered in it, and what a mask leaves of them.
"""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gpucore.config import ContainerConfig
from gpucore.containers import numbered_inside
from gpucore.errors import TemplateError
from gpucore.plugins import PluginHost
from gpucore.standard import Adapter, Device, Gpu, GpuUse, Group, Param, Program, Template
from gpucore.standard.checks import adapter_faults, named_outputs
from gpucore.standard.gpuforms import gpu_arguments, usable
from gpucore.standard.params import read_values
from gpucore.standard.template import ranks_of, render
from gpucore.startup import Startup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpucore.standard import Command

DAEMONS = ("docker", "podman")
ENGINES = (*DAEMONS, "apptainer")
MACHINE = [f"GPU-{letter * 4}" for letter in "abcdefgh"]
"""The GPUs of the machine in PCI order."""

BY_NUMBER = "6,1,3"
BY_IDENTITY = "GPU-gggg,GPU-bbbb,GPU-dddd"
"""Masks of a batch job that was given three of them; two ways to say the same."""

EVERY_GPU = {
    name: adapter
    for name, adapter in PluginHost.load().adapters.items()
    if adapter.gpu.use.allows_gpu
}
FORMS = {
    "space": Gpu(use=GpuUse.COMPULSORY, form="space"),
    "comma": Gpu(use=GpuUse.COMPULSORY, form="comma"),
    "repeat": Gpu(use=GpuUse.COMPULSORY, form="repeat"),
    "json": Gpu(use=GpuUse.COMPULSORY, form="json"),
    "colon": Gpu(use=GpuUse.COMPULSORY, form="colon", ranks="mpi", leader=True),
    "count": Gpu(use=GpuUse.COMPULSORY, form="count"),
    "none": Gpu(use=GpuUse.COMPULSORY, form="none"),
    "visible": Gpu(use=GpuUse.COMPULSORY, form="comma", ids="visible"),
    "uuid": Gpu(use=GpuUse.COMPULSORY, form="comma", ids="uuid"),
    "one-based": Gpu(use=GpuUse.COMPULSORY, form="space", base=1, max=1),
    "prefix": Gpu(use=GpuUse.COMPULSORY, form="space", prefix="cuda:", max=1),
    "sees one": Gpu(use=GpuUse.COMPULSORY, form="none", sees_one=True, max=1),
    "overwrites the mask": Gpu(use=GpuUse.COMPULSORY, form="space", overwrites_mask=True),
    "bears no mask": Gpu(use=GpuUse.COMPULSORY, form="comma", isolation=False),
}


def found(outer: str = "") -> list[Device]:
    """Return the devices that gpucore finds, inside a batch job where there is a mask."""
    if not outer:
        return [Device(uuid=uuid, index=index) for index, uuid in enumerate(MACHINE)]
    uuids = [MACHINE[int(one)] if one.isdecimal() else one for one in outer.split(",")]
    entries = outer.split(",")
    return [
        Device(uuid=uuid, index=index, mask=entry, bus=f"0000:{MACHINE.index(uuid):02x}:00.0")
        for index, (uuid, entry) in enumerate(zip(uuids, entries, strict=True))
    ]


def startup(engine: str, outer: str = "", **more: object) -> Startup:
    environment = {"PATH": "/bin", **({"CUDA_VISIBLE_DEVICES": outer} if outer else {})}
    return Startup(
        environment=environment,
        variables={},
        container=ContainerConfig(engine=engine, image="/i.sif", **more),
        engine=f"/bin/{engine}",
    )


def inside(
    begun: Startup, adapter: Adapter, command: Command, devices: Sequence[Device]
) -> tuple[list[str], dict[str, str]]:
    """Return the GPUs and the variables that a program finds in the container."""
    assert begun.container is not None
    argv = begun.wrapped(adapter, command, own=command.env, devices=devices, name="n", cwd="/run",
                         folders=())  # fmt: skip
    around = begun.own_environment(command.env)
    if begun.container.engine == "apptainer":
        assert ("--nv" in argv) == bool(devices)
        told = {
            name.removeprefix("APPTAINERENV_"): value
            for name, value in around.items()
            if name.startswith("APPTAINERENV_")
        }
        return MACHINE, told
    names = [one.removeprefix("--env=") for one in argv if one.startswith("--env=")]
    told = {name: around[name] for name in names if "=" not in name}
    if begun.container.engine == "docker":
        (asked,) = csv.reader([argv[argv.index("--gpus") + 1]])
        uuids = asked[0].removeprefix("device=").split(",")
    else:
        uuids = [one.partition("gpu=")[2] for one in argv if one.startswith("--device=")]
    return sorted(uuids, key=MACHINE.index), told


def seen(gpus: Sequence[str], variables: Mapping[str, str]) -> list[str]:
    """Return the GPUs that CUDA shows a program, in its order."""
    assert variables["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    if "CUDA_VISIBLE_DEVICES" not in variables:
        return list(gpus)
    mask = [one for one in variables["CUDA_VISIBLE_DEVICES"].split(",") if one]
    return [gpus[int(one)] if one.isdecimal() else one for one in mask]


def computes_on(
    begun: Startup, adapter: Adapter, devices: Sequence[Device], *, isolate: bool = False
) -> list[str]:
    """Return the GPUs that the program computes on, in the order of its list."""
    gpu = adapter.gpu
    numbered = begun.devices(adapter, devices)
    given = adapter.example[0].params if adapter.example else {}
    values = named_outputs(adapter, read_values(adapter, given), "out")
    command = render(adapter, values, numbered, isolate=isolate)
    gpus, variables = inside(begun, adapter, command, devices)
    shown = seen(gpus, variables)
    if gpu.form == "none":
        return shown
    used = usable(gpu, numbered, ranks=ranks_of(adapter, values))
    if gpu.form == "count":
        (count,) = gpu_arguments(gpu, used, isolate=isolate)
        return shown[: int(count)]
    bare = replace(gpu, prefix="")
    words = gpu_arguments(bare, used, isolate=isolate)
    ids = [str(one) for one in (json.loads(words[0]) if gpu.form == "json" else _split(words))]
    if gpu.overwrites_mask:
        return seen(gpus, {**variables, "CUDA_VISIBLE_DEVICES": ",".join(ids)})
    return [one if one in MACHINE else shown[int(one) - gpu.base] for one in ids]


def _split(words: Sequence[str]) -> list[str]:
    return [one for word in words for one in word.replace(":", " ").replace(",", " ").split()]


def prog(gpu: Gpu) -> Adapter:
    told = () if gpu.form == "none" else (Group(args=("-g", "%(GPU)s")),)
    made = Adapter(
        name="prog",
        title="prog: a program",
        program=Program(executable="prog"),
        gpu=gpu,
        command=Template(argv=("%(EXE)s", *told)),
        params={"mpi": Param(type="int", default=1, help="MPI ranks")},
    )
    assert adapter_faults(made) == []
    return made


@pytest.mark.parametrize("isolate", [False, True], ids=["", "isolated"])
@pytest.mark.parametrize("slot", [(2,), (0, 1), (2, 0), (1, 2)], ids=str)
@pytest.mark.parametrize("outer", ["", BY_NUMBER, BY_IDENTITY], ids=["alone", "number", "identity"])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("form", FORMS)
def test_each_form_computes_on_the_gpus_of_its_slot_alone(
    form: str, engine: str, outer: str, slot: tuple[int, ...], isolate: bool
) -> None:
    adapter = prog(FORMS[form])
    devices = [found(outer)[index] for index in slot]
    begun = startup(engine, outer)
    wanted = [device.uuid for device in usable(adapter.gpu, devices)]
    if adapter.gpu.overwrites_mask and engine == "apptainer" and outer == BY_IDENTITY:
        # Its numbers are the machine's, and those are not known here: refused, and not guessed.
        with pytest.raises(TemplateError, match="has none here"):
            computes_on(begun, adapter, devices, isolate=isolate)
        return
    assert computes_on(begun, adapter, devices, isolate=isolate) == wanted


@pytest.mark.catalogue
@pytest.mark.parametrize("outer", ["", BY_NUMBER], ids=["alone", "in a batch job"])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", EVERY_GPU)
def test_each_program_computes_on_the_gpus_of_its_slot_alone(
    name: str, engine: str, outer: str
) -> None:
    adapter = EVERY_GPU[name]
    for slot in ((2,), (2, 0)):
        devices = [found(outer)[index] for index in slot]
        wanted = [device.uuid for device in usable(adapter.gpu, devices)]
        for isolate in (False, True):
            assert computes_on(startup(engine, outer), adapter, devices, isolate=isolate) == wanted


@pytest.mark.parametrize("engine", DAEMONS)
def test_a_program_that_must_see_one_gpu_gets_a_container_with_one(engine: str) -> None:
    adapter = prog(FORMS["sees one"])
    begun, devices = startup(engine), found()[3:6]
    command = render(adapter, {"mpi": 1}, begun.devices(adapter, devices))
    gpus, variables = inside(begun, adapter, command, devices)
    assert gpus == ["GPU-dddd"]
    assert variables["CUDA_VISIBLE_DEVICES"] == "0"


@pytest.mark.parametrize("engine", DAEMONS)
def test_a_mask_that_a_program_overwrites_holds_the_containers_numbers(engine: str) -> None:
    adapter = prog(FORMS["overwrites the mask"])
    for outer in ("", BY_NUMBER, BY_IDENTITY):
        devices = [found(outer)[index] for index in (2, 0)]
        command = render(adapter, {"mpi": 1}, startup(engine, outer).devices(adapter, devices))
        wanted = ("1", "0") if not outer else ("0", "1")
        assert command.argv == ("prog", "-g", *wanted)
        assert "CUDA_VISIBLE_DEVICES" not in command.env


def test_under_apptainer_it_holds_the_machines_numbers_and_not_those_of_the_outer_mask() -> None:
    adapter = prog(FORMS["overwrites the mask"])
    devices = [found(BY_NUMBER)[index] for index in (2, 0)]
    begun = startup("apptainer", BY_NUMBER)
    assert render(adapter, {"mpi": 1}, begun.devices(adapter, devices)).argv[2:] == ("3", "6")


@pytest.mark.parametrize("engine", DAEMONS)
def test_the_order_inside_is_that_of_the_bus_where_a_mask_names_no_numbers(engine: str) -> None:
    container = ContainerConfig(engine=engine, image="i")
    slot = found(BY_IDENTITY)
    assert [one.index for one in numbered_inside(container, slot)] == [2, 0, 1]
    unknown = [replace(one, bus="") for one in slot]
    assert sorted(one.index for one in numbered_inside(container, unknown)) == [0, 1, 2]


@pytest.mark.parametrize("engine", ENGINES)
def test_without_a_gpu_the_container_has_none(engine: str) -> None:
    adapter = prog(replace(FORMS["none"], use=GpuUse.OPTIONAL))
    begun = startup(engine, BY_NUMBER)
    command = render(adapter, {"mpi": 1}, begun.devices(adapter, ()))
    argv = begun.wrapped(adapter, command, own=command.env, devices=(), name="n", cwd="/run",
                         folders=())  # fmt: skip
    assert not [one for one in argv if one.startswith(("--nv", "--gpus", "--device"))]
    assert begun.own_environment(command.env)["CUDA_VISIBLE_DEVICES"] == ""
