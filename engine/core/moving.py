"""How a step goes from a state to the next, and who hears of it. Pure; for reducers alone."""

from __future__ import annotations

from engine.core import batches, inside
from engine.core.state import Execution, StepState
from engine.model import OPEN_STEP_STATES, SECTIONS, check_step


def move(ex: Execution, step: StepState, state: str, at_us: int) -> None:
    """Put a step into a state; count it, and tell those that need it when it has ended."""
    before = step.state
    step.state = check_step(before, state)
    if not step.is_group:
        if before == "running":
            _count(ex, step, -1)
        if state == "running":
            _count(ex, step, 1)
        if step.number is not None:
            batches.moved(ex, step, before, state)
    if state in OPEN_STEP_STATES:
        return
    step.ended_at_us = at_us
    settle(ex, step)


def _count(ex: Execution, step: StepState, by: int) -> None:
    """Keep count of what runs: at a runner, or as an execution of its own."""
    if step.definition["kind"] == "flow":
        ex.calls += by
        ex.idle_calls.discard(step.path)
    else:
        ex.running += by


def settle(ex: Execution, step: StepState) -> None:
    """A step has ended for good: those that need it may be judged."""
    if step.held:
        return
    if step.number is not None:
        batches.settled(ex, step)
        return
    if step.is_nested:
        inside.settled(ex, step)
        if step.handling is not None:
            return  # those that need it wait for its handlers
    ex.ended += 1
    if ex.section >= 0 and step.section == SECTIONS[ex.section]:
        ex.open_in_section -= 1
    for path in ex.dependents[step.path]:
        dependent = ex.steps[path]
        dependent.unmet -= 1
        if dependent.unmet == 0 and dependent.state == "pending":
            ex.candidates.append(path)


def stop_waiting(ex: Execution, step: StepState) -> None:
    """Whatever a step waited for, it does so no longer."""
    step.pool_wait = step.awaited = None
    ex.pooled.discard(step.path)
    ex.timed.discard(step.path)
    ex.asking.discard(step.path)
