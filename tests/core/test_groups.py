"""Concurrency groups on the core: limits, the order of asking, each `on_conflict`, after any replay."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from engine.core import decide
from engine.core.groups import Groups
from engine.core.reduce import apply
from engine.core.state import Execution
from engine.core.takeover import begin_resumed
from engine.core.turn import CancelAttempt, CancelOthers, StartAttempt, Turn
from engine.errors import Conflict
from engine.model import Event
from tests.core.flows import flow, step
from tests.core.world import AROUND, end_of


class Crowd:
    """Several executions that share the groups of one engine."""

    def __init__(self) -> None:
        self.groups = Groups()
        self.all: dict[str, Execution] = {}
        self.events: dict[str, list[Event]] = {}
        self.running: dict[str, int] = {}  # the attempt at the runner
        self.started: list[str] = []  # in the order of their starts
        self.now_us = 1_000_000

    def new(self, name: str) -> Execution:
        old = self.all[name]
        return Execution(
            id=name, ord=old.ord, flow="sample", number=old.number, version="v1", source="",
            definition=old.definition, inputs=old.inputs, trigger="manual", actor="me",
            created_at_us=0, parent=old.parent,
        )  # fmt: skip

    def arrive(self, policy: str = "queue", limit: int = 1, **more: Any) -> str:
        number = len(self.all) + 1
        name = f"e{number}"
        concurrency = {"group": more.pop("group", "g"), "limit": limit, "on_conflict": policy}
        begin, parent = more.pop("begin", decide.begin), more.pop("parent", None)
        definition = flow(step("a"), concurrency=concurrency, **more)
        self.all[name] = Execution(
            id=name, ord=number, flow="sample", number=number, version="v1", source="",
            definition=definition, inputs={"db": "app"}, trigger="manual", actor="me",
            created_at_us=0, parent=parent,
        )  # fmt: skip
        self.events[name] = []
        self.do(name, begin)
        return name

    def do(self, name: str, decision: Any, *args: Any) -> None:
        self.now_us += 1000
        ex = self.all[name]
        before = ex.state
        turn = Turn(ex, self.now_us, AROUND, groups=self.groups)
        decision(turn, *args)
        self.events[name] += turn.events
        if any(event.type == "execution.started" for event in turn.events):
            assert before in ("queued", "failed", "cancelled", "partial")
            self.started.append(name)
        for command in turn.commands:
            if isinstance(command, StartAttempt):
                self.running[name] = command.spec["number"]
            elif isinstance(command, CancelAttempt):
                number = self.running.pop(name)
                self.do(
                    name, decide.attempt_ended, number, end_of(self.now_us, outcome="cancelled")
                )
            elif isinstance(command, CancelOthers):
                for other in command.executions:
                    if not self.all[other].has_ended:
                        self.do(other, decide.cancel, "cancel", command.reason)
        self.check()

    def end(self, name: str, **facts: Any) -> None:
        number = self.running.pop(name)
        self.do(name, decide.attempt_ended, number, end_of(self.now_us, **facts))

    def let_in(self) -> None:
        """What the shell does at the end of a turn."""
        for ex in self.groups.next_ones():
            self.do(ex.id, decide.begin)

    def restart(self) -> None:
        """Everything anew from the journal."""
        for name in self.all:
            fresh = self.new(name)
            for event in copy.deepcopy(self.events[name]):
                apply(fresh, event)
            decide.rebuild_queues(fresh)
            assert fresh.state == self.all[name].state
            assert fresh.waiting_for == self.all[name].waiting_for
            self.all[name] = fresh
        self.groups = Groups()
        self.groups.adopt(ex for ex in self.all.values() if not ex.has_ended)
        for name, ex in self.all.items():
            if not ex.has_ended:
                self.do(name, decide.begin if ex.state == "queued" else decide.due)

    def check(self) -> None:
        """No more than the limit run, and the ledger says what executions are."""
        held = {n for n, ex in self.all.items() if ex.state in ("running", "paused") and ex.group}
        assert {n for there in self.groups.holders.values() for n in there} == held
        for there in self.groups.holders.values():
            limit = max(ex.definition["concurrency"]["limit"] for ex in there.values())
            apart = [ex for ex in there.values() if not ex.parent]
            assert len(apart) <= limit

    def states(self) -> list[str]:
        return [ex.state for ex in self.all.values()]


@pytest.mark.parametrize("again", [False, True])
def test_they_start_in_the_order_of_asking(again: bool) -> None:
    crowd = Crowd()
    names = [crowd.arrive(limit=2) for _ in range(5)]
    assert crowd.states() == ["running", "running", "queued", "queued", "queued"]
    waiting = crowd.all["e3"].waiting_for
    assert waiting is not None
    words = "concurrency group g (limit 2) is held by sample#1, sample#2"
    assert waiting["reason"] == words
    assert "sample#3 is before it" in (crowd.all["e4"].waiting_for or {})["reason"]
    while not all(ex.has_ended for ex in crowd.all.values()):
        if again:
            crowd.restart()
        crowd.end(next(iter(crowd.running)))
        crowd.let_in()
    assert crowd.started == names


def test_a_paused_one_keeps_its_place_and_finally_is_part_of_it() -> None:
    crowd = Crowd()
    crowd.arrive(**{"finally": [step("clean")]})
    crowd.arrive()
    crowd.do("e1", decide.pause, "me")
    crowd.let_in()
    assert crowd.states() == ["paused", "queued"]
    crowd.do("e1", decide.continue_, "me")
    crowd.do("e1", decide.cancel, "cancel")
    crowd.let_in()
    assert crowd.states() == ["running", "queued"]  # its finally runs
    crowd.end("e1")
    crowd.let_in()
    assert crowd.states() == ["cancelled", "running"]


@pytest.mark.parametrize(("policy", "state"), [("skip", "cancelled"), ("fail", "failed")])
def test_who_does_not_wait_ends_with_a_conflict(policy: str, state: str) -> None:
    crowd = Crowd()
    crowd.arrive()
    crowd.arrive(policy)
    ex = crowd.all["e2"]
    assert (ex.state, (ex.error or {})["type"], ex.started_at_us) == (state, "conflict", None)
    assert ex.steps["a"].state == "skipped"
    crowd.restart()
    with pytest.raises(Conflict, match="is held by sample#1"):
        crowd.do("e2", decide.retry_execution, "me")
    assert ex.state == state
    crowd.end("e1")
    crowd.do("e2", decide.retry_execution, "me")
    assert crowd.states() == ["completed", "running"]


@pytest.mark.parametrize("dies", [False, True])
def test_one_takes_over(dies: bool) -> None:
    """The holder is cancelled; who waits already stays before."""
    crowd = Crowd()
    crowd.arrive()
    crowd.arrive("queue")
    ex = None
    if dies:  # decided and journaled, and then the engine is gone before it acts
        original, crowd.do = crowd.do, lambda *args: None  # type: ignore[method-assign]
        name = crowd.arrive("cancel_running")
        crowd.do = original  # type: ignore[method-assign]
        turn = Turn(crowd.all[name], 5_000_000, AROUND, groups=crowd.groups)
        decide.begin(turn)
        crowd.events[name] += turn.events
        assert crowd.states() == ["running", "queued", "queued"]
        crowd.restart()
    else:
        crowd.arrive("cancel_running")
    ex = crowd.all["e1"]
    assert ex.state == "cancelled"
    assert ex.cancel_reason == "sample#3 takes the concurrency group g over"
    crowd.let_in()
    assert crowd.states() == ["cancelled", "running", "queued"]
    crowd.restart()
    assert crowd.states() == ["cancelled", "running", "queued"]  # only who held it when it asked
    crowd.end("e2")
    crowd.let_in()
    assert crowd.all["e3"].state == "running"


def test_a_queued_one_is_cancelled_without_having_begun() -> None:
    crowd = Crowd()
    crowd.arrive()
    crowd.arrive(**{"finally": [step("clean")]})
    crowd.do("e2", decide.cancel, "cancel", "not needed", "me")
    ex = crowd.all["e2"]
    assert (ex.state, ex.started_at_us) == ("cancelled", None)
    assert (ex.error or {})["message"] == "not needed"
    assert {each.state for each in ex.steps.values()} == {"skipped"}
    with pytest.raises(Conflict):
        crowd.do("e1", decide.retry_execution, "me")
    crowd.do("e2", decide.retry_execution, "me")
    assert crowd.states() == ["running", "queued"]
    crowd.end("e1", exit_code=1)
    crowd.let_in()
    crowd.do("e1", decide.retry_execution, "me")
    assert crowd.states() == ["queued", "running"]


def test_a_resumed_one_waits_with_what_it_has_taken_over() -> None:
    crowd = Crowd()
    crowd.arrive()
    taken = [{"step": "a", "state": "reused", "outputs": {"n": 1}, "from": "x", "attempts": []}]
    crowd.arrive(begin=lambda turn: begin_resumed(turn, taken))
    assert crowd.states() == ["running", "queued"]
    crowd.restart()
    crowd.end("e1")
    crowd.let_in()
    ex = crowd.all["e2"]
    assert (ex.state, ex.steps["a"].state, ex.steps["a"].outputs) == (
        "completed",
        "reused",
        {"n": 1},
    )


def test_a_called_one_shares_the_place_of_its_caller() -> None:
    """Else each would wait for the other; between themselves the called ones keep the limit."""
    crowd = Crowd()
    crowd.arrive()
    crowd.arrive()  # waits for the caller
    for _ in range(2):
        crowd.arrive(parent={"above": ["e0", "e1"]})
    assert crowd.states() == ["running", "queued", "running", "queued"]
    crowd.restart()
    crowd.let_in()
    assert crowd.states() == ["running", "queued", "running", "queued"]
    crowd.end("e3")
    crowd.let_in()
    assert crowd.states() == ["running", "queued", "completed", "running"]
    crowd.end("e4")
    crowd.let_in()
    crowd.end("e1")
    crowd.let_in()
    assert crowd.states() == ["completed", "running", "completed", "completed"]


def test_groups_are_apart_and_their_names_are_resolved() -> None:
    crowd = Crowd()
    crowd.arrive(group="db-${{ inputs.db }}")
    crowd.arrive(group="db-app")
    crowd.arrive(group="db-other")
    assert crowd.states() == ["running", "queued", "running"]
    crowd.arrive(group="${{ inputs.nothing }}")
    ex = crowd.all["e4"]
    assert (ex.state, (ex.error or {})["type"]) == ("failed", "expression")
    crowd.arrive(group="${{ inputs.db == 'x' ? 'y' : '' }}")
    assert "cannot be a group" in (crowd.all["e5"].error or {})["message"]


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_the_limit_holds_and_nobody_is_forgotten(seed: int) -> None:
    chance = random.Random(seed)
    crowd = Crowd()
    policies = ["queue", "queue", "skip", "fail", "cancel_running"]
    for _ in range(60):
        live = [name for name, ex in crowd.all.items() if not ex.has_ended]
        ended = [name for name, ex in crowd.all.items() if ex.state in ("failed", "cancelled")]
        what = chance.random()
        try:
            if what < 0.35:
                crowd.arrive(chance.choice(policies), limit=chance.choice([1, 2, 2, 3]))
            elif what < 0.7 and crowd.running:
                crowd.end(chance.choice(list(crowd.running)), exit_code=chance.choice([0, 0, 1]))
            elif what < 0.75 and live:
                crowd.do(chance.choice(live), decide.pause)
            elif what < 0.8 and live:
                crowd.do(chance.choice(live), decide.continue_)
            elif what < 0.87 and live:
                crowd.do(chance.choice(live), decide.cancel, "cancel")
            elif what < 0.93 and ended:
                crowd.do(chance.choice(ended), decide.retry_execution)
            elif what > 0.95:
                crowd.restart()
        except Conflict:
            pass
        crowd.let_in()
    for _ in range(300):
        for name, ex in list(crowd.all.items()):
            if ex.state == "paused":
                crowd.do(name, decide.continue_)
        if not crowd.running:
            break
        crowd.end(next(iter(crowd.running)))
        crowd.let_in()
    assert all(ex.has_ended for ex in crowd.all.values())
    assert (crowd.groups.holders, crowd.groups.queues) == ({}, {})
