"""Programs that put names into a line for a shell are never given one that a shell reads."""

from __future__ import annotations

import re
import subprocess

import pytest
from gpucore_adapters.shell_names import PLAIN_NAME

from gpucore.errors import GpucoreError
from gpucore.plugins import PluginHost
from gpucore.standard.params import check_value

INSTALLED = PluginHost.load().adapters
SHELL = {
    "cryoread",
    "daq",
    "deepmainmast",
    "emap2secplus",
    "isonet_refine",
    "relion_align_tiltseries",
    "relion_class_ranker",
    "relion_ctf_refine",
    "relion_motion_refine",
    "relion_tomo_denoise",
    "relion_tomo_denoise_train",
    "xmipp_deep_micrograph_cleaner",
}
READ = "$(touch x)|`id`|a;b|a&b|a>b|a<b|a b|a\tb|a\nb|a'b|a\"b|a\\b|$HOME|~/a|*|a?|[a]|{a,b}|#a|!a"


def test_these_programs_hand_names_to_a_shell() -> None:
    told = {
        name
        for name, adapter in INSTALLED.items()
        if any(param.pattern == PLAIN_NAME for param in adapter.params.values())
    }
    assert told == SHELL


@pytest.mark.parametrize("name", sorted(SHELL))
def test_neither_item_nor_output_may_hold_what_a_shell_reads(name: str) -> None:
    adapter = INSTALLED[name]
    for param in (adapter.item, *adapter.output_params):
        if adapter.params[param].pattern != PLAIN_NAME:
            continue
        ending = (*adapter.params[param].suffix, "")[0]
        assert check_value(param, adapter.params[param], f"job/a-b_1.0{ending}")
        for text in READ.split("|"):
            with pytest.raises(GpucoreError, match=f"`{param}`"):
                check_value(param, adapter.params[param], f"{text}{ending}")
    assert any(adapter.params[one].pattern == PLAIN_NAME for one in adapter.output_params)


@pytest.mark.parametrize("text", [*READ.split("|"), "x|y"])
def test_what_is_refused_is_what_a_shell_would_read(text: str) -> None:
    assert re.fullmatch(PLAIN_NAME, text) is None


@pytest.mark.parametrize("name", ["a", "a-b_1.0", "a+b,c=d:e@f%g^h", "é漢", "x/./y.mrc"])
def test_a_plain_name_is_one_word_of_a_shell_as_it_is(name: str) -> None:
    assert re.fullmatch(PLAIN_NAME, name)
    said = subprocess.run(["/bin/sh", "-c", f"printf '%s' {name}"], capture_output=True, check=True)
    assert said.stdout.decode() == name
