"""The hooks that a plugin may implement."""

# mypy: disable-error-code="empty-body"

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins.markers import hookspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.plugins.catalogue import AdapterEntry
    from gpucore.plugins.offers import DeviceSource, EngineSpec
    from gpucore.scheduling.policies import Policy
    from gpucore.standard.adapter import Adapter
    from gpucore.standard.model import Event


@hookspec
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer adapters: what is known of programs.

    Called once for each host, when it loads its plugins; before any run, and whether or not the
    program is installed. Import nothing heavy and look at nothing outside.

    Parameters
    ----------
    None

    Returns
    -------
    Iterable[Adapter]
        Adapters that do not contradict themselves and whose names nobody offers yet.

    Notes
    -----
    All results are used, not the first only.

    Examples
    --------
    .. code-block:: python

        from gpucore.plugins import hookimpl
        from gpucore.standard import Adapter, Example, Param, Program, Template


        @hookimpl
        def gpucore_adapters():
            return [
                Adapter(
                    name="shout",
                    title="echo: say a word",
                    program=Program(executable="echo"),
                    command=Template(argv=("%(EXE)s", "%(word)s")),
                    params={"word": Param(type="string", help="what is said")},
                    example=(Example(params={"word": "hello"}, argv=("echo", "hello")),),
                )
            ]

    .. versionadded:: 0.1.0
    """


@hookspec
def gpucore_adapter_entries() -> Iterable[AdapterEntry]:
    """Offer many adapters by entries: what a list shows of each, and the module that offers it.

    Called once for each host, when it loads its plugins. A module is imported, and its adapter
    proved, only when that adapter is asked for; one that cannot be used then, or is not what its
    entry says, is put in quarantine alone.

    Parameters
    ----------
    None

    Returns
    -------
    Iterable[AdapterEntry]
        Entries of adapters whose names nobody offers yet. Their modules have a
        ``gpucore_adapters`` each, and need no entry points of their own.

    Notes
    -----
    All results are used, not the first only. For a few adapters `gpucore_adapters` is simpler.

    Examples
    --------
    .. code-block:: python

        from gpucore.plugins import AdapterEntry, hookimpl
        from gpucore.standard import GpuUse


        @hookimpl
        def gpucore_adapter_entries():
            return [
                AdapterEntry(
                    name="sharpen",
                    title="sharpen: sharpen a map",
                    use=GpuUse.COMPULSORY,
                    executable="sharpen",
                    module="my_lab.sharpen",
                )
            ]

    .. versionadded:: 0.1.0
    """


@hookspec
def gpucore_device_sources() -> Iterable[DeviceSource]:
    """Offer device sources: where devices come from.

    Called once for each host, when it loads its plugins. No device is looked at then: that is
    the work of the source's ``read``, when it is chosen by ``--devices NAME:ARGUMENT``.

    Parameters
    ----------
    None

    Returns
    -------
    Iterable[DeviceSource]
        Sources whose names nobody offers yet.

    Notes
    -----
    All results are used, not the first only.

    Examples
    --------
    .. code-block:: python

        from gpucore.plugins import DeviceSource, hookimpl
        from gpucore.standard import Device


        def read(argument, environment):
            return [Device(uuid=f"GPU-{uuid}", index=i) for i, uuid in enumerate(argument.split())]


        @hookimpl
        def gpucore_device_sources():
            return [DeviceSource(name="named", title="devices named by hand", read=read)]

    .. versionadded:: 0.1.0
    """


@hookspec
def gpucore_policies() -> Iterable[Policy]:
    """Offer policies: ways to cut a GPU list into the units that steps are given.

    Called once for each host, when it loads its plugins. The cutting is done by the policy's
    ``cut``, once for each run that names it.

    Parameters
    ----------
    None

    Returns
    -------
    Iterable[Policy]
        Policies whose names nobody offers yet.

    Notes
    -----
    All results are used, not the first only.

    Examples
    --------
    .. code-block:: python

        from gpucore.plugins import hookimpl
        from gpucore.scheduling import Policy, cut_pool


        def cut(items, threads, extend):
            return cut_pool(items[:1], threads, extend)


        @hookimpl
        def gpucore_policies():
            return [Policy(name="first", title="take the first GPU of the list only", cut=cut)]

    .. versionadded:: 0.1.0
    """


@hookspec
def gpucore_engines() -> Iterable[EngineSpec]:
    """Offer engines: where programs are started.

    Called once for each host, when it loads its plugins. Nothing is connected to or started
    then: that is the work of the engine's ``open``, when a run names it.

    Parameters
    ----------
    None

    Returns
    -------
    Iterable[EngineSpec]
        Engines whose names nobody offers yet.

    Notes
    -----
    All results are used, not the first only.

    Examples
    --------
    .. code-block:: python

        import time

        from gpucore.plugins import EngineSpec, Exit, hookimpl


        class DryRun:
            def start(self, task):
                prepared, now = task.prepare(), time.time()
                task.begun(prepared)
                task.ended(Exit(code=0, started=now, ended=now, prepared=prepared))

            def stop(self, step):
                pass

            def close(self):
                pass


        @hookimpl
        def gpucore_engines():
            return [EngineSpec(name="dry", title="start nothing", open=lambda workers: DryRun())]

    .. versionadded:: 0.1.0
    """


@hookspec
def gpucore_event(event: Event) -> None:
    """Be told of something that happened in a run.

    Called for every event of every run, on a thread of the executor, while steps wait: return at
    once, and hand longer work to a thread of your own.

    Parameters
    ----------
    event : Event
        `RunStarted`, `StepStarted`, `StepRetried`, `StepEnded`, `Noted`, `DeviceRegarded`,
        `DevicesSeen`, `FilesBehind` or `RunEnded`; frozen.
        Later releases may add kinds of event and fields, so pass over what you do not know.

    Returns
    -------
    None
        Whatever is returned is ignored. A fault in it is logged once and never reaches the run.

    Notes
    -----
    Every plugin is told; none can keep an event from another.

    Examples
    --------
    .. code-block:: python

        import logging

        from gpucore.plugins import hookimpl
        from gpucore.standard import StepEnded


        @hookimpl
        def gpucore_event(event):
            if isinstance(event, StepEnded) and not event.outcome.done:
                logging.getLogger(__name__).warning("step %s failed", event.outcome.step)

    .. versionadded:: 0.1.0
    """
