"""The command line: one verb, one file. `run` is its entry point."""

from gpucore.cli.entry import main, run

__all__ = ["main", "run"]
