"""Adapters as TOML says them, and one as Python says it."""

from __future__ import annotations

from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Gpu,
    GpuUse,
    Group,
    InputFile,
    Link,
    Output,
    Param,
    Program,
    Template,
    Version,
)

__all__ = ["FULL", "MOTIONCOR3", "full"]

MOTIONCOR3 = r"""
schema = 1
name   = "motioncor3"
title  = "MotionCor3: align movie frames"

[program]
executable = "MotionCor3"                  # a site overrides it in gpucore.toml
version    = { args = ["--version"], regex = '(\d+\.\d+\.\d+)' }

[gpu]
use  = "compulsory"                        # none | optional | compulsory
form = "space"
max  = 8

[command]
argv = ["%(EXE)s", "-InTiff", "%(movie)s", "-OutMrc", "%(out)s", "-FtBin", "%(bin)s",
        { when = "gpu", args = ["-Gpu", "%(GPU)s"] }]

[params]
movie = { type = "path", item = true, help = "movie to align" }
out   = { type = "path", output = "%(movie.stem)s.mrc", help = "aligned micrograph" }
bin   = { type = "float", default = 1.0, min = 1.0, help = "Fourier binning" }

[[failure]]
match = "no valid device detected"
class = "no_device"

[[example]]                                # documentation and test at once
params = { movie = "a.tif", out = "a.mrc", bin = 2.0 }
gpus   = [0, 3]
argv   = ["MotionCor3", "-InTiff", "a.tif", "-OutMrc", "a.mrc", "-FtBin", "2.0", "-Gpu", "0", "3"]
"""

FULL = r"""
name = "full"
title = "Everything that can be said"
licence = "MIT"
citation = "somebody 2026"
source = "its manual"
unverified = ["the flag -x"]
success_codes = [0, 3]
success_match = "done"
family = "Full"
homepage = "https://example.org/full"

[program]
executable = "full"
install = "https://example.org"
version = { args = ["-v"], regex = "v([0-9]+)" }

[gpu]
use = "optional"
form = "colon"
ids = "visible"
base = 1
prefix = "cuda:"
max = 4
sharing = "discouraged"
isolation = false
ranks = "ranks"
leader = true
sees_one = false
overwrites_mask = false
memory = 8192
memory_note = "more for larger boxes"
memory_params = ["movie"]
changes_result = "the batch is multiplied"

[command]
argv = [
  "%(EXE)s", "%(movie)s",
  { args = ["--gain", "%(gain)s"], suffix = [".tif", ".tiff"], when = "gain" },
  { args = ["--quiet"], unless = "flag" },
  { args = ["--mode"], when = "class", equals = ["a", 2, 2.5, true] },
  { args = ["--big"], when = "ranks", at_least = 3 },
  { args = ["--tif"], where = { movie = [".tif"], class = ["a", "b"] } },
  { args = ["--gpu", "%(GPU)s"], when = "gpu" },
]
stdin = ["%(out)s"]
own_directory = true
env = { OMP_NUM_THREADS = "1" }

[params.movie]
type = "path"
item = true
help = "movie"
check = "mrc"
blanks = false

[params]
gain = { type = "path", optional = true, help = "gain reference" }
out = { type = "path", output = "%(movie.stem)s.mrc", help = "out" }
ranks = { type = "int", default = 2, min = 1, max = 64, help = "MPI ranks" }
class = { type = "choice", choices = ["a", "b"], default = "a", help = "named like a word" }
patch = { type = "int", length = 2, default = [5, 5], separator = "x", help = "p", unit = "px" }
flag = { type = "bool", default = false, yes = "-y", no = "-n", help = "flag" }
note = { type = "string", default = "1", help = "a text of digits" }
cs = { type = "float", default = 2, help = "a whole number for a float" }
high = { type = "float", default = 3, title = "High", section = "S", advanced = true, help = "h" }
most = { type = "int", default = 1, no_more_than = "ranks", help = "most" }
box = { type = "int", default = 32, multiple_of = 16, help = "box" }
turns = { type = "int", default = 3, odd = true, help = "turns" }
group = { type = "string", default = "C1", pattern = '[CD]\d+', help = "point group" }

[params.low]
type = "float"
default = 1
above = 0
below = 90.5
less_than = "high"
format = "%.2f"
help = "low"

[[file]]
name = "in.star"
text = "%(movie)s\n"
lines = ["first", { when = "flag", args = ["second"] }]

[[file]]
name = "conf.json"
format = "json"
assign = " = "
entries = { movie = "%(movie)s", list = ["%(low)s", 2, 0.5], on = true }

[[link]]
name = "m.mrc"
target = "%(movie)s"

[[output]]
name = "shifts"
path = "%(out.base)s.log"
made = "*.log"
check = "any"
when = "gpu"

[[failure]]
match = "out of memory"
class = "out_of_memory"
hint = "bin"
effect = "fail"
codes = [5, -11]
file = "full.log"
when = "gpu"

[[example]]
params = { movie = "a.mrc", patch = [3, 4] }
argv = ["full", "a.mrc", "--quiet", "--mode"]
stdin = "a.mrc\n"

[example.files]
"in.star" = "a.mrc\nfirst\n"
"conf.json" = '''
{
  "movie": "a.mrc",
  "list": [1.0, 2, 0.5],
  "on": true
}
'''
"""


