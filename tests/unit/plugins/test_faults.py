"""What a plugin raised becomes one error with its place."""

from __future__ import annotations

import pytest

from gpucore.errors import PluginError
from gpucore.plugins.faults import blame, one_line


def test_whatever_is_raised_becomes_a_plugin_error_with_its_place() -> None:
    with pytest.raises(PluginError) as caught, blame("cannot be imported"):
        raise SystemExit(2)
    assert caught.value.what == "cannot be imported: SystemExit: 2"
    assert caught.value.where.startswith(f"{__file__}:")
    assert isinstance(caught.value.__cause__, SystemExit)


def test_an_error_without_a_text_is_told_by_its_type() -> None:
    with pytest.raises(PluginError) as caught, blame("cannot be imported"):
        raise MemoryError
    assert caught.value.what == "cannot be imported: MemoryError"


def test_a_plugin_error_and_ctrl_c_pass_as_they_are() -> None:
    told = PluginError("as it is")
    with pytest.raises(PluginError) as caught, blame("x"):
        raise told
    assert caught.value is told
    with pytest.raises(KeyboardInterrupt), blame("x"):
        raise KeyboardInterrupt


def test_a_text_of_many_lines_is_told_in_one_that_is_not_too_long() -> None:
    assert one_line(ValueError("a\n  b\tc")) == "a b c"
    assert len(one_line(ValueError("x" * 10_000))) == 501
