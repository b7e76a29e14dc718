"""One attempt of a step: what is known of it from its start on, and what it must make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from gpucore.staging import folders_in, staged
from gpucore.standard.adapter import FileCheck
from gpucore.standard.model import Command, Device
from gpucore.standard.params import Values
from gpucore.standard.several import files_of, of_each
from gpucore.standard.step import Step
from gpucore.standard.template import fill_text, holds
from gpucore.system.files import TICK_NS, Stamp, stamp, stamp_if_older
from gpucore.system.moving import put_aside

if TYPE_CHECKING:
    from gpucore.standard.adapter import Output
    from gpucore.system.journal_records import Began

__all__ = ["ExpectedOutput", "Started", "expected_outputs", "put_back", "steps_place"]

_SHOWN = 3


@dataclass(frozen=True)
class ExpectedOutput:
    """An output that a step must make.

    Parameters
    ----------
    name : str
        What it is called.
    path : str
        Where it belongs.
    check : str
        What it must be.
    made : str
        Its name in the step's own directory, when the program leaves it there.
    match : str
        What a line of it must fit.
    optional : bool
        Whether the program may leave it out.
    there : str
        Where the program makes it otherwise: its path, or one in the attempt's directory.
    """

    name: str
    path: str
    check: FileCheck
    made: str = ""
    match: str = ""
    optional: bool = False
    there: str = ""


@dataclass(kw_only=True)
class Started:
    """What is known of a step from its start on.

    Parameters
    ----------
    step : Step
        What was to be run.
    devices : tuple of Device
        What it holds.
    values : dict
        Its values, paths absolute.
    told : dict
        Those that its program was told: its outputs may lie in a directory of the attempt's.
    made_in : tuple of str
        That directory; one in each folder that its outputs belong to.
    folder : str
        Its own directory.
    log : str
        What its program prints.
    status : str
        Where its shepherd leaves the exit code.
    command : Command or None
        What was started, once it was.
    before : dict
        Stamps of its outputs as they were before, by their final names.
    lost : str
        Why its device was taken from it while it ran; empty: it was not.
    adopted : bool
        Whether an earlier host had started it, and may have moved some of its outputs already.
    """

    step: Step
    devices: tuple[Device, ...]
    values: Values
    folder: str
    log: str
    status: str = ""
    command: Command | None = None
    before: Mapping[str, Stamp | None] = field(default_factory=dict)
    lost: str = ""
    adopted: bool = False
    told: Values = field(default_factory=dict)
    made_in: tuple[str, ...] = ()

    @property
    def outputs(self) -> list[ExpectedOutput]:
        """What its program must make."""
        gpu = bool(self.devices)
        return expected_outputs(self.step, self.values, gpu=gpu, told=self.told or self.values)

    def tell(self, name: str) -> None:
        """Say in which directories its outputs are made; see `gpucore.staging.staged`."""
        adapter = self.step.adapter
        self.told = staged(adapter, self.values, name)
        self.made_in = folders_in(adapter, self.values, self.told)

    def adopt(self, began: Began) -> None:
        """Take the place of what an earlier host had started."""
        self.adopted = True
        self.log = began.log
        self.folder = steps_place(began.log)
        self.command = Command(argv=began.argv, env=dict(began.env))
        self.tell(Path(began.made_in[0]).name if began.made_in else "")
        # What is older than the beginning was there before it.
        begun = began.time * 1e9 - TICK_NS
        self.before = {
            one.path: stamp_if_older(one.path, begun, moved=bool(one.made) or one.there != one.path)
            for one in self.outputs
        }


def steps_place(log: str) -> str:
    """Return the own directory of a step's attempt that has this log."""
    path = Path(log)
    return str(path.parent.parent / "steps" / path.stem)


def expected_outputs(
    step: Step, values: Values, *, gpu: bool, told: Values | None = None
) -> list[ExpectedOutput]:
    """Return the outputs that these values ask for, the output parameters first.

    Parameters
    ----------
    step : Step
        What is to be run.
    values : dict
        Its values.
    gpu : bool
        Whether it has devices.
    told : dict
        The values that its program is told, where its outputs are made elsewhere at first.
    """
    told = values if told is None else told
    if (files := files_of(step.adapter, values)) is None:
        return _expected_of_one(step, values, told, gpu=gpu)
    rows = zip(files, of_each(step.adapter, values), of_each(step.adapter, told), strict=True)
    return [
        replace(output, name=f"{output.name} of {PurePosixPath(file).name}")
        for file, one, elsewhere in rows
        for output in _expected_of_one(step, one, elsewhere, gpu=gpu)
    ]


def _expected_of_one(
    step: Step, values: Values, told: Values, *, gpu: bool
) -> list[ExpectedOutput]:
    adapter = step.adapter
    extra = {
        output.name: output
        for output in adapter.output
        if holds(output, values, adapter.params, gpu=gpu)
    }
    expected = []
    for name in adapter.output_params:
        value = values.get(name)
        if value is not None:
            paths = (str(value), str(told[name]))
            check = adapter.params[name].check
            expected.append(_expected(name, paths, check, extra.pop(name, None), step, values))
    for name, output in extra.items():
        if output.path:
            path = fill_text(output.path, values, adapter.params)
            there = path if told is values else fill_text(output.path, told, adapter.params)
            expected.append(_expected(name, (path, there), output.check, output, step, values))
    return expected


def put_back(started: Started) -> str:
    """Take what a failed attempt made out of the way; return what is to be said of it.

    Nothing of it stays under a final name. What was there before is left there, unless the program
    itself has changed it.
    """
    changed, older = [], []
    for output in started.outputs:
        before = started.before.get(output.path)
        if output.path not in started.before:
            continue  # it was never started
        now = stamp(output.path)
        if output.made or output.there != output.path or now == before:
            older += [output.path] if now is not None and before is not None else []
        elif now is not None and (before is None or Path(output.path).is_file()):
            changed.append(output.path)
    aside = put_aside(started.made_in, changed, started.folder)
    said = [f"what it made is in {' and '.join(aside)}"] if aside else []
    if older:
        names = ", ".join(Path(path).name for path in older[:_SHOWN])
        more = f" and {len(older) - _SHOWN} more" if len(older) > _SHOWN else ""
        said.append(f"{names}{more}: as before this attempt")
    return "; ".join(said)


def _expected(
    name: str,
    paths: tuple[str, str],
    check: FileCheck,
    output: Output | None,
    step: Step,
    values: Values,
) -> ExpectedOutput:
    path, there = paths
    if output is None:
        return ExpectedOutput(name, path, check, there=there)
    made = fill_text(output.made, values, step.adapter.params)
    return ExpectedOutput(name, path, check, made, output.match, output.optional, there)
