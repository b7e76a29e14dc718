"""Recordings of programs, and a stand-in that replays them through the real executor.

A recording is a folder: ``recording.toml`` says what was run and how it ended, ``stdout.txt`` is
what the program printed, ``made/`` and ``out/`` hold the files that it left in its working
directory and in the output folder.
"""

from __future__ import annotations

import os
import shlex
import shutil
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pytest

from gpucore.config import ProgramConfig, SiteConfig
from gpucore.config.check import build
from gpucore.config.toml import read_toml
from gpucore.errors import ConfigError, StepError
from gpucore.executor import StepExecutor
from gpucore.registry import open_plugins
from gpucore.standard.command import Value
from gpucore.standard.model import FailureClass, Outcome
from gpucore.testing.subject import OUT

if TYPE_CHECKING:
    from gpucore.standard.adapter import Adapter

__all__ = ["Recording", "Replay", "read_recordings", "replay", "write_image"]

_SECONDS = 60
"""After these the kit gives up waiting for a stand-in; nothing is measured by it."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a program once printed, how it ended and what it made.

    Parameters
    ----------
    params : Mapping
        The step's parameters.
    source : str
        Where it is from: the machine and version that it was recorded on, or the source file that
        the text stands in.
    gpus : tuple of int
        The step's devices.
    exit_code : int
        As the program ended; negative for a signal.
    state : str
        How gpucore must say that the step ended: ``done`` or ``failed``.
    class_ : FailureClass or None
        The class that it must give a failure; ``class`` in TOML.
    says : str
        What its reason (of a step that is done: one of its warnings) must hold.
    images : tuple of str
        Files below ``made/`` or ``out/`` that are MRC images: a small one stands for each, so that
        no image has to be kept.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}

    params: Mapping[str, Value]
    source: str
    gpus: tuple[int, ...] = ()
    exit_code: int = 0
    state: Literal["done", "failed"] = "done"
    class_: FailureClass | None = None
    says: str = ""
    images: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RecordingFolder:
    """A recording and the folder that it lies in."""

    folder: Path
    told: Recording

    @property
    def name(self) -> str:
        """What the folder is called."""
        return self.folder.name

    @property
    def state(self) -> str:
        """How the step must end."""
        return self.told.state

    @property
    def log(self) -> str:
        """Path of what the program printed."""
        return str(self.folder / "stdout.txt")


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What came of a recording that was replayed.

    Parameters
    ----------
    outcome : Outcome
        How gpucore says that the step ended.
    argv : tuple of bytes
        What the stand-in was given, itself left out.
    stdin : bytes
        What it read.
    environment : Mapping
        Its variables.
    """

    outcome: Outcome
    argv: tuple[bytes, ...]
    stdin: bytes
    environment: Mapping[bytes, bytes] = field(default_factory=dict)


def read_recordings(folder: Path) -> tuple[RecordingFolder, ...]:
    """Return the recordings below a folder, in order of their names.

    Raises
    ------
    ConfigError, Faults
        When there is none, or one says what it cannot.
    """
    found = sorted(folder.glob("*/recording.toml"))
    if not found:
        raise ConfigError(
            f"there is no recording below `{folder}`",
            hint="record the program: one folder with recording.toml and stdout.txt for each run",
            code="E201",
        )
    if silent := [one.parent for one in found if not (one.parent / "stdout.txt").is_file()]:
        raise ConfigError(
            f"the recording `{silent[0]}` has no stdout.txt",
            hint="put there what the program printed; nothing is an empty file",
            code="E201",
        )
    return tuple(
        RecordingFolder(folder=file.parent, told=build(Recording, read_toml(file)))
        for file in found
    )


def write_image(path: Path, *, constant: bool = False) -> None:
    """Write a small whole MRC image whose values differ, or are all the same."""
    side = 8
    header = bytearray(1024)
    struct.pack_into("<4i", header, 0, side, side, 1, 2)
    struct.pack_into("<3i", header, 28, side, side, 1)
    struct.pack_into("<6f", header, 40, side, side, 1, 90, 90, 90)
    struct.pack_into("<3i", header, 64, 1, 2, 3)
    struct.pack_into("<i", header, 108, 20140)
    struct.pack_into("<4s4B", header, 208, b"MAP ", 0x44, 0x44, 0, 0)
    values = [0.0 if constant else float(one) for one in range(side * side)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(header) + struct.pack(f"<{side * side}f", *values))


def stage(recording: RecordingFolder, folder: Path) -> Path:
    """Copy what a recorded program made, so that a check can spoil it; return the copy."""
    for part in ("made", OUT):
        (folder / part).mkdir(parents=True)
        if (recording.folder / part).is_dir():
            shutil.copytree(recording.folder / part, folder / part, dirs_exist_ok=True)
    for image in recording.told.images:
        write_image(folder / image)
    return folder


