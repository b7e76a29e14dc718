"""Input files: each value as its format writes it, so that nothing is taken for something else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from adapter_cases import AdapterCase
from hypothesis import given
from hypothesis import strategies as st

from gpucore.errors import TemplateError
from gpucore.standard import Adapter, Gpu, GpuUse, Group, InputFile, Param, Program, Template
from gpucore.standard.checks import adapter_faults

PARAMS = {
    "tomo": Param(type="path", check="any", help="a tomogram"),
    "tiles": Param(type="int", length=3, default=(1, 2, 3), help="tiles"),
    "names": Param(type="string", length=0, optional=True, help="names"),
    "rate": Param(type="float", default=0.5, format="%.3f", help="a rate"),
    "deep": Param(type="bool", default=True, help="whether it is deep"),
    "mask": Param(type="path", optional=True, check="any", help="a mask"),
}
ONE = Gpu(use=GpuUse.OPTIONAL, form="space")


def adapter_of(file: InputFile, gpu: Gpu = ONE) -> Adapter:
    """Return an adapter with this file."""
    return Adapter(
        name="prog",
        title="prog: a program",
        program=Program(executable="prog"),
        gpu=gpu if "%(GPU" in repr(file) else Gpu(),
        command=Template(argv=("%(EXE)s",), own_directory=True),
        params=PARAMS,
        file=(file,),
    )


def written(
    file: InputFile, *gpus: int, gpu: Gpu = ONE, faulty: bool = False, **values: object
) -> str:
    """Return the text of a file as a step gets it."""
    adapter = adapter_of(file, gpu)
    assert faulty or adapter_faults(adapter) == []
    (made,) = AdapterCase(adapter, {"tomo": "t.mrc"}).command(*gpus, **values).files
    return made.text


def test_entries_of_json_keep_their_types_and_leave_out_what_has_no_value() -> None:
    file = InputFile(
        name="c.json",
        format="json",
        entries={
            "input": ("%(tomo)s", "x%(tomo.stem)s"),
            "n_tiles": "%(tiles)s",
            "all": ("%(names)s", "last"),
            "rate": "%(rate)s",
            "deep": "%(deep)s",
            "mask": "%(mask)s",
            "epochs": 100,
            "overwrite": False,
            "gpu_id": "%(GPU)s",
        },
    )
    assert written(file) == (
        '{\n  "input": ["t.mrc", "xt"],\n  "n_tiles": [1, 2, 3],\n  "rate": 0.5,\n'
        '  "deep": true,\n  "epochs": 100,\n  "overwrite": false\n}\n'
    )
    told = json.loads(written(file, 2, 5, mask='a"\\b', names=("p", "q")))
    assert told["mask"] == 'a"\\b'
    assert told["all"] == ["p", "q", "last"]
    assert told["gpu_id"] == [2, 5]


@pytest.mark.parametrize("place", ["text", "lines", "entries"])
def test_a_file_that_names_a_compulsory_gpu_is_never_left_out(place: str) -> None:
    given: dict[str, object] = {"text": "gpu=%(GPU)s\n", "lines": ("gpu=%(GPU)s",)}
    given["entries"] = {"gpu": "%(GPU)s"}
    file = InputFile(name="c.txt", format="keyvalue", **{place: given[place]})
    gpu = Gpu(use=GpuUse.COMPULSORY, form="space")
    assert written(file, 3, gpu=gpu) == "gpu=3\n"
    with pytest.raises(TemplateError, match="the step has no GPU"):
        written(file, gpu=gpu)


def test_a_file_that_an_optional_gpu_would_leave_out_unsaid_is_refused() -> None:
    unsaid = InputFile(name="c.txt", text="gpu=%(GPU)s\n")
    adapter = adapter_of(unsaid)
    (fault,) = adapter_faults(adapter)
    assert str(fault.where).endswith("file[0]")
    assert "`c.txt` would be left out of a step without a GPU" in str(fault)
    assert 'when = "gpu"' in fault.hint
    for said in (
        replace(unsaid, when="gpu"),
        InputFile(name="c.txt", format="keyvalue", entries={"gpu": "%(GPU)s", "x": 1}),
        InputFile(name="c.txt", lines=("x", Group(when="gpu", args=("gpu=%(GPU)s",)))),
    ):
        assert adapter_faults(adapter_of(said)) == []


@pytest.mark.parametrize(
    ("gpu", "gpus", "value"),
    [
        (ONE, (3,), 3),
        (ONE, (3, 4), [3, 4]),
        (replace(ONE, form="json"), (3,), [3]),
        (replace(ONE, form="count"), (3, 4), 2),
        (replace(ONE, form="comma"), (3, 4), "3,4"),
        (replace(ONE, base=1, max=1), (3, 4), 4),
        (replace(ONE, prefix="cuda:", max=1), (3,), "cuda:3"),
        (replace(ONE, ids="visible"), (3, 4), [0, 1]),
    ],
)
def test_gpus_in_json_are_a_number_or_a_list(
    gpu: Gpu, gpus: tuple[int, ...], value: object
) -> None:
    file = InputFile(name="c.json", format="json", entries={"gpu": "%(GPU)s"})
    assert json.loads(written(file, *gpus, gpu=gpu))["gpu"] == value


@given(name=st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1))
def test_no_name_can_break_out_of_json(name: str) -> None:
    file = InputFile(
        name="c.json", format="json",
        text='{"bare": %(tomo)s, "inside": "a\\"%(tomo)s/%(tomo)s",\n"n": "%(rate)s", '
        '"l": %(tiles)s}',
    )  # fmt: skip
    path = f"./{name}" if name.startswith("-") else name
    assert json.loads(written(file, tomo=name)) == {
        "bare": path, "inside": f'a"{path}/{path}', "n": "0.500", "l": [1, 2, 3],
    }  # fmt: skip


def test_what_is_not_unicode_cannot_be_said_in_json() -> None:
    file = InputFile(name="c.json", format="json", entries={"tomo": "%(tomo)s"})
    with pytest.raises(TemplateError, match="not Unicode"):
        written(file, tomo="a\udcff")


def test_matlab_doubles_quotes_and_brackets_lists() -> None:
    file = InputFile(
        name="p.m",
        format="matlab",
        text="p = %(tomo)s; q = '%(tomo.stem)s it''s %(tomo)s';\nn = %(tiles)s;\n",
        lines=("g = %(rate)s;", Group(when="gpu", args=("gpus = %(GPU)s;",)),
               Group(args=("c = %(names)s;",))),
    )  # fmt: skip
    assert written(file, tomo="a'b.mrc") == (
        "p = 'a''b.mrc'; q = 'a''b it''s a''b.mrc';\nn = [1 2 3];\ng = 0.500;\n"
    )
    assert written(file, 0, 2, names=("x", "y'")).endswith(
        "g = 0.500;\ngpus = [0 2];\nc = {'x', 'y'''};\n"
    )


def test_keys_and_values_stand_on_a_line_each() -> None:
    file = InputFile(
        name="param",
        format="keyvalue",
        entries={"nGPUs": "%(GPU)s", "file": "%(tomo)s", "deep": "%(deep)s", "mask": "%(mask)s"},
    )
    assert written(file, 4, 5, gpu=replace(ONE, form="count")) == "nGPUs=2\nfile=t.mrc\ndeep=1\n"
    assert written(replace(file, assign=" ")) == "file t.mrc\ndeep 1\n"


@pytest.mark.parametrize("kind", ["keyvalue", "matlab"])
@pytest.mark.parametrize("line_break", ["\n", "\r"])
def test_a_line_break_is_refused_where_it_would_begin_a_new_line(kind, line_break) -> None:
    file = InputFile(name="param", format=kind, entries={"file": "%(tomo)s"})
    with pytest.raises(TemplateError, match="line break"):
        written(file, tomo=f"a{line_break}nGPUs=9")


def test_a_plain_file_has_lines_under_conditions() -> None:
    file = InputFile(
        name="tilt.com",
        text="$tilt -StandardInput\n",
        lines=("InputProjections %(tomo)s", Group(when="gpu", args=("UseGPU %(GPU)s",)),
               Group(args=("MaskFile %(mask)s",))),
    )  # fmt: skip
    one_based = replace(ONE, base=1, max=1)
    assert written(file) == "$tilt -StandardInput\nInputProjections t.mrc\n"
    assert written(file, 0, gpu=one_based, mask="m") == (
        "$tilt -StandardInput\nInputProjections t.mrc\nUseGPU 1\nMaskFile m\n"
    )


@pytest.mark.parametrize(
    ("file", "where", "what"),
    [
        (InputFile(name="c", entries={"a": 1}), "file[0].format", "no format"),
        (InputFile(name="c", format="json", text="x", entries={"a": 1}), "file[0].entries", "text"),
        (InputFile(name="c", format="json", lines=("x",)), "file[0].lines", "commas"),
        (InputFile(name="../c", text="x"), "file[0].name", "outside the step's directory"),
        (InputFile(name="/c", text="x"), "file[0].name", "outside the step's directory"),
        (InputFile(name="out/", text="x"), "file[0].name", "is a folder, and holds no text"),
        (InputFile(name="c", format="json", entries={"a": "%(tom)s"}), "file[0].entries.a", "tom"),
        (InputFile(name="c", lines=("%(mask)s",)), "file[0].lines", "may have no value"),
        (InputFile(name="c", lines=(Group(when="deap", args=("x",)),)), "file[0].lines[0]", "deap"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(file: InputFile, where: str, what: str) -> None:
    adapter = Adapter(
        name="prog",
        title="prog: a program",
        program=Program(executable="prog"),
        command=Template(argv=("%(EXE)s",), own_directory=True),
        params=PARAMS,
        file=(file,),
    )
    (fault,) = adapter_faults(adapter)
    assert fault.where == where
    assert what in fault.what
