"""Steps that wait for a moment or for a person: `wait` and `approve`. No process runs. Pure.

What they wait for is in the journal, so that it outlives the engine: a moment is a moment, however
often the engine was started in between.
"""

from __future__ import annotations

from typing import Any

from engine.core.conclude import check_outputs, end_step
from engine.core.names import names_of
from engine.core.prepare import environment_of, render
from engine.core.state import Execution, StepState
from engine.core.turn import Turn
from engine.errors import Conflict, ExpressionError, UnknownReference, UsageError
from engine.flowfile import durations
from engine.times import from_text, to_text

LONGEST_S = 100 * 366 * 86400.0
BY_TIMEOUT = "timeout"  # who decided, where nobody did


def begin_wait(turn: Turn, step: StepState) -> None:
    """A `wait` step begins; one whose moment has passed is over at once."""
    until_us = _moment(turn, step)
    turn.emit(
        "step.waiting",
        step=step.path,
        kind="timer",
        reason=f"until {to_text(until_us)}",
        until_us=until_us,
    )
    if until_us <= turn.now_us:
        end_step(turn, step, "completed")


def _moment(turn: Turn, step: StepState) -> int:
    """When the wait is over. Raises ExpressionError where the text is no time."""
    wait = step.definition["wait"]
    key = "until" if wait["until"] is not None else "for"
    text = _rendered(turn, step, wait[key]).strip()
    shown = f"`{text[:60]}`"
    if key == "for":
        span_s = durations.seconds(text)
        if span_s is None:
            raise ExpressionError(f"wait: {shown} is no duration", durations.HINT)
        if span_s > LONGEST_S:
            raise ExpressionError(f"wait: {shown} is longer than 100 years")
        return turn.now_us + round(span_s * 1e6)
    try:
        until_us = from_text(text)
        to_text(until_us)
    except (ValueError, OverflowError):
        hint = "such as 2027-01-31T06:00:00+01:00"
        raise ExpressionError(f"wait until: {shown} is no time: {hint}", hint) from None
    return max(0, until_us)


def _rendered(turn: Turn, step: StepState, template: str) -> str:
    ex = turn.execution
    env = environment_of(ex, step, turn.around, turn.now_us)
    return render(ex, step, template, names_of(ex, step, env, turn.now_us))


def ask(turn: Turn, step: StepState) -> None:
    """An `approve` step begins to wait for a person's decision."""
    approve = step.definition["approve"]
    timeout_s = approve["timeout_s"]
    turn.emit(
        "step.waiting",
        step=step.path,
        kind="approval",
        reason="an approval",
        message=_rendered(turn, step, approve["message"]),
        role=approve["role"],
        until_us=None if timeout_s is None else turn.now_us + round(timeout_s * 1e6),
    )


def asked(ex: Execution, path: str | None) -> StepState:
    """The step that waits for an approval: this one, or the only one. Raises what a person did."""
    name = f"{ex.flow}#{ex.number}"
    asking = sorted(ex.asking)
    if path in ex.steps_by_id:  # ids are unique in a flow
        path = ex.steps_by_id[path].path
    if path is not None and path not in ex.steps:
        raise UnknownReference(f"{name} has no step {path!r}", "`wingman show` lists them")
    if path is not None and path not in ex.asking:
        step = ex.steps[path]
        how = "waits for no approval" if step.definition["kind"] == "approve" else "asks nobody"
        raise Conflict(f"{name}: {path} {how}; it is {step.state}")
    if path is None and not asking:
        raise Conflict(f"nothing of {name} waits for an approval", _who_asks(ex))
    if path is None and len(asking) > 1:
        raise UsageError(f"several steps of {name} wait: {', '.join(asking)}", "name the step")
    return ex.steps[path or asking[0]]


def _who_asks(ex: Execution) -> str:
    """Where something asks that a step has called: how to answer it there."""
    waiting, name = ex.waiting_for, ""
    while waiting and waiting["kind"] == "flow":
        name, waiting = f"{waiting['flow']}#{waiting['number']}", waiting["waiting_for"]
    asks = name and waiting and waiting["kind"] == "approval"
    return f"{name} asks: wingman approve {name}" if asks else ""


def decide_approval(
    turn: Turn, step: StepState, approved: bool, by: str, comment: str, given: dict[str, Any]
) -> None:
    """Somebody has decided; who, why and what was filled in become the step's outputs."""
    turn.emit(
        "step.decided", step=step.path, approved=approved, by=by, comment=comment, given=given
    )
    outputs = {**given, "approved": approved, "by": by, "comment": comment}
    if not approved:
        why = f": {comment}" if comment else ""
        error = {"type": "cancelled", "message": f"rejected by {by}{why}"}
        end_step(turn, step, "failed", error, outputs=outputs)
        return
    state, failed = check_outputs(turn, step, "completed", outputs)
    end_step(turn, step, state, failed, outputs=outputs)


def expire(turn: Turn) -> None:
    """End what waits for a moment that has come."""
    ex = turn.execution
    for path in sorted(ex.timed):
        step = ex.steps[path]
        awaited = step.awaited or {}
        if awaited["until_us"] > turn.now_us:
            continue
        if awaited["kind"] == "timer":
            end_step(turn, step, "completed")
        else:
            _nobody_decided(turn, step)


def _nobody_decided(turn: Turn, step: StepState) -> None:
    approve = step.definition["approve"]
    waited = f"nobody decided within {durations.written(approve['timeout_s'])}"
    if approve["on_timeout"] == "fail":
        end_step(turn, step, "failed", {"type": "timeout", "message": waited})
        return
    approved = approve["on_timeout"] == "approve"
    defaults = {item["name"]: item["default"] for item in approve["inputs"] if not item["required"]}
    decide_approval(turn, step, approved, BY_TIMEOUT, waited, defaults if approved else {})
