"""Proves that a job can run with the adapters that are known; every fault with line and key."""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from gpucore.config.job import Stage
from gpucore.config.rest import all_told
from gpucore.config.watch import watch_faults
from gpucore.errors import AdapterError, GpucoreError, did_you_mean
from gpucore.standard.gpulist import parse_gpu_list
from gpucore.standard.marks import marks
from gpucore.standard.memory import parse_memory
from gpucore.standard.params import check_value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from gpucore.config.job import JobFile, StepTable
    from gpucore.config.places import KeyPath
    from gpucore.config.toml import FileError, TomlFile
    from gpucore.standard.adapter import Adapter
    from gpucore.standard.marks import Mark

__all__ = ["job_faults"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def job_faults(
    job_file: JobFile, adapters: Mapping[str, Adapter], *, policies: Collection[str] = ()
) -> list[GpucoreError]:
    """Return what keeps a job from running, in the order of the file.

    Parameters
    ----------
    job_file : JobFile
        The job.
    adapters : Mapping[str, Adapter]
        All adapters that are known, by name.
    policies : collection of str
        The names of all policies that are known; none given: a job's is not looked at.
    """
    check = _Check(job_file, adapters, policies)
    found: list[FileError] = [*check.run(), *check.names(), *check.cycles(), *check.parts()]
    return [*all_told(job_file.faults, found)]


class _Check:
    """Looks at one job with everything that its checks need."""

    def __init__(
        self, job_file: JobFile, adapters: Mapping[str, Adapter], policies: Collection[str]
    ) -> None:
        self.job = job_file.job
        self.file: TomlFile = job_file.toml
        self.adapters = adapters
        self.policies = policies
        self.placed: list[tuple[KeyPath, Stage | StepTable]] = [
            *((("stage", place), one) for place, one in enumerate(self.job.stage)),
            *((("step", place), one) for place, one in enumerate(self.job.step)),
        ]
        self.known: dict[str, Stage | StepTable] = {}
        for _, part in self.placed:
            self.known.setdefault(part.name, part)

    def run(self) -> Iterator[FileError]:
        run = self.job.run
        try:
            parse_gpu_list(run.gpus or "")
        except GpucoreError as error:
            yield self.file.fault(("run", "gpus"), error.what, error.hint, code=error.code)
        if run.threads is not None and run.threads < 1:
            yield self.file.fault(
                ("run", "threads"), f"{run.threads} threads are none", "1 or more", code="E209"
            )
        if run.policy is not None and self.policies and run.policy not in self.policies:
            yield self.file.fault(("run", "policy"), f"no policy is called `{run.policy}`",
                                  did_you_mean(run.policy, self.policies), code="E218")  # fmt: skip
        if not run.output.strip():
            yield self.file.fault(
                ("run", "output"), "the output folder is empty", 'as in "out"', code="E209"
            )
        if not self.placed:
            yield self.file.fault(
                (), "there is nothing to run", "write a [[stage]] or a [[step]]", code="E216"
            )

    def names(self) -> Iterator[FileError]:
        first: dict[str, KeyPath] = {}
        for at, part in self.placed:
            key = (*at, "name")
            if not _NAME.fullmatch(part.name):
                yield self.file.fault(key, f"`{part.name}` is no name of a {at[0]}",
                                      "letters, digits, `_` and `-`, a letter first",
                                      code="E212")  # fmt: skip
            elif part.name in first:
                line = self.file.place((*first[part.name], "name")).line
                yield self.file.fault(key, f"the name `{part.name}` is taken by line {line}",
                                      "give each stage and step a name of its own",
                                      code="E212")  # fmt: skip
            first.setdefault(part.name, at)

    def cycles(self) -> Iterator[FileError]:
        graph = {name: {one for one in part.before if one in self.known}
                 for name, part in self.known.items()}  # fmt: skip
        while True:
            try:
                TopologicalSorter(graph).prepare()
            except CycleError as error:
                circle = self._circle(error.args[1])
            else:
                return
            at = next(at for at, part in self.placed if part.name == circle[0])
            yield self.file.fault(
                (*at, "after"), f"they wait for each other: {' after '.join(circle)}"
                if len(circle) > 2 else f"`{circle[0]}` waits for itself",  # noqa: PLR2004 - a name twice
                "take one `after` out", code="E213")  # fmt: skip
            graph[circle[0]].discard(circle[1])

    def _circle(self, found: list[str]) -> list[str]:
        """Return a circle of names from the first in the file back to it, each after the next."""
        names = found[:0:-1]
        start = min(range(len(names)), key=lambda at: list(self.known).index(names[at]))
        return [*names[start:], *names[:start], names[start]]

    def parts(self) -> Iterator[FileError]:
        for at, part in self.placed:
            yield from self._after(at, part)
            adapter = self._adapter(part.adapter)
            if isinstance(adapter, GpucoreError):
                yield self.file.fault(
                    (*at, "adapter"), adapter.what, adapter.hint, code=adapter.code
                )
            else:
                yield from self._gpu(at, part, adapter)
                yield from self._params(at, part, adapter)
            if isinstance(part, Stage):
                yield from self._items(at, part)

    def _adapter(self, name: str) -> Adapter | GpucoreError:
        """Return an adapter, or why there is none."""
        try:
            adapter = self.adapters.get(name)
        except GpucoreError as error:  # it is known, and cannot be used
            return error
        if adapter is not None:
            return adapter
        hint = did_you_mean(name, self.adapters)
        return AdapterError(f"unknown adapter `{name}`", hint=hint, code="E401")

    def _after(self, at: KeyPath, part: Stage | StepTable) -> Iterator[FileError]:
        for place, name in enumerate(part.before):
            if name not in self.known:
                key = (*at, "after") if isinstance(part.after, str) else (*at, "after", place)
                others = [one for one in self.known if one != part.name]
                yield self.file.fault(key, f"no stage or step is called `{name}`",
                                      did_you_mean(name, others), code="E214")  # fmt: skip

    def _gpu(self, at: KeyPath, part: Stage | StepTable, adapter: Adapter) -> Iterator[FileError]:
        if not part.use_gpu and adapter.gpu.use.requires_gpu:
            yield self.file.fault((*at, "use_gpu"), f"`{adapter.name}` runs on a GPU only",
                                  "take `use_gpu` out", code="E111")  # fmt: skip
        if part.retries < 0:
            yield self.file.fault((*at, "retries"), f"{part.retries} retries are none",
                                  "0 or more", code="E209")  # fmt: skip
        for name in ("time_limit", "quiet_limit"):
            limit = getattr(part, name)
            if limit is not None and limit <= 0:
                yield self.file.fault((*at, name), f"{limit:g} seconds are no time",
                                      "more than 0; without it there is no limit",
                                      code="E209")  # fmt: skip
        yield from self._memory(at, part, adapter)
        if part.gpus is None:
            return
        key = (*at, "gpus")
        if part.gpus < 1:
            yield self.file.fault(key, f"{part.gpus} GPUs are none",
                                  "1 or more; without a GPU: use_gpu = false",
                                  code="E106")  # fmt: skip
        elif not adapter.gpu.use.uses_gpu(use_gpu=part.use_gpu):
            yield self.file.fault(key, f"`{part.name}` uses no GPU", "take `gpus` out", code="E111")
        elif adapter.gpu.max is not None and part.gpus > adapter.gpu.max:
            yield self.file.fault(key, f"`{adapter.name}` cannot use {part.gpus} GPUs",
                                  f"{adapter.gpu.max} or less", code="E106")  # fmt: skip

    def _memory(
        self, at: KeyPath, part: Stage | StepTable, adapter: Adapter
    ) -> Iterator[FileError]:
        if part.gpu_memory is None:
            return
        key = (*at, "gpu_memory")
        try:
            mib = parse_memory(part.gpu_memory)
        except GpucoreError as error:
            yield self.file.fault(key, error.what, error.hint, code=error.code)
            return
        if mib == 0:
            yield self.file.fault(
                key, f"{part.gpu_memory} are no memory", "take `gpu_memory` out", code="E112"
            )
        elif not adapter.gpu.use.uses_gpu(use_gpu=part.use_gpu):
            yield self.file.fault(
                key, f"`{part.name}` uses no GPU", "take `gpu_memory` out", code="E111"
            )

    def _params(
        self, at: KeyPath, part: Stage | StepTable, adapter: Adapter
    ) -> Iterator[FileError]:
        filled = adapter.item if isinstance(part, Stage) else ""
        if isinstance(part, Stage) and not filled:
            yield self.file.fault(
                (*at, "adapter"), f"`{adapter.name}` has no parameter that a stage can run over",
                "write it as a [[step]]", code="E308")  # fmt: skip
        all_ = f"`gpucore adapters show {adapter.name}`"
        for name, value in part.params.items():
            key = (*at, "params", name)
            if name not in adapter.params:
                yield self.file.fault(key, f"unknown parameter `{name}`",
                                      did_you_mean(name, adapter.params, listed=all_),
                                      code="E301")  # fmt: skip
            elif name == filled:
                yield self.file.fault(
                    key, f"`{name}` is given twice: it is the stage's item",
                    f"take `{name}` out, or write this as a [[step]]", code="E308")  # fmt: skip
            else:
                try:
                    check_value(name, adapter.params[name], value)
                except GpucoreError as error:
                    yield self.file.fault(key, error.what, error.hint, code=error.code)
        for name, param in adapter.params.items():
            if param.required and name != filled and name not in part.params:
                unit = f" [{param.unit}]" if param.unit else ""
                yield self.file.fault((*at, "params"), f"parameter `{name}` is missing",
                                      f"give `{name}`{unit}: {param.help}",
                                      code="E302")  # fmt: skip

    def _items(self, at: KeyPath, stage: Stage) -> Iterator[FileError]:
        data = self._table(at)
        said = [f"`{key}`" for key in ("items", "item", "watch") if key in data]
        if len(said) != 1:
            what = f"both {' and '.join(said)}" if said else "neither `items` nor `item`"
            yield self.file.fault(
                at, f"stage `{stage.name}` has {what}",
                'write items = "folder/*.tif" or item = "%(stage.output)s"',
                code="E215")  # fmt: skip
        elif "items" in data and (not stage.patterns or not all(map(str.strip, stage.patterns))):
            yield self.file.fault((*at, "items"), "`items` names nothing",
                                  'write files or patterns, as in "movies/*.tif"',
                                  code="E215")  # fmt: skip
        yield from self._watch(at, stage)
        if "item" in data:
            found = marks(stage.item)
            if not found:
                yield self.file.fault(
                    (*at, "item"), f"`{stage.item}` has no mark of a stage",
                    "write %(stage.output)s; files are named by `items`", code="E217")  # fmt: skip
            for mark in found:
                yield from self._mark((*at, "item"), stage, mark)

    def _watch(self, at: KeyPath, stage: Stage) -> Iterator[FileError]:
        if stage.watch is not None:
            for key, what, hint in watch_faults(stage.watch):
                yield self.file.fault((*at, "watch", key), what, hint, code="E209")
        if stage.batch is None:
            if stage.batch_wait is not None:
                yield self.file.fault((*at, "batch_wait"), "`batch_wait` is given without `batch`",
                                      "write batch = 16, or take it out", code="E224")  # fmt: skip
            return
        if stage.watch is None and not stage.items:
            yield self.file.fault((*at, "batch"), f"stage `{stage.name}` takes outputs of another "
                                  "one by one",
                                  "take `batch` out: it goes with `items` and `watch`",
                                  code="E224")  # fmt: skip
        if stage.watch is None and stage.batch_wait is not None:
            yield self.file.fault((*at, "batch_wait"), "the files of a batch are all there",
                                  "take `batch_wait` out: it goes with `watch`",
                                  code="E224")  # fmt: skip
        if stage.batch < 1:
            yield self.file.fault((*at, "batch"), f"{stage.batch} files are no batch",
                                  "1 or more", code="E209")  # fmt: skip
        if stage.batch_wait is not None and stage.batch_wait <= 0:
            yield self.file.fault((*at, "batch_wait"), f"{stage.batch_wait:g} seconds are no time",
                                  "more than 0", code="E209")  # fmt: skip
        yield from self._one_at_a_time(at, stage)

    def _one_at_a_time(self, at: KeyPath, stage: Stage) -> Iterator[FileError]:
        adapter = self._adapter(stage.adapter)
        if isinstance(adapter, GpucoreError) or not adapter.item:
            return
        if not adapter.params[adapter.item].many:
            yield self.file.fault(
                (*at, "batch"), f"`{adapter.name}` takes one file at a time",
                "take `batch` out", code="E224")  # fmt: skip

    def _table(self, at: KeyPath) -> Mapping[str, object]:
        tables = self.file.data[str(at[0])]
        table = tables[int(at[1])] if isinstance(tables, list) else {}
        return table if isinstance(table, dict) else {}

    def _mark(self, key: KeyPath, stage: Stage, mark: Mark) -> Iterator[FileError]:
        source = self.known.get(mark.name)
        stages = [one.name for one in self.job.stage if one.name != stage.name]
        if not isinstance(source, Stage) or source.name == stage.name:
            yield self.file.fault(key, f"the mark {mark} names no other stage",
                                  did_you_mean(mark.name, stages), code="E214")  # fmt: skip
            return
        if mark.name not in stage.before:
            yield self.file.fault(key, f"the mark {mark} names a stage that is not in `after`",
                                  f'write after = "{mark.name}"', code="E217")  # fmt: skip
        adapter = self._adapter(source.adapter)
        if isinstance(adapter, GpucoreError):
            return
        outputs = dict.fromkeys((*adapter.output_params, *(one.name for one in adapter.output)))
        if mark.part not in outputs:
            hint = did_you_mean(mark.part, outputs) if mark.part else (
                f"write %({mark.name}.{next(iter(outputs), 'output')})s")  # fmt: skip
            yield self.file.fault(
                key, f"the mark {mark} names no output of `{adapter.name}`", hint, code="E217"
            )  # fmt: skip
