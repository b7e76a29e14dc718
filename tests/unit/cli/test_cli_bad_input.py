"""Bad input to ``map``: a clear error before anything starts, and nothing written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from command_line import Cli

MAP = ("map", "copy", "a.tif", "-o", "out", "--adapter", "copy.toml")

REFUSALS = {
    "3-0": "a range goes upwards",
    "1-2-3": "a range has two ends",
    "-1": "there is no GPU with a negative number",
    "0:1": "items are separated by blanks or commas",
    "0;1": "items are separated by blanks or commas",
    "a": "it is no item of a GPU list",
    "0.5": "a GPU has no fraction",
    "\u0661": "it is not plain ASCII",
    "0 auto": "it does not go with other items",
    "99999999999": "no machine has so many GPUs",
}


@pytest.mark.parametrize("text", REFUSALS)
def test_a_wrong_gpu_list_is_refused_with_the_item_its_place_and_what_to_write(
    cli: Cli, text: str
) -> None:
    said = cli.refuses(*MAP, "--gpus", text)
    assert REFUSALS[text] in said
    assert " at character " in said
    assert "help: " in said


@pytest.mark.parametrize("text", REFUSALS)
def test_a_wrong_gpu_list_in_the_environment_names_the_variable(
    cli: Cli, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPUCORE_GPUS", text)
    said = cli.refuses(*MAP)
    assert REFUSALS[text] in said
    assert "--> environment GPUCORE_GPUS" in said


@pytest.mark.parametrize(
    ("gpus", "what"),
    [
        ("5", "GPU `5` is not there"),
        ("GPU-ffff", "`GPU-ffff`"),
        ("99 99", "nothing but void places"),
    ],
)
def test_a_gpu_that_the_machine_does_not_have_is_refused(cli: Cli, gpus: str, what: str) -> None:
    cli.write("gpu.toml", GPU_ADAPTER)
    said = cli.refuses(
        "map", "needy", "a.tif", "-o", "out", "--adapter", "gpu.toml",
        "--gpus", gpus, "--devices", "simulated:2",
    )  # fmt: skip
    assert what in said


GPU_ADAPTER = """
name = "needy"
title = "needs a GPU"
[program]
executable = "/bin/true"
[gpu]
use = "compulsory"
form = "space"
[command]
argv = ["%(EXE)s", "%(src)s", "%(dst)s", "%(GPU)s"]
[params]
src = { type = "path", item = true, help = "what is read" }
dst = { type = "path", output = "%(src.stem)s.out", help = "what is made" }
"""


def test_a_compulsory_gpu_on_a_machine_without_ends_with_3_and_says_what_was_looked_for(
    cli: Cli,
) -> None:
    cli.write("gpu.toml", GPU_ADAPTER)
    wanted = ("map", "needy", "a.tif", "-o", "out", "--adapter", "gpu.toml")
    said = cli.refuses(*wanted, "--devices", "simulated:0", code=3)
    assert "the device source `simulated:0` found no GPU" in said
    said = cli.refuses(*wanted, "--gpus", "", code=3)
    assert "needs a GPU, and the run's GPU list is empty" in said
    assert 'gpus = "0 1"' in said


def test_a_mask_that_hides_every_gpu_is_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    cli.write("gpu.toml", GPU_ADAPTER)
    said = cli.refuses(
        "map", "needy", "a.tif", "-o", "out", "--adapter", "gpu.toml",
        "--devices", "simulated:2", code=3,
    )  # fmt: skip
    assert "CUDA_VISIBLE_DEVICES=''" in said


@pytest.mark.parametrize(
    ("argv", "what", "hint"),
    [
        (("map", "copi", "a.tif", "-o", "out", "--adapter", "copy.toml"),
         "no adapter is called `copi`", "did you mean `copy`?"),
        ((*MAP, "--set", "numbr=1"), "unknown parameter `numbr`\n  --> --set numbr=…",
         "did you mean `number`?"),
        ((*MAP, "--set", "number"), "`--set number` has no `=`", "--set key=value"),
        ((*MAP, "--set", "number=9"), "`number` = 9 is too large\n  --> --set number=…",
         "5 or less"),
        ((*MAP, "--set", "side=gone.mrc"), "there is no file `gone.mrc`, which `side` names",
         "look at its name"),
        ((*MAP, "--set", "number=-1"), "`number` = -1 is too small", "0 or more"),
        ((*MAP, "--set", "number=x"),
         "`number` = 'x' is not a whole number\n  --> --set number=…", "whole number"),
        ((*MAP, "--set", "number=1.5"), "`number` = '1.5' is not a whole number", "whole number"),
        ((*MAP, "--set", "switch=maybe"), "is not true or false", "give true or false"),
        ((*MAP, "--set", "src=b.tif"), "`src` is the item", "take it out"),
        ((*MAP, "--set", "dst="), "`dst` is empty", "give a path"),
        (("map", "motioncor2", "a.tif", "-o", "out", "--no-gpu"),
         "--no-gpu does not go with motioncor2", "leave it out"),
        (("map", "gctf", "a.tif", "-o", "out", "--devices", "simulated:1"),
         "parameter `pixel_size` is missing", "give `--set pixel_size=…` [Å]"),
        (("map", "copy", "gone.tif", "-o", "out", "--adapter", "copy.toml"),
         "there is no file `gone.tif`", "look at its name"),
        (("map", "copy", "-o", "out", "--adapter", "copy.toml"),
         "there is no item to run over", "give at least one file"),
        ((*MAP, "--policy", "pol"), "no policy is called `pol`\n  --> --policy",
         "did you mean `pool`?"),
        ((*MAP, "--devices", "nvlm:1", "--gpus", "0"), "", ""),
        ((*MAP, "--config", "gone.toml"), "there is no such file", "--> gone.toml"),
        ((*MAP, "--adapter", "gone.toml"), "there is no adapter file `gone.toml`", "TOML file"),
        ((*MAP, "--threads", "0"), "'--threads': 0 is not in the range",
         "see `gpucore map --help`"),
        ((*MAP, "--sharing", "nevr"), "'nevr' is not one of", "never"),
        ((*MAP, "--gpus-per-step", "0"), "0 is not in the range", ""),
        ((*MAP, "--gpu-memory", "12G"), "'12G' is no amount of memory", 'write "12 GiB"'),
        ((*MAP, "--gpu-memory", "0 GiB"), "gpu_memory = '0 GiB' is no memory", '"12 GiB"'),
        ((*MAP, "--nope"), "'--nope'", ""),
        (("map", "copy", "a.tif", "-o", "", "--adapter", "copy.toml"),
         "the output folder is empty", "-o DIR"),
        (("map",), "error[E250]: missing argument 'ADAPTER'\n",
         "help: gpucore map [OPTIONS] ADAPTER FILES...; see `gpucore map --help`"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_told_with_the_way_to_mend_it(
    cli: Cli, argv: tuple[str, ...], what: str, hint: str
) -> None:
    if not what:
        # A program that uses no GPU asks nothing of a device source, not even its name.
        assert cli(*argv).code == 0
        return
    said = cli.refuses(*argv)
    assert what in said
    assert hint in said


def test_an_unknown_key_among_many_is_not_answered_with_all_of_them(cli: Cli) -> None:
    said = cli.refuses("map", "motioncor3", "a.tif", "-o", "out", "--set", "zzzzzz=1")
    assert said == (
        "error[E301]: unknown parameter `zzzzzz`\n  --> --set zzzzzz=…\n"
        "help: `gpucore adapters show motioncor3` lists them\n"
        "`gpucore explain E301` tells more\n"
    )


def test_all_wrong_parameters_are_told_together(cli: Cli) -> None:
    said = cli.refuses(*MAP, "--set", "numbr=1", "--set", "number=x", "--set", "word")
    assert "3 problems, all shown above" in said


def test_missing_files_are_told_together_and_a_score_by_name(cli: Cli) -> None:
    gone = [f"gone{number}.tif" for number in range(25)]
    said = cli.refuses("map", "copy", *gone, "-o", "out", "--adapter", "copy.toml")
    assert said.count("there is no file") == 20
    assert "and 5 more files are not there" in said


def test_a_folder_as_an_output_folder_that_is_a_file_is_refused(cli: Cli) -> None:
    for folder in ("b.tif", "b.tif/below", f"{cli.folder}/b.tif"):
        said = cli.refuses("map", "copy", "a.tif", "-o", folder, "--adapter", "copy.toml")
        assert "b.tif is no folder" in said


def test_an_output_folder_that_no_one_can_write_is_refused(cli: Cli) -> None:
    # Not even root makes a folder there.
    said = cli.refuses("map", "copy", "a.tif", "-o", "/proc/gpucore-out", "--adapter", "copy.toml")
    assert "/proc/gpucore-out" in said
    assert "cannot be written" in said


def test_a_program_that_is_not_installed_says_how_it_is_looked_for_and_how_to_tell_gpucore(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere/at/all")
    argv = ("map", "motioncor2", "a.tif", "-o", "out", "--devices", "simulated:1")
    said = cli.refuses(*argv)
    assert "the program `MotionCor2` was not found; it was looked for on PATH" in said
    assert "(/nowhere/at/all)" in said
    assert '[program.motioncor2] executable = "/path/to/MotionCor2" in gpucore.toml' in said
    cli.write("gpucore.toml", '[program.motioncor2]\nexecutable = "/nowhere/MotionCor2_1.6"\n')
    said = cli.refuses(*argv)
    assert "`/nowhere/MotionCor2_1.6` was not found" in said
    assert "it was looked for as gpucore.toml names it" in said


@pytest.mark.parametrize("items", [("x/same.tif", "y/same.tif"), ("x/same.tif", "./x/same.tif")])
def test_two_items_that_would_write_the_same_output_are_refused(
    cli: Cli, items: tuple[str, str]
) -> None:
    for item in items:
        cli.write(item)
    said = cli.refuses("map", "copy", *items, "-o", "out", "--adapter", "copy.toml")
    assert "copy/same and copy/same~2 would write the same output `out/same.out`" in said
    assert "rename one of the two items" in said


def test_items_whose_names_look_like_numbered_ones_still_clash(cli: Cli) -> None:
    for item in ("x/a.tif", "y/a.tif", "a~2.tif"):
        cli.write(item)
    said = cli.refuses(
        "map", "copy", "x/a.tif", "a~2.tif", "y/a.tif", "-o", "out", "--adapter", "copy.toml"
    )
    assert "would write the same output `out/a.out`" in said


@pytest.mark.parametrize(
    ("item", "given"),
    [("a.tif", "a.tif"), ("a.tif", "./a.tif"), ("a.tif", "{}/a.tif"), ("{}/a.tif", "a.tif"),
     ("x/../a.tif", "a.tif"), ("a.tif", "link/a.tif")],
)  # fmt: skip
def test_an_output_that_is_its_own_input_is_refused_however_it_is_written(
    cli: Cli, item: str, given: str
) -> None:
    cli.write("x/y.tif")
    (cli.folder / "link").symlink_to(cli.folder)
    said = cli.refuses(
        "map", "copy", item.format(cli.folder), "-o", "out", "--adapter", "copy.toml",
        "--set", f"dst={given.format(cli.folder)}",
    )  # fmt: skip
    assert "would overwrite its own input" in said


def test_an_output_that_is_another_items_input_is_refused(cli: Cli) -> None:
    cli.write("a.out")
    said = cli.refuses("map", "copy", "a.tif", "a.out", "-o", ".", "--adapter", "copy.toml")
    assert "would overwrite" in said


def test_faults_of_the_sites_settings_are_told_with_file_line_key_caret_and_nearest_key(
    cli: Cli,
) -> None:
    cli.write("gpucore.toml", 'gpu = "0"\nthreads = "3"\nsharing = "nevr"\n')
    said = cli.refuses(*MAP)
    place = f"{cli.folder}/gpucore.toml:1:1  gpu"
    assert f'--> {place}\n  1 | gpu = "0"\n    | ^^^ did you mean `gpus`?\nhelp: keys ' in said
    assert "gpucore.toml:2:1  threads" in said
    assert "did you mean `never`?" in said
    assert said.splitlines()[-1].startswith("3 problems, all shown above; `gpucore explain E204`")


def test_faults_of_the_environment_are_told_together(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in {
        "GPUCORE_THREDS": "3", "GPUCORE_SHARING": "nevr", "GPUCORE_ISOLATE": "perhaps",
        "GPUCORE_THREADS": "none",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, text)
    said = cli.refuses(*MAP)
    assert "did you mean `GPUCORE_THREADS`?" in said
    assert said.splitlines()[-1].startswith("4 problems, all shown above; ")


def test_a_wrong_adapter_file_tells_every_fault_with_line_and_key(cli: Cli) -> None:
    cli.write("bad.toml", 'nam = "bad"\ntitle = "t"\n[command]\nargv = ["%(EXE)s"]\n')
    said = cli.refuses("map", "bad", "a.tif", "-o", "out", "--adapter", "bad.toml")
    assert "unknown key `nam`" in said
    assert "did you mean `name`?" in said
    assert "--> bad.toml:1:1  nam" in said
    assert "the key `program` is missing" in said


def test_a_program_that_loses_its_right_to_run_fails_its_step_with_a_reason(cli: Cli) -> None:
    cli.write("plain.toml", GPU_ADAPTER.replace("/bin/true", str(cli.folder / "a.tif"))
              .replace('use = "compulsory"', 'use = "none"').replace('"space"', '"none"')
              .replace(', "%(GPU)s"', ""))  # fmt: skip
    os.chmod(cli.folder / "a.tif", 0o644)  # noqa: PTH101 - a text that cannot be run
    said = cli.refuses("map", "needy", "a.tif", "-o", "out", "--adapter", "plain.toml")
    assert "a.tif` was not found" in said
