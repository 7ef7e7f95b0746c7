"""Compiled flows of earlier versions, brought to the present form. Called when one is read back."""

from __future__ import annotations

from typing import Any

from engine.model import SECTIONS

FORMAT = 2
# what the steps of an earlier format had not, and what that meant
STEP_2: dict[str, Any] = {"pools": {}}


def current(compiled: dict[str, Any]) -> dict[str, Any]:
    """A compiled flow in the present format; an older one is completed."""
    if compiled["format"] >= FORMAT:
        return compiled
    found = {"tests": []} | compiled | {"format": FORMAT}
    for section in SECTIONS:
        found[section] = [STEP_2 | step for step in found[section]]
    return found
