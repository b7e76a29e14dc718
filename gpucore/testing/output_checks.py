"""Checks that outputs are named one by one, inside the output directory, and looked at."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, ClassVar

import pytest

from gpucore.errors import GpucoreError
from gpucore.standard.filechecks import outside
from gpucore.standard.marks import Mark, split
from gpucore.standard.several import files_of, of_each
from gpucore.standard.template import fill_text
from gpucore.testing.samples import suffix_of
from gpucore.testing.subject import OUT

if TYPE_CHECKING:
    from gpucore.standard.step import Step
    from gpucore.testing.subject import Given, Subject

__all__ = ["OutputChecks"]

_STEMS = ("m1", "m2", "m1_2", "sub/m3", "m 4")
_STRAY = ("../../up", "/elsewhere/m", "c..d", "-e", ".f", "..", "a/../../b", "~/g")


class OutputChecks:
    """What is checked of items and outputs.

    Parameters
    ----------
    checks_outputs : bool
        Whether the program makes files that can be looked at; false for one that only prints.
    """

    checks_outputs: ClassVar[bool] = True

    def test_it_says_what_must_be_there_afterwards(self, subject: Subject) -> None:
        if not self.checks_outputs:
            pytest.skip("the program makes no file")
        outputs = subject.outputs(subject.step(subject.least()))
        looked_at = [one for one in outputs if one.check != "any"]
        assert looked_at, "nothing says that a run with exit code 0 has made anything"

    def test_a_run_over_an_item_names_the_item(self, subject: Subject) -> None:
        item = _item(subject)
        probe = f"gpucoreprobe{suffix_of(subject.adapter.params[item])}"
        command = subject.command({**subject.least(), item: probe})
        said = [
            *command.argv,
            command.stdin or "",
            *command.env.values(),
            *(one.target for one in command.links),
            *(one.text for one in command.files),
        ]
        assert any("gpucoreprobe" in text for text in said), f"`{item}` is nowhere in the command"

    def test_two_items_never_write_the_same_file(self, subject: Subject) -> None:
        for given in subject.contexts():
            makers: dict[str, str] = {}
            for step in subject.stage(_items(subject, _STEMS), given):
                for path in {one.path for one in subject.outputs(step)}:
                    assert path not in makers, f"{step.name} and {makers[path]} write {path}"
                    makers[path] = step.name

    def test_one_step_never_writes_two_outputs_to_one_file(self, subject: Subject) -> None:
        for given in subject.contexts():
            outputs = subject.outputs(subject.step(given))
            assert len({one.path for one in outputs}) == len(outputs)
            assert len({one.name for one in outputs}) == len(outputs)

    def test_no_output_is_the_items_own_file(self, subject: Subject) -> None:
        item = _item(subject)
        for step in subject.stage(_items(subject, ("m1",)), subject.least()):
            assert step.values[item] not in {one.path for one in subject.outputs(step)}

    @pytest.mark.parametrize("stem", _STRAY)
    def test_every_output_lies_inside_the_output_directory(
        self, subject: Subject, stem: str
    ) -> None:
        for given in subject.contexts():
            try:
                (step,) = subject.stage(_items(subject, (stem,)), _unplaced(subject, given))
            except GpucoreError:
                continue  # refused before anything starts
            homes = _homes(subject, step)
            for output in subject.outputs(step):
                path = posixpath.normpath(output.path)
                inside = path.startswith(homes.get(output.name, f"{OUT}/"))
                assert inside, f"{output.name} would be written to {path}"

    @pytest.mark.parametrize("stem", _STRAY)
    def test_what_it_makes_in_its_own_directory_stays_there(
        self, subject: Subject, stem: str
    ) -> None:
        for given in subject.contexts():
            try:
                (step,) = subject.stage(_items(subject, (stem,)), given)
            except GpucoreError:
                continue
            for name in _own_names(subject, step):
                path = posixpath.normpath(name)
                inside = path != ".." and not path.startswith(("/", "../"))
                assert inside, f"{name} lies outside the directory"

    def test_an_output_that_the_user_names_is_where_the_user_says(self, subject: Subject) -> None:
        for name in subject.adapter.output_params:
            param = subject.adapter.params[name]
            end, least = suffix_of(param) if param.suffix else ".out", subject.least()
            told = [f"mine/told{end}"]
            if param.length is not None:  # one for each file of the item
                files = files_of(subject.adapter, subject.values(least)) or ()
                told = [f"mine/told{place}{end}" for place, _ in enumerate(files)]
            step = subject.step({**least, name: told[0] if param.length is None else told})
            made = [one.path for one in subject.outputs(step) if one.name.split(" of ")[0] == name]
            assert sorted(made) == told


def _item(subject: Subject) -> str:
    if not subject.adapter.item:
        pytest.skip("the program has no item: it runs as a single step")
    return subject.adapter.item


def _items(subject: Subject, stems: tuple[str, ...]) -> list[str]:
    param = subject.adapter.params[_item(subject)]
    # A name that the program cannot be given is refused, and that is checked elsewhere.
    named = [f"{one}{suffix_of(param)}" for one in stems if param.blanks or " " not in one]
    return [one for one in named if not param.pattern or re.fullmatch(param.pattern, one)]


def _unplaced(subject: Subject, given: Given) -> Given:
    """Return parameters without paths that the user chose: what is made there lies there."""
    params = subject.adapter.params
    return {
        name: value
        for name, value in given.items()
        if name not in params or params[name].type != "path" or params[name].required
    }


def _homes(subject: Subject, step: Step) -> dict[str, str]:
    """Return what the paths of outputs begin with that lie where a parameter of the user's says."""
    homes = {}
    for output in subject.adapter.output:
        first = split(output.path)[0]
        if not isinstance(first, Mark) or outside(output.path, subject.adapter):
            continue
        named = step.values.get(first.name) is not None
        if named and not subject.adapter.params[first.name].output:
            home = fill_text(str(first), step.values, subject.adapter.params)
            homes[output.name] = posixpath.normpath(home)
    return homes


def _own_names(subject: Subject, step: Step) -> list[str]:
    """Return the names that files, links and outputs have in the step's own directory."""
    adapter = subject.adapter
    if not adapter.command.own_directory:
        return []
    command = subject.command({**step.values})
    made = [
        fill_text(one.made, values, adapter.params)
        for values in of_each(adapter, step.values)
        for one in adapter.output
        if one.made
    ]
    return [*(one.name for one in command.files), *(one.name for one in command.links), *made]
