"""Executions and steps as the API shows them, for the tests of what they tell."""

from __future__ import annotations

from typing import Any

from engine.times import to_text

SECOND_US = 1_000_000
BEGIN_US = 1_767_225_600 * SECOND_US


def at(seconds: float) -> str:
    """The wire's time, so long after the execution's begin."""
    return str(to_text(BEGIN_US + round(seconds * SECOND_US)))


def step(path: str, state: str = "completed", **more: Any) -> dict[str, Any]:
    """A step; `ran` is (begin, end or None) in seconds after the execution's begin."""
    begin, end = more.pop("ran", (None, None))
    return {
        "id": path, "path": path, "state": state, "attempts": 1, "needs": [], "section": "steps",
        "started_at": None if begin is None else at(begin),
        "ended_at": None if end is None else at(end),
        "duration_ms": None if begin is None or end is None else round((end - begin) * 1000),
        "exit_code": 0, "error": None, "outputs": {}, "reason": "", "handled": False,
        **more,
    }  # fmt: skip


def execution(state: str, steps: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """An execution night#7 of these steps."""
    return {
        "id": "01a1", "flow": "night", "number": 7, "state": state, "steps": steps,
        "inputs": {}, "outputs": {}, "error": None, "waiting_for": None, "started_at": at(0),
        "ended_at": None, "duration_ms": None, **more,
    }  # fmt: skip
