"""The three questions of the standard."""

from __future__ import annotations

import pytest

from gpucore.standard.use import GpuUse


@pytest.mark.parametrize(
    ("use", "allows", "requires", "with_it", "without_it"),
    [
        (GpuUse.NONE, False, False, False, False),
        (GpuUse.OPTIONAL, True, False, True, False),
        (GpuUse.COMPULSORY, True, True, True, True),
    ],
)
def test_the_three_questions_keep_scipions_meaning(
    use: GpuUse, allows: bool, requires: bool, with_it: bool, without_it: bool
) -> None:
    assert use.allows_gpu is allows
    assert use.requires_gpu is requires
    assert use.uses_gpu() is with_it
    assert use.uses_gpu(use_gpu=True) is with_it
    assert use.uses_gpu(use_gpu=False) is without_it
