"""Live executions as the API shows them: the same shapes as from the projection. Pure."""

from __future__ import annotations

from typing import Any

from engine.core.state import Execution
from engine.journal.batch import execution_json, step_json
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
        "progress": {"ended": ex.ended, "running": ex.running, "total": len(ex.steps)},
        **data,
    }


def live_execution(ex: Execution, inputs: dict[str, Any]) -> dict[str, Any]:
    """wire.Execution with steps."""
    return {**live_row(ex, inputs), "steps": [step_json(step) for step in ex.steps.values()]}
