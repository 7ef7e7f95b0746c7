"""Steps that wait for a moment or for a person: decided by the core, without a process."""

from __future__ import annotations

import re

import pytest

from engine.core import decide
from engine.errors import Conflict, UnknownReference, UsageError
from engine.times import to_text
from tests.core.flows import approve, flow, step, wait
from tests.core.world import World

SECOND_US = 1_000_000


def test_a_wait_is_a_step_without_an_attempt_and_ends_at_its_moment() -> None:
    world = World(flow(wait("w", span="1m"), step("after", "w")))
    assert world.states() == {"w": "waiting", "after": "pending"}
    assert not world.running
    began_us = world.ex.steps["w"].started_at_us or 0
    assert world.ex.waiting_for == {
        "step": "w", "kind": "timer", "until_us": began_us + 60 * SECOND_US, "reason": "wait",
    }  # fmt: skip
    world.do(decide.due)
    assert world.states()["w"] == "waiting", "not before its moment"
    world.wait_until_due()
    assert world.states() == {"w": "completed", "after": "running"}
    assert world.ex.steps["w"].duration_ms == 60_001
    assert world.ex.waiting_for is None


def test_waits_take_no_place_and_wait_for_none() -> None:
    world = World(flow(step("a"), wait("b"), approve("c"), step("d"), max_parallel=1))
    assert world.states() == {"a": "running", "b": "waiting", "c": "waiting", "d": "pending"}
    assert world.ex.running == 1
    assert world.ex.waiting_for is None, "something still runs"


@pytest.mark.parametrize(
    "text", ["1970-01-01T00:00:00Z", "1970-01-01", "1970-01-01T01:00:00+01:00"]
)
def test_a_moment_that_has_passed_is_over_at_once(text: str) -> None:
    definition = step("w", kind="wait", run=None, wait={"for": None, "until": text})
    assert World(flow(definition)).ex.state == "completed"


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("for", "${{ inputs.x }}", "`soon` is no duration"),
        ("until", "${{ inputs.x }}", "`soon` is no time"),
        ("for", "999999999w", "longer than 100 years"),
        ("until", "${{ inputs.gone }}", "gone"),
    ],
)
def test_what_is_no_time_fails_the_step_with_its_text(key: str, text: str, message: str) -> None:
    what = {"for": None, "until": None, key: text}
    definition = step("w", kind="wait", run=None, wait=what)
    world = World(flow(definition), {"x": "soon"})
    assert world.ex.state == "failed"
    assert world.ex.error is not None
    assert world.ex.error["type"] == "expression"
    assert message in world.ex.error["message"]


def test_the_longest_moment_can_be_told() -> None:
    definition = step(
        "w", kind="wait", run=None, wait={"for": None, "until": "9999-12-31T23:59:59Z"}
    )
    world = World(flow(definition))
    assert to_text(world.ex.steps["w"].until_us)
    assert world.ex.state == "running"


def test_a_decision_with_who_and_why_becomes_the_outputs() -> None:
    ask = approve("ok", message="Drop ${{ inputs.what }}?")
    world = World(flow(ask, step("go", "ok", run="x ${{ steps.ok.outputs.by }}")), {"what": "old"})
    assert world.ex.waiting_for == {
        "step": "ok", "kind": "approval", "message": "Drop old?", "role": "operator",
        "until_us": None,
    }  # fmt: skip
    world.do(decide.approval, None, True, "ann", "checked", {"keep": 3})
    found = world.ex.steps["ok"]
    assert found.state == "completed"
    assert found.outputs == {"approved": True, "by": "ann", "comment": "checked", "keep": 3}
    assert world.specs[-1]["text"] == "x ann"


