"""How an execution stands: its state, the error that says why, and what `retry` runs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.core.state import Execution, StepState

FAILED = ("failed", "interrupted")


def children_of(ex: Execution, step: StepState, clause: int | None) -> list[StepState]:
    """The steps of a group (clause None), or of one clause of `on_error`."""
    inside = (ex.steps[path] for path in ex.children.get(step.path, ()))
    return [child for child in inside if child.definition["clause"] == clause]


def outcome(ex: Execution) -> tuple[str, dict[str, Any] | None]:
    """How an execution whose steps have all ended has ended, and the error that says why."""
    if ex.cancelling in ("cancel", "kill"):
        message = ex.cancel_reason or ex.cancelling
        return "cancelled", {"step": None, "type": "cancelled", "message": message}
    if ex.cancelling == "timeout":
        return "failed", {"step": None, "type": "timeout", "message": ex.cancel_reason}
    if ex.unexpected is not None:
        return "failed", ex.unexpected
    outermost = [step for step in ex.steps_by_id.values() if step.parent is None]
    bad = sorted((step for step in outermost if step.state in FAILED), key=ended_at)
    for step in bad:
        if not step.handled:
            return "failed", _error_of(_root(ex, step))
    tolerated = [step for step in bad if step.tolerated]
    if tolerated:
        return "partial", _error_of(_root(ex, tolerated[0]))
    partial = next((step for step in outermost if step.state == "partial"), None)
    if partial is not None:
        root = _root(ex, partial)
        return "partial", _error_of(root) if root.error else None
    return "completed", None


def _error_of(step: StepState) -> dict[str, Any]:
    return {"step": step.path, **(step.error or {"type": "any", "message": ""})}


def _root(ex: Execution, step: StepState) -> StepState:
    """The step inside of a group that the group owes its state to."""
    while step.is_group:
        inside = sorted(children_of(ex, step, None), key=ended_at)
        bad = [child for child in inside if child.state in FAILED and not child.handled]
        bad += [child for child in inside if child.tolerated or child.state == "partial"]
        if not bad:
            break
        step = bad[0]
    return step


def ended_at(step: StepState) -> int:
    return step.ended_at_us or 0


def error_for(ex: Execution, step: StepState) -> dict[str, Any] | None:
    """What `error` is for a step: that of the step it handles, else the execution's so far."""
    for inner, outer in _ancestors(ex, step):
        if inner.definition["clause"] is not None:
            return _error_of(outer)
    if step.section == "steps":
        return None
    error = ex.failure or {"step": "", "type": "", "message": ""}
    return {**error, "step": error.get("step") or ""}


def _ancestors(ex: Execution, step: StepState) -> Iterator[tuple[StepState, StepState]]:
    if step.number is not None:
        step = ex.steps[step.parent or ""]  # a batch is where its step is
    while step.parent is not None:
        outer = ex.steps[step.parent]
        yield step, outer
        step = outer


def runs_again(ex: Execution) -> list[str]:
    """What the verb `retry` runs: what did not succeed, and what that is inside of."""
    again = {step.path for step in ex.steps_by_id.values() if _did_not_succeed(step)}
    for path in list(again):
        for _, outer in _ancestors(ex, ex.steps[path]):
            again.add(outer.path)
    for step in ex.steps_by_id.values():  # from outside to inside: handlers go with theirs
        if step.parent is not None and step.definition["clause"] is not None:
            is_again = step.parent in again and step.state != "pending"
            (again.add if is_again else again.discard)(step.path)
            again.update(_below(ex, step) if is_again else ())
    return [path for path in ex.steps if path in again]


def _below(ex: Execution, step: StepState) -> Iterator[str]:
    for path in ex.children.get(step.path, ()):
        if ex.steps[path].state != "pending":
            yield path
        yield from _below(ex, ex.steps[path])


def _did_not_succeed(step: StepState) -> bool:
    if step.section != "steps":
        return step.state != "pending"
    if step.state == "skipped":
        return step.because_of_failure
    if step.state == "partial" and step.definition["kind"] == "flow":
        return True
    if step.state == "failed" and step.handled and not step.tolerated:
        return False  # its handlers made it good
    if step.state == "partial":
        return step.batches is not None
    return step.state in ("failed", "interrupted", "cancelled")
