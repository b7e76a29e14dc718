"""A hostile value arrives byte for byte as one argument, and no mark is left or filled twice."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpucore.errors import TemplateError
from gpucore.standard.adapter import Adapter, Group, Param, Template
from gpucore.standard.marks import marks
from gpucore.standard.model import Device
from gpucore.standard.params import read_values
from gpucore.standard.program import Gpu, Program
from gpucore.standard.template import render
from gpucore.standard.use import GpuUse

SHOW = "import os, sys; print(*[os.fsencode(one).hex() or '-' for one in sys.argv[1:]])"
DEVICES = tuple(Device(uuid=f"GPU-{index}", index=index) for index in range(4))
HOSTILE = [
    " ", "", "a b", "\n", "a\nb\n", "\t\r\v", "'", '"', "a'b\"c", "\\", "%", "%%", "%s", "50%",
    "mic_%03d.mrc", "%(GPU)s", "%(EXE)s", "%(text)s", "%(file.stem)s", "%(nobody)s", "$(reboot)",
    "`id`", "$HOME", "${IFS}", ";ls", "|", "&&", ">x", "*", "?", "[a]", "~", "#", "!", "-", "--",
    "-rf", "--help", "é", "日本", "\u202e", "\x7f", "\x1b[31m", os.fsdecode(b"\xff\xfe \x80"),
]  # fmt: skip

PROG = Adapter(
    name="prog",
    title="a program",
    program=Program(executable=sys.executable),
    gpu=Gpu(use=GpuUse.OPTIONAL, form="space"),
    command=Template(
        argv=(
            "%(EXE)s",
            "-c",
            SHOW,
            "%(text)s",
            "--text=%(text)s!",
            Group(args=("%(text)s",), when="gpu"),
            Group(args=("%(file)s",)),
            Group(args=("%(many)s",)),
            Group(args=("-Gpu", "%(GPU)s"), when="gpu"),
        )
    ),
    params={
        "text": Param(type="string", help="a text"),
        "file": Param(type="path", help="a path", optional=True),
        "many": Param(type="string", help="texts", length=0, optional=True),
    },
)

_values = st.one_of(
    st.sampled_from(HOSTILE),
    st.lists(st.sampled_from(HOSTILE), max_size=4).map("".join),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40),
    st.binary(max_size=40).map(lambda raw: os.fsdecode(raw.replace(b"\0", b""))),
)


def expected(text: str, file: str, many: list[str], gpus: int) -> list[str]:
    # A program would take a path with a leading dash for an option; `./-x` names the same file.
    path = f"./{file}" if file.startswith("-") else file
    ids = ["-Gpu", *(str(index) for index in range(gpus))] if gpus else []
    return [text, f"--text={text}!", *([text] if gpus else []), path, *many, *ids]


@pytest.mark.slow
@given(
    text=_values,
    file=_values.filter(bool),
    many=st.lists(_values, max_size=3),
    gpus=st.integers(0, 4),
)
def test_a_hostile_value_is_one_argument_and_is_never_looked_into(
    text: str, file: str, many: list[str], gpus: int
) -> None:
    values = read_values(PROG, {"text": text, "file": file, "many": many})
    command = render(PROG, values, DEVICES[:gpus])
    assert command.argv == (sys.executable, "-c", SHOW, *expected(text, file, many, gpus))


def received(texts: list[str]) -> list[bytes]:
    """Run one real program for each text; return what the program itself was given."""
    given = []
    for text in texts:
        command = render(PROG, read_values(PROG, {"text": text, "many": [text]}), DEVICES[:2])
        run = subprocess.run(command.argv, capture_output=True, text=True, check=True)
        first, marked, again, many, *gpus = run.stdout.split()
        assert first == again == many
        assert bytes.fromhex(marked).startswith(b"--text=")
        assert [bytes.fromhex(one) for one in gpus] == [b"-Gpu", b"0", b"1"]
        given.append(b"" if first == "-" else bytes.fromhex(first))
    return given


@pytest.mark.slow
def test_a_real_program_is_given_every_hostile_value_byte_for_byte() -> None:
    assert received(HOSTILE) == [os.fsencode(text) for text in HOSTILE]


@pytest.mark.slow
@settings(max_examples=20)
@given(text=_values)
def test_a_real_program_is_given_any_value_byte_for_byte(text: str) -> None:
    assert received([text]) == [os.fsencode(text)]


_pieces = st.sampled_from(
    ["%(text)s", "%(file)s", "%(file.stem)s", "%(file.base)s", "%(many)s", "%(GPU)s", "%(EXE)s",
     "%(nobody)s", "%(text", "%", "x", "-g", "50%", "mic_%03d.mrc"]
)  # fmt: skip
_argument = st.lists(_pieces, min_size=1, max_size=3).map("".join)
_templates = st.lists(
    st.one_of(
        _argument,
        st.builds(
            Group,
            args=st.lists(_argument, min_size=1, max_size=3).map(tuple),
            when=st.sampled_from(["", "gpu", "cpu", "file"]),
        ),
    ),
    max_size=6,
).map(tuple)


@pytest.mark.slow
@given(
    argv=_templates,
    gpus=st.integers(0, 3),
    form=st.sampled_from(["space", "comma", "repeat", "count"]),
    file=st.one_of(st.none(), st.just("d/a.tif")),
    many=st.one_of(st.none(), st.just(["p", "q"])),
)
def test_a_rendered_command_never_holds_an_unfilled_mark_of_its_template(
    argv: tuple[str | Group, ...], gpus: int, form: str, file: str | None, many: list[str] | None
) -> None:
    prog = Adapter(
        name="prog",
        title="a program",
        program=Program(executable="prog"),
        gpu=Gpu(use=GpuUse.OPTIONAL, form=form),
        command=Template(argv=argv),
        params=PROG.params,
    )
    values = read_values(prog, {"text": "t", "file": file, "many": many})
    try:
        command = render(prog, values, DEVICES[:gpus])
    except TemplateError:
        return
    assert not [mark for argument in command.argv for mark in marks(argument)]


@pytest.mark.slow
@given(argument=_argument, value=st.sampled_from(HOSTILE[1:]))
def test_a_value_that_looks_like_a_mark_is_not_filled_again(argument: str, value: str) -> None:
    prog = Adapter(
        name="prog",
        title="a program",
        program=Program(executable="prog"),
        gpu=Gpu(use=GpuUse.OPTIONAL, form="comma"),
        command=Template(argv=(argument,)),
        params={"text": PROG.params["text"]},
    )
    try:
        (rendered,) = render(prog, {"text": value}, DEVICES[:2]).argv
    except TemplateError:
        return
    pieces = argument.replace("%(EXE)s", "prog").replace("%(GPU)s", "0,1").split("%(text)s")
    assert rendered == value.join(pieces)
