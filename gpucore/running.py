"""One step on its way through an executor: made ready, run, judged."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.adoption import AdoptedError, adopt, end_unfinished
from gpucore.attempts import Started, steps_place
from gpucore.outcomes import InputFaultError, judge, unjudged
from gpucore.plugins.offers import Exit, Prepared
from gpucore.record import NOTHING_EARLIER, Earlier
from gpucore.staging import attempt_name, make_ground, staged
from gpucore.standard.evidence import Evidence
from gpucore.standard.params import rooted
from gpucore.standard.template import render
from gpucore.startup import container_name, folders_of
from gpucore.step_leases import MovedError, StepLeases
from gpucore.system.files import file_fault, furnish, safe_name, stamp_before
from gpucore.system.leases import LeaseStopped
from gpucore.system.moving import discard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gpucore.moves import Moves
    from gpucore.scheduling import Grant
    from gpucore.standard.model import Device, Outcome
    from gpucore.standard.step import Step
    from gpucore.surroundings import Surroundings

__all__ = ["RunningStep"]

_LOGGER = logging.getLogger(__name__)


class RunningStep:
    """A step that was given its devices.

    Parameters
    ----------
    number : int
        Its number in the run.
    step : Step
        What it is.
    grant : Grant
        What it holds.
    around : Surroundings
        The run.
    moves : Moves
        Says whether it is to wait for what it was given.
    on_begun, on_ended : callable
        Told when its program runs, and once when it has ended; without an outcome when it did not
        begin, and is to be given other devices.
    earlier : Earlier
        What earlier runs say of it.
    attempt : int
        Which attempt of this run it is, from 1.
    """

    def __init__(
        self,
        number: int,
        step: Step,
        grant: Grant,
        around: Surroundings,
        on_begun: Callable[[RunningStep], None],
        on_ended: Callable[[RunningStep, Outcome | None], None],
        *,
        moves: Moves,
        earlier: Earlier = NOTHING_EARLIER,
        attempt: int = 1,
    ) -> None:
        self.number = number
        self.step = step
        self.grant = grant
        self._around = around
        self._on_begun = on_begun
        self._on_ended = on_ended
        self._earlier = earlier
        self.attempt = earlier.attempts + attempt
        self._unfinished = earlier.unfinished if attempt == 1 else None
        self._started: Started | None = None
        self._moves = moves
        self._leases = StepLeases(step.name, grant, around, self)
        self._container = ""
        self.cancelled = False
        self._granted = time.time()
        self.evidence: Evidence | None = None
        """What was seen of it from outside while it ran."""
        self.recorded: Callable[[], None] | None = None
        """To be called when its end is on record."""

    @property
    def uuids(self) -> tuple[str, ...]:
        """Its devices, each once."""
        return self._leases.uuids

    @property
    def started(self) -> Started:
        """What is known of it from its start on; made on the engine's thread, not under a lock."""
        # No cached_property: before Python 3.12 all steps of all threads would share its lock.
        if self._started is None:
            self._started = self._start()
        return self._started

    def _start(self) -> Started:
        place = f"{self.number + 1:06d}-{safe_name(self.step.name)}"
        folder = self._around.folder.path
        return Started(
            step=self.step,
            devices=self.grant.devices,
            values={},
            folder=f"{folder}/steps/{place}.{self.attempt}",
            log=f"{folder}/log/{place}.{self.attempt}.txt",
            status=f"{folder}/status/{place}.{self.attempt}",
        )

    def prepare(self) -> Prepared:
        """Look at the inputs, fill the template and make the ground ready.

        Raises
        ------
        InputFaultError
            When an input is not what it should be.
        TemplateError, OSError
            When the command cannot be made, or its place not be written.
        AdoptedError
            When a program of an earlier host did the step.
        LeaseStopped
            When the run is stopped while it waits for its devices.
        MovedError
            When it is not to wait for them, but to have others.
        """
        around, started, adapter = self._around, self.started, self.step.adapter
        values = self.step.values
        absolute = rooted(adapter, values, str(around.root))
        started.values = absolute
        if self._unfinished is not None:
            counts = self._earlier.counts
            adopt(self._unfinished, self.step, around, self._is_stopped, counts=counts)
        self._look_at_inputs(absolute)
        fds = self._leases.take()
        startup, template = around.startups[adapter.name], adapter.command
        if around.monitor is not None and self.uuids:
            around.monitor.began(self.number, self.step, self.uuids)
        name = self._made_under()
        started.tell(name)
        command = render(
            adapter,
            started.told if template.own_directory else staged(adapter, values, name),
            startup.devices(adapter, self._devices()),
            executable=startup.executable,
            isolate=around.isolate or around.renumbered,
        )
        started.command = command
        outputs = started.outputs
        started.before = {output.path: stamp_before(output.path) for output in outputs}
        make_ground(started.made_in, outputs, ours=around.record is not None)
        cwd = Path(started.folder) if template.own_directory else around.root
        if template.own_directory:
            cwd.mkdir(parents=True, exist_ok=True)
            furnish(cwd, command)
        own = {**command.env, "GPUCORE_RUN": around.run, "GPUCORE_STEP": self.step.name}
        if any(device.simulated for device in self.grant.devices):
            # Nothing can compute there: a program that knows of it can do without.
            own["GPUCORE_SIMULATED"] = "1"
        argv = command.argv
        if startup.container is not None:
            name = container_name(around.run, self.step.name, self.attempt)
            folders = folders_of(adapter, absolute, [output.there for output in outputs])
            argv = startup.wrapped(adapter, command, own=own, devices=self.grant.devices,
                                   name=name, cwd=str(cwd), folders=folders)  # fmt: skip
            self._container = name
        recorded: Callable[[Callable[[str], None]], None] | None = None
        if around.record is not None:
            recorded = partial(
                around.record.begin,
                self.step,
                absolute,
                command,
                self.grant.devices,
                attempt=self.attempt,
                log=started.log,
                status=started.status,
                made_in=started.made_in,
                granted=self._granted,
                held_by=self._leases.held_by,
            )
        return Prepared(
            argv=argv,
            env=startup.own_environment(own),
            cwd=str(cwd),
            log=started.log,
            stdin=command.stdin,
            fds=fds,
            wall=self.step.limits.wall,
            quiet=self.step.limits.quiet,
            status=started.status if recorded is not None else "",
            recorded=recorded,
        )

    def begun(self, prepared: Prepared) -> None:  # noqa: ARG002 - the form of every engine's call
        """Tell that its program runs."""
        self._on_begun(self)

    def ended(self, ended: Exit) -> None:
        """Judge how it ended and tell it."""
        if isinstance(ended.error, MovedError) and not ended.stopped:
            self._on_ended(self, None)
            return
        if isinstance(ended.error, LeaseStopped):
            # Whoever stopped it tells the engine after it has ended the wait for its GPU.
            ended = replace(ended, stopped=True)
        self._end_container(ended)
        if ended.survived or self._leases.wanted:
            # Who waits need not wait for the judgement, and what it left running keeps its GPU.
            self.give_back()
        if ended.stopped:
            end_unfinished(self._unfinished)
        if ended.recorded is not None:
            self.recorded = ended.recorded
        ended = self._started_at_all(self._unwrapped(ended))
        try:
            self.evidence = self._seen(ended)
            outcome = judge(self.started, ended, self.evidence)
        except Exception as error:
            # A step that is not told to have ended would hold its devices for ever.
            _LOGGER.exception("step %s could not be judged", self.step.name)
            outcome = unjudged(self.started, ended, error)
        if self._around.learned is not None:
            self._around.learned.hear(self.step, outcome)
        self._on_ended(self, replace(outcome, attempts=self.attempt))

    def _devices(self) -> tuple[Device, ...]:
        if not self._around.renumbered:
            return self.grant.devices
        return tuple(replace(device, mask=device.uuid) for device in self.grant.devices)

    def _seen(self, ended: Exit) -> Evidence | None:
        """Return what was seen of it from outside: by who looks at the devices, and the kernel."""
        monitor, evidence = self._around.monitor, None
        if monitor is not None and self.uuids:
            evidence = monitor.ended(self.number)
            if ended.stopped or ended.limit:
                monitor.killed(self.uuids)
        if ended.code:
            kills = self._around.oom_kills.since(ended.started)
            evidence = replace(evidence or Evidence(), oom_kills=kills)
        return evidence

    def _made_under(self) -> str:
        """Return what the directory is called that the outputs are made in; tidy up before."""
        around, begins = self._around, self._earlier.attempts + 1
        if self.attempt > begins:
            before = self.started.folder.rpartition(".")[0]
            discard(place=f"{before}.{self.attempt - 1}")
        elif self._earlier.failed is not None:
            discard(place=steps_place(self._earlier.failed.log))
        if not self.step.adapter.staged_params:
            return ""
        folder = around.folder.path
        whose = folder if around.record is None else folder.parent
        return attempt_name(self.step.name, self.attempt, str(whose))

    def cancel(self) -> None:
        """Have it wait for nothing any more; its program is the engine's to end."""
        self.cancelled = True
        self.stopping()
        self._leases.cancel()

    def stopping(self, lost: str = "") -> None:
        """Hear that its program is asked to end; ``lost``: because its device failed, and why."""
        self.started.lost = lost or self.started.lost
        if self._around.monitor is not None:
            self._around.monitor.stopping(self.number)

    def claim(self) -> None:
        """Take over the leases of a step that has just ended, if they are those of this step."""
        self._leases.claim()

    def give_back(self) -> None:
        """Give its leases back; a second time does nothing."""
        self._leases.give_back()

    def waits(self) -> bool:
        """Hear that its devices are another run's; say whether it is to have others instead."""
        return self._moves.waits(self)

    def waited(self) -> None:
        """Hear that it waits for its devices no more."""
        self._moves.waited(self)

    def move(self) -> None:
        """Have it wait no more for its devices, but be given others."""
        self._leases.move()

    def _is_stopped(self) -> bool:
        return self.cancelled or self._around.stopping

    def _unwrapped(self, ended: Exit) -> Exit:
        """Return the program's own end, whoever waited for it."""
        if isinstance(ended.error, AdoptedError):
            began = ended.error.began
            self.attempt = began.attempt
            self.started.adopt(began)
            return Exit(
                code=ended.error.ended_with,
                started=began.time,
                ended=ended.ended,
                stopped=ended.stopped,
            )
        return ended

    def _end_container(self, ended: Exit) -> None:
        """End the container of a command that was ended: a daemon may run it on, on our GPUs."""
        cut = ended.stopped or ended.limit or ended.code is None or ended.code < 0
        if self._container and cut:
            startup = self._around.startups[self.step.adapter.name]
            startup.end(self._container, startup.environment)

    def _started_at_all(self, ended: Exit) -> Exit:
        """Tell a container's engine that did not start the program from a program that failed."""
        startup = self._around.startups.get(self.step.adapter.name)
        if startup is None or not ended.code or ended.stopped or ended.limit:
            return ended
        fault = startup.fault(ended.code, self.started.log)
        return ended if fault is None else replace(ended, code=None, error=fault)

    def _look_at_inputs(self, values: Mapping[str, object]) -> None:
        for name, param in self.step.adapter.params.items():
            value = values.get(name)
            if param.type != "path" or param.output or value is None:
                continue
            for path in value if isinstance(value, tuple) else (value,):
                if fault := file_fault(str(path), param.check, result=False):
                    hint = f"look at that file; it should be: {param.help}"
                    raise InputFaultError(f"the input `{name}` ({path}): {fault}", hint=hint)
