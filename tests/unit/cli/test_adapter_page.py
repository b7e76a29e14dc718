"""What `gpucore adapters show` tells: every fact that an adapter has, and no empty line."""

from __future__ import annotations

from dataclasses import replace

import pytest
from checked_adapters import GOOD
from toml_adapters import full

from gpucore.cli.adapter_page import adapter_page
from gpucore.standard import Gpu, GpuUse

PAGE = list(adapter_page(full(), "a file"))


@pytest.mark.parametrize(
    "line",
    [
        "  family     Full",
        "  homepage   https://example.org/full",
        "  memory     8192 MiB on each GPU; more for larger boxes",
        "  more GPUs  change the result: the batch is multiplied",
        "  done when  a line fits done",
        "  low  float, default 1, above 0 below 90.5, less than high",
        "  high  (High)  float, default 3, in the section S, for experts",
        "  most  int, default 1, no more than ranks",
        "  # conf.json",
    ],
)
def test_a_fact_has_its_line(line: str) -> None:
    assert line in PAGE


def test_a_file_of_an_example_is_shown_as_it_is_written() -> None:
    start = PAGE.index("  # conf.json")
    assert PAGE[start + 1 : start + 3] == ["  {", '    "movie": "a.mrc",']


@pytest.mark.parametrize(
    ("gpu", "line"),
    [
        (Gpu(use=GpuUse.OPTIONAL, sees_one=True), "it must see one GPU alone, and always does"),
        (
            Gpu(use=GpuUse.OPTIONAL, overwrites_mask=True),
            "it sets CUDA_VISIBLE_DEVICES itself, and is given no mask",
        ),
    ],
)
def test_how_a_program_stands_to_the_mask_is_told(gpu: Gpu, line: str) -> None:
    assert f"  mask       {line}" in adapter_page(replace(GOOD, gpu=gpu), "a file")


def test_what_is_not_known_has_no_line() -> None:
    heads = {line[2:13].strip() for line in adapter_page(GOOD, "a file") if line[:3] != "   "}
    assert not heads & {"family", "homepage", "get it", "mask", "memory", "more GPUs", "done when"}
