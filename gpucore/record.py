"""What a run writes into its journal, and what it takes over from the runs before it."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.standard.model import Device, FailureClass, Outcome, StepState
from gpucore.system.digests import content_digest
from gpucore.system.journal import Journal
from gpucore.system.journal_records import (
    Began,
    Fingerprint,
    Finished,
    Planned,
    Regarded,
    RunBegan,
    RunFinished,
    Sampled,
)
from gpucore.system.orphans import boot_id, process_start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gpucore.standard.adapter import Adapter
    from gpucore.standard.model import Command
    from gpucore.standard.params import Values
    from gpucore.standard.readings import Snapshot
    from gpucore.standard.step import Step

__all__ = ["NOTHING_EARLIER", "Earlier", "RunRecord", "retriable", "state_home"]

_FOR_GOOD = {FailureClass.BAD_INPUT, FailureClass.NOT_STARTED, FailureClass.INTERRUPTED}


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
        self._checksum = checksum
        self._digests: dict[str, str] = {}
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
        fate = state.steps.get(step.name)
        if fate is None or not fate.attempts:
            return NOTHING_EARLIER
        unfinished = fate.state is StepState.RUNNING
        if not unfinished and not self._resume:
            return Earlier(attempts=fate.attempts)
        began = state.began(step.name)
        if began is None:
            return Earlier(attempts=fate.attempts)
        if unfinished:
            counts = self._resume and self._same(step, values, began)
            return Earlier(attempts=fate.attempts, unfinished=began, counts=counts)
        if fate.state is not StepState.DONE:
            return Earlier(attempts=fate.attempts, failed=began)
        return Earlier(attempts=fate.attempts, done=self._done(step, values, began))

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
    ) -> None:
        """Record that a step's program is to be started; ``then`` is called when that is on disk.

        It gets why it never will be, or an empty text.

        Raises
        ------
        GpucoreError
            When the journal is beyond writing.
        """
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
            inputs=_fingerprints(_input_paths(step, values), hashed=self._checksum),
            key=self._key(step, values),
            made_in=made_in,
        )
        self._journal.commit_then(record, then)

    def finish(self, outcome: Outcome, attempt: int, then: Callable[[str], None]) -> None:
        """Record how a step ended; ``then`` is called when that is on disk.

        Raises
        ------
        GpucoreError
            When the journal is beyond writing.
        """
        code = outcome.exit_code
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
            output_stamps=_fingerprints(outcome.outputs.values(), hashed=self._checksum),
            warnings=outcome.warnings,
            peak_memory_mib=outcome.peak_memory_mib,
            peak_utilisation=outcome.peak_utilisation,
        )
        self._journal.commit_then(record, then)

    def see(self, snapshot: Snapshot, devices: Iterable[str]) -> None:
        """Record what devices say of themselves; soon on disk."""
        rows = {
            uuid: (one.memory_used_mib, one.utilisation, one.temperature)
            for uuid in devices
            if (one := snapshot.of.get(uuid)) is not None and not one.fault
        }
        if rows:
            self._journal.append(Sampled(time=snapshot.time, devices=rows))

    def regard(self, device: str, level: str, reason: str, remedy: str) -> None:
        """Record what is thought of a device from now on; soon on disk."""
        self._journal.append(
            Regarded(time=time.time(), device=device, level=level, reason=reason, remedy=remedy)
        )

    def close(self, counts: Mapping[StepState, int], reason: str) -> None:
        """Record that the run ended in order."""
        self._journal.append(
            RunFinished(
                run=self._run,
                time=time.time(),
                reason=reason,
                counts={state.value: count for state, count in counts.items() if count},
            )
        )
        self._journal.close()

    def _done(self, step: Step, values: Values, began: Began) -> Outcome | None:
        finished = self._journal.state.finished(step.name)
        unchanged = (
            finished is not None
            and self._same(step, values, began)
            and self._unchanged(finished.output_stamps, finished.outputs.values())
        )
        if not unchanged or finished is None:
            return None
        return Outcome(
            step=step.name,
            adapter=step.adapter.name,
            state=StepState.DONE,
            reason="done in an earlier run",
            exit_code=finished.exit_code,
            outputs=finished.outputs,
            warnings=finished.warnings,
            log=began.log,
            started=began.time,
            ended=finished.time,
            earlier=True,
        )

    def _same(self, step: Step, values: Values, began: Began) -> bool:
        """Say whether a step has the command and the inputs with which it was begun."""
        return began.key == self._key(step, values) and self._unchanged(
            began.inputs, _input_paths(step, values)
        )

    def _unchanged(self, recorded: Mapping[str, Fingerprint | None], paths: Iterable[str]) -> bool:
        """Say whether files are those on record: by hash where one is, or by size and time."""
        found = _fingerprints(paths)
        return found.keys() == recorded.keys() and all(
            self._is_same(path, recorded[path], now) for path, now in found.items()
        )

    def _is_same(self, path: str, before: Fingerprint | None, now: Fingerprint | None) -> bool:
        if before is None or now is None:
            return before is now
        if self._checksum and before.digest:
            return before.digest == content_digest(path)
        return (before.size, before.changed_ns) == (now.size, now.changed_ns)

    def _key(self, step: Step, values: Values) -> str:
        """Return the hash of what decides a step's command, but for the devices it is given."""
        text = f"{self._digest(step.adapter)} {sorted(values.items())!r} {step.use_gpu}"
        return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()

    def _digest(self, adapter: Adapter) -> str:
        if adapter.name not in self._digests:
            text = repr((adapter.command, adapter.gpu, adapter.file, adapter.link, adapter.output))
            self._digests[adapter.name] = hashlib.blake2b(
                text.encode("utf-8", "surrogateescape"), digest_size=16
            ).hexdigest()
        return self._digests[adapter.name]


def retriable(outcome: Outcome) -> bool:
    """Say whether another attempt may end otherwise: a wrong input stays wrong."""
    return outcome.state is StepState.FAILED and outcome.failure not in _FOR_GOOD


def state_home(environment: Mapping[str, str]) -> Path:
    """Return the user's directory for state on this machine (XDG Base Directory Specification)."""
    told = environment.get("XDG_STATE_HOME", "")
    return Path(told) if told.startswith("/") else Path.home() / ".local" / "state"


def _input_paths(step: Step, values: Values) -> Iterable[str]:
    for name, param in step.adapter.params.items():
        value = values.get(name)
        if param.type == "path" and not param.output and value is not None:
            yield from (str(one) for one in value) if isinstance(value, tuple) else (str(value),)


def _fingerprints(paths: Iterable[str], *, hashed: bool = False) -> dict[str, Fingerprint | None]:
    found: dict[str, Fingerprint | None] = {}
    for path in paths:
        try:
            facts = os.stat(path)  # noqa: PTH116 - on the way of every step
        except OSError:
            found[path] = None
        else:
            digest = content_digest(path) if hashed else ""
            found[path] = Fingerprint(
                size=facts.st_size, changed_ns=facts.st_mtime_ns, digest=digest
            )
    return found
