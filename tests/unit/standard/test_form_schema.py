"""The JSON Schema of a form: valid by its own rules, and of the same mind as gpucore."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from forms import adapter as a_form
from jsonschema import Draft202012Validator
from toml_adapters import full

from gpucore.errors import GpucoreError, GpuListError
from gpucore.plugins import PluginHost
from gpucore.standard import Adapter, Gpu, GpuUse, Param, parse_gpu_list
from gpucore.standard.form import DRAFT, form_schema
from gpucore.standard.params import read_values

if TYPE_CHECKING:
    from collections.abc import Mapping

INSTALLED = PluginHost.load().adapters
EVERY = pytest.mark.parametrize("name", INSTALLED)


def schema_of(adapter: Adapter) -> dict[str, Any]:
    """Return a form as whoever reads its JSON has it."""
    schema: dict[str, Any] = json.loads(json.dumps(form_schema(adapter)))
    return schema


def faults(adapter: Adapter, given: Mapping[str, object], **execution: object) -> list[str]:
    ranks = {name: value for name, value in given.items() if name == adapter.gpu.ranks}
    params = {name: value for name, value in given.items() if name not in ranks}
    form = json.loads(json.dumps({"execution": execution | ranks, "params": params}))
    return [one.message for one in Draft202012Validator(schema_of(adapter)).iter_errors(form)]


def with_params(**params: Param) -> Adapter:
    return replace(a_form(), params={**a_form().params, **params})


@EVERY
def test_every_form_is_valid_against_the_meta_schema(name: str) -> None:
    schema = schema_of(INSTALLED[name])
    assert schema["$schema"] == DRAFT
    Draft202012Validator.check_schema(schema)


@EVERY
def test_the_execution_parameters_come_first(name: str) -> None:
    gpu = INSTALLED[name].gpu
    parts = schema_of(INSTALLED[name])["properties"]
    wanted = ["threads", *([gpu.ranks] if gpu.ranks else [])]
    wanted += ["USE_GPU"] if gpu.use is GpuUse.OPTIONAL else []
    wanted += ["GPU_LIST"] if gpu.use is not GpuUse.NONE else []
    assert list(parts) == ["execution", "params"]
    assert list(parts["execution"]["properties"]) == wanted


@EVERY
def test_every_parameter_has_a_title_a_help_and_its_default(name: str) -> None:
    adapter = INSTALLED[name]
    parts = schema_of(adapter)["properties"]
    shown = parts["execution"]["properties"] | parts["params"]["properties"]
    for key, param in adapter.params.items():
        assert shown[key]["title"]
        assert shown[key]["description"] == param.help
        default = list(param.default) if isinstance(param.default, tuple) else param.default
        assert shown[key].get("default") == default
        assert shown[key].get("x-gpucore", {}).get("unit", "") == param.unit


@EVERY
def test_every_default_is_allowed_by_its_own_schema(name: str) -> None:
    for part in schema_of(INSTALLED[name])["properties"].values():
        for one in part["properties"].values():
            if "default" in one:
                Draft202012Validator(one).validate(one["default"])


@EVERY
def test_every_worked_example_is_allowed(name: str) -> None:
    for example in INSTALLED[name].example:
        assert not faults(INSTALLED[name], example.params)


@EVERY
def test_sections_hold_every_parameter_once(name: str) -> None:
    params = schema_of(INSTALLED[name])["properties"]["params"]
    held = [one for section in params["x-gpucore"]["sections"] for one in section["params"]]
    assert sorted(held) == sorted(params["properties"])


GIVEN = [
    ("n", Param(type="int", optional=True, min=1, max=3, help="n"), [0, 1, 3, 4, "1", True, 1.5]),
    ("n", Param(type="float", optional=True, above=0, below=1, help="n"), [0, 0.5, 1, "0.5", True]),
    ("n", Param(type="bool", optional=True, help="n"), [True, False, 1, "true"]),
    ("n", Param(type="choice", choices=("a", "b"), optional=True, help="n"), ["a", "c", 1]),
    ("n", Param(type="path", optional=True, help="n"), ["a", "", 1]),
    ("n", Param(type="path", suffix=(".mrc", ".TIF"), optional=True, help="n"),
     ["a.mrc", "a.MRC", "a.tif", "a.mrcs", "amrc", ".mrc/a"]),
    ("n", Param(type="path", blanks=False, suffix=(".mrc",), optional=True, help="n"),
     ["a.mrc", "a b.mrc", "a'.mrc", "a.tif"]),
    ("n", Param(type="string", optional=True, help="n"), ["", "a b", 1]),
    ("n", Param(type="int", length=2, optional=True, min=1, help="n"),
     [[1, 2], [1], [1, 2, 3], [0, 1], ["1", 2]]),
    ("n", Param(type="float", length=0, optional=True, help="n"), [[], [1.5], [1, 2, 3], ["a"]]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "param", "value"),
    [(name, param, value) for name, param, values in GIVEN for value in values],
)
def test_the_schema_refuses_what_gpucore_refuses(name: str, param: Param, value: object) -> None:
    adapter = with_params(**{name: param})
    given = {"movie": "a.mrc", name: value}
    try:
        read_values(adapter, given)
        refused = False
    except GpucoreError:
        refused = True
    assert bool(faults(adapter, given)) == refused


@pytest.mark.parametrize(
    ("given", "fine"),
    [
        ({}, True),
        ({"turn": 0}, True),
        ({"turn": 2}, True),
        ({"turn": 1}, False),
        ({"turn": 1, "gain": "g.mrc"}, True),
        ({"flag": True}, False),
        ({"flag": True, "on": True}, True),
        ({"flag": True, "on": False}, False),
        ({"flag": False}, True),
    ],
)
def test_a_value_that_needs_another_needs_it_in_the_form(
    given: dict[str, object], fine: bool
) -> None:
    adapter = with_params(
        gain=Param(type="path", optional=True, help="gain"),
        turn=Param(type="int", default=2, needs=("gain",), help="turn"),
        on=Param(type="bool", default=False, help="on"),
        flag=Param(type="bool", default=False, needs=("on",), help="flag"),
    )
    whole = {"movie": "a.mrc", **given}
    assert bool(faults(adapter, whole)) != fine
    try:
        read_values(adapter, whole)
        taken = True
    except GpucoreError:
        taken = False
    assert taken == fine


@pytest.mark.parametrize(
    "text",
    ["0", "0 1", "0,1", "0-3", " 0 , 1 ", "99", "auto", " auto ", "GPU-8f3a", "MIG-12ab/1/0",
     "0 GPU-8f3a-1 2-3", "", "0;1", "-1", "1-2-3", "a", "0.5", "0:1", "auto 1", "cuda:0"],
)  # fmt: skip
def test_a_gpu_list_that_gpucore_reads_fits_the_pattern(text: str) -> None:
    adapter = replace(a_form(), gpu=Gpu(use=GpuUse.OPTIONAL))
    try:
        parse_gpu_list(text)
        read = True
    except GpuListError:
        read = False
    assert bool(faults(adapter, {"movie": "a.mrc"}, GPU_LIST=text)) != read


def test_a_program_that_needs_a_gpu_is_asked_for_one() -> None:
    adapter = replace(a_form(), gpu=Gpu(use=GpuUse.COMPULSORY))
    assert faults(adapter, {"movie": "a.mrc"}, GPU_LIST="")
    assert faults(adapter, {"movie": "a.mrc"}, USE_GPU=False)


def test_what_json_schema_has_no_word_for_is_named_as_in_the_form() -> None:
    shown = schema_of(full())["properties"]["params"]["properties"]
    assert shown["movie"]["x-gpucore"] == {"path": True, "item": True, "check": "mrc"}
    assert shown["out"]["x-gpucore"] == {"path": True, "output": "%(movie.stem)s.mrc"}
    assert shown["patch"]["x-gpucore"] == {"unit": "px"}


def test_titles_and_sections_are_those_of_the_adapter() -> None:
    adapter = with_params(
        cs=Param(type="float", default=2.7, title="Cs", section="Microscope", help="cs"),
        kv=Param(type="int", default=300, section="Microscope", advanced=True, help="kv"),
    )
    params = schema_of(adapter)["properties"]["params"]
    assert params["properties"]["cs"]["title"] == "Cs"
    assert params["properties"]["kv"]["x-gpucore"]["advanced"] is True
    assert {"title": "Microscope", "params": ["cs", "kv"]} in params["x-gpucore"]["sections"]
