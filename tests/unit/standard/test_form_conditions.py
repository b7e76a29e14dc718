"""What the form says beside the command: conditions, needs, and what outputs must hold."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from forms import PARAMS, adapter, command, held, values
from programs import shell

from gpucore.config import SiteConfig
from gpucore.errors import GpucoreError, ParameterError, StepError
from gpucore.executor import StepExecutor
from gpucore.outcomes import expected_outputs
from gpucore.planning import make_step
from gpucore.standard import (
    Adapter,
    FailureClass,
    Group,
    InputFile,
    Link,
    Output,
    Param,
)
from gpucore.standard.checks import adapter_faults
from gpucore.standard.params import read_values

if TYPE_CHECKING:
    from pathlib import Path

    from gpucore.standard import Outcome

# Several names under `when` and `unless`.


@pytest.mark.parametrize(
    ("given", "all_of", "none_of", "one_without_other"),
    [({}, False, True, False), ({"gain": "g"}, False, False, True),
     ({"patch": [5, 5]}, False, False, False),
     ({"gain": "g", "patch": [5, 5]}, True, False, False)],
)  # fmt: skip
def test_of_several_under_when_all_must_hold_and_under_unless_none_may(
    given: dict[str, object], all_of: bool, none_of: bool, one_without_other: bool
) -> None:
    assert held(Group(when=("gain", "patch"), args=()), **given) == all_of
    assert held(Group(unless=("gain", "patch"), args=()), **given) == none_of
    assert held(Group(when=("gain",), unless=("patch",), args=()), **given) == one_without_other


def test_one_name_is_a_tuple_of_one() -> None:
    for given in ({}, {"gain": "g"}):
        one = held(Group(when="gain", args=()), **given)
        assert one == held(Group(when=("gain",), args=()), **given) == bool(given)
        assert held(Group(unless="gain", args=()), **given) != one


def test_a_name_is_never_read_letter_by_letter() -> None:
    assert Group(when="gain", args=()).all_when == ("gain",)
    assert Group(unless="gain", args=()).all_unless == ("gain",)
    assert Group(args=()).all_when == Group(args=()).all_unless == ()


@pytest.mark.parametrize("gpu", [True, False])
def test_the_gpu_is_one_of_several_names(gpu: bool) -> None:
    assert held(Group(when=("gpu", "gain"), args=()), gpu=gpu, gain="g") == gpu
    assert held(Group(when=("cpu", "gain"), args=()), gpu=gpu, gain="g") != gpu
    assert not held(Group(when=("gpu", "gain"), args=()), gpu=gpu)


@pytest.mark.parametrize(
    ("pixel", "late_dose", "there"),
    [(1.0, 0.0, False), (1.0, 0.5, False), (1.0, 2.0, True), (0.5, 2.0, False)],
)
def test_the_test_counts_for_each_of_several_names(
    pixel: float, late_dose: float, there: bool
) -> None:
    group = Group(when=("pixel", "late_dose"), at_least=1, args=())
    assert held(group, pixel=pixel, late_dose=late_dose, dose=1.0) == there


# Links and files.

LINKED = adapter(
    link=(
        Link(name="movie.tif", target="%(movie)s", when="movie", suffix=(".tif",)),
        Link(name="movie.mrc", target="%(movie)s", when="movie", suffix=(".mrc",)),
        Link(name="gain", target="%(gain)s"),
        Link(name="both", target="%(gain)s", when=("gain", "patch")),
        Link(name="plain", target="%(movie)s", unless="patch"),
    ),
    file=(
        InputFile(name="dose.txt", text="%(dose)s\n"),
        InputFile(name="flip.txt", text="flip\n", when="flip"),
        InputFile(name="flat.txt", text="flat\n", unless=("flip", "patch")),
        InputFile(name="late.txt", text="late\n", when="late_dose", at_least=1),
    ),
)
LINK_CASES = [
    ({}, {"movie.tif", "plain"}, {"flat.txt"}),
    ({"movie": "m.MRC"}, {"movie.mrc", "plain"}, {"flat.txt"}),
    ({"gain": "g"}, {"movie.tif", "plain", "gain"}, {"flat.txt"}),
    ({"patch": [2, 2]}, {"movie.tif"}, set()),
    ({"gain": "g", "patch": [2, 2]}, {"movie.tif", "gain", "both"}, set()),
    ({"gain": "g", "flip": True}, {"movie.tif", "plain", "gain"}, {"flip.txt"}),
    ({"dose": 1.0, "pixel": 1.0}, {"movie.tif", "plain"}, {"dose.txt", "flat.txt"}),
    (
        {"dose": 1.0, "pixel": 1.0, "late_dose": 2.0},
        {"movie.tif", "plain"},
        {"dose.txt", "flat.txt", "late.txt"},
    ),
]


def test_links_and_files_under_conditions_are_no_fault() -> None:
    assert adapter_faults(LINKED) == []


@pytest.mark.parametrize(("given", "links", "files"), LINK_CASES)
def test_links_and_files_are_made_under_their_conditions(
    given: dict[str, object], links: set[str], files: set[str]
) -> None:
    made = command(LINKED, **given)
    assert {link.name for link in made.links} == links
    assert {file.name for file in made.files} == files


@pytest.mark.parametrize(("given", "seen"), [({"item": "a.txt"}, "hello"), ({}, "nothing")])
def test_a_link_is_in_the_steps_own_directory_only_under_its_condition(
    tmp_path: Path, given: dict[str, object], seen: str
) -> None:
    linked = replace(shell(own_directory=True), link=(Link(name="in", target="%(item)s"),))
    (tmp_path / "a.txt").write_text("hello")
    text = f"if [ -L in ]; then cat in; else printf nothing; fi > '{tmp_path}/seen'"
    outcome = ran(tmp_path, text, linked, **given)
    assert outcome.done, outcome.reason
    assert (tmp_path / "seen").read_text() == seen


# What a path must end in, and what a parameter needs.


@pytest.mark.parametrize("movie", ["m.mrc", "m.MRC", "a b/m.Tif", ".mrc", "-m.tif"])
def test_a_suffix_is_accepted_in_whatever_case(movie: str) -> None:
    assert str(values(movie=movie)["movie"]).endswith(movie)


@pytest.mark.parametrize("movie", ["m.mrcs", "m", "mrc", "m.tif/x", "m.tif ", "m.mrc.gz"])
def test_another_suffix_is_refused_with_those_that_are_known(movie: str) -> None:
    with pytest.raises(ParameterError, match="no suffix that the program knows") as caught:
        values(movie=movie)
    assert ".mrc, .tif" in str(caught.value)


def test_a_leading_dash_is_no_way_past_the_suffix() -> None:
    with pytest.raises(ParameterError):
        values(movie="-m.png")


def test_each_path_of_a_list_is_looked_at() -> None:
    many = Param(type="path", length=0, suffix=(".mrc",), help="paths")
    form = adapter(params={**PARAMS, "many": many})
    read_values(form, {"movie": "m.tif", "many": ["a.mrc", "b.mrc"]})
    with pytest.raises(ParameterError, match=r"b\.tif"):
        read_values(form, {"movie": "m.tif", "many": ["a.mrc", "b.tif"]})


def test_a_value_without_what_it_needs_is_refused_by_both_names() -> None:
    with pytest.raises(ParameterError, match="`dose` is given without `pixel`"):
        values(dose=1.0)
    assert values(dose=1.0, pixel=1.0)["dose"] == 1.0


def test_every_lack_is_told_at_once() -> None:
    with pytest.raises(GpucoreError) as caught:
        values(late_dose=1.0, flip=True)
    for lack in ("`late_dose` is given without `dose`", "`late_dose` is given without `pixel`",
                 "`flip` is given without `gain`"):  # fmt: skip
        assert lack in str(caught.value)


@pytest.mark.parametrize("given", [{}, {"flip": False}, {"late_dose": 0.0}, {"dose": None}])
def test_what_is_not_given_or_says_no_needs_nothing(given: dict[str, object]) -> None:
    values(**given)


@pytest.mark.parametrize("given", [{}, {"dose": 1.0}, {"dose": 1}])
def test_a_default_needs_nothing_whether_it_is_written_or_not(given: dict[str, object]) -> None:
    dose = replace(PARAMS["dose"], default=1.0)
    read = read_values(adapter(params={**PARAMS, "dose": dose}), {"movie": "m.tif", **given})
    assert read["dose"] == 1.0


def test_what_is_given_beside_a_default_needs_the_others() -> None:
    dose = replace(PARAMS["dose"], default=1.0)
    with pytest.raises(ParameterError, match="`dose` is given without `pixel`"):
        read_values(adapter(params={**PARAMS, "dose": dose}), {"movie": "m.tif", "dose": 2})


# Outputs.


def expected(output: tuple[Output, ...], *, gpu: bool = False, **given: object) -> dict[str, str]:
    step = make_step(adapter(output=output), {"movie": "m.tif", **given}, name="s", output="o")
    return {one.name: one.path for one in expected_outputs(step, step.values, gpu=gpu)}


def test_an_output_may_hang_on_two_parameters() -> None:
    log = Output(name="log", path="%(out.base)s.log", when=("gain", "patch"))
    assert "log" not in expected((log,), gain="g")
    assert "log" not in expected((log,), patch=[2, 2])
    assert expected((log,), gain="g", patch=[2, 2])["log"] == "o/m.log"


def test_one_name_may_stand_for_two_files_of_which_one_is_there() -> None:
    outputs = (
        Output(name="log", path="%(out.base)s-full.log", unless="patch"),
        Output(name="log", path="%(out.base)s-patch.log", when="patch"),
    )
    assert adapter_faults(adapter(output=outputs)) == []
    assert expected(outputs)["log"] == "o/m-full.log"
    assert expected(outputs, patch=[2, 2])["log"] == "o/m-patch.log"


def ran(folder: Path, text: str, probe: Adapter, **given: object) -> Outcome:
    """How a real step of a stand-in ends that runs this shell text."""
    opened = StepExecutor.open(gpus="", output="out", root=folder, config=SiteConfig())
    with opened as executor:
        future = executor.submit(probe, text=text, **given)
        error = future.exception()
    if isinstance(error, StepError):
        return error.outcome
    return future.result()


RESULT = Output(name="result", path="result.txt", match=r"^\s*\d+ +\d")


def probe(*output: Output) -> Adapter:
    """A stand-in whose outputs lie beside its `out`."""
    placed = tuple(
        one if one.name == "out" else replace(one, path=f"%(out.dir)s/{one.path}") for one in output
    )
    made = shell(output=placed)
    return replace(made, params={**made.params, "out": replace(made.params["out"], optional=False)})


@pytest.mark.parametrize(
    "text", ["1 2", "# head\\n 12  7 x\\n# tail", "\\r0%%\\r100%%\\r3 4", "nan nan\\n1 1"]
)
def test_an_output_with_a_line_that_fits_is_a_result(tmp_path: Path, text: str) -> None:
    outcome = ran(
        tmp_path, f"echo x > out/out.txt; printf '{text}' > out/result.txt", probe(RESULT)
    )
    assert outcome.done, outcome.reason
    assert outcome.outputs["result"] == str(tmp_path / "out" / "result.txt")


@pytest.mark.parametrize("text", ["# 1 2\\n", "nan nan\\n", "1\\n2\\n", "\\n"])
def test_exit_code_0_and_an_output_without_such_a_line_is_a_failure(
    tmp_path: Path, text: str
) -> None:
    outcome = ran(
        tmp_path, f"echo x > out/out.txt; printf '{text}' > out/result.txt", probe(RESULT)
    )
    assert (outcome.exit_code, outcome.failure) == (0, FailureClass.MISSING_OUTPUT)
    assert "it holds no result" in outcome.reason
    assert "result.txt" in outcome.reason


def test_the_output_of_an_output_parameter_must_hold_its_line_too(tmp_path: Path) -> None:
    own = Output(name="out", match="Final Values")
    bad = ran(tmp_path, "echo begun > out/out.txt", probe(own))
    assert bad.failure is FailureClass.MISSING_OUTPUT
    assert "Final Values" in bad.reason
    assert ran(tmp_path, "echo 1 Final Values > out/out.txt", probe(own)).done


def test_an_optional_output_that_is_not_there_is_no_failure_and_has_no_name(
    tmp_path: Path,
) -> None:
    outcome = ran(tmp_path, "echo x > out/out.txt", probe(replace(RESULT, optional=True)))
    assert outcome.done, outcome.reason
    assert set(outcome.outputs) == {"out"}


def test_an_optional_output_that_is_there_is_named_and_must_be_sane(tmp_path: Path) -> None:
    optional = probe(replace(RESULT, optional=True))
    good = ran(tmp_path, "echo x > out/out.txt; echo 1 2 > out/result.txt", optional)
    assert set(good.outputs) == {"out", "result"}
    bad = ran(tmp_path, "echo x > out/out.txt; echo no > out/result.txt", optional)
    assert bad.failure is FailureClass.MISSING_OUTPUT


def test_an_optional_output_of_an_earlier_run_is_not_taken_for_this_ones(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "result.txt").write_text("1 2\n")
    os.utime(tmp_path / "out" / "result.txt", (1, 1))
    outcome = ran(tmp_path, "echo x > out/out.txt", probe(replace(RESULT, optional=True)))
    assert outcome.done, outcome.reason
    assert set(outcome.outputs) == {"out"}


def test_an_output_that_is_not_optional_must_be_there(tmp_path: Path) -> None:
    outcome = ran(tmp_path, "echo x > out/out.txt", probe(RESULT))
    assert outcome.failure is FailureClass.MISSING_OUTPUT
    assert "it is not there" in outcome.reason
