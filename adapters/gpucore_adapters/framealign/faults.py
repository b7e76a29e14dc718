"""The ways a run of the program can fail, each with its exit code."""

from __future__ import annotations

from typing import ClassVar


class FrameAlignError(Exception):
    """A failure that is told in one line, and ends the program with `exit_code`."""

    exit_code: ClassVar[int] = 1


class ArgumentError(FrameAlignError):
    """The command line is wrong."""

    exit_code = 2


class InputError(FrameAlignError):
    """The movie cannot be read, is cut short, or is not a movie."""

    exit_code = 3


class OutputError(FrameAlignError):
    """A result cannot be written."""

    exit_code = 4


class NoUsableGpuError(FrameAlignError):
    """A GPU was asked for and cannot be had."""

    exit_code = 5


class GpuMemoryError(FrameAlignError):
    """The movie does not fit in the GPU's free memory."""

    exit_code = 6
