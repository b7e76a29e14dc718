"""What pyworkflow's executors do well, and gpucore's do alike."""

from __future__ import annotations

import threading

CUTS = (
    (2, "0 1"),
    (2, "3,4,5"),
    (3, "0 1"),
    (3, "0 1 2"),
    (3, "0 1 2 3"),
    (3, "0 1 2 99"),
    (3, "99 1 2 3"),
    (4, "0 1 2 3"),
    (4, "0-5"),
    (4, "0-7"),
    (5, "0-5"),
    (9, "0-15"),
)
"""Threads and lists of the standard's table in which no GPU is shared."""


def slots(lab):
    """What steps get that run at once, for threads and list."""
    found = []
    for threads, gpus in CUTS:
        gate, used = lab.gate(threads - 1), []
        gate.patience = 60.0

        def work(number, gate=gate, used=used):
            used.append(lab.recipe.running._stepsExecutor.getGpuList())
            gate.meet()

        def steps(protocol, work=work, threads=threads):
            for number in range(threads - 1):
                protocol._insertFunctionStep(work, number, prerequisites=[])

        lab.run(lab.kind("Compulsory"), steps, threads=threads, gpuList=gpus)
        found.append([threads, gpus, sorted(used)])
    return {"slots": found}


def commands(lab):
    """The mark in parameters and in ``CUDA_VISIBLE_DEVICES`` of a program."""
    out = lab.folder / "out"
    text = f'\'echo "$CUDA_VISIBLE_DEVICES" "$@" >> {out}\''

    def work():
        run = lab.recipe.running.runJob
        run("CUDA_VISIBLE_DEVICES=%(GPU)s sh", f"-c {text} sh", env=None)
        run("sh", f"-c {text} sh -gpu %(GPU)s --name mic_%%03d", env=None)

    found = {}
    for name, threads, gpus in (("Serial", 1, "0 1"), ("Compulsory", 2, "2 3"), ("Serial", 1, "5")):
        out.unlink(missing_ok=True)
        done = lab.run(lab.kind(name), lambda protocol: protocol._insertFunctionStep(work),
                       threads=threads, gpuList=gpus)  # fmt: skip
        found[f"{name} {gpus}"] = [done.status, lab.text("out").splitlines()]
    return found


def no_gpu_needed(lab):
    """Steps that need no GPU, more of them at once than there are slots."""
    gate, used = lab.gate(3), []
    gate.patience = 60.0

    def work(number):
        used.append(lab.recipe.running._stepsExecutor.getGpuList())
        gate.meet()

    def steps(protocol):
        for number in range(3):
            protocol._insertFunctionStep(work, number, prerequisites=[], needsGPU=False)

    done = lab.run(lab.kind("Compulsory"), steps, threads=4, gpuList="0")
    return {"status": done.status, "at_once": gate.most, "gpus": used}


def _order(lab, kind, threads):
    order = []

    def steps(protocol):
        one = protocol._insertFunctionStep(order.append, 1, prerequisites=[])
        two = protocol._insertFunctionStep(order.append, 2, prerequisites=[one])
        three = protocol._insertFunctionStep(order.append, 3, prerequisites=[one, two])
        protocol._insertFunctionStep(order.append, 4, prerequisites=three)

    done = lab.run(lab.kind(kind), steps, threads=threads, gpuList="0 1")
    return [done.status, order, done.recorded]


def prerequisites(lab):
    """Steps that wait for others, with threads and without."""
    return {"threads": _order(lab, "Compulsory", 3), "serial": _order(lab, "Serial", 1)}


def failure(lab):
    """A step fails: what hangs on it does not run, and the protocol says why."""
    found = {}
    for kind, threads in (("Compulsory", 3), ("Serial", 1)):
        ran = []

        def fails():
            lab.recipe.running.runJob("sh", "-c 'exit 3'", env=None)

        def steps(protocol, ran=ran, fails=fails):
            first = protocol._insertFunctionStep(fails, prerequisites=[])
            protocol._insertFunctionStep(ran.append, 1, prerequisites=[first])

        done = lab.run(lab.kind(kind), steps, threads=threads, gpuList="0")
        found[kind] = [done.status, "returned non-zero exit status 3" in done.error,
                       done.recorded, ran]  # fmt: skip
    return found


