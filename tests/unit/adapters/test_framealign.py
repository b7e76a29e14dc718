"""gpucore-framealign recovers a known drift, and says plainly why when it cannot run."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from contextlib import nullcontext
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import pytest
from gpucore_adapters.framealign import program
from gpucore_adapters.framealign.alignment import Settings, align, correlate_arrays
from gpucore_adapters.framealign.devices import Cpu
from gpucore_adapters.framealign.faults import OutputError
from gpucore_adapters.framealign.movie import publish, read_movie, read_shifts
from gpucore_adapters.framealign.synthetic import make_movie, rms_error

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.slow

PIXEL_SIZE = 0.885


class NumpyAsXp(Cpu):
    """The arithmetic meant for CuPy, done by NumPy: the proof of it that needs no GPU."""

    def correlate(
        self, reference: NDArray[np.complex64], moving: NDArray[np.complex64], upsample: int
    ) -> tuple[float, float]:
        return correlate_arrays(np, reference, moving, upsample)


@pytest.fixture(scope="module")
def movies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a good small movie, and some that are none."""
    folder = tmp_path_factory.mktemp("movies")
    make_movie(folder / "good.mrc", seed=1, size=128, frames=4)
    make_movie(folder / "one.mrc", seed=1, size=64, frames=1)
    whole = (folder / "good.mrc").read_bytes()
    (folder / "cut.mrc").write_bytes(whole[:-1])
    (folder / "header.mrc").write_bytes(whole[:600])
    (folder / "text.mrc").write_text("not a movie\n" * 200, encoding="utf-8")
    (folder / "empty.mrc").touch()
    with mrcfile.new(folder / "complex.mrc", np.zeros((3, 8, 8), np.complex64)):
        pass
    with mrcfile.new(folder / "nan.mrc", np.zeros((3, 8, 8), np.float32)):
        pass
    with (folder / "nan.mrc").open("r+b") as nan:
        nan.seek(-4, os.SEEK_END)
        nan.write(np.float32(np.nan).tobytes())
    return folder


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Two GPUs as CuPy would show them, computing with NumPy; returns its `cuda`."""

    class FakeCupy(ModuleType):
        def __getattr__(self, name: str) -> object:
            return getattr(np, name)

    fake = FakeCupy("cupy")
    cuda = SimpleNamespace(
        Device=lambda _index: nullcontext(), runtime=SimpleNamespace(getDeviceCount=lambda: 2)
    )
    fake.__dict__.update(cuda=cuda, asnumpy=np.asarray)
    monkeypatch.setitem(sys.modules, "cupy", fake)
    return cuda


def run(movie: Path, folder: Path, *options: str) -> int:
    outputs = ["--out", str(folder / "out.mrc"), "--shifts", str(folder / "out.tsv")]
    return program.main(["--in", str(movie), *outputs, *options])


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that the program wrote to stderr."""
    error = capsys.readouterr().err
    assert error.startswith("framealign: error: ")
    assert error.count("\n") == 1
    return error


@pytest.mark.slow
def test_the_drift_of_a_movie_is_recovered_to_a_tenth_of_a_pixel(tmp_path: Path) -> None:
    drift = make_movie(tmp_path / "m.mrc", seed=1, size=512)

    assert run(tmp_path / "m.mrc", tmp_path) == 0

    assert rms_error(read_shifts(tmp_path / "out.tsv"), drift) < 0.1


@pytest.mark.parametrize("seed", range(6))
def test_the_drift_of_a_small_movie_is_recovered(tmp_path: Path, seed: int) -> None:
    drift = make_movie(tmp_path / "m.mrc", seed=seed, size=256)

    frames, pixel_size = read_movie(tmp_path / "m.mrc")
    found = align(frames, [Cpu()], Settings(pixel_size=pixel_size or 0))

    assert rms_error(found.shifts, drift) < 0.2
    assert found.total_drift == pytest.approx(np.hypot(*np.diff(drift.T)).sum(), rel=0.15)


@pytest.mark.parametrize("size", [(243, 187), (192, 255), (255, 256)])
def test_frames_may_be_oblong_and_of_odd_length(tmp_path: Path, size: tuple[int, int]) -> None:
    drift = make_movie(tmp_path / "m.mrc", seed=3, size=size, contrast=0.3)

    assert run(tmp_path / "m.mrc", tmp_path) == 0

    assert rms_error(read_shifts(tmp_path / "out.tsv"), drift) < 0.2
    assert mrcfile.read(tmp_path / "out.mrc").shape == size


