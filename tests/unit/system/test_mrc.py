"""MRC files: whole, cut off, empty of meaning."""

from __future__ import annotations

import mrcfile
import numpy as np
import pytest

from gpucore.system.mrc import mrc_fault

MODES = {
    0: np.int8, 1: np.int16, 2: np.float32, 4: np.complex64, 6: np.uint16, 12: np.float16,
}  # fmt: skip


def write(path, data, *, big=False, extended=b""):
    with mrcfile.new(path) as mrc:
        mrc.set_data(data)
        if extended:
            mrc.set_extended_header(np.frombuffer(extended, dtype="V1"))
    if big:
        swap(path, data, extended)
    return path


def swap(path, data, extended):
    """Write the same file as a machine of the other byte order does."""
    raw = path.read_bytes()
    words = np.frombuffer(raw[:208], "<i4").astype(">i4").tobytes()
    head = bytearray(words + raw[208:1024])
    head[212:216] = b"\x11\x11\0\0"
    swapped = data.astype(data.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(bytes(head) + extended + swapped)


def pattern(dtype, shape=(3, 256, 256)):
    return (np.arange(np.prod(shape)) % 100).reshape(shape).astype(dtype)


@pytest.mark.parametrize("big", [False, True], ids=["little", "big"])
@pytest.mark.parametrize("extended", [b"", b"x" * 160], ids=["plain", "extended"])
@pytest.mark.parametrize("mode", MODES)
def test_a_file_is_whole_and_one_byte_less_is_cut_off(tmp_path, mode, extended, big):
    data = pattern(MODES[mode])
    path = write(tmp_path / "a.mrc", data, big=big, extended=extended)
    assert mrc_fault(path, result=True) == ""
    path.write_bytes(path.read_bytes()[:-1])
    for result in (False, True):
        assert "cut off" in mrc_fault(path, result=result)
        assert "256 x 256 x 3" in mrc_fault(path, result=result)


def test_four_bit_data_are_measured_by_the_row(tmp_path):
    path = write(tmp_path / "a.mrc", pattern(np.int8, (2, 5, 7)))
    raw = bytearray(path.read_bytes()[:1024])
    raw[12:16] = (101).to_bytes(4, "little")
    path.write_bytes(bytes(raw) + bytes(range(40)))
    assert mrc_fault(path, result=True) == ""
    path.write_bytes(path.read_bytes()[:-1])
    assert "cut off" in mrc_fault(path, result=True)


def test_bytes_after_the_data_are_no_fault(tmp_path):
    path = write(tmp_path / "a.mrc", pattern(np.int16))
    path.write_bytes(path.read_bytes() + b"more")
    assert mrc_fault(path, result=True) == ""


@pytest.mark.parametrize("mode", MODES)
def test_a_constant_image_is_no_result_but_may_be_an_input(tmp_path, mode):
    path = write(tmp_path / "a.mrc", np.full((2, 64, 64), 7, MODES[mode]))
    assert "constant" in mrc_fault(path, result=True)
    assert mrc_fault(path, result=False) == ""


@pytest.mark.parametrize("big", [False, True], ids=["little", "big"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # mrcfile warns of what is asked for here
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_image_of_what_is_no_number_is_no_result(tmp_path, value, big):
    path = write(tmp_path / "a.mrc", np.full((2, 64, 64), value, np.float32), big=big)
    assert "not numbers" in mrc_fault(path, result=True)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "it is empty"),
        (b"x" * 1023, "less than a header"),
        (bytes(2048), "makes no sense"),
        (b"\xff" * 2048, "makes no sense"),
        (b"II*\0" + b"tiff" * 600, "makes no sense"),
    ],
)
def test_junk_is_no_mrc_file(tmp_path, raw, words):
    path = tmp_path / "a.mrc"
    path.write_bytes(raw)
    for result in (False, True):
        assert words in mrc_fault(path, result=result)


@pytest.mark.slow
def test_no_random_header_raises(tmp_path):
    dice = np.random.default_rng(0)
    path = tmp_path / "a.mrc"
    whole = write(path, pattern(np.int16)).read_bytes()
    for _ in range(300):
        raw = bytearray(whole[:4096])
        for place in dice.integers(0, 224, 4):
            raw[place] = dice.integers(256)
        path.write_bytes(raw)
        assert isinstance(mrc_fault(path, result=True), str)
