"""Make, Snakemake and Perl as hosts: files that the manual shows, and GPUs that nobody shares."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from adapter_cases import image
from command_line import environment
from docs.pages import ROOT, blocks
from executor_steps import WITNESS
from programs import python, script
from real_programs import require

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
MOVIES = [f"m{number}" for number in range(8)]
SHOWN = 'echo "$* on $$CUDA_VISIBLE_DEVICES" > $@'


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Return a folder with movies, the manual's files, and gpucore on the search path."""
    (tmp_path / "movies").mkdir()
    for name in MOVIES:
        (tmp_path / "movies" / f"{name}.tif").touch()
    for block in blocks(ROOT / "docs" / "howto" / "embed.md"):
        if block.file in {"Makefile", "Snakefile", "host.pl"}:
            (tmp_path / block.file).write_text(block.text)
    (tmp_path / "programs").mkdir()
    script(tmp_path / "programs" / "gpucore", f'exec "{sys.executable}" -m gpucore.cli "$@"')
    python(tmp_path / "programs" / "witness", WITNESS)
    return tmp_path


def host(desk: Path, *argv: str) -> str:
    """Run a host to its end; each of its steps also takes a lock on its GPU."""
    for name in ("Makefile", "Snakefile"):
        text = (desk / name).read_text()
        variable = "$$CUDA_VISIBLE_DEVICES" if name == "Makefile" else "$CUDA_VISIBLE_DEVICES"
        assert "sh -c 'echo" in text
        (desk / name).write_text(text.replace("sh -c 'echo", f"sh -c 'witness {variable}; echo"))
    path = f"{desk / 'programs'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "HOME": str(desk), "XDG_CACHE_HOME": str(desk)}
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    done = subprocess.run(
        argv, cwd=desk, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def check(desk: Path) -> None:
    """See that each step was run once, on a GPU of its own while it ran."""
    lines = (desk / "witness.txt").read_text().splitlines()
    assert sorted(set(lines)) == ["held 0", "held 1"]
    assert len(lines) == len(MOVIES)
    for name in MOVIES:
        assert (desk / "made" / f"{name}.txt").read_text() in {f"{name} on 0\n", f"{name} on 1\n"}


def test_make_runs_as_many_jobs_as_it_likes_and_no_gpu_has_two(desk: Path) -> None:
    host(desk, require("make", "apt-get install -y make"), "-j6")
    check(desk)


def test_snakemake_runs_as_many_jobs_as_it_likes_and_no_gpu_has_two(
    desk: Path, snakemake: str
) -> None:
    host(desk, snakemake, "--cores", "6")
    check(desk)


GCTF = """
while [ "$1" != mic.mrc ]; do shift; done
case $(readlink mic.mrc) in
    */m2.mrc) [ -e "$HOME/again" ] || { touch "$HOME/again"; exit 7; } ;;
esac
cp mic.mrc mic.ctf
echo '   24401.23  21649.58  34.52  0.18  Final Values' > mic_gctf.log
"""


def test_a_host_in_perl_gives_a_job_and_reads_what_happens(desk: Path) -> None:
    perl = require("perl", "apt-get install -y perl")
    for number in range(3):
        image(desk / f"m{number}.mrc")
    script(desk / "programs" / "Gctf", GCTF)
    path = f"{desk / 'programs'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [perl, "host.pl"],
        cwd=desk,
        env=environment(PATH=path, HOME=str(desk)),
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert said[-1] == "done: 3"
    assert len([line for line in said if " on GPU " in line]) == 4
    assert [line.partition(":")[0] for line in said if " again: " in line] == ["ctf/m2 again"]
    for number in range(3):
        assert f"ctf/m{number} done: {desk / 'perl' / 'ctf' / f'm{number}_gctf.log'}" in said
