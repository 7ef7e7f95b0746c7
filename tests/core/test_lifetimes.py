"""Whole lifetimes from a seed: random flows and fortunes, and what must hold at every moment."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import calling, decide
from engine.core.ledger import DEFAULT_MAX_PARALLEL
from engine.core.state import Execution, StepState
from engine.errors import Conflict
from engine.model import SECTIONS
from tests.core.flows import approve, batch, call, flow, step, wait
from tests.core.world import World

FORTUNES = ("ok", "ok", "ok", "fail", "some items", "timeout", "interrupted", "never started")
VERBS = ("cancel", "kill", "pause", "continue", "retry", "wait", "approve", "reject")


@st.composite
def flows(draw: st.DrawFn) -> dict[str, Any]:
    """A flow of some steps in any shape, nested and with error paths, with any policies."""
    makers = Makers(draw)
    steps = makers.several("s", None, None, draw(st.integers(1, 6)), levels=2)
    sections = ("on_failure", "on_success", "on_cancel", "finally")
    return flow(
        *steps,
        max_parallel=draw(st.sampled_from([None, 1, 2])),
        fail_fast=draw(st.booleans()),
        timeout_s=draw(st.sampled_from([None, 3.0])),
        **{
            name: makers.several(name, None, None, draw(st.integers(0, 2)), levels=1)
            for name in sections
        },
    )


class Makers:
    """Draws steps, groups and handlers, flat in the order of a file."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.made = 0

    def several(
        self, name: str, parent: str | None, clause: int | None, n: int, levels: int
    ) -> list[dict[str, Any]]:
        """`n` steps beside each other, each after what is inside of the one before."""
        found: list[dict[str, Any]] = []
        beside: list[str] = []
        for _ in range(n):
            needs = (
                self.draw(st.lists(st.sampled_from(beside), unique=True, max_size=3))
                if beside
                else []
            )
            found += self.one(name, parent, clause, needs, levels)
            beside.append(next(
                made["path"] for made in reversed(found)
                if (made["parent"], made["clause"]) == (parent, clause)
            ))  # fmt: skip
        return found

    def one(
        self, name: str, parent: str | None, clause: int | None, needs: list[str], levels: int
    ) -> list[dict[str, Any]]:
        draw = self.draw
        self.made += 1
        step_id = f"{name}{self.made}"
        path = f"{parent}/{step_id}" if parent else step_id
        is_group = levels > 0 and draw(st.integers(0, 3)) == 0
        clauses = draw(st.integers(0, 2)) if levels > 0 and draw(st.booleans()) else 0
        kind, own = self.kind(is_group)
        made = kind(
            step_id, *needs, path=path, parent=parent, clause=clause, **own,
            retry={"max_attempts": draw(st.integers(1, 3)),
                   "delay_s": draw(st.sampled_from([0.0, 5.0]))},
            on_interrupt=draw(st.sampled_from(["retry", "fail", "hold"])),
            continue_on_error=draw(st.booleans()),
            on_error=[
                {"match": [draw(st.sampled_from(["any", "timeout", "exit:1", "interrupted"]))],
                 "then": draw(st.sampled_from(["continue", "fail"]))}
                for _ in range(clauses)
            ],
            **{"if": draw(st.sampled_from([None, None, None, "inputs.yes", "!inputs.yes"]))},
        )  # fmt: skip
        inside: list[dict[str, Any]] = []
        for number in ([None] if is_group else []) + list(range(clauses)):  # type: ignore[list-item]
            inside += self.several(name, path, number, draw(st.integers(1, 3)), levels - 1)
        return [made, *inside]

    def kind(self, is_group: bool) -> tuple[Any, dict[str, Any]]:
        """What makes a step of a kind, and what only that kind has."""
        draw = self.draw
        if is_group:
            return step, {"kind": draw(st.sampled_from(["parallel", "steps"]))}
        kind = draw(st.sampled_from([step, step, step, wait, approve, call, batch]))
        if kind is batch:
            return kind, {
                "items": list(range(draw(st.integers(0, 7)))),
                "size": draw(st.integers(1, 3)),
                "batch_parallel": draw(st.sampled_from([None, 1])),
                "tolerate": draw(st.sampled_from([0, 2])),
            }
        if kind is wait:
            return kind, {"span": draw(st.sampled_from(["0s", "10s"]))}
        if kind is approve:
            return kind, {
                "timeout_s": draw(st.sampled_from([None, 5.0])),
                "on_timeout": draw(st.sampled_from(["fail", "approve", "reject"])),
            }
        return kind, {}


def suffer(world: World, fortune: str, pick: int) -> None:
    """One running attempt, or called execution, meets its fate."""
    if world.called and (pick % 2 or not world.running):
        suffer_elsewhere(world, fortune, pick)
        return
    if not world.running:
        return
    number = sorted(world.running)[pick % len(world.running)]
    spec = world.running[number]
    path = spec["step"]
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
    elif fortune == "some items" and "batch" in spec:
        numbers = spec["batch"]["numbers"]
        world.end(path, exit_code=pick % 2, failed_items=[[numbers[0][0]] * 2])
    else:
        world.end(path, exit_code=int(fortune in ("fail", "some items")))


