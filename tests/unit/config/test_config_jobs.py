"""Job files: read, ordered, and checked against the adapters that are known."""

from __future__ import annotations

import pytest

from gpucore.config import RunTable, Stage, check_job, job_faults, ordered, parse_toml, read_job
from gpucore.errors import ConfigError, Faults, GpucoreError
from gpucore.standard import Adapter, Gpu, GpuUse, Output, Param, Program, Template

JOB = """\
# job.toml
[run]
gpus = "0 1"
threads = 3
output = "out"

[[stage]]
name = "align"
adapter = "motioncor3"
items = "movies/*.tif"
params = { pixel_size = 0.885, voltage = 300, patch = [5, 5] }

[[stage]]
name = "ctf"
adapter = "gctf"
after = "align"          # each movie's CTF starts when its own alignment is done
item = "%(align.out)s"
params = { pixel_size = 0.885, voltage = 300, cs = 2.7, amplitude_contrast = 0.1 }
"""


def number(**facts) -> Param:
    return Param(type="float", help="a number", **facts)


def adapter(name: str, use: GpuUse, params: dict[str, Param], **facts) -> Adapter:
    return Adapter(
        name=name,
        title=name,
        program=Program(executable=name),
        command=Template(argv=("%(EXE)s",)),
        gpu=Gpu(use=use, max=facts.pop("max", None)),
        params=params,
        **facts,
    )


MOVIE = Param(type="path", item=True, help="item")
ADAPTERS = {
    one.name: one
    for one in (
        adapter(
            "motioncor3",
            GpuUse.COMPULSORY,
            {
                "movie": MOVIE,
                "out": Param(type="path", output="%(movie.stem)s.mrc", help="out"),
                "pixel_size": number(min=0.1, unit="Å"),
                "voltage": number(default=300.0),
                "patch": Param(type="int", help="patches", length=2, default=(5, 5)),
            },
            output=(Output(name="shifts", path="x.log"),),
            max=8,
        ),
        adapter(
            "gctf",
            GpuUse.OPTIONAL,
            {
                "mic": MOVIE,
                "pixel_size": number(),
                "voltage": number(),
                "cs": number(),
                "amplitude_contrast": number(),
            },
        ),
        adapter("merge", GpuUse.NONE, {"text": Param(type="string", help="t", default="")}),
    )
}


def faults_of(text: str) -> list[GpucoreError]:
    try:
        job_file = check_job(parse_toml("job.toml", text))
        return job_faults(job_file, ADAPTERS, policies=("slots", "pool"))
    except Faults as faults:
        return list(faults.errors)
    except ConfigError as fault:
        return [fault]


def changed(old: str, new: str, text: str = JOB) -> str:
    assert old in text
    return text.replace(old, new, 1)


def test_the_designs_example_is_read_and_has_no_fault(tmp_path):
    path = tmp_path / "job.toml"
    path.write_text(JOB)
    job_file = read_job(path)
    assert job_file.path == path
    assert job_file.folder == tmp_path
    assert job_file.job.run == RunTable(gpus="0 1", threads=3, output="out")
    assert job_file.job.stage[1] == Stage(
        name="ctf",
        adapter="gctf",
        after="align",
        item="%(align.out)s",
        params={"pixel_size": 0.885, "voltage": 300, "cs": 2.7, "amplitude_contrast": 0.1},
    )
    assert job_file.job.stage[0].params["patch"] == (5, 5)
    assert type(job_file.job.stage[0].params["voltage"]) is int
    assert job_faults(job_file, ADAPTERS) == []
    assert ordered(job_file.job) == ["align", "ctf"]


