"""Objects inside the objects that `--json` prints, as lines."""

from __future__ import annotations

__all__ = ["RECORDS"]

_RUN = """
run: text; its name
state: runs|ended|died|unknown; how it stands; unknown: it was started on another machine
pid: count; its process
host: text; its machine
began: number; when
ended: number?; when; null: it did not end in order
reason: text; why it ended before all was done
version: text; of gpucore
argv: [text]; how it was called
cwd: text; where
"""
_OUTCOME = """
step: text; its name
adapter: text; its adapter
state: text; done, failed, skipped or cancelled
reason: text; why; empty: nothing is to be said
hint: text; what may mend it
failure: text?; the class of its failure
exit_code: whole?; of its program; below 0: the signal that ended it; null: it was not started
outputs: {text}; what it made, by parameter
gpus: [count]; indexes of its GPUs
simulated: yes; whether they are made up
argv: [text]; its command
env: {text}; what is set above the inherited environment
warnings: [text]; what is doubtful
log: text; what its program printed
started: number; when; 0: it was not
ended: number; when
earlier: yes; whether an earlier run had done it
attempts: count; how many were made
peak_memory_mib: count?; of GPU memory at most
peak_utilisation: count?; of a GPU at most, in per cent
"""
_PLANNED = """
step: text; its name
adapter: text; its adapter
gpus: [count]; indexes of its GPUs
simulated: yes; whether they are made up
argv: [text]; its command
env: {text}; what is set above the inherited environment
stdin: text?; what its program reads
own_directory: yes; whether it runs in a directory of its own
files: {text}; what is written there, by name
links: {text}; what is linked there, by name
"""
_GPU = """
index: count; place in PCI order
uuid: text; its identity
name: text; the maker's
memory_mib: count; 0: not known
simulated: yes; whether it is made up
mask: text; what stands for it in a mask; empty: its index
maker: text; nvidia or amd
bus: text; PCI address
parent: text; of a MIG instance: its GPU
numa: count?; the NUMA node that it hangs on
links: [any]; pairs of a UUID and how near that device is
compute_mode: text?; default, exclusive_process or prohibited
fault: text; why it cannot be read
memory_total_mib: count?; of memory
memory_used_mib: count?; of that
memory_free_mib: count?; of that
utilisation: count?; per cent
temperature: whole?; °C
power_w: number?; W
ecc_uncorrected: count?; memory errors since the driver was loaded
remap_pending: yes?; whether rows of its memory wait to be replaced
remap_failed: yes?; whether they could not be
recovery_action: text?; what the driver asks for
clock_reasons: count?; why its clocks are held down, as NVML's bits
mig: [yes]?; whether it is cut, now and after the next reset
state: text; free, leased, in use, avoided, unknown or quarantined
reason: text; why
remedy: text; what mends it
uses: [use]; who uses it
"""
_ATTEMPT_TOLD = """
step: text; its name
stage: text; its stage
adapter: text; its adapter
attempt: count; from 1; 0: it was not begun
run: count; place in runs
state: text; how it ended, or stands
arrived: number?; when it came into the run
ready: number?; when nothing kept it from being started but GPUs
began: number?; when
ended: number?; when
gpus: [text]; UUIDs
after: text?; the step that it waited for
reason: text; why
hint: text; what may mend it
failure: text?; the class of its failure
exit_code: whole?; of its program
log: text; what its program printed
warnings: [text]; what is doubtful
peak_memory_mib: count?; of GPU memory at most
peak_utilisation: count?; of a GPU at most, in per cent
"""

