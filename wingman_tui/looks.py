"""How states and levels look: glyph, ASCII twin, word, style role; one table for every screen.

A state is never told by colour alone, glyphs are one cell wide and have no emoji form.
Pure; an unknown state from a newer server gets a look of its own instead of an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Look:
    """One state: what is painted for it."""

    glyph: str
    ascii: str
    word: str
    role: str

    def sign(self, ascii_only: bool) -> str:
        """The glyph, or its twin on a terminal that has only ASCII."""
        return self.ascii if ascii_only else self.glyph


STATES: dict[str, Look] = {
    "queued": Look("○", ".", "queued", "state_queued"),
    "pending": Look("·", ":", "pending", "state_pending"),
    "running": Look("▸", ">", "running", "state_running"),
    "stuck": Look("◈", "*", "stuck", "warning"),
    "waiting": Look("◌", "=", "waiting", "state_waiting"),
    "paused": Look("‖", "|", "paused", "state_paused"),
    "completed": Look("✓", "+", "completed", "state_completed"),
    "partial": Look("◐", "%", "partial", "state_partial"),
    "failed": Look("✗", "x", "failed", "state_failed"),
    "interrupted": Look("↯", "!", "interrupted", "state_interrupted"),
    "lost": Look("↯", "!", "lost", "state_interrupted"),
    "skipped": Look("–", "_", "skipped", "state_skipped"),
    "cancelled": Look("⊘", "-", "cancelled", "state_cancelled"),
    "reused": Look("↺", "&", "reused", "state_reused"),
    "retrying": Look("↻", "~", "retrying", "state_waiting"),
}
MEANINGS = {
    "queued": "accepted, not started yet",
    "pending": "a step whose turn has not come",
    "running": "at work now",
    "stuck": "silent for far too long, or the same error again and again; w says why",
    "waiting": "nothing can move until a need, a timer, an approval or an operator",
    "retrying": "failed, and waits for its next attempt",
    "paused": "no new step starts; running ones finish",
    "completed": "everything went well",
    "partial": "done, with failures that were tolerated",
    "failed": "a step failed; the error says why",
    "interrupted": "the machine or the runner died under it: its outcome is unknown",
    "skipped": "did not run: its condition was false, or what it needs failed",
    "cancelled": "an operator ended it",
    "reused": "taken over from an earlier execution",
}
LEVELS = ("debug", "info", "warning", "error")
LEVEL_LETTERS = {"debug": "D", "info": "I", "warning": "W", "error": "E"}
ELLIPSIS = "…"
LIVE_STATES = frozenset({"queued", "running", "paused"})


def look_of(state: str) -> Look:
    """The look of a state; of one that this console does not know, its own word."""
    return STATES.get(state) or Look("?", "?", state[:11], "text")


def execution_look(execution: Mapping[str, Any]) -> Look:
    """The look of an execution: one that waits or hangs says so, though its state is `running`."""
    state = str(execution.get("state", ""))
    if state == "running" and execution.get("stuck"):
        state = "stuck"
    elif state == "running" and execution.get("waiting_for"):
        state = "waiting"
    return look_of(state)


def step_look(step: Mapping[str, Any]) -> Look:
    """The look of a step: one that waits after a failed attempt is retrying."""
    state = str(step.get("state", ""))
    if step.get("stuck"):
        state = "stuck"
    elif state == "waiting" and step.get("attempts"):
        state = "retrying"
    elif state == "running" and step.get("waiting_for"):
        state = "waiting"  # with what it calls
    return look_of(state)


def bar(done: int, total: int, width: int, ascii_only: bool) -> tuple[str, str]:
    """A progress bar as its full and its empty part."""
    if total <= 0 or width <= 0:
        return "", ""
    full = min(width, done * width // total)
    if done and not full:
        full = 1
    filled, empty = ("#", "-") if ascii_only else ("━", "╌")
    return filled * full, empty * (width - full)
