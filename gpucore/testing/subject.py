"""The adapter under test: where it is from, values that it takes, and commands that it makes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gpucore.config import read_adapter
from gpucore.errors import GpucoreError
from gpucore.outcomes import ExpectedOutput, expected_outputs
from gpucore.planning import make_step, stage_steps
from gpucore.plugins import PluginHost
from gpucore.standard.adapter import Adapter
from gpucore.standard.checks import named_outputs
from gpucore.standard.model import Device
from gpucore.standard.params import read_values
from gpucore.standard.template import render
from gpucore.testing.samples import samples, sure_sample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpucore.standard.model import Command
    from gpucore.standard.params import Values
    from gpucore.standard.step import Step

__all__ = ["OUT", "Given", "Subject", "devices", "find_subject"]

OUT = "out"
"""The output folder of what the kit plans."""

Given: TypeAlias = dict[str, object]
"""Parameters as a user gives them."""


def devices(*indexes: int) -> tuple[Device, ...]:
    """Return devices of these indexes, with UUIDs as NVIDIA's driver gives them."""
    return tuple(
        Device(uuid=f"GPU-{index:08x}-1a2b-4c3d-8e4f-5a6b7c8d9e0f", index=index)
        for index in indexes
    )


@dataclass(frozen=True)
class Subject:
    """An adapter under test.

    Parameters
    ----------
    adapter : Adapter
        What is proved.
    module : str
        The module that offers it, when it is a plugin's; else empty.
    """

    adapter: Adapter
    module: str = ""

    @property
    def one(self) -> tuple[Device, ...]:
        """The devices of an ordinary step: one where the program may use any, else none."""
        return devices(0) if self.adapter.gpu.use.allows_gpu else ()

    def takes_no_gpu(self) -> bool:
        """Say whether a step of it may have no device."""
        return not self.adapter.gpu.use.requires_gpu

    def least(self) -> Given:
        """Return the fewest parameters that it takes."""
        given = _fewest(self.adapter)
        return given if self.takes(given) else dict(self.contexts()[0])

    def contexts(self) -> list[Given]:
        """Return sets of parameters that differ in what of the command is there.

        The worked examples', the fewest, and as many as go together, with yes and no to each
        question.
        """
        return [dict(one) for one in _contexts(self)]

    def values(self, given: Mapping[str, object]) -> Values:
        """Return the values of a step, its outputs named."""
        return named_outputs(self.adapter, read_values(self.adapter, given), OUT)

    def takes(self, given: Mapping[str, object]) -> bool:
        """Say whether a step can be made with these parameters."""
        try:
            self.command(given)
        except GpucoreError:
            return False
        return True

    def command(
        self,
        given: Mapping[str, object],
        given_devices: Sequence[Device] | None = None,
        *,
        isolate: bool = False,
        executable: str = "",
    ) -> Command:
        """Return the command of a step; on its ordinary devices unless others are given."""
        return render(
            self.adapter,
            self.values(given),
            self.one if given_devices is None else given_devices,
            isolate=isolate,
            executable=executable,
        )

    def step(self, given: Mapping[str, object]) -> Step:
        """Return a single step."""
        return make_step(
            self.adapter, given, name=self.adapter.name, output=OUT, use_gpu=bool(self.one)
        )

    def stage(self, items: Sequence[str], given: Mapping[str, object]) -> list[Step]:
        """Return the steps of a stage over items; what is given for item and outputs is left."""
        own = {self.adapter.item, *self.adapter.output_params}
        rest = {name: value for name, value in given.items() if name not in own}
        return list(stage_steps(self.adapter, items, rest, stage="stage", output=OUT))

    def outputs(self, step: Step) -> list[ExpectedOutput]:
        """Return what a step must make."""
        return expected_outputs(step, step.values, gpu=bool(self.one))


def find_subject(told: str | Path | Adapter, folder: Path) -> Subject:
    """Return an adapter under test.

    Parameters
    ----------
    told : str, Path or Adapter
        Its name, its TOML file, or itself.
    folder : Path
        A relative file is below it.

    Raises
    ------
    GpucoreError
        When there is no such adapter, or it is refused.
    """
    if isinstance(told, Adapter):
        return Subject(told)
    if isinstance(told, Path) or told.endswith(".toml"):
        return Subject(read_adapter(folder / told))
    host = _installed()
    adapter = host.adapter(told)
    plugin = next((one.module for one in host.plugins if told in one.adapters), "")
    module = host.entry(told).module or plugin
    return Subject(adapter, module.partition(":")[0])


@lru_cache(maxsize=1)
def _installed() -> PluginHost:
    return PluginHost.load()


_CONTEXTS: dict[int, tuple[Subject, list[Given]]] = {}


def _contexts(subject: Subject) -> list[Given]:
    # An adapter holds mappings and cannot be hashed; the subject is kept, so that its id is its.
    kept = _CONTEXTS.get(id(subject.adapter))
    if kept is None:
        kept = _CONTEXTS[id(subject.adapter)] = subject, _made_contexts(subject)
    return kept[1]


def _made_contexts(subject: Subject) -> list[Given]:
    found: list[Given] = [dict(example.params) for example in subject.adapter.example]
    least = _fewest(subject.adapter)
    if subject.takes(least):
        found.append(least)
    starts = [*found[:1], *_by_suffix(subject, found[0])] if found else []
    return found + [
        _most(subject, one, answer=answer) for one in starts for answer in (True, False)
    ]


def _fewest(adapter: Adapter) -> Given:
    """Return a value for each parameter that must be given."""
    shown = [example.params for example in adapter.example]
    return {
        name: sure_sample(name, param, [one[name] for one in shown if name in one])
        for name, param in adapter.params.items()
        if param.required
    }


def _by_suffix(subject: Subject, start: Given) -> list[Given]:
    """Return a set of parameters with each kind of item that the program takes."""
    item = subject.adapter.item
    if not item:
        return []
    items = [f"kind{suffix}" for suffix in subject.adapter.params[item].suffix]
    return [given for one in items if subject.takes(given := {**start, item: one})]


def _most(subject: Subject, start: Given, *, answer: bool) -> Given:
    """Return a set of parameters with every other one added that goes with those before it."""
    given = dict(start)
    for name, param in subject.adapter.params.items():
        if name in start:
            continue
        tried = [answer] if param.type == "bool" and param.length is None else samples(name, param)
        for value in tried:
            if subject.takes({**given, name: value}):
                given[name] = value
                break
    return given
