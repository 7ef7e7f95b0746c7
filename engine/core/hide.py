"""What of an event is free text, and so may hold a secret. Pure; called where events are decided.

Only these parts are masked: a name, a state or a moment that happens to look like a secret stays,
for the engine lives by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Mask = Callable[[Any], Any]


def hide(data: dict[str, Any], mask: Mask) -> dict[str, Any]:
    """The data of an event with its free texts and values masked."""
    found = dict(data)
    for key in ("reason", "message", "comment"):
        if found.get(key):
            found[key] = mask(found[key])
    if found.get("error"):
        found["error"] = _error(found["error"], mask)
    for key in ("outputs", "detail", "given"):
        if found.get(key):
            found[key] = _values(found[key], mask)
    if found.get("end"):
        found["end"] = hide_end(found["end"], mask)
    if found.get("waiting_for"):
        found["waiting_for"] = hide(found["waiting_for"], mask)
    return found


def hide_end(end: dict[str, Any], mask: Mask) -> dict[str, Any]:
    """The end of an attempt with its outputs and its error masked, numbers too."""
    found = dict(end)
    if found.get("outputs"):
        found["outputs"] = _values(found["outputs"], mask)
    if found.get("error"):
        found["error"] = _error(found["error"], mask)
    return found


def _error(error: dict[str, Any], mask: Mask) -> dict[str, Any]:
    return {**error, "message": mask(error["message"])}


def _values(mapping: dict[str, Any], mask: Mask) -> dict[str, Any]:
    return {
        name: _values(value, mask) if name == "env" and isinstance(value, dict) else mask(value)
        for name, value in mapping.items()
    }
