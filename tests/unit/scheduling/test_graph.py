"""Prerequisites, counted down."""

from __future__ import annotations

from gpucore.scheduling.graph import Graph


def test_a_step_without_prerequisites_does_not_wait() -> None:
    assert not Graph().add(0, [])


def test_a_step_waits_for_all_its_prerequisites() -> None:
    graph = Graph()
    assert graph.add(2, [0, 1])
    assert graph.met(0) == []
    assert graph.met(1) == [2]


def test_a_prerequisite_named_twice_counts_once() -> None:
    graph = Graph()
    graph.add(1, [0, 0])
    assert graph.met(0) == [1]


def test_steps_become_ready_in_order() -> None:
    graph = Graph()
    for step in (1, 2, 3):
        graph.add(step, [0])
    assert graph.met(0) == [1, 2, 3]
    assert graph.met(0) == []


def test_all_that_hangs_on_a_step_is_cut_off_once() -> None:
    graph = Graph()
    graph.add(1, [0])
    graph.add(2, [0])
    graph.add(3, [1, 2])
    graph.add(4, [3])
    graph.add(6, [5])
    assert graph.cut_off(0) == [1, 2, 3, 4]
    assert graph.cut_off(0) == []
    assert graph.met(5) == [6]


def test_a_dropped_step_is_not_met_and_what_hangs_on_it_stays() -> None:
    graph = Graph()
    graph.add(1, [0])
    graph.add(2, [1])
    graph.drop(1)
    graph.drop(9)
    assert graph.met(0) == []
    assert graph.cut_off(1) == [2]


def test_a_step_that_was_cut_off_is_not_met_by_another_prerequisite() -> None:
    graph = Graph()
    graph.add(2, [0, 1])
    assert graph.cut_off(0) == [2]
    assert graph.met(1) == []
