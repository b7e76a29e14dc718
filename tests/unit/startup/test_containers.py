"""How each container engine is told what to run, on which GPUs."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucore.config import ContainerConfig
from gpucore.containers import (
    client_environment,
    container_argv,
    ending_argv,
    engine_fault,
    numbered_inside,
    outermost,
)
from gpucore.errors import ProgramError
from gpucore.standard import Device, Gpu, GpuUse
from gpucore.standard.gpuforms import gpu_arguments, gpu_environment

ENGINES = ("apptainer", "singularity", "docker", "podman")
SAYABLE = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))


def device(index, *, mask="", kind="GPU"):
    return Device(uuid=f"{kind}-{index:04x}", index=index, mask=mask)


def argv_of(engine, *argv, devices=(), **more):
    container = ContainerConfig(engine=engine, image=more.pop("image", "/i.sif"), **more.pop(
        "container", {}))  # fmt: skip
    given = {
        "engine": f"/bin/{engine}", "name": "n", "cwd": "/run", "folders": ("/run",),
        "variables": ("A",), "user": (1000, 100), **more,
    }  # fmt: skip
    return container_argv(container, argv or ("prog", "-i", "x"), devices=devices, **given)


def test_apptainer_gets_the_gpu_option_and_the_command_behind_the_image():
    assert argv_of("apptainer", devices=[device(3)], container={"options": ("--cleanenv",)}) == (
        "/bin/apptainer", "exec", "--nv", "--pwd", "/run",
        "--mount", "type=bind,source=/run,target=/run", "--cleanenv", "/i.sif", "prog", "-i", "x",
    )  # fmt: skip


def test_docker_gets_the_devices_by_identity_in_quotes_of_its_own():
    argv = argv_of("docker", devices=[device(3), device(1)], image="lab/mc:3", stdin=True)
    assert argv == (
        "/bin/docker", "run", "--rm", "--init", "--name=n", "--workdir=/run", "--user=1000:100",
        "--mount", "type=bind,source=/run,target=/run", "--env=A",
        "--gpus", '"device=GPU-0003,GPU-0001"', "--interactive", "--entrypoint=prog", "lab/mc:3",
        "-i", "x",
    )  # fmt: skip
    assert next(csv.reader([argv[argv.index("--gpus") + 1]])) == ["device=GPU-0003,GPU-0001"]


def test_podman_gets_a_device_of_the_container_device_interface_for_each_gpu():
    argv = argv_of("podman", devices=[device(3), device(1, kind="MIG")])
    assert [one for one in argv if one.startswith("--device")] == [
        "--device=nvidia.com/gpu=GPU-0003",
        "--device=nvidia.com/gpu=MIG-0001",
    ]
    assert "--userns=keep-id" in argv
    assert "--userns=keep-id" not in argv_of("podman", user=(0, 0))


@pytest.mark.parametrize("engine", ENGINES)
def test_without_a_gpu_no_engine_is_asked_for_one(engine):
    for argv in (argv_of(engine), argv_of(engine, devices=[device(0)], container={"gpu": False})):
        assert not [one for one in argv if one.startswith(("--nv", "--gpus", "--device"))]


def test_an_image_that_asks_for_all_gpus_gets_none_in_a_step_without():
    assert "--env=NVIDIA_VISIBLE_DEVICES=void" in argv_of("docker")
    assert not [one for one in argv_of("docker", container={"gpu": False}) if "NVIDIA" in one]


@pytest.mark.parametrize("engine", ["docker", "podman"])
@pytest.mark.parametrize(
    ("slot", "inside"),
    [
        ([(3, "")], [0]),
        ([(1, ""), (3, "")], [0, 1]),
        ([(3, ""), (1, "")], [1, 0]),  # CUDA numbers what it sees in PCI order
        ([(0, "7"), (1, "2")], [1, 0]),  # inside a batch job whose mask is 7,2
    ],
)
def test_ids_are_those_that_are_reachable_inside(engine, slot, inside):
    devices = [device(index, mask=mask) for index, mask in slot]
    seen = numbered_inside(ContainerConfig(engine=engine, image="i"), devices)
    assert [one.index for one in seen] == inside
    assert [one.uuid for one in seen] == [one.uuid for one in devices]
    host = Gpu(use=GpuUse.COMPULSORY, form="comma")
    assert gpu_arguments(host, seen) == [",".join(map(str, inside))]
    assert "CUDA_VISIBLE_DEVICES" not in gpu_environment(host, seen)
    visible = Gpu(use=GpuUse.COMPULSORY, form="comma", ids="visible")
    assert gpu_environment(visible, seen)["CUDA_VISIBLE_DEVICES"] == ",".join(map(str, inside))


def test_under_apptainer_and_where_the_site_gives_gpus_itself_the_machines_ids_count():
    devices = [device(3), device(3), device(1)]
    for container in (
        ContainerConfig(image="/i.sif"),
        ContainerConfig(engine="docker", image="i", gpu=False),
    ):
        assert [one.index for one in numbered_inside(container, devices)] == [3, 1]


@pytest.mark.parametrize("engine", ENGINES)
@given(words=st.lists(SAYABLE, min_size=1, max_size=4))
def test_every_argument_arrives_byte_for_byte(engine, words):
    argv = argv_of(engine, *words, image="/i.sif")
    after = list(argv[argv.index("/i.sif") + 1 :])
    if engine in {"docker", "podman"}:
        after.insert(0, argv[argv.index("/i.sif") - 1].removeprefix("--entrypoint="))
    assert after[-len(words) :] == words


@pytest.mark.parametrize("engine", ENGINES)
@given(name=SAYABLE.filter(lambda one: "\r" not in one))
def test_every_folder_is_one_field_of_its_mount(engine, name):
    (spec,) = [one for one in argv_of(engine, folders=[f"/{name}"]) if one.startswith("type=")]
    (fields,) = csv.reader(io.StringIO(spec, newline=""), strict=True)
    assert fields == ["type=bind", f"source=/{name}", f"target=/{name}"]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_an_engine_would_change_on_the_way_is_refused(engine):
    with pytest.raises(ProgramError, match=f"not UTF-8, and {engine}"):
        argv_of(engine, "prog", "a\udcff")
    with pytest.raises(ProgramError, match="not UTF-8"):
        argv_of(engine, folders=["/a\udcff"])
    with pytest.raises(ProgramError, match="carriage return"):
        argv_of(engine, folders=["/a\r\nb"])
    with pytest.raises(ProgramError, match="not UTF-8"):
        client_environment(ContainerConfig(engine=engine, image="/i"), {"A": "\udcff"}, ["A"])


def test_apptainer_takes_variables_by_prefix_and_reads_no_value_as_shell_text():
    made = client_environment(ContainerConfig(image="/i.sif"), {"A": "$(x)", "B": "b"}, ["A"])
    assert made == {
        "APPTAINERENV_A": "$(x)",
        "SINGULARITYENV_A": "$(x)",
        "APPTAINER_NO_EVAL": "1",
        "SINGULARITY_NO_EVAL": "1",
    }


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_values_of_variables_stand_on_no_command_line(engine):
    container = ContainerConfig(engine=engine, image="i")
    assert client_environment(container, {"A": "secret"}, ["A"]) == {}
    assert "--env=A" in argv_of(engine)


@pytest.mark.parametrize(
    ("engine", "code", "line", "of_engine"),
    [
        ("apptainer", 255, 'FATAL:   "prog": executable file not found in $PATH', True),
        ("apptainer", 255, "the program's own last word", False),
        ("apptainer", 1, "FATAL:   of the program", False),
        ("docker", 125, "docker: Cannot connect to the Docker daemon at unix:///…", True),
        ("docker", 127, "docker: Error response from daemon: exec: not found", True),
        ("docker", 127, "sh: 1: x: not found", False),
        ("docker", 1, "docker: Error", False),
        ("podman", 125, "Error: no such image", True),
    ],
)
def test_a_fault_of_the_engine_is_told_from_one_of_the_program(engine, code, line, of_engine):
    fault = engine_fault(ContainerConfig(engine=engine, image="img"), code, ["before", line])
    assert bool(fault) is of_engine
    if of_engine:
        assert f"{engine} did not start it in `img`: " in fault
        assert "FATAL" not in fault


def test_a_container_is_ended_by_its_name():
    assert ending_argv("/bin/docker", "n") == ("/bin/docker", "rm", "--force", "n")


def test_folders_below_others_need_no_mount_of_their_own():
    paths = ["/data/b", "/data", "/data b", "/data-b/c", "/x/y", "/data/a/b"]
    assert outermost(paths) == ("/data", "/data b", "/data-b/c", "/x/y")
