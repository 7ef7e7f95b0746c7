"""Whole lifetimes from a seed: random flows and fortunes, and what must hold at every moment."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import decide
from engine.core.ledger import DEFAULT_MAX_PARALLEL
from engine.errors import Conflict
from tests.core.flows import approve, flow, step, wait
from tests.core.world import World

FORTUNES = ("ok", "ok", "ok", "fail", "timeout", "interrupted", "never started")
VERBS = ("cancel", "kill", "pause", "continue", "retry", "wait", "approve", "reject")


@st.composite
def flows(draw: st.DrawFn) -> dict[str, Any]:
    """A flow of up to eight steps in any shape, with any policies."""
    steps: list[dict[str, Any]] = []
    for n in range(draw(st.integers(1, 8))):
        earlier = [made["id"] for made in steps]
        needs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
        kind = draw(st.sampled_from([step, step, step, wait, approve]))
        own: dict[str, Any] = {}
        if kind is wait:
            own["span"] = draw(st.sampled_from(["0s", "10s"]))
        elif kind is approve:
            own["timeout_s"] = draw(st.sampled_from([None, 5.0]))
            own["on_timeout"] = draw(st.sampled_from(["fail", "approve", "reject"]))
        steps.append(
            kind(
                f"s{n}", *needs, **own,
                retry={"max_attempts": draw(st.integers(1, 3)),
                       "delay_s": draw(st.sampled_from([0.0, 5.0]))},
                on_interrupt=draw(st.sampled_from(["retry", "fail", "hold"])),
                continue_on_error=draw(st.booleans()),
            )
        )  # fmt: skip
    return flow(
        *steps,
        max_parallel=draw(st.sampled_from([None, 1, 2])),
        fail_fast=draw(st.booleans()),
        timeout_s=draw(st.sampled_from([None, 3.0])),
        **{"finally": draw(st.sampled_from([[], [step("z")], [step("y"), step("z", "y")]]))},
    )


def suffer(world: World, fortune: str, pick: int) -> None:
    """One running attempt meets its fate."""
    if not world.running:
        return
    number = sorted(world.running)[pick % len(world.running)]
    path = world.running[number]["step"]
    if number in world.cancelled:
        world.end(path, outcome="cancelled", exit_code=None, signal="SIGTERM")
    elif fortune == "interrupted":
        del world.running[number]
        world.do(decide.attempt_interrupted, number)
    elif fortune == "never started":
        del world.running[number]
        world.do(decide.attempt_never_started, number)
    elif fortune == "timeout":
        world.end(path, outcome="timeout", exit_code=None, signal="SIGTERM")
    else:
        world.end(path, exit_code=int(fortune == "fail"))


def command(world: World, verb: str) -> None:
    """A person intervenes; what is not possible is refused and changes nothing."""
    before = len(world.events)
    try:
        if verb in ("cancel", "kill"):
            world.do(decide.cancel, verb)
        elif verb == "pause":
            world.do(decide.pause)
        elif verb == "continue":
            world.do(decide.continue_)
        elif verb == "retry":
            world.do(decide.retry_execution)
        elif verb in ("approve", "reject"):
            path = min(world.ex.asking, default=None)
            world.do(decide.approval, path, verb == "approve", "me", "because", {})
        elif decide.next_due_us(world.ex) is not None:
            world.wait_until_due()
    except Conflict:
        assert len(world.events) == before


def check(world: World) -> None:
    """What holds at every moment."""
    ex = world.ex
    running = {s.attempt_number for s in ex.steps.values() if s.is_at_runner}
    assert running == set(world.running), "the picture is true"
    assert ex.running == len(running)
    limit = ex.definition["max_parallel"] or DEFAULT_MAX_PARALLEL
    assert ex.running <= limit
    if ex.has_ended:
        assert not running
        assert all(s.has_ended for s in ex.steps.values())
        assert not ex.held | ex.timed | ex.asking
    for s in ex.steps.values():
        if s.state == "running":
            for need in s.definition["needs"]:
                assert ex.steps[need].is_met
                assert (ex.steps[need].ended_at_us or 0) <= (s.started_at_us or 0)
    assert ex.ended == sum(s.has_ended for s in ex.steps.values())
    assert_same(world)


def assert_same(world: World) -> None:
    """A restarted engine sees exactly what this one sees."""
    fresh, ex = world.replayed(), world.ex
    for name in ("state", "attempt", "error", "running", "ended", "section", "cancelling",
                 "next_attempt_number", "held", "timed", "asking", "open_in_section", "paused_us"):  # fmt: skip
        assert getattr(fresh, name) == getattr(ex, name), name
    for path, s in ex.steps.items():
        for name in (
            "state",
            "attempts",
            "tries",
            "unmet",
            "error",
            "held",
            "handled",
            "ended_at_us",
            "awaited",
            "outputs",
            "duration_ms",
        ):
            assert getattr(fresh.steps[path], name) == getattr(s, name), (path, name)


@settings(max_examples=300, deadline=None)
@given(
    flows(),
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(FORTUNES), st.integers(0, 7)),
            st.tuples(st.sampled_from(VERBS), st.just(0)),
        ),
        max_size=40,
    ),
)
def test_any_lifetime_keeps_its_promises_and_can_be_replayed(
    definition: dict[str, Any], happenings: list[tuple[str, int]]
) -> None:
    world = World(definition)
    check(world)
    for what, pick in happenings:
        if what in VERBS:
            command(world, what)
        else:
            suffer(world, what, pick)
        check(world)
    finish(world)


def finish(world: World) -> None:
    """Left alone, with everything going well, every execution ends."""
    for _ in range(400):
        if world.ex.has_ended:
            break
        if world.running:
            suffer(world, "ok", 0)
        elif world.ex.state == "paused":
            world.do(decide.continue_)
        elif world.ex.held:
            world.do(decide.retry_execution)
        elif world.ex.asking:
            world.do(decide.approval, min(world.ex.asking), True, "me", "", {})
        else:
            world.wait_until_due()
        check(world)
    assert world.ex.has_ended
    ended = [e for e in world.events if e.type == "execution.ended"]
    retried = [e for e in world.events if e.type == "execution.retried"]
    assert len(ended) == len(retried) + 1 == world.ends
