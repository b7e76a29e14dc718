"""The standard's worked examples through ``map --plan``, command line by command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from command_line import everything_below

if TYPE_CHECKING:
    from command_line import Cli, Ran

HEAD = "CUDA_DEVICE_ORDER=PCI_BUS_ID "
COMMAND = (
    "MotionCor2 -InTiff m{0}.tif -OutMrc out/m{0}.mrc -PixSize 0.885 -kV 300 -SumRange 0.0 0.0 "
    "-FtBin 1.0 -Iter 15 -Tol 0.1 -Bft 500.0 150.0 -Gpu {1}"
)


def plan(cli: Cli, gpus: str, threads: int, *more: str, movies: int = 5) -> Ran:
    """Plan movies, prove that nothing was needed or written, return what was said."""
    names = [cli.write(f"m{number}.tif") for number in range(1, movies + 1)]
    before = everything_below(cli.folder)
    ran = cli(
        "map", "motioncor2", *names, "-o", "out", "--set", "pixel_size=0.885",
        "--gpus", gpus, "--threads", str(threads), "--plan", *more,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert everything_below(cli.folder) == before
    assert "nothing was run" in ran.err or "--json" in more
    return ran


def gpus_of(ran: Ran) -> list[str]:
    return [line.rpartition("  ")[2] for line in ran.out.splitlines() if line.startswith("#")]


def expected(*slots: str, mask: str = "") -> list[str]:
    return [
        HEAD + mask + COMMAND.format(number, slot) for number, slot in enumerate(slots, start=1)
    ]


@pytest.mark.parametrize(
    ("threads", "gpus", "slots"),
    [
        (3, "0 1", ("0", "1", "0", "1", "0")),
        (3, "0 1 2 3", ("0 1", "2 3", "0 1", "2 3", "0 1")),
        (1, "0 1", ("0 1", "0 1", "0 1", "0 1", "0 1")),
        (2, "3,4,5", ("3 4 5", "3 4 5", "3 4 5", "3 4 5", "3 4 5")),
        (3, "0 1 2 99", ("0 1", "2", "0 1", "2", "0 1")),
        (3, "99 1 2 3", ("1", "2 3", "1", "2 3", "1")),
        (3, "0 0 1 1", ("0", "1", "0", "1", "0")),
        (4, "0-7", ("0 1 2", "3 4 5", "6 7", "0 1 2", "3 4 5")),
    ],
)
def test_each_step_gets_its_slot_in_the_order_of_the_standard(
    cli: Cli, threads: int, gpus: str, slots: tuple[str, ...]
) -> None:
    ran = plan(cli, gpus, threads)
    assert ran.lines == expected(*slots)
    assert gpus_of(ran) == [f"GPU {slot}" for slot in slots]
    assert [line.split("  ")[:2] for line in ran.out.splitlines() if line.startswith("#")] == [
        [f"# {number}", f"motioncor2/m{number}"] for number in range(1, 6)
    ]
    assert "not recommended" not in ran.err


def test_five_threads_on_two_gpus_share_them_and_the_plan_advises_against_it(cli: Cli) -> None:
    ran = plan(cli, "0 1", 5)
    assert ran.lines == expected("0", "1", "0", "1", "0")
    assert ran.err.splitlines() == [
        "note: 4 workers share 2 GPUs, which is not recommended for motioncor2; 3 threads give "
        "each GPU one worker",
        "5 steps, 4 at once; nothing was run",
    ]


def test_sharing_never_keeps_a_short_list_and_says_nothing_of_sharing(cli: Cli) -> None:
    ran = plan(cli, "0 1", 5, "--sharing", "never")
    assert ran.lines == expected("0", "1", "0", "1", "0")
    assert "not recommended" not in ran.err


def test_sharing_is_told_in_the_plan_of_a_list_that_was_repeated_by_the_settings(
    cli: Cli,
) -> None:
    assert "not recommended" in plan(cli, "0 1", 5, "--sharing", "repeat").err


@pytest.mark.parametrize(
    ("gpus", "masks", "numbers"),
    [("0 1 2 3", ("0,1", "2,3"), ("0 1", "0 1")), ("5 7 2", ("5,7", "2"), ("0 1", "0"))],
)
def test_isolation_renumbers_and_the_mask_agrees(
    cli: Cli, gpus: str, masks: tuple[str, ...], numbers: tuple[str, ...]
) -> None:
    ran = plan(cli, gpus, 3, "--isolate", movies=2)
    assert ran.lines == [
        f"{HEAD}CUDA_VISIBLE_DEVICES={mask} {COMMAND.format(place, number)}"
        for place, (mask, number) in enumerate(zip(masks, numbers, strict=True), start=1)
    ]
    # People are told the machine's numbers.
    assert gpus_of(ran) == [f"GPU {mask.replace(',', ' ')}" for mask in masks]


def test_the_pool_gives_each_step_the_gpus_that_it_asks_for(cli: Cli) -> None:
    ran = plan(cli, "0-3", 5, "--policy", "pool", "--gpus-per-step", "2")
    assert ran.lines == expected("0 1", "2 3", "0 1", "2 3", "0 1")
    assert ran.err == "5 steps, 4 at once; nothing was run\n"


def test_memory_that_no_gpu_has_is_refused_before_anything_runs(cli: Cli) -> None:
    ran = cli(
        "map", "motioncor2", cli.write("m1.tif"), "-o", "out", "--set", "pixel_size=0.885",
        "--devices", "simulated:2", "--gpu-memory", "25 GiB", "--plan",
    )  # fmt: skip
    assert ran.code == 2
    assert "25 GiB of GPU memory are needed, and the run has GPUs with 24 GiB" in ran.err
    assert "gpu_memory" in ran.err


def test_a_plan_as_json_has_all_that_a_host_needs_and_nothing_else_on_stdout(cli: Cli) -> None:
    ran = plan(cli, "0 1", 3, "--json", movies=3)
    told = json.loads(ran.out)
    assert told["schema"] == "gpucore.plan/1"
    assert ran.err == ""
    assert [step["gpus"] for step in told["steps"]] == [[0], [1], [0]]
    for number, step in enumerate(told["steps"], start=1):
        gpu = step["gpus"][0]
        assert step == {
            "step": f"motioncor2/m{number}",
            "adapter": "motioncor2",
            "gpus": [gpu],
            "simulated": False,
            "argv": COMMAND.format(number, gpu).split(),
            "env": {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
            "stdin": None,
            "own_directory": False,
            "files": {},
            "links": {},
        }


def test_a_plan_of_one_step_counts_one_step(cli: Cli) -> None:
    assert plan(cli, "0", 2, movies=1).err == "1 step, 1 at once; nothing was run\n"


def test_simulated_devices_are_marked_in_a_plan_by_identity(cli: Cli) -> None:
    ran = plan(cli, "GPU-00000001", 2, "--devices", "simulated:2", movies=1)
    assert gpus_of(ran) == ["GPU 1 (simulated)"]


def test_simulated_devices_are_marked_in_a_plan_by_index(cli: Cli) -> None:
    ran = plan(cli, "1", 2, "--devices", "simulated:2", movies=1)
    assert gpus_of(ran) == ["GPU 1 (simulated)"]


@pytest.mark.parametrize("who", ["flag", "settings", "environment", "job"])
def test_a_plan_refuses_a_gpu_that_the_chosen_source_does_not_have(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    cli.write("m1.tif")
    stage = (
        '[[stage]]\nname = "s"\nadapter = "motioncor2"\nitems = "m1.tif"\n'
        "params = { pixel_size = 1.0 }\n"
    )
    cli.write("job.toml", '[run]\ndevices = "simulated:2"\n' * (who == "job") + stage)
    if who == "settings":
        cli.write("gpucore.toml", 'devices = "simulated:2"\n')
    if who == "environment":
        monkeypatch.setenv("GPUCORE_DEVICES", "simulated:2")
    flag = ("--devices", "simulated:2") if who == "flag" else ()
    said = cli.refuses("run", "job.toml", "--plan", "--gpus", "5", *flag)
    assert "GPU `5` is not there" in said


def test_a_gpu_that_a_slot_holds_twice_is_named_once(cli: Cli) -> None:
    assert gpus_of(plan(cli, "0 0", 2, movies=1)) == ["GPU 0"]
    told = json.loads(plan(cli, "0 0", 2, "--json", movies=1).out)
    assert told["steps"][0]["gpus"] == [0]


@pytest.mark.parametrize("gpus", ["", "auto"])
def test_a_plan_without_a_gpu_for_a_compulsory_program_says_that_it_needs_one(
    cli: Cli, gpus: str
) -> None:
    source = ("--devices", "simulated:0") if gpus else ()
    said = cli.refuses(
        "map", "motioncor2", "a.tif", "-o", "out", "--plan", "--gpus", gpus, *source, code=3
    )
    assert "the adapter motioncor2 needs a GPU" in said
    assert ("found no GPU" if gpus else "GPU list is empty") in said
    assert "%(GPU)s" not in said


def test_the_questions_that_a_program_asks_stand_in_its_plan(cli: Cli) -> None:
    cli.write("m.mrc")
    ran = cli(
        "map", "ctffind", "m.mrc", "-o", "out", "--plan", "--set", "pixel_size=1.0",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "# answers: " in ran.out
    assert gpus_of(ran)[0] == "no GPU"
    assert "CUDA_VISIBLE_DEVICES='' " in ran.lines[0]
