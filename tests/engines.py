"""Stand-ins for container engines: they write down what they are told, and do it without a box."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from programs import python

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["engine", "told"]

# What a program would find inside: the variables that the engine hands in, and nothing else of
# the host's than its folders.
_TEXT = """
import json, os, sys
engine = os.path.basename(sys.argv[0])
argv = sys.argv[1:]
if argv[0] == "rm":
    with open({record!r}, "a") as file:
        file.write(json.dumps({{"rm": argv[1:]}}) + "\\n")
    sys.exit(0)
inside, words, command, entry = {{}}, [], None, None
rest = argv[1:]
while rest:
    word = rest.pop(0)
    words.append(word)
    if word in ("--mount", "--pwd", "--gpus"):
        words.append(rest.pop(0))
    elif word.startswith("--env="):
        name, has, text = word[6:].partition("=")
        inside[name] = text if has else os.environ[name]
    elif word.startswith("--entrypoint="):
        entry = word[13:]
    elif not word.startswith("-"):
        command = rest
        break
if engine in ("apptainer", "singularity"):
    prefix = engine.upper() + "ENV_"
    inside |= {{k[len(prefix):]: v for k, v in os.environ.items() if k.startswith(prefix)}}
else:
    command = [entry, *command]
with open({record!r}, "a") as file:
    file.write(json.dumps({{"argv": argv, "options": words[:-1], "image": words[-1],
                           "command": command, "inside": inside}}) + "\\n")
if command[0] == "missing":
    print({fault!r}, file=sys.stderr)
    sys.exit({code})
inside["PATH"] = os.environ["PATH"]
os.execvpe(command[0], command, inside)
"""
_FAULTS = {
    "docker": ('docker: Error response from daemon: exec: "missing": not found in $PATH', 127),
    "podman": ("Error: crun: executable file `missing` not found in $PATH", 127),
}
_FATAL = ('FATAL:   "missing": executable file not found in $PATH', 255)


def engine(folder: Path, name: str) -> Path:
    """Write a stand-in for an engine into a folder; return where it writes down what it is told."""
    folder.mkdir(exist_ok=True)
    record = folder / f"{name}.jsonl"
    fault, code = _FAULTS.get(name, _FATAL)
    python(folder / name, _TEXT.format(record=str(record), fault=fault, code=code))
    return record


def told(record: Path) -> list[dict[str, Any]]:
    """Return what a stand-in was told, call by call."""
    if not record.exists():
        return []
    return [json.loads(line) for line in record.read_text().splitlines()]
