"""Routes about triggers: list, ledger, the next moments, pause and continue."""

from __future__ import annotations

from pathlib import PurePath

from starlette.requests import Request
from starlette.responses import Response

from engine.access.access import Needs
from engine.errors import UnknownReference
from engine.server import gate
from engine.server.app import Json
from engine.server.gate import caller_of
from engine.server.routes import body_of, context_of, number_of
from engine.triggers.keeper import Keeper
from engine.triggers.shapes import SwitchRequest, TrialRequest
from engine.triggers.trigger import Trigger

LEDGER_LIMIT = 1000
PREVIEW_LIMIT = 100


def keeper_of(request: Request) -> Keeper:
    """The triggers of this engine."""
    return context_of(request).triggers


async def named(request: Request, needs: Needs = gate.VIEW_FLOW) -> Trigger:
    """The trigger that the path names, by the files as they are, where its flow is the caller's.

    Raises UnknownReference, UsageError, NotAllowed.
    """
    reference = request.path_params["name"]
    await keeper_of(request).refresh()
    found = keeper_of(request).find(reference)
    try:
        await context_of(request).gate.check_flow(caller_of(request), needs, found.flow)
    except UnknownReference:
        raise UnknownReference(f"there is no trigger {reference!r}") from None
    return found


async def triggers(request: Request) -> Response:
    await keeper_of(request).refresh()
    rows = keeper_of(request).showing.rows(request.query_params.get("flow"))
    hidden = await context_of(request).gate.hidden(caller_of(request))
    unread = [
        {"path": path, "problem": problem}
        for path, problem in sorted(keeper_of(request).unread.items())
        if PurePath(path).stem not in hidden
    ]
    return Json({"triggers": [row for row in rows if row["flow"] not in hidden], "unread": unread})


async def trigger(request: Request) -> Response:
    return Json(keeper_of(request).showing.shown(await named(request)))


async def ledger(request: Request) -> Response:
    before = number_of(request, "before", 0, 1 << 60) or None
    limit = max(1, number_of(request, "limit", 20, LEDGER_LIMIT))
    rows, more = await keeper_of(request).showing.ledger(await named(request), before, limit)
    return Json({"occasions": rows, "next": more})


async def preview(request: Request) -> Response:
    count = max(1, number_of(request, "count", 5, PREVIEW_LIMIT))
    return Json({"moments": keeper_of(request).showing.preview(await named(request), count)})


async def test(request: Request) -> Response:
    wanted = await body_of(request, TrialRequest)
    return Json(await keeper_of(request).showing.rehearse(await named(request), dict(wanted)))


async def pause(request: Request) -> Response:
    wanted = await body_of(request, SwitchRequest)
    name, actor = (await named(request, gate.RUN_FLOW)).name, request.state.actor
    return Json(await keeper_of(request).pause(name, actor, wanted.get("reason", "")))


async def continue_(request: Request) -> Response:
    wanted = await body_of(request, SwitchRequest)
    name, actor = (await named(request, gate.RUN_FLOW)).name, request.state.actor
    return Json(await keeper_of(request).continue_(name, actor, wanted.get("reason", "")))
