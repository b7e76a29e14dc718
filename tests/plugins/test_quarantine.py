"""Every way in which a plugin can be broken: it is named with its reason, and the rest load."""

from __future__ import annotations

import pytest
from plugins.fakes import SOUND, Site

from gpucore.errors import AdapterError, PluginError
from gpucore.plugins import PluginHost

HEAD = SOUND.split("@hookimpl")[0]
HOOK = f"{HEAD}@hookimpl\ndef gpucore_adapters():\n    "
PROGRAM = "title='t', program=Program(executable='p'), command=Template(argv=('p',))"
GOOD = f"Adapter(name='good', {PROGRAM})"

# What it is, its module, and a part of the reason that must be told.
MODULES = [
    ("raises ImportError", "raise ImportError('no torch here')", "ImportError: no torch here"),
    ("imports what is missing", "import no_such_module", "No module named 'no_such_module'"),
    ("is no Python", "def (:\n", "cannot be imported: SyntaxError"),
    ("raises SystemExit", "import sys; sys.exit(3)", "cannot be imported: SystemExit: 3"),
    ("raises RecursionError", "def f(): f()\nf()", "cannot be imported: RecursionError"),
    ("raises MemoryError", "raise MemoryError", "cannot be imported: MemoryError"),
    ("raises GeneratorExit", "raise GeneratorExit", "cannot be imported: GeneratorExit"),
    ("raises its own BaseException", "class E(BaseException): pass\nraise E", "imported: E"),
    ("raises what has no text",
     "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
     "(its text cannot be made)"),
    ("holds a null byte", "x = '\0'", "cannot be imported: "),
    ("has no hook", "x = 1", "it implements no hook"),
    ("forgets the mark", HEAD + "def gpucore_adapters(): return []", "is not marked"),
    ("names an unknown hook", HEAD + "@hookimpl\ndef gpucore_adaptors(): return []",
     "`gpucore_adaptors` is no hook"),
    ("asks for an argument that is not there",
     HEAD + "@hookimpl\ndef gpucore_adapters(config): return []", "config"),
    ("is a wrapper", HEAD + "@hookimpl(wrapper=True)\ndef gpucore_adapters():\n    return (yield)",
     "marked as a wrapper"),
    ("is asynchronous", HEAD + "@hookimpl\nasync def gpucore_adapters(): return []",
     "is asynchronous"),
    ("yields in the event hook", HEAD + "@hookimpl\ndef gpucore_event(event): yield",
     "holds a `yield`"),
    ("raises in a hook", HOOK + "raise ValueError('broken')",
     "gpucore_adapters failed: ValueError: broken"),
    ("exits in a hook", HOOK + "raise SystemExit", "gpucore_adapters failed: SystemExit"),
    ("returns None", HOOK + "pass", "returned None"),
    ("returns a number", HOOK + "return 7", "returned `int`"),
    ("returns one adapter and no list", HOOK + f"return {GOOD}", "one Adapter, not a list"),
    ("returns a text", HOOK + "return 'good'", "returned `str` at place 0"),
    ("returns a dictionary", HOOK + f"return {{'good': {GOOD}}}", "returned `str` at place 0"),
    ("returns something else second", HOOK + f"return [{GOOD}, {{}}]",
     "returned `dict` at place 1"),
    ("returns the class", HOOK + "return [Adapter]", "returned `type` at place 0"),
    ("stops half-way", HOOK + f"yield {GOOD}\n    raise OSError('gone')",
     "gpucore_adapters failed: OSError: gone"),
    ("has no end", HOOK + f"n = 0\n    while True:\n        n += 1\n        yield Adapter("
     f"name=f'a{{n}}', {PROGRAM})", "more than 10000 objects"),
    ("offers a name twice", HOOK + f"return [{GOOD}, {GOOD}]", "`good` is offered twice"),
    ("offers a name that is taken", SOUND.replace("NAME", "sound"),
     "the adapter `sound` is offered by a-sound 2.1 (plugin `sound`) already, and again by "
     "broken-one 0.3 (plugin `broken`)"),
    ("contradicts itself", SOUND.replace("NAME", "mine").replace("%(word)s", "%(wort)s"),
     "the mark %(wort)s names no parameter"),
    ("has a false example", SOUND.replace("NAME", "mine").replace("('echo', 'hello')", "('no',)")
     .replace('("echo", "hello")', '("no",)'), "example[0].argv: the command comes out as"),
    ("has a name that nobody can type", SOUND.replace("NAME", "My Program"), "is no name"),
    ("has a name that is no text", SOUND.replace('"NAME"', "7"), "7 is no name"),
    ("raises our own error", "from gpucore.errors import PluginError\nraise PluginError('a\\nb')",
     "a b"),
    ("has fields of wrong types", HOOK + "return [Adapter(name='x', title='x', program=None, "
     "command=None)]", "gpucore_adapters failed: AttributeError"),
    ("gives a policy that cannot cut", HEAD + "from gpucore.scheduling import Policy\n@hookimpl\n"
     "def gpucore_policies(): return [Policy(name='p', title='p', cut=None)]",
     "the policy `p` is wrong: `cut` cannot be called"),
    ("gives engines for adapters", HEAD + "@hookimpl\ndef gpucore_engines():\n    "
     f"return [{GOOD}]", "gpucore_engines returned `Adapter`"),
]  # fmt: skip

