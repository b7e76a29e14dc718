"""An item that is a list: one command for several files, and outputs for each of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpucore.errors import ParameterError

if TYPE_CHECKING:
    from gpucore.standard.adapter import Adapter
    from gpucore.standard.params import Values

__all__ = ["Several", "check_each", "files_of", "of_each"]


@dataclass(frozen=True)
class Several:
    """An item that is several files, for a program that takes a list of them.

    Parameters
    ----------
    name : str
        What its step is called, after its stage.
    files : tuple of str
        The files.
    """

    name: str
    files: tuple[str, ...]


def of_each(adapter: Adapter, values: Values) -> list[Values]:
    """Return the values as they are for each file of the item; one where it is no list.

    The item, and each output that is a list, is then a single path.

    Parameters
    ----------
    adapter : Adapter
        The program.
    values : dict
        Its values.
    """
    files = files_of(adapter, values)
    if files is None:
        return [values]
    found: list[Values] = []
    for place, file in enumerate(files):
        one: Values = {**values, adapter.item: file}
        for name in adapter.output_params:
            made = values.get(name)
            if isinstance(made, tuple) and len(made) == len(files):
                one[name] = made[place]
        found.append(one)
    return found


def check_each(adapter: Adapter, values: Values) -> None:
    """Refuse outputs of a list of files of which each has not one of its own.

    Raises
    ------
    ParameterError
        Names them.
    """
    files = files_of(adapter, values)
    for name in adapter.output_params if files is not None else ():
        made = values.get(name)
        if files is None or not isinstance(made, tuple):
            continue
        if len(made) != len(files):
            raise ParameterError(
                f"`{name}` names {len(made)} files for {len(files)} of `{adapter.item}`",
                hint="leave it out: each is named after its file",
                code="E310",
            )
        twice = [str(one) for one, count in Counter(made).items() if count > 1]
        if twice:
            raise ParameterError(
                f"two of `{adapter.item}` would make the same output `{twice[0]}`",
                hint="rename one of the two, or run them in batches of their own",
                code="E310",
            )


def files_of(adapter: Adapter, values: Values) -> tuple[str, ...] | None:
    """Return the files of an item that is a list; None where it is none."""
    item = values.get(adapter.item) if adapter.lists_items else None
    return tuple(map(str, item)) if isinstance(item, tuple) else None