def full() -> Adapter:
    return Adapter(
        name="full",
        title="Everything that can be said",
        licence="MIT",
        citation="somebody 2026",
        source="its manual",
        unverified=("the flag -x",),
        success_codes=(0, 3),
        success_match="done",
        family="Full",
        homepage="https://example.org/full",
        program=Program(
            executable="full",
            install="https://example.org",
            version=Version(args=("-v",), regex="v([0-9]+)"),
        ),
        gpu=Gpu(
            use=GpuUse.OPTIONAL,
            form="colon",
            ids="visible",
            base=1,
            prefix="cuda:",
            max=4,
            sharing="discouraged",
            isolation=False,
            ranks="ranks",
            leader=True,
            memory=8192,
            memory_note="more for larger boxes",
            memory_params=("movie",),
            changes_result="the batch is multiplied",
        ),
        command=Template(
            argv=(
                "%(EXE)s",
                "%(movie)s",
                Group(args=("--gain", "%(gain)s"), suffix=(".tif", ".tiff"), when="gain"),
                Group(args=("--quiet",), unless="flag"),
                Group(args=("--mode",), when="class", equals=("a", 2, 2.5, True)),
                Group(args=("--big",), when="ranks", at_least=3),
                Group(args=("--tif",), where={"movie": (".tif",), "class": ("a", "b")}),
                Group(args=("--gpu", "%(GPU)s"), when="gpu"),
            ),
            stdin=("%(out)s",),
            own_directory=True,
            env={"OMP_NUM_THREADS": "1"},
        ),
        params={
            "movie": Param(type="path", item=True, help="movie", check="mrc", blanks=False),
            "gain": Param(type="path", optional=True, help="gain reference"),
            "out": Param(type="path", output="%(movie.stem)s.mrc", help="out"),
            "ranks": Param(type="int", default=2, min=1, max=64, help="MPI ranks"),
            "class": Param(
                type="choice", choices=("a", "b"), default="a", help="named like a word"
            ),
            "patch": Param(
                type="int", length=2, default=(5, 5), separator="x", help="p", unit="px"
            ),
            "flag": Param(type="bool", default=False, yes="-y", no="-n", help="flag"),
            "note": Param(type="string", default="1", help="a text of digits"),
            "cs": Param(type="float", default=2, help="a whole number for a float"),
            "low": Param(
                type="float",
                default=1,
                above=0,
                below=90.5,
                less_than="high",
                format="%.2f",
                help="low",
            ),
            "high": Param(
                type="float", default=3, title="High", section="S", advanced=True, help="h"
            ),
            "most": Param(type="int", default=1, no_more_than="ranks", help="most"),
            "box": Param(type="int", default=32, multiple_of=16, help="box"),
            "turns": Param(type="int", default=3, odd=True, help="turns"),
            "group": Param(type="string", default="C1", pattern=r"[CD]\d+", help="point group"),
        },
        file=(
            InputFile(
                name="in.star",
                text="%(movie)s\n",
                lines=("first", Group(when="flag", args=("second",))),
            ),
            InputFile(
                name="conf.json",
                format="json",
                assign=" = ",
                entries={"movie": "%(movie)s", "list": ("%(low)s", 2, 0.5), "on": True},
            ),
        ),
        link=(Link(name="m.mrc", target="%(movie)s"),),
        output=(
            Output(name="shifts", path="%(out.base)s.log", made="*.log", check="any", when="gpu"),
        ),
        failure=(
            Failure(
                match="out of memory",
                class_=FailureClass.OUT_OF_MEMORY,
                hint="bin",
                effect="fail",
                codes=(5, -11),
                file="full.log",
                when="gpu",
            ),
        ),
        example=(
            Example(
                params={"movie": "a.mrc", "patch": (3, 4)},
                argv=("full", "a.mrc", "--quiet", "--mode"),
                stdin="a.mrc\n",
                files={
                    "in.star": "a.mrc\nfirst\n",
                    "conf.json": '{\n  "movie": "a.mrc",\n  "list": [1.0, 2, 0.5],\n'
                    '  "on": true\n}\n',
                },
            ),
        ),
    )
