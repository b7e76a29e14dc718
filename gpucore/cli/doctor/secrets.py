"""What is left out of what is shown to others: values that may be secret, wherever they stand.

A variable's value is kept only when it is known to be none. What is left out there, and what any
variable holds whose name speaks of a secret, is taken out of texts, too: programs print what they
were given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LEFT_OUT", "Censor", "is_secret_name", "shown_environment"]

LEFT_OUT = "[left out]"

_NAME = r"token|secret|passw|passphrase|passcode|api[-_]?key|key\b|_key|cred|auth|cookie|licen[cs]e"
_SECRET = re.compile(_NAME, re.IGNORECASE)
_PLAIN = re.compile(
    r"_|CUDA_\w+|GPUCORE_\w+|NVIDIA_VISIBLE_DEVICES|ROCR_VISIBLE_DEVICES|HIP_VISIBLE_DEVICES|PATH|"
    r"LD_LIBRARY_PATH|PYTHONPATH|CONDA_PREFIX|VIRTUAL_ENV|HOME|HOSTNAME|USER|LOGNAME|PWD|OLDPWD|SHELL|LANG|LC_\w+|TERM|TMPDIR|TZ|"
    r"XDG_\w+|OMP_\w+|MKL_\w+|SLURM_JOB_ID|SLURM_JOB_GPUS|PBS_JOBID|LSB_JOBID|LOADEDMODULES|"
    r"NO_COLOR|RELION_\w+"
)
_SHORTEST, _SHORTEST_SECRET = 7, 4
"""Shorter values are words of any text; of a variable whose name speaks of a secret, less so."""
_MARKED = (
    # name=value and name: value, as in JSON, TOML, a shell's line and a header
    re.compile(
        rf"(?i)((?:[\w-]*(?:{_NAME})[\w-]*)[\"']?\s*[:=]\s*)"
        r"(?:(?:bearer|basic)\s+)?(\"[^\"\n]*\"|'[^'\n]*'|[^\s\"',;&]+)"
    ),
    re.compile(rf"(?i)(--?[\w-]*(?:{_NAME})[\w-]*\s+)([^\s-]\S*)"),
    re.compile(r"(?i)(\b(?:bearer|basic)\s+)([\w.~+/-]{8,}=*)"),
    re.compile(r"(\w+://[^\s/:@]*:)([^\s/@]+)(?=@)"),
)
_KNOWN = re.compile(
    r"\b(?:gh[pousr]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|sk-[\w-]{16,}|xox[abprs]-[\w-]{8,}"
    r"|AKIA[0-9A-Z]{16}|hf_\w{16,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{4,})"
)
_PEM = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)


def is_secret_name(name: str) -> bool:
    """Say whether a name speaks of a secret.

    Examples
    --------
    >>> is_secret_name("MY_TOKEN"), is_secret_name("--api-key"), is_secret_name("patch")
    (True, True, False)
    """
    return _SECRET.search(name) is not None


def shown_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with the values alone that are known to be no secret.

    Examples
    --------
    >>> shown_environment({"CUDA_VISIBLE_DEVICES": "0", "MY_SETTING": "hunter2"})
    {'CUDA_VISIBLE_DEVICES': '0', 'MY_SETTING': '[left out]'}
    """
    return {name: text if _is_plain(name) else LEFT_OUT for name, text in environment.items()}


class Censor:
    """Takes secrets out of texts and data.

    Parameters
    ----------
    environments : iterable of Mapping
        Variables: of the process, and those that the configuration sets for programs.
    """

    def __init__(self, environments: Iterable[Mapping[str, str]]) -> None:
        values = {
            text
            for environment in environments
            for name, text in environment.items()
            if _may_be_secret(name, text)
        }
        # The longest first: one may be a part of another.
        found = "|".join(re.escape(one) for one in sorted(values, key=lambda one: (-len(one), one)))
        self._values = re.compile(found) if found else None

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        text = _PEM.sub(LEFT_OUT, text)
        if self._values is not None:
            text = self._values.sub(LEFT_OUT, text)
        text = _KNOWN.sub(LEFT_OUT, text)
        for pattern in _MARKED:
            text = pattern.sub(lambda match: f"{match[1]}{LEFT_OUT}", text)
        return text

    def data(self, value: object) -> object:
        """Return data without secrets: under names that speak of one, after options, in texts."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {
                self.text(str(key)): LEFT_OUT
                if isinstance(one, str) and one and is_secret_name(str(key))
                else self.data(one)
                for key, one in value.items()
            }
        if isinstance(value, list | tuple):
            return [
                LEFT_OUT
                if place and _asks_for_secret(value[place - 1]) and isinstance(one, str)
                else self.data(one)
                for place, one in enumerate(value)
            ]
        return value


def _is_plain(name: str) -> bool:
    return _PLAIN.fullmatch(name) is not None and not is_secret_name(name)


def _may_be_secret(name: str, text: str) -> bool:
    """Say whether a variable's value is to be taken out of texts.

    What is a path, a number or a word is what texts are full of.
    """
    if is_secret_name(name):
        return len(text) >= _SHORTEST_SECRET
    if len(text) < _SHORTEST or _is_plain(name):
        return False
    return not (text.startswith("/") or text.replace(".", "").isdecimal() or text.isalpha())


def _asks_for_secret(option: object) -> bool:
    return (
        isinstance(option, str)
        and option.startswith("-")
        and "=" not in option
        and (is_secret_name(option))
    )
