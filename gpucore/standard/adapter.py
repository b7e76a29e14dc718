"""What is known of one program: the same fields in Python and in TOML.

An adapter is data. Its text fields may hold marks (``%(movie)s``, ``%(out.base)s``,
``%(GPU)s``); `gpucore.standard.template` fills them, `gpucore.standard.checks` proves that an
adapter does not contradict itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Literal, TypeAlias

from gpucore.standard.command import (
    Condition,
    FileFormat,
    Group,
    InputFile,
    Link,
    Scalar,
    Template,
    Value,
)
from gpucore.standard.marks import marks
from gpucore.standard.model import FailureClass
from gpucore.standard.program import (
    STRICT,
    Gpu,
    GpuForm,
    GpuIds,
    Program,
    Sharing,
    Version,
)

__all__ = [
    "Adapter",
    "Condition",
    "Example",
    "Failure",
    "FileCheck",
    "FileFormat",
    "Gpu",
    "GpuForm",
    "GpuIds",
    "Group",
    "InputFile",
    "Link",
    "Output",
    "Param",
    "ParamType",
    "Program",
    "Scalar",
    "Sharing",
    "Template",
    "Value",
    "Version",
]

ParamType: TypeAlias = Literal["path", "string", "int", "float", "bool", "choice"]
FileCheck: TypeAlias = Literal["file", "mrc", "movie", "directory", "any"]


@dataclass(frozen=True, kw_only=True)
class Param:
    """One parameter of a program, under the field's name for it.

    Parameters
    ----------
    type : str
        ``path``, ``string``, ``int``, ``float``, ``bool`` or ``choice``.
    help : str
        What it is, one line.
    unit : str
        Å, kV, mm, e⁻/Å², pixels, seconds, MiB, …
    default
        Its value when none is given. Without one it is required, unless ``optional``.
    optional : bool
        Whether it may be left without a value.
    min, max : float or None
        Bounds, both allowed.
    above, below : float or None
        Bounds that are not allowed themselves.
    less_than, no_more_than : str
        A parameter whose value this one must be less than, or no more than.
    multiple_of : int or None
        A whole number must be a multiple of this.
    odd : bool
        A whole number must be odd.
    pattern : str
        Regular expression that a text must fit as a whole.
    format : str
        How a number is written, as C's ``printf`` has it: ``%03d``, ``%.2f``.
    choices : tuple of str
        The values of a ``choice``.
    length : int or None
        It is a list of this many; 0: of any number.
    separator : str or None
        A list becomes one argument with this between; None: several arguments.
    yes, no : str
        What a ``bool`` becomes as an argument.
    item : bool
        A stage runs over this one.
    many : bool
        The program takes many files at once, and gpucore can give it a batch of them. The item is
        a list of them (``length = 0``; an output of any number is one for each of them), or a
        folder (``check = "directory"``), whatever its files are called.
    output : str
        It is an output, and this pattern names it by default (``%(movie.stem)s.mrc``).
    check : str
        What a path must be: before the run for an input, after it for an output. ``file``: there
        (an output: not empty); ``mrc``: an MRC file that is whole; ``movie``: an MRC, TIFF or EER
        file that is whole; ``directory``; ``any``: not looked at.
    suffix : tuple of str
        What a path must end in, in whatever case; empty: anything.
    needs : tuple of str
        Parameters that must have a value, too, when this one is given.
    blanks : bool
        Whether its text may hold blanks; some programs' files cannot say them.
    title : str
        Its label in a host's form; its name when empty.
    section : str
        The group of a host's form that it stands in.
    advanced : bool
        Whether a host's form shows it to experts alone.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    type: ParamType
    help: str
    unit: str = ""
    default: Value = None
    optional: bool = False
    min: float | None = None
    max: float | None = None
    above: float | None = None
    below: float | None = None
    less_than: str = ""
    no_more_than: str = ""
    multiple_of: int | None = None
    odd: bool = False
    pattern: str = ""
    format: str = ""
    choices: tuple[str, ...] = ()
    length: int | None = None
    separator: str | None = None
    yes: str = "1"
    no: str = "0"
    item: bool = False
    many: bool = False
    output: str = ""
    check: FileCheck = "file"
    suffix: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    blanks: bool = True
    title: str = ""
    section: str = ""
    advanced: bool = False

    @property
    def required(self) -> bool:
        """Whether the user must give it."""
        return self.default is None and not self.optional and not self.output


@dataclass(frozen=True, kw_only=True)
class Output(Condition):
    """A file that must be there and be sane after the run, beside the output parameters.

    Parameters
    ----------
    name : str
        What later stages call it (``%(align.shifts)s``). That of an output parameter says where
        the program leaves that file.
    path : str
        Where it lies, with marks.
    made : str
        Where the program leaves it in its own directory, when it cannot be told ``path``; gpucore
        moves it there. May hold ``*``, ``?`` and ``[…]``; the last in order of name is taken.
    check : str
        As for `Param`.
    match : str
        Regular expression that a line of the file must hold; a file without it is no result.
    optional : bool
        Whether the program may leave it out; it is moved and named when it is there.
    when, unless, suffix, equals, at_least, where
        See `Condition`.
    """

    name: str
    path: str = ""
    made: str = ""
    check: FileCheck = "file"
    match: str = ""
    optional: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        """Where it lies and where it is made."""
        return (self.path, self.made)


