"""Requests of those who are not the engine's owner: served for as long as they may.

A token that is revoked or has expired, and a role that sinks, end all that is open by them. When a
flow's file hides it from a caller, what is read of it ends: a followed log, a wait, a feed (which
its console opens anew, on what is left). Who still may is not disturbed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Send

from engine.access.access import Access, Needs
from engine.access.roles import Caller
from engine.errors import NotAllowed, Unauthenticated, UnknownReference, WingmanError
from engine.jsontext import encode

REVOKED_CODE = 4401  # of a WebSocket that is closed because its caller may not any more
READING = ("GET", "HEAD")

Check = Callable[[Caller, Needs, HTTPConnection], Awaitable[None]]


class OpenRequests:
    """All of one engine. `check` raises for a caller who may not read what a request is about."""

    def __init__(self, access: Access, check: Check) -> None:
        self._access = access
        self._check = check
        self._open: set[_Open] = set()
        access.on_change = self._changed

    def __len__(self) -> int:
        return len(self._open)

    def check_still(self, caller: Caller) -> None:
        """Raises Unauthenticated where a token ended while its rights were looked at."""
        if not self._access.users.still(caller):
            raise _changed_for()

    async def serve(
        self,
        caller: Caller,
        needs: Needs,
        app: ASGIApp,
        connection: HTTPConnection,
        receive: Receive,
        send: Send,
    ) -> None:
        """Serve until it is done, or until its caller may not any more."""
        opened = _Open(caller, needs, connection, self._access.hidden(caller), send)
        opened.task = asyncio.ensure_future(app(connection.scope, receive, opened.send))
        self._open.add(opened)
        expires_s = self._access.users.expires_in_s(caller)
        loop = asyncio.get_running_loop()
        timer = None if expires_s is None else loop.call_later(expires_s, opened.drop)
        try:
            await opened.task
        except asyncio.CancelledError:
            if opened.dropped is None:
                opened.task.cancel()
                raise
            await opened.finish()
        finally:
            if timer is not None:
                timer.cancel()
            if opened.doubt is not None:
                opened.doubt.cancel()
            self._open.discard(opened)

    def _changed(self, user: str | None) -> None:
        """Rights have changed: of a user, or by what a flow's file says (None)."""
        for opened in list(self._open):
            caller = opened.caller
            if user is not None:
                if caller.name == user and not self._access.users.still(caller):
                    opened.drop()
            elif caller.role == "admin":
                continue
            elif opened.is_socket:
                if opened.has_begun and self._access.hidden(caller) != opened.hidden:
                    opened.drop()
            elif opened.is_reading and opened.needs.about and opened.doubt is None:
                opened.doubt = asyncio.ensure_future(self._ask_again(opened))

    async def _ask_again(self, opened: _Open) -> None:
        try:
            await self._check(opened.caller, opened.needs, opened.connection)
        except (NotAllowed, UnknownReference) as error:
            opened.drop(error)
        finally:
            opened.doubt = None


class _Open:
    """One request."""

    def __init__(
        self,
        caller: Caller,
        needs: Needs,
        connection: HTTPConnection,
        hidden: frozenset[str],
        send: Send,
    ) -> None:
        self.caller = caller
        self.needs = needs
        self.connection = connection
        self.hidden = hidden
        self.is_socket = connection.scope["type"] == "websocket"
        self.is_reading = connection.scope.get("method") in READING
        self.has_begun = False
        self.dropped: WingmanError | None = None
        self.doubt: asyncio.Future[None] | None = None  # whether its caller still may
        self.task: asyncio.Future[None]
        self._send = send

    async def send(self, message: Message) -> None:
        await self._send(message)
        self.has_begun = True

    def drop(self, error: WingmanError | None = None) -> None:
        """End it: its caller may not go on."""
        self.dropped = error or _changed_for()
        self.task.cancel()

    async def finish(self) -> None:
        """Tell the client why, as far as it still can be told."""
        assert self.dropped is not None
        if self.is_socket and self.has_begun:
            reason = self.dropped.message
            await self._send({"type": "websocket.close", "code": REVOKED_CODE, "reason": reason})
        elif self.has_begun:
            await self._send({"type": "http.response.body", "body": b""})
        else:
            await answer(self._send, self.connection.scope["type"], self.dropped)


def _changed_for() -> Unauthenticated:
    return Unauthenticated("what this token may has changed", "ask again")


async def answer(send: Send, type_: str, error: WingmanError) -> None:
    """An error as JSON, also to a WebSocket that is not accepted."""
    kind = "websocket.http.response" if type_ == "websocket" else "http.response"
    headers = [(b"content-type", b"application/json")]
    await send({"type": f"{kind}.start", "status": error.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": encode({"error": error.to_json()})})
