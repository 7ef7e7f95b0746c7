"""Expressions that are too costly for the core: it asks, goes on, and takes the answer."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core import decide
from engine.core.turn import Evaluate
from tests.core.flows import flow, step
from tests.core.world import World

FILES = {"files": [str(n) for n in range(2000)]}
COSTLY = "size(outputs.files.filter(f, f.endsWith('9'))) > 5"


def asked(world: World) -> list[Evaluate]:
    return [command for command in world.commands if isinstance(command, Evaluate)]


def answer(world: World, value: Any, error: str | None = None) -> None:
    question = asked(world)[-1]
    world.do(decide.evaluated, question.step, question.text, value, error)


def checking() -> World:
    """A step has ended, and its `expect` waits for the answer."""
    world = World(flow(step("a", expect=COSTLY), step("b", "a")))
    world.end("a", outputs=FILES)
    assert [question.text for question in asked(world)] == [COSTLY]
    assert world.states() == {"a": "running", "b": "pending"}
    return world


@pytest.mark.parametrize(
    ("value", "error", "states"),
    [
        (True, None, {"a": "completed", "b": "running"}),
        (False, None, {"a": "failed", "b": "skipped"}),
        (None, "it takes more than 1 s", {"a": "failed", "b": "skipped"}),
    ],
)
def test_an_expectation_over_much_data_is_answered(
    value: Any, error: str | None, states: dict[str, str]
) -> None:
    world = checking()
    before_us = world.now_us
    world.now_us += 400_000
    answer(world, value, error)
    assert world.states() == states
    assert world.ex.steps["a"].ended_at_us is not None
    assert world.ex.steps["a"].ended_at_us <= before_us  # it ended then, not when it was known
    assert world.ex.steps["a"].outputs == FILES
    assert world.replayed().steps["a"].outputs == FILES


def test_a_false_expectation_tells_every_value_that_it_looked_at() -> None:
    world = World(flow(step("a", expect="outputs.n > inputs.least")), {"least": 5})
    world.end("a", outputs={"n": 3, "other": 4})
    error = world.ex.steps["a"].error
    assert error is not None
    assert error["message"] == (
        "expect: outputs.n > inputs.least is false; "
        "outputs.n = 3 (integer), inputs.least = 5 (integer)"
    )


def test_an_end_that_is_recorded_is_not_lost_with_the_engine_that_asked() -> None:
    world = checking()
    world.ex = world.replayed()
    number = world.ex.steps["a"].attempt_number
    for decision in (decide.attempt_interrupted, decide.attempt_never_started):
        world.do(decision, number)  # its runner is gone, and has forgotten what was recorded
    assert world.states() == {"a": "running", "b": "pending"}
    world.do(decide.due)
    assert len(asked(world)) == 2
    world.do(decide.due)
    assert len(asked(world)) == 2
    answer(world, True)
    assert world.states() == {"a": "completed", "b": "running"}


def test_a_cancel_waits_for_the_answer_and_sends_nothing_to_a_process_that_has_ended() -> None:
    world = checking()
    world.do(decide.cancel, "cancel")
    assert world.cancelled == {}
    answer(world, True)
    assert world.states() == {"a": "completed", "b": "cancelled"}
    assert world.ex.state == "cancelled"


def with_outputs() -> World:
    outputs = {"n": "${{ size(steps.a.outputs.files.filter(f, f.endsWith('9'))) }}"}
    world = World(flow(step("a"), outputs=outputs))
    world.end("a", outputs=FILES)
    assert (world.ex.state, len(asked(world))) == ("running", 1)
    return world


def test_outputs_of_a_flow_over_much_data_are_answered() -> None:
    world = with_outputs()
    world.do(decide.due)
    assert len(asked(world)) == 1
    answer(world, 200)
    assert (world.ex.state, world.ex.outputs) == ("completed", {"n": 200})


def test_outputs_of_a_flow_that_cannot_be_told_fail_it() -> None:
    world = with_outputs()
    answer(world, None, "it takes more than 1 s")
    assert (world.ex.state, (world.ex.error or {})["type"]) == ("failed", "expression")


def test_outputs_of_a_flow_are_asked_for_again_by_the_next_engine() -> None:
    world = with_outputs()
    world.ex = world.replayed()
    world.do(decide.due)
    assert len(asked(world)) == 2
    answer(world, 200)
    assert world.ex.state == "completed"


def test_who_cancels_does_not_wait_for_the_outputs() -> None:
    world = with_outputs()
    world.do(decide.cancel, "cancel")
    assert world.ex.state == "cancelled"
    answer(world, 200)
    assert world.ex.outputs == {}
