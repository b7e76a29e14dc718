"""Checks with the program itself: it is found, asked for its version, and run."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from gpucore.config import ProgramConfig, SiteConfig
from gpucore.errors import ProgramError
from gpucore.executor import StepExecutor
from gpucore.registry import open_plugins
from gpucore.standard.adapter import Group
from gpucore.system.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gpucore.testing.subject import Given, Subject

__all__ = ["LiveChecks"]

_SECONDS = 600
"""After these the kit gives up waiting for the program; nothing is measured by it."""


class LiveChecks:
    """What is checked with the program itself; without it these are skipped, or fail on CI.

    Parameters
    ----------
    executable : str
        The program here; found on the search path by default.
    environment : Mapping
        What is set for it.
    gpus, devices : str
        GPU list and device source of the run; no GPU by default.
    help_args : tuple of str or None
        What makes the program print its help; None: it is not asked.
    not_in_help : tuple of str
        Options that it has, and does not tell.
    """

    executable: ClassVar[str] = ""
    environment: ClassVar[Mapping[str, str]] = {}
    gpus: ClassVar[str] = ""
    devices: ClassVar[str] = "simulated:2"
    help_args: ClassVar[tuple[str, ...] | None] = None
    not_in_help: ClassVar[tuple[str, ...]] = ()

    def live(self, subject: Subject, folder: Path) -> Given:  # noqa: ARG002 - for who writes inputs
        """Return the parameters of a real run; its inputs are written into a folder before.

        By default those of the first worked example.

        Parameters
        ----------
        subject : Subject
            The adapter under test.
        folder : Path
            Relative paths are below it.
        """
        return dict(subject.adapter.example[0].params)

    def test_the_program_says_its_version(self, subject: Subject) -> None:
        version = subject.adapter.program.version
        if version is None:
            pytest.skip("the program cannot be asked for its version")
        said = self._asked(subject, *version.args)
        assert re.search(version.regex, said), said

    def test_the_program_knows_every_option(self, subject: Subject) -> None:
        if self.help_args is None:
            pytest.skip("the program is not asked for its help")
        said = self._asked(subject, *self.help_args)
        texts = [
            text
            for one in subject.adapter.command.argv
            for text in (one.args if isinstance(one, Group) else (one,))
        ]
        options = {text.partition("=")[0] for text in texts if re.match(r"--?[A-Za-z]", text)}
        known = {one for one in options if re.search(rf"(?<![\w-]){re.escape(one)}(?![\w-])", said)}
        assert options - known == set(self.not_in_help)

    def test_a_real_run_is_done(self, subject: Subject, tmp_path: Path) -> None:
        found = self._found(subject)
        params: dict[str, Any] = self.live(subject, tmp_path)
        program = ProgramConfig(executable=found, env=self.environment)
        with StepExecutor.open(
            gpus=self.gpus,
            threads=1,
            devices=self.devices,
            output="out",
            root=tmp_path,
            config=SiteConfig(leases="run", program={subject.adapter.name: program}),
            plugins=open_plugins(SiteConfig()),
        ) as executor:
            step = executor.submit(subject.adapter, use_gpu=bool(self.gpus), **params)
            outcome = step.result(timeout=_SECONDS)
        assert outcome.done
        assert outcome.exit_code in subject.adapter.success_codes

    def _found(self, subject: Subject) -> str:
        try:
            return find_program(subject.adapter, self.executable, dict(os.environ))
        except ProgramError as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(str(error))

    def _asked(self, subject: Subject, *args: str) -> str:
        done = subprocess.run(
            [self._found(subject), *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **self.environment},
            check=False,
            timeout=_SECONDS,
        )
        return done.stdout.decode("utf-8", "replace")