def test_a_shift_is_what_was_applied_to_bring_the_frame_onto_the_first(tmp_path: Path) -> None:
    drift = np.array([[0.0, 0.0], [4.0, -2.0]])
    make_movie(tmp_path / "m.mrc", seed=0, size=256, contrast=0.3, drift=drift)

    run(tmp_path / "m.mrc", tmp_path)

    assert read_shifts(tmp_path / "out.tsv")[0] == pytest.approx([0, 0])
    assert read_shifts(tmp_path / "out.tsv")[1] == pytest.approx([-4, 2], abs=0.3)


def test_the_average_is_sharper_than_the_bare_sum_of_the_frames(tmp_path: Path) -> None:
    make_movie(tmp_path / "m.mrc", seed=5, size=256)
    run(tmp_path / "m.mrc", tmp_path)

    average = mrcfile.read(tmp_path / "out.mrc")
    bare = mrcfile.read(tmp_path / "m.mrc").mean(axis=0)

    assert average.mean() == pytest.approx(bare.mean(), rel=1e-4)
    assert average.std() > 1.02 * bare.std()


@pytest.mark.parametrize("shape", [(64, 64), (63, 65), (48, 81)])
@pytest.mark.parametrize("upsample", [1, 7, 20])
def test_the_arithmetic_for_gpus_finds_the_shifts_of_scikit_image(
    shape: tuple[int, int], upsample: int
) -> None:
    random = np.random.default_rng(upsample)
    transform = np.fft.fft2(random.normal(size=shape))
    rows, columns = np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None, :]
    far = (np.array(shape) - 1.5) / 2
    for y, x in [(0, 0), (0.4, -0.6), far, -far, *random.normal(size=(4, 2))]:
        moved = transform * np.exp(-2j * np.pi * (y * rows + x * columns))
        pair = moved.astype(np.complex64), transform.astype(np.complex64)

        expected = Cpu().correlate(*pair, upsample)

        assert correlate_arrays(np, *pair, upsample) == pytest.approx(expected, abs=1e-5)
        assert expected == pytest.approx((y, x), abs=0.6 / upsample)


@pytest.mark.parametrize("devices", [1, 3])
def test_a_movie_divided_among_devices_gives_the_same_answer(movies: Path, devices: int) -> None:
    frames, _ = read_movie(movies / "good.mrc")
    settings = Settings(pixel_size=PIXEL_SIZE)

    one = align(frames, [Cpu()], settings)
    many = align(frames, [NumpyAsXp() for _ in range(devices)], settings)

    assert many.shifts == pytest.approx(one.shifts, abs=1e-5)
    assert many.average == pytest.approx(one.average, abs=1e-4)


def test_the_output_holds_float32_and_the_pixel_size(movies: Path, tmp_path: Path) -> None:
    assert run(movies / "good.mrc", tmp_path) == 0
    with mrcfile.open(tmp_path / "out.mrc") as mrc:
        assert mrc.header.mode == 2
        assert float(mrc.voxel_size.x) == pytest.approx(PIXEL_SIZE)
    assert mrcfile.validate(tmp_path / "out.mrc")


def test_a_pixel_size_given_goes_before_that_of_the_header(movies: Path, tmp_path: Path) -> None:
    assert run(movies / "good.mrc", tmp_path, "--pixel-size", "1.5") == 0
    with mrcfile.open(tmp_path / "out.mrc") as mrc:
        assert float(mrc.voxel_size.x) == pytest.approx(1.5)


