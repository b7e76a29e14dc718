"""RELION aligns movies while others are made, and its hosts are killed meanwhile."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import mrcfile
import pytest
from command_line import environment
from real_programs import require

from gpucore.standard import StepState
from gpucore.system.journal_reading import read_journal
from gpucore.system.journal_steps import recorded_attempts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MOVIES = 24
KILLS = 4
ROOT_MAY_RUN_MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}

WRITER = f"""
import sys
from pathlib import Path
from gpucore_adapters.framealign.synthetic import make_movie

folder = Path(sys.argv[1])
for number in range({MOVIES}):
    place = folder / f"m{{number:02d}}.mrc"
    if number % 2:
        make_movie(folder / "whole.part", seed=number, size=256, frames=6)
        (folder / "whole.part").rename(place)
    else:
        make_movie(folder / ".made.mrc", seed=number, size=256, frames=6)
        data = (folder / ".made.mrc").read_bytes()
        with place.open("wb", buffering=0) as file:
            for start in range(0, len(data), 1 << 16):
                file.write(data[start:start + (1 << 16)])
    print(place.name, flush=True)
(folder / "STOP").touch()
"""


def watcher(folder: Path, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a host that watches the folder; each of its lines says that a movie is done."""
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "gpucore.cli", "map", "relion_motioncorr"),
            *("--watch", "movies", "--pattern", "*.mrc", "--marker", "STOP", "-o", "out"),
            *("--gpus", "", "--threads", "3", "--set", "pixel_size=0.885"),
        ],
        cwd=folder,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@pytest.mark.slow
def test_every_movie_is_aligned_once_while_others_are_written_and_hosts_are_killed(
    tmp_path: Path,
) -> None:
    require("relion_run_motioncorr", "apt-get install -y --no-install-recommends relion")
    (tmp_path / "movies").mkdir()
    variables = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), **ROOT_MAY_RUN_MPI}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "movies")],
        stdout=subprocess.PIPE,
        env=environment(**variables),
    ) as writer:
        for _ in range(KILLS):
            with watcher(tmp_path, variables) as host:
                assert host.stderr is not None
                for line in host.stderr:
                    if b"] done " in line:
                        break
                host.kill()
        with watcher(tmp_path, variables) as host:
            _, told = host.communicate()
        assert host.returncode == 0, told.decode()
        assert writer.wait() == 0
    names = {f"m{number:02d}" for number in range(MOVIES)}
    made = {path.name for path in (tmp_path / "out").glob("*_aligned.mrc")}
    assert made == {f"{name}_aligned.mrc" for name in names}
    for name in made:
        assert mrcfile.read(tmp_path / "out" / name).shape == (256, 256)
    assert endings(tmp_path / "out") == dict.fromkeys(names, 1)


def endings(output: Path) -> dict[str, int]:
    """Return how often each movie's step was done, by what the journal has on record."""
    state = read_journal(output, output.parent)
    return {
        name.removeprefix("relion_motioncorr/"): sum(
            one.finished is not None and one.finished.state is StepState.DONE
            for one in recorded_attempts(state, name)
        )
        for name in state.steps
    }
