"""Proves that what an adapter says of its GPUs does not contradict itself or its command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.errors import AdapterError, did_you_mean
from gpucore.standard.command import Group
from gpucore.standard.marks import marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpucore.standard.adapter import Adapter

__all__ = ["gpu_faults"]

_OURS = {
    "CUDA_DEVICE_ORDER",
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
}


def gpu_faults(adapter: Adapter, texts: Iterable[str]) -> Iterator[AdapterError]:
    """Yield what is wrong with the GPUs.

    Parameters
    ----------
    adapter : Adapter
        The program.
    texts : iterable of str
        Every template that is filled for a step.
    """
    gpu = adapter.gpu
    found = [mark for text in texts for mark in marks(text) if mark.name == "GPU"]
    listed = any(not mark.part for mark in found)
    if gpu.use.allows_gpu and gpu.form != "none" and not listed:
        yield _fault("gpu.form", f"the form is `{gpu.form}`, but the command has no %(GPU)s",
                     'put the mark where the GPUs belong, or write form = "none"')  # fmt: skip
    if (listed and gpu.form == "none") or (found and not gpu.use.allows_gpu):
        yield _fault("command.argv", "the command has %(GPU)s, but the program is told of no GPU",
                     "give `use` and `form` in [gpu], or take the mark out")  # fmt: skip
    for name in _OURS.intersection(adapter.command.env):
        yield _fault(f"command.env.{name}", f"{name} is set by the standard, to agree with %(GPU)s",
                     'take it out; ids = "visible" in [gpu] hides the other GPUs')  # fmt: skip
    yield from _number_faults(adapter)
    yield from _mask_faults(adapter)
    yield from _rank_faults(adapter)
    if gpu.form == "repeat":
        yield from _repeat_faults(adapter)


def _fault(where: str, what: str, hint: str = "") -> AdapterError:
    return AdapterError(what, hint=hint, where=where, code="E403")


def _number_faults(adapter: Adapter) -> Iterator[AdapterError]:
    gpu = adapter.gpu
    if gpu.max is not None and gpu.max < 1:
        yield _fault("gpu.max", f"{gpu.max} GPUs are none", "1 or more")
    if gpu.memory is not None and gpu.memory < 1:
        yield _fault("gpu.memory", f"{gpu.memory} MiB are no memory",
                     "1 or more, or leave it out where nothing is known")  # fmt: skip
    if gpu.changes_result and gpu.max == 1 and not gpu.ranks:
        yield _fault("gpu.changes_result", "more GPUs change the result, but it uses one alone",
                     "take one of `changes_result` and `max` out")  # fmt: skip
    for name in gpu.memory_params:
        if name not in adapter.params:
            yield _fault("gpu.memory_params", f"`{name}` is no parameter",
                         did_you_mean(name, adapter.params))  # fmt: skip
    keys = ("memory", "memory_note", "memory_params", "changes_result")
    said = [key for key in keys if getattr(gpu, key)]
    if said and not gpu.use.allows_gpu:
        yield _fault(f"gpu.{said[0]}", "the program uses no GPU",
                     f"take {', '.join(said)} out, or say `use`")  # fmt: skip


def _mask_faults(adapter: Adapter) -> Iterator[AdapterError]:
    gpu = adapter.gpu
    if gpu.sees_one and gpu.max != 1:
        yield _fault("gpu.sees_one", "it must see one GPU, but may be given more", "write max = 1")
    for key in ("sees_one", "overwrites_mask"):
        if getattr(gpu, key) and not gpu.use.allows_gpu:
            yield _fault(f"gpu.{key}", "the program uses no GPU", "take it out, or say `use`")
    if gpu.sees_one and not gpu.isolation:
        yield _fault("gpu.sees_one", "it must see one GPU, but bears no mask that hides the others",
                     "take one of `sees_one` and `isolation` out")  # fmt: skip
    if not gpu.overwrites_mask:
        return
    if gpu.sees_one:
        yield _fault("gpu.overwrites_mask", "a mask of one GPU would be overwritten",
                     "take one of `sees_one` and `overwrites_mask` out")  # fmt: skip
    if gpu.form in {"count", "none"}:
        yield _fault("gpu.overwrites_mask", f"with the form `{gpu.form}` it is told of no GPU that "
                     "it could put into a mask of its own",
                     "give the form of its option, or keep it from overwriting")  # fmt: skip
    if gpu.ids != "host":
        yield _fault("gpu.ids", f"it overwrites the mask, so that ids = \"{gpu.ids}\" would mean "
                     "other GPUs", 'ids = "host"')  # fmt: skip


def _rank_faults(adapter: Adapter) -> Iterator[AdapterError]:
    gpu = adapter.gpu
    if gpu.ranks and gpu.form != "colon":
        yield _fault("gpu.ranks", f"ranks have no meaning for the form `{gpu.form}`",
                     'write form = "colon", or take `ranks` out')  # fmt: skip
    if gpu.ranks:
        param = adapter.params.get(gpu.ranks)
        if param is None or param.type != "int":
            yield _fault("gpu.ranks", f"`{gpu.ranks}` is no whole-number parameter",
                         did_you_mean(gpu.ranks, adapter.params))  # fmt: skip
    elif gpu.leader:
        yield _fault("gpu.leader", "a leader without ranks", "name the parameter of the MPI ranks")


def _repeat_faults(adapter: Adapter) -> Iterator[AdapterError]:
    for item in adapter.command.argv:
        if isinstance(item, Group):
            continue
        if any(mark.name == "GPU" and not mark.part for mark in marks(item)):
            yield _fault("command.argv", "the form is `repeat`, but %(GPU)s stands in no group: "
                         "there is nothing to repeat",
                         'write { args = ["--flag", "%(GPU)s"] }')  # fmt: skip
