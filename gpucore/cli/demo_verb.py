"""``gpucore demo``: the main job on synthetic movies whose drift is known."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpucore.cli.manner import remark
from gpucore.cli.options import as_json, settings_of
from gpucore.cli.terminal import clean, print_json, print_table
from gpucore.errors import ConfigError, ProgramError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["command"]

MOVIES = 8
SIZE = 256


@click.command("demo")
@click.option(
    "-o",
    "--output",
    default="gpucore-demo",
    show_default=True,
    metavar="DIR",
    help="Folder for the movies and the outputs.",
)
@click.option("--gpus", metavar="LIST", help="GPUs of the run; auto with --devices.")
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="T",
    help="Threads, the master counted.",
)
@click.option("--devices", metavar="SOURCE", help="simulated:2 shows GPU placement anywhere.")
@as_json
def command(
    *, output: str, gpus: str | None, threads: int, devices: str | None, json_: bool
) -> int:
    """Align eight synthetic movies and compare with what is known."""
    from gpucore.cli.session import run_plan, without_needless_gpus  # noqa: PLC0415
    from gpucore.planning import plan_map  # noqa: PLC0415

    if not output.strip():
        raise ConfigError("the output folder is empty", hint="name one: -o DIR", code="E209")
    synthetic = _synthetic()
    folder = Path(output)
    settings = settings_of({"gpus": gpus, "threads": threads, "devices": devices})
    settings.provide()  # GPUs that are not there are told before any movie is made
    movies = folder / "movies"
    try:
        movies.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise ConfigError(
            f"the folder `{folder}` cannot be written ({fault.strerror})",
            hint="name another: -o DIR",
            code="E261",
        ) from fault
    remark(f"making {MOVIES} movies of 12 frames with known drift in {clean(str(movies))}")
    truth = {}
    for number in range(1, MOVIES + 1):
        path = movies / f"movie{number}.mrc"
        truth[path.stem] = synthetic.make_movie(path, seed=number, size=SIZE)
    plan = plan_map(
        settings.plugins.adapter("framealign"),
        [str(movies / f"{name}.mrc") for name in truth],
        {},
        output=str(folder / "aligned"),
        root=settings.root,
    )
    settings = without_needless_gpus(settings, plan)
    status = run_plan(settings, plan, output=str(folder / "aligned"))
    rows = []
    for planned in plan.steps:
        out, shifts = (str(planned.step.own[name]) for name in ("out", "shifts"))
        if Path(shifts).exists():
            name = Path(str(planned.step.own["movie"])).stem
            drift = truth[name]
            error = synthetic.rms_error(synthetic.read_drift(Path(shifts)), drift)
            still = synthetic.rms_error(0 * drift, drift)
            rows.append((name, float(still), float(error), out))
    if json_:
        named = [dict(zip(("movie", "drift", "error", "output"), row, strict=True)) for row in rows]
        print_json("demo", {"folder": output, "exit_code": status, "movies": named})
        return status
    print_table(
        ("movie", "drift (pixels)", "error after alignment (pixels)", "output"),
        [(name, f"{still:.2f}", f"{error:.3f}", out) for name, still, error, out in rows],
    )
    remark("drift and error are root mean squares over the frames of a movie")
    return status


def _synthetic() -> ModuleType:
    try:
        return importlib.import_module("gpucore_adapters.framealign.synthetic")
    except ModuleNotFoundError as error:
        raise ProgramError(
            f"the demo needs {error.name}, which is not installed",
            hint="pip install 'gpucore-framework[framealign]'",
            code="E507",
        ) from error
