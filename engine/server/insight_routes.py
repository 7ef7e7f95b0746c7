"""Routes that explain: why, diff, timeline. The thinking is in `engine.insight`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from engine.server.app import Json
from engine.server.explain import Insight
from engine.server.gate import RUN, caller_of
from engine.server.replay import replayed
from engine.server.routes import context_of


def insight_of(request: Request) -> Insight:
    """The questions to this engine."""
    context = context_of(request)
    return Insight(context.service, context.logs, context.triggers, context.outlook)


async def why(request: Request) -> Response:
    step = request.query_params.get("step")
    # an archive may come from anybody: looking at it connects to nobody
    may_probe = not context_of(request).gate.only_shows
    probe = may_probe and request.query_params.get("probe") == "true"
    found = await insight_of(request).why(request.path_params["ref"], step, probe)
    return Json(found.to_json())


async def why_flow(request: Request) -> Response:
    name, caller = request.path_params["name"], caller_of(request)
    whom = await context_of(request).gate.who_may(caller, RUN, name)
    refused = (f"{caller.name} ({caller.role})", whom) if whom else None
    return Json((await insight_of(request).why_flow(name, refused)).to_json())


async def diff(request: Request) -> Response:
    against = request.query_params.get("against")
    return Json(await insight_of(request).diff(request.path_params["ref"], against))


async def replay(request: Request) -> Response:
    service, reference = context_of(request).service, request.path_params["ref"]
    at = request.query_params.get("at")
    ord_, _ = await service.resolve(reference)
    await service.journal.durable()
    return Json(await service.reader(lambda history: replayed(history, ord_, at)))


async def timeline(request: Request) -> Response:
    return Json(await insight_of(request).timeline(request.path_params["ref"]))
