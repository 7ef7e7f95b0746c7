"""How an attempt ended, and whether another one follows. Pure."""

from __future__ import annotations

from typing import Any

from engine.core import retry
from engine.core.cancelling import fail_fast
from engine.core.names import names_of
from engine.core.prepare import NeedsSandbox, evaluate
from engine.core.state import StepState
from engine.core.turn import Turn
from engine.errors import ExpressionError


def conclude(
    turn: Turn,
    step: StepState,
    state: str,
    error: dict[str, Any] | None,
    *,
    number: int,
    **facts: Any,
) -> None:
    """Record how an attempt ended, and whether another one follows."""
    data: dict[str, Any] = {
        "step": step.path,
        "number": number,
        "state": state,
        "error": error,
        **facts,
    }
    if state in ("failed", "interrupted") and not turn.execution.cancelling:
        data |= _after_failure(turn, step, state, error or {})
    turn.emit("attempt.ended", **data)
    if step.state in ("failed", "interrupted"):
        fail_fast(turn, step)


def _after_failure(
    turn: Turn, step: StepState, state: str, error: dict[str, Any]
) -> dict[str, Any]:
    """What a failed attempt leads to: a later attempt, a hold, or the end of the step."""
    definition, policy = step.definition, step.definition["retry"]
    again = step.tries < policy["max_attempts"]
    if state == "interrupted":
        if definition["on_interrupt"] == "hold":
            return {"held": True, "reason": "interrupted; waits for an operator"}
        again = again and definition["on_interrupt"] == "retry"
    else:
        again = again and retry.matches(policy["on"], error["type"])
    if not again:
        return {"handled": definition["continue_on_error"] and state == "failed"}
    delay_us = retry.delay_us(policy, step.tries, f"{turn.execution.id}/{step.path}")
    return {
        "state": "waiting",
        "retry_at_us": turn.now_us + delay_us,
        "reason": f"{error['type']}: attempt {step.tries + 1} of {policy['max_attempts']} "
        f"in {delay_us / 1e6:g} s",
    }


def end_step(
    turn: Turn, step: StepState, state: str, error: dict[str, Any] | None = None, **facts: Any
) -> None:
    """Record the end of a step that had no attempt, and what follows from a failure."""
    if state == "failed":
        facts["handled"] = step.definition["continue_on_error"]
    turn.emit("step.ended", step=step.path, state=state, error=error, **facts)
    if state == "failed":
        fail_fast(turn, step)


def fail_without_attempt(
    turn: Turn, step: StepState, message: str, error_type: str = "expression"
) -> None:
    """A step failed before it could start."""
    end_step(turn, step, "failed", {"type": error_type, "message": message})


def check_expectation(
    turn: Turn, step: StepState, end: dict[str, Any]
) -> tuple[str, dict[str, Any] | None]:
    """`expect`: a step whose outputs are not as they should be has failed."""
    ex, text = turn.execution, step.definition["expect"]
    names = names_of(ex, step, ex.environment or {}, turn.now_us)
    names["outputs"] = end.get("outputs") or {}
    try:
        value = evaluate(ex, step, text, names)
    except NeedsSandbox:
        return "failed", {"type": "expect", "message": f"expect: {text}: too much data to check"}
    except ExpressionError as error:
        return "failed", {"type": "expect", "message": f"expect: {error.message}"}
    if value is True:
        return "completed", None
    outputs = ", ".join(f"{name} = {item!r}" for name, item in names["outputs"].items())
    return "failed", {
        "type": "expect",
        "message": f"expect: {text} is false; {outputs or 'no outputs'}",
    }
