"""Each hook, and what is promised about all of them."""

from __future__ import annotations

import inspect
import re
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

from gpucore.config import SiteConfig
from gpucore.plugins import PluginHost, hookimpl, hookspecs
from gpucore.plugins.implementations import HOOKS
from gpucore.plugins.offers import DeviceSource, EngineSpec
from gpucore.registry import open_plugins
from gpucore.scheduling import MEMORY, POOL, SLOTS, Policy
from gpucore.standard import Adapter, Device, Program, RunEnded, RunStarted, Template

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs" / "plugins.md"


def load(plugin: object) -> PluginHost:
    return PluginHost.load(extra={"mine": plugin}, installed=False)


def module_of(source: str) -> ModuleType:
    module = ModuleType("example")
    exec(compile(source, "example.py", "exec"), module.__dict__)  # noqa: S102 - our own docs
    return module


def example_of(hook: str) -> str:
    doc = inspect.getdoc(getattr(hookspecs, hook)) or ""
    block = doc.split(".. code-block:: python\n", 1)[1].split(".. versionadded::", 1)[0]
    return textwrap.dedent(block)


def test_gpucore_adapters_gives_the_host_its_adapters() -> None:
    adapter = Adapter(
        name="a", title="a", program=Program(executable="a"), command=Template(argv=("%(EXE)s",))
    )

    class Mine:
        @hookimpl
        def gpucore_adapters(self) -> list[Adapter]:
            return [adapter]

    host = load(Mine())
    assert host.quarantine == ()
    assert host.adapter("a") is adapter
    assert host.origin_of("a") == "the host application"
    assert host.plugins[0].adapters == ("a",)


def test_gpucore_device_sources_gives_the_host_its_sources() -> None:
    source = DeviceSource(name="s", title="s", read=lambda _argument, _environment: ())

    class Mine:
        @hookimpl
        def gpucore_device_sources(self) -> tuple[DeviceSource, ...]:
            return (source,)

    host = load(Mine())
    assert host.device_source("s") is source
    assert host.plugins[0].device_sources == ("s",)


def test_gpucore_policies_gives_the_host_its_policies() -> None:
    host = open_plugins(SiteConfig())
    assert dict(host.policies) == {"slots": SLOTS, "pool": POOL, "memory": MEMORY}
    assert isinstance(host.policy("pool"), Policy)


def test_gpucore_engines_gives_the_host_its_engines() -> None:
    host = load(module_of(example_of("gpucore_engines")))
    assert isinstance(host.engine("dry"), EngineSpec)
    assert host.plugins[0].engines == ("dry",)


def test_gpucore_event_is_told_of_every_event_in_order() -> None:
    told: list[object] = []

    class Mine:
        @hookimpl
        def gpucore_event(self, event: object) -> None:
            told.append(event)

    host = load(Mine())
    events = [RunStarted(run="r", devices=(), slots=(), workers=1), RunEnded(run="r", counts={})]
    for event in events:
        host.publish(event)
    assert told == events
    assert host.plugins[0].observes


def test_a_hook_may_ask_for_fewer_arguments_than_its_spec() -> None:
    told: list[str] = []

    class Mine:
        @hookimpl
        def gpucore_event(self) -> None:
            told.append("something")

    load(Mine()).publish(RunEnded(run="r", counts={}))
    assert told == ["something"]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_test_named_after_it(hook: str) -> None:
    tests = "".join(file.read_text() for file in HERE.glob("test_*.py"))
    assert re.search(rf"^def test_{hook}_", tests, re.MULTILINE)


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_in_the_docs_with_its_arguments(hook: str) -> None:
    arguments = ", ".join(inspect.signature(getattr(hookspecs, hook)).parameters)
    assert f"### `{hook}({arguments})`" in DOCS.read_text()


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hookspec_answers_the_same_questions_in_the_same_order(hook: str) -> None:
    doc = inspect.getdoc(getattr(hookspecs, hook)) or ""
    parts = ["Called ", "Parameters\n---", "Returns\n---", "Notes\n---", "Examples\n---",
             ".. code-block:: python", ".. versionadded:: "]  # fmt: skip
    places = [doc.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hookspecs_example_is_a_whole_plugin_that_loads(hook: str) -> None:
    host = load(module_of(example_of(hook)))
    assert host.quarantine == ()
    assert len(host.plugins) == 1


def test_the_example_of_a_device_source_reads_its_argument() -> None:
    host = load(module_of(example_of("gpucore_device_sources")))
    assert host.device_source("named").read("x y", {}) == [
        Device(uuid="GPU-x", index=0),
        Device(uuid="GPU-y", index=1),
    ]


def test_the_hookspec_file_holds_nothing_but_hooks() -> None:
    own = [
        name
        for name, value in vars(hookspecs).items()
        if getattr(value, "__module__", "") == hookspecs.__name__
    ]
    assert tuple(own) == HOOKS


def test_the_plugin_in_the_docs_has_25_lines_at_most_and_loads() -> None:
    text = DOCS.read_text()
    files = dict(re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", text, re.DOTALL))
    assert sum(one.count("\n") for one in files.values()) <= 25
    host = load(module_of(files["gpucore_hello.py"]))
    assert host.quarantine == ()
    assert host.adapter("hello").title