# What it is, the entry point's value, and a part of the reason.
POINTS = [
    ("a module that is missing", "no_such_module", "No module named 'no_such_module'"),
    ("an attribute that is missing", "broken_module:nothing", "has no attribute 'nothing'"),
    ("no module at all", "not a module!", "`not a module!`, which is no module"),
    ("a class", "broken_module:Class", "names the class `Class`"),
    ("a function", "broken_module:gpucore_adapters", "names the function `gpucore_adapters`"),
    ("None", "broken_module:nil", "names None"),
    ("a number", "broken_module:number", "it implements no hook"),
]


def install(site: Site, source: str, point: str = "broken_module") -> None:
    """Install a sound plugin, a broken one, and a sound one that comes after it."""
    site.sound("sound", "a-sound", "2.1")
    site.install("broken-one", {"broken": point}, {"broken_module.py": source}, "0.3")
    site.sound("late", "z-late")


def check(host: PluginHost, reason: str) -> None:
    assert sorted(host.adapters) == ["late", "sound"]
    assert [one.name for one in host.plugins] == ["sound", "late"]
    (broken,) = host.quarantine
    assert (broken.name, broken.distribution, broken.version) == ("broken", "broken-one", "0.3")
    assert reason in broken.reason
    assert "\n" not in broken.reason
    with pytest.raises(PluginError) as caught:
        host.adapter("broken")
    assert broken.reason in str(caught.value)
    assert "broken-one 0.3" in str(caught.value)


@pytest.mark.parametrize(("source", "reason"), [one[1:] for one in MODULES],
                         ids=[one[0] for one in MODULES])  # fmt: skip
def test_a_broken_plugin_is_named_with_its_reason_and_the_rest_load(
    site: Site, source: str, reason: str
) -> None:
    install(site, source)
    check(PluginHost.load(), reason)


@pytest.mark.parametrize(("point", "reason"), [one[1:] for one in POINTS],
                         ids=[one[0] for one in POINTS])  # fmt: skip
def test_an_entry_point_that_names_what_is_no_plugin_is_quarantined(
    site: Site, point: str, reason: str
) -> None:
    source = SOUND.replace("NAME", "x") + "\nnil = None\nnumber = 7\nclass Class: pass\n"
    install(site, source, point)
    check(PluginHost.load(), reason)


