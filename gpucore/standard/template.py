"""Templates filled per argument: never on a joined string, never through a shell, never twice."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gpucore.errors import ParameterError, TemplateError
from gpucore.standard.adapter import Adapter, Condition, Group, Value
from gpucore.standard.gpuforms import gpu_arguments, gpu_environment, usable
from gpucore.standard.inputfiles import file_text
from gpucore.standard.marks import Mark, marks, split
from gpucore.standard.model import Command, Device, FileToWrite, LinkToMake
from gpucore.standard.params import Values, check_rooted
from gpucore.standard.several import of_each
from gpucore.standard.words import filled_mark, part_of, value_of, word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gpucore.standard.adapter import Param, Scalar

__all__ = ["fill_gpu", "fill_text", "holds", "ranks_of", "render"]


def render(
    adapter: Adapter,
    values: Values,
    devices: Sequence[Device] = (),
    *,
    executable: str = "",
    isolate: bool = False,
) -> Command:
    """Return the command of one step.

    Parameters
    ----------
    adapter : Adapter
        The program.
    values : dict
        Checked values of all its parameters, outputs named.
    devices : sequence of Device
        The step's slot; empty for the CPU form.
    executable : str
        What the site calls the program; the adapter's own name for it when empty.
    isolate : bool
        Whether the site hides other GPUs from every program that bears it.

    Raises
    ------
    TemplateError
        When a mark has no value.
    ParameterError
        When a path that is absolute by now is one that the program cannot take.
    """
    filler = _Filler(
        adapter=adapter,
        values=values,
        devices=usable(adapter.gpu, devices, ranks=ranks_of(adapter, values)),
        executable=executable or adapter.program.executable,
        isolate=isolate,
    )
    try:
        if adapter.command.own_directory:
            check_rooted(adapter, values)
        return filler.command()
    except (ParameterError, TemplateError) as error:
        raise error.at(f"adapter {adapter.name}") from None


def fill_text(text: str, names: Mapping[str, Value], params: Mapping[str, Param]) -> str:
    """Return a one-piece text (a file name, say) with its marks filled.

    Raises
    ------
    TemplateError
        When a mark has no value, or one that is not a single text.
    """
    return "".join(
        piece if isinstance(piece, str) else filled_mark(piece, names, params)
        for piece in split(text)
    )


def fill_gpu(argv: Iterable[str], gpus: Sequence[str]) -> list[str]:
    """Fill ``%(GPU)s`` in any command's arguments.

    Alone it becomes several, inside one it is joined by commas, as in
    ``CUDA_VISIBLE_DEVICES=%(GPU)s``.

    Raises
    ------
    TemplateError
        When there is a mark and no GPU.

    Examples
    --------
    >>> fill_gpu(["prog", "-Gpu", "%(GPU)s", "--ids=%(GPU)s", "50%"], ["0", "3"])
    ['prog', '-Gpu', '0', '3', '--ids=0,3', '50%']
    """
    filled: list[str] = []
    for argument in argv:
        if "%(GPU)s" in argument and not gpus:
            raise TemplateError(
                "the mark %(GPU)s is left without a value: the command has no GPU",
                hint="ask for a GPU, or take the mark out",
                code="E322",
            )
        if argument == "%(GPU)s":
            filled.extend(gpus)
        else:
            filled.append(argument.replace("%(GPU)s", ",".join(gpus)))
    return filled


def holds(
    condition: Condition, names: Mapping[str, Value], params: Mapping[str, Param], *, gpu: int
) -> bool:
    """Say whether a group, file, link, output or failure is there with these values.

    Parameters
    ----------
    gpu : int
        The devices that the step uses; a truth value where no condition asks for their number.
    """
    if condition.when or condition.unless or condition.where:
        return _asked(condition, names, params, gpu)
    for name in condition.named:
        if name == "GPU":
            if not gpu:
                return False
        elif name in params and names.get(name) in (None, ()):
            return False
    return True


def _asked(
    condition: Condition, names: Mapping[str, Value], params: Mapping[str, Param], gpu: int
) -> bool:
    # Loops, since generators take twice as long, and a command has dozens of groups.
    for name in condition.all_when:
        if not _met(name, condition, names, params, gpu=gpu):
            return False
    for name in condition.all_unless:
        if _met(name, condition, names, params, gpu=gpu):
            return False
    if condition.where:
        for name, allowed in condition.where.items():
            if not _fits(names.get(name), allowed, params.get(name)):
                return False
    return True


def ranks_of(adapter: Adapter, values: Values) -> int:
    """Return the number of MPI ranks that these values ask for."""
    ranks = values.get(adapter.gpu.ranks, 1) if adapter.gpu.ranks else 1
    return ranks if isinstance(ranks, int) else 1


def _met(
    name: str,
    test: Condition,
    names: Mapping[str, Value],
    params: Mapping[str, Param],
    *,
    gpu: int,
) -> bool:
    if name in {"gpu", "cpu"} and name not in params:
        return bool(gpu) == (name == "gpu")
    value = int(gpu) if name == "gpus" and name not in params else names.get(name)
    if value is None:
        return False
    if test.suffix:
        return _ends(value, test.suffix)
    if test.equals:
        return value in test.equals
    if test.at_least is not None:
        return isinstance(value, (int, float)) and value >= test.at_least
    return value is not False and value not in ("", ())


def _fits(value: Value, allowed: tuple[Scalar, ...], param: Param | None) -> bool:
    if param is not None and param.type == "path":
        return value is not None and _ends(value, tuple(map(str, allowed)))
    return value in allowed


def _ends(value: Value, suffixes: tuple[str, ...]) -> bool:
    return str(value).lower().endswith(tuple(end.lower() for end in suffixes))


@dataclass(kw_only=True)
class _Filler:
    """Fills every template of one adapter for one step."""

    adapter: Adapter
    values: Values
    devices: tuple[Device, ...]
    executable: str
    isolate: bool
    names: dict[str, Value] = field(init=False)

    def __post_init__(self) -> None:
        self.names = {**self.values, "EXE": self.executable}
        self.gpu = len(self.devices)
        self.must_have_gpu = int(self.adapter.gpu.use.requires_gpu)
        self.gpu_texts: list[str] | None = None

    def command(self) -> Command:
        template = self.adapter.command
        environment = gpu_environment(self.adapter.gpu, self.devices, isolate=self.isolate)
        for name, text in template.env.items():
            environment[name] = self.joined(text)
        lines = self._items(template.stdin)
        if any("\n" in line for line in lines):
            raise TemplateError(
                "a value holds a line break, and the program reads its answers line by line",
                hint="rename the file, or link it under another name",
                code="E323",
            )
        return Command(
            argv=tuple(self._items(template.argv)),
            env=environment,
            stdin="".join(f"{line}\n" for line in lines) if template.stdin else None,
            own_directory=template.own_directory,
            files=tuple(
                FileToWrite(name=self.joined(file.name), text=file_text(file, self))
                for file in self.adapter.file
                # A compulsory GPU that is not there is refused when the file is filled.
                if holds(file, self.names, self.adapter.params, gpu=self.gpu or self.must_have_gpu)
            ),
            links=tuple(dict.fromkeys(self._links())),
        )

    def _links(self) -> Iterator[LinkToMake]:
        params, gpu = self.adapter.params, self.gpu
        links = [one for one in self.adapter.link if holds(one, self.names, params, gpu=gpu)]
        if not self.adapter.lists_items:
            for link in links:
                yield LinkToMake(name=self.joined(link.name), target=self.joined(link.target))
            return
        for one in of_each(self.adapter, self.values) if links else ():
            for link in links:
                name, target = (fill_text(text, one, params) for text in (link.name, link.target))
                yield LinkToMake(name=name, target=target)

    def joined(self, text: str) -> str:
        """Return a text with its marks filled as in an argument."""
        pieces = split(text)
        if len(pieces) == 1:
            piece = pieces[0]
            return piece if isinstance(piece, str) else self._mark(piece)
        return "".join(piece if isinstance(piece, str) else self._mark(piece) for piece in pieces)

    def typed(self, mark: Mark) -> Value:
        """Return the value of a mark in its own type: that of the GPUs is a number, or several."""
        if mark.digits:
            return self.joined(str(mark))
        if mark.name != "GPU":
            return value_of(mark, self.names)
        if mark.part:
            return self._count()
        texts = self._gpus()
        if self.adapter.gpu.form == "json":
            return tuple(json.loads(texts[0]))
        ids = tuple(int(one) if one.isdecimal() else one for one in texts)
        return ids[0] if len(ids) == 1 else ids

    def param(self, mark: Mark) -> Param | None:
        """Return the parameter that a mark names as a whole."""
        if mark.part or mark.is_number:
            return None
        return self.adapter.params.get(mark.name)

    def has(self, mark: Mark) -> bool:
        """Say whether a mark has a value."""
        if mark.name == "GPU":
            return bool(self.gpu or self.must_have_gpu)
        return all(self.names.get(name) not in (None, ()) for name in mark.names)

    def held(self, group: Group) -> bool:
        """Say whether a group is there."""
        return holds(group, self.names, self.adapter.params, gpu=self.gpu)

    def _items(self, items: Iterable[str | Group]) -> list[str]:
        filled: list[str] = []
        for item in items:
            if isinstance(item, str):
                filled.extend(self._arguments(item) if "%(" in item else (item,))
            elif holds(item, self.names, self.adapter.params, gpu=self.gpu):
                filled.extend(self._group(item))
        return filled

    def _group(self, group: Group) -> list[str]:
        repeated = self.adapter.gpu.form == "repeat" and any(
            mark.name == "GPU" and not mark.part for text in group.args for mark in marks(text)
        )
        if not repeated:
            return [argument for text in group.args for argument in self._arguments(text)]
        filled: list[str] = []
        for one in self._gpus():
            self.gpu_texts = [one]
            filled += [argument for text in group.args for argument in self._arguments(text)]
        self.gpu_texts = None
        return filled

    def _arguments(self, text: str) -> list[str]:
        if "%(" not in text:
            return [text]
        pieces = split(text)
        if len(pieces) == 1:
            piece = pieces[0]
            if isinstance(piece, str):
                return [piece]
            if piece.name == "GPU" and not piece.part:
                return self._gpus()
            value = self.names.get(piece.name)
            if isinstance(value, tuple) and (param := self.adapter.params[piece.name]):
                if param.separator is None and not piece.part:
                    return [word(one, param) for one in value]
                if param.separator is None and param.type == "path":
                    return [part_of(str(one), piece.part) for one in value]
        return [self.joined(text)]

    def _mark(self, mark: Mark) -> str:
        if mark.name != "GPU":
            return filled_mark(mark, self.names, self.adapter.params)
        if mark.part:
            return str(self._count())
        texts = self._gpus()
        if len(texts) != 1:
            raise TemplateError(
                f"{len(texts)} GPUs stand inside one argument",
                hint="let %(GPU)s be an argument of its own, or choose the form `comma`",
                code="E324",
            )
        return texts[0]

    def _count(self) -> int:
        if not self.devices:
            raise TemplateError(
                "the mark %(GPU)s is left without a value: the step has no GPU",
                hint='put it into a group with when = "gpu"',
                code="E322",
            )
        return len(self.devices)

    def _gpus(self) -> list[str]:
        if self.gpu_texts is None:
            self._count()  # a step without a GPU is refused here
            self.gpu_texts = gpu_arguments(
                self.adapter.gpu,
                self.devices,
                isolate=self.isolate,
                ranks=ranks_of(self.adapter, self.values),
            )
        return self.gpu_texts
