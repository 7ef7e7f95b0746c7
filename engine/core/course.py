"""How events change an execution as a whole: paused, ended, let in. Pure; called by `reduce`."""

from __future__ import annotations

from typing import Any

from engine.core.state import Execution
from engine.model import check_execution


def waiting(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    """A queued execution waits for its concurrency group."""
    ex.group = data["group"]
    ex.group_since_us = at_us
    ex.group_reason = data["reason"]
    ex.group_cancels = tuple(data["cancels"])


def checked(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    ex.requirements_open = False


def paused(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    ex.state = check_execution(ex.state, "paused")
    ex.paused_at_us = at_us


def continued(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    ex.state = check_execution(ex.state, "running")
    ex.paused_us += at_us - (ex.paused_at_us or at_us)
    ex.paused_at_us = None


def ended(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    ex.state = check_execution(ex.state, data["state"])
    ex.ended_at_us = at_us
    ex.group_since_us = None
    ex.requirements_open = False
    ex.error = data.get("error")
    ex.outputs = data.get("outputs") or {}


def debug(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    ex.debug = data["on"]


def masked(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    """A step has said what else is secret."""
    ex.derived.append(data["sealed"])


def remember(ex: Execution, at_us: int, data: dict[str, Any]) -> None:
    """An event that tells people something and changes nothing."""
