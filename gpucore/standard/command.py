"""How a program's command line is written down: templates, their conditions, and small files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Literal, TypeAlias

from gpucore.standard.marks import marks
from gpucore.standard.program import STRICT

__all__ = [
    "Condition",
    "FileFormat",
    "Group",
    "InputFile",
    "Link",
    "Scalar",
    "Template",
    "Value",
]

Scalar: TypeAlias = bool | int | float | str
Value: TypeAlias = Scalar | tuple[Scalar, ...] | None
FileFormat: TypeAlias = Literal["plain", "keyvalue", "json", "matlab"]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """When something is there: arguments, a file, a link, an output.

    Without ``when``, ``unless`` and ``where`` it is there when each parameter that its texts name
    has a value.

    Parameters
    ----------
    when, unless : str or tuple of str
        ``gpu`` (the step has devices), ``cpu`` (it has none), ``gpus`` (how many it uses), or a
        parameter's name: when (unless) it is set and not false, or meets the test below. Of
        several, all must hold for ``when``, and none may for ``unless``.
    suffix : tuple of str
        Test: the path ends in one of these, in whatever case.
    equals : tuple
        Test: the value is one of these.
    at_least : float or None
        Test: the number is this or more.
    where : Mapping
        Tests that differ: for each parameter's name the values it may have, for a path what it may
        end in. All must hold, too.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    when: str | tuple[str, ...] = ()
    unless: str | tuple[str, ...] = ()
    suffix: tuple[str, ...] = ()
    equals: tuple[Scalar, ...] = ()
    at_least: float | None = None
    where: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)

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
        found = (name for text in self.texts for mark in marks(text) for name in mark.names)
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, kw_only=True)
class Group(Condition):
    """Arguments that belong together and are there only under a condition.

    Parameters
    ----------
    args : tuple of str
        Its arguments.
    when, unless, suffix, equals, at_least, where
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
    in_place : bool
        Whether its outputs must be made under their final names: it writes their paths into its
        files, goes on from what lies there, or insists on a place.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    argv: tuple[str | Group, ...]
    stdin: tuple[str | Group, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    own_directory: bool = False
    in_place: bool = False


@dataclass(frozen=True, kw_only=True)
class InputFile(Condition):
    """A small text file that gpucore writes into the step's own directory.

    Parameters
    ----------
    name : str
        Its name there; one that ends in ``/`` is an empty folder, for a program that makes none.
    text : str
        Its text, with marks.
    lines : tuple of str or Group
        Lines behind the text, those of a group under its condition.
    entries : Mapping
        Keys and what they hold; a text may hold marks, and an entry is left out when a mark of it
        has no value. A text that is nothing but a mark keeps the value's type, and in a list the
        mark of a list becomes several. Goes with a format, and not with ``text`` or ``lines``.
    format : str
        How values are written, so that none is taken for something else. ``plain``: as in an
        argument. ``keyvalue``: the same, and a line break is refused. ``json``: texts in quotes and
        escaped, ``true``, ``false``, lists. ``matlab``: texts in single quotes, ``[1 2]``,
        ``{'a', 'b'}``. Inside quotes that the text itself has, a value is escaped for them.
    assign : str
        What stands between key and value of an entry, in ``keyvalue`` and ``matlab``.
    when, unless, suffix, equals, at_least, where
        See `Condition`.
    """

    name: str
    text: str = ""
    lines: tuple[str | Group, ...] = ()
    entries: Mapping[str, Value] = field(default_factory=dict)
    format: FileFormat = "plain"
    assign: str = "="

    @property
    def texts(self) -> tuple[str, ...]:
        """Its name, its text, and its lines that stand in no group."""
        return (self.name, self.text, *(one for one in self.lines if isinstance(one, str)))


@dataclass(frozen=True, kw_only=True)
class Link(Condition):
    """A symbolic link that gpucore makes in the step's own directory.

    Parameters
    ----------
    name, target : str
        Both with marks.
    when, unless, suffix, equals, at_least, where
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
