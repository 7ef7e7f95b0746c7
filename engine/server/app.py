"""The ASGI application: routes, errors as JSON. Starlette; made once by `engine.life`."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from engine.errors import StorageError, WingmanError
from engine.jsontext import encode
from engine.server.context import Context


class Json(Response):
    """A JSON answer."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return encode(content)


def make_app(context: Context) -> Starlette:
    """All routes on one engine's parts."""
    app = Starlette(
        routes=_routes(),
        exception_handlers={
            WingmanError: _wingman_error,
            HTTPException: _http_error,
            msgspec.ValidationError: _invalid,
            msgspec.DecodeError: _invalid,
        },
    )
    app.router.redirect_slashes = False  # what is not there is said to be not there
    app.state.context = context
    return app


def _routes() -> list[BaseRoute]:
    from engine.server import (
        approval_routes,
        feed,
        insight_routes,
        log_find,
        log_routes,
        openapi,
        rehearsal_routes,
        resume_routes,
        routes,
        secret_routes,
        system_routes,
    )

    return [
        Route("/healthz", routes.health, name="healthz"),
        Route("/v1/engine", routes.engine),
        Route("/v1/engine/log", system_routes.log),
        Route("/v1/doctor", system_routes.doctor),
        Route("/v1/engine/stop", routes.stop, methods=["POST"]),
        Route("/v1/executions", routes.executions, methods=["GET"]),
        Route("/v1/executions", routes.start, methods=["POST"]),
        Route("/v1/executions/{ref}", routes.execution),
        Route("/v1/executions/{ref}/logs", log_routes.stream),
        Route("/v1/executions/{ref}/logs/lines", log_routes.lines),
        Route("/v1/executions/{ref}/logs/find", log_find.find),
        Route("/v1/executions/{ref}/definition", routes.definition),
        Route("/v1/executions/{ref}/why", insight_routes.why),
        Route("/v1/executions/{ref}/diff", insight_routes.diff),
        Route("/v1/executions/{ref}/timeline", insight_routes.timeline),
        Route("/v1/executions/{ref}/resume", resume_routes.start, methods=["POST"]),
        Route("/v1/executions/{ref}/resume/plan", resume_routes.plan, methods=["POST"]),
        Route("/v1/executions/{ref}/fix", resume_routes.fix, methods=["GET"]),
        Route("/v1/executions/{ref}/fix", resume_routes.save_fix, methods=["POST"]),
        Route("/v1/executions/{ref}/approve", approval_routes.approve, methods=["POST"]),
        Route("/v1/executions/{ref}/reject", approval_routes.reject, methods=["POST"]),
        Route("/v1/executions/{ref}/{verb}", routes.act, methods=["POST"]),
        Route("/v1/flows", routes.flows),
        Route("/v1/flows/{name}", routes.flow),
        Route("/v1/flows/{name}/why", insight_routes.why_flow),
        Route("/v1/flows/{name}/debug", routes.flow_debug, methods=["POST"]),
        Route("/v1/plan", rehearsal_routes.plan, methods=["POST"]),
        Route("/v1/validate", routes.validate, methods=["POST"]),
        Route("/v1/machine", routes.machine),
        Route("/v1/pools", routes.pools),
        Route("/v1/secrets", secret_routes.names),
        Route("/v1/secrets/rotate", secret_routes.rotate, methods=["POST"]),
        Route("/v1/secrets/{name}", secret_routes.put, methods=["PUT"]),
        Route("/v1/secrets/{name}", secret_routes.remove, methods=["DELETE"]),
        Route("/v1/events", routes.events),
        Route("/v1/openapi.json", openapi.document),
        WebSocketRoute("/v1/feed", feed.endpoint),
    ]


async def _wingman_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, WingmanError)
    status = 503 if isinstance(error, StorageError) else error.status
    return Json({"error": error.to_json()}, status)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    body = {"code": "http", "message": error.detail, "hint": "see /v1/openapi.json", "details": {}}
    return Json({"error": body}, error.status_code, headers=error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    body = {"code": "usage", "message": f"the request's body: {error}", "hint": "", "details": {}}
    return Json({"error": body}, 400)
