"""How an attempt ended, and whether another one follows. Pure."""

from __future__ import annotations

from typing import Any

from engine import expression
from engine.core import retry
from engine.core.cancelling import fail_fast, is_unwanted
from engine.core.items import judged
from engine.core.names import names_of
from engine.core.nesting import consequences
from engine.core.prepare import Environment, NeedsSandbox, batches_of, evaluate, resolve
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
    if step.number is not None and state != "waiting":
        batches = batches_of(turn.execution, step)
        everything = batches.items_of(step.number)
        state, error, facts["failed"] = judged(everything, state, error, facts.get("end") or {})
    data: dict[str, Any] = {
        "step": step.path,
        "number": number,
        "state": state,
        "error": error,
        **facts,
    }
    if state in ("failed", "interrupted") and not is_unwanted(turn.execution, step):
        said = (facts.get("end") or {}).get("error") or {}
        data |= after_failure(turn, step, state, error or {}, said.get("retry_after_s") or 0)
    if (
        step.number is not None
        and data["state"] == "failed"
        and batches_of(turn.execution, step).is_part(step.number, facts["failed"])
    ):
        data["state"] = "partial"
    turn.emit("attempt.ended", **data)
    if step.state in ("failed", "interrupted"):
        fail_fast(turn, step)


def after_failure(
    turn: Turn, step: StepState, state: str, error: dict[str, Any], asked_s: float = 0
) -> dict[str, Any]:
    """What a failed attempt leads to: a later attempt, a hold, or the end of the step.

    `asked_s` is how long the other side wants to be left alone.
    """
    definition, policy = step.definition, step.definition["retry"]
    tries = step.tries + step.is_lined_up  # that it has begun is told with its end
    again = tries < policy["max_attempts"]
    if state == "interrupted":
        if definition["on_interrupt"] == "hold":
            return {"held": True, "reason": "interrupted; waits for an operator"}
        again = again and definition["on_interrupt"] == "retry"
    else:
        again = again and retry.matches(policy["on"], error["type"])
    if not again:
        return consequences(turn, step, state, error)
    delay_us = retry.delay_us(policy, tries, f"{turn.execution.id}/{step.path}")
    asked = delay_us < asked_s * 1e6
    delay_us = round(asked_s * 1e6) if asked else delay_us
    return {
        "state": "waiting",
        "retry_at_us": turn.now_us + delay_us,
        "reason": f"{error['type']}: attempt {tries + 1} of {policy['max_attempts']} "
        f"in {delay_us / 1e6:g} s" + (", as the server asks" if asked else ""),
    }


def end_step(
    turn: Turn, step: StepState, state: str, error: dict[str, Any] | None = None, **facts: Any
) -> None:
    """Record the end of a step that had no attempt, and what follows from a failure."""
    if state == "failed":
        facts |= consequences(turn, step, state, error)
    turn.emit("step.ended", step=step.path, state=state, error=error, **facts)
    if state == "failed":
        fail_fast(turn, step)


def fail_without_attempt(
    turn: Turn, step: StepState, message: str, error_type: str = "expression"
) -> None:
    """A step failed before it could start."""
    end_step(turn, step, "failed", {"type": error_type, "message": message})


Verdict = tuple[str, dict[str, Any] | None]


def check_outputs(turn: Turn, step: StepState, state: str, outputs: dict[str, Any]) -> Verdict:
    """The same for a step without an attempt that has ended well; where it has an `expect`."""
    if not step.definition["expect"]:
        return state, None
    try:
        checked, error = check_expectation(turn, step, {"outputs": outputs})
    except NeedsSandbox as need:
        return _unexpected(f"{need.text} looks at too much data for a step without a process")
    return (state, None) if error is None else (checked, error)


def check_expectation(turn: Turn, step: StepState, end: dict[str, Any]) -> Verdict:
    """`expect`: a step whose outputs are not as they should be has failed. Raises NeedsSandbox."""
    text = step.definition["expect"]
    names = _names_with_outputs(turn, step, end)
    try:
        value = evaluate(turn.execution, step, text, names)
    except ExpressionError as error:
        return _unexpected(error.message)
    return _verdict(turn, text, value, names)


def answered_expectation(
    turn: Turn, step: StepState, end: dict[str, Any], value: Any, error: str | None
) -> Verdict:
    """The same by the sandbox's answer."""
    if error is not None:
        return _unexpected(error)
    names = _names_with_outputs(turn, step, end)
    return _verdict(turn, step.definition["expect"], value, names)


def check_whole(turn: Turn) -> dict[str, Any] | None:
    """`expect` of the flow: the error of an execution that is not as it should be.

    Raises NeedsSandbox.
    """
    ex = turn.execution
    text = ex.definition["expect"]
    names = names_of(ex, None, Environment(ex, None, turn.around, turn.now_us), turn.now_us)
    try:
        if any(reference.path[0] == "outputs" for reference in expression.scan(text).references):
            names = {**names, "outputs": resolve(ex, None, ex.definition["outputs"], names)}
        value = evaluate(ex, None, text, names)
    except ExpressionError as failed:
        _, error = _unexpected(failed.message)
    else:
        _, error = _verdict(turn, text, value, names)
    return {"step": None, **error} if error else None


def _names_with_outputs(turn: Turn, step: StepState, end: dict[str, Any]) -> dict[str, Any]:
    ex = turn.execution
    env = Environment(ex, step, turn.around, turn.now_us)
    names = names_of(ex, step, env, turn.now_us)
    return {**names, "outputs": end.get("outputs") or {}}


def _verdict(turn: Turn, text: str, value: Any, names: dict[str, Any]) -> Verdict:
    if value is True:
        return "completed", None
    values = expression.values_of(text, names, masked=turn.execution.masked)
    with_values = f"; {', '.join(values)}" if values else ""
    what = "false" if value is False else f"{expression.as_text(value)[:100]}, not true or false"
    return _unexpected(f"{text} is {what}{with_values}")


def _unexpected(message: str) -> Verdict:
    return "failed", {"type": "expect", "message": f"expect: {message}"}
