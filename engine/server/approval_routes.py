"""Routes for decisions of people: approve and reject."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from engine import people
from engine.approvals import decide_approval
from engine.server.app import Json
from engine.server.gate import caller_of
from engine.server.routes import body_of, context_of


async def approve(request: Request) -> Response:
    return await _decide(request, True)


async def reject(request: Request) -> Response:
    return await _decide(request, False)


async def _decide(request: Request, approved: bool) -> Response:
    wanted = await body_of(request, people.ApprovalRequest)
    answer = await decide_approval(
        context_of(request).service,
        request.path_params["ref"],
        approved,
        dict(wanted),
        caller_of(request),
    )
    return Json(answer)