@dataclass(frozen=True, kw_only=True)
class Failure(Condition):
    """What a message, a file or an exit code of the program means.

    Of ``match``, ``codes`` and ``file`` one must be given at least; of several all must fit.

    Parameters
    ----------
    match : str
        Regular expression, searched in each line of what the program prints, or of ``file``.
    codes : tuple of int
        Exit codes, negative for a signal.
    file : str
        A file that is looked at instead of what the program prints, with marks; a relative one
        lies in the step's own directory. May hold ``*``, ``?`` and ``[…]`` in its name. Without
        ``match`` that it is there says enough. One from before the start does not count.
    class_ : FailureClass
        Its class; ``class`` in TOML.
    hint : str
        What the user can do.
    effect : str
        ``explain``: gives the reason when the step failed anyhow; ``fail``: the step has failed
        even with exit code 0 and its outputs there; ``warn``: the step is done, and says so.
    when, unless, suffix, equals, at_least, where
        See `Condition`.
    """

    match: str = ""
    codes: tuple[int, ...] = ()
    file: str = ""
    class_: FailureClass
    hint: str = ""
    effect: Literal["explain", "fail", "warn"] = "explain"

    @property
    def texts(self) -> tuple[str, ...]:
        """The file's name."""
        return (self.file,)


@dataclass(frozen=True, kw_only=True)
class Example:
    """A worked example: documentation and test at once.

    Parameters
    ----------
    params : Mapping
        What the user gives.
    gpus : tuple of int
        The step's devices.
    argv : tuple of str
        The command line that must come out.
    stdin : str or None
        What must come out on standard input.
    env : Mapping or None
        The environment that must come out (above the host's); None: not compared.
    files : Mapping or None
        The text of each file that must come out, by name; None: not compared.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    params: Mapping[str, Value]
    argv: tuple[str, ...]
    gpus: tuple[int, ...] = ()
    stdin: str | None = None
    env: Mapping[str, str] | None = None
    files: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """What is known of one program.

    Parameters
    ----------
    name : str
        Lower-case letters, digits, ``_`` and ``-``.
    title : str
        The program and what it does, one line.
    program, gpu, command, params
        See `Program`, `Gpu`, `Template`, `Param`.
    file, link : tuple
        What is put into the step's own directory before the start.
    output : tuple of Output
        What must be there afterwards, beside the output parameters.
    failure : tuple of Failure
        What its messages, files and exit codes mean; the first that fits counts.
    success_codes : tuple of int
        Exit codes of a program that may have succeeded.
    success_match : str
        Regular expression that a line of what it prints must hold; without such a line the step
        has failed.
    example : tuple of Example
        At least one is good manners.
    family : str
        What it is part of: RELION, Xmipp, …
    homepage : str
        The program's own page.
    licence, citation, source : str
        The program's licence, how it is cited, and where this adapter's facts come from.
    unverified : tuple of str
        Facts that could not be found in a primary source.
    schema : int
        Version of this form.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    name: str
    title: str
    program: Program
    command: Template
    gpu: Gpu = field(default_factory=Gpu)
    params: Mapping[str, Param] = field(default_factory=dict)
    file: tuple[InputFile, ...] = ()
    link: tuple[Link, ...] = ()
    output: tuple[Output, ...] = ()
    failure: tuple[Failure, ...] = ()
    success_codes: tuple[int, ...] = (0,)
    success_match: str = ""
    example: tuple[Example, ...] = ()
    family: str = ""
    homepage: str = ""
    licence: str = ""
    citation: str = ""
    source: str = ""
    unverified: tuple[str, ...] = ()
    schema: Literal[1] = 1

    @cached_property
    def item(self) -> str:
        """Name of the parameter that a stage runs over; empty when there is none."""
        return next((name for name, param in self.params.items() if param.item), "")

    @cached_property
    def output_params(self) -> tuple[str, ...]:
        """Names of the parameters that are outputs, in order."""
        return tuple(name for name, param in self.params.items() if param.output)

    @cached_property
    def lists_items(self) -> bool:
        """Whether the item of a step is a list of files."""
        return bool(self.item) and self.params[self.item].length is not None

    @cached_property
    def staged_params(self) -> tuple[str, ...]:
        """Output parameters of which the program is told, and may be told another place."""
        if self.command.in_place:
            return ()
        items = (*self.command.argv, *self.command.stdin, *(i for f in self.file for i in f.lines))
        texts = [text for one in items for text in ((one,) if isinstance(one, str) else one.args)]
        texts += self.command.env.values()
        for file in self.file:
            texts += (file.name, file.text)
            for value in file.entries.values():
                texts += [str(one) for one in (value if isinstance(value, tuple) else (value,))]
        texts += [text for link in self.link for text in (link.name, link.target)]
        told = {mark.name for text in texts for mark in marks(text)}
        return tuple(name for name in self.output_params if name in told)
