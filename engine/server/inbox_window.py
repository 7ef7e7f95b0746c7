"""The window on the inbox: its entries as they come, change and leave."""

from __future__ import annotations

from typing import Any

from engine.errors import UsageError
from engine.inbox.entries import SHOWS
from engine.server.context import Context
from engine.server.window import Window, whole_number

ROWS = 200
TEXT_LIMIT = 1000


class InboxWindow(Window):
    """The entries that changed, and the order of all."""

    pace_s = 0.5

    def __init__(self, context: Context, request: dict[str, Any]) -> None:
        super().__init__(context, request)
        self._show = request.get("show", "open")
        self._text = request.get("filter") or ""
        if self._show not in SHOWS:
            raise UsageError(f"the inbox cannot show {self._show!r}", f"one of {', '.join(SHOWS)}")
        if not isinstance(self._text, str) or len(self._text) > TEXT_LIMIT:
            raise UsageError(f"a filter is a text of at most {TEXT_LIMIT} characters")
        self._limit = max(1, whole_number(request, "limit", ROWS, ROWS))
        self._sent: dict[str, dict[str, Any]] = {}
        self._rest: dict[str, Any] = {}
        context.inbox.observers.append(self._changed)

    def _changed(self) -> None:
        self.is_dirty = True
        self.wake()

    def close(self) -> None:
        self.context.inbox.observers.remove(self._changed)

    async def content(self) -> dict[str, Any] | None:
        found = await self.context.inbox.page(
            self._show, self.hidden, text=self._text, limit=self._limit
        )
        if found.wakes_us is not None:
            rest_us = found.wakes_us - self.context.service.now_us()
            self.look_again_in(max(0.1, rest_us / 1e6 + 0.05))
        else:
            self.look_again_in(None)
        rows = {entry["id"]: entry for entry in found.entries}
        changed = [row for id_, row in rows.items() if self._sent.get(id_) != row]
        rest = {"order": list(rows), "counts": found.counts}
        if self.version and not changed and rest == self._rest:
            return None
        self._sent, self._rest = rows, rest
        return {"rows": changed, **rest}
