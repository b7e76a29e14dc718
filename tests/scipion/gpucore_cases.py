"""What gpucore's executors do that pyworkflow's do not, or do otherwise on purpose."""

from __future__ import annotations

import contextlib
import contextvars
import logging
import os
import threading
from pathlib import Path

import pyworkflow
import pyworkflow.protocol as pwprot
from pyworkflow.protocol.executor import StepThread

from gpucore.hosts import scipion
from gpucore.hosts.scipion import versions
from gpucore.system.lease_directory import find_lease_directory
from gpucore.system.leases import Leases


@contextlib.contextmanager
def variable(name, value):
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def holders():
    """Return what those say who hold GPUs of this machine now."""
    leases = Leases(find_lease_directory(os.environ))
    try:
        return sorted(one.step for one in leases.holders())
    finally:
        leases.close()


def _at_once(lab, wanted, **params):
    gate, used = lab.gate(wanted), []

    def work(number):
        used.append(lab.recipe.running._stepsExecutor.getGpuList())
        gate.meet()

    def steps(protocol):
        for number in range(4):
            protocol._insertFunctionStep(work, number, prerequisites=[])

    done = lab.run(lab.kind("Compulsory"), steps, **params)
    return {"status": done.status, "error": done.error, "gpus": sorted(used), "at_once": gate.most}


def short_list(lab):
    """Fewer GPUs than threads: the list is repeated, as the standard's page says."""
    return _at_once(lab, 4, threads=5, gpuList="0 1")


def short_list_never_shared(lab):
    """The same where the site says that no GPU is shared."""
    with variable("GPUCORE_SHARING", "never"):
        return _at_once(lab, 2, threads=5, gpuList="0 1")


def absent_gpu(lab):
    """A list that names a GPU that the machine does not have."""
    return _at_once(lab, 1, threads=2, gpuList="0 77")


def empty_list(lab):
    """No list for a protocol that needs a GPU, and for one that can do without."""
    out = lab.folder / "out"

    def work():
        lab.recipe.running.runJob("sh", f"-c 'echo \"[$CUDA_VISIBLE_DEVICES]\" > {out}'", env=None)

    def steps(protocol):
        protocol._insertFunctionStep(work)

    must = lab.run(lab.kind("Compulsory"), steps, threads=3, gpuList="")
    may = lab.run(lab.kind("Optional"), steps, threads=3, gpuList="")
    return {"must": [must.status, must.error], "may": [may.status, lab.text("out")]}


def environments(lab):
    """What programs see of CUDA's variables."""
    found = {}

    def work(name):
        out = lab.folder / f"program{len(found)}"
        shown = '"$CUDA_DEVICE_ORDER ${CUDA_VISIBLE_DEVICES-unset}"'
        lab.recipe.running.runJob("sh", f"-c 'echo {shown} > {out}'", env=None)
        found[name] = lab.text(out.name)

    def steps(protocol):
        protocol._insertFunctionStep(work, "a GPU")
        protocol._insertFunctionStep(work, "no GPU", needsGPU=False)
        protocol._insertFunctionStep(own_mask, needsGPU=False)

    def own_mask():
        with variable("CUDA_VISIBLE_DEVICES", "5"):
            work("no GPU, and a mask of the plugin")

    lab.run(lab.kind("Compulsory"), steps, threads=3, gpuList="0")
    lab.run(lab.kind("Recipe"), lambda protocol: protocol._insertFunctionStep(work, "no list"))
    return found


def serial_mask(lab):
    """A serial protocol's step shows its GPUs also to programs that it starts itself."""
    seen = []

    def work():
        lab.recipe.running._stepsExecutor.setCudaVisibleDevices()
        seen.append(os.environ.get("CUDA_VISIBLE_DEVICES"))

    def then():
        seen.append(os.environ.get("CUDA_VISIBLE_DEVICES"))

    def steps(protocol):
        protocol._insertFunctionStep(work)
        protocol._insertFunctionStep(then)

    lab.run(lab.kind("Serial"), steps, gpuList="2 3")
    return {"seen": seen}


