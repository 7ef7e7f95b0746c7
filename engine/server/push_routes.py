"""Routes that put a flow's text onto this server: look, push or roll back, former versions."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from engine.push.push import Pushing
from engine.push.shapes import LookRequest, PushRequest
from engine.server.app import Json
from engine.server.gate import RUN, caller_of
from engine.server.routes import body_of, context_of


async def look(request: Request) -> Response:
    wanted, name = await body_of(request, LookRequest), await _name(request)
    return Json(await _pushing(request).look(name, wanted.text, wanted.to))


async def push(request: Request) -> Response:
    wanted, name = await body_of(request, PushRequest), await _name(request)
    return Json(await _pushing(request).push(name, wanted, request.state.actor))


async def versions(request: Request) -> Response:
    found = await _pushing(request).kept(request.path_params["name"])
    return Json({"versions": found})


async def version(request: Request) -> Response:
    name, version = request.path_params["name"], request.path_params["version"]
    return PlainTextResponse(await _pushing(request).text(name, version))


async def _name(request: Request) -> str:
    """The flow's name, where the caller may also run it: its text says what it may do to whom."""
    name: str = request.path_params["name"]
    await context_of(request).gate.check_flow(caller_of(request), RUN, name)
    return name


def _pushing(request: Request) -> Pushing:
    return context_of(request).pushing
