"""What an execution or a step waits for, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wingman_tui.format import full_time
from wingman_tui.naming import name_of
from wingman_tui.sanitise import clean

Waiting = Mapping[str, Any]


def waiting_words(waiting: Waiting, zone: Any) -> str:
    """One line: an approval with its question, a moment, a pool, an operator."""
    kind, step = waiting.get("kind"), clean(str(waiting.get("step") or ""))
    until = full_time(str(waiting["until"]), zone) if waiting.get("until") else ""
    if kind == "approval":
        limit = f", until {until}" if until else ""
        return f"your answer (A{limit}): {clean(str(waiting.get('message') or ''))}"
    if kind == "timer":
        what = "" if waiting.get("reason") == "wait" else " for its next attempt"
        return f"{until}: {step}{what}" if step else until
    if kind == "operator":
        return f"you: {step} was interrupted, and its outcome is unknown (R runs it again)"
    if kind == "pool":
        reason = clean(str(waiting.get("reason") or f"pool {waiting.get('pool')}"))
        return f"{reason} ({step})"
    if kind == "flow":
        return f"{name_of(waiting)} ({step}), which waits for " + waiting_words(
            waiting.get("waiting_for") or {}, zone
        )
    if kind in ("group", "requires"):
        return clean(str(waiting.get("reason") or kind)).replace(" is held by", ", held by", 1)
    return " ".join(part for part in (clean(str(kind or "")), step) if part)


def asked_below(execution: Mapping[str, Any]) -> Waiting | None:
    """The last one of those that call each other, where it waits for somebody's answer."""
    waiting: Waiting = execution.get("waiting_for") or {}
    last = None
    while waiting.get("kind") == "flow":
        last, waiting = waiting, waiting.get("waiting_for") or {}
    return last if waiting.get("kind") == "approval" else None


def waits_below(step: Mapping[str, Any]) -> bool:
    """Whether a step waits with the execution that it calls."""
    return (step.get("waiting_for") or {}).get("kind") == "flow"


def asks(step: Mapping[str, Any]) -> bool:
    """Whether a step waits for somebody's answer."""
    return (step.get("waiting_for") or {}).get("kind") == "approval"
