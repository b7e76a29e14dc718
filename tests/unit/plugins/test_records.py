"""What is told of a plugin that is in quarantine."""

from __future__ import annotations

from gpucore.plugins import Quarantined
from gpucore.plugins.records import Provider


def test_the_error_says_what_who_why_where_and_how_to_mend_it() -> None:
    one = Quarantined(
        name="mine",
        distribution="my-lab",
        version="1.0",
        module="my_lab",
        reason="it implements no hook",
        hint="mark a function",
        file="/x.py:3",
    )
    assert str(one.error("the adapter `mine`")) == (
        "my-lab 1.0: the adapter `mine` belongs to the plugin `mine`, which is in quarantine: "
        "it implements no hook (/x.py:3)\n"
        "  mend or update my-lab, or ask its author: mark a function"
    )


def test_a_provider_is_named_with_its_plugin_when_there_is_one() -> None:
    assert str(Provider(origin="my-lab 1.0", plugin="mine")) == "my-lab 1.0 (plugin `mine`)"
    assert str(Provider(origin="mine.toml")) == "mine.toml"
