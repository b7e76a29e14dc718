"""Which devices steps are given, and what is refused."""

from __future__ import annotations

import concurrent.futures
import random

import pytest
from executor_steps import CPU, GPU, LONG, MAYBE, WITNESS, outcome_of
from programs import Gate, python, shell

from gpucore.errors import DeviceError, NeedError, ParameterError
from gpucore.standard import GpuUse


def test_programs_see_the_gpus_that_their_steps_hold(open_executor, tmp_path):
    text = 'echo "$@" "$CUDA_DEVICE_ORDER" "${CUDA_VISIBLE_DEVICES-unset}" > "$0.$GPUCORE_STEP"'
    with open_executor("0 1 2 3", 3, adapters=[GPU], isolate=False) as executor:
        futures = {n: executor.submit("gpu", text=text, name=f"s{n}") for n in range(6)}
        for n, one in futures.items():
            held = [str(device.index) for device in one.result(timeout=LONG).devices]
            assert held in (["0", "1"], ["2", "3"])
            seen = (tmp_path / f"gpu.s{n}").read_text().split()
            assert seen == [*held, "PCI_BUS_ID", "unset"]


def test_isolated_programs_see_their_own_gpus_only(open_executor, tmp_path):
    text = 'echo "$@" / "$CUDA_VISIBLE_DEVICES" > "seen.$GPUCORE_STEP"'
    with open_executor("2 3", 2, adapters=[GPU], isolate=True) as executor:
        executor.submit("gpu", text=text, name="one").result(timeout=LONG)
    assert (tmp_path / "seen.one").read_text() == "0 1 / 2,3\n"


def test_steps_on_the_cpu_see_no_gpu(open_executor, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    text = 'echo "<${CUDA_VISIBLE_DEVICES-unset}>" "$@" > "$GPUCORE_STEP.txt"'
    with open_executor("0", adapters=[CPU, MAYBE]) as executor:
        executor.submit("cpu", text=text, name="cpu").result(timeout=LONG)
        executor.submit("maybe", text=text, name="off", use_gpu=False).result(timeout=LONG)
        executor.submit("maybe", text=text, name="on").result(timeout=LONG)
    assert (tmp_path / "cpu.txt").read_text() == "<>\n"
    assert (tmp_path / "off.txt").read_text() == "<>\n"
    assert (tmp_path / "on.txt").read_text() == "<0,1> 0\n"


@pytest.mark.slow
def test_no_two_steps_hold_one_gpu_at_once(open_executor, tmp_path):
    """The programs themselves lock a file for each GPU, and would tell of another's lock."""
    adapter = shell("gpu", use=GpuUse.COMPULSORY)
    witness = python(tmp_path / "witness", WITNESS)
    with open_executor("0 1 2", 4, adapters=[adapter]) as executor:
        futures = [executor.submit("gpu", text=f'exec {witness} "$@"') for _ in range(45)]
        concurrent.futures.wait(futures, timeout=LONG)
        assert [one.exception() for one in futures] == [None] * 45
    lines = (tmp_path / "witness.txt").read_text().splitlines()
    assert len(lines) == 45
    assert set(lines) == {"held 0", "held 1", "held 2"}


def meet(gate: Gate, go_on: Gate) -> str:
    return f"echo x > {gate}; read x < {go_on}"


def test_a_gpu_named_twice_is_shared_by_two_steps_at_once(open_executor, tmp_path):
    up, go_on = Gate(tmp_path / "up"), Gate(tmp_path / "go")
    with open_executor("0 0", 3, adapters=[GPU]) as executor, up.path.open("r+b", 0) as arrived:
        futures = [executor.submit("gpu", text=meet(up, go_on)) for _ in range(2)]
        seen = b""
        while seen.count(b"x") < 2:
            seen += arrived.read(2)
        with go_on.path.open("r+b", 0) as door:
            door.write(b"\n\n")
            held = [[one.index for one in f.result(timeout=LONG).devices] for f in futures]
    assert held == [[0], [0]]


def test_one_thread_gives_each_step_the_whole_list_one_after_another(open_executor, tmp_path):
    witness = python(tmp_path / "witness", WITNESS)
    with open_executor("0 1 2", 1, adapters=[GPU]) as executor:
        futures = [executor.submit("gpu", text=f'exec {witness} "$@"') for _ in range(6)]
        concurrent.futures.wait(futures, timeout=LONG)
    lines = (tmp_path / "witness.txt").read_text().splitlines()
    assert lines == ["held 0 1 2"] * 6


def test_optional_programs_run_on_the_cpu_when_there_is_no_gpu(open_executor, tmp_path):
    with open_executor("", adapters=[MAYBE]) as executor:
        text = 'echo "$#<${CUDA_VISIBLE_DEVICES-unset}>" > seen'
        ended = outcome_of(executor.submit("maybe", text=text))
        assert (ended.done, ended.devices) == (True, ())
    assert (tmp_path / "seen").read_text() == "0<>\n"


def test_a_compulsory_gpu_on_a_machine_without_is_refused_before_anything_is_written(
    open_executor, tmp_path
):
    with open_executor("auto", devices="nvml", adapters=[GPU]) as executor:
        with pytest.raises(DeviceError, match="libnvidia-ml") as caught:
            executor.submit("gpu", text="true")
        assert caught.value.exit_code == 3
        assert "simulated" in caught.value.hint
        with pytest.raises(DeviceError, match="libnvidia-ml"):
            executor.lease()
    with open_executor("", adapters=[GPU]) as executor, pytest.raises(DeviceError, match="empty"):
        executor.submit("gpu", text="true")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("gpus", [0, -1, True, "2", 1.0])
def test_what_is_no_number_of_gpus_is_refused(open_executor, gpus):
    with open_executor(adapters=[GPU]) as executor:
        with pytest.raises(ParameterError, match="no number of GPUs"):
            executor.submit("gpu", text="true", gpus=gpus)
        with pytest.raises(ParameterError, match="no number of GPUs"):
            executor.lease(gpus=gpus)


def test_more_gpus_than_there_are_is_refused_at_once(open_executor):
    with open_executor(adapters=[GPU]) as executor, pytest.raises(NeedError, match="2"):
        executor.submit("gpu", text="true", gpus=3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_random_runs_share_no_gpu_and_end(open_executor, tmp_path, seed):
    dice = random.Random(seed)
    witness = python(tmp_path / "witness", WITNESS)
    count = dice.randint(1, 4)
    policy = dice.choice(["slots", "pool"])
    gpus = " ".join(map(str, range(count)))
    with open_executor(gpus, count + 1, policy=policy, adapters=[GPU, CPU]) as executor:
        futures = []
        for _ in range(40):
            after = dice.sample(futures, min(len(futures), dice.choice([0, 0, 1, 2])))
            code = dice.choice([0, 0, 0, 1])
            if dice.random() < 0.2:
                futures.append(executor.submit("cpu", text=f"exit {code}", after=after))
                continue
            text = f'{witness} "$@"; exit {code}'
            many = dice.randint(1, count) if policy == "pool" else None
            futures.append(executor.submit("gpu", text=text, after=after, gpus=many))
            if dice.random() < 0.1:
                executor.cancel(dice.choice(futures))
        assert executor.wait(LONG)
    assert sum(executor.counts.values()) == 40
    assert all(one.done() for one in futures)
    assert "shared" not in (tmp_path / "witness.txt").read_text()
