"""gpucore-framealign: align the frames of a movie and average them."""

from __future__ import annotations

import argparse
import math
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from .alignment import Alignment, Settings, align
from .devices import Cpu, gpu_faults, open_gpus
from .faults import ArgumentError, FrameAlignError, InputError, OutputError
from .movie import publish, read_movie, write_average, write_shifts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .alignment import Frames

VERSION = "0.1.0"

_EPILOG = """\
Shifts are in pixels, x along columns and y along rows: what was applied to each frame to bring it
onto the first. The specimen moved the opposite way.

Exit codes: 0 done, 2 wrong arguments, 3 the movie is unreadable, truncated or not a movie,
4 an output cannot be written, 5 no usable GPU, 6 the GPU is out of memory.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code (see ``--help``).

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; by default those of this process.
    """
    try:
        _run(_parser().parse_args(argv))
    except FrameAlignError as fault:
        sys.stderr.write(f"framealign: error: {fault}\n")
        return fault.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _run(options: argparse.Namespace) -> None:
    _check(options)
    # GPUs first: a missing one is told at once, and not after minutes of reading.
    # A simulated GPU (GPUCORE_SIMULATED, set by gpucore) cannot compute: the CPU does, and says so.
    simulated = bool(options.gpu and os.environ.get("GPUCORE_SIMULATED"))
    devices = open_gpus(options.gpu) if options.gpu and not simulated else [Cpu()]
    frames, header_pixel_size = read_movie(options.input)
    pixel_size = options.pixel_size or header_pixel_size
    if pixel_size is None:
        raise ArgumentError(f"{options.input} has no pixel size in its header; give --pixel-size")
    settings = Settings(
        pixel_size=pixel_size,
        upsample=options.upsample,
        bfactor=options.bfactor,
        iterations=options.iterations,
    )

    def compute() -> Alignment:
        return align(frames, devices, settings, _reporter(options.iterations))

    if options.gpu and not simulated:
        with gpu_faults():
            result = compute()
    else:
        result = _on_cpu(compute, options.input, frames)
    writers = {options.out: partial(write_average, image=result.average, pixel_size=pixel_size)}
    if options.shifts:
        # The average comes last: who finds it finds the shifts too.
        writers = {options.shifts: partial(write_shifts, shifts=result.shifts), **writers}
    publish(writers)
    used = f"GPU {' '.join(str(index) for index in options.gpu)}" if options.gpu else "CPU"
    _say(f"device: {used}{' (simulated; the CPU computed)' if simulated else ''}")
    _say(f"done: {len(frames)} frames, total drift {result.total_drift:.2f} pixels")


def _on_cpu(compute: Callable[[], Alignment], path: Path, frames: Frames) -> Alignment:
    try:
        return compute()
    except MemoryError as fault:
        need = 8 * frames.size / 2**30
        raise InputError(f"{path} is too large for memory: it needs {need:.1f} GiB") from fault


def _reporter(iterations: int) -> Callable[[int, float], None]:
    def report(iteration: int, change: float) -> None:
        _say(f"iteration {iteration} of {iterations}: largest change {change:.2f} pixels")

    return report


def _say(line: str) -> None:
    # Flushed, so that whoever reads along sees each line when it is true.
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _check(options: argparse.Namespace) -> None:
    """Refuse what cannot work before minutes are spent on it."""
    outputs = [path for path in (options.out, options.shifts) if path is not None]
    if len({path.resolve() for path in (options.input, *outputs)}) <= len(outputs):
        raise ArgumentError("--in, --out and --shifts must be different files")
    if len(set(options.gpu)) < len(options.gpu):
        raise ArgumentError(f"--gpu names a GPU twice: {' '.join(map(str, options.gpu))}")
    for path in outputs:
        if path.is_dir():
            raise OutputError(f"cannot write {path}: it is a folder")
        if not path.parent.is_dir():
            raise OutputError(f"cannot write {path}: there is no folder {path.parent}")


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are told as the program's other errors are: in one line."""

    def error(self, message: str) -> NoReturn:
        raise ArgumentError(f"{message} (see {self.prog} --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="gpucore-framealign",
        description="Align the frames of a movie by cross-correlation and average them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--in", dest="input", type=Path, required=True, metavar="MOVIE.mrc", help="MRC movie")
    add("--out", type=Path, required=True, metavar="AVERAGE.mrc", help="float32 MRC image")
    add("--shifts", type=Path, metavar="SHIFTS.tsv", help="table of frame, x_pixels, y_pixels")
    add("--pixel-size", type=_positive, metavar="ANGSTROM", help="default: as the header says")
    add(
        "--upsample",
        type=_whole(1),
        default=20,
        metavar="N",
        help="find shifts to 1/N pixel (default 20)",
    )
    add(
        "--bfactor",
        type=_not_negative,
        default=150.0,
        metavar="ANGSTROM^2",
        help="low-pass on each transform, exp(-B k^2/4) (default 150)",
    )
    add(
        "--iterations",
        type=_whole(1),
        default=3,
        metavar="N",
        help="rounds at most; ends when no frame moves by 0.05 pixel (default 3)",
    )
    add(
        "--gpu",
        type=_whole(0),
        nargs="+",
        default=[],
        metavar="N",
        help="GPUs to use, by CUDA index; frames are divided among them (default: the CPU)",
    )
    add("--version", action="version", version=f"gpucore-framealign {VERSION}")
    return parser


def _positive(text: str) -> float:
    value = _not_negative(text)
    if value == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not more than 0")
    return value


def _not_negative(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (0 <= value < math.inf):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 0 or more")
    return value


def _whole(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of {least} or more")
        return int(text)

    return parse


if __name__ == "__main__":
    sys.exit(main())
