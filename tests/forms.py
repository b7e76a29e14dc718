"""A small adapter whose form can be varied, for tests of what the form says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gpucore.standard import (
    Adapter,
    Group,
    Param,
    Program,
    Template,
    render,
)
from gpucore.standard.params import read_values
from gpucore.standard.template import holds

if TYPE_CHECKING:
    from gpucore.standard import Command

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
