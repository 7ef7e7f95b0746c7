"""Attempts that wait in the runner for a place: whole lifetimes beside a runner that keeps a line."""

from __future__ import annotations

from collections import deque
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import decide
from engine.core.ledger import max_parallel
from engine.core.lining import DEPTH, places
from engine.core.state import Execution
from engine.core.turn import CancelAttempt, Ended, Gather, StartAttempt, Turn
from engine.errors import Conflict
from tests.core.flows import batch, flow, step
from tests.core.test_lifetimes import assert_same
from tests.core.world import AROUND, World, end_of

BRISK = {"wall_s": 0.001}


class LineWorld(World):
    """A world whose runner begins what is in line by itself, and tells of it late or never."""

    def __init__(self, definition: dict[str, Any]) -> None:
        self.line: deque[dict[str, Any]] = deque()
        self.begun_at: dict[int, float] = {}
        super().__init__(definition)

    def do(self, decision: Any, *args: Any, **options: Any) -> None:
        self.now_us += 1000
        turn = Turn(self.ex, self.now_us, AROUND, lines=True)
        decision(turn, *args, **options)
        self.events += turn.events
        for command in turn.commands:
            self.carry_out(command)
        self.refill()
        for command in turn.commands:
            if isinstance(command, Gather):
                self.do(decide.gathered, command.step, len(command.source["values"]), None)

    def carry_out(self, command: Any) -> None:
        if isinstance(command, StartAttempt):
            number = command.spec["number"]
            assert number not in {spec["number"] for spec in self.specs}, "started twice"
            self.specs.append(command.spec)
            if command.spec.get("at_most"):
                self.line.append(command.spec)
            else:
                self.begin(command.spec)
        elif isinstance(command, CancelAttempt):
            self.cancelled[command.attempt_number] = command.mode
        elif isinstance(command, Ended):
            self.ends += 1

    def begin(self, spec: dict[str, Any]) -> None:
        self.running[spec["number"]] = spec
        self.begun_at[spec["number"]] = self.now_us / 1e6

    def refill(self) -> None:
        while self.line and len(self.running) < self.line[0]["at_most"]:
            self.begin(self.line.popleft())

    # -- what may happen -------------------------------------------------------------------

    def end_one(self, pick: int, **facts: Any) -> None:
        """Something that runs ends; the place is taken before anybody hears of it."""
        if not self.running:
            return
        number = sorted(self.running)[pick % len(self.running)]
        del self.running[number]
        began_at = self.begun_at[number]
        self.refill()
        if self.cancelled.get(number) in ("term", "kill"):
            facts = {"outcome": "cancelled", "exit_code": None, "wall_s": 0.01}
            began_at -= 0.01  # it ran for a moment
        end = end_of(self.now_us + 900, began_at=began_at, **{**BRISK, **facts})
        self.do(decide.attempt_ended, number, end)

    def settle_the_line(self) -> None:
        """The runner hears of cancels: what is in line ends without a begin."""
        for spec in [s for s in self.line if s["number"] in self.cancelled]:
            self.line.remove(spec)
            mode = self.cancelled[spec["number"]]
            outcome = "recalled" if mode == "recall" else "cancelled"
            at = (self.now_us + 900) / 1e6
            end = end_of(self.now_us, outcome=outcome, exit_code=None, wall_s=0.0,
                         began_at=at, ended_at=at)  # fmt: skip
            self.do(decide.attempt_ended, spec["number"], end)

    def runner_dies(self) -> None:
        running, line = dict(self.running), list(self.line)
        self.running.clear()
        self.line.clear()
        for number in running:
            self.do(decide.attempt_began, number, self.begun_at[number])
            self.do(decide.attempt_interrupted, number)
        for spec in line:
            self.do(decide.attempt_never_started, spec["number"])


