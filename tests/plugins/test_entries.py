"""Adapters offered by entries: listed without import, imported and proved when asked for."""

from __future__ import annotations

import subprocess
import sys
import threading
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from plugins.fakes import SOUND, Site

from gpucore.config import check_job, job_faults, parse_toml
from gpucore.errors import AdapterError, PluginError
from gpucore.plugins import AdapterEntry, PluginHost, hookimpl
from gpucore.standard import GpuUse

if TYPE_CHECKING:
    from pathlib import Path


def entry(name: str, **changes: object) -> AdapterEntry:
    fields: dict[str, object] = {
        "name": name,
        "title": "echo: say a word",
        "use": GpuUse.NONE,
        "executable": "echo",
        "module": f"lab_{name}",
        **changes,
    }
    return AdapterEntry(**fields)  # type: ignore[arg-type]


class Lab:
    """A plugin that offers what it is given."""

    def __init__(self, *entries: object) -> None:
        self._entries = entries

    @hookimpl
    def gpucore_adapter_entries(self) -> list[object]:
        return [*self._entries]


def load(*entries: object, **more: object) -> PluginHost:
    return PluginHost.load(extra={"lab": Lab(*entries)}, installed=False, **more)  # type: ignore[arg-type]


@pytest.fixture
def lab(site: Site) -> Site:
    """Write the modules of three adapters, one of which must never be imported."""
    (site.folder / "lab_one.py").write_text(SOUND.replace("NAME", "one"))
    (site.folder / "lab_two.py").write_text(SOUND.replace("NAME", "two"))
    (site.folder / "lab_never.py").write_text("raise AssertionError")
    return site


def test_gpucore_adapter_entries_lists_adapters_and_imports_the_one_that_is_asked_for(
    lab: Site,
) -> None:
    host = load(entry("one"), entry("two"), entry("never"))
    assert list(host.adapters) == ["one", "two", "never"]
    assert host.plugins[0].adapters == ("one", "two", "never")
    assert [host.entry(name).title for name in host.adapters] == ["echo: say a word"] * 3
    assert host.origin_of("never") == "the host application"
    assert "lab_one" not in sys.modules
    assert host.adapter("one").name == "one"
    assert host.adapters["one"] is host.adapter("one")
    assert {"lab_one"} == {name for name in sys.modules if name.startswith("lab_")}
    assert host.quarantine == ()


def test_a_third_partys_entries_need_one_entry_point(lab: Site) -> None:
    source = (
        "from gpucore.plugins import AdapterEntry, hookimpl\n"
        "from gpucore.standard import GpuUse\n"
        "@hookimpl\n"
        "def gpucore_adapter_entries():\n"
        "    return [AdapterEntry(name=n, title='echo: say a word', use=GpuUse.NONE,\n"
        "        executable='echo', module=f'lab_{n}') for n in ('one', 'two')]\n"
    )
    lab.install("my-lab", {"lab": "lab"}, {"lab.py": source}, "2.0")
    host = PluginHost.load()
    assert host.origin_of("two") == "my-lab 2.0"
    assert host.adapter("two").program.executable == "echo"


def test_an_entry_may_name_an_object_of_a_module(lab: Site) -> None:
    text = SOUND.replace("NAME", "one").replace("@hookimpl", "class Hooks:\n  @staticmethod")
    text = text.replace("\ndef ", "\n  def ").replace("\n    ", "\n      ")
    (lab.folder / "lab_object.py").write_text(text)
    assert load(entry("one", module="lab_object:Hooks")).adapter("one").name == "one"


REFUSED = [
    ("a module that is missing", {"module": "lab_missing"}, "No module named 'lab_missing'"),
    ("a module that raises", {"module": "lab_never"}, "cannot be imported: AssertionError"),
    ("what is no module", {"module": "no module!"}, "`no module!`, which is no module"),
    ("a module without the hook", {"module": "string"}, "`string` has no gpucore_adapters"),
    ("a module of another adapter", {"module": "lab_two"}, "`lab_two` offers it 0 times"),
    ("another title", {"title": "else"}, "says the title `else`, the adapter `echo: say a word`"),
    ("another program", {"executable": "cat"}, "says the executable `cat`, the adapter `echo`"),
    ("another use", {"use": GpuUse.OPTIONAL}, "its entry says the use"),
]


@pytest.mark.parametrize(("changes", "reason"), [one[1:] for one in REFUSED],
                         ids=[one[0] for one in REFUSED])  # fmt: skip
def test_an_adapter_that_cannot_be_used_is_refused_alone_when_it_is_asked_for(
    lab: Site, changes: dict[str, object], reason: str
) -> None:
    host = load(entry("one", **changes), entry("two"))
    assert host.quarantine == ()
    for _ in range(2):
        with pytest.raises(PluginError) as caught:
            host.adapter("one")
        assert "the adapter `one` is in quarantine: " in caught.value.what
        assert reason in caught.value.what
    (refused,) = host.quarantine
    assert (refused.name, refused.offers, refused.alone) == ("one", ("one",), True)
    assert host.adapter("two").name == "two"
    assert list(host.load_adapters()) == ["two"]
    assert list(host.adapters) == ["one", "two"]


def test_an_adapter_that_contradicts_itself_is_refused_with_all_its_faults(lab: Site) -> None:
    wrong = SOUND.replace("NAME", "one").replace("%(word)s", "%(wort)s")
    (lab.folder / "lab_one.py").write_text(wrong)
    host = load(entry("one"), entry("two"))
    with pytest.raises(PluginError, match=r"it is wrong: command\.argv: the mark %\(wort\)s") as e:
        host.adapters["one"]
    assert "did you mean `word`?" in e.value.hint
    assert host.adapters["two"].name == "two"


