"""``demo``: the main job on synthetic movies whose drift is known."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from command_line import environment, everything_below, run_apart
from jsonschema import Draft202012Validator

from gpucore.cli.json_forms import document_schema

if TYPE_CHECKING:
    from command_line import Cli


@pytest.mark.slow
def test_the_demo_recovers_the_known_drift(cli: Cli) -> None:
    pytest.importorskip("skimage")
    ran = run_apart("demo", cwd=cli.folder)
    assert ran.code == 0, ran.err
    head, *rows = ran.out.splitlines()
    assert head.split()[0] == "movie"
    assert [row.split()[0] for row in rows] == [f"movie{number}" for number in range(1, 9)]
    for row in rows:
        _, drift, error, out = row.split()
        assert float(drift) > 1
        assert float(error) < 0.3
        assert (cli.folder / out).is_file()
    assert "8 done in " in ran.err


@pytest.mark.slow
def test_the_demo_on_simulated_devices_shows_where_each_movie_ran(cli: Cli) -> None:
    pytest.importorskip("skimage")
    ran = run_apart("demo", "--devices", "simulated:2", "-o", "there", "--json", cwd=cli.folder)
    assert ran.code == 0, ran.err
    assert "GPU slots (simulated): 0 · 1" in ran.err
    ended = [line for line in ran.err.splitlines() if " done framealign/" in line]
    assert len(ended) == 8
    for gpu in (0, 1):
        assert any(f" on GPU {gpu} (simulated) in " in line for line in ended)
    told = json.loads(ran.out)
    Draft202012Validator(document_schema("gpucore.demo/1")).validate(told)
    assert [one["movie"] for one in told["movies"]] == [f"movie{number}" for number in range(1, 9)]
    assert all(one["error"] < 0.3 and one["drift"] > 1 for one in told["movies"])


def test_the_demo_without_its_libraries_says_what_to_install(cli: Cli) -> None:
    program = (
        "import sys\nsys.modules['numpy'] = None\nsys.modules['mrcfile'] = None\n"
        "from gpucore.cli import main\nsys.exit(main(['demo']))\n"
    )
    before = everything_below(cli.folder)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=cli.folder, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "the demo needs " in done.stderr
    assert "which is not installed" in done.stderr
    assert "pip install 'gpucore-framework[framealign]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert everything_below(cli.folder) == before


@pytest.mark.parametrize("folder", ["a.tif", "a.tif/x", "/proc/gpucore-demo", ""])
def test_a_demo_that_cannot_be_written_is_refused(cli: Cli, folder: str) -> None:
    said = cli.refuses("demo", "-o", folder)
    assert "cannot be written" in said or "is empty" in said


@pytest.mark.parametrize(
    ("argv", "what"),
    [(("--gpus", "3-0"), "a range goes upwards"),
     (("--devices", "simulated:2", "--gpus", "5"), "GPU `5` is not there"),
     (("--devices", "nvlm"), "did you mean `nvml`?"), (("--threads", "0"), "not in the range")],
)  # fmt: skip
def test_a_demo_on_what_is_not_there_makes_no_movies(
    cli: Cli, argv: tuple[str, ...], what: str
) -> None:
    assert what in cli.refuses("demo", *argv)
