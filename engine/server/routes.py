"""HTTP routes, one function each: parse, ask the service, answer."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from engine import verbs, wire
from engine.catalog import all_flows, one_flow
from engine.errors import FlowFileError, UnknownReference, UsageError
from engine.filters import make_filter
from engine.journal.history import History
from engine.model import TERMINAL_EXECUTION_STATES
from engine.push.here import problems_here
from engine.server.app import Json
from engine.server.called import wanted_calls, with_called
from engine.server.context import Context
from engine.server.gate import caller_of
from engine.server.once import key_of

BODY_LIMIT_BYTES = 4 << 20
PAGE_LIMIT = 1000
FILTERS = ("state", "flow", "type", "trigger", "since", "until", "note")
LIST_WORDS = (*FILTERS, "text", "limit", "cursor", "said")
ONLY_LOOKED_AT = {
    "logs", "definition", "why", "diff", "timeline", "replay", "export", "runbook", "batches",
    "hold",
}  # fmt: skip
T = TypeVar("T")


class VerbRequest(msgspec.Struct):
    """The body of a verb; every field may be left out."""

    inputs: dict[str, Any] | None = None
    inputs_text: dict[str, str] | None = None
    reason: str | None = None
    debug: bool | None = None


class DebugRequest(msgspec.Struct):
    mode: str


class ValidateRequest(msgspec.Struct):
    text: str
    source: str = ""


class ReloadRequest(msgspec.Struct):
    """Nothing is to be said about it."""


class StopRequest(msgspec.Struct):
    all: bool = False


def context_of(request: Request) -> Context:
    """The engine's parts."""
    context: Context = request.app.state.context
    return context


async def body_of(request: Request, shape: type[T]) -> T:
    """The JSON body as `shape`. Raises UsageError, msgspec.ValidationError."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > BODY_LIMIT_BYTES:
            raise UsageError(f"the request's body is larger than {BODY_LIMIT_BYTES} bytes")
    try:
        raw = msgspec.json.decode(bytes(data) or b"{}")
        found = msgspec.convert(raw, shape)
    except RecursionError:
        raise UsageError("the request's body is nested too deeply") from None
    refuse_unknown("the request's body has no key", raw, shape.__annotations__)
    return found


def refuse_unknown(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    """A misspelt word must not be a wish that nobody hears."""
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, list(known), 1)
            hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(known)}"
            raise UsageError(f"{what} {name[:60]!r}", hint)


def number_of(request: Request, name: str, default: int, highest: int) -> int:
    """A whole number of the query, from 0 to `highest`."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise UsageError(f"{name}={text!r} is no whole number")
    return min(int(text), highest)


def limit_of(request: Request, default: int, highest: int) -> int:
    """How many are asked for at most: 1 or more, and no more than `highest`."""
    limit = number_of(request, "limit", default, highest)
    if limit < 1:
        raise UsageError("limit=0 asks for nothing", "1 or more")
    return limit


