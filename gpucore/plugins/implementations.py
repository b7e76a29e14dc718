"""Finds a plugin's hook implementations, and refuses those that could never work."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from pluggy import PluginValidationError

from gpucore.errors import PluginError, did_you_mean
from gpucore.plugins import hookspecs
from gpucore.plugins.faults import one_line

if TYPE_CHECKING:
    from pluggy import HookImpl, PluginManager

__all__ = ["EVENT", "HOOKS", "implementations"]

HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("gpucore_"))
EVENT = "gpucore_event"


def implementations(manager: PluginManager, plugin: object, key: str) -> list[tuple[str, HookImpl]]:
    """Register a plugin and return its implementations with the hooks' names.

    A caller that gets an error unregisters ``key``.

    Raises
    ------
    PluginError
        When it implements no hook, an unknown one, or one in a way that cannot be called.
    """
    _check_object(manager, plugin)
    try:
        manager.register(plugin, key)
    except PluginValidationError as error:
        raise PluginError(
            one_line(error),
            hint="a hook may ask for fewer arguments than its spec, not for others",
            code="E452",
        ) from error
    found = [
        (caller.name, one)
        for caller in manager.get_hookcallers(plugin) or ()
        for one in caller.get_hookimpls()
        if one.plugin is plugin
    ]
    for hook, one in found:
        _check(hook, one)
    known = [(hook, one) for hook, one in found if hook in HOOKS]
    _check_unmarked(plugin, {hook for hook, _ in known})
    if not known:
        raise PluginError(
            "it implements no hook",
            hint=f"mark a function with @hookimpl; the hooks are {', '.join(HOOKS)}",
            code="E452",
        )
    return known


def _check_object(manager: PluginManager, plugin: object) -> None:
    if inspect.isclass(plugin):
        raise PluginError(
            f"its entry point names the class `{plugin.__name__}`",
            hint="name an instance of it",
            code="E452",
        )
    if plugin is None or inspect.isroutine(plugin):
        raise PluginError(
            f"its entry point names {_word(plugin)}",
            hint="name the module that holds the hooks",
            code="E452",
        )
    twin = manager.get_name(plugin)
    if twin is not None:
        raise PluginError(
            f"it is the same object as the plugin `{twin}`",
            hint="leave one of the entry points",
            code="E452",
        )


def _word(plugin: object) -> str:
    return "None" if plugin is None else f"the function `{getattr(plugin, '__name__', '?')}`"


def _check(hook: str, one: HookImpl) -> None:
    place = _place(one)
    if hook not in HOOKS:
        if not one.optionalhook:
            raise PluginError(
                f"`{hook}` is no hook of this gpucore",
                hint=f"{did_you_mean(hook, HOOKS)} @hookimpl(optionalhook=True) passes over it",
                where=place,
                code="E452",
            )
        return
    if one.wrapper or one.hookwrapper:
        raise PluginError(
            f"`{hook}` is marked as a wrapper, and nobody wraps another plugin's answer here",
            hint="write @hookimpl without `wrapper`",
            where=place,
            code="E452",
        )
    if inspect.iscoroutinefunction(one.function) or inspect.isasyncgenfunction(one.function):
        raise PluginError(
            f"`{hook}` is asynchronous",
            hint="write `def`, not `async def`",
            where=place,
            code="E452",
        )
    if hook == EVENT and inspect.isgeneratorfunction(one.function):
        raise PluginError(
            f"`{hook}` holds a `yield`, so calling it would do nothing",
            hint="take the `yield` out",
            where=place,
            code="E452",
        )


def _check_unmarked(plugin: object, marked: set[str]) -> None:
    for hook in HOOKS:
        if hook not in marked and inspect.isroutine(getattr(plugin, hook, None)):
            raise PluginError(
                f"`{hook}` is not marked, so it would never be called",
                hint="write @hookimpl above it",
                code="E452",
            )


def _place(one: HookImpl) -> str:
    code = getattr(one.function, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else ""
