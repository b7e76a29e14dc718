"""What a host promises: order, names, origins, and observers that cannot harm a run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from plugins.fakes import SOUND, Site

from gpucore.config import SiteConfig
from gpucore.errors import AdapterError, PluginError
from gpucore.plugins import PluginHost, hookimpl
from gpucore.registry import open_plugins
from gpucore.standard import Adapter, Event, Program, RunEnded, Template

if TYPE_CHECKING:
    from pathlib import Path

EVENT = RunEnded(run="r", counts={})


def adapter(name: str) -> Adapter:
    return Adapter(
        name=name, title="t", program=Program(executable="p"), command=Template(argv=("p",))
    )


class Observer:
    """A plugin that counts events and raises what it is told to."""

    def __init__(self, fault: BaseException | None = None) -> None:
        self.told: list[Event] = []
        self._fault = fault

    @hookimpl
    def gpucore_event(self, event: Event) -> None:
        self.told.append(event)
        if self._fault:
            raise self._fault


def test_gpucore_comes_first_and_the_others_in_order_of_distribution_and_name(site: Site) -> None:
    site.sound("z", "Beta_Lab")
    site.install(
        "alpha-lab",
        {"b": "alpha_b", "a": "alpha_a"},
        {f"alpha_{one}.py": SOUND.replace("NAME", one) for one in "ab"},
    )
    site.sound("core", "gpucore-framework", "9.9")
    host = PluginHost.load(builtin=[Observer()], extra={"given": Observer()})
    assert [one.name for one in host.plugins] == [
        "Observer", "core", "given", "a", "b", "z"
    ]  # fmt: skip
    assert host.plugins[0].origin == "gpucore-framework 9.9"
    assert host.origin_of("z") == "Beta_Lab 1.0"


def test_no_third_party_takes_a_name_from_gpucore(site: Site) -> None:
    site.sound("motioncor3", "aaa-first")
    site.sound("motioncor3", "gpucore-framework")
    host = PluginHost.load()
    assert host.origin_of("motioncor3") == "gpucore-framework 1.0"
    assert host.quarantine[0].distribution == "aaa-first"


def test_an_editable_install_and_what_a_wheel_left_behind_are_one(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.sound("p", "my-lab", "2.0")
    old = Site(tmp_path / "old")
    old.install("My_Lab", {"p": "plugin_p_my_lab"}, {}, "1.0")
    path = [str(site.folder), str(old.folder)]
    monkeypatch.setattr("gpucore.plugins.found.search_path", lambda: path)
    host = PluginHost.load()
    assert host.quarantine == ()
    assert [(one.name, one.version) for one in host.plugins] == [("p", "2.0")]


@pytest.mark.parametrize("name", ["p", "my-lab", "My_Lab", "my-lab:p"])
def test_a_disabled_plugin_is_not_even_imported(site: Site, name: str) -> None:
    site.install("my-lab", {"p": "p_module"}, {"p_module.py": "raise AssertionError"})
    host = PluginHost.load(disable=[name])
    assert host.quarantine == ()
    assert host.disabled == ("my-lab:p",)


def test_two_hosts_share_nothing(site: Site) -> None:
    site.sound("p")
    one, other = PluginHost.load(), PluginHost.load()
    one.add_adapter(adapter("mine"), "mine.toml")
    assert list(one.adapters) == ["p", "mine"]
    assert list(other.adapters) == ["p"]


def test_an_adapter_from_a_file_is_known_with_its_file() -> None:
    host = PluginHost()
    host.add_adapter(adapter("mine"), "/etc/gpucore/mine.toml")
    assert host.adapter("mine").name == "mine"
    assert host.origin_of("mine") == "/etc/gpucore/mine.toml"


def test_an_adapter_from_a_file_takes_nobodys_name(site: Site) -> None:
    site.sound("p", "my-lab")
    with pytest.raises(AdapterError, match=r"by my-lab 1\.0 \(plugin `p`\) already") as e:
        PluginHost.load().add_adapter(adapter("p"), "p.toml")
    assert "again by p.toml" in str(e.value)


def test_an_adapter_from_a_file_that_contradicts_itself_is_refused_with_the_file() -> None:
    host = PluginHost()
    with pytest.raises(AdapterError, match=r"my\.toml: name: `No` is no adapter's name"):
        host.add_adapter(adapter("No"), "my.toml")
    with pytest.raises(AdapterError, match="`str` is no Adapter"):
        host.add_adapter("mine", "my.toml")  # type: ignore[arg-type]
    assert not host.adapters


def test_what_is_offered_cannot_be_changed_from_outside() -> None:
    with pytest.raises(TypeError):
        PluginHost().adapters["x"] = adapter("x")  # type: ignore[index]


@pytest.mark.parametrize("method", ["device_source", "policy", "engine"])
def test_an_unknown_name_is_a_plugin_error(method: str) -> None:
    with pytest.raises(PluginError, match=r"no .* is called `nothing`"):
        getattr(PluginHost(), method)("nothing")


def test_an_unknown_policy_comes_with_the_nearest_one() -> None:
    host = open_plugins(SiteConfig())
    with pytest.raises(PluginError, match="did you mean `slots`"):
        host.policy("slot")


@pytest.mark.parametrize(
    "fault", [ValueError("x"), SystemExit(1), RecursionError(), GeneratorExit(), StopIteration()]
)
def test_an_observers_fault_reaches_neither_the_run_nor_the_others(
    fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = Observer(fault), Observer()
    host = PluginHost.load(extra={"bad": bad, "good": good}, installed=False)
    with caplog.at_level(logging.WARNING, "gpucore.plugins.host"):
        host.publish(EVENT)
        host.publish(EVENT)
    assert len(bad.told) == len(good.told) == 2
    (record,) = caplog.records
    assert "plugin bad of the host application failed on RunEnded" in record.getMessage()
    assert record.exc_info is not None


def test_ctrl_c_while_observers_are_told_is_not_swallowed() -> None:
    host = PluginHost.load(extra={"bad": Observer(KeyboardInterrupt())}, installed=False)
    with pytest.raises(KeyboardInterrupt):
        host.publish(EVENT)


def test_publishing_to_nobody_does_nothing(site: Site) -> None:
    site.sound("p")
    PluginHost.load().publish(EVENT)


def test_installed_plugins_are_not_looked_for_when_told_so(site: Site) -> None:
    site.sound("p")
    assert PluginHost.load(installed=False).plugins == ()


def test_a_module_that_was_loaded_once_answers_a_second_host(site: Site) -> None:
    site.sound("p")
    assert PluginHost.load().plugins == PluginHost.load().plugins