def test_progress_and_result_are_told_line_by_line(
    movies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(movies / "good.mrc", tmp_path, "--iterations", "1")
    first, device, done = capsys.readouterr().out.splitlines()
    assert first.startswith("iteration 1 of 1: largest change ")
    assert first.endswith(" pixels")
    assert device == "device: CPU"
    assert done.startswith("done: 4 frames, total drift ")


def test_equal_input_gives_equal_bytes(movies: Path, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for folder in ("a", "b"):
        run(movies / "good.mrc", tmp_path / folder)
    for name in ("out.mrc", "out.tsv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cut.mrc", "is truncated"),
        ("header.mrc", "not a readable MRC"),
        ("text.mrc", "not a readable MRC"),
        ("empty.mrc", "not a readable MRC"),
        ("absent.mrc", "No such file"),
        ("one.mrc", "not a movie"),
        ("complex.mrc", "not a movie"),
        ("nan.mrc", "not finite"),
        ("", "directory"),
    ],
)
def test_what_is_no_movie_is_refused_and_leaves_nothing(
    movies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    assert run(movies / name, tmp_path) == 3
    assert said in told(capsys)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        ["--pixel-size", "0"],
        ["--bfactor", "-1"],
        ["--upsample", "x"],
        ["--iterations", "0"],
        ["--gpu"],
        ["--gpu", "-1"],
        ["--gpu", "0", "0"],
        ["--nonsense"],
    ],
)
def test_wrong_arguments_are_told_in_one_line(
    movies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    assert run(movies / "good.mrc", tmp_path, *options) == 2
    assert "--" in told(capsys)


def test_a_movie_without_pixel_size_needs_one_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_movie(tmp_path / "m.mrc", seed=0, size=64, frames=3)
    with mrcfile.open(tmp_path / "m.mrc", "r+") as mrc:
        mrc.voxel_size = 0
    assert run(tmp_path / "m.mrc", tmp_path) == 2
    assert "give --pixel-size" in told(capsys)


def test_the_movie_is_never_written_over(
    movies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    movie = str(movies / "good.mrc")
    assert program.main(["--in", movie, "--out", movie]) == 2
    assert "different files" in told(capsys)


@pytest.mark.parametrize("out", ["absent/out.mrc", "folder", "file/out.mrc"])
def test_an_output_that_cannot_be_written_is_told(
    movies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    movie = str(movies / "good.mrc")
    assert program.main(["--in", movie, "--out", str(tmp_path / out)]) == 4
    assert "cannot write" in told(capsys)


def full_disk(path: Path, **_ignored: object) -> None:
    path.write_bytes(b"half")
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_fills_up_leaves_no_partial_output(
    movies: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(program, "write_average", full_disk)
    assert run(movies / "good.mrc", tmp_path) == 4
    assert "No space left" in told(capsys)
    assert list(tmp_path.iterdir()) == []


def test_an_older_output_survives_a_failed_run(tmp_path: Path) -> None:
    (tmp_path / "out.mrc").write_bytes(b"old")
    with pytest.raises(OutputError):
        publish({tmp_path / "out.mrc": full_disk})
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_a_gpu_without_cupy_is_told(
    movies: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert run(movies / "good.mrc", tmp_path, "--gpu", "0") == 5
    assert "no usable GPU: CuPy is not installed" in told(capsys)


def test_a_gpu_that_is_not_there_is_told(
    movies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], cupy: SimpleNamespace
) -> None:
    assert run(movies / "good.mrc", tmp_path, "--gpu", "1", "2") == 5
    assert "no usable GPU: there is no GPU 2 (2 here, counted from 0)" in told(capsys)


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (MemoryError("Out of memory allocating 8 bytes"), 6, "out of memory"),
        (RuntimeError("cudaErrorMemoryAllocation: out of memory"), 6, "out of memory"),
        (RuntimeError("CUFFT_ALLOC_FAILED"), 6, "out of memory"),
        (RuntimeError("cudaErrorECCUncorrectable:\nbad"), 5, "no usable GPU"),
    ],
)
@pytest.mark.parametrize("good_calls", [1, 5])
def test_a_gpu_that_fails_is_told(  # noqa: PLR0917 - fixtures and cases, all by name
    movies: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    cupy: SimpleNamespace,
    fault: Exception,
    code: int,
    said: str,
    good_calls: int,
) -> None:
    calls = iter([nullcontext()] * good_calls)

    def device(_index: int) -> object:
        for call in calls:
            return call
        raise fault

    cupy.Device = device
    assert run(movies / "good.mrc", tmp_path, "--gpu", "0", "1") == code
    assert said in told(capsys)
    assert list(tmp_path.iterdir()) == []


def test_gpus_divide_the_frames_and_find_what_the_cpu_finds(
    movies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], cupy: SimpleNamespace
) -> None:
    run(movies / "good.mrc", tmp_path)
    expected = read_shifts(tmp_path / "out.tsv")
    assert run(movies / "good.mrc", tmp_path, "--gpu", "0", "1") == 0
    assert "device: GPU 0 1\n" in capsys.readouterr().out
    assert read_shifts(tmp_path / "out.tsv") == pytest.approx(expected, abs=1e-4)


def test_an_empty_frame_does_not_disturb_the_others(tmp_path: Path) -> None:
    drift = make_movie(tmp_path / "m.mrc", seed=2, size=256, contrast=0.3)
    frames = mrcfile.read(tmp_path / "m.mrc").copy()
    frames[5] = 0
    found = align(frames, [Cpu()], Settings(pixel_size=PIXEL_SIZE))
    assert rms_error(np.delete(found.shifts, 5, axis=0), np.delete(drift, 5, axis=0)) < 0.2


@pytest.mark.slow
def test_the_program_loads_only_what_it_needs(movies: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from gpucore_adapters.framealign.program import main\n"
        "code = main(sys.argv[1:])\n"
        "print(*{name.split('.')[0] for name in sys.modules}); sys.exit(code)"
    )
    arguments = ["--in", str(movies / "good.mrc"), "--out", str(tmp_path / "out.mrc")]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "skimage" in loaded
    assert loaded.isdisjoint({"PIL", "cupy", "imageio", "matplotlib", "networkx", "tifffile"})
