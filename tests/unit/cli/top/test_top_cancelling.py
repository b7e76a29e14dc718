"""Runs and steps cancelled by the live view, while it goes on."""

from __future__ import annotations

import errno
import os
import tempfile
from typing import TYPE_CHECKING

from machine_pictures import run

from gpucore.cli.top.cancelling import Cancellations
from gpucore.cli.top.view import Cancel

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def told(cancellations: Cancellations) -> str:
    """Return what is said when the process has ended."""
    ((_, process, _),) = cancellations._runs
    process.wait(60)
    return cancellations.take()


def test_nothing_that_lies_in_the_working_directory_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "click.py").write_text("raise SystemExit('planted')\n")
    monkeypatch.chdir(tmp_path)
    cancellations = Cancellations()
    folder = str(tmp_path / "out")
    assert cancellations.begin(Cancel(run("one", folder=folder))) == f"cancelling {folder} …"
    assert "planted" not in told(cancellations)
    assert cancellations.take() == ""


def test_where_no_file_can_be_made_the_view_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    said = Cancellations().begin(Cancel(run("one")))
    assert said == "it cannot be cancelled (No space left on device)"
