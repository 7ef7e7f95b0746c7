"""The execution that a step calls, as the step keeps it. Pure; called by `reduce` alone."""

from __future__ import annotations

from typing import Any

from engine.core.moving import move
from engine.core.state import Execution


def starting(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    """A step calls another flow: the execution is named before it exists."""
    step = ex.steps[data["step"]]
    number = step.child["number"] if step.child else None
    step.child = {"execution": data["execution"], "flow": data["flow"], "number": number,
                  "attempt": data["attempt"]}  # fmt: skip
    step.attempts += 1
    step.tries += 1
    ex.delayed.discard(step.path)
    step.started_at_us = at_us
    step.ended_at_us = step.duration_ms = step.retry_at_us = None
    step.error = None
    step.reason = ""
    step.outputs = {}
    move(ex, step, "running", at_us)


def started(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    """It is there, and has a number."""
    step = ex.steps[data["step"]]
    step.child = {**(step.child or {}), "number": data["number"]}


def waits(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    """What a step has called cannot move by itself, or can again."""
    step = ex.steps[data["step"]]
    step.child = {**(step.child or {}), "waiting_for": data["waiting_for"]}
    (ex.idle_calls.add if data["waiting_for"] else ex.idle_calls.discard)(step.path)


def ended(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    """What a step has called has ended, or could not be started."""
    step = ex.steps[data["step"]]
    step.child = {**(step.child or {}), "attempt": data["attempt"], "waiting_for": None}
    if data.get("number"):
        step.child["number"] = data["number"]
    step.duration_ms = (at_us - (step.started_at_us or at_us)) // 1000
    step.error = data.get("error")
    step.outputs = data.get("outputs") or {}
    step.unchecked = None
    ex.unchecked.discard(step.path)
    step.reason = data.get("reason", "")
    step.handled = step.tolerated = bool(data.get("handled"))
    step.handling = data.get("handling")
    step.retry_at_us = data.get("retry_at_us")
    move(ex, step, data["state"], at_us)
    if data.get("uncounted"):
        step.tries -= 1
    if data["state"] == "waiting":
        step.ended_at_us = at_us
        ex.delayed.add(step.path)
