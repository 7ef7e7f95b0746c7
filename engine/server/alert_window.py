"""The window on alerts: the newest deliveries as they change, and what a console is to tell itself.

A console that opens it with `terminal` is what the channels `terminal://` deliver to.
"""

from __future__ import annotations

from typing import Any

from engine.errors import UsageError
from engine.server.context import Context
from engine.server.window import Window, whole_number

ROWS = 100
TOLD_LIMIT = 50  # that wait for the next frame


class AlertsWindow(Window):
    """The deliveries that changed, and the order of all; with `terminal`, what is new to tell."""

    pace_s = 0.5

    def __init__(self, context: Context, request: dict[str, Any]) -> None:
        super().__init__(context, request)
        terminal = request.get("terminal", False)
        if not isinstance(terminal, bool):
            raise UsageError("terminal is true or false")
        self._limit = max(1, whole_number(request, "limit", ROWS, ROWS))
        self._sent: dict[int, dict[str, Any]] = {}
        self._order: list[int] = []
        self._told: list[dict[str, Any]] = []
        self._is_terminal = terminal
        context.alerts.delivery.observers.append(self._changed)
        if terminal:
            context.alerts.channels.consoles.append(self._tell)
            context.alerts.delivery.hasten(context.alerts.channels.of_consoles)

    def _changed(self) -> None:
        self.is_dirty = True
        self.wake()

    def _tell(self, order: dict[str, Any]) -> bool:
        """Take what is to be told on this console; False where its user may not see it."""
        if self.hidden.intersection(order["flows"]) or len(self._told) >= TOLD_LIMIT:
            return False
        told = ("title", "text", "kind", "key")
        self._told.append({name: order[name] for name in told})
        self._changed()
        return True

    def close(self) -> None:
        self.context.alerts.delivery.observers.remove(self._changed)
        if self._is_terminal:
            self.context.alerts.channels.consoles.remove(self._tell)

    async def content(self) -> dict[str, Any] | None:
        found = await self.context.alerts.delivery.page(None, self._limit)
        rows = {row["id"]: row for row in found if row["flow"] not in self.hidden}
        changed = [row for id_, row in rows.items() if self._sent.get(id_) != row]
        told, self._told = self._told, []
        order = list(rows)
        if self.version and not changed and not told and order == self._order:
            return None
        self._sent, self._order = rows, order
        frame = {"rows": changed, "order": order}
        return {**frame, "told": told} if told else frame
