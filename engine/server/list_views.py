"""Views of lists: executions by a filter in an order, and flows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from engine.catalog import all_flows
from engine.core.state import Execution
from engine.errors import UsageError
from engine.filters import parse_filter
from engine.journal.history import History
from engine.journal.sorting import Order, order_from, sorted_page, sorted_rows
from engine.model import Event
from engine.server.context import Context
from engine.server.parts import Parts
from engine.server.view import View
from engine.server.window import ROWS_LIMIT, whole_number

TOTAL_LIMIT = 10_000
WARNED_LIMIT = 2_000  # executions that a filter by warnings looks at
WARNED_PACE_S = 1.0
SORTED_PACE_S = 0.5  # where a frame may sort thousands
GROWING_S = 5.0  # what runs becomes longer without an event


class Listed(NamedTuple):
    """Which part of which list is asked for."""

    line: str
    order: Order
    offset: int
    limit: int


def listed(request: dict[str, Any]) -> Listed:
    """What a request asks for. Raises UsageError."""
    line = request.get("filter") or ""
    if not isinstance(line, str) or len(line) > 1000:
        raise UsageError("a filter is a text of at most 1,000 characters")
    parse_filter(line, 0)
    order = order_from(request.get("sort", "started"), request.get("reverse", False))
    offset = whole_number(request, "offset", 0, 1 << 40)
    return Listed(line, order, offset, max(1, whole_number(request, "limit", 60, ROWS_LIMIT)))


class ExecutionsView(View):
    """Some rows of the filtered list of executions, with its total and the counts by state."""

    def __init__(self, context: Context, hidden: frozenset[str], asked: Listed) -> None:
        super().__init__(context, hidden)
        self._line, self._order = asked.line, asked.order
        self._offset, self._limit = asked.offset, asked.limit
        self._over = parse_filter(self._line, 0).warnings_over
        if self._over is not None:
            self.pace_s = WARNED_PACE_S
        if self._order != Order():
            self.pace_s = max(self.pace_s, SORTED_PACE_S)
        self._rows, self._rest = Parts(), Parts()
        context.warned.observers.append(self.mark)

    def changed(self, execution: Execution, events: list[Event]) -> None:
        self.mark()

    def removed(self) -> None:
        self.mark()

    def left(self) -> None:
        self.context.warned.observers.remove(self.mark)

    async def find(self) -> bool:
        if self._over is None:
            now_us = self.context.service.now_us()
            rows, rest = await self.context.service.reader(lambda past: self._ask(past, now_us))
        else:
            rows, rest = await self._ask_warned(self._over)
        live = self.context.service.scheduler.live
        fresh = {row["id"]: self._overlay(row, live) for row in rows}
        await self.context.outlook.add_to_rows(rows)
        looks = [self.context.outlook.next_look_s(fresh)]
        if self._order.by == "duration" and any(row["ended_at"] is None for row in rows):
            looks.append(GROWING_S)
        self.look_again_in(min((s for s in looks if s is not None), default=None))
        are_new = self._rows.take(fresh, self.count + 1)
        return self._rest.take({**rest, "order": list(fresh)}, self.count + 1) or are_new

    def changes(self, count: int) -> dict[str, Any]:
        return {"rows": list(self._rows.since(count).values()), **self._rest.since(count)}

    async def _ask_warned(self, over: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Those among the newest that have more warnings, as far as these are counted."""
        service, warned = self.context.service, self.context.warned
        now_us = service.now_us()
        wanted = replace(parse_filter(self._line, now_us), hidden=self.hidden)
        found: list[dict[str, Any]] = []
        looked, waiting, before = 0, False, None
        while looked < WARNED_LIMIT:
            page = await service.page(wanted, before, ROWS_LIMIT)
            for row in page.rows:
                if (warned.of(row) or 0) > over:
                    found.append(row)
                waiting = waiting or warned.is_waiting(row)
            looked, before = looked + len(page.rows), page.next
            if before is None:
                break
        counts = await service.reader(lambda history: history.counts(self.hidden))
        rest = {
            "total": len(found),
            "total_exact": before is None and not waiting,
            "counts": counts,
            "offset": self._offset,
            "of_newest": None if before is None else looked,
        }
        found = sorted_rows(found, self._order, now_us)
        return found[self._offset : self._offset + self._limit], rest

    def _ask(
        self, history: History, now_us: int
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        wanted = replace(parse_filter(self._line, now_us), hidden=self.hidden)
        of_newest = None
        if self._order == Order():
            rows = history.page(wanted, history.key_at(wanted, self._offset), self._limit).rows
            total, is_exact = history.total(wanted, TOTAL_LIMIT)
        else:
            found = sorted_page(history, wanted, self._order, now_us, self._offset, self._limit)
            rows, total, is_exact = found.rows, found.total, True
            of_newest = found.of_newest
        rest = {
            "total": total,
            "total_exact": is_exact,
            "counts": history.counts(self.hidden),
            "offset": self._offset,
            "of_newest": of_newest,
        }
        return rows, rest

    def _overlay(self, row: dict[str, Any], live: dict[str, Execution]) -> dict[str, Any]:
        """An open execution's progress as it is in memory, warnings where they are counted."""
        execution = live.get(row["id"])
        if execution is not None:
            row["progress"]["running"] = execution.running
        else:
            row["warnings"] = self.context.warned.of(row)
        return row


class FlowsView(View):
    """All flows, with their last results; their files are looked at while somebody looks here."""

    pace_s = 1.0
    refresh_s = 2.0

    def __init__(self, context: Context, hidden: frozenset[str]) -> None:
        super().__init__(context, hidden)
        self._flows = Parts()

    def changed(self, execution: Execution, events: list[Event]) -> None:
        if any(event.type in ("execution.ended", "execution.queued") for event in events):
            self.mark()

    def removed(self) -> None:
        self.mark()

    async def find(self) -> bool:
        found = await all_flows(self.context.service)
        flows = [flow for flow in found if flow["name"] not in self.hidden]
        return self._flows.take({"flows": flows}, self.count + 1)

    def changes(self, count: int) -> dict[str, Any]:
        return self._flows.since(0)
