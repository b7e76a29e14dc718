"""Protocols whose programs, or which themselves, are a queue's jobs; the queue is the shell."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

EACH = {"QUEUE_FOR_JOBS": "Y"}
WHOLE = {"QUEUE_FOR_JOBS": "N"}


def _jobs(lab):
    """Return what each job's program was told, and how many GPUs were asked for."""
    return sorted(
        [file.read_text("utf-8").strip(), (lab.folder / f"{file.stem}.count").read_text().strip()]
        for file in lab.folder.glob("*.told")
    )


def _run_jobs(lab, gpu_steps, cpu_steps, **params):
    def work(number):
        # The queue's template has a variable for it, and so has each job.
        out = lab.folder / f"{number}.told"
        mark = "%(GPU)s" if number < gpu_steps else "none"
        count = f"echo $LAB_GPU_COUNT > {lab.folder / f'{number}.count'}"
        lab.recipe.running.runJob("echo", f"{mark} > {out}; {count}", env=None)

    def steps(protocol):
        for number in range(gpu_steps + cpu_steps):
            protocol._insertFunctionStep(
                work, number, prerequisites=[], needsGPU=number < gpu_steps
            )

    return lab.run(lab.kind("Compulsory"), steps, **params)


def void_in_a_queue(lab):
    """A void GPU in the list of a protocol that is a queue's job."""
    used = []

    def steps(protocol):
        for _ in range(2):
            protocol._insertFunctionStep(
                lambda: used.append(lab.recipe.running._stepsExecutor.getGpuList()),
                prerequisites=[],
            )

    done = lab.run(
        lab.kind("Compulsory"), steps, threads=3, gpuList="2 99", queue=WHOLE
    )  # fmt: skip
    return {"status": done.status, "gpus": sorted(used)}


def shared_in_a_queue(lab):
    """One GPU, named three times, for two steps at once that are jobs of their own."""
    done = _run_jobs(lab, 2, 0, threads=3, gpuList="0 0 0", queue=EACH)
    return {"status": done.status, "error": done.error, "jobs": _jobs(lab)}


def gpus_of_jobs(lab):
    """How many GPUs the jobs of three steps ask for, one of which needs none."""
    done = _run_jobs(lab, 2, 1, threads=5, gpuList="0 1 2 3", queue=EACH)
    return {"status": done.status, "error": done.error, "jobs": _jobs(lab)}


def gpus_of_a_job(lab):
    """How many GPUs the job of a whole protocol asks for."""
    done = lab.run(lab.kind("Compulsory"), threads=3, gpuList="0 0 99", queue=WHOLE)
    return {"gpu_count": done.saved.getSubmitDict()["GPU_COUNT"]}


def chosen_by_the_user(lab):
    """A number of GPUs that the user chose in the queue's form."""
    queue = EACH | {"GPU_COUNT": "8"}
    done = _run_jobs(lab, 1, 0, threads=2, gpuList="0 1", queue=queue)
    return {"status": done.status, "error": done.error, "jobs": _jobs(lab)}


def no_gpu_here(lab):
    """Steps are jobs of a queue; the machine that submits them has no GPU, and no driver."""
    devices = os.environ.pop("GPUCORE_DEVICES", None)
    try:
        done = _run_jobs(lab, 2, 0, threads=3, gpuList="2 4 7", queue=EACH)
    finally:
        if devices is not None:
            os.environ["GPUCORE_DEVICES"] = devices
    return {"status": done.status, "error": done.error, "jobs": _jobs(lab)}


def names_of_jobs(lab):
    """The scripts of a protocol's jobs, which Scipion names after step and command."""
    done = _run_jobs(lab, 2, 0, threads=3, gpuList="0 1", queue=EACH)
    folder = Path(lab.project.path, done.saved._getLogsPath())
    found = sorted(file.name.partition("-")[2] for file in folder.glob("*.job"))
    return {"jobs": found, "ids": list(done.saved.getJobIds())}


def job_numbers(lab):
    """The number of a job, as pyworkflow's versions give it: alone, or with what was said."""
    queued = importlib.import_module("gpucore.hosts.scipion.queued")
    submit, found = queued._submit, {}
    for name, answer in (("alone", lambda job: job), ("a pair", lambda job: (job, None)),
                         ("none", lambda job: (-1, ["", "no such partition\n"]))):  # fmt: skip
        queued._submit = lambda *args, answer=answer: answer((submit(*args), 4712)[1])
        try:
            done = _run_jobs(lab, 1, 0, threads=2, gpuList="0", queue=EACH)
        finally:
            queued._submit = submit
        found[name] = [done.status, done.error.partition("\n")[0]]
    return found


CASES = (
    void_in_a_queue,
    shared_in_a_queue,
    gpus_of_jobs,
    gpus_of_a_job,
    chosen_by_the_user,
    no_gpu_here,
    names_of_jobs,
    job_numbers,
)
