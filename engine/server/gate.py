"""Every request passes here: who asks, may they, and for as long as they may. HTTP and WebSocket.

A route is a `Guarded` or `GuardedSocket`, which cannot be made without saying what it needs; the
app takes no others. On the engine's own socket the kernel says who asks (SO_PEERCRED); a bearer
token says it anywhere, and goes before that: it may be used to have fewer rights.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from starlette.requests import HTTPConnection, Request
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.access.access import Needs, refused
from engine.access.roles import Caller
from engine.errors import NotAllowed, Unauthenticated, UnknownReference, UsageError
from engine.origin import origin
from engine.server.kept import Kept
from engine.server.once import Taken, once
from engine.server.open_requests import OpenRequests, answer
from engine.server.veil import VeiledSend
from engine.service import Service

BEARER = "bearer "
REFUSAL_PAUSE_S = 10.0  # the same refusal is written down once in this time
REFUSALS_KEPT = 1000
QUERIED = ("against", "execution")  # what a query may name executions by

PUBLIC = Needs("")  # without a caller
VIEW = Needs("viewer")
OPERATE = Needs("operator")
EDIT = Needs("editor")
START = Needs("viewer")  # the route asks about the flow: it may be for this user by name
ADMIN = Needs("admin")
VIEW_EXECUTION = Needs("viewer", "view", "ref")
RUN_EXECUTION = Needs("operator", "run", "ref")
EDIT_EXECUTION = Needs("editor", "", "ref")
VIEW_FLOW = Needs("viewer", "view", "name")
RUN = Needs("operator", "run")
RUN_FLOW = Needs("operator", "run", "name")
EDIT_FLOW = Needs("editor", "", "name")

Endpoint = Callable[[Request], Awaitable[Any]]


class Guarded(Route):
    """An HTTP route that says what it needs. A change is made once for each Idempotency-Key.

    `journaled` is one that keeps its keys in the journal itself.
    """

    def __init__(
        self,
        path: str,
        endpoint: Endpoint,
        needs: Needs,
        *methods: str,
        journaled: bool = False,
    ) -> None:
        if methods and needs is not PUBLIC and not journaled:
            endpoint = once(endpoint)
        super().__init__(path, endpoint, methods=list(methods) or ["GET"])
        self.app = _answering(endpoint)
        self.needs = needs

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)  # says which there are
            return
        await scope["app"].state.gate.admit(self.needs, self.app, scope, receive, send)


class GuardedSocket(WebSocketRoute):
    """A WebSocket route that says what it needs."""

    def __init__(self, path: str, endpoint: Callable[[Any], Any], needs: Needs) -> None:
        super().__init__(path, endpoint)
        self.needs = needs

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["app"].state.gate.admit(self.needs, self.app, scope, receive, send)


def _answering(endpoint: Endpoint) -> ASGIApp:
    """An endpoint as an app; what it raises is answered further out, where all errors are."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)

    return app


def check_may_edit(caller: Caller) -> None:
    """Raises NotAllowed for who may not say what is run."""
    if not caller.is_at_least(EDIT.role):
        raise refused(caller, f"the role {EDIT.role}")


def caller_of(connection: HTTPConnection) -> Caller:
    """Who asks; set by the gate."""
    caller: Caller = connection.state.caller
    return caller


