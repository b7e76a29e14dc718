"""Whatever a file holds, nothing but a fault that names the file comes out."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from toml_adapters import FULL, MOTIONCOR3

from gpucore.config import job_faults, kind_of, load_site, locate, read_adapter, read_job, read_toml
from gpucore.errors import Faults, GpucoreError


def _texts(name: str) -> object:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


JOBS = _texts("test_config_jobs")
SITE = 'gpus = "0 1"\nthreads = 3\n[program.gctf]\nexecutable = "x"\nenv = { A = "1" }\n'
TEXTS = [JOBS.JOB, FULL, MOTIONCOR3, SITE]
PIECES = ["=", "[", "]", "[[", "]]", "{", "}", '"', "'", '"""', "\n", ".", ",", "#", "\\", "%(x)s",
          "0x" + "f" * 40, "1e999", "nan", "true", "2020-01-01", "99999999999999999999", "-1", "''",
          "[]", "{}", "[[[]]]", "\0", "\u2028", "é", "\ufeff", "name = 1\n",
          "[a.b]\n", "schema = 2",
          "a.b.c", "(", "class", "class_", "'\\u0000'"]  # fmt: skip


def read_all(path: Path) -> None:
    """Read a file as everything that it could be."""

    def fine(read) -> None:
        try:
            read()
        except GpucoreError as error:
            faults = error.errors if isinstance(error, Faults) else [error]
            for fault in faults:
                assert str(path) in fault.where
                assert fault.what
                assert fault.hint or "example[" in fault.where

    def job() -> None:
        job_file = read_job(path)
        for fault in job_faults(job_file, JOBS.ADAPTERS):
            assert str(path) in fault.where
            assert fault.hint

    def data() -> None:
        file = read_toml(path)
        assert kind_of(file.data) in {"job", "adapter", "site"}
        for key in file.data:
            source = locate(file.text, (key,)).source
            assert key in source or '"' in source or "'" in source

    fine(job)
    fine(data)
    fine(lambda: read_adapter(path))
    fine(lambda: load_site(path, {}, path.parent, system=path.parent / "none"))


@st.composite
def mutated(draw) -> str:
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 0, 1, 3, 8, 40])))
        text = text[:start] + draw(st.sampled_from(["", *PIECES])) + text[end:]
    return text


@st.composite
def revalued(draw) -> str:
    """A valid file with the values of some of its lines put in each other's place."""
    lines = draw(st.sampled_from(TEXTS)).split("\n")
    places = [place for place, line in enumerate(lines) if " = " in line]
    values = [lines[place].split("=", 1)[1] for place in places] + [f" {one}" for one in PIECES]
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.sampled_from(places))
        lines[place] = lines[place].split("=", 1)[0] + "=" + draw(st.sampled_from(values))
    return "\n".join(lines)


FUZZ = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.slow
@FUZZ
@given(text=st.one_of(mutated(), revalued()))
@example(text="a" + ".a" * 3000 + " = 1")
@example(text="params" + ".a" * 300 + " = 1")
@example(text="[params]\nx = " + "[" * 300 + "]" * 300)
@example(text="stage = [" + "{}, " * 500 + "]")
@example(text='"" = 1\n"".a = 2')
@example(text="name = '" + "x" * 100_000 + "'")
def test_a_changed_file_is_a_fault_or_fine(tmp_path, text):
    path = tmp_path / "x.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    read_all(path)


@pytest.mark.slow
@FUZZ
@given(raw=st.binary(max_size=200))
def test_bytes_are_a_fault_or_fine(tmp_path, raw):
    path = tmp_path / "x.toml"
    path.write_bytes(raw)
    read_all(path)