def leases(lab):
    """Who holds GPUs while a step runs: nobody until it uses them."""
    seen = {}

    def work(name, use):
        seen[f"{name}: before"] = holders()
        use()
        seen[f"{name}: after"] = holders()

    def steps(protocol):
        executor = protocol._stepsExecutor
        protocol._insertFunctionStep(work, "result", lambda: None)
        protocol._insertFunctionStep(work, "slot", executor.getGpuList)
        protocol._insertFunctionStep(work, "list", protocol.getGpuList)
        protocol._insertFunctionStep(work, "program", lambda: protocol.runJob("true", "", env=None))
        protocol._insertFunctionStep(
            work, "none", lambda: protocol.runJob("true", "", env=None), needsGPU=False
        )

    done = lab.run(lab.kind("Compulsory"), steps, threads=2, gpuList="0")
    return {"status": done.status, "seen": seen, "at the end": holders()}


def raising_check(lab):
    """The protocol's check raises while a step runs, which comes to its end."""
    inside, ended = threading.Event(), []

    def work():
        lab.recipe.running._stepsExecutor.getGpuList()
        inside.set()
        gate.wait(60)
        ended.append(1)

    def check(protocol):
        if inside.is_set() and not gate.is_set():
            gate.set()
            raise RuntimeError("the input is gone")

    gate = threading.Event()

    def steps(protocol):
        protocol._insertFunctionStep(work, prerequisites=[])

    done = lab.run(lab.kind("Compulsory"), steps, check=check, threads=3, gpuList="0")
    return {"status": done.status, "error": done.error, "steps": done.recorded,
            "ended": len(ended), "held": holders()}  # fmt: skip


def raising_callback(lab):
    """pyworkflow cannot write down that a step starts."""

    def steps(protocol):
        def started(step):
            raise OSError("no space left on device")

        protocol._stepStarted = started
        for _ in range(3):
            protocol._insertFunctionStep(lambda: None, prerequisites=[])

    done = lab.run(lab.kind("Compulsory"), steps, threads=3, gpuList="0 1")
    return {"status": done.status, "error": done.error, "held": holders()}


def raising_end(lab):
    """pyworkflow cannot write down that one of four steps has ended, which end together."""
    gate, numbers = lab.gate(4), []

    def steps(protocol):
        def finished(step):
            numbers.append(step.getObjId())
            if len(numbers) == 2:
                raise OSError("the network has gone")
            return told(step)

        told, protocol._stepFinished = protocol._stepFinished, finished
        for number in range(4):
            protocol._insertFunctionStep(lambda _: gate.meet(), number, prerequisites=[])
        protocol._insertFunctionStep(lambda: None, prerequisites=[1])

    done = lab.run(lab.kind("Compulsory"), steps, threads=5, gpuList="0-3")
    return {"status": done.status, "error": done.error, "held": holders(),
            "told": sorted(numbers),
            "recorded": sorted(done.recorded[number - 1] for number in numbers),
            "last": done.recorded[4]}  # fmt: skip


def threads_of_steps(lab):
    """Many short steps on few threads: each finds itself in a thread of its own making."""
    seen, kept = [], contextvars.ContextVar("kept", default="nothing")

    def work(number):
        thread = threading.current_thread()
        seen.append([number + 1 == thread.thId, thread.needsGPU(), kept.get()])
        kept.set(number)

    def steps(protocol):
        for number in range(30):
            protocol._insertFunctionStep(work, number, prerequisites=[])

    done = lab.run(lab.kind("Compulsory"), steps, threads=3, gpuList="0 1")
    threads = [one for one in threading.enumerate() if isinstance(one, StepThread)]
    for thread in threads:
        thread.join(lab.patience)
    left = [thread.name for thread in threads if thread.is_alive()]
    return {"status": done.status, "seen": seen, "left": left}


def stuck_steps(lab):
    """A step that waits for one that never comes, and two that wait for each other."""
    found = {}
    for kind, threads in (("Compulsory", 3), ("Serial", 1)):

        def steps(protocol):
            protocol._insertFunctionStep(lambda: None, prerequisites=[])
            protocol._insertFunctionStep(lambda: None, prerequisites=[9])
            protocol._insertFunctionStep(lambda: None, prerequisites=[4])
            protocol._insertFunctionStep(lambda: None, prerequisites=[3])

        done = lab.run(lab.kind(kind), steps, threads=threads, gpuList="0")
        found[kind] = [done.status, done.error, done.recorded]
    return found


