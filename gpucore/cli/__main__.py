"""``python -m gpucore.cli``: the same as the command ``gpucore``."""

from gpucore.cli import run

raise SystemExit(run())
