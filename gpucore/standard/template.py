"""Templates filled per argument: never on a joined string, never through a shell, never twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from gpucore.errors import TemplateError, did_you_mean
from gpucore.standard.adapter import Adapter, Condition, Group, Value
from gpucore.standard.gpuforms import gpu_arguments, gpu_environment, usable
from gpucore.standard.marks import Mark, split
from gpucore.standard.model import Command, Device, FileToWrite, LinkToMake
from gpucore.standard.params import Values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpucore.standard.adapter import Param, Scalar

__all__ = ["fill_gpu", "fill_text", "holds", "render"]


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
    """
    filler = _Filler(
        adapter=adapter,
        values=values,
        devices=usable(adapter.gpu, devices, ranks=_ranks(adapter, values)),
        executable=executable or adapter.program.executable,
        isolate=isolate,
    )
    try:
        return filler.command()
    except TemplateError as error:
        raise error.at(f"adapter {adapter.name}") from None


def fill_text(text: str, names: Mapping[str, Value], params: Mapping[str, Param]) -> str:
    """Return a one-piece text (a file name, say) with its marks filled.

    Raises
    ------
    TemplateError
        When a mark has no value, or one that is not a single text.
    """
    return "".join(
        piece if isinstance(piece, str) else _one(piece, names, params) for piece in split(text)
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
            )
        if argument == "%(GPU)s":
            filled.extend(gpus)
        else:
            filled.append(argument.replace("%(GPU)s", ",".join(gpus)))
    return filled


def holds(
    condition: Condition, names: Mapping[str, Value], params: Mapping[str, Param], *, gpu: bool
) -> bool:
    """Say whether a group, file, link or output is there with these values."""
    if condition.when or condition.unless:
        for name in condition.all_when:
            if not _met(name, condition, names, params, gpu=gpu):
                return False
        return not any(
            _met(name, condition, names, params, gpu=gpu) for name in condition.all_unless
        )
    for name in condition.named:
        if name == "GPU":
            if not gpu:
                return False
        elif name in params and names.get(name) in (None, ()):
            return False
    return True


def _ranks(adapter: Adapter, values: Values) -> int:
    ranks = values.get(adapter.gpu.ranks, 1) if adapter.gpu.ranks else 1
    return ranks if isinstance(ranks, int) else 1


def _met(
    name: str,
    test: Condition,
    names: Mapping[str, Value],
    params: Mapping[str, Param],
    *,
    gpu: bool,
) -> bool:
    if name in {"gpu", "cpu"} and name not in params:
        return gpu == (name == "gpu")
    value = names.get(name)
    if value is None:
        return False
    if test.suffix:
        return str(value).lower().endswith(tuple(end.lower() for end in test.suffix))
    if test.equals:
        return value in test.equals
    if test.at_least is not None:
        return isinstance(value, (int, float)) and value >= test.at_least
    return value is not False and value not in ("", ())


def _text(value: Scalar, param: Param | None) -> str:
    if isinstance(value, bool):
        return (param.yes if value else param.no) if param else str(value).lower()
    return value if isinstance(value, str) else repr(value)


def _one(mark: Mark, names: Mapping[str, Value], params: Mapping[str, Param]) -> str:
    if mark.name not in names:
        raise TemplateError(
            f"the mark {mark} names nothing that is known here", hint=did_you_mean(mark.name, names)
        )
    value = names[mark.name]
    if value is None:
        raise TemplateError(f"the mark {mark} has no value", hint=f"give `{mark.name}`")
    param = params.get(mark.name)
    if isinstance(value, tuple):
        if mark.part or param is None or param.separator is None:
            raise TemplateError(
                f"the list {mark} stands inside a text",
                hint="let it be an argument of its own, or give the parameter a `separator`",
            )
        return param.separator.join(_text(one, param) for one in value)
    text = _text(value, param)
    return _part(text, mark.part) if mark.part else text


def _part(text: str, part: str) -> str:
    path = PurePosixPath(text)
    if part == "base":
        # Not path.with_suffix(""), which would make an option of `./-x.mrc`.
        return text.rstrip("/").removesuffix(path.suffix) if path.suffix else text
    if part == "dir":
        return str(path.parent)
    return str(getattr(path, part))


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
        self.gpu = bool(self.devices)
        self.gpu_texts: list[str] | None = None

    def command(self) -> Command:
        template = self.adapter.command
        environment = gpu_environment(self.adapter.gpu, self.devices, isolate=self.isolate)
        for name, text in template.env.items():
            environment[name] = self._joined(text)
        lines = self._items(template.stdin)
        if any("\n" in line for line in lines):
            raise TemplateError(
                "a value holds a line break, and the program reads its answers line by line",
                hint="rename the file, or link it under another name",
            )
        return Command(
            argv=tuple(self._items(template.argv)),
            env=environment,
            stdin="".join(f"{line}\n" for line in lines) if template.stdin else None,
            own_directory=template.own_directory,
            files=tuple(
                FileToWrite(name=self._joined(file.name), text=self._joined(file.text))
                for file in self.adapter.file
                if holds(file, self.names, self.adapter.params, gpu=self.gpu)
            ),
            links=tuple(
                LinkToMake(name=self._joined(link.name), target=self._joined(link.target))
                for link in self.adapter.link
                if holds(link, self.names, self.adapter.params, gpu=self.gpu)
            ),
        )

    def _items(self, items: Iterable[str | Group]) -> list[str]:
        filled: list[str] = []
        for item in items:
            if isinstance(item, str):
                filled.extend(self._arguments(item) if "%(" in item else (item,))
            elif holds(item, self.names, self.adapter.params, gpu=self.gpu):
                filled.extend(self._group(item))
        return filled

    def _group(self, group: Group) -> list[str]:
        if self.adapter.gpu.form != "repeat" or "GPU" not in group.named:
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
            if piece.name == "GPU":
                return self._gpus()
            value = self.names.get(piece.name)
            if isinstance(value, tuple) and not piece.part:
                param = self.adapter.params[piece.name]
                if param.separator is None:
                    return [_text(one, param) for one in value]
        return [self._joined(text)]

    def _joined(self, text: str) -> str:
        pieces = split(text)
        if len(pieces) == 1:
            piece = pieces[0]
            return piece if isinstance(piece, str) else self._mark(piece)
        return "".join(piece if isinstance(piece, str) else self._mark(piece) for piece in pieces)

    def _mark(self, mark: Mark) -> str:
        if mark.name != "GPU":
            return _one(mark, self.names, self.adapter.params)
        texts = self._gpus()
        if len(texts) != 1:
            raise TemplateError(
                f"{len(texts)} GPUs stand inside one argument",
                hint="let %(GPU)s be an argument of its own, or choose the form `comma`",
            )
        return texts[0]

    def _gpus(self) -> list[str]:
        if self.gpu_texts is None:
            if not self.devices:
                raise TemplateError(
                    "the mark %(GPU)s is left without a value: the step has no GPU",
                    hint='put it into a group with when = "gpu"',
                )
            self.gpu_texts = gpu_arguments(
                self.adapter.gpu,
                self.devices,
                isolate=self.isolate,
                ranks=_ranks(self.adapter, self.values),
            )
        return self.gpu_texts
