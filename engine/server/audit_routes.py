"""Routes of the audit: its lines, and whether it is whole."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from engine.audit import Seal, check
from engine.filters import moment
from engine.journal.audit import AuditFilter, executions, page, whole
from engine.journal.chain import Line
from engine.journal.history import NEWEST, History
from engine.server.app import Json
from engine.server.routes import context_of, limit_of, number_of
from engine.times import to_text

LINES_LIMIT = 1000


async def lines(request: Request) -> Response:
    service, query = context_of(request).service, request.query_params
    since = query.get("since")
    wanted = AuditFilter(
        query.get("actor") or "",
        query.get("action") or "",
        query.get("text") or "",
        moment(since, service.now_us()) if since else None,
    )
    before, limit = (
        number_of(request, "before", NEWEST, NEWEST),
        limit_of(request, 100, LINES_LIMIT),
    )
    await service.journal.durable()  # what was refused a moment ago is in it

    def read(history: History) -> tuple[list[Line], dict[str, str]]:
        found = page(history.connection, before, limit, wanted)
        return found, executions(history.connection, found)

    found, names = await service.reader(read)
    rows = [
        {
            "seq": line.seq,
            "at": to_text(line.at_us),
            "actor": line.actor,
            "origin": line.origin,
            "action": line.action,
            "subject": line.subject,
            "execution": names.get(line.subject),
            "reason": line.reason,
            "hash": line.hash,
        }
        for line in found
    ]
    return Json({"lines": rows, "next": found[-1].seq if len(found) == limit else None})


async def verify(request: Request) -> Response:
    context = context_of(request)
    await context.service.journal.durable()
    found = await context.service.reader(lambda history: whole(history.connection))
    seal = Seal(context.home.config_file.parent)
    return Json(await asyncio.to_thread(check, found, seal))
