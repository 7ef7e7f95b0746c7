"""The ASGI application: routes, errors as JSON. Starlette; made once by `engine.life`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from engine.errors import NotAllowed, StorageError, WingmanError
from engine.jsontext import encode
from engine.server.context import Context
from engine.server.gate import Guarded, GuardedSocket
from engine.server.routing import Table


class Json(Response):
    """A JSON answer."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return encode(content)


def make_app(context: Context) -> Starlette:
    """All routes on one engine's parts."""
    from engine.server.table import ROUTES

    app = Starlette(
        routes=only_guarded(ROUTES),
        exception_handlers={
            WingmanError: _wingman_error,
            HTTPException: _http_error,
            msgspec.ValidationError: _invalid,
            msgspec.DecodeError: _invalid,
        },
    )
    app.router = Table(app.router.routes)
    app.state.context = context
    app.state.gate = context.gate
    return app


def only_guarded(routes: Sequence[BaseRoute]) -> list[BaseRoute]:
    """The routes, when each says what it needs of its caller: nothing is open by oversight."""
    for route in routes:
        if not isinstance(route, Guarded | GuardedSocket):
            raise TypeError(f"{route!r} does not say who may use it: see engine.server.gate")
    return list(routes)


async def _wingman_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, WingmanError)
    if isinstance(error, NotAllowed):
        request.app.state.gate.note_refusal(request, error)
    status = 503 if isinstance(error, StorageError) else error.status
    return Json({"error": error.to_json()}, status)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    body = {"code": "http", "message": error.detail, "hint": "see /v1/openapi.json", "details": {}}
    return Json({"error": body}, error.status_code, headers=error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    body = {"code": "usage", "message": f"the request's body: {error}", "hint": "", "details": {}}
    return Json({"error": body}, 400)
