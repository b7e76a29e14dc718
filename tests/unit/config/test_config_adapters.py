"""Adapters as TOML files: the same values and the same checks as in Python."""

from __future__ import annotations

import pytest
from toml_adapters import FULL, MOTIONCOR3, full

from gpucore.config import check_adapter, kind_of, parse_toml, read_adapter
from gpucore.errors import ConfigError, Faults, GpucoreError
from gpucore.standard import FailureClass, Gpu, GpuUse, Group


def faults_of(text: str) -> list[GpucoreError]:
    try:
        check_adapter(parse_toml("a.toml", text))
    except Faults as faults:
        return list(faults.errors)
    except ConfigError as fault:
        return [fault]
    return []


def changed(old: str, new: str, text: str = MOTIONCOR3) -> str:
    assert old in text
    return text.replace(old, new, 1)


def line_of(part: str, text: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_the_designs_example_is_read(tmp_path):
    file = tmp_path / "motioncor3.toml"
    file.write_text(MOTIONCOR3)
    adapter = read_adapter(file)
    assert adapter.name == "motioncor3"
    assert adapter.gpu == Gpu(use=GpuUse.COMPULSORY, form="space", max=8)
    assert adapter.command.argv[-1] == Group(when="gpu", args=("-Gpu", "%(GPU)s"))
    assert adapter.failure[0].class_ is FailureClass.NO_DEVICE
    assert adapter.item == "movie"


def test_an_adapter_from_toml_equals_the_one_from_python(tmp_path):
    file = tmp_path / "full.toml"
    file.write_text(FULL)
    adapter = read_adapter(file)
    assert adapter == full()
    assert [type(one) for one in adapter.command.argv[4].equals] == [str, int, float, bool]
    assert type(adapter.params["patch"].default) is tuple


@pytest.mark.parametrize(
    ("old", "new", "key", "what", "hint"),
    [
        ("form =", "frm =", "gpu.frm", "unknown key `frm`", "did you mean `form`?"),
        ("argv = [\"%", "agv = [\"%", "command.agv", "unknown key `agv`", "`argv`"),
        ("match =", "mtch =", "failure[0].mtch", "unknown key `mtch`", "`match`"),
        ("class =", "class_ =", "failure[0].class_", "unknown key `class_`", "`class`"),
        ("item =", "itm =", "params.movie.itm", "unknown key `itm`", "`item`"),
        ("regex =", "regx =", "program.version.regx", "unknown key `regx`", "`regex`"),
        ("when =", "whn =", "command.argv[7].whn", "unknown key `whn`", "did you mean `when`?"),
        ("schema = 1", "schema = 2", "schema", "schema 2 is not one", "schema = 1"),
        ('"motioncor3"', "3", "name", "`name` = 3 is a whole number, not a text", '"3"'),
        ('"MotionCor3" ', "1.5 ", "program.executable", "`executable` = 1.5 is a number", '"1.5"'),
        ('"compulsory"', '"compulsry"', "gpu.use", '`use` cannot be "compulsry"', "`compulsory`"),
        ('"space"', '"spaces"', "gpu.form", '`form` cannot be "spaces"', "`space`"),
        ("= 8", '= "8"', "gpu.max", '`max` = "8" is a text, not a whole number', "quotes: 8"),
        ("= 8", "= 8.5", "gpu.max", "`max` = 8.5 is a number, not a whole", "a whole number"),
        ("= 8", "= true", "gpu.max", "`max` is true, not a whole number", "a whole number"),
        ("= 8", "= [8]", "gpu.max", "`max` is a list, not a whole number", "a whole number"),
        ("= 8", "= 8\nbase = 2", "gpu.base", "`base` = 2 is a whole number, not one of 0, 1", "0"),
        ("= 8", "= 8\nbase = true", "gpu.base", "`base` is true, not one of 0, 1", "0, 1"),
        ("= true,", '= "True",', "params.movie.item", '`item` = "True" is a text', "true"),
        ("min = 1.0", 'min = "one"', "params.bin.min", '`min` = "one" is a text, not a number',
         "give a number"),
        ('"-OutMrc",', "7,", "command.argv[3]", "`argv[3]` = 7 is a whole number, not a text or",
         'quotes: "7"'),
        ('"-OutMrc",', '["-OutMrc"],', "command.argv[3]", "`argv[3]` is a list, not a text or a t",
         "give a text or a table"),
        ('args = ["-Gpu", "%(GPU)s"]', 'args = "-Gpu"', "command.argv[7].args",
         '`args` = "-Gpu" is a text, not a list of texts', 'brackets: ["-Gpu"]'),
        ('when = "gpu", args = ["-Gpu", "%(GPU)s"]', 'when = "gpu"', "command.argv[7].args",
         "the key `args` is missing", "a list of texts"),
        ("default = 1.0", "default = { a = 1 }", "params.bin.default",
         "`default` is a table, not true or false, a number, a text or a list", "give true"),
        ("default = 1.0", "default = [1, [2]]", "params.bin.default[1]",
         "`default[1]` is a list, not", "give"),
        ("default = 1.0", "default = 2020-01-01", "params.bin.default",
         "`default` = 2020-01-01 is a date or a time", '"2020-01-01"'),
        ("default = 1.0", "default = 99999999999999999999", "params.bin.default",
         "`default` is a number of 67 bits", "64 bits"),
        ("[[failure]]", "[failure]", "failure", "`failure` is a table, not a list of tables",
         "[[failure]]"),
        ("[gpu]", "[[gpu]]", "gpu", "`gpu` is a list, not a table", "gpu = {"),
        ('"no_device"', '"no_devices"', "failure[0].class", '`class` cannot be "no_devices"',
         "`no_device`"),
        ("gpus   = [0, 3]", "gpus = [0, 3.5]", "example[0].gpus[1]", "`gpus[1]` = 3.5 is a number",
         "a whole number"),
    ],
)  # fmt: skip
def test_a_fault_of_form_is_told_with_line_key_and_remedy(old, new, key, what, hint):
    text = changed(old, new)
    faults = faults_of(text)
    fault = next(one for one in faults if one.where.endswith(f": {key}"))
    line = MOTIONCOR3[: MOTIONCOR3.index(old)].count("\n") + 1 + new.count("\n")
    assert fault.where == f"a.toml:{line}: {key}"
    assert what in fault.what
    assert hint in fault.hint


@pytest.mark.parametrize(
    ("old", "new", "key", "at", "what", "hint"),
    [
        ("%(movie)s", "%(mvie)s", "command.argv", "argv = [", "%(mvie)s names no", "movie"),
        ("= 8", "= 0", "gpu.max", "max  = 0", "0 GPUs are none", "1 or more"),
        ("min = 1.0", "min = 3.0", "params.bin.default", "bin   =", "too small", "3 or more"),
        ('help = "F', 'help = "", unit = "F', "params.bin", "bin   =", "no help", "one line"),
        ("match = \"no", 'match = "(no', "failure[0].match", "match =", "no regular exp", "mend"),
        ('"2.0", ', '"2", ', "example[0].argv", "argv   =", "the command comes out as", "example"),
        ("gpus   = [0, 3]", "gpus = []", "example[0]", "[[example]]", "compulsory", "gpus = [0]"),
        ("bin = 2.0", "bn = 2.0", "example[0]", "[[example]]", "unknown parameter `bn`", "`bin`"),
        ("%(movie.stem)", "%(movie.stm)", "params.out.output", "out   =", "no part of a", "`stem`"),
        ('"motioncor3"', '"Motion Cor"', "name", "name ", "no adapter's name", "lower-case"),
    ],
)  # fmt: skip
def test_a_contradiction_is_told_with_line_and_key(old, new, key, at, what, hint):
    text = changed(old, new)
    fault = next(one for one in faults_of(text) if one.where.endswith(f": {key}"))
    assert fault.where == f"a.toml:{line_of(at, text)}: {key}"
    assert what in fault.what
    assert hint in fault.hint


def test_all_faults_of_a_file_are_told_together_in_its_order():
    text = changed("form =", "frm =", changed("class =", "clss =", changed("= 8", '= "8"')))
    assert [fault.where for fault in faults_of(text)] == [
        "a.toml:12: gpu.frm",
        "a.toml:13: gpu.max",
        "a.toml:24: failure[0].class",
        "a.toml:26: failure[0].clss",
    ]


def test_contradictions_are_told_in_the_order_of_the_file():
    text = changed(
        "%(movie.stem)", "%(mve.stem)", changed("(\\d+\\.", "(\\d+[", changed("= 8", "= 0"))
    )
    assert [fault.where for fault in faults_of(text)][:3] == [
        "a.toml:8: program.version.regex",
        "a.toml:13: gpu.max",
        "a.toml:21: params.out.output",
    ]


def test_keys_that_are_missing_from_an_empty_file_are_all_named():
    assert [fault.what for fault in faults_of("")] == [
        f"the key `{key}` is missing" for key in ("name", "title", "program", "command")
    ]


def test_no_message_speaks_of_the_checker():
    text = changed("= 8", '= "8"', changed('"%(EXE)s",', "1, { a = 1 }, [[]],"))
    for fault in faults_of(text):
        for word in ("dataclass", "nput should", "http", "pydantic", "tuple", "str,", "Group"):
            assert word not in str(fault)


def test_an_element_of_a_long_list_is_told_with_its_own_line():
    text = changed('"%(movie)s", "-OutMrc",', '"%(movie)s",\n  "-OutMrc",\n  5,')
    (fault,) = faults_of(text)
    assert fault.where == "a.toml:18: command.argv[4]"
    assert fault.place.column == 3


def test_faults_without_end_are_cut_short():
    text = MOTIONCOR3 + "".join(f"x{number} = 1\n" for number in range(300))
    faults = faults_of(text)
    assert len(faults) == 101
    assert faults[-1].what == "200 more faults"
    assert faults[-1].where == "a.toml"


@pytest.mark.parametrize("regex", ["(" * 3000 + ")" * 3000, "a{99999999999999999999}"])
def test_a_pattern_that_cannot_be_compiled_is_a_fault(regex):
    (fault,) = faults_of(changed("no valid device detected", regex))
    assert fault.where.startswith("a.toml")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (MOTIONCOR3, "adapter"),
        (FULL, "adapter"),
        ("[run]\ngpus = '0'\n[[stage]]\n", "job"),
        ("[[step]]\n", "job"),
        ("gpus = '0'\n[program.gctf]\nexecutable = 'x'\n", "site"),
        ("", "site"),
        ("name = 'x'\ntitle = 'y'\n[program]\nexecutable = 'x'\n[comand]\n", "adapter"),
    ],
)
def test_the_kind_of_a_file_is_seen_from_its_keys(text, kind):
    assert kind_of(parse_toml("a.toml", text).data) == kind
