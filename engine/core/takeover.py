"""The begin of an execution that takes steps over from an earlier one. Pure."""

from __future__ import annotations

from typing import Any

from engine.core.entering import enter
from engine.core.turn import Turn


def begin_resumed(turn: Turn, taken: list[dict[str, Any]]) -> None:
    """Start with these steps taken over: the events are one decision with what starts next."""
    for step in taken:
        turn.emit("step.reused", **step)
    enter(turn)
