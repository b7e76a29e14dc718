"""What a container is shown of the machine's files, and what its name may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucore.standard import Adapter, Param, Program, Template
from gpucore.startup import container_name, folders_of

ADAPTER = Adapter(
    name="probe",
    title="a stand-in",
    program=Program(executable="probe"),
    command=Template(argv=("%(EXE)s", "%(item)s", "%(more)s", "%(out)s")),
    params={
        "item": Param(type="path", item=True, help="what is read"),
        "more": Param(type="path", length=2, optional=True, help="what is read, too"),
        "out": Param(type="path", output="o.txt", help="what is made"),
    },
)


def shown(item, *outputs, more=None):
    return folders_of(ADAPTER, {"item": str(item), "more": more, "out": None}, map(str, outputs))


def test_the_folders_of_inputs_and_outputs_are_shown(tmp_path):
    for name in ("in", "out", "more"):
        (tmp_path / name).mkdir()
    (tmp_path / "in/a.tif").write_text("x")
    found = shown(tmp_path / "in/a.tif", tmp_path / "out/b.mrc", more=(str(tmp_path / "more"),))
    assert found == [str(tmp_path / name) for name in ("out", "in", "more")]


def test_where_a_link_leads_to_is_shown_too(tmp_path):
    raw, project = tmp_path / "raw", tmp_path / "project"
    raw.mkdir()
    project.mkdir()
    (raw / "a.tif").write_text("x")
    (project / "a.tif").symlink_to(raw / "a.tif")
    assert shown(project / "a.tif") == [str(project), str(raw)]


def test_an_input_among_the_systems_folders_is_shown_by_itself():
    assert shown("/etc/passwd") == ["/etc/passwd"]
    assert shown("/usr") == ["/usr"]


@pytest.mark.parametrize("path", ["/none.tif", "/etc/none.tif", "/nowhere/none.tif"])
def test_nothing_is_shown_for_what_is_not_there(path):
    assert shown(path) == []


@given(step=st.text(), attempt=st.integers(1, 99))
def test_every_step_gives_a_name_that_docker_takes(step, attempt):
    name = container_name("20250101-120000-1-1", step, attempt)
    assert name.isascii()
    assert all(c.isalnum() or c in "-" for c in name)
    assert len(name) < 128