RECORDS: dict[str, str] = {
    "run": _RUN,
    "outcome": _OUTCOME,
    "planned": _PLANNED,
    "gpu": _GPU,
    "attempt_told": _ATTEMPT_TOLD,
    "use": """
ours: yes; whether it is a lease of gpucore
pid: count; the process; 0: not known
user: text; whose
what: text; step or program
memory_mib: count?; what it holds
since: number; when the lease was taken; 0: not known
""",
    "standing": """
index: count?; null: it is gone
uuid: text; its identity
state: text; good, noted, avoided, unknown or quarantined
reason: text; why
remedy: text; what mends it
since: number; when that was found; 0: not known
until: number; of a soft quarantine: when a step tries it; 0: never
hard: yes; whether no step tries it
by: text; who said so by hand
""",
    "lease": """
index: count?; null: not known
uuid: text; the device
share: count; from 0
shares: count; how many there are; 0: the lock is none of gpucore's
pid: count; who took it; 0: not known
user: text; whose
step: text; for what
since: number; when; 0: not known
alive: yes; whether who took it lives
""",
    "lease_directory": """
path: text; where leases lie
kind: text; how that was chosen
shared: yes; whether other users share it
shared_by: text; who does
note: text; what is to be known of it
""",
    "running": """
step: text; its name
attempt: count; from 1
since: number; when it began
gpus: [text]; UUIDs
alive: yes; whether anything of it lives
log: text; what its program prints
""",
    "behind": """
time: number; when that was
files: count; that came and are not done
come: number; files in a second, over the last ten minutes
done: number; files in a second, over the last ten minutes
seconds: number?; until it has caught up; null: never, or nothing is done yet
""",
    "failed": """
step: text; its name
attempt: count; from 1
reason: text; why
hint: text; what may mend it
failure: text?; the class
exit_code: whole?; of its program; below 0: the signal that ended it
ended: number; when
log: text; what its program printed
""",
    "recorded": """
attempt: count; from 1
gpus: [text]; UUIDs
began: number?; when
ended: number?; when
state: text?; how
failure: text?; the class
reason: text; why
exit_code: whole?; of its program
peak_memory_mib: count?; of GPU memory at most
peak_utilisation: count?; of a GPU at most, in per cent
log: text; what its program printed
""",
    "unlike": """
path: text; the input
size: count?; bytes; null: it was not there
least: count; bytes of the smallest of the others
most: count; bytes of the largest of the others
""",
    "adapter_row": """
name: text; its name
title: text; in a line
gpu: none|optional|compulsory; whether it uses one
executable: text; its program
from: text; the package, or the file
""",
    "program": """
adapter: text; the adapter's name
found: yes; whether it can be started
program: text; what starts it, or what was looked for
how: text; through which modules, conda environment or image
version: text; what it says of itself
note: text; why it was not found, or has no version
hint: text; what mends that
set: text; lines for gpucore.toml when it was not found
""",
    "plugin": """
name: text; its name
distribution: text; the package
version: text; of that
module: text; of it
adapters: [text]; their names
device_sources: [text]; their names
policies: [text]; their names
engines: [text]; their names
observes: yes; whether it is told of events
seconds: number; that loading it took
""",
    "quarantined": """
name: text; its name
distribution: text; the package
version: text; of that
module: text; of it
reason: text; why it is not used
hint: text; what mends that
file: text; where
code: text; as `gpucore explain` knows it
""",
    "told_code": """
code: text; as errors show it
title: text; what it is for
""",
    "setting": """
setting: text; its key
value: any; null: not set
origin: text; file and line, variable, or built-in
""",
    "fault": """
code: text; as `gpucore explain` knows it
what: text; what is wrong
where: text; the place, as people read it
hint: text; what mends it
line: count?; from 1
column: count?; from 1
""",
    "movie": """
movie: text; its name
drift: number; pixels, root mean square over its frames
error: number; what is left of it
output: text; the aligned movie
""",
    "check": """
check: text; its name
state: well|note|wrong|silent; silent: it did not end in time
seconds: number; that it took
findings: [finding]; what is not as it should be
facts: {any}; what it found out; differs from check to check
""",
    "finding": """
level: wrong|note; a run can do with a note
what: text; what it is
help: text; what mends it
code: text; as `gpucore explain` knows it; empty: it is no error
""",
    "journal": """
path: text; where it lies
events: count; how many there are
chain: text; the hash of the last: the journal's identity
loss: text; what is missing of it
notes: [text]; what was mended
""",
    "report_run": f"{_RUN}workers: count; steps at once; 0: not known\n",
    "report_gpu": """
uuid: text; its identity
index: count; place in PCI order
name: text; the maker's
memory_mib: count; 0: not known
simulated: yes; whether it is made up
seconds: number; that runs had it
busy: number; of these
idle: {number}; the others, by cause
""",
    "gap": """
gpu: text; UUID
began: number; when
ended: number; when
cause: text; the main one
causes: {number}; seconds by cause
next: text?; the step that ended it
why: text; in a sentence
""",
    "gpu_note": """
gpu: text; UUID
level: text; what was thought of it
began: number; when
ended: number?; when
reason: text; why
remedy: text; what mends it
""",
    "stage": """
stage: text; its name
adapter: text; its adapter
counts: {count}; steps by state
seconds: number; of all its steps
gpu_seconds: number; the same, for each GPU
median: number?; of a step
most: number?; what 95 % of steps do not exceed
longest: number?; of a step
waited: number; seconds that its steps waited for a GPU
began: number?; when
ended: number?; when
""",
    "report_failure": """
stage: text; its name
failure: text?; the class
reason: text; why
hint: text; what may mend it
attempts: count; that failed so
for_good: count; steps that nothing mended
steps: [text]; their names
log: text; of one of them
lines: [text]; its last
""",
    "gpu_now": """
uuid: text; its identity
index: count; place in PCI order
name: text; the maker's
simulated: yes; whether it is made up
state: text; used, free, others, unknown, avoided, quarantined, busy or held
reason: text; why it is not given
remedy: text; what mends that
memory_total_mib: count?; of memory
memory_used_mib: count?; of that
utilisation: count?; per cent
temperature: whole?; °C
tenants: [tenant]; who is on it
""",
    "tenant": """
what: text; the step, or the program
ours: yes; whether it is a step of gpucore
user: text; whose
pid: count; 0: not known
folder: text; the output folder of its run
run: text; its run
since: number; when it began; 0: not known
memory_mib: count?; what it holds
""",
    "run_now": """
run: text; what tells it from others
folder: text; its output folder
user: text; whose
own: yes; whether it is this user's
pid: count; its process; 0: not known
state: text; runs, waits, ended, died or unread
reason: text; why
began: number; when; 0: not known
counts: {count}; steps by state
rate: number?; steps that end in a second
left: number?; seconds until its steps will have ended
running: [step_now]; what runs
failed: [step_now]; of many the latest
""",
    "step_now": """
step: text; its name
attempt: count; 0: it was not begun
state: text; running, failed or cut off
since: number; when it began, or failed
gpus: [text]; UUIDs
reason: text; why it failed
log: text; where its output goes
""",
}
"""The fields of each, as `gpucore.cli.json_forms.notation` reads them."""
