"""Answers to changes that were asked for with a key, in the journal: they hold over a death.

The mark that a key was used is written with the change itself; its answer a moment later. Where
the engine died between the two, the change is known to be done and is told as it stands now.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.journal.database import queries
from engine.journal.history import History
from engine.journal.note_rows import notes_of
from engine.jsontext import encode
from engine.service import Service

KEPT_US = 24 * 3600 * 1_000_000
FORGET_US = 3600 * 1_000_000  # how often those that are older are forgotten
BODY_LIMIT_BYTES = 64 << 10
# what these answer, or are asked with, is written nowhere
UNWRITTEN = ("/v1/tokens", "/v1/secrets")


class Found(NamedTuple):
    """A change that was made."""

    request: str
    status: int | None
    body: str | None


class Kept:
    """The answers of one engine's journal."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._forgot_at_us = 0

    @staticmethod
    def name(whose: str, key: str) -> str:
        """What a key of a user is kept under."""
        return hashlib.sha256(f"{whose}\0{key}".encode()).hexdigest()

    @staticmethod
    def may_be_written(path: str) -> bool:
        """Whether an answer may stand in the journal."""
        return not path.startswith(UNWRITTEN)

    async def find(self, name: str) -> Found | None:
        """What is known of a key."""

        def look(history: History) -> Any:
            return history.connection.execute(queries()["find_taken"], (name,)).fetchone()

        row = await self._service.reader(look)
        return Found(*row) if row else None

    def keep(self, name: str, response: Response) -> None:
        """Write an answer down, with the next commit."""
        body = bytes(response.body)
        text = body.decode() if len(body) <= BODY_LIMIT_BYTES else "{}"
        self._service.journal.add_row("answer_taken", [name, response.status_code, text])
        now_us = self._service.now_us()
        if now_us - self._forgot_at_us > FORGET_US:
            self._forgot_at_us = now_us
            self._service.journal.add_row("forget_taken", [now_us - KEPT_US])

    async def answer(self, found: Found, request: Request, whose: str) -> Response:
        """The answer that was given, else what there is to say of what was done."""
        if found.status is not None and found.body is not None:
            return _json(found.body.encode(), found.status)
        reference = request.path_params.get("ref")
        if reference is None:
            return _json(b"{}", 200)
        return _json(await self._service.reader(lambda h: _as_it_stands(h, request, whose)), 200)


def _as_it_stands(history: History, request: Request, whose: str) -> bytes:
    """An execution, or the newest note of a user beside it."""
    ord_ = history.find(request.path_params["ref"])
    if request.url.path.endswith("/notes"):
        mine = [note for note in notes_of(history, ord_) if note["by"] == whose]
        return encode(mine[-1] if mine else {})
    row = history.rows([ord_])[0]
    return msgspec.json.encode({name: row[name] for name in ("id", "flow", "number", "state")})


def _json(body: bytes, status: int) -> Response:
    return Response(body, status, media_type="application/json")