def continuing(lab):
    """A protocol that failed is continued: what is done is not done again."""
    ran = []

    def steps(protocol):
        for number in range(3):
            protocol._insertFunctionStep(work, number)

    def work(number):
        ran.append(number)
        if ran == [0, 1]:
            raise RuntimeError("the first time")

    first = lab.run(lab.kind("Compulsory"), steps, threads=3, gpuList="0")
    then = lab.run(None, steps, again=first.saved)
    return {"first": [first.status, first.recorded], "then": [then.status, then.recorded],
            "ran": ran}  # fmt: skip


def waiting(lab):
    """Streaming as it was: a step waits until the protocol's check lets it go."""
    ran = []
    rounds = []

    def check(protocol):
        last = protocol._steps[0]
        if not last.isWaiting():
            return
        rounds.append(len(protocol._steps))
        if len(rounds) <= 3:
            new = protocol._insertFunctionStep(ran.append, len(rounds), prerequisites=[])
            last.addPrerequisites(new)
        else:
            last.setStatus("new")
        protocol.updateSteps()

    def steps(protocol):
        protocol._insertFunctionStep(ran.append, "output", wait=True, prerequisites=[])

    found = {}
    for kind, threads in (("Compulsory", 3), ("Serial", 1)):
        ran.clear()
        rounds.clear()
        done = lab.run(lab.kind(kind), steps, check=check, threads=threads, gpuList="0")
        found[kind] = [done.status, list(ran), done.recorded]
    return found


def generator(lab):
    """Streaming as it is: a step inserts the others, some of which use a GPU."""
    streaming = lab.kind("Streaming")
    used, done_items = [], threading.Semaphore(0)

    def convert(item):
        used.append((item, "convert", lab.recipe.running._stepsExecutor.getGpuList()))

    def process(item):
        used.append((item, "process", len(lab.recipe.running._stepsExecutor.getGpuList())))

    def output(item):
        used.append((item, "output", lab.recipe.running._stepsExecutor.getGpuList()))
        done_items.release()

    def generate(protocol):
        for item in range(3):
            one = protocol._insertFunctionStep(convert, item, prerequisites=[], needsGPU=False)
            two = protocol._insertFunctionStep(process, item, prerequisites=one, needsGPU=True)
            protocol._insertFunctionStep(output, item, prerequisites=two, needsGPU=False)
        for _ in range(3):
            done_items.acquire(timeout=60)

    streaming.generate = staticmethod(generate)
    done = lab.run(streaming, threads=4, gpuList="0 1")
    return {"status": done.status, "used": sorted(used)}


def interactive(lab):
    """A step that waits for its user ends a protocol for now; the rest comes when it goes on."""
    ran = []

    def steps(protocol):
        protocol._insertFunctionStep(ran.append, 1, interactive=True)
        protocol._insertFunctionStep(ran.append, 2)

    first = lab.run(lab.kind("Serial"), steps, gpuList="0")
    with lab._in_process():
        first.saved.continueFromInteractive()
    then = lab.run(None, steps, again=first.saved)
    return {"first": [first.status, first.recorded], "then": [then.status, then.recorded],
            "ran": ran}  # fmt: skip


def missing_file(lab):
    """A step names a result that is not there."""

    def steps(protocol):
        protocol._insertFunctionStep(lambda: ["nowhere.mrc"])

    done = lab.run(lab.kind("Compulsory"), steps, threads=3, gpuList="0")
    return {"status": done.status, "error": done.error}


def nested(lab):
    """A protocol whose step runs another protocol."""
    order = []

    def inner_steps(protocol):
        for number in range(2):
            protocol._insertFunctionStep(inner_work, number)

    def inner_work(number):
        order.append(["inner", number, lab.recipe.running._stepsExecutor.getGpuList()])

    def outer_work():
        outer = lab.recipe.running
        child = lab.project.newProtocol(lab.kind("Serial"), gpuList="0 1")
        outer.mapper.store(child)
        lab.recipe.steps = staticmethod(inner_steps)
        order.append(["outer", outer._stepsExecutor.getGpuList()])
        outer.runProtocol(child)
        order.append(["child", child.getStatus()])

    def steps(protocol):
        protocol._insertFunctionStep(outer_work)

    done = lab.run(lab.kind("Serial"), steps, gpuList="0 1")
    return {"status": done.status, "error": done.error, "order": order}


CASES = (
    slots,
    commands,
    no_gpu_needed,
    prerequisites,
    failure,
    continuing,
    waiting,
    generator,
    interactive,
    missing_file,
    nested,
)