def test_the_file_and_line_of_a_fault_are_told(lab: Site) -> None:
    (lab.folder / "lab_one.py").write_text("x = 1\nimport no_torch_here\n")
    host = load(entry("one"))
    with pytest.raises(PluginError, match=r"lab_one\.py:2"):
        host.adapter("one")


def test_ctrl_c_while_an_adapter_is_imported_is_not_swallowed(lab: Site) -> None:
    (lab.folder / "lab_one.py").write_text("raise KeyboardInterrupt")
    host = load(entry("one"))
    with pytest.raises(KeyboardInterrupt):
        host.adapter("one")
    assert host.quarantine == ()


BROKEN = [
    ([entry("one", use="none")], "use: 'none' is no GpuUse"),
    ([entry("one", title="")], "title: '' is no text"),
    ([entry("one", module=None)], "module: None is no text"),
    ([entry("No")], "'No' is no name of an adapter"),
    ([entry("one"), entry("one")], "`one` is offered twice"),
    ([7], "gpucore_adapter_entries returned `int` at place 0"),
]


@pytest.mark.parametrize(("entries", "reason"), BROKEN, ids=[reason for _, reason in BROKEN])
def test_an_entry_that_says_nothing_sound_puts_its_plugin_in_quarantine(
    entries: list[object], reason: str
) -> None:
    host = load(*entries)
    assert not host.adapters
    assert reason in host.quarantine[0].reason


def test_an_adapter_and_an_entry_of_one_plugin_cannot_share_a_name(site: Site) -> None:
    module = ModuleType("both")
    exec(SOUND.replace("NAME", "one"), module.__dict__)  # noqa: S102 - our own fake
    module.__dict__["gpucore_adapter_entries"] = hookimpl(lambda: [entry("one")])
    host = PluginHost.load(extra={"both": module}, installed=False)
    assert "`one` is offered twice" in host.quarantine[0].reason


def test_nobody_takes_the_name_of_an_entry(lab: Site) -> None:
    lab.sound("never", "my-lab")
    host = PluginHost.load(builtin=[Lab(entry("never"))])
    assert host.origin_of("never") == "gpucore-framework"
    assert "is offered by gpucore-framework (plugin `Lab`) already" in host.quarantine[0].reason
    with pytest.raises(AdapterError, match="already, and again by mine"):
        host.add_adapter(PluginHost.load().adapter("never"), "mine")
    assert "lab_never" not in sys.modules


@pytest.mark.parametrize("name", ["one", "my-lab:one", "My_Lab:one"])
def test_one_adapter_of_a_plugin_can_be_disabled(lab: Site, name: str) -> None:
    source = SOUND.replace("NAME", "first") + (
        "from gpucore.plugins import AdapterEntry\n"
        "from gpucore.standard import GpuUse\n"
        "@hookimpl\n"
        "def gpucore_adapter_entries():\n"
        "    return [AdapterEntry(name=n, title='echo: say a word', use=GpuUse.NONE,\n"
        "        executable='echo', module=f'lab_{n}') for n in ('one', 'two')]\n"
    )
    lab.install("my-lab", {"lab": "lab"}, {"lab.py": source})
    host = PluginHost.load(disable=[name, "else:two", "else:first"])
    assert set(host.adapters) == {"first", "two"}
    assert host.disabled == ("my-lab:one",)
    assert host.quarantine == ()
    with pytest.raises(AdapterError, match="no adapter is called `one`"):
        host.adapter("one")


def test_an_adapter_that_cannot_be_used_is_a_fault_of_the_job_beside_the_others(lab: Site) -> None:
    text = """
    step = [
      { name = "a", adapter = "never" },
      { name = "b", adapter = "onee" },
      { name = "c", adapter = "one", params = { word = "hi" } },
    ]
    """
    host = load(entry("one"), entry("never"))
    job = check_job(parse_toml(lab.folder / "job.toml", text))
    faults = [fault.what for fault in job_faults(job, host.adapters)]
    assert "the adapter `never` is in quarantine" in faults[0]
    assert faults[1:] == ["unknown adapter `onee`"]


def test_threads_that_ask_at_once_get_the_same_adapter(lab: Site) -> None:
    host = load(entry("one"))
    ready, got = threading.Barrier(8), []

    def ask() -> None:
        ready.wait()
        got.append(host.adapter("one"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert len(set(map(id, got))) == 1


def modules_after(statement: str, folder: Path) -> set[str]:
    """Return which modules of gpucore's adapters a fresh interpreter has after a statement."""
    code = f"import sys\nsys.path[:] = {sys.path!r}\n{statement}\nprint('\\n', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder
    )
    names = done.stdout.splitlines()[-1].split()
    return {name for name in names if name.startswith("gpucore_adapters.")}


LISTED = """
from gpucore.cli.entry import main
assert main(["adapters"]) == 0
"""
ASKED = """
import gpucore_adapters
from gpucore.plugins import PluginHost
host = PluginHost.load(extra={"adapters": gpucore_adapters}, installed=False)
assert len(host.adapters) > 60
assert host.adapter("motioncor3").name == "motioncor3"
"""


@pytest.mark.slow
def test_listing_gpucores_adapters_imports_none_of_them(tmp_path: Path) -> None:
    assert modules_after(LISTED, tmp_path) == set()


@pytest.mark.slow
def test_asking_for_one_of_gpucores_adapters_imports_its_module_alone(tmp_path: Path) -> None:
    assert modules_after(ASKED, tmp_path) == {"gpucore_adapters.motioncor3"}
