"""What went wrong with pyworkflow's executors, case by case; each returns what was seen."""

from __future__ import annotations

import os
import sys
import threading

import harness
import pyworkflow.protocol as pwprot


class Enough(Exception):
    """A case has seen what it wanted to see."""


def lost_gpus(lab):
    """A GPU step ends while the slot of its number is still untouched."""
    gate, used = lab.gate(2), []

    def work(number):
        used.append(lab.recipe.running._stepsExecutor.getGpuList())
        gate.meet()

    def steps(protocol):
        cpu = protocol._insertFunctionStep(lambda: None, prerequisites=[], needsGPU=False)
        first = protocol._insertFunctionStep(lambda: None, prerequisites=[cpu])
        for number in range(4):
            protocol._insertFunctionStep(work, number, prerequisites=[first])

    done = lab.run(lab.kind("Compulsory"), steps, threads=3, gpuList="0 1")
    return {"status": done.status, "gpus": sorted({g for gpus in used for g in gpus}),
            "at_once": gate.most}  # fmt: skip


def use_gpu_is_no(lab):
    """The user says no to the GPU of a protocol, whose steps are as their author left them."""
    gate, used = lab.gate(4), []

    def work(number):
        used.append(lab.recipe.running._stepsExecutor.getGpuList())
        gate.meet()

    def steps(protocol):
        for number in range(4):
            protocol._insertFunctionStep(work, number, prerequisites=[])

    done = lab.run(lab.kind("Optional"), steps, threads=5, gpuList="0", useGpu=False)
    return {"status": done.status, "at_once": gate.most, "gpus": used[0],
            "gpu_count": done.running.getSubmitDict()["GPU_COUNT"]}  # fmt: skip


def void_list(lab):
    """A list of nothing but void GPUs."""
    checks = []

    def check(protocol):
        checks.append([step.getStatus() for step in protocol._steps])
        if len(checks) == 50:
            raise Enough("50 checks, and no step has started")

    def steps(protocol):
        for _ in range(2):
            protocol._insertFunctionStep(lambda: None, prerequisites=[])

    done = lab.run(lab.kind("Compulsory"), steps, check=check, threads=3, gpuList="99 99")
    return {"status": done.status, "error": done.error, "steps": done.recorded}


def circle(lab):
    """Two steps that wait for each other."""
    checks = []

    def check(protocol):
        checks.append(1)
        if len(checks) == 50:
            raise Enough("50 checks, and no step has started")

    def steps(protocol):
        protocol._insertFunctionStep(lambda: None, prerequisites=[2])
        protocol._insertFunctionStep(lambda: None, prerequisites=[1])

    done = lab.run(lab.kind("Compulsory"), steps, check=check, threads=3, gpuList="0 1")
    return {"status": done.status, "error": done.error.partition("\n")[0], "steps": done.recorded}


def masks(lab):
    """Two steps at once say that their programs shall see their GPUs alone."""
    gate = lab.gate(2)
    lab.patience = 60.0
    gate.patience = 60.0  # they do run at once, on either executor
    before = os.environ.get("CUDA_VISIBLE_DEVICES")

    def work(number):
        executor = lab.recipe.running._stepsExecutor
        own = executor.getGpuListStr(",")
        executor.setCudaVisibleDevices()
        gate.meet()
        file = lab.folder / f"gpu{own}"
        lab.recipe.running.runJob("printenv", f"CUDA_VISIBLE_DEVICES > {file}", env=None)

    def steps(protocol):
        for number in range(2):
            protocol._insertFunctionStep(work, number, prerequisites=[])

    try:
        done = lab.run(lab.kind("Compulsory"), steps, threads=3, gpuList="0 1")
        left = os.environ.get("CUDA_VISIBLE_DEVICES")
    finally:
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    seen = [lab.text("gpu0"), lab.text("gpu1")]
    return {
        "status": done.status,
        "each sees": "its own" if seen == ["0", "1"] else "that of one of them",
        "left": "as before" if left == before else "changed",
    }


def void_in_serial(lab):
    """A void GPU in the list of a protocol with one thread, and a step that needs no GPU."""
    used = []

    def work(name):
        executor = lab.recipe.running._stepsExecutor
        used.append(executor.getGpuList())
        if used[-1]:
            lab.recipe.running.runJob("echo", f"-gpu %(GPU)s > {lab.folder / name}", env=None)

    def steps(protocol):
        protocol._insertFunctionStep(work, "gpu")
        protocol._insertFunctionStep(work, "cpu", needsGPU=False)

    done = lab.run(lab.kind("Serial"), steps, gpuList="0 99")
    return {"status": done.status, "gpus": used, "command": lab.text("gpu")}


def _one_step(lab, job, *, kind="Optional", **params):
    def work():
        job(lab.recipe.running)

    done = lab.run(lab.kind(kind), lambda protocol: protocol._insertFunctionStep(work),
                   threads=3, **params)  # fmt: skip
    return {"status": done.status, "error": done.error, "command": lab.text("out")}


def mark_without_gpus(lab):
    """A command with the mark in a step that has no GPU."""
    out = lab.folder / "out"
    return _one_step(
        lab,
        lambda protocol: protocol.runJob("echo", f"-gpu %(GPU)s > {out}", env=None),
        gpuList="",
    )


