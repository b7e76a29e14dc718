"""One step on its way through an executor: made ready, run, judged."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.outcomes import InputFaultError, Started, expected_outputs, judge, unjudged
from gpucore.plugins.offers import Prepared
from gpucore.standard.params import rooted
from gpucore.standard.template import render
from gpucore.system.files import file_fault, furnish, safe_name, stamp
from gpucore.system.folders import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpucore.plugins.offers import Exit
    from gpucore.scheduling import Grant
    from gpucore.standard.model import Outcome
    from gpucore.standard.step import Step

__all__ = ["RunningStep", "Surroundings"]

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What all steps of a run have in common outside the standard.

    Parameters
    ----------
    run : str
        The run's name.
    root : Path
        Relative paths are below it, and programs run in it.
    folder : RunFolder
        The run's own folder.
    environment : Mapping
        What programs inherit.
    executables : dict
        What starts each adapter's program, by adapter; asked when a step is submitted.
    settings : dict
        What the site sets for each adapter's program.
    isolate : bool
        Whether other GPUs are hidden from every program that bears it.
    """

    run: str
    root: Path
    folder: RunFolder
    environment: Mapping[str, str]
    executables: dict[str, str]
    settings: Mapping[str, Mapping[str, str]]
    isolate: bool


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
    on_begun, on_ended : callable
        Told when its program runs, and once when it has ended.
    """

    def __init__(
        self,
        number: int,
        step: Step,
        grant: Grant,
        around: Surroundings,
        on_begun: Callable[[RunningStep], None],
        on_ended: Callable[[int, Outcome], None],
    ) -> None:
        self.number = number
        self.step = step
        self.grant = grant
        self._around = around
        self._on_begun = on_begun
        self._on_ended = on_ended

    @cached_property
    def started(self) -> Started:
        """What is known of it from its start on; made on the engine's thread, not under a lock."""
        place = f"{self.number + 1:06d}-{safe_name(self.step.name)}"
        folder = self._around.folder.path
        return Started(
            step=self.step,
            devices=self.grant.devices,
            values={},
            folder=f"{folder}/steps/{place}",
            # One attempt so far; its number keeps the logs of later ones apart.
            log=f"{folder}/log/{place}.1.txt",
        )

    def prepare(self) -> Prepared:
        """Look at the inputs, fill the template and make the ground ready.

        Raises
        ------
        InputFaultError
            When an input is not what it should be.
        TemplateError, OSError
            When the command cannot be made, or its place not be written.
        """
        around, started, adapter = self._around, self.started, self.step.adapter
        values = self.step.values
        absolute = rooted(adapter, values, str(around.root))
        started.values = absolute
        self._look_at_inputs(absolute)
        template = adapter.command
        command = render(
            adapter,
            absolute if template.own_directory else values,
            self.grant.devices,
            executable=around.executables.get(adapter.name, ""),
            isolate=around.isolate,
        )
        started.command = command
        outputs = expected_outputs(self.step, absolute, gpu=bool(self.grant.devices))
        for output in outputs:
            os.makedirs(os.path.dirname(output.path), exist_ok=True)  # noqa: PTH103, PTH120 - hot
        started.before = {output.path: stamp(output.path) for output in outputs}
        cwd = around.root
        if template.own_directory:
            cwd = Path(started.folder)
            cwd.mkdir(parents=True, exist_ok=True)
            furnish(cwd, command)
        environment = {
            **around.environment,
            **around.settings.get(adapter.name, {}),
            **command.env,
            "GPUCORE_RUN": around.run,
            "GPUCORE_STEP": self.step.name,
        }
        if any(device.simulated for device in self.grant.devices):
            # Nothing can compute there: a program that knows of it can do without.
            environment["GPUCORE_SIMULATED"] = "1"
        return Prepared(
            argv=command.argv,
            env=environment,
            cwd=str(cwd),
            log=started.log,
            stdin=command.stdin,
        )

    def begun(self, prepared: Prepared) -> None:  # noqa: ARG002 - the form of every engine's call
        """Tell that its program runs."""
        self._on_begun(self)

    def ended(self, ended: Exit) -> None:
        """Judge how it ended and tell it."""
        try:
            outcome = judge(self.started, ended)
        except Exception as error:
            # A step that is not told to have ended would hold its devices for ever.
            _LOGGER.exception("step %s could not be judged", self.step.name)
            outcome = unjudged(self.started, ended, error)
        self._on_ended(self.number, outcome)

    def _look_at_inputs(self, values: Mapping[str, object]) -> None:
        for name, param in self.step.adapter.params.items():
            value = values.get(name)
            if param.type != "path" or param.output or value is None:
                continue
            for path in value if isinstance(value, tuple) else (value,):
                if fault := file_fault(str(path), param.check, result=False):
                    raise InputFaultError(f"the input `{name}` ({path}): {fault}", hint=param.help)
