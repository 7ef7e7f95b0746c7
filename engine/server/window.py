"""What every window of the feed is: when it is due, what makes it dirty, what its next frame holds.

The kinds are in `windows` and `log_windows`; the feed opens, feeds and closes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from engine.core.state import Execution
from engine.errors import UsageError
from engine.model import Event
from engine.server.context import Context

ROWS_LIMIT = 500
PACE_S = 0.1


class Window:
    """One open window. `content` gives what the next frame holds: all, then only what changed."""

    pace_s = PACE_S
    refresh_s: float | None = None  # looked at again by itself, where no event tells

    def __init__(self, context: Context, request: dict[str, Any]) -> None:
        self.context = context
        self.request = request
        self.hidden: frozenset[str] = frozenset()  # flows that the caller may not see
        self.version = 0
        self.is_dirty = True
        self.due_at = 0.0
        self.refresh_at: float | None = None
        self.wake: Callable[[], None] = lambda: None  # for one that becomes dirty by itself

    def plan_refresh(self, now: float) -> None:
        """When to look again without an event."""
        self.refresh_at = None if self.refresh_s is None else now + self.refresh_s

    def look_again_in(self, seconds: float | None) -> None:
        """Have this window made dirty then, should no event come before."""
        now = asyncio.get_running_loop().time()
        self.refresh_at = None if seconds is None else now + seconds

    def changed(self, execution: Execution, events: list[Event]) -> None:
        """An execution changed."""

    def removed(self) -> None:
        """Ended executions were removed."""

    def grew(self, executions: list[str]) -> None:
        """The logs of these executions grew."""

    def sampled(self, samples: dict[str, dict[str, float]]) -> None:
        """Running attempts were measured."""

    def moved(self, changes: dict[str, Any]) -> bool:
        """Take in what a client changed; False when the window has to be opened anew for it."""
        return False

    def close(self) -> None:
        """The client looks elsewhere."""

    async def content(self) -> dict[str, Any] | None:
        """What to send now; None for nothing."""
        raise NotImplementedError


def whole_number(request: dict[str, Any], name: str, default: int, highest: int) -> int:
    """A whole number of a request, at most `highest`. Raises UsageError."""
    value = request.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UsageError(f"{name} is a whole number of 0 or more")
    return min(value, highest)