def replay(
    adapter: Adapter,
    recording: RecordingFolder,
    folder: Path,
    *,
    made: Path | None = None,
    exit_code: int | None = None,
    again: bool = False,
    changes: Mapping[str, object] | None = None,
) -> Replay:
    """Replay a recording through the real executor, on simulated devices.

    Parameters
    ----------
    adapter : Adapter
        Whose program was recorded.
    recording : RecordingFolder
        The recording.
    folder : Path
        Where it is replayed; made when it is not there.
    made : Path
        What the stand-in leaves behind, as `stage` has copied it.
    exit_code : int
        With which it ends; as recorded by default.
    again : bool
        Whether outputs of an earlier run lie there already.
    changes : Mapping
        Parameters other than the recorded ones.
    """
    made = made or stage(recording, folder / "staged")
    root = folder / "root"
    if not again:
        root.mkdir(parents=True)
    params: dict[str, Any] = {**recording.told.params, **(changes or {})}
    _write_inputs(adapter, params, root)
    code = recording.told.exit_code if exit_code is None else exit_code
    programs, seen = folder / "programs", folder / "seen"
    seen.mkdir(exist_ok=True)
    executable = _write_programs(adapter, programs, _script(recording, made, root, seen, code))
    site = SiteConfig(
        leases="run",
        program={
            adapter.name: ProgramConfig(
                executable=str(executable),
                env={"PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"},
            )
        },
    )
    gpus = recording.told.gpus
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        with StepExecutor.open(
            gpus=" ".join(map(str, gpus)),
            threads=1,
            devices="simulated:16",
            output=OUT,
            root=root,
            config=site,
            plugins=open_plugins(SiteConfig()),
        ) as executor:
            step = executor.submit(adapter, name=recording.name, use_gpu=bool(gpus), **params)
            error = step.exception(timeout=_SECONDS)
    if error is not None and not isinstance(error, StepError):
        raise error
    outcome = error.outcome if isinstance(error, StepError) else step.result()
    return _replayed(outcome, seen)


def _replayed(outcome: object, seen: Path) -> Replay:
    assert isinstance(outcome, Outcome)
    variables = dict(
        one.partition(b"=")[::2] for one in _read(seen / "environment").split(b"\0") if one
    )
    return Replay(
        outcome=outcome,
        # The interpreter and the script itself come before what the program is given.
        argv=tuple(_read(seen / "argv").split(b"\0")[2:-1]),
        stdin=_read(seen / "stdin"),
        environment=variables,
    )


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _script(recording: RecordingFolder, made: Path, root: Path, seen: Path, code: int) -> str:
    """Return the stand-in: it keeps what it is given, then prints, makes and ends as recorded."""
    ending = f"kill -{-code} $$" if code < 0 else f"exit {code}"
    out = root / OUT
    seen_, made_, out_, log = (shlex.quote(str(one)) for one in (seen, made, out, recording.log))
    # What the real program left in the output folder it was told to make in its attempt's directory
    # there, unless it insists on the final names.
    return f"""#!/bin/sh
cat /proc/$$/cmdline > {seen_}/argv
cat /proc/$$/environ > {seen_}/environment
cat > {seen_}/stdin
mkdir -p {out_}
cp -R {made_}/made/. .
attempts=$(cd {out_} && find . -type d -name '.gpucore-*' -prune)
if [ "$attempts" ]; then
  cd {out_}
  IFS='
'
  for one in $attempts; do
    mkdir -p {made_}/{OUT}/"${{one%/*}}"
    cp -R {made_}/{OUT}/"${{one%/*}}"/. "$one"
  done
else
  cp -R {made_}/{OUT}/. {out_}
fi
cat {log}
{ending}
"""


def _write_programs(adapter: Adapter, folder: Path, script: str) -> Path:
    """Write the stand-in under every name by which the adapter may start the program."""
    folder.mkdir(exist_ok=True)
    name = Path(adapter.program.executable).name
    first = {one if isinstance(one, str) else one.args[0] for one in adapter.command.argv[:2]}
    launchers = {one for one in first if "%(" not in one and not one.startswith("-")}
    for one in {name, f"{name}_mpi", *launchers}:
        file = folder / one
        file.write_text(script, encoding="utf-8")
        file.chmod(0o755)
    return folder / name


def _write_inputs(adapter: Adapter, params: Mapping[str, object], root: Path) -> None:
    """Write something fit to be read for every path that is no output."""
    for name, param in adapter.params.items():
        if param.type != "path" or param.output or params.get(name) is None:
            continue
        value = params[name]
        for path in value if isinstance(value, (tuple, list)) else (value,):
            place = root / str(path)
            if param.check == "directory":
                place.mkdir(parents=True, exist_ok=True)
            elif param.check in {"mrc", "movie"}:
                write_image(place)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text("stand-in\n", encoding="utf-8")