def mark_in_a_list(lab):
    """The mark inside an element of a list of arguments."""
    out = lab.folder / "out"
    code = f"import sys; open('{out}', 'w').write(repr(sys.argv[1:]))"
    arguments = ["-c", code, "--device=%(GPU)s"]
    return _one_step(
        lab, lambda protocol: protocol.runJob(sys.executable, arguments, env=None), gpuList="0-3"
    )


def stray_percent(lab):
    """A per cent sign that is no mark, beside one that is."""
    out = lab.folder / "out"
    return _one_step(
        lab,
        lambda protocol: protocol.runJob(
            "echo", f"-gpu %(GPU)s a_100%.txt mic_%03d.mrc > {out}", env=None
        ),
        gpuList="1",
    )


def list_outside_steps(lab):
    """Somebody asks for GPUs outside a step, or of an executor without a list."""
    told = {}

    def ask(name, question):
        try:
            told[name] = question()
        except Exception as error:
            told[name] = type(error).__name__

    def steps(protocol):
        ask("outside a step", protocol._stepsExecutor.getGpuList)

    lab.run(lab.kind("Compulsory"), steps, threads=3, gpuList="0 1")
    ask("without a list", pwprot.StepExecutor(None).getGpuListStr)
    return told


def unstored_steps(lab):
    """A streaming protocol's generator inserts steps, which start before they are stored."""
    gate, used = lab.gate(2), []
    streaming = lab.kind("Streaming")

    def work(number):
        used.append(lab.recipe.running._stepsExecutor.getGpuList())
        gate.patience = 60.0  # they do run at once, on either executor
        gate.meet()

    def generate(protocol):
        for number in range(2):
            protocol._insertFunctionStep(work, number, prerequisites=[])

    streaming.generate = staticmethod(generate)
    # pyworkflow looks for new steps every 3 s and stores them every 5 s: so they do start unstored.
    streaming._stepsCheckSecs = 1000
    try:
        done = lab.run(streaming, threads=4, gpuList="0 1")
    finally:
        streaming._stepsCheckSecs = 0.05
    return {"status": done.status, "gpus": sorted(used), "at_once": gate.most}


def interactive_in_threads(lab):
    """A step that waits for its user, in a protocol with threads."""
    ran = []

    def steps(protocol):
        first = protocol._insertFunctionStep(lambda: None, prerequisites=[], interactive=True)
        protocol._insertFunctionStep(lambda: ran.append(1), prerequisites=[first])

    done = lab.run(lab.kind("Compulsory"), steps, threads=3, gpuList="0")
    return {"status": done.status, "steps": done.recorded, "ran": len(ran)}


def exit_in_a_step(lab):
    """The code of a step calls ``sys.exit``."""

    def steps(protocol):
        protocol._insertFunctionStep(lambda: sys.exit("no licence"), prerequisites=[])

    done = lab.run(lab.kind("Compulsory"), steps, threads=3, gpuList="0")
    return {"status": done.status}


def end_after_a_failure(lab):
    """A step ends well while another has failed already."""
    failed, gone_on = threading.Event(), threading.Event()

    def fails():
        failed.set()
        raise RuntimeError("no memory")

    def works():
        failed.wait(60)
        gone_on.wait(60)

    def steps(protocol):
        ended = protocol._endRun

        def end_run():  # pyworkflow calls it when it has told of the failure
            ended()
            gone_on.set()

        protocol._endRun = end_run
        protocol._insertFunctionStep(works, prerequisites=[])
        protocol._insertFunctionStep(fails, prerequisites=[])

    done = lab.run(lab.kind("Compulsory"), steps, threads=3, gpuList="0 1")
    return {"status": done.status, "error": done.error, "steps": done.recorded}


def last_step_fails(lab):
    """The last step fails while the executor is told that the one before it has ended."""
    told = threading.Event()
    # gpucore's says that a step has failed when its own turn to be told of comes.
    patience = 0.3 if lab.gpucore else 60.0

    def fails():
        told.wait(60)
        raise RuntimeError("no memory")

    def steps(protocol):
        finished = protocol._stepFinished

        def step_finished(step):
            go_on = finished(step)
            if step is protocol._steps[0]:
                told.set()
                harness.until(lambda: not protocol._steps[1].isRunning(), patience)
            return go_on

        protocol._stepFinished = step_finished
        protocol._insertFunctionStep(lambda: None, prerequisites=[], needsGPU=False)
        protocol._insertFunctionStep(fails, prerequisites=[], needsGPU=False)

    done = lab.run(lab.kind("Compulsory"), steps, threads=3, gpuList="0")
    return {"status": done.status, "error": done.error, "steps": done.recorded}


def polling(lab):
    """Steps that take a moment each."""
    harness.NAPS.clear()
    gate = threading.Event()

    def steps(protocol):
        for _ in range(4):
            protocol._insertFunctionStep(lambda: gate.wait(0.1), prerequisites=[])

    done = lab.run(lab.kind("Compulsory"), steps, threads=3, gpuList="0 1")
    return {"status": done.status, "slept_for": sorted(set(harness.NAPS))}


CASES = (
    lost_gpus,
    use_gpu_is_no,
    void_list,
    circle,
    masks,
    void_in_serial,
    mark_without_gpus,
    mark_in_a_list,
    stray_percent,
    list_outside_steps,
    unstored_steps,
    interactive_in_threads,
    exit_in_a_step,
    end_after_a_failure,
    last_step_fails,
    polling,
)
