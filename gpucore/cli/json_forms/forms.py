"""What each verb's `--json` prints, as lines."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DOCUMENTS", "Document"]


@dataclass(frozen=True, kw_only=True)
class Document:
    """An object that verbs print.

    Parameters
    ----------
    verbs : tuple of str
        Which print it.
    fields : str
        As `gpucore.cli.json_forms.notation` reads them.
    """

    verbs: tuple[str, ...]
    fields: str


def _document(*verbs: str, fields: str) -> Document:
    return Document(verbs=verbs, fields=fields)


DOCUMENTS: dict[str, Document] = {
    "gpucore.adapters/1": _document(
        "adapters", fields="adapters: [adapter_row]; all that are known"
    ),
    "gpucore.adapter/1": _document(
        "adapters show",
        fields="""
from: text; the package, or the file
adapter: {any}; all its fields, named as in TOML
""",
    ),
    "gpucore.programs/1": _document(
        "adapters check", fields="programs: [program]; what was found of each"
    ),
    "gpucore.cancel/1": _document(
        "cancel",
        fields="""
folder: text; the output folder
ended: run|left|nothing|late; what was: a run, what a dead one had left, or a run that is late
run: text?; its name
pid: count?; its process
processes: count; that were ended beside it
""",
    ),
    "gpucore.settings/1": _document(
        "config show",
        fields="""
files: [text]; that were read, the strongest last
settings: [setting]; what holds
""",
    ),
    "gpucore.check/1": _document(
        "config check",
        fields="""
file: text; what was looked at
well: yes; whether nothing is wrong with it
kind: text?; gpucore, job or adapter; null: that is not known
name: text?; of an adapter
parts: count?; of a job: its stages and steps
settings: [text]; of a job: what says its settings, the strongest last
faults: [fault]; all that is wrong with it
""",
    ),
    "gpucore.demo/1": _document(
        "demo",
        fields="""
folder: text; where it lies
exit_code: count; of its run
movies: [movie]; what came of each
""",
    ),
    "gpucore.doctor/1": _document(
        "doctor",
        fields="""
well: yes; whether nothing is wrong
wrong: count; findings of that level
noted: count; findings of that level
exit_code: count; of the verb
time: number; when
host: text; the machine
versions: {text}; of what takes part
checks: [check]; how each ended
""",
    ),
    "gpucore.explain/1": _document(
        "explain",
        fields="""
folder: text; the output folder
step: text; its name
stage: text; its stage
adapter: text; its adapter
state: text; how it stands; cut off: its host died
what: text; in a line
reason: text; why
hint: text; what may mend it
failure: text?; the class
warnings: [text]; what is doubtful
step_at_fault: yes; whether it failed on GPUs that have nothing in common
attempts: [recorded]; all that were made
inputs: [unlike]; those that are unlike the inputs of other steps
waits_for: [text]; lines
log: text; what its program printed
lines: [text]; its last
""",
    ),
    "gpucore.code/1": _document(
        "explain",
        fields="""
code: text; as errors show it
title: text; what it is for
page: text; all that is to be said, in Markdown
""",
    ),
    "gpucore.codes/1": _document("explain", fields="codes: [told_code]; all that there are"),
    "gpucore.gpus/1": _document(
        "gpus",
        fields="""
source: text; where they come from
driver: text; its version
cuda: text; the version that it knows
notes: [text]; what could not be found out
devices: [gpu]; in PCI order
""",
    ),
    "gpucore.standings/1": _document(
        "gpus disable",
        "gpus enable",
        "gpus probe",
        fields="devices: [standing]; those that were named",
    ),
    "gpucore.init/1": _document("init", fields="files: [text]; that were written"),
    "gpucore.leases/1": _document(
        "leases",
        fields="""
directory: lease_directory; where they lie
holders: [lease]; those that are held
""",
    ),
    "gpucore.logs/1": _document(
        "logs",
        fields="""
folder: text; the output folder
step: text; its name
attempt: count; from 1
state: text; how the step stands
log: text; the file
lines: [text]; what it holds; of a line that was written over its last state
""",
    ),
    "gpucore.new/1": _document(
        "new adapter",
        fields="""
adapter: text; its name
kind: file|package; what was made
made: text; the file, or the folder
""",
    ),
    "gpucore.plan/1": _document(
        "map --plan",
        "run --plan",
        fields="steps: [planned]; in the order in which they would start",
    ),
    "gpucore.plugins/1": _document(
        "plugins",
        fields="""
plugins: [plugin]; that are used
quarantine: [quarantined]; that are not
""",
    ),
    "gpucore.report/1": _document(
        "report",
        fields="""
folder: text; the output folder
made: number; when
journal: journal; what it is made from
counts: {count}; steps by state
seconds: number; of all runs
done_per_hour: number?; steps
busy_share: number?; of the GPUs, 0 to 1
runs: [report_run]; the first one first
gpus: [report_gpu]; that runs had
gaps: [gap]; the hundred longest
notes: [gpu_note]; what was thought of GPUs
stages: [stage]; how each went
failures: [report_failure]; those that are alike together
attempts: [attempt_told]; in the order in which they began
""",
    ),
    "gpucore.run/1": _document(
        "map",
        "run",
        "resume",
        fields="""
run: text; its name
counts: {count}; steps by state
seconds: number; that it took
logs: text; the folder of its logs
steps: [outcome]; in the order in which they ended
""",
    ),
    "gpucore.serve/1": _document(
        "serve",
        fields="""
url: text; where the pages are, with the token when there is one
token: text; empty: none is asked for
folders: [text]; whose runs are shown
""",
    ),
    "gpucore.status/1": _document(
        "status",
        fields="""
folder: text; the output folder
runs: [run]; the last one last
counts: {count}; steps by state
running: [running]; steps without an end
failed: [failed]; the first twenty
behind: behind?; of a run that watches a folder: how far it is behind
notes: [text]; what was mended of the journal
loss: text; what is missing of it
""",
    ),
    "gpucore.runs/1": _document(
        "status",
        fields="""
time: number; when
runs: [run_now]; without DIR: this user's that go on, the first that began first
""",
    ),
    "gpucore.top/1": _document(
        "top",
        fields="""
time: number; when
host: text; the machine
gpus: [gpu_now]; in PCI order
runs: [run_now]; the first that began first
notes: [text]; what could not be found out
""",
    ),
}
"""By what stands under ``schema``."""
