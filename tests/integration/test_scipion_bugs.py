"""Each fault of Scipion's executors beside gpucore's: made on the one, and not on the other.

pyworkflow's own run here as they are, but for their naps: three seconds stand in their code, and a
fiftieth of one is slept. One of the faults that are known is not here: that a queue's job number
is a pair was mended in pyworkflow 3.11.7, the version that these tests install.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from scipion_runs import Scipion

pytestmark = pytest.mark.slow

VOID = (
    "the list holds nothing but void places (99)\n"
    "  name at least one GPU, or leave the list empty to run without one"
)
NO_GPU = (
    "Protocol failed: `echo` is to be told its GPUs by %(GPU)s, and its step has none\n"
    "  a step with the mark needs a GPU: `needsGPU=True`, and a GPU list in the form"
)

PAIRS = {
    "a GPU is lost when a step ends while the slot of its number is untouched": (
        "lost_gpus",
        {"status": "finished", "gpus": [0], "at_once": 1},
        {"status": "finished", "gpus": [0, 1], "at_once": 2},
    ),
    "steps wait for GPUs that their user does not want": (
        "use_gpu_is_no",
        {"status": "finished", "gpus": [0], "at_once": 1, "gpu_count": 1},
        {"status": "finished", "gpus": [], "at_once": 4, "gpu_count": 0},
    ),
    "a list of void GPUs is waited for for ever": (
        "void_list",
        {
            "status": "failed",
            "error": "50 checks, and no step has started",
            "steps": ["new", "new"],
        },
        {"status": "failed", "error": VOID, "steps": ["new", "new"]},
    ),
    "steps that can never start are looked at for ever": (
        "circle",
        {
            "status": "failed",
            "error": "50 checks, and no step has started",
            "steps": ["new", "new"],
        },
        {
            "status": "failed",
            "error": "2 steps can never start: step 1 waits for step 2; step 2 waits for step 1",
            "steps": ["new", "new"],
        },
    ),
    "two steps at once see one another's GPU, and what comes after them does": (
        "masks",
        {"status": "finished", "each sees": "that of one of them", "left": "changed"},
        {"status": "finished", "each sees": "its own", "left": "as before"},
    ),
    "a void GPU of a queue's job becomes a real one": (
        "void_in_a_queue",
        {"status": "finished", "gpus": [[0], [1]]},
        {"status": "finished", "gpus": [[0], [0]]},
    ),
    "one GPU that is shared becomes several in a queue": (
        "shared_in_a_queue",
        {"status": "finished", "error": "", "jobs": [["0", "3"], ["0 1", "3"]]},
        {"status": "finished", "error": "", "jobs": [["0", "1"], ["0", "1"]]},
    ),
    "a void GPU is given to a program, and GPUs to a step that needs none": (
        "void_in_serial",
        {"status": "finished", "gpus": [[0, 99], [0, 99]], "command": "-gpu 0 99"},
        {"status": "finished", "gpus": [[0], []], "command": "-gpu 0"},
    ),
    "a mark inside an argument of a list is not filled": (
        "mark_in_a_list",
        {"status": "finished", "error": "", "command": "['--device=%(GPU)s']"},
        {"status": "finished", "error": "", "command": "['--device=0 1']"},
    ),
    "a per cent sign beside a mark fails the step": (
        "stray_percent",
        {
            "status": "failed",
            "error": "Protocol failed: not enough arguments for format string",
            "command": None,
        },
        {"status": "finished", "error": "", "command": "-gpu 1 a_100%.txt mic_%03d.mrc"},
    ),
    "each job of a step asks for the GPUs of all steps": (
        "gpus_of_jobs",
        {"status": "finished", "error": "", "jobs": [["0", "4"], ["0", "4"], ["none", "4"]]},
        {"status": "finished", "error": "", "jobs": [["0", "1"], ["0", "1"], ["none", "0"]]},
    ),
    "a job asks for void GPUs, and twice for one that is shared": (
        "gpus_of_a_job",
        {"gpu_count": 3},
        {"gpu_count": 1},
    ),
    "asking for GPUs outside a step, or without a list, is an error": (
        "list_outside_steps",
        {"outside a step": "AttributeError", "without a list": "TypeError"},
        {"outside a step": [], "without a list": ""},
    ),
    "steps that a generator inserts get one GPU, both at once": (
        "unstored_steps",
        {"status": "finished", "gpus": [[0], [0]], "at_once": 2},
        {"status": "finished", "gpus": [[0], [1]], "at_once": 2},
    ),
    "a protocol that waits for its user ends as if all were done": (
        "interactive_in_threads",
        {"status": "finished", "steps": ["finished", "new"], "ran": 0},
        {"status": "interactive", "steps": ["interactive", "new"], "ran": 0},
    ),
    "a step that leaves by sys.exit counts as done": (
        "exit_in_a_step",
        {"status": "finished"},
        {"status": "failed"},
    ),
    "what ends well behind a failure is not on record, and is done again": (
        "end_after_a_failure",
        {
            "status": "failed",
            "error": "Protocol failed: no memory",
            "steps": ["running", "failed"],
        },
        {
            "status": "failed",
            "error": "Protocol failed: no memory",
            "steps": ["finished", "failed"],
        },
    ),
    "a last step whose end comes between two looks has not failed, whatever it did": (
        "last_step_fails",
        {"status": "finished", "error": "", "steps": ["finished", "running"]},
        {
            "status": "failed",
            "error": "Protocol failed: no memory",
            "steps": ["finished", "failed"],
        },
    ),
    "the end of a step is seen by looking again every three seconds": (
        "polling",
        {"status": "finished", "slept_for": [3]},
        {"status": "finished", "slept_for": []},
    ),
}


@pytest.mark.parametrize("executors", ["scipion", "gpucore"])
@pytest.mark.parametrize("fault", PAIRS)
def test_a_fault_is_there_in_scipions_executors_and_not_in_gpucores(
    fault: str, executors: str, scipion: Scipion
) -> None:
    case, on_scipion, on_gpucore = PAIRS[fault]
    expected = on_scipion if executors == "scipion" else on_gpucore
    assert scipion.seen(executors)[case] == expected


def test_a_mark_without_gpus_reaches_the_shell_in_scipions_executors(scipion: Scipion) -> None:
    seen = scipion.seen("scipion")["mark_without_gpus"]
    assert "Command ' echo -gpu %(GPU)s" in seen["error"]
    assert (seen["status"], seen["command"]) == ("failed", None)


def test_a_mark_without_gpus_is_an_error_before_anything_starts(scipion: Scipion) -> None:
    seen = scipion.seen("gpucore")["mark_without_gpus"]
    assert seen == {"status": "failed", "error": NO_GPU, "command": None}
