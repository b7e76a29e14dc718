"""Names of files for programs that put them into a line for a shell, without quotes."""

from __future__ import annotations

__all__ = ["PLAIN_NAME"]

PLAIN_NAME = r"[^\s\"'`$\\;&|<>()*?\[\]{}#~!]*"
"""A name in which no shell reads anything but itself."""
