"""Random sequences of what devices show and how steps end: every promise after every event."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import pytest

from gpucore.scheduling.blame import CLEAR, DOUBTFUL
from gpucore.scheduling.health import Change, Health, HealthRules, Level, Standing
from gpucore.scheduling.xids import ACTIONS, DEVICE_FAULTS, SOURCE_FAULTS, XIDS
from gpucore.standard.model import FailureClass
from gpucore.standard.readings import DeviceProcess, Reading, Snapshot, Xid

WALKS = 2_000
PARTS = 20
EVENTS = 60
RULES = HealthRules()
FAULTS = [*DEVICE_FAULTS, "Unknown", "IrqIssue", "GpuNotFound", "NotFound", "Timeout"]
WHOLE = [*SOURCE_FAULTS, "ReaderEnded", "Unknown"]
XID = [*XIDS, 14, 154, 0, 999]


def well(uuid: str) -> Reading:
    return Reading(
        uuid=uuid,
        memory_used_mib=300,
        utilisation=0,
        ecc_uncorrected=0,
        clock_reasons=0,
        recovery_action="none",
        mig=(uuid.startswith("MIG-"),) * 2,
        processes=(),
    )


@dataclass
class Walk:
    """A health and, beside it, a naive account of all that it said and was told."""

    seed: int
    now: float = 1e9
    known: dict[str, Standing] = field(default_factory=dict)
    suspects: dict[str, set[str]] = field(default_factory=dict)
    lengths: dict[str, float] = field(default_factory=dict)
    recorded: dict[str, Standing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        count = self.chance.randint(1, 5)
        kinds = ["GPU-"] * 4 + ["MIG-"]
        self.uuids = [f"{self.chance.choice(kinds)}{place}" for place in range(count)]
        for uuid in self.uuids:
            if self.chance.random() < 0.1:
                self.recorded[uuid] = self.made_up()
        self.health = Health(self.uuids, self.recorded)
        self.readings = {uuid: well(uuid) for uuid in self.uuids}
        self.known = {uuid: self.health.standing(uuid) for uuid in self.uuids}
        self.suspects = {uuid: set() for uuid in self.uuids}

    def made_up(self) -> Standing:
        level, soft, hard, by = self.chance.choice([
            (Level.QUARANTINED, True, False, ""),
            (Level.AVOIDED, True, False, ""),
            (Level.QUARANTINED, False, True, ""),
            (Level.QUARANTINED, False, False, ""),  # of an earlier boot
            (Level.QUARANTINED, False, True, "alice"),
            (Level.NOTED, False, False, "alice"),
        ])  # fmt: skip
        return Standing(
            level=level,
            reason="it was so before",
            remedy="look at it",
            since=self.now,
            until=self.now + 600.0 if soft else 0.0,
            hard=hard,
            by=by,
        )

    def event(self) -> None:
        self.now += self.chance.choice([0.1, 2.0, 2.0, 30.0, 700.0, 7300.0, -50.0])
        kind = self.chance.choice(
            [self.look, self.look, self.look, self.end, self.end, self.end, self.hang, self.tick,
             self.recall, self.kill]
        )  # fmt: skip
        kind()

    def look(self) -> None:
        uuid = self.chance.choice(self.uuids)
        old, chance = self.readings[uuid], self.chance
        new = chance.choice([
            well(uuid), well(uuid), None,
            Reading(uuid=uuid),
            Reading(uuid=uuid, fault=chance.choice(FAULTS)),
            replace(old or well(uuid), ecc_uncorrected=chance.randint(0, 9)),
            replace(well(uuid), recovery_action=chance.choice([*ACTIONS, "else"])),
            replace(well(uuid), clock_reasons=chance.getrandbits(9)),
            replace(well(uuid), remap_pending=True, remap_failed=chance.random() < 0.2),
            replace(well(uuid), mig=(chance.random() < 0.5, chance.random() < 0.5)),
            replace(well(uuid), memory_used_mib=9000),
            replace(well(uuid), processes=(DeviceProcess(pid=1),), compute_mode="prohibited"),
        ])  # fmt: skip
        self.readings[uuid] = new
        self.see(
            xids=[chance.choice(XID) for _ in range(chance.choice([0, 0, 0, 1, 2]))],
            fault=chance.choice(WHOLE) if chance.random() < 0.05 else "",
        )

    def see(self, xids: list[int], fault: str = "") -> None:
        there = tuple(one for one in self.readings.values() if one is not None)
        reports = tuple(
            Xid(uuid=self.chance.choice([*self.uuids, "GPU-else"]), number=one, time=self.now)
            for one in xids
        )
        snapshot = Snapshot(time=self.now, readings=there, xids=reports, fault=fault)
        self.check(self.health.see(snapshot, self.now))

    def end(self) -> None:
        step = f"s{self.chance.randint(0, 6)}"
        uuids = self.chance.sample(
            self.uuids, min(self.chance.choice([1, 1, 1, 2]), len(self.uuids))
        )
        failure = self.chance.choice([None, *FailureClass])
        for uuid in uuids:
            if failure is None:
                self.suspects[uuid].clear()
            elif failure in CLEAR | DOUBTFUL:
                self.suspects[uuid].add(step)
        self.check(self.health.ended(step, uuids, failure, self.now))

    def hang(self) -> None:
        self.check(self.health.silent(self.now - self.chance.choice([1, 6, 40, 90]), self.now))

    def tick(self) -> None:
        self.check(self.health.tick(self.now))

    def kill(self) -> None:
        self.health.killed_by_us(self.chance.choice(self.uuids), self.now)

    def recall(self) -> None:
        uuid = self.chance.choice(self.uuids)
        if self.chance.random() < 0.5:
            if self.recorded.pop(uuid, None):
                self.suspects[uuid].clear()
                self.lengths.pop(uuid, None)
        else:
            self.recorded[uuid] = self.made_up()
        self.check(self.health.recall(self.recorded), recalled=True)

    def check(self, changes: list[Change], *, recalled: bool = False) -> None:
        assert len({change.uuid for change in changes}) == len(changes)
        for change in changes:
            assert change.before == self.known[change.uuid]
            assert change.before != change.after or change.stop_steps
            self.known[change.uuid] = change.after
            if change.stop_steps:
                assert change.after.level is Level.QUARANTINED
            if not recalled:
                self.check_change(change)
        for uuid in self.uuids:
            standing = self.health.standing(uuid)
            assert standing == self.known[uuid], "a change that was not told"
            assert (standing.level is Level.GOOD) == (not standing.reason) == (not standing.remedy)
            assert not standing.hard or standing.level is Level.QUARANTINED

    def check_change(self, change: Change) -> None:
        before, after, uuid = change.before, change.after, change.uuid
        if before.hard:
            assert after.level is Level.QUARANTINED, "only a person ends it"
        soft = after.level is Level.QUARANTINED and after.until and not after.by
        if not soft or before.until == after.until or "so before" in after.reason:
            return
        length = after.until - after.since
        assert min(abs(length - one) for one in RULES.periods) < 1.0
        if "tried it again" in after.reason:
            assert length >= self.lengths.get(uuid, 0.0)
        else:
            assert len(self.suspects[uuid]) >= RULES.in_a_row, "one step alone condemned it"
        self.lengths[uuid] = length

    def heal(self) -> None:
        """Let the source answer again, and find all well."""
        self.readings = {uuid: well(uuid) for uuid in self.uuids}
        for _ in range(2):
            self.now += 100.0
            self.see([])
        for uuid in self.uuids:
            standing = self.health.standing(uuid)
            assert standing.level is not Level.UNKNOWN
            if standing.level is Level.QUARANTINED:
                assert standing.hard or standing.until or standing.by
        self.now += RULES.periods[-1] + 1e6
        self.tick()
        for uuid in self.uuids:
            standing = self.health.standing(uuid)
            assert not standing.withheld or standing.hard or standing.by


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_every_promise_holds_after_every_event(part: int) -> None:
    for seed in range(part, WALKS, PARTS):
        walk = Walk(seed)
        for _ in range(EVENTS):
            walk.event()
        walk.heal()


def test_the_walks_meet_all_there_is_to_meet() -> None:
    met: set[str] = set()
    for seed in range(150):
        walk = Walk(seed)
        for _ in range(EVENTS):
            walk.event()
            for standing in walk.known.values():
                met.add(standing.level.name)
                if standing.hard:
                    met.add("hard")
                if standing.until and "so before" not in standing.reason:
                    met.add("soft" if standing.level is Level.QUARANTINED else "trial")
                if "tried it again" in standing.reason:
                    met.add("longer")
    assert met == {level.name for level in Level} | {"hard", "soft", "trial", "longer"}
