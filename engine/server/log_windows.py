"""The feed's windows on logs: the lines at the end of one, and the count of a search through it."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

from engine.core.state import Execution
from engine.errors import UsageError
from engine.logs.lines import Cursor
from engine.logs.matches import MatchCounter
from engine.model import Event
from engine.server.context import Context
from engine.server.logbook import filter_of, parse_cursor
from engine.server.window import ROWS_LIMIT, Window, whole_number

LINES_LIMIT = ROWS_LIMIT * 4
SLICE_S = 0.008  # how long a search counts before others may ask this log something


class _OnLog(Window):
    """A window that changes when one execution's log grows."""

    def __init__(
        self, context: Context, request: dict[str, Any], ord_: int, execution_id: str
    ) -> None:
        super().__init__(context, request)
        self._ord = ord_
        self._id = execution_id
        self._wanted = filter_of(request)

    def changed(self, execution: Execution, events: list[Event]) -> None:
        if execution.id == self._id:
            self.note_growth()

    def grew(self, executions: list[str]) -> None:
        if self._id in executions:
            self.note_growth()

    def note_growth(self) -> None:
        """There may be more lines than before."""
        self.is_dirty = True

    def close(self) -> None:
        self.context.unwatch(self._id)


class LogWindow(_OnLog):
    """The tail of a log, appended to; or a page before a cursor, which stays as it is."""

    def __init__(
        self, context: Context, request: dict[str, Any], ord_: int, execution_id: str
    ) -> None:
        super().__init__(context, request, ord_, execution_id)
        self._limit = max(1, whole_number(request, "limit", 200, LINES_LIMIT))
        self._burst = whole_number(request, "burst", self._limit, LINES_LIMIT)
        before = parse_cursor(request.get("before"))
        self._tail = context.logs.tail(ord_, execution_id, self._wanted, before)
        self._is_page = before is not None
        context.watch(execution_id)

    def note_growth(self) -> None:
        self.is_dirty = self.is_dirty or not self._is_page

    def moved(self, changes: dict[str, Any]) -> bool:
        """Only how many lines an update may hold can change while the window stays as it is."""
        if set(changes) != {"burst"}:
            return False
        self._burst = whole_number(changes, "burst", self._limit, LINES_LIMIT)
        return True

    async def content(self) -> dict[str, Any] | None:
        if not self.version:
            lines, before = await self._tail.first(self._limit)
            place = None if before is None else str(before)
            return {"lines": lines, "more_before": place is not None, "before": place}
        lines, skipped = await self._tail.more(self._burst)
        kept = lines[-self._burst :] if self._burst else []
        skipped += len(lines) - len(kept)
        return {"lines": kept, "skipped": skipped} if kept or skipped else None


class SearchWindow(_OnLog):
    """How many lines match, counted in the background, and which of them the one at `at` is."""

    def __init__(
        self, context: Context, request: dict[str, Any], ord_: int, execution_id: str
    ) -> None:
        super().__init__(context, request, ord_, execution_id)
        if self._wanted.grep is None:
            raise UsageError("a search needs a pattern", 'as "grep"')
        self._at = parse_cursor(request.get("at"))
        self._counter: MatchCounter | None = None
        self._counting: asyncio.Task[None] | None = None
        self._sent: dict[str, Any] = {}
        self._has_grown = True
        context.watch(execution_id)

    def note_growth(self) -> None:
        self._has_grown = True
        self.is_dirty = True

    def moved(self, changes: dict[str, Any]) -> bool:
        if set(changes) != {"at"}:
            return False
        self._at = parse_cursor(changes["at"])
        self.is_dirty = True
        return True

    def close(self) -> None:
        super().close()
        if self._counting is not None:
            self._counting.cancel()

    async def content(self) -> dict[str, Any] | None:
        if self._has_grown and (self._counting is None or self._counting.done()):
            self._has_grown = False
            self._counting = asyncio.create_task(self._count())
        place = await self._place()
        counter = self._counter
        content = {
            "matches": counter.total if counter is not None else 0,
            "counted": counter is not None and counter.counted and not counter.is_full,
            "place": place,
        }
        if self.version and content == self._sent:
            return None
        self._sent = content
        return content

    async def _place(self) -> int | None:
        at: Cursor | None = self._at
        if at is None or self._counter is None:
            return None
        log = await self.context.logs.open(self._ord, self._id)
        counter = self._counter
        return await log.ask(lambda reader: counter.rank(at))

    async def _count(self) -> None:
        """Look through what is there, in slices, so that a reader's question comes between."""
        log = await self.context.logs.open(self._ord, self._id)
        if self._counter is None:
            self._counter = MatchCounter(log.reader, self._wanted)
        counter = self._counter
        try:
            while not await log.ask(lambda reader: counter.advance(SLICE_S)):
                self.is_dirty = True
                self.wake()
        except OSError:  # the count stays as far as it is; the log itself tells of the fault
            traceback.print_exc()
        self.is_dirty = True
        self.wake()
