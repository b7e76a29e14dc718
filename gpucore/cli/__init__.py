"""The command line: one verb, one file. `main` is its entry point."""

from gpucore.cli.entry import main

__all__ = ["main"]
