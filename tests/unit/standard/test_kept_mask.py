"""A program that sets CUDA_VISIBLE_DEVICES to '0' whatever it was given keeps what it was given.

EMAN2's e2gmm_refine.py and e2gmm_analysis.py do so, and take no option that names a GPU. An
adapter says with its data alone what helps: a ``sitecustomize.py`` in the step's own directory.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from adapter_cases import AdapterCase

from gpucore.config import ProgramConfig, SiteConfig
from gpucore.executor import StepExecutor
from gpucore.standard import Adapter, Gpu, GpuUse, InputFile, Param, Program, Template
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

KEEP_MASK = """\
import os


class KeptMask(type(os.environ)):
    def __setitem__(self, name, value):
        if name != "CUDA_VISIBLE_DEVICES":
            super().__setitem__(name, value)


os.environ.__class__ = KeptMask
os.environ["PYTHONPATH"] = os.path.dirname(os.path.abspath(__file__))
"""
"""Python imports it before the program; what the program starts is told where it lies."""

PROGRAM = """\
import os, subprocess, sys
os.environ["CUDA_VISIBLE_DEVICES"] = '0'
os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = 'true'
say = (
    "import os; os.environ['CUDA_VISIBLE_DEVICES'] = '0'; "
    "print(os.environ['CUDA_VISIBLE_DEVICES'])"
)
os.chdir("/")
child = subprocess.run([sys.executable, "-c", say], capture_output=True, text=True).stdout
inherited = subprocess.run(
    ["/bin/sh", "-c", "echo $CUDA_VISIBLE_DEVICES"], capture_output=True, text=True
).stdout
with open(sys.argv[1], "w") as file:
    print(os.environ["CUDA_VISIBLE_DEVICES"], os.environ["TF_FORCE_GPU_ALLOW_GROWTH"], file=file)
    print(child.strip(), inherited.strip(), file=file)
"""

OVERWRITER = Adapter(
    name="overwriter",
    title="overwriter: sets the mask itself",
    program=Program(executable="overwriter.py"),
    gpu=Gpu(use=GpuUse.OPTIONAL, form="none", max=1),
    command=Template(
        argv=("%(EXE)s", "%(out)s"), env={"PYTHONPATH": "."}, own_directory=True
    ),
    params={
        "mic": Param(type="path", item=True, check="any", help="a micrograph"),
        "out": Param(type="path", output="%(mic.stem)s.txt", help="what it saw"),
    },
    file=(InputFile(name="sitecustomize.py", text=KEEP_MASK),),
)  # fmt: skip


def test_it_computes_on_the_gpu_that_its_step_was_given(tmp_path: Path) -> None:
    assert adapter_faults(OVERWRITER) == []
    program = tmp_path / "overwriter.py"
    program.write_text(f"#!{sys.executable}\n{PROGRAM}")
    program.chmod(0o755)
    config = SiteConfig(program={"overwriter": ProgramConfig(executable=str(program))})
    opened = StepExecutor.open(
        gpus="2", devices="simulated:4", output="out", root=tmp_path, config=config
    )
    with opened as executor:
        ended = executor.submit(OVERWRITER, mic="m1.mrc").result()
    assert (tmp_path / "out" / "m1.txt").read_text() == "2 true\n2 2\n"
    assert ended.command is not None
    assert ended.command.env["CUDA_VISIBLE_DEVICES"] == "2"


def test_without_a_gpu_it_is_shown_none() -> None:
    case = AdapterCase(OVERWRITER, {"mic": "m1.mrc"}, gpus=())
    assert case.command().env["CUDA_VISIBLE_DEVICES"] == ""
