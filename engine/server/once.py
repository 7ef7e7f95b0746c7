"""A change that is asked for twice with one Idempotency-Key is made once, and answered twice.

For a client whose line was cut after its request was taken: it asks again with the same key.
Answers are kept in memory for a while, and in the journal for a day (`kept`); the keys of new
executions stand in their own events, see `engine.once`.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from engine.errors import UsageError
from engine.origin import Asked, asked
from engine.request import other_request
from engine.server.kept import Kept
from engine.triggers.trigger import KEY_PREFIX

HEADER = "idempotency-key"
KEPT = 1000  # answers, at most
KEPT_S = 600.0
BODY_LIMIT_BYTES = 4 << 20
Endpoint = Callable[[Request], Awaitable[Any]]


def key_of(request: Request) -> str | None:
    """The request's key. Raises UsageError for what is none."""
    key = request.headers.get(HEADER)
    if key is not None and not 0 < len(key) <= 200:
        raise UsageError("an Idempotency-Key has 1 to 200 characters")
    if key is not None and key.startswith(KEY_PREFIX):
        raise UsageError(f"no Idempotency-Key begins with {KEY_PREFIX}", "these are of triggers")
    return key


class Taken:
    """The requests with a key that have been taken, and their answers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answers: OrderedDict[tuple[str, str], _Entry] = OrderedDict()

    async def answer(
        self, whose: str, key: str, digest: str, make: Callable[[], Awaitable[Response]]
    ) -> Response:
        """The answer to this request: the one it got already, else a new one.

        Raises Conflict when the key belongs to another request.
        """
        self._forget()
        entry = self._answers.get((whose, key))
        if entry is None:
            future = asyncio.ensure_future(make())
            entry = self._answers[whose, key] = _Entry(digest, future, self._clock())
            future.add_done_callback(lambda done: self._drop_failed((whose, key), done))
        elif entry.digest != digest:
            raise other_request(key)
        return await asyncio.shield(entry.future)

    def _drop_failed(self, key: tuple[str, str], done: asyncio.Future[Response]) -> None:
        """What was refused has changed nothing: the next one asks anew."""
        if done.cancelled() or done.exception() is not None or done.result().status_code >= 400:
            self._answers.pop(key, None)

    def _forget(self) -> None:
        oldest_s = self._clock() - KEPT_S
        while self._answers:
            key, entry = next(iter(self._answers.items()))
            if not entry.future.done():
                return
            if len(self._answers) < KEPT and entry.at_s >= oldest_s:
                return
            del self._answers[key]


class _Entry:
    def __init__(self, digest: str, future: asyncio.Future[Response], at_s: float) -> None:
        self.digest = digest
        self.future = future
        self.at_s = at_s


def once(endpoint: Endpoint) -> Endpoint:
    """The endpoint of a change, made at most once for each key."""

    @functools.wraps(endpoint)
    async def answer(request: Request) -> Any:
        key = key_of(request)
        if key is None:
            return await endpoint(request)
        body = await _body_of(request)
        digest = hashlib.sha256(f"{request.method} {request.url.path}\0".encode() + body)
        taken: Taken = request.app.state.gate.taken
        caller = request.state.caller.name
        return await taken.answer(
            caller, key, digest.hexdigest(), lambda: _found_or_made(endpoint, request, caller, key)
        )

    return answer


async def _found_or_made(endpoint: Endpoint, request: Request, caller: str, key: str) -> Response:
    """What was answered before an engine's death, else what the endpoint answers."""
    kept: Kept = request.app.state.gate.kept
    response: Response
    if not kept.may_be_written(request.url.path):
        response = await endpoint(request)
        return response
    of = f"{request.method} {request.url.path}\0{key}\0".encode() + request._body
    mark = Asked(kept.name(caller, key), hashlib.sha256(of).hexdigest())
    found = await kept.find(mark.id)
    if found is not None:
        if found.request != mark.request:
            raise other_request(key)
        return await kept.answer(found, request, caller)
    asked.set(mark)  # in this task alone
    response = await endpoint(request)
    if mark.is_marked and response.status_code < 400:
        kept.keep(mark.id, response)
    return response


async def _body_of(request: Request) -> bytes:
    """The body, kept for the endpoint. Raises UsageError for one that is too large."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > BODY_LIMIT_BYTES:
            raise UsageError(f"the request's body is larger than {BODY_LIMIT_BYTES} bytes")
    request._body = bytes(data)  # as Request.body() does, which knows no limit
    return request._body
