"""Checks that commands are pure values: deterministic, thread-safe, and no business of a shell."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, ClassVar

import pytest

from gpucore.config import adapter_toml, check_adapter, parse_toml
from gpucore.errors import AdapterError
from gpucore.standard.checks import adapter_faults, example_devices, named_outputs
from gpucore.standard.form import form_schema
from gpucore.standard.params import read_values
from gpucore.standard.template import render

if TYPE_CHECKING:
    from gpucore.testing.subject import Subject

__all__ = ["CommandChecks"]

_SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "csh", "tcsh", "fish", "busybox"}
_TIMES = 64


class CommandChecks:
    """What is checked of the commands of any adapter.

    Parameters
    ----------
    data_only : bool
        Whether the adapter can be written as TOML: no code in it.
    """

    data_only: ClassVar[bool] = True

    def test_the_adapter_does_not_contradict_itself(self, subject: Subject) -> None:
        assert not adapter_faults(subject.adapter)

    def test_it_has_a_worked_example(self, subject: Subject) -> None:
        assert subject.adapter.example, "write an [[example]]: it is documentation and test at once"

    def test_it_says_where_its_facts_come_from(self, subject: Subject) -> None:
        told = subject.adapter.source or subject.adapter.unverified
        assert told, "name the program's source or manual in `source`, or guesses in `unverified`"

    def test_every_example_comes_out_as_it_is_written(self, subject: Subject) -> None:
        adapter = subject.adapter
        for example in adapter.example:
            values = named_outputs(adapter, read_values(adapter, example.params), "")
            command = render(adapter, values, example_devices(example.gpus))
            assert command.argv == example.argv

    def test_equal_values_give_equal_commands(self, subject: Subject) -> None:
        for given in subject.contexts():
            assert subject.command(given) == subject.command(dict(reversed(given.items())))

    def test_a_command_hangs_on_nothing_but_its_values(
        self, subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = [subject.command(given) for given in subject.contexts()]
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("PATH", "")
        assert [subject.command(given) for given in subject.contexts()] == before

    def test_rendering_changes_nothing(self, subject: Subject) -> None:
        environment = dict(os.environ)
        folder = Path.cwd()
        for given in subject.contexts():
            values = subject.values(given)
            kept = dict(values)
            adapter = pickle.dumps(subject.adapter)
            render(subject.adapter, values, subject.one)
            assert values == kept
            assert pickle.loads(adapter) == subject.adapter  # noqa: S301 - pickled above
        assert (dict(os.environ), Path.cwd()) == (environment, folder)

    def test_many_threads_get_the_same_command(self, subject: Subject) -> None:
        given = subject.contexts()[-1]
        alone = subject.command(given)
        with ThreadPoolExecutor(8) as threads:
            together = list(threads.map(lambda _: subject.command(given), range(_TIMES)))
        assert together == [alone] * _TIMES

    def test_adapter_and_command_can_be_sent_to_another_process(self, subject: Subject) -> None:
        assert pickle.loads(pickle.dumps(subject.adapter)) == subject.adapter  # noqa: S301 - ours
        command = subject.command(subject.least())
        assert pickle.loads(pickle.dumps(command)) == command  # noqa: S301 - ours

    def test_the_adapter_cannot_be_changed(self, subject: Subject) -> None:
        with pytest.raises(FrozenInstanceError):
            subject.adapter.name = "another"  # type: ignore[misc]

    def test_the_program_is_started_without_a_shell(self, subject: Subject) -> None:
        for given in subject.contexts():
            argv = subject.command(given).argv
            words = {PurePosixPath(argument).name for argument in argv[:3]}
            assert not words & _SHELLS, f"a shell would read the arguments again: {argv[:3]}"

    def test_arguments_are_texts_that_a_program_can_be_given(self, subject: Subject) -> None:
        for given in subject.contexts():
            command = subject.command(given)
            assert command.argv[0]
            for text in (*command.argv, *command.env, *command.env.values()):
                assert isinstance(text, str)
                assert "\0" not in text
            assert not any("%(" in text for text in command.argv), "a mark is left"

    def test_a_site_may_call_the_program_otherwise(self, subject: Subject) -> None:
        told = "/opt/a site/bin/the program"
        for given in subject.contexts():
            argv = subject.command(given, executable=told).argv
            assert any(argument.startswith(told) for argument in argv), "use %(EXE)s in `argv`"

    def test_it_says_the_same_in_toml(self, subject: Subject) -> None:
        if not self.data_only:
            with pytest.raises(AdapterError, match="not data only"):
                adapter_toml(subject.adapter)
            return
        file = parse_toml(Path(f"{subject.adapter.name}.toml"), adapter_toml(subject.adapter))
        assert check_adapter(file) == subject.adapter

    def test_its_form_holds_every_parameter_once(self, subject: Subject) -> None:
        parts = form_schema(subject.adapter)["properties"]
        assert isinstance(parts, dict)
        shown = [name for part in parts.values() for name in part["properties"]]
        asked = {"threads", "USE_GPU", "GPU_LIST"}
        execution = [name for name in parts["execution"]["properties"] if name not in asked]
        assert sorted(execution + list(parts["params"]["properties"])) == sorted(
            subject.adapter.params
        )
        assert shown[0] == "threads"