def test_ctrl_c_during_an_import_is_not_swallowed(site: Site) -> None:
    install(site, "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        PluginHost.load()


def test_nothing_of_a_plugin_with_one_bad_adapter_is_in_use(site: Site) -> None:
    source = f"""{HEAD}
from gpucore.scheduling import POOL
@hookimpl
def gpucore_policies(): return [POOL]
@hookimpl
def gpucore_event(event): raise AssertionError
@hookimpl
def gpucore_adapters(): return [{GOOD}, {GOOD.replace("'p'", "''")}]
"""
    install(site, source)
    host = PluginHost.load()
    check(host, "`good` is offered twice")
    assert not host.policies
    assert host.quarantine[0].offers == ("good",)
    with pytest.raises(PluginError, match="plugin `broken`, which is in quarantine"):
        host.adapter("good")


def test_the_name_of_a_quarantined_plugin_is_free_for_the_next(site: Site) -> None:
    site.install("a-broken", {"a": "a_broken"}, {"a_broken.py": HOOK + f"return [{GOOD}, 7]"})
    site.sound("good", "b-good")
    assert PluginHost.load().origin_of("good") == "b-good 1.0"


def test_an_adapter_that_contradicts_itself_is_told_to_whoever_asks_for_it(site: Site) -> None:
    install(site, SOUND.replace("NAME", "mine").replace("%(word)s", "%(wort)s"))
    host = PluginHost.load()
    with pytest.raises(PluginError, match=r"command\.argv: the mark %\(wort\)s names no") as caught:
        host.adapter("mine")
    assert "did you mean `word`?" in caught.value.hint


def test_the_file_and_line_of_the_fault_are_told(site: Site) -> None:
    install(site, "x = 1\nraise ImportError('no torch here')")
    host = PluginHost.load()
    assert host.quarantine[0].file == f"{site.folder}/broken_module.py:2"


def test_the_file_and_line_of_a_syntax_error_are_told(site: Site) -> None:
    install(site, "x = 1\ny = (\n")
    assert PluginHost.load().quarantine[0].file == f"{site.folder}/broken_module.py:2"


def test_an_unknown_hook_comes_with_the_nearest_one(site: Site) -> None:
    install(site, HEAD + "@hookimpl\ndef gpucore_adaptors(): return []")
    assert "did you mean `gpucore_adapters`?" in PluginHost.load().quarantine[0].hint


def test_an_unknown_hook_that_is_marked_optional_is_passed_over(site: Site) -> None:
    later = "@hookimpl(optionalhook=True)\ndef gpucore_of_tomorrow(x): return []\n"
    site.install("p", {"p": "p_module"}, {"p_module.py": SOUND.replace("NAME", "p") + later})
    host = PluginHost.load()
    assert host.quarantine == ()
    assert list(host.adapters) == ["p"]


def test_a_plugin_that_prints_is_no_broken_plugin(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.install(
        "p", {"p": "p_module"}, {"p_module.py": "print('hi')\n" + SOUND.replace("NAME", "p")}
    )
    host = PluginHost.load()
    assert list(host.adapters) == ["p"]
    assert capsys.readouterr().out == "hi\n"


def test_one_module_under_two_names_is_quarantined_once(site: Site) -> None:
    site.install(
        "p", {"p": "p_module", "q": "p_module"}, {"p_module.py": SOUND.replace("NAME", "p")}
    )
    host = PluginHost.load()
    assert list(host.adapters) == ["p"]
    assert host.quarantine[0].reason == "it is the same object as the plugin `p:p`"


def test_an_unknown_adapter_is_told_with_the_nearest_and_what_is_in_quarantine(site: Site) -> None:
    install(site, "raise ImportError")
    with pytest.raises(AdapterError, match=r"did you mean `sound`\? \(in quarantine: broken;"):
        PluginHost.load().adapter("soumd")


def test_an_entry_points_file_that_cannot_be_read_is_named(site: Site) -> None:
    site.sound("sound")
    site.install("torn", {}, {})
    (site.folder / "torn-1.0.dist-info" / "entry_points.txt").write_text(
        "[gpucore]\nno equals sign\n"
    )
    host = PluginHost.load()
    assert list(host.adapters) == ["sound"]
    assert host.quarantine[0].distribution == "torn"


def test_a_distribution_without_metadata_still_loads(site: Site) -> None:
    site.sound("sound")
    (site.folder / "sound-1.0.dist-info" / "METADATA").unlink()
    assert list(PluginHost.load().adapters) == ["sound"]


def test_a_distribution_with_unreadable_bytes_is_not_ours_to_judge(site: Site) -> None:
    site.sound("sound")
    site.install("odd", {}, {})
    (site.folder / "odd-1.0.dist-info" / "entry_points.txt").write_bytes(b"\xff\xfe\x00[x]")
    host = PluginHost.load()
    assert list(host.adapters) == ["sound"]
    assert host.quarantine == ()
