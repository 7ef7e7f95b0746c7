"""The window on the triggers: all of them with what comes next and what became of the last."""

from __future__ import annotations

from typing import Any

from engine.server.context import Context
from engine.server.window import Window


class TriggersWindow(Window):
    """Whole, and again when any of them has changed."""

    pace_s = 1.0

    def __init__(self, context: Context, request: dict[str, Any]) -> None:
        super().__init__(context, request)
        self._sent: list[dict[str, Any]] = []
        self._is_first = True
        context.triggers.observers.append(self._changed)

    def _changed(self, name: str) -> None:
        self.is_dirty = True
        self.wake()

    def close(self) -> None:
        self.context.triggers.observers.remove(self._changed)

    async def content(self) -> dict[str, Any] | None:
        if self._is_first:
            self._is_first = False
            await self.context.triggers.refresh()
        rows = self.context.triggers.showing.rows()
        rows = [row for row in rows if row["flow"] not in self.hidden]
        if self.version and rows == self._sent:
            return None
        self._sent = rows
        return {"triggers": rows}
