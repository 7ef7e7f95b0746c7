"""Secrets in the core: given after everything else, never to an expression, and not without."""

from __future__ import annotations

from typing import Any

from engine.core import decide
from engine.core.prepare import Surroundings
from engine.core.state import Execution
from engine.core.turn import Ended, StartAttempt, Turn
from tests.core.flows import flow, step


def begun(secrets: dict[str, str] | None, definition: dict[str, Any]) -> tuple[Execution, Turn]:
    execution = Execution(
        id="e", ord=1, flow="sample", number=1, version="v1", source="", definition=definition,
        inputs={"TOKEN": "an input"}, trigger="manual", actor="me", created_at_us=0,
    )  # fmt: skip
    kept = None if secrets is None else {"e": secrets}
    turn = Turn(execution, 1, Surroundings({}, "/work", "/logs", "gen1", secrets=kept))
    decide.begin(turn)
    return execution, turn


def test_a_secret_wins_over_an_input_and_is_no_value_of_an_expression() -> None:
    definition = flow(
        step("s", run="echo ${{ env.TOKEN }}", env={"COPY": "${{ env.TOKEN }}"}),
        secrets=["TOKEN"],
    )
    definition["env"] = {"TOKEN": "of the flow"}
    _, turn = begun({"TOKEN": "the secret"}, definition)
    (started,) = [each for each in turn.commands if isinstance(each, StartAttempt)]
    assert started.spec["env"]["TOKEN"] == "the secret"
    assert started.spec["env"]["COPY"] == "of the flow"
    assert "the secret" not in started.spec["text"]


def test_a_missing_one_ends_the_execution_before_its_first_step() -> None:
    definition = flow(step("a"), step("b", "a"), secrets=["ONE", "TWO", "THREE"])
    execution, turn = begun({"TWO": "xxxx"}, definition)
    assert execution.state == "failed"
    assert execution.error is not None
    assert "ONE, THREE" in execution.error["message"]
    assert {each.state for each in execution.steps.values()} == {"skipped"}
    assert [type(each) for each in turn.commands] == [Ended]


def test_a_simulation_has_none_and_needs_none() -> None:
    execution, _ = begun(None, flow(step("a"), secrets=["ONE"]))
    assert execution.state == "running"
