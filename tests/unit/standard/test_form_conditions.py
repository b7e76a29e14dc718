"""What the form says beside the command: conditions, needs, and what outputs must hold."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from programs import shell

from gpucore.config import SiteConfig, check_adapter, parse_toml
from gpucore.errors import GpucoreError, ParameterError, StepError
from gpucore.executor import StepExecutor
from gpucore.outcomes import expected_outputs
from gpucore.planning import make_step
from gpucore.registry import open_plugins
from gpucore.standard import (
    Adapter,
    FailureClass,
    Group,
    InputFile,
    Link,
    Output,
    Param,
    Program,
    Template,
    render,
)
from gpucore.standard.checks import adapter_faults
from gpucore.standard.params import read_values
from gpucore.standard.template import holds

if TYPE_CHECKING:
    from gpucore.standard import Command, Outcome

PARAMS = {
    "movie": Param(type="path", item=True, suffix=(".mrc", ".tif"), help="a movie"),
    "out": Param(type="path", output="%(movie.stem)s.txt", help="a result"),
    "gain": Param(type="path", optional=True, help="a gain reference"),
    "dose": Param(type="float", optional=True, needs=("pixel",), help="a dose"),
    "late_dose": Param(type="float", default=0.0, needs=("dose", "pixel"), help="a dose"),
    "pixel": Param(type="float", optional=True, min=0.1, help="a pixel size"),
    "flip": Param(type="bool", default=False, needs=("gain",), help="flip the gain"),
    "patch": Param(type="int", optional=True, length=2, help="patches"),
}


def adapter(**changes: object) -> Adapter:
    made = Adapter(
        name="form",
        title="a form",
        program=Program(executable="form"),
        command=Template(argv=("%(EXE)s", "%(movie)s", "%(out)s"), own_directory=True),
        params=PARAMS,
    )
    return replace(made, **changes)


def values(**given: object) -> dict[str, object]:
    return read_values(adapter(), {"movie": "m.tif", "out": "m.txt", **given})


def held(condition: Group, *, gpu: bool = False, **given: object) -> bool:
    return holds(condition, values(**given), PARAMS, gpu=gpu)


def command(form: Adapter, **given: object) -> Command:
    return render(form, values(**given))


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


@pytest.mark.xfail(
    reason="`_text` returns a path with a leading dash before it looks at the suffix", strict=False
)
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


def test_a_default_counts_as_a_value() -> None:
    dose = replace(PARAMS["dose"], default=1.0)
    with pytest.raises(ParameterError, match="`dose` is given without `pixel`"):
        read_values(adapter(params={**PARAMS, "dose": dose}), {"movie": "m.tif"})


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


# The same in TOML.

TOML = """
name = "form"
title = "a form"
[program]
executable = "form"
[command]
argv = ["%(EXE)s", "%(movie)s",
        {{ when = {when}, args = ["-x"] }}, {{ unless = {when}, args = ["-y"] }}]
