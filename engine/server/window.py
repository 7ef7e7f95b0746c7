"""What every window of the feed is: when it is due, what makes it dirty, what its next frame holds.

The kinds are in `windows` and `log_windows`; the feed opens, feeds and closes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Any

from engine.core.state import Execution
from engine.errors import UsageError
from engine.model import Event
from engine.server.context import Context
from engine.server.view import PACE_S, View

ROWS_LIMIT = 500


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

    @property
    def weight(self) -> float:
        """How many frames it may want, beside a window of the usual pace."""
        return PACE_S / self.pace_s

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

    async def content(self) -> dict[str, Any] | bytes | None:
        """What to send now, also as an encoded object that is not empty; None for nothing."""
        raise NotImplementedError


class ViewWindow(Window):
    """A client's place at a view: it was told what there was at a count."""

    pace_s = 0.0  # the view has one

    def __init__(
        self,
        context: Context,
        request: dict[str, Any],
        key: Hashable,
        make: Callable[[], View],
    ) -> None:
        super().__init__(context, request)
        self._key = key
        self._count = 0
        self._view = context.views.join(key, make, self._news)

    @property
    def weight(self) -> float:
        return PACE_S / self._view.pace_s

    def _news(self) -> None:
        self.is_dirty = True
        self.wake()

    def close(self) -> None:
        self.context.views.leave(self._key, self._news)

    async def content(self) -> bytes | None:
        self._count, found = await self._view.since(self._count)
        return found or None


def whole_number(request: dict[str, Any], name: str, default: int, highest: int) -> int:
    """A whole number of a request, at most `highest`. Raises UsageError."""
    value = request.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UsageError(f"{name} is a whole number of 0 or more")
    return min(value, highest)
