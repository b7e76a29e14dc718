"""The tables of signs: whole, in the words of the makers' libraries, and fit to be shown."""

from __future__ import annotations

import pynvml
import pytest

from gpucore.scheduling import signs
from gpucore.scheduling.signs import Sign
from gpucore.scheduling.standing import Level
from gpucore.scheduling.xids import (
    ACTIONS,
    DEVICE_FAULTS,
    FOLLOWS,
    GONE,
    SILENT,
    SOURCE_FAULTS,
    XIDS,
    sign_of_xid,
    xid_text,
)

ALL = [one for one in vars(signs).values() if isinstance(one, Sign)]
UNUSED = {
    *range(1, 8), 9, 10, 12, *range(15, 25), *range(26, 31), *range(33, 37), 42, 47, *range(49, 54),
    *range(55, 60), 61, 65, 73, 78, 81, 87, 90, 91, *range(111, 119), *range(122, 126), 138, 151,
}  # fmt: skip
"""Numbers up to 172 that the catalogue of October 2025 calls unused, or of virtual machines."""


def test_every_number_of_the_catalogue_has_a_meaning_or_reports_no_fault() -> None:
    assert set(XIDS) | SILENT | UNUSED == set(range(1, 173))
    assert not set(XIDS) & SILENT
    assert not (set(XIDS) | SILENT) & UNUSED
    assert FOLLOWS in XIDS


def test_every_action_of_the_driver_is_known_by_its_name() -> None:
    prefix = "NVML_GPU_RECOVERY_ACTION_"
    known = {name.removeprefix(prefix).lower() for name in dir(pynvml) if name.startswith(prefix)}
    assert known == set(ACTIONS)


@pytest.mark.parametrize("fault", [*sorted(DEVICE_FAULTS), *sorted(GONE), *sorted(SOURCE_FAULTS)])
def test_every_fault_is_called_as_the_library_calls_it(fault: str) -> None:
    assert hasattr(pynvml, f"NVMLError_{fault}")


@pytest.mark.parametrize("sign", ALL, ids=lambda sign: sign.name)
def test_every_sign_has_a_meaning_a_remedy_and_a_source(sign: Sign) -> None:
    assert sign.level > Level.GOOD
    standing = sign.seen("GPU-1", 5.0)
    assert standing.since == 5.0
    assert standing.reason == sign.meaning
    assert "{" not in standing.remedy
    for text in (sign.name, sign.meaning, sign.remedy, sign.source):
        assert text
        assert text.strip() == text
        assert "\n" not in text
        assert not text.endswith(".")
    assert sign.meaning[0].islower() or sign.meaning.startswith("MIG")


def test_only_what_is_quarantined_ends_steps_is_hard_or_can_be_overruled() -> None:
    for sign in ALL:
        if sign.stop_steps or sign.hard or sign.overruled or sign.yields:
            assert sign.level is Level.QUARANTINED
        if sign.forgiven:
            assert sign.level < Level.UNKNOWN


def test_signs_are_told_apart_by_name_and_meaning_where_a_persons_word_overrules_one() -> None:
    assert len({sign.name for sign in ALL}) == len(ALL)
    overruled = [sign.meaning for sign in ALL if sign.overruled]
    assert all(a == b or a not in b for a in overruled for b in overruled)


def test_an_unknown_number_is_an_error_without_an_explanation() -> None:
    assert sign_of_xid(9999, None) is signs.UNEXPLAINED
    assert xid_text(9999).endswith("(Xid 9999)")
