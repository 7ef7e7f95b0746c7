"""Routes about alerts: what was told to whom, acknowledging it, testing a channel."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import NotAllowed, UnknownReference
from engine.server import gate
from engine.server.app import Json
from engine.server.gate import caller_of
from engine.server.routes import body_of, context_of, limit_of, number_of

PAGE_LIMIT = 500


class Address(msgspec.Struct):
    """One address of a channel, and what it said."""

    address: str  # the name of its secret, or its kind
    state: str  # sent | waiting | failed | absent (no console was there)
    error: str


class Alert(msgspec.Struct):
    """One delivery of an alert to one channel."""

    id: int
    channel: str
    flow: str  # empty: a test of the channel
    execution: str | None
    occasion: str
    title: str
    text: str
    at: str
    state: str  # waiting | sent | failed | acknowledged | dropped
    tries: int
    due: str | None
    ended: str | None
    error: str
    acked_at: str | None
    acked_by: str | None
    leader: int | None  # the alert whose message has told it; None where it is told alone
    addresses: list[Address]  # of its channel, as the last try left them


class ChannelRequest(msgspec.Struct):
    """A channel to be tested."""

    channel: str


async def alerts(request: Request) -> Response:
    context = context_of(request)
    hidden = await context.gate.hidden(caller_of(request))
    before = number_of(request, "before", 0, 1 << 60) or None
    limit = max(1, limit_of(request, 50, PAGE_LIMIT))
    rows = await context.alerts.delivery.page(before, limit)
    more = rows[-1]["id"] if len(rows) == limit else None
    shown = [row for row in rows if row["flow"] not in hidden]
    return Json({"alerts": shown, "next": more, "channels": context.alerts.channels.names})


async def acknowledge(request: Request) -> Response:
    context, text = context_of(request), request.path_params["id"]
    unknown = UnknownReference(f"there is no alert {text!r}", "`wingman alerts` lists them")
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise unknown
    alert = await context.alerts.find(int(text))
    if alert["flow"]:
        try:
            await context.gate.check_flow(caller_of(request), gate.VIEW_FLOW, alert["flow"])
        except (NotAllowed, UnknownReference):
            raise unknown from None
    return Json(await context.alerts.acknowledge(alert, request.state.actor))


async def test(request: Request) -> Response:
    wanted = await body_of(request, ChannelRequest)
    return Json(await context_of(request).alerts.test(wanted.channel, request.state.actor))