class Gate:
    """Lets requests pass, for as long as their caller may."""

    def __init__(self, service: Service) -> None:
        self._access = access = service.permissions.access
        self.users = access.users
        self._service = service
        self._permissions = service.permissions
        self.only_shows = False  # an archive: whoever asks may look, and no more
        self.taken = Taken()
        self.kept = Kept(service)
        self._open = OpenRequests(access, self._still)
        self._refused: dict[tuple[str, ...], float] = {}

    async def admit(
        self, needs: Needs, app: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve a request if its caller may. Raises NotAllowed, UnknownReference."""
        if needs is PUBLIC:
            await app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            caller = scope["state"]["caller"] = self._identify(connection)
            scope["state"]["actor"] = caller.name
            origin.set(caller.origin)
            self._access.check_role(caller, needs)
            await self._check_about(caller, needs, connection)
            if not caller.is_owner:
                self._open.check_still(caller)
        except NotAllowed as error:
            if scope["type"] != "websocket":
                raise  # the app answers it, and notes it like those that a route finds out
            self.note_refusal(connection, error)
            await answer(send, scope["type"], error)
            return
        if hidden := self._access.hidden(caller):
            send = VeiledSend(send, hidden)
        if not caller.is_owner:
            await self._open.serve(caller, needs, app, connection, receive, send)
        else:
            await app(scope, receive, send)

    # -- who ---------------------------------------------------------------------------------

    def _identify(self, connection: HTTPConnection) -> Caller:
        state = connection.scope["state"]
        given = None
        for name, value in connection.scope["headers"]:
            if name == b"authorization":
                given = value.decode("latin-1")
                break
        if given is not None:
            return self._by_header(given, _address(connection))
        if "uid" in state:
            caller = self._access.users.by_uid(state["uid"], state["user"])
            return replace(caller, role="viewer") if self.only_shows else caller
        raise Unauthenticated(
            "this server asks for a token", "wingman token create on the server makes one"
        )

    def _by_header(self, given: str, where: str) -> Caller:
        if not given.lower().startswith(BEARER):
            raise Unauthenticated("this is no bearer token", "Authorization: Bearer wm_…")
        return self._access.users.by_token(given[len(BEARER) :].strip(), where)

    def token_in(self, given: str) -> str:
        """The id of the token that works in an Authorization header; nothing for any other."""
        try:
            return self._by_header(given, "").token
        except Unauthenticated:
            return ""

    # -- what --------------------------------------------------------------------------------

    async def _check_about(self, caller: Caller, needs: Needs, connection: HTTPConnection) -> None:
        """Check the right to what the path, or the query, names.

        What a reference means for this caller is put in its place: the route sees the id.
        """
        if caller.role == "admin":
            return
        scope, query = connection.scope, connection.query_params.multi_items()
        if needs.about == "ref":
            found = await self.check_execution(caller, needs, connection.path_params["ref"])
            scope["path_params"] = {**scope["path_params"], "ref": found}
        elif needs.about == "name":
            await self.check_flow(caller, needs, connection.path_params["name"])
        named = [n for n, (key, value) in enumerate(query) if key in QUERIED and value]
        for n in named:
            key, reference = query[n]
            query[n] = (key, await self.check_execution(caller, VIEW_EXECUTION, reference))
        if named:
            scope["query_string"] = urlencode(query).encode()

    async def check_execution(self, caller: Caller, needs: Needs, reference: str) -> str:
        """Check the right to an execution, and give its id; what may not be seen is not there."""
        if caller.role == "admin":
            return reference
        hidden = await self.hidden(caller)
        execution_id, flow = await self._service.named(reference, hidden)
        try:
            await self.check_flow(caller, needs, flow)
        except UnknownReference:
            raise UnknownReference(f"there is no execution {reference!r}") from None
        return execution_id

    async def check_flow(self, caller: Caller, needs: Needs, flow: str) -> None:
        """Check the right to a flow, as its file is now."""
        if caller.role == "admin":
            return
        await self._permissions.learn(flow)
        try:
            self._access.check_flow(caller, needs, flow)
        except UnknownReference:
            raise UnknownReference(f"there is no flow named {flow}") from None

    async def who_may(self, caller: Caller, needs: Needs, flow: str) -> str:
        """Whom this is for, in words, where it is not for the caller; empty where it is."""
        await self._permissions.learn(flow)
        return self._access.who_may(caller, needs, flow)

    async def check_start(self, caller: Caller, wanted: dict[str, Any]) -> None:
        """Check the right to start a flow by its name, or by a text.

        Whoever may start any text can do whatever the engine's user can: that is for editors. The
        text of a flow's own file, as it is, is the flow.
        """
        if caller.role == "admin":
            return
        if wanted.get("text") is None:
            await self.check_flow(caller, RUN, wanted.get("flow") or "")
            return
        text, source = await self._service.definition_text(wanted)
        name = (await self._service.library.compile(text, source))["name"]
        if not await self._is_file_of(name, text):
            check_may_edit(caller)
        await self.check_flow(caller, RUN, name)

    async def _is_file_of(self, flow: str, text: bytes) -> bool:
        try:
            return (await self._service.library.find(flow)).text == text
        except UsageError:
            return False

    async def hidden(self, caller: Caller) -> frozenset[str]:
        """The flows that a caller may not see, as the files are now."""
        if caller.role != "admin":
            await self._permissions.learn()
        return self._access.hidden(caller)

    # -- for how long ------------------------------------------------------------------------

    async def _still(self, caller: Caller, needs: Needs, connection: HTTPConnection) -> None:
        """Check the right to read what a request is about once more; raises as the first time."""
        if needs.about == "ref":
            about = connection.scope["state"].get("about") or connection.path_params["ref"]
            await self.check_execution(caller, VIEW_EXECUTION, about)
        else:
            await self.check_flow(caller, VIEW_FLOW, connection.path_params["name"])

    async def files_changed(self) -> None:
        """Flow files are others: where requests of others are open, know what they allow now."""
        if len(self._open):
            await self._permissions.learn()

    # -- refusals ----------------------------------------------------------------------------

    def note_refusal(self, connection: HTTPConnection, error: NotAllowed) -> None:
        """Into the audit; the same again and again only now and then: it must fill no disk."""
        caller: Caller | None = connection.scope["state"].get("caller")
        name = caller.name if caller else "unknown"
        where = caller.origin if caller else _address(connection)
        method = connection.scope.get("method", "WS")
        subject = f"{method} {connection.url.path}"[:200]
        key = (name, where, "" if caller is None else subject)
        now = time.monotonic()
        if now - self._refused.get(key, -REFUSAL_PAUSE_S) < REFUSAL_PAUSE_S:
            return
        if len(self._refused) >= REFUSALS_KEPT:
            self._refused.clear()
        self._refused[key] = now
        origin.set(where)
        at_us = self._service.now_us()
        self._service.journal.add_audit(at_us, name, "refused", subject, error.message)


def _address(connection: HTTPConnection) -> str:
    if "uid" in connection.scope["state"]:
        return "socket"
    return connection.client.host if connection.client else "unknown"
