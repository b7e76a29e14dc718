"""How a program's command line is written down: templates, their conditions, and small files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, TypeAlias

from gpucore.standard.marks import marks
from gpucore.standard.program import STRICT

__all__ = ["Condition", "Group", "InputFile", "Link", "Scalar", "Template", "Value"]

Scalar: TypeAlias = bool | int | float | str
Value: TypeAlias = Scalar | tuple[Scalar, ...] | None


@dataclass(frozen=True, kw_only=True)
class Condition:
    """When something is there: arguments, a file, a link, an output.

    Without ``when`` and ``unless`` it is there when each parameter that its texts name has a
    value.

    Parameters
    ----------
    when, unless : str or tuple of str
        ``gpu`` (the step has devices), ``cpu`` (it has none), or a parameter's name: when (unless)
        it is set and not false, or meets the test below. Of several, all must hold for ``when``,
        and none may for ``unless``.
    suffix : tuple of str
        Test: the path ends in one of these, in whatever case.
    equals : tuple
        Test: the value is one of these.
    at_least : float or None
        Test: the number is this or more.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    when: str | tuple[str, ...] = ()
    unless: str | tuple[str, ...] = ()
    suffix: tuple[str, ...] = ()
    equals: tuple[Scalar, ...] = ()
    at_least: float | None = None

    @cached_property
    def all_when(self) -> tuple[str, ...]:
        """``when`` as a tuple."""
        return _names(self.when)

    @cached_property
    def all_unless(self) -> tuple[str, ...]:
        """``unless`` as a tuple."""
        return _names(self.unless)

    @property
    def texts(self) -> tuple[str, ...]:
        """Its texts with marks."""
        return ()

    @cached_property
    def named(self) -> tuple[str, ...]:
        """What its marks name, each once."""
        return tuple(dict.fromkeys(mark.name for text in self.texts for mark in marks(text)))


@dataclass(frozen=True, kw_only=True)
class Group(Condition):
    """Arguments that belong together and are there only under a condition.

    Parameters
    ----------
    args : tuple of str
        Its arguments.
    when, unless, suffix, equals, at_least
        See `Condition`.
    """

    args: tuple[str, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """Its arguments."""
        return self.args


@dataclass(frozen=True, kw_only=True)
class Template:
    """The command line, written so that it reads like the program's own help.

    Parameters
    ----------
    argv : tuple of str or Group
        Arguments; one that is nothing but the mark of a list becomes several.
    stdin : tuple of str or Group
        Lines that answer the program's questions on standard input.
    env : Mapping[str, str]
        What is set for the program beside the GPU variables.
    own_directory : bool
        Whether it runs in a directory of its own; its paths are then made absolute.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    argv: tuple[str | Group, ...]
    stdin: tuple[str | Group, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    own_directory: bool = False


@dataclass(frozen=True, kw_only=True)
class InputFile(Condition):
    """A small text file that gpucore writes into the step's own directory.

    Parameters
    ----------
    name : str
        Its name there.
    text : str
        Its text, with marks.
    when, unless, suffix, equals, at_least
        See `Condition`.
    """

    name: str
    text: str

    @property
    def texts(self) -> tuple[str, ...]:
        """Its name and its text."""
        return (self.name, self.text)


@dataclass(frozen=True, kw_only=True)
class Link(Condition):
    """A symbolic link that gpucore makes in the step's own directory.

    Parameters
    ----------
    name, target : str
        Both with marks.
    when, unless, suffix, equals, at_least
        See `Condition`.
    """

    name: str
    target: str

    @property
    def texts(self) -> tuple[str, ...]:
        """Its name and where it points."""
        return (self.name, self.target)


def _names(one_or_more: str | tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(one_or_more, str):
        return (one_or_more,) if one_or_more else ()
    return one_or_more
