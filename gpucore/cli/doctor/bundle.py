"""The bundle for support: one file, whole or not there, readable by its owner alone, no secrets."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tarfile
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpucore.cli.doctor.secrets import shown_environment
from gpucore.errors import ConfigError, GpucoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.cli.doctor.examination import Examination
    from gpucore.cli.doctor.secrets import Censor
    from gpucore.system.journal_replay import JournalState

__all__ = ["refuse_taken", "write_bundle"]

_READING = 60.0
_LOGS = 20
_TAIL = 64 * 1024
_README = """What `gpucore doctor --bundle` found, for whoever is to help.

doctor.json       what was checked, how each check ended, configuration with its origins, plugins
environment.json  names of variables; the values of those alone that are known to be no secret
run/journal.json  what the last runs of the output folder did, and the last commands that failed
run/logs/         the ends of those commands' logs

Left out: values of variables, what stands after an option or a name that speaks of a secret, and
what looks like a token or a key. Names of files, users and machines are in it.
"""


def refuse_taken(path: Path, *, force: bool) -> None:
    """Refuse a path that is there already, before anything is looked at.

    Raises
    ------
    ConfigError
        When it is there without ``force``, is a folder, or its folder is not there.
    """
    if path.is_dir():
        raise ConfigError(
            f"`{path}` is a folder", hint="name a file: --bundle support.tar.gz", code="E261"
        )
    if not path.parent.is_dir():
        raise ConfigError(
            f"there is no folder `{path.parent}`", hint="make it, or write elsewhere", code="E261"
        )
    if os.path.lexists(path) and not force:
        raise ConfigError(
            f"`{path}` is there already",
            hint="give another name, or --force to write over it",
            code="E260",
        )


def write_bundle(path: Path, examination: Examination, *, run: str | None, force: bool) -> None:
    """Write the bundle.

    Parameters
    ----------
    path : Path
        The file.
    examination : Examination
        What was found.
    run : str or None
        An output folder, whose last runs are told.
    force : bool
        Whether it may take the place of a file.

    Raises
    ------
    ConfigError
        When it cannot be written, or has come to be there meanwhile.
    GpucoreError
        When the journal of the output folder cannot be read, or not in time.
    """
    censor = examination.censor
    texts = {
        "README.txt": _README,
        "doctor.json": _json(examination.document()),
        "environment.json": _json(censor.data(shown_environment(dict(sorted(os.environ.items()))))),
    }
    if run is not None:
        texts.update({f"run/{name}": text for name, text in _in_time(Path(run), censor).items()})
    when = time.strftime("%Y%m%d-%H%M%S", time.localtime(examination.time))
    try:
        with _aside(path, force=force) as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            for name, text in texts.items():
                data = text.encode("utf-8", "backslashreplace")
                entry = tarfile.TarInfo(f"gpucore-{when}/{name}")
                entry.size, entry.mtime, entry.mode = len(data), int(examination.time), 0o600
                archive.addfile(entry, io.BytesIO(data))
    except OSError as error:
        raise ConfigError(
            f"`{path}` cannot be written ({error.strerror or error})",
            hint="write elsewhere",
            code="E261",
        ) from error


@contextlib.contextmanager
def _aside(path: Path, *, force: bool) -> Iterator[io.BufferedWriter]:
    """Give a file that takes its place when all of it was written, and never another's."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    aside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if force:
            aside.replace(path)
            return
        try:
            path.hardlink_to(aside)  # unlike a rename it refuses what is there
        except FileExistsError:
            refuse_taken(path, force=False)
            raise
        except OSError:  # a file system without hard links
            refuse_taken(path, force=False)
            aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _in_time(folder: Path, censor: Censor) -> dict[str, str]:
    """Return what a run's files become, unless their file system does not answer."""
    made: dict[str, str] = {}
    faults: list[Exception] = []

    def work() -> None:
        try:
            made.update(_of_run(folder, censor))
        except Exception as error:  # noqa: BLE001 - raised again by who waits
            faults.append(error)

    thread = threading.Thread(target=work, name="journal", daemon=True)
    thread.start()
    thread.join(_READING)
    if thread.is_alive():
        raise GpucoreError(
            f"the journal in `{folder}` was not read within {_READING:g} seconds",
            hint="leave `--run` out, or look at its file system",
            code="E711",
        )
    if faults:
        raise faults[0]
    return made


def _of_run(folder: Path, censor: Censor) -> dict[str, str]:
    from gpucore.cli.history import read_history  # noqa: PLC0415 - only for `--run`
    from gpucore.report.failures import log_file  # noqa: PLC0415 - as above

    texts: dict[str, str] = {}
    with read_history(str(folder)) as state:
        failed = list(_failed(state))
        runs = [
            {
                "run": run.run,
                "host": run.host,
                "pid": run.pid,
                "version": run.version,
                "began": run.time,
                "ended": finished.time if finished else None,
                "reason": finished.reason if finished else "",
                "argv": list(run.argv),
                "cwd": run.cwd,
                "devices": [list(one) for one in run.devices],
                "workers": run.workers,
            }
            for run, finished in state.runs
        ]
        counts = {step.value: count for step, count in state.counts().items() if count}
        notes = [state.note, state.loss, *(one.loss for one in state.mendings)]
    for place, one in enumerate(failed):
        log = log_file(str(folder), str(one["log"]))
        if log is not None:
            one["tail"] = f"logs/{place:02}.txt"
            texts[str(one["tail"])] = censor.text(_tail(log))
    told = {
        "folder": str(folder),
        "runs": runs,
        "counts": counts,
        "notes": [one for one in notes if one],
        "failed": failed,
    }
    return {"journal.json": _json(censor.data(told)), **texts}


def _failed(state: JournalState) -> Iterator[dict[str, Any]]:
    """Yield the steps that failed, so many of them, with their last commands."""
    from gpucore.standard.model import StepState  # noqa: PLC0415 - as above

    for place, name in enumerate(state.steps.named(StepState.FAILED)):
        if place == _LOGS:
            return
        finished, began = state.finished(name), state.began(name)
        if finished is None:
            continue
        yield {
            "step": name,
            "attempt": finished.attempt,
            "reason": finished.reason,
            "hint": finished.hint,
            "failure": finished.failure.value if finished.failure else None,
            "exit_code": -finished.signal if finished.signal else finished.exit_code,
            "ended": finished.time,
            "argv": list(began.argv) if began else [],
            "env": shown_environment(began.env) if began else {},
            "devices": list(began.devices) if began else [],
            "log": began.log if began else "",
        }


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - _TAIL, 0))
        data = file.read(_TAIL)
    if size > _TAIL:
        # A line that was cut may be the second half of a secret.
        data = data.partition(b"\n")[2]
    return data.decode("utf-8", "replace")


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"
