"""emClarity: a count in a parameter file, compared with what it sees."""

from __future__ import annotations

from pathlib import Path

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.emclarity import (
    EMCLARITY_ALIGN_RAW,
    EMCLARITY_AUTOALIGN,
    EMCLARITY_AVG,
    EMCLARITY_CTF_3D,
    EMCLARITY_CTF_ESTIMATE,
    EMCLARITY_TEMPLATE_SEARCH,
    gpucore_adapters,
)

from gpucore.standard import Adapter, FailureClass, StepState
from gpucore.standard.checks import adapter_faults

ALIGN = AdapterCase(
    EMCLARITY_AUTOALIGN,
    {"series": "TS_01.st", "angles": "TS_01.rawtlt", "tilt_axis": 84.7, "pixel_size": 1.35},
)
CTF = AdapterCase(
    EMCLARITY_CTF_ESTIMATE,
    {"series": "TS_01.st", "transforms": "t.xf", "angles": "t.tlt", "pixel_size": 1.35},
)
SEARCH = AdapterCase(
    EMCLARITY_TEMPLATE_SEARCH,
    {"series": "fixedStacks/tilt1.fixed", "project": "proj", "parameters": "param0.m",
     "region": 2, "template": "ref.mrc", "sampling": 5},
)  # fmt: skip
PROJECTS = (
    AdapterCase(EMCLARITY_CTF_3D, {"parameters": "param0.m"}),
    AdapterCase(EMCLARITY_AVG, {"parameters": "param0.m", "cycle": 0}),
    AdapterCase(EMCLARITY_ALIGN_RAW, {"parameters": "param0.m", "cycle": 0}),
)
ENDED = "\t\trun ending on 01-Jan-2024\n"


def parameters(case: AdapterCase, *gpus: int, **given: object) -> dict[str, str]:
    (file,) = case.command(*gpus, **given).files
    assert file.name == "param.m"
    return dict(line.split("=") for line in file.text.splitlines())


@pytest.mark.parametrize("adapter", gpucore_adapters(), ids=lambda one: one.name)
def test_none_contradicts_itself(adapter: Adapter) -> None:
    assert adapter_faults(adapter) == []


@pytest.mark.parametrize("case", [ALIGN, CTF], ids=lambda one: one.adapter.name)
def test_the_count_in_the_file_is_what_it_sees(case: AdapterCase) -> None:
    assert parameters(case, 2, 3)["nGPUs"] == "1"
    assert case.command(2, 3).env["CUDA_VISIBLE_DEVICES"] == "2"


@pytest.mark.parametrize("case", PROJECTS, ids=lambda one: one.adapter.name)
def test_a_project_sees_its_whole_slot_and_nothing_else(case: AdapterCase) -> None:
    assert case.command(1, 3).env["CUDA_VISIBLE_DEVICES"] == "1,3"


def test_the_search_is_told_of_gpu_1_and_sees_one() -> None:
    command = SEARCH.command(4, 5)
    assert command.argv[-1] == "1"
    assert command.env["CUDA_VISIBLE_DEVICES"] == "4"


@pytest.mark.parametrize("case", [*PROJECTS, SEARCH], ids=lambda one: one.adapter.name)
@pytest.mark.parametrize(
    ("printed", "failure"),
    [("There are more gpus visible than requested, selecting the largest", FailureClass.BAD_INPUT),
     ("4 gpus requested but only 2 are visible to the system", FailureClass.NO_DEVICE)],
)  # fmt: skip
def test_another_count_in_the_users_file_ends_it_with_0_and_is_a_failure(
    tmp_path: Path, case: AdapterCase, printed: str, failure: FailureClass
) -> None:
    outcome = case.ended(tmp_path, f"{printed}\n{ENDED}")
    assert (outcome.state, outcome.failure) == (StepState.FAILED, failure)


@pytest.mark.parametrize("case", PROJECTS, ids=lambda one: one.adapter.name)
def test_a_run_without_its_last_line_is_a_failure(tmp_path: Path, case: AdapterCase) -> None:
    assert case.ended(tmp_path, ENDED).done
    assert not case.ended(tmp_path, "emClarity version 1\n").done


def test_lengths_are_written_in_metres() -> None:
    file = parameters(CTF, 0, defocus=2.5, bead_diameter=5)
    assert {key: float(file[key]) for key in ("PIXEL_SIZE", "Cs", "VOLTAGE", "defEstimate",
                                              "beadDiameter", "defCutOff")} == {
        "PIXEL_SIZE": 1.35e-10, "Cs": 2.7e-3, "VOLTAGE": 300e3, "defEstimate": 2.5e-6,
        "beadDiameter": 5e-9, "defCutOff": 7e-10,
    }  # fmt: skip


def test_no_comment_and_no_second_equals_sign_breaks_its_parser() -> None:
    (file,) = CTF.command(0).files
    assert all(line.count("=") == 1 and "%" not in line for line in file.text.splitlines())


def test_an_alignment_is_its_transforms_and_angles(tmp_path: Path) -> None:
    files = {"fixedStacks/series.xf": "  1.0000 0.0000\n", "fixedStacks/series.tlt": "-60.0\n"}
    outcome = ALIGN.ended(tmp_path, "", files=files)
    assert outcome.done, outcome.reason
    assert Path(outcome.outputs["tilt_angles"]).name == "TS_01.tlt"
    assert ALIGN.ended(tmp_path, "").failure is FailureClass.MISSING_OUTPUT


def test_the_search_reads_its_project_by_links() -> None:
    links = {one.name: one.target for one in SEARCH.command(0, project_name="p").links}
    assert links["cache"] == "proj/cache"
    assert links["p.mat"] == "proj/p.mat"
    assert "p.mat" not in {one.name for one in SEARCH.command(0).links}
