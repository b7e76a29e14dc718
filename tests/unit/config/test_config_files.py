"""Reading TOML files, and telling where things stand in them."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import pytest

from gpucore import config
from gpucore.config import FileError, key_text, locate, parse_toml, read_toml
from gpucore.errors import ConfigError

TEXT = """\
# a comment
schema = 1
[run]
gpus = "0 1"

[[stage]]
name = "a"
params = { x = 1, "odd key" = 2 }

[[stage]]
name = "b"
argv = ["%(EXE)s", "-In",
   # a comment
   "x", "y",

   { when = "gpu", args = ["-Gpu", 3] },
   5]
notes = '''
[not.a.table]
gpus = 3
'''
a.b.c = 4
[stage.params]
voltage = 300
[[stage.deep]]
[[stage.deep]]
x = 1
"""


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        (("schema",), 2, 1),
        (("run",), 3, 2),
        (("run", "gpus"), 4, 1),
        (("stage",), 6, 3),
        (("stage", 0), 6, 3),
        (("stage", 0, "params", "x"), 8, 12),
        (("stage", 0, "params", "odd key"), 8, 20),
        (("stage", 1), 10, 3),
        (("stage", 1, "name"), 11, 1),
        (("stage", 1, "argv"), 12, 1),
        (("stage", 1, "argv", 1), 12, 20),
        (("stage", 1, "argv", 2), 14, 4),
        (("stage", 1, "argv", 3), 14, 9),
        (("stage", 1, "argv", 4, "args"), 16, 20),
        (("stage", 1, "argv", 5), 17, 4),
        (("stage", 1, "notes"), 18, 1),
        (("stage", 1, "a", "b", "c"), 22, 5),
        (("stage", 1, "params"), 23, 8),
        (("stage", 1, "params", "voltage"), 24, 1),
        (("stage", 1, "deep", 1, "x"), 27, 1),
    ],
)
def test_a_key_is_found_on_its_line(path, line, column):
    place = locate(TEXT, path)
    assert (place.line, place.column) == (line, column)
    assert place.source == TEXT.split("\n")[line - 1]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("run", "threads"), 3),
        (("stage", 1, "adapter"), 10),
        (("stage", 0, "params", "cs"), 8),
        (("nothing",), 1),
        ((), 1),
    ],
)
def test_a_missing_key_is_placed_at_its_table(path, line):
    assert locate(TEXT, path).line == line


def test_lines_are_the_same_with_windows_line_ends():
    text = TEXT.replace("\n", "\r\n")
    assert locate(text, ("stage", 1, "params", "voltage")).line == 24
    assert locate("a = 1\r\nb = [\r\n1,\r\n2]\r\n", ("b", 1)).line == 4


@pytest.mark.slow
def test_a_hostile_text_is_placed_in_little_time():
    text = "a = [\n" + "  [1],\n" * 100_000 + "]\nb = 2\n"
    assert locate(text, ("a",)).line == 1


def test_a_key_path_is_shown_as_people_write_it():
    assert key_text(("stage", 1, "params", "voltage")) == "stage[1].params.voltage"
    assert key_text(("program", "a b", "env")) == 'program."a b".env'


@pytest.mark.parametrize(
    ("text", "place", "what", "hint"),
    [
        ("a = 1\nb = True\n", "2:5", "there is no value that TOML knows", "lower case"),
        ("a = 1\nb\n", "2:2", "there is no `=` after a key", "write key = value"),
        ("a = 1\na = 2\n", "2:6", "a key is given twice", "leave one"),
        ("[a]\n[a]\n", "2:3", "a table is opened twice", "one header"),
        ("a = 1 b = 2\n", "1:7", "something follows", "#"),
        ("= 1\n", "1:1", "the line is no statement", "write key = value"),
        ('\n\na = "x\n', "3:7", "a text is not closed", "quote"),
        ('a = "x', "1:7", "a text is not closed", "quote"),
        ("a = [1,\n\n", "1:8", "there is no value", "lists are closed"),
        ("a = [1\n\n", "1:7", "a list is not closed", "]"),
        ('a = "C:\\dir"\n', "1:10", "a \\ stands in a text", "single quotes"),
        ("[a\n", "1:3", "it is no TOML: expected ']'", "mend this line"),
    ],
)
def test_a_fault_of_syntax_says_line_column_and_remedy(tmp_path, text, place, what, hint):
    file = tmp_path / "job.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        read_toml(file)
    error = raised.value
    assert error.what.startswith(what)
    assert hint in error.hint
    assert error.where == f"{file}:{place}"
    assert isinstance(error, FileError)
    assert error.place.source == text.split("\n")[error.place.line - 1]


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b"a = 1\nb = '\xff'\n", "the byte 0xff is no UTF-8"),
        (b"a = " + b"[" * 50_000, "its values are nested too deeply"),
        (b"a = " + b"9" * 5_000, "it holds a value that cannot be read"),
        (b"#" * (1 << 20) + b"#", "the file is larger than 1 MiB"),
    ],
)
def test_a_file_that_cannot_be_parsed_is_named(tmp_path, raw, what):
    file = tmp_path / "x.toml"
    file.write_bytes(raw)
    with pytest.raises(ConfigError, match=what) as raised:
        read_toml(file)
    assert raised.value.where.startswith(str(file))
    assert raised.value.hint


def test_a_byte_that_is_no_utf8_is_told_with_its_line(tmp_path):
    file = tmp_path / "x.toml"
    file.write_bytes(b"a = 1\nb = '\xff'\n")
    with pytest.raises(ConfigError) as raised:
        read_toml(file)
    assert raised.value.where == f"{file}:2"


def test_a_byte_order_mark_is_no_fault(tmp_path):
    file = tmp_path / "x.toml"
    file.write_bytes(b"\xef\xbb\xbfa = 1\n")
    assert read_toml(file).data == {"a": 1}


def test_a_missing_file_a_folder_and_a_pipe_are_told_apart(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, what in (("none", "no such file"), ("", "a folder"), ("pipe", "no ordinary file")):
        with pytest.raises(ConfigError, match=what) as raised:
            read_toml(tmp_path / name)
        assert raised.value.where == str(tmp_path / name)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_toml(tmp_path / "a\0b")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be read: not a directory"):
        read_toml(tmp_path / "file" / "x.toml")


@pytest.mark.skipif(os.getuid() == 0, reason="root may read every file")
def test_an_unreadable_file_is_named(tmp_path):
    file = tmp_path / "x.toml"
    file.touch(mode=0o000)
    with pytest.raises(ConfigError, match="permission denied"):
        read_toml(file)


def test_a_file_that_everyone_may_write_is_refused(tmp_path):
    file = tmp_path / "x.toml"
    file.touch()
    file.chmod(0o666)
    with pytest.raises(ConfigError, match="everyone on this machine may write") as raised:
        read_toml(file)
    assert raised.value.hint == f"chmod o-w {file}"


def test_a_fault_survives_pickling(tmp_path):
    fault = parse_toml(tmp_path / "x.toml", "a = 1\n").fault(("a",), "wrong", "mend it")
    again = pickle.loads(pickle.dumps(fault))  # noqa: S301 - our own
    assert str(again) == str(fault)
    assert again.place == fault.place


def test_importing_the_package_imports_neither_pydantic_nor_job_files():
    code = (
        "import sys, gpucore.config\n"
        "print([n for n in ('pydantic', 'gpucore.config.job') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there():
    for name in config.__all__:
        assert getattr(config, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = config.nothing
