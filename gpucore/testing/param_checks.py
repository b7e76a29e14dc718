"""Checks that every parameter does something, and that what it cannot hold is refused."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import pytest

from gpucore.errors import Faults, GpucoreError, ParameterError
from gpucore.standard.params import check_value, read_text, read_values
from gpucore.testing.samples import PROGRESS, samples, suffix_of, wrong_types

if TYPE_CHECKING:
    from gpucore.standard.adapter import Param
    from gpucore.testing.subject import Given, Subject

__all__ = ["ParamChecks"]


class ParamChecks:
    """What is checked of the parameters, and of the program's messages without a recording.

    Parameters
    ----------
    progress : tuple of str
        Lines that the program prints while all is well, beside those that the kit knows.
    """

    progress: tuple[str, ...] = ()

    def test_every_parameter_changes_the_command_or_the_outputs(self, subject: Subject) -> None:
        idle = [
            name
            for name, param in subject.adapter.params.items()
            if not any(_matters(subject, name, param, given) for given in subject.contexts())
        ]
        assert not idle, "no value of these changes anything (an example may show where one does)"

    def test_values_below_and_above_the_bounds_are_refused(self, subject: Subject) -> None:
        for name, param in subject.adapter.params.items():
            for bound, away in _bounds(param):
                for beyond in (bound + away, bound + away * 1e9):
                    with pytest.raises(ParameterError, match=f"`{name}`"):
                        check_value(name, param, _listed(param, _typed(param, beyond, away)))

    def test_a_bound_is_allowed_unless_it_is_said_to_be_beyond(self, subject: Subject) -> None:
        for name, param in subject.adapter.params.items():
            for bound in (param.min, param.max):
                if bound is not None and (param.type != "int" or bound == int(bound)):
                    check_value(name, param, _listed(param, bound))
            for bound in (param.above, param.below):
                if bound is not None:
                    with pytest.raises(ParameterError, match=f"`{name}`"):
                        check_value(name, param, _listed(param, _typed(param, bound, 0)))

    def test_values_of_another_type_are_refused(self, subject: Subject) -> None:
        for name, param in subject.adapter.params.items():
            for value in wrong_types(param):
                with pytest.raises(ParameterError, match=f"`{name}`"):
                    check_value(name, param, _listed(param, value))

    def test_lists_of_another_length_are_refused(self, subject: Subject) -> None:
        for name, param in subject.adapter.params.items():
            if not param.length:
                continue
            (value, *_) = samples(name, param)
            assert isinstance(value, tuple)
            for wrong in ((*value, value[0]), value[1:]):
                with pytest.raises(ParameterError, match=f"`{name}`"):
                    check_value(name, param, wrong)

    def test_paths_of_another_suffix_and_empty_ones_are_refused(self, subject: Subject) -> None:
        for name, param in subject.adapter.params.items():
            if param.type != "path":
                continue
            wrong = ["", f"a\0b{suffix_of(param)}"]
            wrong += ["a.no_program_knows_this"] if param.suffix else []
            for value in wrong:
                with pytest.raises(ParameterError, match=f"`{name}`"):
                    check_value(name, param, _listed(param, value))

    def test_an_unknown_parameter_is_refused(self, subject: Subject) -> None:
        with pytest.raises(GpucoreError, match="unknown parameter `no_such_parameter`"):
            read_values(subject.adapter, {**subject.least(), "no_such_parameter": 1})

    def test_all_that_is_missing_is_told_at_once(self, subject: Subject) -> None:
        required = [name for name, one in subject.adapter.params.items() if one.required]
        if not required:
            pytest.skip("no parameter must be given")
        with pytest.raises(GpucoreError) as caught:
            read_values(subject.adapter, {})
        error = caught.value
        told = [one.what for one in (error.errors if isinstance(error, Faults) else (error,))]
        assert told == [f"parameter `{name}` is missing" for name in required]

    def test_a_default_is_the_same_given_or_left_out(self, subject: Subject) -> None:
        given = subject.least()
        left = subject.command(given)
        for name, param in subject.adapter.params.items():
            if param.default is not None and name not in given:
                assert subject.command({**given, name: param.default}) == left

    def test_a_text_on_the_command_line_says_the_same_value(self, subject: Subject) -> None:
        for name, param in subject.adapter.params.items():
            for value in samples(name, param):
                text = _written(value)
                assert check_value(name, param, read_text(name, param, text)) == value

    def test_every_parameter_is_told_in_one_line(self, subject: Subject) -> None:
        for name, param in subject.adapter.params.items():
            assert param.help.strip(), f"`{name}` has no help"
            assert "\n" not in param.help
            assert param.help == param.help.strip()

    def test_no_line_of_progress_is_taken_for_a_failure(self, subject: Subject) -> None:
        for failure in subject.adapter.failure:
            for line in (*PROGRESS, *self.progress):
                if failure.match and not failure.file:
                    found = re.search(failure.match, line)
                    assert found is None, f"`{failure.match}` fits `{line}`"


def _matters(subject: Subject, name: str, param: Param, given: Given) -> bool:
    """Say whether one value of a parameter makes another step of these than another value."""
    seen: list[object] = []
    shown = [one[name] for one in subject.contexts() if one.get(name) is not None]
    for value in (*samples(name, param), *shown):
        changed = {**given, name: value}
        if not subject.takes(changed):
            continue
        made = _signature(subject, changed)
        if seen and made not in seen:
            return True
        seen.append(made)
    without = {key: value for key, value in given.items() if key != name}
    return bool(seen) and subject.takes(without) and _signature(subject, without) not in seen


def _signature(subject: Subject, given: Given) -> object:
    commands = [subject.command(given)]
    if subject.one and subject.takes_no_gpu():
        commands.append(subject.command(given, ()))
    return commands, subject.outputs(subject.step(given))


def _bounds(param: Param) -> list[tuple[float, int]]:
    """Return the bounds, each with the direction in which values are refused."""
    low = [(one, -1) for one in (param.min, param.above) if one is not None]
    return low + [(one, 1) for one in (param.max, param.below) if one is not None]


def _typed(param: Param, value: float, away: int) -> object:
    if param.type != "int":
        return float(value)
    return math.floor(value) if away < 0 else math.ceil(value)


def _listed(param: Param, value: object) -> object:
    return value if param.length is None else (value,) * (param.length or 1)


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_written, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
