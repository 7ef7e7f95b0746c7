"""Routes of secrets: names and ages out, values in; no route gives a value back."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.secrets import Secrets
from engine.server.app import Json
from engine.server.routes import body_of, context_of


class SecretRequest(msgspec.Struct):
    """A secret's value; msgspec's own complaints about it would quote nothing of it."""

    value: str


async def names(request: Request) -> Response:
    return Json({"secrets": _secrets(request).rows()})


async def put(request: Request) -> Response:
    wanted = await body_of(request, SecretRequest)
    name, actor = request.path_params["name"], request.state.actor
    return Json(await _secrets(request).set(name, wanted.value, actor))


async def remove(request: Request) -> Response:
    return Json(await _secrets(request).remove(request.path_params["name"], request.state.actor))


async def rotate(request: Request) -> Response:
    return Json(await _secrets(request).rotate(request.state.actor))


def _secrets(request: Request) -> Secrets:
    return context_of(request).service.secrets
