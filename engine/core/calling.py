"""Steps that are another flow's execution: started, awaited and retried like an attempt. Pure.

The id of that execution is decided, and journaled, before it exists. So whatever dies, the next
engine knows whether it was started, and never starts a second one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.core.advance import advance
from engine.core.cancelling import fail_fast, is_unwanted
from engine.core.conclude import after_failure, check_expectation
from engine.core.prepare import NeedsSandbox
from engine.core.state import StepState
from engine.core.turn import Turn

Facts = dict[str, Any]  # of an ended execution: state, number, attempt, outputs, error


def child_started(turn: Turn, path: str, execution: str, number: int) -> None:
    """The execution that a step calls is there; `number` is what people call it by."""
    step = turn.execution.steps[path]
    if step.child and step.child["execution"] == execution and step.child["number"] is None:
        turn.emit("child.started", step=path, number=number)


def child_waits(turn: Turn, path: str, execution: str, waiting: Facts | None) -> None:
    """The execution that a step calls cannot move by itself, or can again."""
    step = _awaited(turn, path, execution)
    if step is not None and (step.child or {}).get("waiting_for") != waiting:
        turn.emit("child.waiting", step=path, waiting_for=waiting)


def child_ended(turn: Turn, path: str, execution: str, facts: Facts) -> None:
    """The execution that a step calls has ended; one that is not awaited changes nothing."""
    children_ended(turn, [(path, execution, facts)])


def children_ended(turn: Turn, ends: Iterable[tuple[str, str, Facts]]) -> None:
    """Several executions have ended: of each the step that calls it, its id, the facts."""
    for path, execution, facts in ends:
        step = _awaited(turn, path, execution)
        if step is None or step.unchecked is not None:
            continue
        state, error = _judged(turn, step, facts)
        known = {key: facts[key] for key in ("outputs", "number", "attempt")}
        if error is None and step.definition["expect"]:
            try:
                _, error = check_expectation(turn, step, known)
            except NeedsSandbox as need:
                end = {"state": state, **known}
                turn.emit("child.checking", step=path, end=end)
                turn.ask_sandbox(path, need)
                continue
            state = "failed" if error else state
        _conclude(turn, step, state, error, **known)
    advance(turn)


def child_checked(turn: Turn, step: StepState, error: dict[str, Any] | None) -> None:
    """Whether the outputs of an ended execution are as its caller expects has become known."""
    facts = dict((step.unchecked or {})["end"])
    state = facts.pop("state")
    _conclude(turn, step, "failed" if error else state, error, **facts)


def child_refused(turn: Turn, path: str, execution: str, error: dict[str, Any] | None) -> None:
    """The execution that a step calls could not be started; without an error, it is not wanted."""
    step = _awaited(turn, path, execution)
    if step is not None:
        attempt = (step.child or {})["attempt"] - 1
        _conclude(turn, step, "failed" if error else "cancelled", error, attempt=attempt)
        advance(turn)


def child_never_started(turn: Turn, path: str, execution: str) -> None:
    """The engine died before it started it: nothing has happened, and the step starts again."""
    step = _awaited(turn, path, execution)
    if step is None:
        return
    if is_unwanted(turn.execution, step):
        child_refused(turn, path, execution, None)
        return
    turn.emit(
        "child.ended",
        step=path,
        state="waiting",
        error=None,
        attempt=(step.child or {})["attempt"] - 1,
        retry_at_us=turn.now_us,
        uncounted=True,
        reason="the engine ended before it started this execution",
    )
    turn.execution.delayed.discard(path)
    turn.execution.line_up(step)
    advance(turn)


def _awaited(turn: Turn, path: str, execution: str) -> StepState | None:
    step = turn.execution.steps[path]
    is_it = step.state == "running" and step.child and step.child["execution"] == execution
    return step if is_it else None


def _judged(turn: Turn, step: StepState, facts: Facts) -> tuple[str, dict[str, Any] | None]:
    """What the end of an execution means for the step that has called it."""
    state, error = facts["state"], facts["error"] or {}
    if state in ("completed", "partial"):
        return state, None
    if state == "cancelled" and is_unwanted(turn.execution, step):
        return "cancelled", {"type": "cancelled", "message": "cancelled while it ran"}
    name = f"{step.definition['flow']['name']}#{facts['number']}"
    where = f"{error['step']}: " if error.get("step") else ""
    message = f"{name} {state}: {where}{error.get('message') or 'it says nothing'}"
    return "failed", {"type": error.get("type") or "any", "message": message}


def _conclude(
    turn: Turn, step: StepState, state: str, error: dict[str, Any] | None, **facts: Any
) -> None:
    data: dict[str, Any] = {"step": step.path, "state": state, "error": error, **facts}
    if state == "failed" and not is_unwanted(turn.execution, step):
        data |= after_failure(turn, step, state, error or {})
    turn.emit("child.ended", **data)
    if step.state == "failed":
        fail_fast(turn, step)
