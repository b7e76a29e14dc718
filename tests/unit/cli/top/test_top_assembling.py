"""Who is on which GPU: journals first, then leases, then what the driver tells of strangers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from machine_pictures import run, running

from gpucore.cli.gpus_listing import Listing, Use
from gpucore.cli.top.assembling import assemble
from gpucore.scheduling.health import Level
from gpucore.scheduling.standing import Standing
from gpucore.standard.model import Device
from gpucore.standard.readings import Reading, Snapshot

if TYPE_CHECKING:
    from gpucore.cli.top.picture import GpuNow, RunNow

GOOD = Standing(level=Level.GOOD)


def listing(*uses: Use, standing: Standing = GOOD, read: bool = True) -> Listing:
    """Return one GPU, and who uses it."""
    reading = Reading(uuid="GPU-0", memory_used_mib=5, utilisation=7, temperature=40)
    return Listing(
        source="nvml",
        devices=(Device(uuid="GPU-0", index=0, name="A5000", memory_mib=24576),),
        snapshot=Snapshot(time=1.0, readings=(reading,) if read else ()),
        standings={"GPU-0": standing},
        uses=uses,
        notes=(),
    )


def use(what: str, *, ours: bool = True, pid: int = 7, user: str = "bob", since: float = 5) -> Use:
    return Use(uuid="GPU-0", ours=ours, pid=pid, user=user, what=what, memory_mib=100, since=since)


def only(found: tuple[GpuNow, ...]) -> GpuNow:
    (gpu,) = found
    return gpu


def seen(*uses: Use, runs: tuple[RunNow, ...] = ()) -> tuple[GpuNow, tuple[RunNow, ...]]:
    found = assemble(listing(*uses), runs, "ada")
    return only(found["gpus"]), found["runs"]


def test_a_free_gpu_says_what_is_known_of_it() -> None:
    gpu, runs = seen()
    assert (gpu.state, gpu.tenants, runs) == ("free", (), ())
    assert (gpu.memory_total_mib, gpu.memory_used_mib, gpu.utilisation) == (24576, 5, 7)


def test_a_step_of_ours_is_known_from_its_journal_and_told_once() -> None:
    mine = run("one", running("s/1", 0))
    # Its lease may still bear the name of the step before.
    gpu, runs = seen(use("s/0", pid=4711, user="ada"), runs=(mine,))
    (tenant,) = gpu.tenants
    assert (tenant.what, tenant.run, tenant.folder) == ("s/1", "one", "/data/session/one")
    assert tenant.memory_mib == 100
    assert runs == (mine,)


def test_a_program_of_a_run_without_leases_is_known_by_its_name() -> None:
    mine = run("one", running("s/1", 0))
    gpu, runs = seen(use("s/1", pid=5000, user="ada"), runs=(mine,))
    assert [one.pid for one in gpu.tenants] == [4711]
    assert runs == (mine,)


def test_a_lease_of_ours_whose_step_has_not_begun_is_its_runs() -> None:
    gpu, _ = seen(use("s/1", pid=4711, user="ada"), runs=(run("one"),))
    assert [(one.what, one.run, one.since) for one in gpu.tenants] == [("s/1", "one", 5)]


def test_what_another_user_holds_is_a_run_as_far_as_is_known() -> None:
    gpu, runs = seen(use("s/9"))
    assert gpu.state == "used"
    assert [(one.user, one.pid, one.since) for one in gpu.tenants] == [("bob", 7, 5)]
    (theirs,) = runs
    assert (theirs.own, theirs.user, theirs.pid, theirs.folder) == (False, "bob", 7, "")
    assert (dict(theirs.counts), [one.step for one in theirs.running]) == ({"running": 1}, ["s/9"])
    assert theirs.key == gpu.tenants[0].run


def test_a_step_of_the_same_name_is_another_users_all_the_same() -> None:
    gpu, runs = seen(use("s/1"), runs=(run("one", running("s/1", 0)),))
    assert [(one.user, one.pid) for one in gpu.tenants] == [("ada", 4711), ("bob", 7)]
    assert [one.own for one in runs] == [True, False]


def test_a_lease_of_our_own_without_a_run_is_shown_as_ours() -> None:
    _, runs = seen(use("exec", user="ada"))
    assert [(one.own, one.folder) for one in runs] == [(True, "")]


def test_a_stranger_is_no_run() -> None:
    gpu, runs = seen(use("python", ours=False))
    assert (gpu.state, gpu.tenants[0].ours, runs) == ("others", False, ())


def test_what_keeps_a_gpu_from_being_given_goes_before_who_is_on_it() -> None:
    bad = Standing(level=Level.QUARANTINED, reason="Xid 79", remedy="restart")
    gpu = only(assemble(listing(use("s/1"), standing=bad), (), "ada")["gpus"])
    assert (gpu.state, gpu.reason, gpu.remedy) == ("quarantined", "Xid 79", "restart")
    assert len(gpu.tenants) == 1


def test_a_gpu_that_tells_nothing_is_not_called_free() -> None:
    gpu = only(assemble(listing(read=False), (), "ada")["gpus"])
    assert gpu.state == "unknown"


def test_what_a_run_thinks_of_a_gpu_is_told_while_it_goes_on() -> None:
    regards = {"GPU-0": ("busy", "20 GiB are in use", "wait")}
    thinking = run("one", regards=regards)
    assert seen(runs=(thinking,))[0].reason == "20 GiB are in use"
    assert seen(runs=(replace(thinking, state="ended"),))[0].state == "free"


def test_a_run_that_waits_for_a_gpu_is_named_beside_who_has_it() -> None:
    waiting = run("one", regards={"GPU-0": ("held", "process 7 of bob", "it goes on")})
    gpu, _ = seen(use("s/9"), runs=(waiting,))
    assert (gpu.state, gpu.reason) == ("used", "one waits for it")
    gpu, _ = seen(runs=(waiting,))
    assert (gpu.state, gpu.reason) == ("held", "process 7 of bob")


def test_a_run_that_is_over_waits_for_nothing() -> None:
    waited = run("one", regards={"GPU-0": ("held", "process 7 of bob", "it goes on")})
    gpu, _ = seen(use("s/9"), runs=(replace(waited, state="ended"),))
    assert (gpu.state, gpu.reason) == ("used", "")


def test_runs_that_wait_for_a_gpu_are_named_together() -> None:
    regards = {"GPU-0": ("held", "process 7 of bob", "it goes on")}
    gpu, _ = seen(use("s/9"), runs=(run("one", regards=regards), run("two", regards=regards)))
    assert gpu.reason == "one, two wait for it"


def test_steps_that_share_a_gpu_have_their_own_memory() -> None:
    mine = run("one", running("s/1", 0), running("s/2", 0))
    uses = [replace(use(f"s/{n}", pid=4711, user="ada"), memory_mib=n * 100) for n in (1, 2)]
    gpu, _ = seen(*uses, runs=(mine,))
    assert [(one.what, one.memory_mib) for one in gpu.tenants] == [("s/1", 100), ("s/2", 200)]


def test_where_no_device_can_be_read_those_of_the_runs_are_shown() -> None:
    made_up = ("GPU-0", 0, "simulated GPU", 24576, True)
    real = ("GPU-1", 1, "A5000", 24576, False)
    mine = run("one", running("s/1", 0), devices=(real, made_up))
    first, second = assemble(None, (mine,), "ada")["gpus"]
    assert (first.uuid, first.state, first.simulated) == ("GPU-0", "used", True)
    assert (second.uuid, second.state) == ("GPU-1", "unknown")
    assert assemble(None, (replace(mine, state="ended", running=()),), "ada")["gpus"] == ()


def test_a_steps_that_were_cut_off_are_on_no_gpu() -> None:
    died = run("one", state="died", running=(replace(running("s/1", 0), state="cut off"),))
    assert seen(runs=(died,))[0].tenants == ()


def test_one_step_on_several_gpus_is_one_step() -> None:
    found = listing(use("s/1"), replace(use("s/1"), uuid="GPU-1"))
    (theirs,) = assemble(found, (), "ada")["runs"]
    assert [one.gpus for one in theirs.running] == [("GPU-0", "GPU-1")]
