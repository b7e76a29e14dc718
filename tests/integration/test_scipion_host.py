"""Scipion's protocols on gpucore's executors: as on pyworkflow's own, and where otherwise."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from scipion_runs import Scipion

pytestmark = pytest.mark.slow

DONE = ["finished"] * 4
ALIKE: dict[str, Any] = {
    "slots": {
        "slots": [
            [2, "0 1", [[0, 1]]],
            [2, "3,4,5", [[3, 4, 5]]],
            [3, "0 1", [[0], [1]]],
            [3, "0 1 2", [[0, 1], [2]]],
            [3, "0 1 2 3", [[0, 1], [2, 3]]],
            [3, "0 1 2 99", [[0, 1], [2]]],
            [3, "99 1 2 3", [[1], [2, 3]]],
            [4, "0 1 2 3", [[0, 1], [2], [3]]],
            [4, "0-5", [[0, 1], [2, 3], [4, 5]]],
            [4, "0-7", [[0, 1, 2], [3, 4, 5], [6, 7]]],
            [5, "0-5", [[0, 1], [2, 3], [4], [5]]],
            [9, "0-15", [[2 * n, 2 * n + 1] for n in range(8)]],
        ]
    },
    "commands": {
        "Serial 0 1": ["finished", ["0,1", " -gpu 0 1 --name mic_%03d"]],
        "Compulsory 2 3": ["finished", ["2,3", " -gpu 2 3 --name mic_%03d"]],
        "Serial 5": ["finished", ["5", " -gpu 5 --name mic_%03d"]],
    },
    "no_gpu_needed": {"status": "finished", "at_once": 3, "gpus": [[], [], []]},
    "prerequisites": {
        "threads": ["finished", [1, 2, 3, 4], DONE],
        "serial": ["finished", [1, 2, 3, 4], DONE],
    },
    "failure": {
        "Compulsory": ["failed", True, ["failed", "new"], []],
        "Serial": ["failed", True, ["failed", "new"], []],
    },
    "continuing": {
        "first": ["failed", ["finished", "failed", "new"]],
        "then": ["finished", ["finished"] * 3],
        "ran": [0, 1, 1, 2],
    },
    "waiting": {
        "Compulsory": ["finished", [1, 2, 3, "output"], DONE],
        "Serial": ["finished", [1, 2, 3, "output"], DONE],
    },
    "generator": {
        "status": "finished",
        "used": [
            one
            for item in range(3)
            for one in ([item, "convert", []], [item, "output", []], [item, "process", 1])
        ],
    },
    "interactive": {
        "first": ["interactive", ["interactive", "new"]],
        "then": ["finished", ["finished", "finished"]],
        "ran": [1, 2],
    },
    "missing_file": {
        "status": "failed",
        "error": "Protocol failed: Missing filePaths: nowhere.mrc",
    },
    "nested": {
        "status": "finished",
        "error": "",
        "order": [
            ["outer", [0, 1]],
            ["inner", 0, [0, 1]],
            ["inner", 1, [0, 1]],
            ["child", "finished"],
        ],
    },
    "chosen_by_the_user": {"status": "finished", "error": "", "jobs": [["0 1", "8"]]},
    "names_of_jobs": {"jobs": ["1-1.job", "2-1.job"], "ids": []},
}


@pytest.fixture(scope="session")
def saw(scipion: Scipion) -> Callable[[str], Any]:
    return lambda case: scipion.seen("gpucore")[case]


@pytest.mark.parametrize("executors", ["scipion", "gpucore"])
@pytest.mark.parametrize("case", ALIKE)
def test_what_scipions_executors_do_well_gpucores_do_alike(
    case: str, executors: str, scipion: Scipion
) -> None:
    assert scipion.seen(executors)[case] == ALIKE[case]


def test_a_list_that_is_shorter_than_the_threads_is_repeated(saw: Callable[[str], Any]) -> None:
    assert saw("short_list") == {
        "status": "finished", "error": "", "gpus": [[0], [0], [1], [1]], "at_once": 4,
    }  # fmt: skip


def test_a_site_can_have_it_not_repeated_as_scipion_does(saw: Callable[[str], Any]) -> None:
    assert saw("short_list_never_shared")["at_once"] == 2


def test_a_gpu_that_is_not_there_is_told_before_a_step_starts(saw: Callable[[str], Any]) -> None:
    seen = saw("absent_gpu")
    assert (seen["status"], seen["gpus"]) == ("failed", [])
    assert seen["error"] == "GPU `77` is not there\n  there is GPU 0 to 15"


def test_an_empty_list_is_an_error_where_a_gpu_is_compulsory(saw: Callable[[str], Any]) -> None:
    status, error = saw("empty_list")["must"]
    assert status == "failed"
    assert error.startswith("lab - compulsory needs a GPU, and its GPU list is empty")


def test_an_empty_list_is_no_gpu_where_it_is_optional(saw: Callable[[str], Any]) -> None:
    assert saw("empty_list")["may"] == ["finished", "[]"]


def test_programs_see_what_the_standard_says(saw: Callable[[str], Any]) -> None:
    assert saw("environments") == {
        "a GPU": "PCI_BUS_ID unset",
        "no GPU": "PCI_BUS_ID",
        "no GPU, and a mask of the plugin": "PCI_BUS_ID 5",
        "no list": "PCI_BUS_ID unset",
    }


def test_a_serial_step_masks_its_own_process_and_its_end_undoes_it(
    saw: Callable[[str], Any],
) -> None:
    assert saw("serial_mask") == {"seen": ["2,3", None]}


def test_a_gpu_is_leased_from_its_first_use_to_the_end_of_the_step(
    saw: Callable[[str], Any],
) -> None:
    held = {name: ["lab - compulsory, step"] for name in ("slot", "list", "program")}
    seen = saw("leases")
    assert (seen["status"], seen["at the end"]) == ("finished", [])
    for name in ("result", "slot", "list", "program", "none"):
        before, after = seen["seen"][f"{name}: before"], seen["seen"][f"{name}: after"]
        assert before == []
        assert [one.partition(": ")[2].rpartition(" ")[0] for one in after] == held.get(name, [])


def test_a_check_that_raises_ends_the_protocol_when_its_steps_have_ended(
    saw: Callable[[str], Any],
) -> None:
    assert saw("raising_check") == {
        "status": "failed",
        "error": "the input is gone",
        "steps": ["finished"],
        "ended": 1,
        "held": [],
    }


def test_a_callback_that_raises_ends_the_protocol_and_holds_nothing(
    saw: Callable[[str], Any],
) -> None:
    assert saw("raising_callback") == {
        "status": "failed", "error": "no space left on device", "held": [],
    }  # fmt: skip


def test_an_end_that_cannot_be_recorded_loses_none_of_the_others(
    saw: Callable[[str], Any],
) -> None:
    assert saw("raising_end") == {
        "status": "failed", "error": "the network has gone", "held": [], "told": [1, 2, 3, 4],
        "recorded": ["finished", "finished", "finished", "running"], "last": "new",
    }  # fmt: skip


def test_each_step_finds_a_thread_that_is_its_own_though_threads_are_used_again(
    saw: Callable[[str], Any],
) -> None:
    assert saw("threads_of_steps") == {
        "status": "finished", "seen": [[True, True, "nothing"]] * 30, "left": [],
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["Compulsory", "Serial"])
def test_steps_that_can_never_start_are_told(kind: str, saw: Callable[[str], Any]) -> None:
    status, error, steps = saw("stuck_steps")[kind]
    assert (status, steps) == ("failed", ["finished", "new", "new", "new"])
    assert error.splitlines()[0] == (
        "3 steps can never start: step 2 waits for step 9; step 3 waits for step 4; "
        "step 4 waits for step 3"
    )


def test_each_of_hundreds_of_inserted_steps_is_stored_and_runs_once(
    saw: Callable[[str], Any],
) -> None:
    assert saw("burst") == {"status": "finished", "ran": True, "steps": [301, ["finished"]]}


@pytest.mark.parametrize("outer", ["with", "without"])
def test_a_protocol_that_a_step_runs_needs_no_slot_of_its_own(
    outer: str, saw: Callable[[str], Any]
) -> None:
    order = [[0, [3]], [1, [3]], ["cpu", []], ["child", "finished"]]
    assert saw("nested_on_one_slot")[outer] == ["finished", "", order, []]


def test_slots_can_be_booked_by_pyworkflows_own_methods(saw: Callable[[str], Any]) -> None:
    assert saw("booked_by_hand") == {"told": [[4], [5], None, [5], [5]]}


def test_steps_of_a_queue_need_no_gpu_where_they_are_submitted(saw: Callable[[str], Any]) -> None:
    assert saw("no_gpu_here") == {
        "status": "finished", "error": "", "jobs": [["0", "1"], ["0 1", "2"]],
    }  # fmt: skip


def test_a_jobs_number_is_read_in_either_form_and_a_refusal_is_told(
    saw: Callable[[str], Any],
) -> None:
    seen = saw("job_numbers")
    assert (seen["alone"], seen["a pair"]) == (["finished", ""], ["finished", ""])
    status, error = seen["none"]
    assert status == "failed"
    assert re.fullmatch(
        r"Protocol failed: the queue has not taken the job \S+-1-1: no such partition", error
    )


def test_it_is_installed_once_and_taken_out_again(saw: Callable[[str], Any]) -> None:
    assert saw("switching") == {
        "names": ["ParallelExecutor", "ThreadStepExecutor", "ThreadStepExecutor",
                  "ParallelExecutor"],
        "wrapped": [True, False, False, True],
    }  # fmt: skip


def test_scipion_lists_it_as_a_plugin(saw: Callable[[str], Any]) -> None:
    seen = saw("as_a_plugin")
    assert (seen["name"], seen["folder"]) == ("gpucore.hosts.scipion", "scipion")
    assert seen["templates"] == []


def test_a_scipion_of_a_version_that_is_not_known_keeps_its_executors_and_is_told(
    saw: Callable[[str], Any],
) -> None:
    seen = saw("as_a_plugin")
    own, ours = "pyworkflow.protocol.executor", "gpucore.hosts.scipion.executors"
    assert seen["executors"] == [own, own, ours]
    unknown, neither = seen["words"]
    assert unknown.startswith(
        "gpucore is not used, and Scipion uses its own executors: pyworkflow 3.11.7 is not known "
        "to gpucore: 1.0.0 and later work, before 2.0.0"
    )
    assert "GPUCORE_SCIPION=perhaps is neither on nor off" in neither
