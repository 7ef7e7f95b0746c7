"""HTTP routes of logs: a stream of text, and pages of lines."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from engine.server.app import Json


async def stream(request: Request) -> Response:
    return Json({})


async def lines(request: Request) -> Response:
    return Json({})