@pytest.mark.parametrize(
    ("old", "new", "where", "what", "hint"),
    [
        # form
        ("threads", "thread", "4: run.thread", "unknown key `thread`", "did you mean `threads`?"),
        ("threads = 3", "threads = '3'", "4: run.threads", "is a text, not a whole number",
         "without quotes: 3"),
        ("gpus = \"0 1\"", "gpus = 0", "3: run.gpus", "`gpus` = 0 is a whole number, not a text",
         '"0"'),
        ('adapter = "gctf"\n', "", "13: stage[1].adapter", "the key `adapter` is missing", "text"),
        ("[[stage]]", "[[stge]]", "7: stge", "unknown key `stge`", "did you mean `stage`?"),
        ('items = "movies/*.tif"', "items = 3", "10: stage[0].items",
         "`items` = 3 is a whole number, not a text or a list of texts", '"3"'),
        ('items = "movies/*.tif"', 'items = ["a", 3]', "10: stage[0].items[1]",
         "`items[1]` = 3 is a whole number, not a text", '"3"'),
        ("cs = 2.7", "cs = { a = 1 }", "18: stage[1].params.cs", "`cs` is a table", "a number"),
        ("[run]", "schema = 7\n[run]", "2: schema", "schema 7 is not one", "schema = 1"),
        # values
        ('"0 1"', '"0;1"', "3: run.gpus", "`0;1` at character 1", "write `0 1`"),
        ("threads = 3", "threads = 0", "4: run.threads", "0 threads are none", "1 or more"),
        ('"out"', '" "', "5: run.output", "the output folder is empty", '"out"'),
        # names
        ('"ctf"', '"c t f"', "14: stage[1].name", "`c t f` is no name of a stage", "a letter"),
        ('"ctf"', '"align"', "14: stage[1].name", "the name `align` is taken by line 8", "own"),
        # adapters
        ('"gctf"', '"gcft"', "15: stage[1].adapter", "unknown adapter `gcft`", "`gctf`"),
        ('"gctf"', '"merge"', "15: stage[1].adapter", "no parameter that a stage", "[[step]]"),
        # params
        ("cs = 2.7", "c = 2.7, cs = 1", "18: stage[1].params.c", "unknown parameter `c`", "`cs`"),
        ("cs = 2.7,", "", "18: stage[1].params", "parameter `cs` is missing", "give `cs`: a numb"),
        ("= 0.885", "= 0.01", "11: stage[0].params.pixel_size", "too small", "0.1 Å or more"),
        ("= 300", "= 'x'", "11: stage[0].params.voltage", "`voltage` = 'x' is not a number",
         "a number"),
        ("[5, 5]", "[5]", "11: stage[0].params.patch", "`patch` holds 1 value, not 2", "2 values"),
        ("cs = 2.7", "cs = 1, mic = 'x'", "18: stage[1].params.mic", "`mic` is given twice",
         "take `mic` out"),
        # after
        ('after = "align"', 'after = "algn"', "16: stage[1].after", "step is called `algn`",
         "`align`"),
        ('after = "align"', 'after = ["align", "x"]', "16: stage[1].after[1]", "called `x`",
         "align"),
        ('after = "align"', 'after = ["align", "ctf"]', "16: stage[1].after",
         "`ctf` waits for itself", "take"),
        ('items = "m', 'after = "ctf"\nitems = "m', "10: stage[0].after",
         "they wait for each other: align after ctf after align", "take one `after` out"),
        # items
        ('item = "%', 'items = "x"\nitem = "%', "13: stage[1]", "both `items` and `item`", "or"),
        ('items = "movies/*.tif"', "", "7: stage[0]", "neither `items` nor `item`", "items ="),
        ('"movies/*.tif"', '""', "10: stage[0].items", "`items` names nothing", "movies/*.tif"),
        ('"movies/*.tif"', "[]", "10: stage[0].items", "`items` names nothing", "movies/*.tif"),
        ("%(align.out)s", "x.mrc", "17: stage[1].item", "`x.mrc` has no mark", "by `items`"),
        ("%(align.out)s", "", "17: stage[1].item", "`` has no mark", "by `items`"),
        ("%(align.out)s", "%(algn.out)s", "17: stage[1].item", "names no other stage", "`align`"),
        ("%(align.out)s", "%(ctf.out)s", "17: stage[1].item", "names no other stage", "align"),
        ("%(align.out)s", "%(align.ot)s", "17: stage[1].item",
         "the mark %(align.ot)s names no output of `motioncor3`", "`out`"),
        ("%(align.out)s", "%(align)s", "17: stage[1].item", "names no output", "%(align.out)s"),
        ('after = "align"', "", "17: stage[1].item", "a stage that is not in `after`",
         'after = "align"'),
        # GPUs
        ('items = "m', 'use_gpu = false\nitems = "m', "10: stage[0].use_gpu",
         "`motioncor3` runs on a GPU only", "take `use_gpu` out"),
        ('items = "m', 'gpus = 0\nitems = "m', "10: stage[0].gpus", "0 GPUs are none", "1 or more"),
        ("threads = 3", 'policy = "pol"', "4: run.policy", "no policy is called `pol`", "`pool`"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_line_key_and_remedy(old, new, where, what, hint):
    faults = faults_of(changed(old, new))
    fault = next(one for one in faults if one.where == f"job.toml:{where}")
    assert what in fault.what
    assert hint in fault.hint


POOL = changed("threads = 3", 'threads = 3\npolicy = "pool"')


@pytest.mark.parametrize(
    ("new", "what"),
    [
        ("gpus = 2", ""),
        ("gpus = 0", "0 GPUs are none"),
        ("gpus = 9", "`motioncor3` cannot use 9 GPUs"),
    ],
)
@pytest.mark.parametrize("text", [JOB, POOL], ids=["slots", "pool"])
def test_a_stage_asks_for_gpus_under_any_policy(text, new, what):
    faults = faults_of(changed('items = "m', f'{new}\nitems = "m', text))
    assert [fault.what for fault in faults] == ([what] if what else [])


def test_gpus_without_a_gpu_are_a_fault():
    text = changed("item = ", "gpus = 1\nuse_gpu = false\nitem = ")
    assert [fault.what for fault in faults_of(text)] == ["`ctf` uses no GPU"]


@pytest.mark.parametrize(
    ("new", "what"),
    [
        ('gpu_memory = "12 GiB"', ""),
        ('gpu_memory = "12"', "'12' is no amount of memory"),
        ('gpu_memory = "0 MiB"', "0 MiB are no memory"),
        ("gpu_memory = 12", "`gpu_memory` = 12 is a whole number, not a text"),
    ],
)
@pytest.mark.parametrize("text", [JOB, POOL], ids=["slots", "pool"])
def test_a_stage_asks_for_memory_under_any_policy(text, new, what):
    faults = faults_of(changed('items = "m', f'{new}\nitems = "m', text))
    assert [fault.what for fault in faults] == ([what] if what else [])


def test_memory_without_a_gpu_is_a_fault():
    text = changed("item = ", 'gpu_memory = "1 GiB"\nuse_gpu = false\nitem = ')
    (fault,) = faults_of(text)
    assert (fault.what, fault.hint) == ("`ctf` uses no GPU", "take `gpu_memory` out")


def test_an_output_beside_the_parameters_can_be_an_item():
    assert faults_of(changed("align.out", "align.shifts")) == []


def test_a_job_without_stages_has_nothing_to_run():
    (fault,) = faults_of("[run]\n")
    assert fault.where == "job.toml"
    assert fault.what == "there is nothing to run"


def test_a_table_with_single_brackets_is_told_to_have_two():
    (fault,) = faults_of('[run]\n[stage]\nname = "a"\n')
    assert fault.where == "job.toml:2: stage"
    assert fault.what == "`stage` is a table, not a list of tables"
    assert fault.hint == "write its header with two brackets: [[stage]]"


def test_steps_are_checked_like_stages():
    text = JOB + '[[step]]\nname = "ctf"\nadapter = "gctf"\nparams = { mic = "a", cs = 1 }\n'
    assert [(fault.where, fault.what) for fault in faults_of(text)] == [
        ("job.toml:20: step[0].name", "the name `ctf` is taken by line 14"),
        ("job.toml:22: step[0].params", "parameter `pixel_size` is missing"),
        ("job.toml:22: step[0].params", "parameter `voltage` is missing"),
        ("job.toml:22: step[0].params", "parameter `amplitude_contrast` is missing"),
    ]


def test_an_item_cannot_come_from_a_single_step():
    text = changed('after = "align"', 'after = ["align", "one"]', JOB)
    text = changed("%(align.out)s", "%(one.out)s", text)
    faults = faults_of(text + '[[step]]\nname = "one"\nadapter = "merge"\n')
    assert [fault.what for fault in faults] == ["the mark %(one.out)s names no other stage"]


def test_forward_references_are_no_fault_and_order_is_by_need():
    text = """
    [[step]]
    name = "last"
    adapter = "merge"
    after = ["second", "first"]
    [[step]]
    name = "second"
    adapter = "merge"
    after = "first"
    [[step]]
    name = "first"
    adapter = "merge"
    """
    job_file = check_job(parse_toml("job.toml", text))
    assert job_faults(job_file, ADAPTERS) == []
    assert ordered(job_file.job) == ["first", "second", "last"]


def test_each_circle_is_told_once_and_cannot_be_ordered():
    part = '[[step]]\nname = "{}"\nadapter = "merge"\nafter = "{}"\n'
    text = "".join(part.format(*pair) for pair in ("ab", "bc", "ca", "de", "ed"))
    faults = faults_of(text)
    assert len(faults) == 2
    assert all("wait for each other" in fault.what for fault in faults)
    with pytest.raises(ConfigError, match="they wait for each other"):
        ordered(check_job(parse_toml("job.toml", text)).job)


def test_all_faults_are_told_together_in_the_order_of_the_file():
    text = changed(
        "threads = 3", "threads = -1", changed('"gctf"', '"gcft"', changed("5]", "0.5]"))
    )
    assert [fault.where for fault in faults_of(text)] == [
        "job.toml:4: run.threads",
        "job.toml:11: stage[0].params.patch",
        "job.toml:15: stage[1].adapter",
    ]
