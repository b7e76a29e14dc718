"""gpucore-framealign on a real GPU finds what it finds on the CPU."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import mrcfile
import numpy as np
import pytest
from gpucore_adapters.framealign import program
from gpucore_adapters.framealign.alignment import CONVERGED
from gpucore_adapters.framealign.movie import read_shifts
from gpucore_adapters.framealign.synthetic import make_movie, rms_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.gpu, pytest.mark.slow]


@pytest.fixture(scope="module")
def cupy() -> Any:
    """CuPy, where it is installed and sees a GPU."""
    module = pytest.importorskip("cupy", reason="CuPy is not installed")
    try:
        module.cuda.runtime.getDeviceCount()
    except module.cuda.runtime.CUDARuntimeError as fault:
        pytest.skip(f"CUDA shows no GPU: {fault}")
    return module


@pytest.fixture
def full_gpu(cupy: Any) -> Iterator[None]:
    """A GPU on which CuPy may take no more than half a MiB."""
    pool = cupy.get_default_memory_pool()
    pool.free_all_blocks()
    with cupy.cuda.Device(0):
        pool.set_limit(size=2**19)
        yield
        pool.set_limit(size=0)


def run(folder: Path, name: str, *options: str) -> int:
    outputs = ["--out", str(folder / f"{name}.mrc"), "--shifts", str(folder / f"{name}.tsv")]
    return program.main(["--in", str(folder / "m.mrc"), *outputs, *options])


@pytest.mark.parametrize("size", [256, 512, (243, 387)])
def test_a_gpu_finds_what_the_cpu_finds(
    cupy: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], size: int | tuple[int, int]
) -> None:
    drift = make_movie(tmp_path / "m.mrc", seed=1, size=size)

    assert run(tmp_path, "cpu") == 0
    assert run(tmp_path, "gpu", "--gpu", "0") == 0

    assert "device: GPU 0\n" in capsys.readouterr().out
    cpu, gpu = (read_shifts(tmp_path / f"{name}.tsv") for name in ("cpu", "gpu"))
    assert rms_error(gpu, drift) < 0.2
    # Two neighbouring points of the fine grid may differ by less than float32 can tell.
    assert np.abs(gpu - cpu).max() <= 2 * CONVERGED
    averages = [mrcfile.read(tmp_path / f"{name}.mrc") for name in ("cpu", "gpu")]
    assert np.corrcoef(*(average.ravel() for average in averages))[0, 1] > 0.999


def test_all_gpus_together_find_what_one_finds(cupy: Any, tmp_path: Path) -> None:
    count = cupy.cuda.runtime.getDeviceCount()
    if count == 1:
        pytest.skip("there is one GPU")
    make_movie(tmp_path / "m.mrc", seed=2, size=256)

    assert run(tmp_path, "one", "--gpu", "0") == 0
    assert run(tmp_path, "all", "--gpu", *map(str, range(count))) == 0

    one, together = (read_shifts(tmp_path / f"{name}.tsv") for name in ("one", "all"))
    assert np.abs(one - together).max() <= 2 * CONVERGED


def test_a_gpu_that_is_not_there_is_told(
    cupy: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_movie(tmp_path / "m.mrc", seed=1, size=64)
    assert run(tmp_path, "out", "--gpu", "99") == 5
    assert "no usable GPU: there is no GPU 99" in capsys.readouterr().err


@pytest.mark.usefixtures("full_gpu")
def test_a_gpu_that_is_full_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_movie(tmp_path / "m.mrc", seed=1, size=512)
    assert run(tmp_path, "out", "--gpu", "0") == 6
    assert "out of memory" in capsys.readouterr().err


def test_the_cupy_in_use_has_every_call_the_program_makes() -> None:
    # Needs no GPU: a call that CuPy renames is found wherever CuPy is installed.
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    for name in ("abs", "arange", "argmax", "asarray", "asnumpy", "complex64", "exp", "float32"):
        assert hasattr(cupy, name)
    for name in ("fft2", "fftfreq", "ifft2"):
        assert hasattr(importlib.import_module("cupy.fft"), name)
    assert issubclass(cupy.cuda.memory.OutOfMemoryError, MemoryError)
