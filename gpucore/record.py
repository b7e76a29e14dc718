"""What a run writes into its journal, and what it takes over from the runs before it."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError
from gpucore.sameness import Sameness
from gpucore.standard.model import Device, Outcome, StepState
from gpucore.system.journal import Journal
from gpucore.system.journal_place import state_home
from gpucore.system.journal_records import (
    Began,
    Finished,
    Planned,
    Regarded,
    RunBegan,
    RunFinished,
    Sampled,
)
from gpucore.system.orphans import boot_id, process_start
from gpucore.system.present_runs import announce, withdraw

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from gpucore.standard.model import Command
    from gpucore.standard.params import Values
    from gpucore.standard.readings import Snapshot
    from gpucore.standard.step import Step
    from gpucore.system.journal_records import Fingerprint

__all__ = ["NOTHING_EARLIER", "Earlier", "RunRecord", "state_home"]


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """What earlier runs of the same output folder say of a step.

    Parameters
    ----------
    attempts : int
        How often it was begun.
    done : Outcome or None
        How it ended, when it is done and nothing that it depends on has changed since.
    unfinished : Began or None
        Its last beginning, when the end of that is not on record: its host died.
    counts : bool
        Whether the end of that counts as the step's: it is resumed, and nothing has changed.
    failed : Began or None
        Its last beginning, when the end of that was another than done.
    """

    attempts: int = 0
    done: Outcome | None = None
    unfinished: Began | None = None
    counts: bool = True
    failed: Began | None = None


NOTHING_EARLIER = Earlier()


class RunRecord:
    """The journal of one run's output folder, in terms of steps.

    Parameters
    ----------
    output : Path
        The output folder.
    run : str
        The run's name.
    environment : Mapping
        Says where the machine's local state directory is.
    resume : bool
        Whether what earlier runs did counts.
    checksum : bool
        Whether the content of inputs and outputs is hashed, and says whether they have changed.
    devices : sequence of Device
        What the run was given.
    workers : int
        Steps at once.
    on_trouble : callable
        Told in one line when records cannot be written for the time being, and when they can
        again.

    Raises
    ------
    GpucoreError
        When another run writes the journal, or it cannot be written at all.
    """

    def __init__(
        self,
        output: Path,
        run: str,
        environment: Mapping[str, str],
        *,
        resume: bool,
        checksum: bool = False,
        devices: Sequence[Device] = (),
        workers: int = 0,
        on_trouble: Callable[[str], None],
    ) -> None:
        from gpucore import __version__  # noqa: PLC0415 - the package's own module imports us

        self._run = run
        self._resume = resume
        self._same = Sameness(checksum=checksum)
        self._keys: dict[str, str] = {}
        self._regarded: dict[str, tuple[str, str, str]] = {}
        self._journal = Journal.open(
            output,
            state_home=state_home(environment),
            run=RunBegan(
                run=run,
                time=time.time(),
                pid=os.getpid(),
                pid_start=process_start(os.getpid()),
                host=socket.gethostname(),
                boot=boot_id(),
                version=__version__,
                argv=tuple(sys.argv),
                cwd=str(Path.cwd()),
                devices=tuple(
                    (one.uuid, one.index, one.name, one.memory_mib, one.simulated)
                    for one in devices
                ),
                workers=workers,
            ),
            on_trouble=on_trouble,
        )
        self._present = announce(run, output, state_home(environment))
        state = self._journal.state
        self.notes = tuple(note for note in (self._journal.note, state.loss) if note)

    def plan(self, steps: Iterable[Step]) -> None:
        """Record that steps belong to the run, all at once."""
        self._journal.plan(
            Planned(step=step.name, stage=step.stage, adapter=step.adapter.name) for step in steps
        )

    def add(self, step: Step) -> None:
        """Record that one more step belongs to the run; it need not be on disk before it begins."""
        self._journal.append(Planned(step=step.name, stage=step.stage, adapter=step.adapter.name))

    def earlier(self, step: Step, values: Values) -> Earlier:
        """Return what earlier runs say of a step with these values (paths absolute)."""
        state = self._journal.state
        steps = state.steps
        place = steps.place(step.name)
        attempts = 0 if place is None else steps.attempts[place]
        if place is None or not attempts:
            return NOTHING_EARLIER
        how = steps.state(place)
        unfinished = how is StepState.RUNNING
        if not unfinished and not self._resume:
            return Earlier(attempts=attempts)
        if how is StepState.DONE:
            return Earlier(attempts=attempts, done=self._done(step, values))
        began = state.began(step.name)
        if began is None or not unfinished:
            return Earlier(attempts=attempts, failed=began)
        counts = self._resume and self._is_same(step, values, began)
        return Earlier(attempts=attempts, unfinished=began, counts=counts)

    def begun_with(self, name: str) -> Mapping[str, Fingerprint | None]:
        """Return the inputs with which earlier runs began a step last; empty: they did not."""
        steps = self._journal.state.steps
        place = steps.place(name)
        if place is None or not steps.attempts[place]:
            return {}
        began = self._journal.state.began(name)
        return {} if began is None else began.inputs

    def undone(self) -> Iterator[str]:
        """Yield the names of the steps on record that are not done."""
        steps = self._journal.state.steps
        for state in StepState:
            if state is not StepState.DONE:
                yield from steps.named(state)

    def kept(self, step: Step, values: Values, items: Collection[str]) -> Earlier | None:
        """Return how earlier runs did a step, whatever has become of some of its inputs since.

        Returns
        -------
        Earlier or None
            None when they did not, when its command is another now, or its outputs have changed.
        """
        state, steps = self._journal.state, self._journal.state.steps
        place = steps.place(step.name)
        if not self._resume or place is None or steps.state(place) is not StepState.DONE:
            return None
        finished, began = state.finished(step.name), state.began(step.name)
        if finished is None or began is None or began.key != self._same.key(step, values):
            return None
        others = {path: one for path, one in began.inputs.items() if path not in items}
        inputs = (path for path in self._same.inputs(step, values) if path not in items)
        outputs = finished.outputs.values()
        if not (
            self._same.unchanged(others, inputs)
            and self._same.unchanged(finished.output_stamps, outputs)
        ):
            return None
        done = _outcome(step, finished, began.log, began.time)
        return Earlier(attempts=steps.attempts[place], done=done)

    def begin(
        self,
        step: Step,
        values: Values,
        command: Command,
        devices: Sequence[Device],
        then: Callable[[str], None],
        *,
        attempt: int,
        log: str,
        status: str,
        made_in: tuple[str, ...] = (),
        granted: float = 0.0,
        held_by: str = "",
    ) -> None:
        """Record that a step's program is to be started; ``then`` is called when that is on disk.

        It gets why it never will be, or an empty text.

        Raises
        ------
        GpucoreError
            When the journal is beyond writing.
        """
        inputs = self._same.fingerprints(self._same.inputs(step, values))
        key = self._same.key(step, values)
        self._keys[step.name] = self._same.with_inputs(key, inputs)
        record = Began(
            step=step.name,
            attempt=attempt,
            time=time.time(),
            boot=boot_id(),
            argv=command.argv,
            env={**command.env, "GPUCORE_RUN": self._run},
            devices=tuple(device.uuid for device in devices),
            log=log,
            status=status,
            inputs=inputs,
            key=key,
            made_in=made_in,
            granted=granted,
            held_by=held_by,
        )
        self._journal.commit_then(record, then)

    def finish(self, outcome: Outcome, attempt: int, then: Callable[[str], None]) -> None:
        """Record how a step ended; ``then`` is called when that is on disk.

        Raises
        ------
        GpucoreError
            When the journal is beyond writing.
        """
        code, key = outcome.exit_code, self._keys.pop(outcome.step, "")
        record = Finished(
            step=outcome.step,
            attempt=attempt,
            time=time.time(),
            state=outcome.state,
            reason=outcome.reason,
            hint=outcome.hint,
            failure=outcome.failure,
            exit_code=code if code is None or code >= 0 else None,
            signal=None if code is None or code >= 0 else -code,
            outputs=dict(outcome.outputs),
            output_stamps=self._same.fingerprints(outcome.outputs.values()),
            warnings=outcome.warnings,
            key=key if outcome.done else "",
            log=outcome.log,
            started=outcome.started,
            peak_memory_mib=outcome.peak_memory_mib,
            peak_utilisation=outcome.peak_utilisation,
        )
        self._journal.commit_then(record, then)

    def see(
        self, snapshot: Snapshot, devices: Iterable[str], waits: tuple[str, str] = ("", "")
    ) -> None:
        """Record what devices say of themselves, and who waits for what; soon on disk."""
        rows = {
            uuid: (one.memory_used_mib, one.utilisation, one.temperature)
            for uuid in devices
            if (one := snapshot.of.get(uuid)) is not None and not one.fault
        }
        if rows:
            self._note(Sampled(time=snapshot.time, devices=rows, waits=waits[0], lacks=waits[1]))

    def regard(self, device: str, level: str, reason: str, remedy: str) -> None:
        """Record what is thought of a device from now on; soon on disk."""
        self._regarded[device] = level, reason, remedy
        self._note(
            Regarded(time=time.time(), device=device, level=level, reason=reason, remedy=remedy)
        )

    def held(self, device: str, who: str) -> None:
        """Record that another run has a device, and a step waits for it; empty: not any more."""
        level, reason, remedy = self._regarded.get(device, ("good", "", ""))
        if who:
            level, reason, remedy = "held", who, "it goes on when that has ended"
        self._note(
            Regarded(time=time.time(), device=device, level=level, reason=reason, remedy=remedy)
        )

    def _note(self, record: Sampled | Regarded) -> None:
        # No step hangs on it, and none may fail for it: the run may be closed in this moment.
        with contextlib.suppress(GpucoreError):
            self._journal.append(record)

    def close(self, counts: Mapping[StepState, int], reason: str) -> None:
        """Record that the run ended in order."""
        try:
            self._journal.append(
                RunFinished(
                    run=self._run,
                    time=time.time(),
                    reason=reason,
                    counts={state.value: count for state, count in counts.items() if count},
                )
            )
            self._journal.close()
        finally:
            withdraw(self._present)

    def _done(self, step: Step, values: Values) -> Outcome | None:
        state, same = self._journal.state, self._same
        finished = state.finished(step.name)
        if finished is None or not same.unchanged(
            finished.output_stamps, finished.outputs.values()
        ):
            return None
        log, started = finished.log, finished.started
        if not finished.key or not same.is_key(finished.key, step, values):
            # It may be the same: hashes of content were not asked for then, or are not now.
            began = state.began(step.name)
            if began is None or not self._is_same(step, values, began):
                return None
            log, started = began.log, began.time
        return _outcome(step, finished, log, started)

    def _is_same(self, step: Step, values: Values, began: Began) -> bool:
        """Say whether a step has the command and the inputs with which it was begun."""
        same = self._same
        return began.key == same.key(step, values) and same.unchanged(
            began.inputs, same.inputs(step, values)
        )


def _outcome(step: Step, finished: Finished, log: str, started: float) -> Outcome:
    return Outcome(
        step=step.name,
        adapter=step.adapter.name,
        state=StepState.DONE,
        reason="done in an earlier run",
        exit_code=finished.exit_code,
        outputs=finished.outputs,
        warnings=finished.warnings,
        log=log,
        started=started,
        ended=finished.time,
        earlier=True,
    )
