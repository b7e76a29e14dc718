"""Scipion's command lines: what the mark becomes, and the environment that agrees with it."""

from __future__ import annotations

import pytest

from gpucore.errors import TemplateError
from gpucore.hosts.scipion.commands import child_environment, fill
from gpucore.hosts.scipion.holds import Hold
from gpucore.standard import Device

ONE = (Device(uuid="GPU-c", index=2),)
PAIR = (Device(uuid="GPU-a", index=0), Device(uuid="GPU-b", index=1))
INSIDE = (Device(uuid="GPU-e", index=0, mask="4"), Device(uuid="GPU-f", index=1, mask="5"))
"""The devices of a process whose own mask is ``4,5``."""


@pytest.mark.parametrize(
    ("params", "filled"),
    [
        ("-gpu %(GPU)s", "-gpu 0 1"),
        ("-gpu %(GPU)s --again %(GPU)s", "-gpu 0 1 --again 0 1"),
        ("CUDA_VISIBLE_DEVICES=%(GPU)s python x", "CUDA_VISIBLE_DEVICES=0,1 python x"),
        ('export CUDA_VISIBLE_DEVICES="%(GPU)s"', 'export CUDA_VISIBLE_DEVICES="0,1"'),
        ("-o a_100%.txt mic_%03d.mrc %(GPU)s", "-o a_100%.txt mic_%03d.mrc 0 1"),
        ("-o a_100%%.txt mic_%%03d.mrc %(GPU)s", "-o a_100%.txt mic_%03d.mrc 0 1"),
        ("--format %%s", "--format %%s"),
        ("--name %(GPUS)s %(x)d", "--name %(GPUS)s %(x)d"),
        ("", ""),
    ],
)
def test_a_text_is_filled_and_what_is_no_mark_stays(params: str, filled: str) -> None:
    assert fill("prog", params, PAIR) == ("prog", filled)


@pytest.mark.parametrize(
    ("params", "filled"),
    [
        (["-gpu", "%(GPU)s"], ["-gpu", "0", "1"]),
        (("--device=%(GPU)s", 7), ["--device=0 1", "7"]),
        (["50%", "%%"], ["50%", "%%"]),
        ([], []),
    ],
)
def test_a_list_is_filled_argument_by_argument(params: list[str], filled: list[str]) -> None:
    assert fill("prog", params, PAIR) == ("prog", filled)


@pytest.mark.parametrize(
    ("program", "filled"),
    [
        ("CUDA_VISIBLE_DEVICES=%(GPU)s prog", "CUDA_VISIBLE_DEVICES=0,1 prog"),
        (
            "hook && CUDA_VISIBLE_DEVICES=%(GPU)s prog -x",
            "hook && CUDA_VISIBLE_DEVICES=0,1 prog -x",
        ),
        ("prog_%(GPU)s", "prog_0,1"),
        ("prog%%", "prog%%"),
    ],
)
def test_a_program_gets_commas(program: str, filled: str) -> None:
    assert fill(program, "", PAIR) == (filled, "")


def test_one_gpu_has_no_separator() -> None:
    assert fill("CUDA_VISIBLE_DEVICES=%(GPU)s p", "%(GPU)s", ONE) == (
        "CUDA_VISIBLE_DEVICES=2 p",
        "2",
    )


def test_a_mask_inside_a_mask_names_what_the_outer_one_names() -> None:
    assert fill("CUDA_VISIBLE_DEVICES=%(GPU)s p", "-g %(GPU)s", INSIDE) == (
        "CUDA_VISIBLE_DEVICES=4,5 p",
        "-g 0 1",
    )


@pytest.mark.parametrize(
    ("program", "params"),
    [("p", "-g %(GPU)s"), ("p", ["-g", "%(GPU)s"]), ("CUDA_VISIBLE_DEVICES=%(GPU)s p", "")],
)
def test_a_mark_without_gpus_is_an_error(program: str, params: str | list[str]) -> None:
    with pytest.raises(TemplateError, match="its step has none"):
        fill(program, params, ())


@pytest.mark.parametrize(
    ("hold", "base", "mask"),
    [
        (Hold(PAIR, hides=True), {}, None),
        (Hold((), hides=True), {}, ""),
        (Hold((), hides=False), {}, None),
        (Hold((), hides=True), {"CUDA_VISIBLE_DEVICES": "7"}, "7"),
        (Hold(PAIR, hides=True), {"CUDA_VISIBLE_DEVICES": "7"}, "7"),
    ],
)
def test_other_gpus_are_hidden_from_a_step_that_has_none(
    hold: Hold, base: dict[str, str], mask: str | None
) -> None:
    environment = child_environment(base, hold, None)
    assert environment.get("CUDA_VISIBLE_DEVICES") == mask
    assert environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


def test_the_mask_that_scipion_was_started_with_is_no_wish_of_a_plugins() -> None:
    environment = child_environment({"CUDA_VISIBLE_DEVICES": "4,5"}, Hold(hides=True), "4,5")
    assert environment["CUDA_VISIBLE_DEVICES"] == ""


def test_a_step_can_show_its_own_gpus_alone() -> None:
    hold = Hold(INSIDE, hides=True)
    assert hold.show_these_alone() == "4,5"
    environment = child_environment({"CUDA_VISIBLE_DEVICES": "7"}, hold, None)
    assert environment["CUDA_VISIBLE_DEVICES"] == "4,5"


def test_a_program_on_simulated_gpus_is_told_so() -> None:
    hold = Hold((Device(uuid="GPU-simulated-0", index=0, simulated=True),))
    assert child_environment({}, hold, None)["GPUCORE_SIMULATED"] == "1"
    assert "GPUCORE_SIMULATED" not in child_environment({}, Hold(ONE), None)