def burst(lab):
    """A generator inserts hundreds of steps as fast as it can; each is stored, and runs once."""
    streaming, ran = lab.kind("Streaming"), []

    def generate(protocol):
        for number in range(300):
            protocol._insertFunctionStep(ran.append, number, prerequisites=[], needsGPU=False)

    streaming.generate = staticmethod(generate)
    done = lab.run(streaming, threads=4, gpuList="0 1")
    return {"status": done.status, "ran": sorted(ran) == list(range(300)),
            "steps": [len(done.recorded), sorted(set(done.recorded))]}  # fmt: skip


def nested_on_one_slot(lab):
    """A step that has the only slot runs another protocol, whose steps need one."""
    order = []

    def inner_steps(protocol):
        for number in range(2):
            protocol._insertFunctionStep(inner_work, number, prerequisites=[])
        protocol._insertFunctionStep(inner_work, "cpu", prerequisites=[], needsGPU=False)

    def inner_work(number):
        order.append([number, lab.recipe.running._stepsExecutor.getGpuList()])

    def outer_work():
        outer = lab.recipe.running
        child = lab.project.newProtocol(lab.kind("Compulsory"), gpuList="3")
        outer.mapper.store(child)
        lab.recipe.steps = staticmethod(inner_steps)
        outer.runProtocol(child)
        order.append(["child", child.getStatus()])

    found = {}
    for needs in (True, False):
        order.clear()

        def steps(protocol, needs=needs):
            protocol._insertFunctionStep(outer_work, needsGPU=needs)

        done = lab.run(lab.kind("Compulsory"), steps, threads=2, gpuList="3")
        found["with" if needs else "without"] = [done.status, done.error, list(order), holders()]
    return found


def booked_by_hand(lab):
    """A slot is asked for, and given back, by pyworkflow's own methods."""
    executor = pwprot.ThreadStepExecutor(None, 2, gpuList=[4, 5])
    told = [executor.getFreeGpuSlot(7), executor.getFreeGpuSlot(8), executor.getFreeGpuSlot(9)]
    executor.freeGpusSlot(8)
    executor.freeGpusSlot(8)
    told += [executor.getFreeGpuSlot(), executor.getFreeGpuSlot(9)]
    return {"told": told}


def switching(lab):
    """gpucore is installed twice, taken out, and installed again."""
    found = []
    for change in (scipion.install, scipion.remove, scipion.remove, scipion.install):
        change()
        found.append(
            [pwprot.ThreadStepExecutor.__name__, pwprot.Protocol.getGpuList.__qualname__,
             hasattr(pwprot.Protocol.getGpuList, "__wrapped__")]
        )  # fmt: skip
    return {"names": [name for name, _, _ in found], "wrapped": [is_ for _, _, is_ in found]}


def as_a_plugin(lab):
    """What Scipion sees of gpucore in its list of plugins, and what is said of a wrong version."""
    plugin = pyworkflow.Config.getDomain().getPlugins()["gpucore.hosts.scipion"]._pluginInstance
    words, known = [], versions.KNOWN
    log = logging.getLogger("gpucore.hosts.scipion.plugin")
    listener = logging.Handler()
    listener.emit = lambda record: words.append(record.getMessage())
    log.addHandler(listener)
    scipion.remove()
    executors = []
    try:
        versions.KNOWN = ((1, 0, 0), (2, 0, 0))
        plugin._defineVariables()
        executors.append(pwprot.StepExecutor.__module__)
        versions.KNOWN = known
        for wanted in ("off", "perhaps"):
            with variable("GPUCORE_SCIPION", wanted):
                plugin._defineVariables()
            executors.append(pwprot.StepExecutor.__module__)
    finally:
        versions.KNOWN = known
        log.removeHandler(listener)
        plugin._defineVariables()
    return {
        "name": plugin.getName(),
        "folder": Path(plugin.getPath()).name,
        "templates": plugin.getTemplates(),
        "words": words,
        "executors": executors,
    }


CASES = (
    short_list,
    short_list_never_shared,
    absent_gpu,
    empty_list,
    environments,
    serial_mask,
    leases,
    raising_check,
    raising_callback,
    raising_end,
    threads_of_steps,
    stuck_steps,
    burst,
    nested_on_one_slot,
    booked_by_hand,
    switching,
    as_a_plugin,
)
