"""What a host application opens: submit steps, get futures; or lease devices. Thread-safe."""

from __future__ import annotations

import atexit
import os
import threading
from functools import partial
from typing import TYPE_CHECKING

from gpucore.admission import Admission
from gpucore.dispatch import Dispatch
from gpucore.errors import NeedError
from gpucore.futures import StepFuture
from gpucore.lease import Lease, open_lease
from gpucore.observers import Observers
from gpucore.opening import Beginning, surroundings
from gpucore.ownership import Process
from gpucore.planning import check_asked
from gpucore.scheduling import Cancelled, Drained
from gpucore.settings import Settings, read_settings
from gpucore.standard.model import Event, RunEnded, StepState
from gpucore.standard.step import NO_LIMITS, Limits
from gpucore.submissions import Submissions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from gpucore.config import SiteConfig
    from gpucore.errors import GpucoreError
    from gpucore.planning import Plan
    from gpucore.plugins import PluginHost
    from gpucore.provision import Provision
    from gpucore.standard.adapter import Adapter

__all__ = ["StepExecutor", "StepFuture"]

_LAST_SECONDS = 5.0
"""How long a host that ends waits for the end of programs that were killed."""


class StepExecutor:
    """Runs steps on the GPUs that a list gives; opened with `open`, closed by ``with``."""

    def __init__(
        self,
        settings: Settings,
        provision: Provision,
        *,
        output: str | None = None,
        journal: bool = False,
        resume: bool = False,
        kill_orphans: bool = False,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self.plugins = settings.plugins
        engine = self.plugins.engine(settings.config.engine)
        around = surroundings(settings, output)
        around.kill_orphans = kill_orphans
        self.provision = provision
        self.run = around.run
        self._around = around
        self._tell = Observers(self.plugins, on_event)
        around.note = partial(self._tell.note_once, around.run)
        self._admission = Admission(settings, provision, around, self._tell)
        self._engine = engine.open(provision.workers)
        self._dispatch = Dispatch(provision.machine(), self._engine, around, self._tell)
        self._begin = Beginning(
            around,
            settings,
            provision,
            self._dispatch,
            self._tell,
            output=output if journal or resume else None,
            resume=resume,
        )
        self._submissions = Submissions(
            self._admission, around, self._dispatch, self._begin, output or ""
        )
        self._closed = False
        self._closing = threading.Lock()
        # A host that ends without closing leaves no program of ours behind.
        self._process = Process()
        atexit.register(self._end_with_host)

    @classmethod
    def open(  # noqa: PLR0913 - each is a setting of its own
        cls,
        *,
        gpus: str | None = None,
        threads: int | None = None,
        output: str | os.PathLike[str] | None = None,
        devices: str | None = None,
        adapters: Iterable[Adapter | str | os.PathLike[str]] = (),
        config: SiteConfig | str | os.PathLike[str] | None = None,
        policy: str | None = None,
        sharing: str | None = None,
        isolate: bool | None = None,
        checksum: bool | None = None,
        root: str | os.PathLike[str] | None = None,
        plugins: PluginHost | None = None,
        journal: bool = False,
        resume: bool = False,
        on_event: Callable[[Event], None] | None = None,
    ) -> StepExecutor:
        """Open an executor; what is not given comes from the site's configuration.

        Parameters
        ----------
        gpus : str
            The GPU list, as in the standard: ``"0 1"``, ``"0-3"``, ``"auto"``, ``""`` for none.
        threads : int
            Threads, the master counted: T threads run T - 1 steps at once. By default there is a
            worker for each place of the list.
        output : path
            Where outputs lie that are not given a path, and the run's logs (in ``.gpucore``).
            Without it such outputs lie in ``root``, and the logs in a temporary folder.
        devices : str
            Where devices come from: ``"nvml"``, ``"simulated:4"``, or a plugin's.
        adapters : iterable
            Adapters beside the installed ones: values, TOML files, or folders of these.
        config : SiteConfig or path
            The site's configuration, or a file that counts above the site's own.
        policy, sharing, isolate, checksum
            As in ``gpucore.toml``.
        root : path
            Relative paths are below it, and programs run in it; by default the working directory.
        plugins : PluginHost
            What was loaded already.
        journal : bool
            Whether each step's start and end are on disk before its program starts and before its
            future is resolved, in ``output``. One run at a time can keep a folder's journal.
        resume : bool
            ``journal``, and whether a step of the same name, command and files that an earlier run
            of the same ``output`` has done counts as done. Programs that outlived an earlier host
            are waited for, not started twice.
        on_event : callable
            Told of every event, on whichever thread it happens; what it raises is dropped.

        Raises
        ------
        GpuListError, DeviceError
            When the list cannot be read or met.
        GpucoreError
            For faults in the configuration or in adapter files.
        """
        settings = read_settings(
            {
                "gpus": gpus,
                "threads": threads,
                "devices": devices,
                "policy": policy,
                "sharing": sharing,
                "isolate": isolate,
                "checksum": checksum,
            },
            config=config,
            root=root,
            adapters=adapters,
            plugins=plugins,
        )
        return cls(
            settings,
            settings.provide(),
            output=None if output is None else os.fspath(output),
            journal=journal,
            resume=resume,
            on_event=on_event,
        )

    def submit(
        self,
        adapter: str | Adapter,
        *,
        name: str | None = None,
        after: Sequence[StepFuture] = (),
        use_gpu: bool = True,
        gpus: int | None = None,
        memory: str | int | None = None,
        limits: Limits = NO_LIMITS,
        priority: int = 0,
        **params: object,
    ) -> StepFuture:
        """Submit one step.

        Parameters
        ----------
        adapter : str or Adapter
            The program.
        name : str
            The step's name; adapter and number by default.
        after : sequence of futures
            Steps of this executor that must be done first; if one is not, this one is skipped.
        use_gpu : bool
            The standard's ``USE_GPU``.
        gpus : int
            GPUs it asks for, all at once; a slot by default.
        memory : str or int
            What each of its devices must have free, as ``"12 GiB"`` or in MiB.
        limits : Limits
            How long it may take, and how often it is tried again.
        priority : int
            Of the steps that could start, those of the highest do, in the order of submission.
        **params
            The program's parameters.

        Returns
        -------
        StepFuture
            A `concurrent.futures.Future`; its result is an `Outcome`. A step that fails or is
            skipped raises `StepError`.

        Raises
        ------
        AdapterError, ParameterError, ProgramError, DeviceError, NeedError, Faults
            Before anything is started.
        """
        self._refuse_when_closed()
        check_asked(gpus, priority)
        return self._submissions.step(
            self._adapter(adapter),
            params,
            name=name,
            after=after,
            use_gpu=use_gpu,
            gpus=gpus,
            memory=memory,
            limits=limits,
            priority=priority,
        )

    def submit_plan(self, plan: Plan) -> None:
        """Submit every step of a plan, without futures: a million of them cost little memory.

        Raises
        ------
        ProgramError, DeviceError, NeedError
            Before anything is started.
        """
        self._refuse_when_closed()
        self._submissions.plan(plan)

    def lease(
        self,
        adapter: str | Adapter | None = None,
        *,
        gpus: int | None = None,
        timeout: float | None = None,
    ) -> Lease:
        """Wait for devices and hold them until the lease is given back.

        Parameters
        ----------
        adapter : str or Adapter
            The program that the host will start; its GPU form makes ``lease.command``.
        gpus : int
            How many; a slot by default.
        timeout : float
            Seconds to wait; for ever by default.

        Raises
        ------
        TimeoutError
            When they did not become free in time.
        NeedError, DeviceError
            When there will never be so many.
        """
        self._refuse_when_closed()
        known = None if adapter is None else self._adapter(adapter)
        need = self._admission.lease_need(known, gpus)
        self._begin()
        return open_lease(self._dispatch, self._around, known, need, timeout)

    def check(self, adapter: Adapter, *, use_gpu: bool) -> None:
        """Refuse an adapter that cannot run here, before anything is started.

        Raises
        ------
        ProgramError
            When its program is not found, or what it is started through (a module, a conda
            environment, a container's engine).
        DeviceError
            When it needs a GPU and the run has none.
        """
        self._admission.check(adapter, use_gpu=use_gpu)

    def cancel(self, future: StepFuture) -> None:
        """Cancel one step; if it runs, its program is ended."""
        if self._process.is_this:
            self._dispatch.handle(Cancelled(future.number))

    def stop(self, *, now: bool = False) -> None:
        """Start nothing new, and end what runs: TERM, ten seconds, KILL; or KILL at once."""
        if not self._closed and self._process.is_this:
            self._dispatch.stop(now=now)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no step is left; return whether that is so."""
        return self._dispatch.wait(timeout)

    @property
    def folder(self) -> Path:
        """The run's own folder, made when it is first needed: ``log`` in it holds all output."""
        return self._around.folder.path

    @property
    def halted(self) -> GpucoreError | None:
        """Why the run ended before its time: no device is left to it, say; None: it did not."""
        return self._around.halted

    @property
    def counts(self) -> Mapping[StepState, int]:
        """Steps that ended so far, by state."""
        return dict(self._dispatch.counts)

    def close(self) -> None:
        """Wait for every step, and let the threads go. A second time does nothing."""
        if self._closed or not self._process.is_this:
            return
        try:
            self.wait()
        except BaseException:  # Ctrl-C: programs do not outlive the `with` block
            self.stop()
            self.wait()
            raise
        finally:
            # Whoever submits, or waits for a lease, in this very moment is told that it is over.
            self._dispatch.handle(Drained())
            self.wait()
            self._let_go()

    def __enter__(self) -> StepExecutor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.stop()
        self.close()

    def _let_go(self) -> None:
        with self._closing:  # of the threads that close it at once, one does
            if self._closed:
                return
            self._closed = True
            if self._around.monitor is not None:
                self._around.monitor.close()
            self._engine.close()
            self._dispatch.close()
            if self._around.leases is not None:
                self._around.leases.close()
            atexit.unregister(self._end_with_host)
            if self._around.record is not None:
                reason = "it was stopped" if self._around.stopping else ""
                self._around.record.close(self.counts, reason)
            self._tell(RunEnded(run=self.run, counts=self.counts))

    def _end_with_host(self) -> None:
        if self._process.is_this:
            self.stop(now=True)
            self.wait(_LAST_SECONDS)

    def _adapter(self, adapter: str | Adapter) -> Adapter:
        return self.plugins.adapter(adapter) if isinstance(adapter, str) else adapter

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise NeedError("the executor is closed", hint="use it inside `with`", code="E704")
        self._process.refuse_others("the executor")
