"""The one tree of errors: what is wrong, where, and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AdapterError",
    "ConfigError",
    "DeviceError",
    "Faults",
    "GpuListError",
    "GpucoreError",
    "InternalError",
    "NeedError",
    "ParameterError",
    "PluginError",
    "ProgramError",
    "StepError",
    "TemplateError",
    "did_you_mean",
    "raise_faults",
]


class GpucoreError(Exception):
    """Base of every error that gpucore raises on purpose.

    Parameters
    ----------
    what : str
        What is wrong, one lower-case statement that quotes the value.
    hint : str, optional
        How to mend it, an instruction.
    where : str, optional
        File, line and key, adapter, or plugin.
    code : str, optional
        The kind of mistake, as ``gpucore explain`` knows it: `E204`. That of the class by default.

    Attributes
    ----------
    exit_code : int
        The exit status of the command line when this error ends it.
    default_code : str
        The code of an error that is raised without one.
    """

    exit_code: ClassVar[int] = 2
    default_code: ClassVar[str] = "E990"

    def __init__(self, what: str, *, hint: str = "", where: str = "", code: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.where = where
        self.code = code or self.default_code

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n  {self.hint}" if self.hint else head

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.__dict__)

    def at(self, where: str) -> GpucoreError:
        """Return the same error with its place put before what it knew of its place."""
        self.where = f"{where}: {self.where}" if self.where else where
        return self


def _rebuild(kind: type[GpucoreError], facts: dict[str, object]) -> GpucoreError:
    """Make an error again from its facts (pickling)."""
    error = kind.__new__(kind, facts.get("what", ""))
    error.__dict__.update(facts)
    return error


class GpuListError(GpucoreError):
    """A text that is no GPU list, or a list that names what the machine does not have."""

    default_code = "E101"


class TemplateError(GpucoreError):
    """A command template that cannot be filled."""

    default_code = "E320"


class ParameterError(GpucoreError):
    """A parameter that is unknown, missing, out of bounds or of the wrong type."""

    default_code = "E300"


class AdapterError(GpucoreError):
    """An adapter that contradicts itself, or one that is not known."""

    default_code = "E400"


class ConfigError(GpucoreError):
    """A configuration or job file that cannot be used."""

    default_code = "E200"


class PluginError(GpucoreError):
    """A plugin that was put in quarantine, for the reason it carries."""

    default_code = "E450"


class ProgramError(GpucoreError):
    """A program that is not installed where it is looked for."""

    default_code = "E500"


class NeedError(GpucoreError):
    """A need that the run's devices can never meet."""

    default_code = "E107"


class DeviceError(GpucoreError):
    """No usable GPU where one is needed, or devices that cannot be read."""

    exit_code = 3
    default_code = "E600"


class StepError(GpucoreError):
    """A step that did not end well; ``outcome`` says how it ended."""

    exit_code = 1
    default_code = "E520"

    def __init__(
        self,
        what: str,
        *,
        hint: str = "",
        where: str = "",
        outcome: object = None,
        code: str = "",
    ) -> None:
        super().__init__(what, hint=hint, where=where, code=code)
        self.outcome = outcome


class InternalError(GpucoreError):
    """A fault of gpucore itself."""

    exit_code = 4
    default_code = "E900"


class Faults(GpucoreError):  # noqa: N818 - it is several errors
    """Several errors told together.

    Parameters
    ----------
    errors : Iterable[GpucoreError]
        At least one error; nested ``Faults`` are taken apart. ``code`` is that of the first.
    """

    def __init__(self, errors: Iterable[GpucoreError]) -> None:
        flat: list[GpucoreError] = []
        for error in errors:
            flat.extend(error.errors if isinstance(error, Faults) else [error])
        self.errors: tuple[GpucoreError, ...] = tuple(flat)
        super().__init__(
            "\n".join(str(error) for error in self.errors),
            code=self.errors[0].code if self.errors else "",
        )


def raise_faults(errors: Iterable[GpucoreError]) -> None:
    """Raise the one error there is, or all of them as `Faults`; do nothing when there is none.

    Raises
    ------
    GpucoreError
        When ``errors`` is not empty.
    """
    found = list(errors)
    if len(found) == 1:
        raise found[0]
    if found:
        raise Faults(found)


_MOST_NAMES = 12


def did_you_mean(name: str, known: Iterable[str], *, listed: str = "") -> str:
    """Return the hint for a name that is not known: the nearest one, or all there are.

    Parameters
    ----------
    name : str
        What was written.
    known : Iterable[str]
        What there is.
    listed : str
        What lists it, told where nothing is near and there are too many to be named.

    Examples
    --------
    >>> did_you_mean("comand", ["command", "gpu"])
    'did you mean `command`?'
    """
    from difflib import get_close_matches  # noqa: PLC0415 - 4 ms, and only when something is wrong

    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    if not names:
        return "there are none here"
    if len(names) <= _MOST_NAMES:
        return f"one of: {', '.join(names)}"
    if listed:
        return f"{listed} lists them"
    return f"one of: {', '.join(names[:_MOST_NAMES])}, and {len(names) - _MOST_NAMES} more"
