"""cisTEM match_template: answers on standard input, and never more than one GPU in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase, image
from gpucore_adapters.cistem_match_template import CISTEM_MATCH_TEMPLATE, gpucore_adapters
from rendering import HOSTILE

from gpucore.errors import GpucoreError
from gpucore.standard import FailureClass, GpuUse, StepState
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

LEAST = {
    "micrograph": "m1.mrc",
    "template": "t.mrc",
    "pixel_size": 1.06,
    "defocus_u": 12000,
    "defocus_v": 11500,
}
HISTOGRAM = "# Expected threshold = 7.31\n"
CASE = AdapterCase(CISTEM_MATCH_TEMPLATE, LEAST, text=HISTOGRAM)
command, outputs, ended, ran = CASE.command, CASE.outputs, CASE.ended, CASE.ran

IMAGES = (
    *("mip", "mip_scaled", "psi", "theta", "phi", "defocus", "pixel_size"),
    *("corr_average", "corr_stddev"),
)
MADE = (*(f"{name}.mrc" for name in IMAGES), "histogram.txt")


def answers(*gpus: int, **given: object) -> list[str]:
    return (command(*gpus, **given).stdin or "").splitlines()


def test_it_does_not_contradict_itself_and_its_examples_come_out() -> None:
    assert list(gpucore_adapters()) == [CISTEM_MATCH_TEMPLATE]
    assert adapter_faults(CISTEM_MATCH_TEMPLATE) == []
    assert len(CISTEM_MATCH_TEMPLATE.example) >= 3
    assert CISTEM_MATCH_TEMPLATE.gpu.use is GpuUse.OPTIONAL


@pytest.mark.parametrize("isolate", [True, False])
def test_cistem_never_sees_two_gpus_even_when_its_slot_holds_two(isolate: bool) -> None:
    ready = command(3, 4, isolate=isolate)
    assert ready.env["CUDA_VISIBLE_DEVICES"] == "3"
    assert "3" not in ready.argv


def test_without_a_gpu_it_sees_none_answers_no_and_uses_one_thread() -> None:
    ready = command(threads=8)
    assert ready.env["CUDA_VISIBLE_DEVICES"] == ""
    assert (ready.stdin or "").endswith("\nC1\nno\n1\n")


def test_with_a_gpu_it_answers_yes_and_the_threads_that_feed_it() -> None:
    assert answers(0, threads=8)[-3:] == ["C1", "yes", "8"]


@pytest.mark.parametrize("choice", ["yes", "no"])
def test_a_build_with_fastfft_asks_for_it_between_gpu_and_threads(choice: str) -> None:
    assert answers(0, fast_fft=choice)[-4:] == ["C1", "yes", choice, "2"]
    assert len(answers(0, fast_fft=choice)) == len(answers(0)) + 1


def test_each_question_has_one_answer_in_the_programs_order() -> None:
    assert len(answers(0)) == 12 + 18 + 2
    assert answers(0)[:2] == ["image.mrc", "template.mrc"]
    assert answers(0)[12:18] == ["1.06", "300.0", "2.7", "0.07", "12000.0", "11500.0"]
    assert answers(0, resolution=3, padding=2)[20] == "3.0"


def test_nothing_of_a_hostile_name_reaches_its_input() -> None:
    given = {"micrograph": f"{HOSTILE}.mrc", "template": f"?*{HOSTILE}.mrc"}
    hostile, plain = command(0, **given), command(0)
    assert (hostile.argv, hostile.stdin) == (plain.argv, plain.stdin)
    assert {link.name for link in hostile.links} == {"image.mrc", "template.mrc"}


def test_a_symmetry_with_a_line_break_is_refused() -> None:
    with pytest.raises(GpucoreError, match="symmetry"):
        command(0, symmetry="C1\nno")


def test_its_images_are_moved_beside_the_first() -> None:
    assert set(outputs().values()) == {
        *("m1_mip.mrc", "m1_mip_scaled.mrc", "m1_mip_psi.mrc", "m1_mip_theta.mrc"),
        *("m1_mip_phi.mrc", "m1_mip_defocus.mrc", "m1_mip_pixel_size.mrc"),
        *("m1_mip_corr_average.mrc", "m1_mip_corr_stddev.mrc", "m1_mip_histogram.txt"),
    }


@pytest.mark.parametrize(
    ("printed", "failure"),
    [
        ("Error : More than one CUDA-capable device found. Please", FailureClass.NO_DEVICE),
        ("Error : No CUDA-capable devices found. Terminating...", FailureClass.NO_DEVICE),
        ("no CUDA-capable device is detected :-> ", FailureClass.NO_DEVICE),
        ("out of memory :-> ", FailureClass.OUT_OF_MEMORY),
        ("an illegal memory access was encountered :-> ", FailureClass.DEVICE_FAULT),
        ("Input reconstruction should be cubic", FailureClass.BAD_INPUT),
        (
            " Error: Running as script, and answer is not recognized...",
            FailureClass.PROGRAM_FAULT,
        ),
    ],
)
def test_what_it_says_when_it_fails_is_understood(
    tmp_path: Path, printed: str, failure: FailureClass
) -> None:
    outcome = ended(tmp_path, f"{printed}\n", code=255)
    assert (outcome.state, outcome.failure) == (StepState.FAILED, failure)


def test_an_error_that_it_goes_on_after_is_a_failure(tmp_path: Path) -> None:
    printed = "\nError : LERP resampling is only supported on the GPU implementation\n"
    assert ended(tmp_path, printed, *MADE).failure is FailureClass.PROGRAM_FAULT


def test_exit_code_0_without_the_histogram_is_a_failure(tmp_path: Path) -> None:
    assert ended(tmp_path, "", *MADE[:-1]).failure is FailureClass.MISSING_OUTPUT


STANDIN = """
cat > answers.txt
{copies}
echo '# Expected threshold = 7.31' > histogram.txt
""".format(copies="\n".join(f"cp image.mrc {name}.mrc" for name in IMAGES))


def test_a_real_step_reads_its_answers_and_leaves_all_images(tmp_path: Path) -> None:
    image(tmp_path / "m1.mrc")
    image(tmp_path / "t.mrc")
    outcome = ran(tmp_path, STANDIN)
    assert outcome.done, outcome.reason
    assert outcome.outputs["out"] == str(tmp_path / "out" / "m1_mip.mrc")
    assert len(outcome.outputs) == len(MADE)
