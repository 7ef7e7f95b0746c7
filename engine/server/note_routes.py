"""Routes for notes on executions and steps."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import UnknownReference
from engine.notes import Notes
from engine.server.app import Json
from engine.server.gate import caller_of
from engine.server.routes import body_of, context_of, limit_of

PAGE_LIMIT = 1000


class NoteRequest(msgspec.Struct):
    """A note to write; `step` is a path."""

    text: str
    step: str | None = None


def notes_of(request: Request) -> Notes:
    """The notes of this engine."""
    return context_of(request).notes


async def notes(request: Request) -> Response:
    return Json({"notes": await notes_of(request).of(request.path_params["ref"])})


async def add(request: Request) -> Response:
    wanted = await body_of(request, NoteRequest)
    reference = request.path_params["ref"]
    caller = caller_of(request)
    return Json(await notes_of(request).add(reference, wanted.step, wanted.text, caller), 201)


async def edit(request: Request) -> Response:
    wanted = await body_of(request, NoteRequest)
    number, reference = _number(request), request.path_params["ref"]
    return Json(await notes_of(request).edit(reference, number, wanted.text, caller_of(request)))


async def remove(request: Request) -> Response:
    number = _number(request)
    await notes_of(request).remove(request.path_params["ref"], number, caller_of(request))
    return Json({"removed": number})


async def search(request: Request) -> Response:
    query = request.query_params
    hidden = await context_of(request).gate.hidden(caller_of(request))
    limit = limit_of(request, 50, PAGE_LIMIT)
    found = await notes_of(request).search(
        query.get("text") or "", query.get("flow") or None, limit, hidden
    )
    return Json({"notes": found})


def _number(request: Request) -> int:
    text = request.path_params["note"]
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise UnknownReference(f"there is no note {text!r}", "`wingman note REF` lists them")
    return int(text)