def test_a_rejection_fails_the_step_and_can_be_tolerated_or_looked_at() -> None:
    world = World(
        flow(approve("ok"), step("no", "ok", **{"if": "steps.ok.state == 'failed'"},
                                 waits_for_failure=True), step("yes", "ok"))
    )  # fmt: skip
    world.do(decide.approval, "ok", False, "bob", "too early", {})
    assert world.states() == {"ok": "failed", "no": "running", "yes": "skipped"}
    assert world.ex.steps["ok"].error == {
        "type": "cancelled", "message": "rejected by bob: too early",
    }  # fmt: skip
    assert world.ex.steps["ok"].outputs["approved"] is False


@pytest.mark.parametrize(
    ("on_timeout", "state", "error"),
    [
        ("fail", "failed", "timeout"),
        ("approve", "completed", None),
        ("reject", "failed", "cancelled"),
    ],
)
def test_nobody_decides_in_time(on_timeout: str, state: str, error: str | None) -> None:
    form = [{"name": "keep", "type": "integer", "required": False, "default": 7}]
    world = World(flow(approve("ok", timeout_s=90.0, on_timeout=on_timeout, inputs=form)))
    world.wait_until_due()
    found = world.ex.steps["ok"]
    assert found.state == state
    assert (found.error or {}).get("type") == error
    if on_timeout == "approve":
        assert found.outputs == {
            "keep": 7, "approved": True, "by": "timeout",
            "comment": "nobody decided within 1m30s",
        }  # fmt: skip


def test_what_is_not_asked_cannot_be_decided_and_changes_nothing() -> None:
    world = World(flow(approve("a"), approve("b"), step("c", "a")))
    before = len(world.events)
    for path, kind, words in (
        (None, UsageError, "several steps of sample#1 wait: a, b"),
        ("x", UnknownReference, "has no step 'x'"),
        ("c", Conflict, "c asks nobody; it is pending"),
    ):
        with pytest.raises(kind, match=re.escape(words)):
            world.do(decide.approval, path, True, "me", "", {})
    world.do(decide.approval, "a", True, "me", "", {})
    with pytest.raises(Conflict, match="a waits for no approval; it is completed"):
        world.do(decide.approval, "a", False, "me", "", {})
    world.do(decide.approval, None, True, "me", "", {})
    with pytest.raises(Conflict, match="nothing of sample#1 waits"):
        world.do(decide.approval, None, True, "me", "", {})
    assert len(world.events) > before


def test_cancel_ends_every_wait_and_finally_may_wait_again() -> None:
    world = World(flow(wait("w"), approve("a"), **{"finally": [wait("last", span="5s")]}))
    world.do(decide.cancel, "cancel", "enough")
    assert world.states() == {"w": "cancelled", "a": "cancelled", "last": "waiting"}
    world.wait_until_due()
    assert world.ex.state == "cancelled"
    assert not world.ex.timed
    assert not world.ex.asking


def test_paused_waits_go_on_but_nothing_follows() -> None:
    world = World(flow(wait("w"), wait("x"), step("after", "w"), wait("then", "x")))
    world.do(decide.pause)
    world.wait_until_due()
    world.wait_until_due() if world.ex.timed else None
    assert world.states() == {
        "w": "completed", "x": "completed", "after": "pending", "then": "pending",
    }  # fmt: skip
    world.do(decide.continue_)
    assert world.states()["after"] == "running"
    assert world.states()["then"] == "waiting"


def test_a_retry_asks_anew() -> None:
    world = World(flow(approve("ok")))
    world.do(decide.approval, None, False, "bob", "", {})
    assert world.ex.state == "failed"
    world.do(decide.retry_execution)
    assert world.states() == {"ok": "waiting"}
    assert world.ex.steps["ok"].outputs == {}
    assert world.replayed().asking == {"ok"}


def test_expect_checks_what_was_filled_in() -> None:
    world = World(flow(approve("ok", expect="outputs.keep > 3")))
    world.do(decide.approval, None, True, "ann", "", {"keep": 1})
    assert (world.ex.error or {})["type"] == "expect"
