"""Routes about who may: the caller itself, users, tokens."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.access.users import Users
from engine.server.app import Json
from engine.server.gate import caller_of
from engine.server.routes import body_of, context_of


class UserRequest(msgspec.Struct):
    """A user's role."""

    role: str


class TokenRequest(msgspec.Struct):
    """For whom a token is, and how long it works."""

    user: str
    days: float = 90.0
    label: str = ""


async def me(request: Request) -> Response:
    caller = caller_of(request)
    environment = context_of(request).service.scheduler.environment.now()
    return Json(
        {
            "user": caller.name,
            "role": caller.role,
            "origin": caller.origin,
            "environment": environment.name,
            "production": environment.production,
        }
    )


async def users(request: Request) -> Response:
    return Json({"users": _users(request).rows()})


async def set_user(request: Request) -> Response:
    wanted = await body_of(request, UserRequest)
    name, actor = request.path_params["user"], request.state.actor
    return Json(await _users(request).set(name, wanted.role, actor))


async def remove_user(request: Request) -> Response:
    return Json(await _users(request).remove(request.path_params["user"], request.state.actor))


async def tokens(request: Request) -> Response:
    return Json({"tokens": _users(request).token_rows()})


async def create_token(request: Request) -> Response:
    wanted = await body_of(request, TokenRequest)
    made = await _users(request).create(wanted.user, wanted.days, wanted.label, request.state.actor)
    return Json(made, 201, headers={"Cache-Control": "no-store"})


async def revoke_token(request: Request) -> Response:
    return Json(await _users(request).revoke(request.path_params["id"], request.state.actor))


def _users(request: Request) -> Users:
    return context_of(request).service.permissions.access.users
