"""What expressions can see of an execution, handed over piece by piece. Pure.

Only what an expression refers to is looked up: an execution of 10,000 steps costs nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.core.outcome import error_for
from engine.core.state import Execution, StepState
from engine.expression import NOW
from engine.times import to_text


class StepNames(Mapping[str, Any]):
    """`steps.<id>`: outputs, state and error of the steps of one execution."""

    def __init__(self, execution: Execution) -> None:
        self._steps = execution.steps_by_id

    def __getitem__(self, step_id: str) -> dict[str, Any]:
        step = self._steps[step_id]
        state = "completed" if step.state == "reused" else step.state  # to a condition it is that
        return {"outputs": step.outputs, "state": state, "error": step.error}

    def __iter__(self) -> Iterator[str]:
        return iter(self._steps)

    def __len__(self) -> int:
        return len(self._steps)


def names_of(
    execution: Execution, step: StepState | None, env: Mapping[str, str], now_us: int
) -> dict[str, Any]:
    """The names of section 4 for one evaluation at one moment."""
    names: dict[str, Any] = {
        "inputs": execution.inputs,
        "env": env,
        "steps": StepNames(execution),
        "trigger": {"kind": execution.trigger, "actor": execution.actor},
        "environment": execution.environment_values,
        "execution": {
            "id": execution.id,
            "number": execution.number,
            "flow": execution.flow,
            "date": (to_text(execution.created_at_us) or "")[:10],
            "attempt": step.attempts + 1 if step else execution.attempt,
            "debug": execution.debug,
        },
        NOW: to_text(now_us),
    }
    if step is not None and step.item_values is not None:
        names["items"] = step.item_values
        if step.definition["batch"]["size"] == 1:
            names["item"] = step.item_values[0]
    if step is not None and (step.is_nested or step.section != "steps"):
        error = error_for(execution, step)
        if error is not None:
            names["error"] = error
    return names
