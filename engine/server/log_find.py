"""The HTTP route that finds a line in a log, and shows it among its neighbours."""

from __future__ import annotations

from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from engine.errors import UsageError
from engine.logs.lines import Cursor, Filter, Line
from engine.logs.reader import LogReader
from engine.server.app import Json
from engine.server.called import log_of
from engine.server.log_routes import LINES_LIMIT
from engine.server.logbook import filter_of, parse_cursor
from engine.server.routes import context_of, limit_of

FIND_BYTES = 64 << 20  # what one request may look through; the next goes on from there
AROUND_BYTES = 16 << 20


class Found(NamedTuple):
    """A line and its neighbours, or where to go on looking."""

    cursor: Cursor | None
    lines: list[Line]
    more_before: bool
    more_after: bool
    go_on: Cursor | None


async def find(request: Request) -> Response:
    """The next line after a cursor, or before it, that matches; with the wanted lines around it."""
    context = context_of(request)
    ord_, execution_id, query = await log_of(request, context)
    wanted = await context.logs.wanted(ord_, execution_id, query)
    sought = filter_of(
        {
            **query,
            "step": query.getlist("step"),
            "level": query.get("find_level") or query.get("level"),
            "grep": query.get("find") or query.get("grep"),
        }
    )
    if not query.get("find") and not query.get("find_level"):
        raise UsageError("say what to look for", "find=PATTERN or find_level=error")
    start, back = parse_cursor(query.get("from")), query.get("back") == "true"
    limit = limit_of(request, 200, LINES_LIMIT)
    log = await context.logs.open(ord_, execution_id)
    found = await log.ask(lambda reader: look(reader, wanted, sought, start, back, limit))
    return Json(
        {
            "found": _text(found.cursor),
            "lines": log.to_wire(found.lines),
            "more_before": found.more_before,
            "more_after": found.more_after,
            "go_on": _text(found.go_on),
        }
    )


def look(
    reader: LogReader, wanted: Filter, sought: Filter, start: Cursor | None, back: bool, limit: int
) -> Found:
    """Look on from a cursor, as far as one request may."""
    search: Any = reader.page_back if back else reader.page_forward
    page = search(sought, 1, start, budget_bytes=FIND_BYTES)
    if not page.lines:
        go_on = None if page.done else page.before if back else page.after
        return Found(None, [], False, False, go_on)
    cursor = page.lines[0].cursor
    above = reader.page_back(wanted, limit // 2, cursor, budget_bytes=AROUND_BYTES)
    at = Cursor(cursor.record, cursor.line - 1)
    below = reader.page_forward(wanted, limit - limit // 2, at, budget_bytes=AROUND_BYTES)
    return Found(
        cursor,
        above.lines + below.lines,
        above.before is not None,
        len(below.lines) >= limit - limit // 2 or not below.done,
        None,
    )


def _text(cursor: Cursor | None) -> str | None:
    return None if cursor is None else str(cursor)