def suffer_elsewhere(world: World, fortune: str, pick: int) -> None:
    path = sorted(world.called)[pick % len(world.called)]
    called = world.called[path]
    if called.execution in world.ended_by_caller:
        del world.ended_by_caller[called.execution]
        world.end_child(path, "cancelled")
    elif fortune == "never started":
        del world.called[path]
        world.do(calling.child_never_started, path, called.execution)
    elif fortune == "interrupted":
        del world.called[path]
        refusal = {"type": "start_failed", "message": "there is no flow"}
        world.do(calling.child_refused, path, called.execution, refusal)
    else:
        states = {"ok": "completed", "fail": "failed", "timeout": "partial", "some items": "failed"}
        world.end_child(path, states.get(fortune, "failed"))


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
    assert ex.calls == len(world.called)
    limit = ex.definition["max_parallel"] or DEFAULT_MAX_PARALLEL
    assert ex.in_hands <= limit
    if ex.has_ended:
        assert not running
        assert all(s.has_ended for s in ex.steps.values())
        assert not ex.held | ex.timed | ex.asking
    for s in ex.steps.values():
        check_nested(world, s)
        if s.state == "running":
            for need in s.definition["needs"]:
                assert ex.steps[need].is_met
                assert (ex.steps[need].ended_at_us or 0) <= (s.started_at_us or 0)
    assert ex.ended == sum(s.has_ended for s in ex.steps_by_id.values())
    check_batches(world)
    assert_same(world.followed(), ex)


def check_batches(world: World) -> None:
    """Every item is done, failed, at work or to come; none is given twice at a time."""
    ex = world.ex
    for s in ex.steps_by_id.values():
        batches = s.batches
        if batches is None:
            continue
        inside = [
            one for one in ex.steps.values() if one.number is not None and one.parent == s.path
        ]
        running = [one for one in inside if one.state == "running"]
        assert batches.running == len(running)
        assert batches.open == sum(not one.has_ended for one in inside)
        limit = s.definition["batch"]["max_parallel"]
        assert limit is None or batches.running <= limit
        assert not (set(batches.failed) & {one.number for one in running})
        given = [
            spec["batch"]["numbers"]
            for spec in world.running.values()
            if "batch" in spec and spec["step"].startswith(s.path + "/")
        ]
        numbers = [n for ranges in given for first, last in ranges for n in range(first, last + 1)]
        assert len(numbers) == len(set(numbers))
        if s.state == "completed":
            assert not batches.failed
            assert not batches.has_more
            assert world.done[s.path] == set(range(batches.total))
            assert s.outputs["items"] == batches.total


def check_nested(world: World, s: StepState) -> None:
    """What is inside of another runs only while that is at work, and is over before it."""
    ex = world.ex
    if s.number is None and s.parent is not None and s.state in ("running", "waiting"):
        outer = ex.steps[s.parent]
        assert outer.handling == s.definition["clause"]
        assert outer.state == "running" if s.definition["clause"] is None else not outer.has_ended
    if s.path in ex.children and s.has_ended and SECTIONS[ex.section] == s.section:
        assert all(ex.steps[path].has_ended for path in ex.children[s.path])
    if s.handled and not s.tolerated:
        assert s.state in ("failed", "interrupted")


def assert_same(fresh: Execution, ex: Execution) -> None:
    """What the events alone make is exactly what this engine sees."""
    for name in ("state", "attempt", "error", "running", "calls", "ended", "section", "cancelling",
                 "next_attempt_number", "held", "timed", "asking", "failure", "cancel_section",
                 "open_in_section", "paused_us"):  # fmt: skip
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
            "handling",
            "tolerated",
            "open_children",
            "ended_at_us",
            "awaited",
            "child",
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
    st.lists(
        st.sampled_from(("ok", "ok", "fail", "some items", "timeout")), min_size=1, max_size=7
    ),
)
def test_any_lifetime_keeps_its_promises_and_can_be_replayed(
    definition: dict[str, Any], happenings: list[tuple[str, int]], fates: list[str]
) -> None:
    world = World(definition, {"yes": True})
    check(world)
    for what, pick in happenings:
        if what in VERBS:
            command(world, what)
        else:
            suffer(world, what, pick)
        check(world)
    assert_same(world.replayed(), world.ex)  # the engine is killed in the middle of it all
    finish(world, fates)
    assert_same(world.replayed(), world.ex)


def finish(world: World, fates: list[str]) -> None:
    """Left alone, every execution ends, whatever its steps come to."""
    for turn in range(600):
        if world.ex.has_ended:
            break
        if world.running or world.called:
            suffer(world, fates[turn % len(fates)], 0)
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
