"""The page *When a GPU breaks* tells of every sign and every Xid what the code makes of it."""

from __future__ import annotations

from docs.pages import ROOT, rows, section

from gpucore.scheduling import signs
from gpucore.scheduling.signs import Sign
from gpucore.scheduling.standing import HealthRules, Level
from gpucore.scheduling.xids import SILENT, XIDS

PAGE = ROOT / "docs" / "howto" / "broken-gpus.md"
SIGNS = [one for one in vars(signs).values() if isinstance(one, Sign)]
WITHHELD = "no new step gets it, what runs there goes on"
ENDED = "no new step gets it, what runs there is ended and tried elsewhere"
FIRST, SECOND, THIRD = (round(one / 60) for one in HealthRules().periods)
SPECIAL = {
    signs.BLAMED: f"{WITHHELD}: for {FIRST} minutes, then {SECOND}, then {THIRD}",
    signs.TRIAL: "a step gets it when no other is free, and decides",
    signs.DISABLED: f"{WITHHELD}, until it is enabled",
}


def consequence(sign: Sign) -> str:
    """Return what follows from a sign, in the page's words."""
    if sign in SPECIAL:
        return SPECIAL[sign]
    if sign.level is Level.NOTED:
        return "it is said, and nothing else"
    if sign.level is Level.AVOIDED:
        until = ", until a step passes on it" if sign.forgiven else ""
        return f"steps get it when no other is free{until}"
    what = ENDED if sign.stop_steps else WITHHELD
    if sign.hard:
        return f"{what}, until it is enabled, or found clean after a restart"
    return f"{what}, until the sign is gone"


def numbers(found: list[int]) -> str:
    """Return numbers as people write them: `1, 3 to 5`."""
    spans: list[list[int]] = []
    for one in sorted(found):
        if spans and one == spans[-1][-1] + 1:
            spans[-1].append(one)
        else:
            spans.append([one])
    return ", ".join(
        f"{span[0]} to {span[-1]}" if len(span) > 2 else ", ".join(map(str, span)) for span in spans
    )


def told_signs() -> list[list[str]]:
    return [
        [
            f"**{sign.name}**: {sign.meaning}",
            consequence(sign),
            sign.remedy.replace("{uuid}", "UUID"),
            sign.source,
        ]
        for sign in SIGNS
    ]


def told_xids() -> list[list[str]]:
    found: dict[tuple[str, str], list[int]] = {}
    for number, (sign, meaning) in XIDS.items():
        found.setdefault((sign.name, meaning), []).append(number)
    listed = [[numbers(each), meaning, name] for (name, meaning), each in found.items()]
    return [*listed, [numbers(list(SILENT)), "no fault", "none"]]


def table(told: list[list[str]]) -> str:
    """Return rows as the page has them, to be put there."""
    return "\n".join(f"| {' | '.join(row)} |" for row in told)


def test_the_page_tells_of_every_sign() -> None:
    assert rows(section(PAGE, "The signs")) == told_signs(), table(told_signs())


def test_the_page_tells_of_every_xid() -> None:
    assert rows(section(PAGE, "Xids")) == told_xids(), table(told_xids())
