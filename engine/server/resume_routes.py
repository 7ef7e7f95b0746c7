"""Routes of `resume`: plan, start, saving a fix that has proved itself. See `engine.resume`."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import UsageError
from engine.request import SOURCE_LIMIT
from engine.resume.promote import Promotion
from engine.resume.shapes import ResumeRequest
from engine.resume.start import Resumption, Wanted
from engine.server.app import Json
from engine.server.gate import RUN_EXECUTION, caller_of, check_may_edit
from engine.server.once import key_of
from engine.server.routes import body_of, context_of


class SaveFixRequest(msgspec.Struct):
    """The body of saving a fix; it may be left out."""

    reason: str = ""


async def plan(request: Request) -> Response:
    wanted = await _wanted(request)
    return Json(await _resumption(request).plan(request.path_params["ref"], wanted))


async def start(request: Request) -> Response:
    wanted = await _wanted(request)
    if wanted.text is not None:
        check_may_edit(caller_of(request))
    reference, actor = request.path_params["ref"], request.state.actor
    answer = await _resumption(request).start(reference, wanted, actor, key_of(request))
    return Json(answer, 201)


async def fix(request: Request) -> Response:
    found = await _promotion(request).look(request.path_params["ref"])
    return Json(found.to_json())


async def save_fix(request: Request) -> Response:
    wanted = await body_of(request, SaveFixRequest)
    context, reference = context_of(request), request.path_params["ref"]
    # its text says what it may do to whom
    await context.gate.check_execution(caller_of(request), RUN_EXECUTION, reference)
    saved = await _promotion(request).save(reference, request.state.actor, wanted.reason)
    return Json(saved)


def _promotion(request: Request) -> Promotion:
    context = context_of(request)
    return Promotion(context.service, context.pushing)


def _resumption(request: Request) -> Resumption:
    context = context_of(request)
    return Resumption(context.service, context.home)


async def _wanted(request: Request) -> Wanted:
    body = await body_of(request, ResumeRequest)
    if len(body.get("label", "")) > SOURCE_LIMIT or "\0" in body.get("label", ""):
        raise UsageError("the label is no file's path", "leave it out")
    return msgspec.convert(dict(body), Wanted)
