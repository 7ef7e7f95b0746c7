"""Routes for the runbook of an execution's flow: read it, save it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.journal.history import History
from engine.runbook import save_runbook, version_of, whole_runbook
from engine.server.app import Json
from engine.server.routes import body_of, context_of


class RunbookRequest(msgspec.Struct):
    """The new text, and the version of the one that it was made from."""

    text: str
    version: str


async def runbook(request: Request) -> Response:
    _, compiled = await _compiled(request)
    text, path = await asyncio.to_thread(whole_runbook, compiled)
    return Json({"text": text, "path": path or None, "version": version_of(text)})


async def save(request: Request) -> Response:
    wanted = await body_of(request, RunbookRequest)
    execution_id, compiled = await _compiled(request)
    path = await asyncio.to_thread(save_runbook, compiled, wanted.text, wanted.version)
    service, actor = context_of(request).service, request.state.actor
    service.journal.add_audit(service.now_us(), actor, "save runbook", execution_id, path)
    await service.journal.durable()
    return Json({"path": path, "version": version_of(wanted.text)})


async def _compiled(request: Request) -> tuple[str, dict[str, Any]]:
    service = context_of(request).service
    ord_, execution_id = await service.resolve(request.path_params["ref"])

    def look(history: History) -> dict[str, Any]:
        row = history.rows([ord_])[0]
        return history.compiled_of(row["version"], row["source"])

    return execution_id, await service.reader(look)
