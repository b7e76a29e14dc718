"""framealign's adapter: light to load, and true to the program's own options and messages."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from gpucore_adapters.framealign import FRAMEALIGN, gpucore_adapters
from gpucore_adapters.framealign.faults import FrameAlignError, InputError
from gpucore_adapters.framealign.movie import read_movie
from gpucore_adapters.framealign.program import VERSION, _parser
from rendering import HOSTILE, after, command

from gpucore.standard import FailureClass
from gpucore.standard.checks import adapter_faults

GIVEN = {"movie": "m.mrc"}


def failure_class(message: str) -> FailureClass | None:
    """The class that the adapter gives to a line of the program."""
    line = f"framealign: error: {message}"
    return next((one.class_ for one in FRAMEALIGN.failure if re.search(one.match, line)), None)


def test_the_adapter_does_not_contradict_itself_and_its_examples_come_out() -> None:
    assert [adapter_faults(adapter) for adapter in gpucore_adapters()] == [[]]
    assert len(FRAMEALIGN.example) >= 3


def test_loading_the_adapter_imports_neither_numpy_nor_the_program() -> None:
    code = (
        "import sys, gpucore_adapters.framealign\n"
        "heavy = {'numpy', 'mrcfile', 'gpucore_adapters.framealign.program'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


@pytest.mark.parametrize("gpus", [(), (3,), (1, 2)])
def test_the_program_reads_the_command_as_the_adapter_means_it(gpus: tuple[int, ...]) -> None:
    given = {"movie": f"{HOSTILE}.mrc", "pixel_size": 0.5, "upsample": 7, "iterations": 2}
    ready = command(FRAMEALIGN, given, gpus)
    options = _parser().parse_args(ready.argv[1:])
    assert str(options.input) == f"{HOSTILE}.mrc"
    assert str(options.out) == f"{HOSTILE}_aligned.mrc"
    assert (options.pixel_size, options.upsample, options.bfactor) == (0.5, 7, 150.0)
    assert options.iterations == 2
    # The mask holds just the step's GPUs, and CUDA counts inside it.
    assert options.gpu == list(range(len(gpus)))
    assert ready.env["CUDA_VISIBLE_DEVICES"] == ",".join(map(str, gpus))


def test_its_defaults_are_the_programs_own() -> None:
    options = _parser().parse_args(["--in", "a.mrc", "--out", "b.mrc"])
    params = FRAMEALIGN.params
    assert options.pixel_size is params["pixel_size"].default
    for name in ("upsample", "bfactor", "iterations"):
        assert getattr(options, name) == params[name].default
    assert after(command(FRAMEALIGN, GIVEN).argv, "--shifts") == "m_shifts.tsv"


def test_its_version_is_found_in_what_the_program_says() -> None:
    version = FRAMEALIGN.program.version
    assert version is not None
    found = re.search(version.regex, f"gpucore-framealign {VERSION}")
    assert found is not None
    assert found[1] == VERSION


@pytest.mark.parametrize(
    ("message", "class_"),
    [
        ("no usable GPU: CuPy is not installed; install …", FailureClass.NO_DEVICE),
        ("no usable GPU: there is no GPU 7 (2 here, counted from 0)", FailureClass.NO_DEVICE),
        ("no usable GPU: cudaErrorECCUncorrectable: …", FailureClass.DEVICE_FAULT),
        ("the GPU is out of memory: …", FailureClass.OUT_OF_MEMORY),
        ("cannot write a.mrc: No space left on device", FailureClass.DISK_FULL),
        ("a.mrc is too large for memory: it needs 300.0 GiB", FailureClass.HOST_MEMORY),
        ("a.mrc has no pixel size in its header; give --pixel-size", FailureClass.BAD_INPUT),
        ("a.mrc is truncated: its header announces more data", FailureClass.BAD_INPUT),
        ("a.mrc is not a movie: it holds 8 x 8 values", FailureClass.BAD_INPUT),
        ("cannot write a.mrc: it is a folder", None),
    ],
)
def test_each_of_the_programs_messages_has_its_class(
    message: str, class_: FailureClass | None
) -> None:
    assert failure_class(message) is class_


def test_what_the_program_really_says_of_a_missing_movie_is_bad_input(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with pytest.raises(InputError) as told:
        read_movie(tmp_path_factory.mktemp("none") / "none.mrc")
    assert isinstance(told.value, FrameAlignError)
    assert failure_class(str(told.value)) is FailureClass.BAD_INPUT