async def unless_gone(request: Request, future: asyncio.Future[None]) -> None:
    """Wait for a future, but not for longer than the client does."""
    gone = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({future, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        future.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def health(request: Request) -> Response:
    return Json({"status": "ok"})


async def engine(request: Request) -> Response:
    return Json(await context_of(request).status())


async def stop(request: Request) -> Response:
    wanted = await body_of(request, StopRequest)
    context_of(request).stop(wanted.all)
    return Json({"status": "stopping"}, 202)


async def reload(request: Request) -> Response:
    """Take the configuration's file in as it is now."""
    await body_of(request, ReloadRequest)
    context = context_of(request)
    changed = context.configuration.take()
    words = ", ".join(changed)
    journal = context.service.journal
    journal.add_audit(context.service.now_us(), request.state.actor, "engine reload", "", words)
    await journal.durable()
    return Json({"changed": changed})


async def start(request: Request) -> Response:
    wanted = await body_of(request, wire.StartRequest)
    key = key_of(request)
    await context_of(request).gate.check_start(caller_of(request), dict(wanted))
    answer = await context_of(request).service.start(dict(wanted), request.state.actor, key)
    return Json(answer, 201)


async def executions(request: Request) -> Response:
    context, query = context_of(request), request.query_params
    refuse_unknown("executions cannot be asked for by", query, LIST_WORDS)
    given = {key: query[key].split(",") for key in FILTERS if query.get(key)}
    wanted = make_filter(given, (query.get("text") or "").split(), context.service.now_us())
    limit = limit_of(request, 50, PAGE_LIMIT)
    cursor = number_of(request, "cursor", 0, 1 << 60) or None
    wanted = replace(wanted, hidden=await context.gate.hidden(caller_of(request)))
    page = await context.service.page(wanted, cursor, limit)
    await context.outlook.add_to_rows(page.rows)
    if query.get("said") == "true":
        await context.said.add_to(page.rows)
    return Json({"executions": page.rows, "next": str(page.next) if page.next else None})


async def execution(request: Request) -> Response:
    context, reference = context_of(request), request.path_params["ref"]
    service, is_wanted = context.service, wanted_calls(request.query_params.get("calls"))

    def look(history: History) -> tuple[int, str, dict[str, Any] | None]:
        ord_ = history.find(reference)
        row = history.rows([ord_])[0]
        has_ended = row["state"] in TERMINAL_EXECUTION_STATES
        return ord_, row["id"], history.execution(ord_) if has_ended else None

    live, found = service.scheduler.live, None
    if reference in live:
        ord_, execution_id = live[reference].ord, reference
    else:  # one way to the reader's thread for what has ended
        ord_, execution_id, found = await service.reader(look)
    if found is None or execution_id in live:
        if request.query_params.get("wait") == "true":
            await unless_gone(request, service.scheduler.wait_ended(execution_id))
        found = await service.execution(ord_, execution_id)
    await context.logs.add_warnings(ord_, found)
    await context.outlook.add(found)
    if is_wanted is not None:
        hidden = await context.gate.hidden(caller_of(request))
        found["steps"], _ = await with_called(context, found["steps"], is_wanted, hidden)
    return Json(found)


async def definition(request: Request) -> Response:
    text = await context_of(request).service.definition(request.path_params["ref"])
    return PlainTextResponse(text)


async def act(request: Request) -> Response:
    verb = request.path_params["verb"]
    if verb in ONLY_LOOKED_AT:
        raise HTTPException(405, headers={"Allow": "GET"})
    if verb not in wire.VERBS:
        raise UnknownReference(f"there is no verb {verb!r}", ", ".join(wire.VERBS))
    wanted = await body_of(request, VerbRequest)
    answer = await verbs.act(
        context_of(request).service,
        request.path_params["ref"],
        verb,
        msgspec.to_builtins(wanted),
        request.state.actor,
        key_of(request),
    )
    return Json(answer)


async def flows(request: Request) -> Response:
    context = context_of(request)
    hidden = await context.gate.hidden(caller_of(request))
    found = await all_flows(context.service)
    return Json({"flows": [flow for flow in found if flow["name"] not in hidden]})


async def flow(request: Request) -> Response:
    return Json(await one_flow(context_of(request).service, request.path_params["name"]))


async def flow_debug(request: Request) -> Response:
    wanted = await body_of(request, DebugRequest)
    name = request.path_params["name"]
    answer = await context_of(request).service.set_flow_debug(
        name, wanted.mode, request.state.actor
    )
    return Json(answer)


async def validate(request: Request) -> Response:
    wanted = await body_of(request, ValidateRequest)
    service = context_of(request).service
    try:
        compiled = await service.library.compile(wanted.text.encode(), wanted.source)
    except FlowFileError as error:
        return Json({"problems": error.details.get("problems", []), "name": None})
    return Json({"problems": problems_here(service, compiled), "name": compiled["name"]})


async def machine(request: Request) -> Response:
    return Json(await asyncio.to_thread(context_of(request).gauges.read))


async def pools(request: Request) -> Response:
    context = context_of(request)
    scheduler, shown = context.service.scheduler, {}
    hidden = await context.gate.hidden(caller_of(request))
    for kind, rows in (("pools", scheduler.slots.rows()), ("groups", scheduler.groups.rows())):
        for row in rows:
            for part in ("holders", "waiters"):
                row[part] = [claim for claim in row[part] if claim["flow"] not in hidden]
        shown[kind] = rows
    return Json({**shown, "problem": scheduler.slots.problem})


async def events(request: Request) -> Response:
    after = number_of(request, "after", 0, 1 << 60)
    limit = limit_of(request, 100, PAGE_LIMIT)
    reference = request.query_params.get("execution")

    context = context_of(request)
    hidden = await context.gate.hidden(caller_of(request))

    def look(history: History) -> tuple[list[dict[str, Any]], int]:
        ord_ = None if reference is None else history.find(reference)
        return history.events_after(after, limit, ord_, hidden)

    found, last = await context.service.reader(look)
    return Json({"events": found, "next": last})