@st.composite
def wide_flows(draw: st.DrawFn) -> dict[str, Any]:
    """Many steps side by side, some of which need others."""
    n = draw(st.integers(4, 40))
    steps = []
    for i in range(n):
        need = draw(st.integers(0, i - 1)) if i and draw(st.integers(0, 4)) == 0 else None
        kind, own = step, {}
        if draw(st.integers(0, 9)) == 0:
            kind, own = batch, {"items": list(range(draw(st.integers(0, 5)))), "tolerate": 3}
        steps.append(
            kind(
                f"s{i}", *([f"s{need}"] if need is not None else []), **own,
                retry={"max_attempts": draw(st.integers(1, 2))},
                on_interrupt=draw(st.sampled_from(["retry", "fail", "hold"])),
                continue_on_error=draw(st.booleans()),
            )
        )  # fmt: skip
    return flow(
        *steps,
        max_parallel=draw(st.integers(1, 3)),
        timeout_s=draw(st.sampled_from([None, None, 3.0])),
        **{"finally": draw(st.sampled_from([[], [step("z")]]))},
    )


def check(world: LineWorld) -> None:
    """What holds at every moment."""
    ex = world.ex
    limit = max_parallel(ex)
    running = {
        s.attempt_number for s in ex.steps.values() if s.state == "running" and not s.is_group
    }
    lined = {s.attempt_number for s in ex.steps.values() if s.is_lined_up}
    in_line = {spec["number"] for spec in world.line}
    assert ex.running == len(running)
    assert ex.lined == len(lined) <= DEPTH
    assert running <= set(world.running), "nothing is shown as running that does not run"
    assert running | lined == set(world.running) | in_line, "nothing is forgotten"
    assert len(world.running) <= limit, "never one too many, whatever was told"
    assert len(world.running) <= places(ex) <= limit, "and nobody else is given the place"
    for s in ex.steps.values():
        if s.state == "running":
            for need in s.definition["needs"]:
                assert (ex.steps[need].ended_at_us or 0) <= (s.started_at_us or 0)
        if s.is_lined_up:
            assert s.state in ("pending", "waiting")
        if not s.is_group:
            assert s.tries <= s.definition["retry"]["max_attempts"], "tried once too often"
    if ex.has_ended:
        assert not running | lined
        assert all(s.has_ended for s in ex.steps.values())
    if ex.waiting_for is not None:
        assert not world.running
    assert ex.ended == sum(s.has_ended for s in ex.steps_by_id.values())
    followed = world.followed()
    assert_same(followed, ex)
    assert followed.lined == ex.lined


def happen(world: LineWorld, what: str, pick: int) -> None:
    try:
        if what == "fail":
            world.end_one(pick, exit_code=1)
        elif what == "slow":
            world.end_one(pick, wall_s=3.0)
        elif what == "began" and world.running:
            number = sorted(world.running)[pick % len(world.running)]
            world.do(decide.attempt_began, number, world.begun_at[number])
        elif what == "died":
            world.runner_dies()
        elif what in ("cancel", "kill"):
            world.do(decide.cancel, what)
        elif what == "pause":
            world.do(decide.pause)
            if pick % 2:
                world.settle_the_line()
        elif what == "continue":
            world.settle_the_line()
            world.do(decide.continue_)
        elif what == "retry":
            world.do(decide.retry_execution)
        elif what == "settle":
            world.settle_the_line()
        elif what == "wait" and decide.next_due_us(world.ex) is not None:
            world.wait_until_due()
        else:
            world.end_one(pick)
    except Conflict:
        pass


HAPPENINGS = ("ok",) * 12 + (
    "fail", "slow", "began", "began", "died", "cancel", "kill", "pause", "continue", "retry",
    "settle", "wait",
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    wide_flows(),
    st.lists(st.tuples(st.sampled_from(HAPPENINGS), st.integers(0, 7)), max_size=60),
)
def test_a_line_never_overtakes_what_was_decided(
    definition: dict[str, Any], happenings: list[tuple[str, int]]
) -> None:
    world = LineWorld(definition)
    for what, pick in happenings:
        happen(world, what, pick)
        check(world)
    assert_same(world.replayed(), world.ex)  # the engine is killed in the middle of it all
    finish(world)
    assert_same(world.replayed(), world.ex)


