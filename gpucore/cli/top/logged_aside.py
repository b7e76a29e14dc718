"""What is logged while the screen is drawn: shown by the view, and never written across it."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from gpucore.cli.terminal import clean, talk

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["LoggedAside"]

_LOGGERS = ("gpucore", "gpucore_adapters")
_KEPT = 5


class LoggedAside(logging.Handler):
    """Keeps warnings, each once; said when the terminal is given back.

    Attributes
    ----------
    texts : tuple of str
        The latest.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: tuple[str, ...] = ()
        self._before: list[tuple[logging.Logger, list[logging.Handler]]] = []

    def __enter__(self) -> LoggedAside:
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            self._before.append((logger, logger.handlers[:]))
            for other in logger.handlers[:]:
                logger.removeHandler(other)
            logger.addHandler(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for logger, before in self._before:
            logger.removeHandler(self)
            for one in before:
                logger.addHandler(one)
        with suppress(OSError):  # the terminal may be gone
            for text in self.texts:
                talk(f"warning: {text}")

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        try:
            text = clean(record.getMessage())
        except Exception:  # noqa: BLE001 - as logging's own handlers do
            return
        if text not in self.texts:
            self.texts = (*self.texts, text)[-_KEPT:]
