"""Compiled flows of earlier versions, brought to the present form. Called when one is read back."""

from __future__ import annotations

from typing import Any

from engine.model import SECTIONS

FORMAT = 3
# what flows and steps of an earlier format had not, and what that meant
FLOW_2: dict[str, Any] = {"tests": []}
STEP_2: dict[str, Any] = {"pools": {}}
# a section of steps that is not there is empty, see below
FLOW_3: dict[str, Any] = {
    "secrets": [], "permissions": {}, "concurrency": None, "requires": None, "triggers": [],
    "expect": None, "retention": None, "alerts": [], "environment": [],
}  # fmt: skip
STEP_3: dict[str, Any] = {
    "http": None, "wait": None, "approve": None, "flow": None, "parent": None, "clause": None,
    "on_error": [], "batch": None,
}  # fmt: skip


def current(compiled: dict[str, Any]) -> dict[str, Any]:
    """A compiled flow in the present format; an older one is completed."""
    if compiled["format"] > FORMAT or (compiled["format"] == FORMAT and _is_whole(compiled)):
        return compiled
    found = FLOW_2 | FLOW_3 | compiled | {"format": FORMAT}
    for section in SECTIONS:
        found[section] = [STEP_2 | STEP_3 | step for step in found.get(section, [])]
    return found


def _is_whole(compiled: dict[str, Any]) -> bool:
    """Whether nothing is missing: this format has grown since it was first written."""
    steps = next(filter(None, map(compiled.get, SECTIONS)), None)
    return FLOW_3.keys() <= compiled.keys() and not (steps and STEP_3.keys() - steps[0].keys())
