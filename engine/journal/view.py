"""Live executions as the API shows them: the same shapes as from the projection. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.core.state import Execution, StepState
from engine.journal.batch import execution_json, step_json
from engine.journal.history import BATCHES_SHOWN
from engine.times import to_text


def live_row(ex: Execution, inputs: dict[str, Any]) -> dict[str, Any]:
    """wire.Execution without steps; `inputs` as they may be shown."""
    data = execution_json(ex, inputs, ex.waiting_for)
    return {
        "id": ex.id,
        "flow": ex.flow,
        "number": ex.number,
        "state": ex.state,
        "type": ex.definition["type"],
        "trigger": ex.trigger,
        "attempt": ex.attempt,
        "started_at": to_text(ex.started_at_us),
        "ended_at": to_text(ex.ended_at_us),
        "duration_ms": ex.duration_ms,
        "warnings": None,
        "created_at": to_text(ex.created_at_us),
        "progress": {"ended": ex.ended, "running": ex.running, "total": ex.total},
        **data,
    }


def live_execution(ex: Execution, inputs: dict[str, Any]) -> dict[str, Any]:
    """wire.Execution with steps."""
    return {**live_row(ex, inputs), "steps": [step_json(step) for step in listed_steps(ex)]}


def listed_steps(ex: Execution) -> Iterator[StepState]:
    """The steps in the order of the file; of each batch step some batches, what is odd first."""
    batches: dict[str, list[StepState]] = {}
    if len(ex.steps) > ex.total:
        for step in ex.steps.values():
            if step.number is not None and step.parent is not None:
                batches.setdefault(step.parent, []).append(step)
    for step in ex.steps_by_id.values():
        yield step
        inside = batches.get(step.path)
        if inside is not None:
            inside.sort(key=lambda one: (one.state == "completed", -one.index))
            yield from sorted(inside[:BATCHES_SHOWN], key=lambda one: one.index)
