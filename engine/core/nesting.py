"""Groups and error paths: what follows when what is inside of a step has ended. Pure.

A group is a step without attempts, `running` while its children go. A step that failed for good
and has a fitting clause in `on_error` is `handling`: it has failed, and those that need it wait
until the handlers are through. Called by `advance` and `conclude`.
"""

from __future__ import annotations

from typing import Any

from engine.core import retry
from engine.core.cancelling import fail_fast, is_unwanted
from engine.core.outcome import FAILED, children_of, ended_at
from engine.core.state import StepState
from engine.core.turn import Turn
from engine.model import OPEN_STEP_STATES


def consequences(
    turn: Turn, step: StepState, state: str, error: dict[str, Any] | None
) -> dict[str, Any]:
    """What an event says of a step that failed for good: handled by whom, or tolerated."""
    definition = step.definition
    if step.number is not None:
        return {}  # its step decides, when all batches have ended
    if definition["on_error"] and not is_unwanted(turn.execution, step):
        for number, clause in enumerate(definition["on_error"]):
            if _fits(clause["match"], (error or {}).get("type", "any")):
                return {"handling": number}
    return {"handled": definition["continue_on_error"] and state == "failed"}


def _fits(patterns: list[str], error_type: str) -> bool:
    """Whether a clause is meant; an unknown outcome is handled only by who names it."""
    if error_type in ("interrupted", "lost"):
        return error_type in patterns
    return retry.matches(patterns, error_type)


def begin_group(turn: Turn, step: StepState) -> None:
    """A group takes no slot: it begins when it may."""
    turn.emit("group.started", step=step.path)


def close(turn: Turn, step: StepState) -> None:
    """Draw the conclusions about a step that holds others, as far as they can be drawn now."""
    if step.state not in OPEN_STEP_STATES and step.path in turn.execution.children:
        _leave_out(turn, step)
    if step.open_children:
        return
    if step.handling is not None:
        _handlers_ended(turn, step)
    elif step.is_group and step.state == "running":
        _group_ended(turn, step)


def _leave_out(turn: Turn, step: StepState) -> None:
    """Skip what is inside of an ended step and was never wanted."""
    ex = turn.execution
    for path in ex.children[step.path]:
        child = ex.steps[path]
        clause = child.definition["clause"]
        if child.state != "pending" or (clause is not None and clause == step.handling):
            continue
        reason = f"{step.path} {step.state}"
        if clause is not None and step.error:
            reason += f" with {step.error['type']}"
        turn.emit(
            "step.ended",
            step=path,
            state="skipped",
            reason=reason,
            because_of_failure=clause is None and not step.is_met,
        )


def _group_ended(turn: Turn, step: StepState) -> None:
    ex = turn.execution
    state, facts = _outcome(children_of(ex, step, None))
    if state == "failed":
        facts |= consequences(turn, step, state, facts["error"])
    turn.emit("group.ended", step=step.path, state=state, **facts)
    if state == "failed":
        fail_fast(turn, step)


def _outcome(children: list[StepState]) -> tuple[str, dict[str, Any]]:
    """The state of a group and what else its event says."""
    failed = [child for child in children if child.state in FAILED and not child.handled]
    if failed:
        first = min(failed, key=ended_at)
        error = first.error or {"type": "any", "message": first.state}
        message = f"{first.definition['id']}: {error['message']}"
        return "failed", {"error": {"type": error["type"], "message": message}}
    if any(child.state == "cancelled" for child in children):
        return "cancelled", {"reason": "cancelled"}
    unmet = next((child for child in children if not child.is_met), None)
    if unmet is not None:
        reason = f"{unmet.path} skipped: {unmet.reason}"
        return "skipped", {"because_of_failure": True, "reason": reason}
    if any(child.state == "partial" or child.tolerated for child in children):
        return "partial", {}
    if all(child.state == "skipped" for child in children):
        return "skipped", {"reason": "all of its steps were skipped"}
    return "completed", {}


def _handlers_ended(turn: Turn, step: StepState) -> None:
    """The handlers are through: whether the failure counts as met."""
    ex = turn.execution
    assert step.handling is not None
    clause = step.definition["on_error"][step.handling]
    handlers = children_of(ex, step, step.handling)
    bad = next((one for one in handlers if not one.is_met), None)
    handled = bad is None and clause["then"] == "continue" and not is_unwanted(ex, step)
    tolerated = handled and any(one.state == "partial" or one.tolerated for one in handlers)
    if bad is not None:
        reason = f"not handled: {bad.path} {bad.state}"
    else:
        reason = "handled" if handled else "its handlers completed; it stays failed"
    if not handled and step.definition["continue_on_error"] and step.state == "failed":
        handled = tolerated = True
    turn.emit("step.handled", step=step.path, handled=handled, tolerated=tolerated, reason=reason)
    if not handled:
        fail_fast(turn, step)
