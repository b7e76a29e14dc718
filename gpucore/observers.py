"""Who is told what happens in a run: plugins, and the host that opened it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from gpucore.futures import interrupts
from gpucore.standard.model import Event, Noted

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpucore.plugins import PluginHost

__all__ = ["Observers"]

_LOGGER = logging.getLogger(__name__)


class Observers:
    """Tells everybody who wants to know; no fault of theirs comes back.

    Parameters
    ----------
    plugins : PluginHost
        Its plugins are told first.
    on_event : callable or None
        The host's own observer.
    """

    def __init__(self, plugins: PluginHost, on_event: Callable[[Event], None] | None) -> None:
        self._plugins = plugins
        self._on_event = on_event
        self._lock = threading.Lock()
        self._noted: set[str] = set()

    @property
    def wanted(self) -> bool:
        """Whether anybody wants to know."""
        return self._on_event is not None or self._plugins.is_observed

    def __call__(self, event: Event) -> None:
        """Tell an event."""
        self._plugins.publish(event)
        if self._on_event is not None:
            try:
                self._on_event(event)
            except BaseException:  # an observer cannot harm a run
                if interrupts():
                    raise
                _LOGGER.exception("an observer failed on %s", type(event).__name__)

    def note_once(self, run: str, *texts: str) -> None:
        """Tell notes, but for those that are empty or were told before."""
        for text in texts:
            if not text or text in self._noted:  # as nearly always; no thread waits for another
                continue
            with self._lock:
                if text in self._noted:
                    continue
                self._noted.add(text)
            self(Noted(run=run, text=text))
