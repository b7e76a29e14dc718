"""Tables, traces, metrics and data: the same history for other programs."""

from __future__ import annotations

import csv
import json
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from past_runs import PastRun, night, uuid
from prometheus_client.parser import text_string_to_metric_families

from gpucore.errors import ProgramError
from gpucore.report import write_report
from gpucore.report.chrome_trace import chrome_trace
from gpucore.report.figures import figures_of
from gpucore.report.idle import gpu_times
from gpucore.report.metrics import prometheus_text
from gpucore.report.reading import history_of
from gpucore.report.summary import summary
from gpucore.report.trace import COLUMNS

if TYPE_CHECKING:
    from pathlib import Path

    from gpucore.report.figures import Figures
    from gpucore.report.history import History
    from gpucore.report.idle import GpuTime

NASTY = 'a/<b>"\\\n\t\u202e\udcff'


def looked(past: PastRun) -> tuple[History, list[GpuTime], Figures]:
    history = history_of(past.folder, past.read())
    times = gpu_times(history)
    return history, times, figures_of(history, times)


def nasty(past: PastRun) -> PastRun:
    past.plan(NASTY, "a/2")
    past.began(NASTY, 1, 0, 1, argv=("prog", NASTY))
    past.failed(NASTY, 3, "said\tno\nand died")
    past.sample(2, (100, 50, 60), (None, 70, None))
    past.ran(NASTY, 4, 8, 1, attempt=2, peak_memory_mib=7)
    past.ended("a/2", 9, attempt=0)
    past.end(10)
    return past


def test_the_table_has_a_line_for_each_attempt_whatever_its_name(past: PastRun) -> None:
    page = write_report(past.folder, nasty(past).read())
    text = page.with_name("trace.tsv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["attempt"], row["state"], row["gpus"]) for row in rows] == [
        ("1", "failed", "GPU 0, GPU 1"),
        ("2", "done", "GPU 1"),
        ("0", "done", ""),
    ]
    assert rows[0]["step"] == r'a/<b>"\\n\t\u202e\udcff'
    assert rows[0]["reason"] == "said\\tno\\nand died"
    assert rows[1]["seconds"] == "4.000"
    assert rows[1]["peak_memory_mib"] == "7"
    assert rows[0]["command"].startswith("CUDA_VISIBLE_DEVICES=0,1 prog $'a/<b>")
    assert all(c.isprintable() or c in "\t\n" for c in text)


def test_a_chrome_trace_is_what_perfetto_reads(tmp_path: Path) -> None:
    history, times, _ = looked(night(tmp_path / "out", 200))
    trace = json.loads("".join(chrome_trace(history, times)))
    events: list[dict[str, Any]] = trace["traceEvents"]
    names = {one["pid"]: one["args"]["name"] for one in events if one["name"] == "process_name"}
    assert list(names.values()) == [*(f"GPU {n} RTX A5000" for n in range(4)), "no GPU"]
    steps = [one for one in events if one["ph"] == "X" and one["cat"] != "idle"]
    assert len(steps) == len(history.attempts)
    assert all(one["ts"] >= 0 and one["dur"] >= 0 for one in steps)
    assert {one["name"] for one in events if one["ph"] == "C"} == {"load, %", "memory, MiB"}
    # Slices of one thread must lie apart.
    threads: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for one in events:
        if one["ph"] == "X":
            spans = threads.setdefault((one["pid"], one["tid"]), [])
            spans.append((one["ts"], one["ts"] + one["dur"]))
    for spans in threads.values():
        spans.sort()
        assert all(a[1] <= b[0] + 1 for a, b in pairwise(spans))


def test_steps_that_overlap_on_a_gpu_are_threads_of_their_own(past: PastRun) -> None:
    past.plan("a/1", "a/2", "a/3")
    past.began("a/1", 0, 0)
    past.began("a/2", 2, 0)
    past.ended("a/1", 6)
    past.began("a/3", 6, 0)
    past.ended("a/2", 10)
    past.ended("a/3", 12)
    past.end(13)
    history, times, _ = looked(past)
    events = json.loads("".join(chrome_trace(history, times)))["traceEvents"]
    steps = {one["name"]: one["tid"] for one in events if one.get("cat") == "a"}
    assert steps == {"a/1": 1, "a/2": 2, "a/3": 1}


def test_metrics_are_those_of_prometheus_form(past: PastRun) -> None:
    history, times, figures = looked(nasty(past))
    text = prometheus_text(history, times, figures)
    found = {
        (sample.name, *(sample.labels.get(one, "") for one in ("gpu", "state", "cause"))): sample
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["gpucore_steps", "", "done", ""].value == 2
    assert found["gpucore_steps", "", "failed", ""].value == 0
    assert found["gpucore_attempts_total", "", "retried", ""].value == 1
    assert found["gpucore_gpu_busy_seconds_total", "GPU 1", "", ""].value == 6
    assert found["gpucore_gpu_memory_used_bytes", "GPU 0", "", ""].value == 100 * 2**20
    assert ("gpucore_gpu_memory_used_bytes", "GPU 1", "", "") not in found
    assert found["gpucore_gpu_utilisation_percent", "GPU 1", "", ""].value == 70
    assert found["gpucore_attempt_seconds_sum", "", "", ""].value == 6
    assert found["gpucore_running", "", "", ""].value == 0
    assert found["gpucore_journal_whole", "", "", ""].value == 1
    assert found["gpucore_run_info", "", "", ""].labels["run"] == "first"


def test_metrics_say_what_to_install(past: PastRun, monkeypatch: pytest.MonkeyPatch) -> None:
    history, times, figures = looked(nasty(past))
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ProgramError) as caught:
        prometheus_text(history, times, figures)
    assert caught.value.hint == "pip install 'gpucore-framework[prometheus]'"


def test_data_hold_what_the_page_tells(past: PastRun) -> None:
    history, times, figures = looked(nasty(past))
    data = json.loads(json.dumps(summary(history, times, figures)))
    assert data["counts"] == {"done": 2}
    assert [(one["uuid"], one["busy"]) for one in data["gpus"]] == [(uuid(0), 2.0), (uuid(1), 6.0)]
    assert [one["step"] for one in data["attempts"]] == [NASTY, NASTY, "a/2"]
    assert data["attempts"][0]["gpus"] == [uuid(0), uuid(1)]
    (failure,) = data["failures"]
    assert (failure["attempts"], failure["for_good"], failure["steps"]) == (1, 0, [NASTY])
    assert data["journal"]["chain"] == history.journal.chain
    assert data["stages"][0]["counts"] == {"done": 2, "retried": 1}
