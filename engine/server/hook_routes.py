"""What comes from outside: deliveries to webhooks, and events."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import Unavailable, UsageError
from engine.flowfile.trigger_schema import EVENT_TYPE
from engine.ids import new_execution_id
from engine.server.app import Json
from engine.server.gate import caller_of
from engine.server.routes import context_of, refuse_unknown
from engine.times import from_text, to_text
from engine.triggers.hooks import BODY_LIMIT_BYTES, parse
from engine.triggers.shapes import EmitRequest

AGAIN_S = "10"  # after a refusal that passes, such as a full disk


async def deliver(request: Request) -> Response:
    """A delivery; whoever sends it proves itself by the hook's signature, not as a user."""
    keeper = context_of(request).triggers
    trigger = keeper.deliveries.hook(request.path_params["name"])
    try:
        body = await _body(request)
    except HTTPException as too_long:
        keeper.deliveries.refuse(trigger, too_long.detail)
        raise
    try:
        answer = await keeper.deliveries.take(trigger, dict(request.headers), body)
    except Unavailable as error:  # nothing is decided: the sender is to come again
        return Json({"error": error.to_json()}, error.status, headers={"Retry-After": AGAIN_S})
    return Json(answer.body, answer.status, headers=answer.headers)


async def _body(request: Request) -> bytes:
    """The raw bytes; of one that says that it is too long, or is, no more is read. Raises 413."""
    told = request.headers.get("content-length", "0")
    if told.isascii() and told.isdigit() and int(told[:20]) > BODY_LIMIT_BYTES:
        raise _too_long()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise _too_long()
    return bytes(body)


def _too_long() -> HTTPException:
    what = f"a delivery has at most {BODY_LIMIT_BYTES:,} bytes"
    return HTTPException(413, what, headers={"Connection": "close"})


async def emit(request: Request) -> Response:
    """An event; the answer comes once all that it starts is durable."""
    wanted = await _event_of(request)
    context = context_of(request)
    if not re.fullmatch(EVENT_TYPE, wanted["type"]):
        raise UsageError(f"{wanted['type'][:60]!r} is no type of an event", "such as file.uploaded")
    for name in ("id", "source", "subject"):
        if len(str(wanted.get(name, ""))) > 500:
            raise UsageError(f"{name} has more than 500 characters")
    now_us = context.service.now_us()
    id_ = wanted.get("id") or new_execution_id(now_us)
    event = {
        "type": wanted["type"],
        "id": id_,
        "source": wanted.get("source", ""),
        "subject": wanted.get("subject", ""),
        "time": _time(wanted.get("time")) or to_text(now_us),
        "data": wanted.get("data"),
        "actor": request.state.actor,
    }
    await context.triggers.refresh()
    outcomes = await context.triggers.arrivals.emit(event, f"{event['source']}/{id_}")
    hidden = await context.gate.hidden(caller_of(request))
    shown = [each for each in outcomes if each["trigger"].partition(":")[0] not in hidden]
    return Json({"id": id_, "outcomes": shown}, 202)


async def _event_of(request: Request) -> EmitRequest:
    """The event of a request: a JSON object; or headers beside its data (CloudEvents' binary)."""
    if "ce-type" in request.headers:
        raw: Any = {
            name: request.headers[f"ce-{name}"]
            for name in ("type", "id", "source", "subject", "time")
            if f"ce-{name}" in request.headers
        }
        if body := await _body(request):
            raw["data"] = _data(request.headers.get("content-type", ""), body)
    else:
        raw = parse("application/json", await _body(request))
        if isinstance(raw, dict) and "data_base64" in raw:
            raise UsageError("data_base64 is not taken", "send `data`, or the binary form")
        if isinstance(raw, dict) and "specversion" in raw:  # it may have attributes of its own
            raw = {name: raw[name] for name in raw if name in EmitRequest.__annotations__}
    event: EmitRequest = msgspec.convert({} if raw is None else raw, EmitRequest)
    refuse_unknown("the request's body has no key", raw, EmitRequest.__annotations__)
    return event


def _data(content_type: str, body: bytes) -> Any:
    """The data of an event whose headers say what it is: a text, a form, else JSON."""
    if not content_type.lower().startswith("text/"):
        return parse(content_type, body)
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise UsageError("the text is not UTF-8", "JSON, a form, or a text of UTF-8") from None


def _time(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return to_text(from_text(text))
    except (ValueError, OverflowError):
        raise UsageError(f"time={text[:40]!r} is no time", "such as 2027-01-31T18:00:00Z") from None
