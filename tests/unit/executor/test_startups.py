"""Steps whose programs are in images, conda environments and modules, run to their end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from engines import engine, told
from executor_steps import GPU, LONG, MAYBE, outcome_of
from programs import Gate, python, script, shell

from gpucore import StepExecutor
from gpucore.config import ContainerConfig, ProgramConfig, SiteConfig
from gpucore.errors import ProgramError
from gpucore.standard import FailureClass, GpuUse, StepState

HOSTILE = ("a b", "'\"", "$(touch made)", "`x`", "50%done", "-rf", "\\n\n\ttab", "ü漢", "a,b:c=d")
LMOD = """
case "$3" in
  none*) echo "unknown: $3" >&2; echo false; exit 1 ;;
  *) echo "export PATH='{bin}':\\"\\$PATH\\"; export MODULE=$3; export CUDA_VISIBLE_DEVICES=7;" ;;
esac
"""


@pytest.fixture
def bin_(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def site(**program):
    return SiteConfig(program=dict.fromkeys(("gpu", "maybe", "probe"), ProgramConfig(**program)))


def container(name, **more):
    return site(container=ContainerConfig(engine=name, image="/i.sif", **more), env={"SITE": "$x"})


@pytest.mark.parametrize("name", ["apptainer", "singularity", "docker", "podman"])
def test_arguments_variables_and_gpus_reach_a_program_in_an_image(
    open_executor, tmp_path, bin_, name
):
    record = engine(bin_, name)
    text = (
        'printf "%s\\n" "$@" >out.txt; env | sort >>out.txt; cat "$0" >/dev/null 2>&1; '
        f"printf %s {json.dumps('$SITE')} >site.txt"
    )
    outcome = outcome_of(open_executor("2 3", 2, config=container(name)).submit(GPU, text=text))
    assert outcome.state is StepState.DONE, outcome.reason
    (call,) = told(record)
    ids = ["2", "3"] if name in {"apptainer", "singularity"} else ["0", "1"]
    assert call["command"] == ["/bin/sh", "-c", text, "gpu", *ids]
    assert call["image"] == "/i.sif"
    assert call["inside"]["SITE"] == "$x"
    assert call["inside"]["GPUCORE_STEP"] == outcome.step
    assert call["inside"]["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert f"type=bind,source={tmp_path},target={tmp_path}" in call["options"]
    asked = " ".join(call["options"])
    uuids = [f"GPU-{index:08x}-0000-4000-8000-000000000000" for index in (2, 3)]
    assert {
        "docker": f'--gpus "device={",".join(uuids)}"',
        "podman": " ".join(f"--device=nvidia.com/gpu={one}" for one in uuids),
    }.get(name, "--nv") in asked


@pytest.mark.parametrize("name", ["apptainer", "docker"])
def test_names_that_a_shell_would_change_arrive_as_they_are(open_executor, tmp_path, bin_, name):
    engine(bin_, name)
    adapter = shell(use=GpuUse.NONE, executable="show")
    python(bin_ / "show", "import json, sys\njson.dump(sys.argv[1:], open('out.txt', 'w'))")
    executor = open_executor("", config=container(name))
    for text in HOSTILE:
        folder = tmp_path / text.replace("/", "")
        folder.mkdir(exist_ok=True)
        item = folder / text
        item.write_text("x")
        done = outcome_of(executor.submit(adapter, text=text, item=str(item)))
        assert done.state is StepState.DONE, done.reason
        assert json.loads((tmp_path / "out.txt").read_text()) == ["-c", text, "probe"]
    assert not (tmp_path / "made").exists()


def test_a_step_without_a_gpu_gets_none_of_the_engine(open_executor, bin_):
    record = engine(bin_, "docker")
    done = open_executor("0", config=container("docker")).submit(MAYBE, text="true", use_gpu=False)
    assert outcome_of(done).state is StepState.DONE
    (call,) = told(record)
    assert call["inside"]["CUDA_VISIBLE_DEVICES"] == ""
    assert "--gpus" not in call["options"]


def test_a_program_that_the_image_lacks_is_no_fault_of_the_program(open_executor, bin_):
    for name in ("apptainer", "docker", "podman"):
        engine(bin_, name)
        config = SiteConfig(
            program={
                "probe": ProgramConfig(
                    executable="missing", container=ContainerConfig(engine=name, image="/i.sif")
                )
            }
        )
        executor = open_executor("", config=config, output=name)
        outcome = outcome_of(executor.submit(shell(), text="true"))
        assert outcome.failure is FailureClass.NOT_STARTED
        assert f"{name} did not start it in `/i.sif`" in outcome.reason
        assert "missing" in outcome.reason
        assert "look at what it printed" in outcome.hint


@pytest.mark.parametrize("now", [False, True])
def test_a_container_that_is_stopped_is_ended_by_its_name(open_executor, tmp_path, bin_, now):
    record = engine(bin_, "docker")
    gate = Gate(tmp_path / "gate")
    executor = open_executor("0", config=container("docker"))
    future = executor.submit(GPU, text=f"echo >{gate}; exec sleep 1000", name="stopped step/1")
    gate.receive()
    executor.stop(now=now)
    assert outcome_of(future).state is StepState.CANCELLED
    started, ended = told(record)
    (name,) = [one[7:] for one in started["options"] if one.startswith("--name=")]
    assert name == f"gpucore-{executor.run}-stopped-step-1-1"
    assert ended == {"rm": ["--force", name]}


def test_a_module_is_loaded_and_does_not_undo_the_steps_gpus(
    open_executor, tmp_path, bin_, monkeypatch
):
    script(bin_ / "there", 'exec /bin/sh "$@"')
    monkeypatch.setenv("LMOD_CMD", script(tmp_path / "lmod", LMOD.format(bin=bin_)))
    config = site(module_load=("prog/1.2",), executable="there", env={"MINE": "1"})
    text = 'echo "$MODULE $MINE ${CUDA_VISIBLE_DEVICES-unset} $*" >seen.txt'
    done = open_executor("1", 2, config=config).submit(GPU, text=text)
    assert outcome_of(done).state is StepState.DONE
    assert (tmp_path / "seen.txt").read_text() == "prog/1.2 1 unset 1\n"
    broken = open_executor("1", 2, config=site(module_load=("none/3",)), output="other")
    with pytest.raises(ProgramError, match="`none/3` does not load: unknown") as caught:
        broken.submit(GPU, text="true")
    assert caught.value.where == "adapter gpu"


def test_a_conda_environment_and_folders_put_before_others_are_searched(
    open_executor, tmp_path, bin_
):
    env = tmp_path / "envs" / "tool"
    (env / "conda-meta").mkdir(parents=True)
    (env / "bin").mkdir()
    script(env / "bin" / "there", 'exec /bin/sh "$@"')
    config = site(
        conda_env=str(env), executable="there", prepend_path={"LIBS": ("/a", "/b"), "PATH": ("/c",)}
    )
    text = 'echo "$CONDA_DEFAULT_ENV $LIBS ${PATH%%:/usr*}" >seen.txt'
    done = open_executor("0", config=config).submit(GPU, text=text)
    assert outcome_of(done).state is StepState.DONE
    name, libs, path = (tmp_path / "seen.txt").read_text().split()
    assert (name, libs) == ("tool", "/a:/b")
    assert path.startswith(f"/c:{env}/bin:{bin_}")


def test_an_engine_that_is_not_there_is_said_before_anything_starts(open_executor, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ProgramError, match="engine `podman` was not found on PATH") as caught:
        open_executor("0", config=container("podman")).submit(GPU, text="true")
    assert 'module_load = ["podman"]' in caught.value.hint


def test_a_lease_gives_the_whole_command_of_a_container(tmp_path, bin_):
    engine(bin_, "docker")
    with (
        StepExecutor.open(
            gpus="2", devices="simulated:4", config=container("docker"), root=tmp_path
        ) as executor,
        executor.lease(GPU, timeout=LONG) as lease,
    ):
        argv = lease.command(text="true").argv
        env = lease.env
    assert argv[:2] == (str(bin_ / "docker"), "run")
    assert argv[-4:] == ("-c", "true", "gpu", "0")
    assert '"device=GPU-00000002-0000-4000-8000-000000000000"' in argv
    assert (env["SITE"], env["CUDA_DEVICE_ORDER"]) == ("$x", "PCI_BUS_ID")
    assert "CUDA_VISIBLE_DEVICES" not in env


HOST = """
import sys
sys.path[:0] = {path!r}
from gpucore import StepExecutor
from gpucore.config import ContainerConfig, ProgramConfig, SiteConfig
from executor_steps import GPU
told = ProgramConfig(container=ContainerConfig(engine="docker", image="/i.sif"))
with StepExecutor.open(gpus="0", threads=2, devices="simulated:1", output="run", root={root!r},
                       config=SiteConfig(program={{"gpu": told}}), resume=True) as executor:
    executor.submit(GPU, name="s", text={text!r}).result()
"""


@pytest.mark.slow
def test_a_container_that_outlived_its_host_and_its_command_is_removed_by_the_next_run(
    open_executor, tmp_path, bin_
):
    record = engine(bin_, "docker")
    gate = Gate(tmp_path / "gate")
    text = f"[ -e again ] || {{ echo $$ >{gate}; exec sleep 1000; }}"
    code = HOST.format(path=sys.path, root=str(tmp_path), text=text)
    host = subprocess.Popen([sys.executable, "-c", code])
    program = int(gate.receive())
    host.kill()
    host.wait()
    os.killpg(program, signal.SIGKILL)
    (tmp_path / "again").touch()
    config = SiteConfig(program={"gpu": container("docker").program["gpu"]})
    executor = open_executor("0", 2, devices="simulated:1", config=config, resume=True)
    outcome_of(executor.submit(GPU, name="s", text=text))
    calls = told(record)
    (name,) = [one[7:] for one in calls[0]["options"] if one.startswith("--name=")]
    assert calls[1] == {"rm": ["--force", name]}
