"""`expect` of a flow: an execution whose steps went well may fail all the same."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core import decide
from engine.core.turn import Evaluate, Turn
from engine.flowfile import compile_flow
from engine.rehearsal.trials import run_tests
from tests.core.flows import flow, step
from tests.core.world import AROUND, World

EXPECT = "outputs.size > 3 && steps.a.state == 'completed'"
SIZE = {"size": "${{ steps.a.outputs.size }}"}


def world(**changes: Any) -> World:
    found = World(flow(step("a"), **{"expect": EXPECT, "outputs": SIZE, **changes}))
    return found


@pytest.mark.parametrize(("size", "state"), [(4, "completed"), (3, "failed")])
def test_what_the_steps_came_to_decides(size: int, state: str) -> None:
    found = world()
    found.end("a", outputs={"size": size})
    assert found.ex.state == state
    if state == "failed":
        assert found.ex.error is not None
        assert (found.ex.error["type"], found.ex.error["step"]) == ("expect", None)
        assert EXPECT in found.ex.error["message"]
        assert "outputs.size" in found.ex.error["message"]
        assert "3" in found.ex.error["message"]


def test_on_failure_runs_then_and_on_success_does_not() -> None:
    found = world(on_failure=[step("tell")], on_success=[step("cheer")], **{"finally": [step("z")]})
    found.end("a", outputs={"size": 1})
    assert found.states() == {
        "a": "completed",
        "tell": "running",
        "cheer": "pending",
        "z": "pending",
    }
    fresh = found.replayed()
    assert fresh.unexpected == found.ex.unexpected
    found.end("tell")
    found.end("z")
    assert found.ex.state == "failed"
    assert found.states()["cheer"] == "skipped"


def test_a_failed_step_is_the_error_and_expect_is_not_asked() -> None:
    found = world()
    found.end("a", exit_code=1)
    assert (found.ex.error or {})["type"] == "exit:1"


def test_it_is_asked_again_after_a_retry() -> None:
    found = world()
    found.end("a", outputs={"size": 1})
    found.do(decide.retry_execution)
    assert found.ex.state == "failed"
    assert (found.ex.error or {})["type"] == "expect"


def test_what_fails_to_evaluate_is_told() -> None:
    found = world(expect="outputs.gone > 1")
    found.end("a", outputs={"size": 1})
    assert (found.ex.error or {})["type"] == "expect"
    assert "gone" in (found.ex.error or {})["message"]


def test_what_is_costly_is_answered_by_the_sandbox() -> None:
    found = world(expect="size(outputs.size) > 0", outputs={"size": "${{ steps.a.outputs.size }}"})
    number = found.number_of("a")
    turn = Turn(found.ex, found.now_us, AROUND)
    end = {"outcome": "exited", "exit_code": 0, "ended_at": 1.0, "wall_s": 0.0,
           "outputs": {"size": list(range(5000))}}  # fmt: skip
    decide.attempt_ended(turn, number, end)
    asked = [command for command in turn.commands if isinstance(command, Evaluate)]
    if asked:  # else this version finds it light
        assert not found.ex.has_ended
        turn = Turn(found.ex, found.now_us, AROUND)
        decide.evaluated(turn, "", asked[0].text, True, None)
    assert found.ex.state == "completed"


def test_a_flow_file_with_one_and_its_test() -> None:
    text = """
name: whole
steps: [{id: a, run: make}]
expect: outputs.size > 3
outputs: {size: "${{ steps.a.outputs.size }}"}
tests:
  - {name: small, mock: {a: {outputs: {size: 1}}}, expect: {state: failed, error: expect}}
  - {name: large, mock: {a: {outputs: {size: 9}}}, expect: {state: completed}}
"""
    found = run_tests(compile_flow(text.encode(), "/whole.yaml"))
    assert [trial.passed for trial in found] == [True, True], found
