"""The forms as JSON Schema: sound, as strict as the files, and with help for each key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gpucore.config import SiteConfig, adapter_toml, parse_toml
from gpucore.config.schema import FORMS, file_schema
from gpucore.config.shapes import keys_of
from gpucore.registry import open_plugins

GOOD = {
    "gpucore": 'gpus = "0 1"\nthreads = 3\nwatch = 2\n[program.gctf]\nenv = { A = "b" }\n'
    "prepend_path = { PATH = ['/opt'] }\ncontainer = { image = 'a', engine = 'docker' }\n",
    "job": "[run]\nthreads = 3\n[[stage]]\nname = 'a'\nadapter = 'gctf'\nitems = ['a.mrc']\n"
    "params = { pixel_size = 1, patch = [5, 5], fast = true, mode = 'x' }\n",
}
BAD = {
    "gpucore": ["gpu = '0'", "gpus = 0", "sharing = 'often'", "[program.gctf]\nexec = 'a'",
                "[plugins]\ndisable = 'a'", "program = 1"],
    "job": ["[[stage]]\nname = 'a'", "[run]\nout = 'a'", "[[step]]\nname = 1\nadapter = 'a'",
            "schema = 2", "[stage]\nname = 'a'\nadapter = 'b'"],
    "adapter": ["name = 'a'", "schema = 1\nname = 'a'\ntitle = 'b'\nextra = 1"],
}  # fmt: skip


def faults(form: str, text: str) -> list[Any]:
    return list(
        Draft202012Validator(file_schema(form)).iter_errors(parse_toml(Path("x"), text).data)
    )


@pytest.mark.parametrize("form", FORMS)
def test_a_schema_is_sound(form: str) -> None:
    Draft202012Validator.check_schema(file_schema(form))


@pytest.mark.parametrize("form", FORMS)
def test_a_schema_has_the_keys_of_the_form_in_toml_and_says_what_each_is(form: str) -> None:
    kind, title = FORMS[form]
    schema = file_schema(form)
    assert schema["title"] == title
    assert list(schema["properties"]) == list(keys_of(kind))
    for table in (schema, *schema["$defs"].values()):
        for key, one in table.get("properties", {}).items():
            assert not key.endswith("_")
            assert one.get("description"), f"{form}: {table['title']}.{key}"


@pytest.mark.parametrize("form", GOOD)
def test_a_file_that_is_fine_is_allowed(form: str) -> None:
    assert not faults(form, GOOD[form])


@pytest.mark.slow
def test_an_adapter_that_is_fine_is_allowed() -> None:
    plugins = open_plugins(SiteConfig())
    for name in ("motioncor3", "gctf", "relion_refine3d", "ctffind"):
        assert not faults("adapter", adapter_toml(plugins.adapter(name))), name


@pytest.mark.parametrize(
    ("form", "text"), [(form, text) for form, texts in BAD.items() for text in texts]
)
def test_what_the_form_refuses_the_schema_refuses(form: str, text: str) -> None:
    assert faults(form, text)