own_directory = true
[params]
movie = {{ type = "path", item = true, suffix = [".mrc", ".tif"], help = "a movie" }}
out = {{ type = "path", output = "%(movie.stem)s.txt", help = "a result" }}
a = {{ type = "int", optional = true, needs = ["b"], help = "a" }}
b = {{ type = "int", optional = true, help = "b" }}
[[link]]
name = "link"
target = "%(movie)s"
when = {when}
[[file]]
name = "file"
text = "%(a)s"
unless = {when}
[[output]]
name = "log"
path = "%(out.base)s.log"
when = {when}
match = '^\\d'
optional = true
"""


def from_toml(when: str) -> Adapter:
    return check_adapter(parse_toml(Path("form.toml"), TOML.format(when=when)))


def test_toml_says_one_name_or_several() -> None:
    one, several = from_toml('"a"'), from_toml('["a", "b"]')
    for form, names in ((one, ("a",)), (several, ("a", "b"))):
        first, second = form.command.argv[2:]
        assert isinstance(first, Group)
        assert isinstance(second, Group)
        assert first.all_when == second.all_unless == names
        assert form.link[0].all_when == form.file[0].all_unless == names
        assert form.output[0].all_when == names


def test_toml_says_suffix_needs_match_and_optional() -> None:
    form = from_toml('"a"')
    assert form.params["movie"].suffix == (".mrc", ".tif")
    assert form.params["a"].needs == ("b",)
    assert form.output[0] == Output(
        name="log", path="%(out.base)s.log", when="a", match=r"^\d", optional=True
    )


def test_several_names_of_toml_are_all_looked_at() -> None:
    form = from_toml('["a", "b"]')
    both = render(form, read_values(form, {"movie": "m.tif", "a": 1, "b": 2}))
    assert both.argv == ("form", "m.tif", "-x")
    assert [one.name for one in both.links] == ["link"]
    alone = render(form, read_values(form, {"movie": "m.tif", "b": 2}))
    assert alone.argv == ("form", "m.tif")
    assert not alone.links


@pytest.mark.parametrize("when", ["1", "true", '[["a"]]', "[1]", '{ a = "b" }'])
def test_toml_that_names_nothing_is_refused_with_its_line(when: str) -> None:
    with pytest.raises(GpucoreError, match=r"form\.toml"):
        from_toml(when)


@pytest.mark.parametrize(
    "changes",
    [
        {"output": (Output(name="l", path="%(out)s.l", when=("gain", "gian")),)},
        {"output": (Output(name="l", path="%(out)s.l", unless=("gain", "gian")),)},
        {"link": (Link(name="l", target="%(movie)s", when=("gain", "gian")),)},
        {"file": (InputFile(name="l", text="", unless=("gian", "gain")),)},
        {
            "command": Template(
                argv=("%(EXE)s", Group(when=("gpu", "gian"), args=())), own_directory=True
            )
        },
    ],
    ids=["output when", "output unless", "link", "file", "group"],
)
def test_an_unknown_name_among_several_is_a_fault_that_names_it(
    changes: dict[str, object],
) -> None:
    faults = adapter_faults(adapter(**changes))
    assert [fault.what for fault in faults] == ["`gian` is no condition"]
    assert "gain" in faults[0].hint


def test_an_unknown_name_among_several_is_told_with_its_file() -> None:
    with pytest.raises(GpucoreError, match=r"form\.toml.*`c` is no condition"):
        from_toml('["a", "c"]')


def test_a_pattern_that_is_none_is_a_fault() -> None:
    faults = adapter_faults(adapter(output=(Output(name="l", path="%(out)s.l", match="("),)))
    assert [fault.where for fault in faults] == ["output[0].match"]


# What comes with gpucore.

BUILT_IN = open_plugins(SiteConfig()).adapters

UNITLESS = {
    # counts, places in a row, and ways of doing it
    "threads", "io_threads", "mpi", "iterations", "classes", "fits", "seed", "platform", "speed",
    "patch", "patch_x", "patch_y", "reference_frame", "first_frame", "last_frame", "gain_flip",
    "eer_sampling", "eer_upsampling", "max_search", "max_significant", "template_norm",
    "refine_type", "phase_shift_target",
    # factors and ratios
    "bin", "upsample", "oversampling", "epa_oversampling", "overlap", "padding", "shrink",
    "ccf_downsample", "magnification", "amplitude_contrast", "gpu_memory", "regularisation",
    # scores, and values of an image whose deviation is one
    "threshold", "gauss_max", "max_noise", "min_noise_average", "trimming_cutoff",
    "local_sigma_cutoff", "local_average_min", "local_average_max",
}  # fmt: skip


def test_the_programs_that_come_with_gpucore_are_found() -> None:
    assert {"motioncor2", "motioncor3", "gctf", "gautomatch", "ctffind"} <= set(BUILT_IN)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_adapter_does_not_contradict_itself(name: str) -> None:
    assert adapter_faults(BUILT_IN[name]) == []


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_adapter_says_where_it_comes_from_and_shows_its_use(name: str) -> None:
    known = BUILT_IN[name]
    assert known.licence
    assert known.citation
    assert known.source
    assert len(known.example) >= 3
    assert known.item
    assert known.output_params
    assert known.title


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_parameter_of_a_built_in_adapter_says_what_it_is(name: str) -> None:
    for key, param in BUILT_IN[name].params.items():
        assert param.help, key
        assert "\n" not in param.help, key


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_number_that_has_a_dimension_has_a_unit(name: str) -> None:
    bare = {
        key
        for key, param in BUILT_IN[name].params.items()
        if param.type in {"int", "float"} and not param.unit
    }
    assert bare <= UNITLESS


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_a_parameter_needs_is_a_parameter_and_not_itself(name: str) -> None:
    params = BUILT_IN[name].params
    for key, param in params.items():
        assert set(param.needs) <= set(params) - {key}, key


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_least_that_must_be_given_is_not_refused_for_what_a_default_needs(name: str) -> None:
    known = BUILT_IN[name]
    least = {key: known.example[0].params[key] for key, one in known.params.items() if one.required}
    read_values(known, least)
