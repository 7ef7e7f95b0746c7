"""Pools over several executions: never too many slots, in order, and the same after a restart."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import decide
from engine.core.ledger import Ledger
from engine.core.state import Execution
from engine.core.turn import CancelAttempt, StartAttempt, Turn
from engine.errors import Conflict
from engine.model import Event
from tests.core.flows import flow, step
from tests.core.world import AROUND, World, end_of


class Town:
    """Some executions, one ledger, one obedient runner."""

    def __init__(self, capacities: dict[str, int]) -> None:
        self.ledger = Ledger(capacities)
        self.worlds: list[World] = []
        self.order: list[str] = []  # of the starts

    def add(self, definition: dict[str, Any]) -> World:
        town, number = self, len(self.worlds) + 1

        class Resident(World):
            def new(self) -> Execution:
                made = super().new()
                made.id, made.ord, made.number = f"e{number}", number, number
                return made

            def do(self, decision: Any, *args: Any, **options: Any) -> None:
                town.take(self, decision, *args, **options)

        world = Resident(definition)
        self.worlds.append(world)
        self.offer()
        return world

    def take(self, world: World, decision: Any, *args: Any, **options: Any) -> None:
        world.now_us = max([world.now_us, *(each.now_us for each in self.worlds)]) + 1000
        turn = Turn(world.ex, world.now_us, AROUND, pools=self.ledger)
        before = list(self.ledger.waiting.values())
        decision(turn, *args, **options)
        world.events += turn.events
        for command in turn.commands:
            if isinstance(command, StartAttempt):
                world.running[command.spec["number"]] = command.spec
                self.order.append(f"{world.ex.id}/{command.spec['step']}")
            elif isinstance(command, CancelAttempt):
                world.cancelled[command.attempt_number] = command.mode
        self.check_order(before, turn.events)

    def check_order(self, before: list[Any], events: list[Event]) -> None:
        """Whoever started has not passed one that asked earlier for the same and could start."""
        for event in events:
            if event.type != "attempt.starting":
                continue
            key = (event.execution, event.data["step"])
            wants = self.ledger.held[key].wants if key in self.ledger.held else {}
            for claim in before:
                if claim.key == key:
                    break
                passed = claim.key in self.ledger.waiting and claim.may_start
                assert not (
                    passed and self.ledger.is_possible(claim) and set(claim.wants) & set(wants)
                )

    def offer(self) -> None:
        """As the scheduler does after each decision."""
        while claims := self.ledger.grantable():
            for claim in claims:
                world = next(each for each in self.worlds if each.ex is claim.execution)
                self.take(world, decide.offered, [claim.step.path])

    def check(self) -> None:
        ledger = self.ledger
        running = {
            (world.ex.id, each.path)
            for world in self.worlds
            for each in world.ex.steps.values()
            if each.state == "running" and each.definition["pools"]
        }
        assert set(ledger.held) == running, "who holds runs, and who runs holds"
        for pool, used in ledger.used.items():
            assert 0 <= used <= ledger.capacities.get(pool, 0)
            assert used == sum(claim.wants[pool] for claim in ledger.holders[pool].values())
        anew = Ledger(ledger.capacities)
        anew.adopt(world.replayed() for world in self.worlds)
        assert list(anew.waiting) == list(ledger.waiting), "the same order after a restart"
        assert anew.held.keys() == ledger.held.keys()


WANTS = st.dictionaries(st.sampled_from(["db", "net"]), st.integers(1, 3), max_size=2)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.lists(WANTS, min_size=1, max_size=5), st.sampled_from([None, 1, 2])),
             min_size=1, max_size=4),
    st.lists(st.tuples(st.sampled_from(["end", "end", "end", "fail", "die", "pause", "continue",
                                        "cancel", "kill", "retry", "due"]),
                       st.integers(0, 30)), max_size=40),
)  # fmt: skip
def test_pools_are_never_overdrawn_nor_leaked_nor_unfair(
    shapes: list[tuple[list[dict[str, int]], int | None]], happenings: list[tuple[str, int]]
) -> None:
    town = Town({"db": 3, "net": 4})
    for wants, limit in shapes:
        steps = [
            step(f"s{n}", pools=each, retry={"max_attempts": 2}) for n, each in enumerate(wants)
        ]
        town.add(flow(*steps, max_parallel=limit))
        town.check()
    for what, pick in happenings:
        happen(town, town.worlds[pick % len(town.worlds)], what, pick)
        town.offer()
        town.check()
    finish(town)


def happen(town: Town, world: World, what: str, pick: int) -> None:
    try:
        if what in ("cancel", "kill"):
            world.do(decide.cancel, what)
        elif what in ("pause", "continue", "retry"):
            verbs = {"pause": decide.pause, "continue": decide.continue_}
            world.do(verbs.get(what, decide.retry_execution))
        elif what == "due":
            world.do(decide.due)
        elif world.running:
            end_one(world, what, pick)
    except Conflict:
        pass


def end_one(world: World, how: str, pick: int) -> None:
    number = sorted(world.running)[pick % len(world.running)]
    del world.running[number]
    if number in world.cancelled:
        end = end_of(world.now_us, outcome="cancelled", exit_code=None)
        world.do(decide.attempt_ended, number, end)
    elif how == "die":
        world.do(decide.attempt_interrupted, number)
    else:
        world.do(decide.attempt_ended, number, end_of(world.now_us, exit_code=int(how == "fail")))


def finish(town: Town) -> None:
    """Left alone, everybody gets its turn."""
    for _ in range(500):
        open_ = [world for world in town.worlds if not world.ex.has_ended]
        if not open_:
            break
        for world in open_:
            if world.ex.state == "paused":
                world.do(decide.continue_)
            elif world.running:
                end_one(world, "end", 0)
            else:
                world.do(decide.due)
            town.offer()
            town.check()
    assert all(world.ex.has_ended for world in town.worlds)
    assert not town.ledger.held
    assert not town.ledger.waiting


def test_a_heavy_step_is_not_starved_by_light_ones() -> None:
    town = Town({"db": 4})
    light = town.add(flow(*(step(f"s{n}", pools={"db": 1}) for n in range(3))))
    heavy = town.add(flow(step("heavy", pools={"db": 4})))
    later = town.add(flow(*(step(f"l{n}", pools={"db": 1}) for n in range(3))))
    assert heavy.states() == {"heavy": "waiting"}
    assert set(later.states().values()) == {"waiting"}, "one slot is free, but it is kept"
    for name in ("s0", "s1", "s2"):
        light.end(name)
        town.offer()
    assert heavy.states() == {"heavy": "running"}
    assert town.order[3:] == ["e2/heavy"]
    heavy.end("heavy")
    town.offer()
    assert set(later.states().values()) == {"running"}


def test_the_order_of_asking_is_that_of_the_events_also_after_a_restart() -> None:
    town = Town({"db": 1})
    town.add(flow(step("a", pools={"db": 1})))
    both = town.add(flow(step("g1"), step("g2"), step("first", needs=["g1"], pools={"db": 1}),
                         step("second", needs=["g2"], pools={"db": 1})))  # fmt: skip
    both.do(decide.pause)
    both.end("g2")
    both.end("g1")
    both.do(decide.continue_)  # both ask in this one turn
    assert [name for _, name in town.ledger.waiting] == ["second", "first"]
    town.check()


def test_a_paused_execution_lets_others_pass_and_keeps_its_place() -> None:
    town = Town({"db": 1})
    first = town.add(flow(step("a", pools={"db": 1})))
    second = town.add(flow(step("b", pools={"db": 1})))
    third = town.add(flow(step("c", pools={"db": 1})))
    second.do(decide.pause)
    first.end("a")
    town.offer()
    assert third.states() == {"c": "running"}
    second.do(decide.continue_)
    town.add(flow(step("d", pools={"db": 1})))
    third.end("c")
    town.offer()
    assert second.states() == {"b": "running"}


def test_what_a_step_waits_for_is_told_in_words() -> None:
    town = Town({"db": 1})
    town.add(flow(step("a", pools={"db": 1})))
    waiting = town.add(flow(step("b", pools={"db": 1})))
    impossible = town.add(flow(step("c", pools={"db": 2})))
    unknown = town.add(flow(step("d", pools={"tape": 1})))
    reasons = [each.ex.steps[name].reason for each, name in
               ((waiting, "b"), (impossible, "c"), (unknown, "d"))]  # fmt: skip
    assert reasons == [
        "pool db: 1 of 1 slots taken by sample#1 a",
        "pool db has 1 slots, and 2 are wanted: raise it under [pools] in config.toml",
        "there is no pool tape: add it under [pools] in config.toml",
    ]
    found = waiting.ex.waiting_for
    assert found is not None
    assert (found["kind"], found["step"], found["pool"]) == ("pool", "b", "db")


def test_steps_without_the_pool_go_on_beside_those_that_wait() -> None:
    town = Town({"db": 1})
    town.add(flow(step("a", pools={"db": 1})))
    other = town.add(flow(step("b", pools={"db": 1}), step("free")))
    assert other.states() == {"b": "waiting", "free": "running"}
