"""From the driver's library to what is thought of a device: the table of failure modes, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gpucore.scheduling.health import Change, Health, Level
from gpucore.system.nvml import read_nvml, watch_nvml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fake_drivers import FakeDriver

    from gpucore.system.device_watch import ReaderWatch

pytestmark = pytest.mark.slow  # each begins two processes

ENOUGH = 30.0
ANEW = ("0.migs=7:0:20000", "0.mig0.uuid=MIG-another")
CUT = ("0.mig=1", "0.mig_pending=1", "0.migs=1:0:5000,2:0:5000")


class Judged:
    """Two devices of a stand-in for the driver's library, and what is thought of them."""

    def __init__(self, driver: FakeDriver, *lines: str) -> None:
        self.driver = driver
        environment = driver.environment("count=2", *lines)
        self.uuids = [one.uuid for one in read_nvml("", environment)]
        self.health = Health(self.uuids)
        self.watch: ReaderWatch = watch_nvml("", environment)
        self.now = 1000.0
        self.look("count=2", *lines)

    def look(self, *lines: str) -> list[Change]:
        """Say what the driver answers from now on, and look two seconds later."""
        self.driver.set(*lines)
        self.now += 2.0
        return self.health.see(self.watch.read(ENOUGH), self.now)

    @property
    def levels(self) -> list[str]:
        """What is thought of each."""
        return [self.health.standing(uuid).level.name for uuid in self.uuids]


@pytest.fixture
def judged(nvidia: FakeDriver) -> Iterator[Judged]:
    """Return two devices that are well."""
    judged = Judged(nvidia)
    assert judged.levels == ["GOOD", "GOOD"]
    yield judged
    judged.watch.close()


@pytest.mark.parametrize(
    ("row", "line", "level", "stop"),
    [
        (1, "0.xid=13", "NOTED", False),
        (1, "0.xid=31", "NOTED", False),
        (2, "0.xid=48", "QUARANTINED", True),
        (2, "0.xid=95", "QUARANTINED", True),
        (2, "0.ecc_uncorr=1", "QUARANTINED", True),
        (2, "0.recovery=1", "QUARANTINED", True),
        (3, "0.xid=94", "NOTED", False),
        (4, "0.xid=63", "NOTED", False),
        (4, "0.remap_pending=1", "NOTED", False),
        (4, "0.xid=64", "QUARANTINED", False),
        (4, "0.remap_failed=1", "QUARANTINED", False),
        (5, "0.xid=74", "NOTED", False),
        (6, "0.xid=79", "QUARANTINED", True),
        (6, "0.error=15", "QUARANTINED", True),
        (7, "0.xid=62", "QUARANTINED", True),
        (7, "0.xid=119", "QUARANTINED", True),
        (7, "0.error=16", "QUARANTINED", True),
        (8, "0.xid=45", "NOTED", False),
        (9, "0.xid=92", "AVOIDED", False),
        (10, "0.clocks=64", "AVOIDED", False),
        (10, "0.clocks=128", "AVOIDED", False),
        (13, "0.compute_mode=2", "QUARANTINED", False),
        (13, "0.compute_mode=3", "GOOD", False),
        (17, "0.mig_pending=1", "QUARANTINED", False),
        (17, "\n".join(CUT), "QUARANTINED", False),
    ],
)
def test_a_row_of_the_table_holds_and_the_other_device_is_as_before(
    judged: Judged, row: int, line: str, level: str, stop: bool
) -> None:
    changes = judged.look("count=2", line)
    assert judged.levels == [level, "GOOD"], row
    assert [change.stop_steps for change in changes] == ([stop] if changes else [])
    for change in changes:
        assert change.after.reason
        assert change.after.remedy


@pytest.mark.parametrize(("code", "row"), [(18, 14), (9, 15), (12, 15), (4, 15)])
def test_a_driver_at_fault_withholds_all_until_it_is_well_again(
    judged: Judged, code: int, row: int
) -> None:
    changes = judged.look("count=2", f"error.nvmlDeviceGetCount_v2={code}", f"init_error={code}")
    assert judged.levels == ["QUARANTINED", "QUARANTINED"], row
    assert not any(change.stop_steps for change in changes)
    judged.look("count=2")
    assert judged.levels == ["GOOD", "GOOD"]


def test_a_device_that_vanishes_is_lost_and_the_order_of_the_rest_means_nothing(
    judged: Judged,
) -> None:
    judged.look("order=1,0")
    assert judged.levels == ["GOOD", "GOOD"]
    judged.look("order=1")
    assert judged.levels == ["UNKNOWN", "GOOD"]
    judged.look("order=1")
    assert judged.levels == ["QUARANTINED", "GOOD"]
    judged.look("count=2")
    assert judged.levels == ["QUARANTINED", "GOOD"]


def test_a_driver_that_hangs_makes_all_unknown_until_it_answers(
    judged: Judged, nvidia: FakeDriver
) -> None:
    nvidia.set("count=2", "hang_ms.nvmlDeviceGetCount_v2=600")
    with pytest.raises(TimeoutError):
        judged.watch.read(0.05)
    judged.health.silent(judged.now, judged.now + 6.0)
    assert judged.levels == ["UNKNOWN", "UNKNOWN"]
    judged.look("count=2")
    assert judged.levels == ["GOOD", "GOOD"]


def test_instances_of_a_gpu_that_is_lost_are_lost_with_it(nvidia: FakeDriver) -> None:
    judged = Judged(nvidia, *CUT)
    assert judged.levels == ["GOOD"] * 3
    judged.look("count=2", *CUT, "0.error=15")
    assert judged.levels == ["QUARANTINED", "QUARANTINED", "GOOD"]
    judged.watch.close()


def test_instances_that_are_cut_anew_are_withheld_without_being_lost(nvidia: FakeDriver) -> None:
    judged = Judged(nvidia, *CUT)
    for _ in range(2):
        judged.look("count=2", "0.mig=1", "0.mig_pending=1", *ANEW)
    standings = [judged.health.standing(uuid) for uuid in judged.uuids]
    assert [one.level for one in standings[2:]] == [Level.GOOD]
    assert all("MIG layout" in one.reason and not one.hard for one in standings[:2])
    judged.look("count=2", *CUT)
    assert judged.levels == ["GOOD"] * 3
    judged.watch.close()