def finish(world: LineWorld) -> None:
    """Left alone, everything ends."""
    for _ in range(600):
        if world.ex.has_ended:
            break
        world.settle_the_line()
        if world.running:
            world.end_one(0)
        elif world.ex.state == "paused":
            world.do(decide.continue_)
        elif world.ex.held:
            world.do(decide.retry_execution)
        elif not world.ex.has_ended:
            world.wait_until_due()
        check(world)
    assert world.ex.has_ended


def fan(n: int, at_once: int, **changes: Any) -> dict[str, Any]:
    return flow(*(step(f"s{i}") for i in range(n)), max_parallel=at_once, **changes)


def lined(ex: Execution) -> list[str]:
    return [s.path for s in ex.steps.values() if s.is_lined_up]


def test_short_steps_are_lined_up_and_show_what_is_known() -> None:
    world = LineWorld(fan(40, 2))
    assert lined(world.ex) == [], "nobody knows yet that they are short"
    world.end_one(0)
    assert world.ex.lined == DEPTH
    world.end_one(0)
    assert [path for path, state in world.states().items() if state == "running"] == ["s2"]
    first = world.ex.steps["s3"]
    assert (first.state, first.attempts, first.started_at_us) == ("pending", 0, None)
    (number,) = [n for n, spec in world.running.items() if spec["step"] == "s3"]
    world.do(decide.attempt_began, number, world.begun_at[number])
    assert (first.state, first.attempts) == ("running", 1)
    assert first.started_at_us == round(world.begun_at[number] * 1e6)


def test_what_fails_in_line_was_tried_as_what_is_started_at_once() -> None:
    for most in (1, 2):
        steps = (step(f"s{i}", retry={"max_attempts": most}) for i in range(6))
        world = LineWorld(flow(*steps, max_parallel=2))
        for _ in range(6 * most + 1):
            world.end_one(0, exit_code=1)
            world.end_one(0, exit_code=1)
            if not world.running and not world.ex.has_ended:
                world.wait_until_due()
        assert {s.attempts for s in world.ex.steps.values()} == {most}
        assert world.ex.state == "failed"


def test_long_steps_a_debugged_execution_and_fail_fast_have_no_line() -> None:
    slow = LineWorld(fan(40, 2))
    slow.end_one(0, wall_s=1.0)
    hasty = LineWorld(fan(40, 2, fail_fast=True))
    hasty.end_one(0)
    debugged = LineWorld(fan(40, 2))
    debugged.do(decide.set_debug, True)
    debugged.end_one(0)
    pooled = LineWorld(flow(*(step(f"s{i}", pools={"p": 1} if i > 1 else {}) for i in range(9)),
                            max_parallel=1))  # fmt: skip
    pooled.end_one(0)
    for world in (slow, hasty, debugged, pooled):
        assert lined(world.ex) == []


def test_a_pause_takes_the_line_back_and_the_steps_keep_their_order() -> None:
    world = LineWorld(fan(12, 1))
    world.end_one(0)
    assert lined(world.ex) == [f"s{i}" for i in range(2, 12)]
    world.end_one(0)
    waiting = lined(world.ex)
    world.do(decide.pause)
    world.settle_the_line()
    assert lined(world.ex) == ["s2"], "that one had begun by then"
    world.end_one(0)
    assert not world.running
    assert all(world.ex.steps[path].attempts == 0 for path in waiting[1:])
    world.do(decide.continue_)
    while not world.ex.has_ended:
        world.end_one(0)
    assert world.ex.state == "completed"
    begun = [spec["step"] for spec in world.specs if spec["number"] in world.begun_at]
    assert begun == [f"s{i}" for i in range(12)]
    assert all(s.attempts == 1 for s in world.ex.steps.values())


def test_a_cancel_ends_what_is_in_line_without_a_start() -> None:
    world = LineWorld(fan(12, 1))
    world.end_one(0)
    world.do(decide.cancel, "cancel")
    assert not world.ex.has_ended, "the runner has to say that none of them has begun"
    world.settle_the_line()
    world.end_one(0)
    assert world.ex.state == "cancelled"
    states = world.states()
    assert states.pop("s0") == "completed"
    assert set(states.values()) == {"cancelled"}
    never = world.ex.steps["s5"]
    assert (never.attempts, never.started_at_us) == (0, None)
