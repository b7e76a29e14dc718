"""Every engine there is, and programs for it."""

from __future__ import annotations

import os

import pytest
from engine_tasks import Recorder

from gpucore.engines import LOCAL, local
from gpucore.plugins import Prepared

ENGINES = [LOCAL]


@pytest.fixture(params=ENGINES, ids=lambda spec: spec.name)
def spec(request):
    return request.param


@pytest.fixture
def engine(spec):
    engine = spec.open(2)
    yield engine
    for step in range(100):  # so that a test that failed does not wait for its programs
        engine.stop(step, now=True)
    engine.close()


@pytest.fixture
def command(tmp_path):
    """Return what makes a prepared program of a shell text."""
    numbers = iter(range(1_000_000))

    def make(text="", *, argv=None, env=None, stdin=None, cwd=None):
        return Prepared(
            argv=tuple(argv or ("/bin/sh", "-c", text)),
            env={"PATH": os.defpath} if env is None else env,
            cwd=str(cwd or tmp_path),
            log=str(tmp_path / f"log-{next(numbers)}.txt"),
            stdin=stdin,
        )

    return make


@pytest.fixture
def run(engine):
    numbers = iter(range(1_000_000))

    def start(prepare, **more):
        recorder = Recorder(next(numbers), prepare, **more)
        engine.start(recorder.task)
        return recorder

    return start


@pytest.fixture
def impatient(monkeypatch):
    """Let a program that does not end when it is asked to be ended soon."""
    monkeypatch.setattr(local, "GRACE", 0.2)
