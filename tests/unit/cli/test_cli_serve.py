"""`gpucore serve`: says where it listens, serves until it is told to end, and asks for a token."""

from __future__ import annotations

import json
import signal
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest
from command_line import run_apart, start
from jsonschema import Draft202012Validator
from past_runs import PastRun

from gpucore.cli.json_forms import document_schema

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

pytestmark = pytest.mark.slow

ANYWHERE = "0.0.0.0"  # noqa: S104 - what is tested


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a run of an output folder `out`."""
    past = PastRun(tmp_path / "out")
    past.begin()
    past.ran("align/m1", 1, 2, 0)
    past.end(3)
    return tmp_path


def line_of(process: subprocess.Popen[bytes]) -> str:
    """Return the first line that is printed."""
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_listens_and_ends_in_order_when_it_is_told_to(
    folder: Path, number: signal.Signals
) -> None:
    with start("serve", "out", cwd=folder) as process:
        url = line_of(process)
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - of our own
            assert answer.url == f"{url}runs/1/"
            assert "align/m1" in answer.read().decode()
        # Whoever still looks does not keep it.
        stream = urllib.request.urlopen(f"{url}runs/1/events?from=x-1", timeout=60)  # noqa: S310 - as above
        stream.readline()
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
        stream.close()
    assert process.returncode == 0
    assert told.decode().splitlines() == ["serving 1 run; Ctrl-C ends it"]


def test_json_says_where_it_listens(folder: Path) -> None:
    with start("serve", "out", "not-yet", "--token", "--json", "-q", cwd=folder) as process:
        assert process.stdout is not None
        text = ""
        while not text.endswith("\n}\n"):
            text += process.stdout.readline().decode()
        process.send_signal(signal.SIGINT)
        rest, talk = process.communicate(timeout=60)
    told = json.loads(text)
    assert told["schema"] == "gpucore.serve/1"
    assert Draft202012Validator(document_schema("gpucore.serve/1")).is_valid(told)
    assert told["url"].endswith(f"/?token={told['token']}")
    assert told["folders"] == [str(folder / "out"), str(folder / "not-yet")]
    assert (process.returncode, rest, talk) == (0, b"", b"")


def test_beyond_loopback_it_asks_for_a_token(folder: Path) -> None:
    with start("serve", "out", "--host", ANYWHERE, cwd=folder) as process:
        url = line_of(process)
        assert "/?token=" in url
        port = url.partition("//")[2].partition(":")[2].partition("/")[0]
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/runs/1/", timeout=60)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_host_that_is_not_of_this_machine_is_told(folder: Path) -> None:
    ran = run_apart("serve", "out", "--host", "192.0.2.1", cwd=folder)
    assert ran.code == 2
    assert ran.out == ""
    assert "cannot listen on `192.0.2.1`" in ran.err
